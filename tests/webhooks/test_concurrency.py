"""Bookings, the worker and admins at the same moment: none waits in a circle, and no booking is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from peterental.webhooks import service
from peterental.webhooks.model import OFF_AFTER
from peterental.webhooks.sending import LEASE
from tests.calendars.loopback import LoopbackServer, answer
from tests.servers import until_a_session_waits
from tests.webhooks.conftest import Office

Serve = Callable[..., LoopbackServer]

LOCK_ENDPOINT = "SELECT FROM webhook_endpoints FOR NO KEY UPDATE"
"""How every change of an endpoint begins."""


@pytest.fixture
def session(office: Office) -> Iterator[psycopg.Connection[Any]]:
    """A session of another process, in a transaction that the test ends."""
    with psycopg.connect(office.database.url) as connection:
        yield connection


@pytest.fixture
def run() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """A function that runs another one on a thread."""
    with ThreadPoolExecutor(2) as pool:
        yield pool.submit


def test_booking_does_not_wait_for_the_removal_of_an_endpoint(
    office: Office, serve: Serve, session: psycopg.Connection[Any]
) -> None:
    """The foreign key of the delivery would make it wait, and then refuse the booking."""
    office.subscribe(serve(answer()).url())
    session.execute("DELETE FROM webhook_endpoints")
    viewing = office.book()
    session.commit()
    assert office.services.manual.show(viewing.appointment_id, office.admin)[0].status == "confirmed"
    assert office.deliveries() == []


def test_removal_waits_for_a_booking_under_way(
    office: Office, serve: Serve, session: psycopg.Connection[Any], run: Callable[..., Future[Any]]
) -> None:
    issued = office.subscribe(serve(answer()).url())
    viewing = office.book()
    session.execute(
        "INSERT INTO appointment_events (appointment_id, kind, actor, happened_at) VALUES (%s, 'moved', 'phone', NOW())",
        (viewing.appointment_id,),
    )
    removal = run(office.services.webhooks.remove, issued.endpoint.endpoint_id, office.admin)
    until_a_session_waits(office.database.url)
    other = office.book(11)
    session.commit()
    assert removal.result() is None
    assert office.services.webhooks.listing(office.admin) == ()
    assert office.services.manual.show(other.appointment_id, office.admin)[0].status == "confirmed"


def test_removal_deletes_deliveries_in_steps(office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_DELETED", 2)
    kept = office.subscribe(serve(answer()).url("/kept"))
    removed = office.subscribe(serve(answer()).url("/removed"))
    for hour in range(9, 14):
        office.book(hour)
    office.services.webhooks.remove(removed.endpoint.endpoint_id, office.admin)
    assert {delivery.endpoint_id for delivery in office.deliveries()} == {kept.endpoint.endpoint_id}
    assert len(office.deliveries()) == 5


def test_worker_locks_the_endpoint_before_the_delivery(
    office: Office, serve: Serve, session: psycopg.Connection[Any], run: Callable[..., Future[Any]]
) -> None:
    """As an admin who turns it off does, who would else wait for the worker while the worker waits for the admin."""
    issued = office.subscribe(serve(answer(status="500 Broken")).url())
    office.book()
    session.execute(LOCK_ENDPOINT)
    (delivery,) = office.deliveries()
    endpoint = office.services.webhooks.get(issued.endpoint.endpoint_id, office.admin)
    sender = office.services.webhook_sender
    recording = run(lambda: sender._record(endpoint, delivery, sender._attempt(endpoint, delivery)))
    until_a_session_waits(office.database.url)
    session.execute("UPDATE webhook_deliveries SET state = 'failed' WHERE state = 'waiting'")
    session.commit()
    assert recording.result() is None
    assert [one.state for one in office.deliveries()] == ["failed"]


def test_delivering_again_locks_the_endpoint_first(
    office: Office, serve: Serve, session: psycopg.Connection[Any], run: Callable[..., Future[Any]]
) -> None:
    issued = office.subscribe(serve(answer()).url())
    office.book()
    office.deliver(issued)
    session.execute(LOCK_ENDPOINT)
    (delivery,) = office.deliveries()
    again = run(office.services.webhooks.deliver_again, delivery.delivery_id, office.admin)
    until_a_session_waits(office.database.url)
    session.execute("DELETE FROM webhook_deliveries")
    session.rollback()
    assert again.result() == issued.endpoint.endpoint_id


def test_process_that_lost_its_lease_leaves_that_of_the_next_one(office: Office, serve: Serve) -> None:
    """It was stopped for longer than the lease; the endpoint is delivered to by another process by then."""
    taken: list[object] = []
    server = serve(answer())
    issued = office.subscribe(server.url())
    office.book(9)
    office.book(10)
    endpoints = office.services.webhook_sender._endpoints
    attempt = office.services.webhook_sender._attempt

    def slow_attempt(*args: Any) -> Any:
        result = attempt(*args)
        office.clock.forward(seconds=2 * LEASE.total_seconds())
        taken.append(endpoints.lease(issued.endpoint.endpoint_id, office.clock.now, office.clock.now + LEASE))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(office.services.webhook_sender, "_attempt", slow_attempt)
        office.deliver(issued)
    assert taken == [True]
    assert len(server.exchanges) == 1, "the other process delivers the rest"
    assert not endpoints.lease(issued.endpoint.endpoint_id, office.clock.now, office.clock.now + LEASE)


def test_lease_from_before_the_clock_was_set_back_is_free(office: Office, serve: Serve) -> None:
    """A process took it and was killed; its end is an hour away by the clock of now."""
    server = serve(answer())
    issued = office.subscribe(server.url())
    office.book(9)
    endpoints, number = office.services.webhook_sender._endpoints, issued.endpoint.endpoint_id
    assert endpoints.lease(number, office.clock.now, office.clock.now + LEASE)
    assert not endpoints.lease(number, office.clock.now + LEASE / 2, office.clock.now + 2 * LEASE)
    office.database.fetch("UPDATE webhook_endpoints SET leased_until = leased_until + INTERVAL '1 hour'")
    office.deliver(issued)
    assert len(server.exchanges) == 1


def test_delivery_from_before_the_clock_was_set_back_is_due(office: Office, serve: Serve) -> None:
    server = serve(answer(status="500 Broken"), answer())
    issued = office.subscribe(server.url())
    office.book(9)
    office.clock.forward(hours=-1)
    office.database.fetch("DELETE FROM procrastinate_jobs")
    assert office.services.webhook_sender.plan() == 1
    for _ in range(2):  # the failed one waits, by the clock of now
        office.deliver(issued)
    assert [one.state for one in office.deliveries()] == ["waiting"]
    assert len(server.exchanges) == 1


def test_failure_after_a_quiet_week_does_not_turn_off(office: Office, serve: Serve) -> None:
    """One delivery failed for good, nothing happened for days, and the next one fails once."""
    server = serve(*[answer(status="500 Broken")] * 13, answer())
    issued = office.subscribe(server.url())
    office.book(days=60)
    office.deliver(issued)
    office.database.fetch("UPDATE webhook_deliveries SET attempts = 11")
    office.clock.forward(days=3)
    office.deliver(issued)
    assert [one.state for one in office.deliveries()] == ["failed"]
    office.clock.forward(seconds=(OFF_AFTER + timedelta(days=1)).total_seconds())
    office.book(11, days=60)
    office.deliver(issued)
    (endpoint,) = office.services.webhooks.listing(office.admin)
    assert endpoint.is_active


def test_delivery_written_while_an_endpoint_is_turned_off_is_not_made_later(
    office: Office, serve: Serve, session: psycopg.Connection[Any]
) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url())
    viewing = office.book()
    office.deliver(issued)
    session.execute(
        "INSERT INTO appointment_events (appointment_id, kind, actor, happened_at) VALUES (%s, 'moved', 'phone', NOW())",
        (viewing.appointment_id,),
    )
    office.services.webhooks.set_active(issued.endpoint.endpoint_id, office.admin, active=False)
    session.commit()
    office.services.webhooks.set_active(issued.endpoint.endpoint_id, office.admin, active=True)
    office.clock.forward(days=1)
    office.deliver(issued)
    assert len(server.exchanges) == 1
    assert [one.state for one in office.deliveries()] == ["delivered", "failed"]
