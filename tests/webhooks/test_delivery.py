"""Deliveries: written with the change, signed, retried, bounded, and at least once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.appointments.manual.model import ViewingEdit, WallClockTime
from peterental.config import Config
from peterental.privacy.person import Person
from peterental.services import build_services
from peterental.webhooks.model import OFF_AFTER, WAITS, Attempt
from peterental.webhooks.repository import DeliveryRepository
from peterental.webhooks.sending import LEASE, LOST_AFTER, WebhookSender
from tests.calendars.loopback import Exchange, LoopbackServer, answer, redirect
from tests.guillotine import Killed
from tests.notices.office import FakeTransport
from tests.webhooks.conftest import KEY, Office, verified

Serve = Callable[..., LoopbackServer]


def test_nothing_is_written_without_an_endpoint(office: Office) -> None:
    office.book()
    assert office.deliveries() == []
    assert office.jobs() == 0


def test_every_change_is_told_in_order(office: Office, serve: Serve) -> None:
    server = serve(answer(b"thanks"))
    office.clock.forward(days=-4)  # the reference implementation refuses messages from the future
    issued = office.subscribe(server.url("/hook"))
    viewing = office.book()
    moved = WallClockTime(day=viewing.local_start.date(), clock_min=11 * 60)
    office.services.manual.move(viewing.appointment_id, office.seen(viewing), moved, office.admin)
    entry = ViewingEdit(agent_id="ana", property_address="12 Elm Street", attendee_name="Mia", notes="Key at desk")
    office.services.manual.edit(viewing.appointment_id, office.seen(viewing), entry, office.admin)
    office.act(viewing, "cancel")
    office.act(viewing, "reopen")
    office.clock.forward(days=4)
    office.act(viewing, "no_show")
    office.act(viewing, "reopen")
    office.act(viewing, "complete")
    assert office.jobs() == 8
    office.deliver(issued)
    messages = [verified(exchange, issued.secret) for exchange in server.exchanges]
    assert [message["type"].removeprefix("viewing.") for message in messages] == [
        "booked", "moved", "edited", "cancelled", "restored", "no_show", "restored", "completed",
    ]  # fmt: skip
    sequences = [message["data"]["event"]["sequence"] for message in messages]
    assert sequences == sorted(sequences)
    first, second, third = (message["data"] for message in messages[:3])
    assert first["event"]["actor"] == "office@example.com"
    assert first["event"]["old_start"] is None
    assert second["event"]["old_start"] < second["event"]["new_start"]
    assert third["event"]["changes"]["name"] == ["Max Muster", "Mia"]
    # The viewing is as it is now, also in the message of an earlier event.
    assert {message["data"]["viewing"]["status"] for message in messages} == {"completed"}
    assert first["viewing"]["id"] == viewing.appointment_id
    assert first["viewing"]["visitor_name"] == "Mia"
    assert {delivery.state for delivery in office.deliveries()} == {"delivered"}
    assert office.deliveries()[0].answer == "thanks"


def test_endpoint_is_told_only_what_it_wants(office: Office, serve: Serve) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url(), "viewing.cancelled")
    viewing = office.book()
    office.act(viewing, "cancel")
    office.deliver(issued)
    assert [verified(exchange, issued.secret)["type"] for exchange in server.exchanges] == ["viewing.cancelled"]


def test_released_viewing_counts_as_cancelled(office: Office, serve: Serve) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url(), "viewing.cancelled")
    office.services.visitors.release(office.book().appointment_id, lambda _: True)
    office.deliver(issued)
    message = verified(server.exchanges[0], issued.secret)
    assert (message["type"], message["data"]["event"]["kind"]) == ("viewing.cancelled", "released")


def test_refused_booking_leaves_no_delivery(office: Office, serve: Serve) -> None:
    office.subscribe(serve(answer()).url())
    with pytest.raises(ZeroDivisionError), office.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
            VALUES ('ana', NOW(), NOW() + INTERVAL '1 hour', '1 Elm', 'Max')
            """
        )
        connection.execute(
            """
            INSERT INTO appointment_events (appointment_id, kind, actor)
            SELECT id, 'booked', 'phone' FROM appointments
            """
        )
        raise ZeroDivisionError
    assert office.deliveries() == []
    assert office.jobs() == 0


@pytest.mark.parametrize(
    ("status", "is_overloaded"),
    [(None, True), (429, True), (500, True), (599, True), (400, False), (404, False), (410, False), (499, False)],
)
def test_only_an_overloaded_endpoint_holds_up_the_others(status: int | None, *, is_overloaded: bool) -> None:
    """A message that is refused says nothing about the next one."""
    began_at = datetime(2026, 11, 30, tzinfo=UTC)
    failed = Attempt(began_at=began_at, duration_ms=1, status=status, problem="It failed.")
    assert failed.is_overloaded == is_overloaded
    assert failed.is_gone == (status == 410)
    assert not Attempt(began_at=began_at, duration_ms=1, status=status).is_overloaded


@pytest.mark.parametrize(
    ("script", "status", "problem"),
    [
        (answer(b"oops", status="500 Broken"), 500, "It answered 500."),
        (answer(status="404 Not Found"), 404, "It answered 404."),
        (redirect("https://example.com/"), 302, "It answered 302."),
        (lambda exchange: exchange.connection.close(), None, "The connection failed."),
        (lambda exchange: exchange.connection.sendall(answer(b"half", length=100)), None, "The connection failed."),
    ],
)
def test_failed_attempt_is_recorded_and_repeated(
    office: Office, serve: Serve, script: Any, status: int | None, problem: str
) -> None:
    server = serve(script, answer())
    issued = office.subscribe(server.url())
    office.book()
    office.deliver(issued)
    (delivery,) = office.deliveries()
    assert (delivery.state, delivery.attempts, delivery.status, delivery.problem) == ("waiting", 1, status, problem)
    assert delivery.next_attempt_at == office.clock.now + WAITS[0]
    assert office.services.webhooks.listing(office.admin)[0].failing_since == office.clock.now
    office.deliver(issued)
    assert len(server.exchanges) == 1  # not due yet
    office.clock.forward(seconds=5)
    office.deliver(issued)
    (delivery,) = office.deliveries()
    assert (delivery.state, delivery.attempts, delivery.problem) == ("delivered", 2, None)
    ids = {exchange.header("webhook-id") for exchange in server.exchanges}
    assert ids == {delivery.webhook_id}
    assert office.services.webhooks.listing(office.admin)[0].failing_since is None


def test_no_redirect_is_followed(office: Office, serve: Serve) -> None:
    other = serve(answer())
    server = serve(redirect(other.url()))
    office.deliver(office.subscribe(server.url()))
    office.book()
    office.deliver(office.subscribe(server.url("/2")))
    assert other.exchanges == []


def test_attempt_is_bounded_in_time(office: Office, serve: Serve) -> None:
    """A server that hangs, and one that sends a byte now and then, are left after the time limit."""
    for script in (Exchange.hang, lambda exchange: exchange.trickle(b"H")):
        server = serve(script)
        issued = office.subscribe(server.url())
        office.services.webhooks.send_test(issued.endpoint.endpoint_id, office.admin)
        impatient(office).deliver(issued.endpoint.endpoint_id)
        (delivery,) = office.services.webhooks.deliveries(office.admin, issued.endpoint.endpoint_id)
        assert delivery.problem == "No answer within 0.3 seconds."


def impatient(office: Office) -> WebhookSender:
    services = office.services
    keyring = services.webhook_sender._keyring
    return WebhookSender(office.database, keyring, services.jobs, office.clock, allow_private=True, timeout_s=0.3)


def test_large_answer_is_cut_off(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer(b"x" * 3_000_000)).url())
    office.book()
    office.deliver(issued)
    (delivery,) = office.deliveries()
    assert (delivery.state, delivery.answer) == ("delivered", "x" * 1000)


def test_answer_is_stored_as_text(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer(b"a\x00\xffb")).url())
    office.book()
    office.deliver(issued)
    assert office.deliveries()[0].answer == "a\ufffdb"


def test_overloaded_endpoint_is_left_alone(office: Office, serve: Serve) -> None:
    """One attempt shows that it cannot answer; the other deliveries are not tried. It is asked when it asks for."""
    server = serve(answer(status="503 Busy", headers={"Retry-After": "600"}))
    issued = office.subscribe(server.url())
    for hour in (9, 10, 11):
        office.book(hour)
    office.deliver(issued)
    assert len(server.exchanges) == 1
    assert office.deliveries()[0].next_attempt_at == office.clock.now + timedelta(seconds=600)
    office.clock.forward(minutes=2)
    assert office.services.webhook_sender.plan() == 1  # the two others are due, and have a job again
    assert office.services.webhook_sender.plan() == 0  # it waits already


def test_refused_message_does_not_hold_back_others(office: Office, serve: Serve) -> None:
    server = serve(answer(status="400 Bad"), answer())
    issued = office.subscribe(server.url())
    office.book(9)
    office.book(10)
    office.deliver(issued)
    assert [delivery.state for delivery in office.deliveries()] == ["waiting", "delivered"]


def test_gone_endpoint_is_turned_off(office: Office, serve: Serve) -> None:
    server = serve(answer(status="410 Gone"))
    issued = office.subscribe(server.url())
    office.book(9)
    office.book(10)
    office.deliver(issued)
    (endpoint,) = office.services.webhooks.listing(office.admin)
    assert not endpoint.is_active
    assert "410" in str(endpoint.off_reason)
    assert len(server.exchanges) == 1
    assert [delivery.state for delivery in office.deliveries()] == ["failed", "failed"]
    office.book(11)
    assert len(office.deliveries()) == 2


def told(office: Office) -> list[tuple[str, str, str, str | None]]:
    """Return the notices about webhooks: recipient, state, about, reason."""
    query = "SELECT recipient, state, about, reason FROM notices WHERE kind = 'webhook_off' ORDER BY notice_id"
    return [(row["recipient"], row["state"], row["about"], row["reason"]) for row in office.database.fetch(query)]


def test_admins_are_told_once_when_a_webhook_is_turned_off(
    office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = FakeTransport("email", office.clock)
    monkeypatch.setattr("peterental.services.transports", lambda *_: {"email": mails})
    services = build_services(office.database, office.clock, Config(secret_key=KEY, allow_private_addresses=True))
    services.notice_channels.record(services.notice_sender.transports)
    second = services.users.create("eva@example.com", "correct horse battery", "admin")
    services.users.create("ana@example.com", "correct horse battery", "agent")
    gone = services.users.create("gone@example.com", "correct horse battery", "admin")
    services.user_admin.deactivate(gone.user_id, office.admin)
    issued = office.subscribe(serve(answer(status="410 Gone")).url("/a-secret-path"))
    number = issued.endpoint.endpoint_id
    office.book(9)
    office.deliver(issued)
    office.deliver(issued)
    assert [(recipient, state) for recipient, state, *_ in told(office)] == [
        ("office@example.com", "waiting"), ("eva@example.com", "waiting"),
    ]  # fmt: skip
    for row in office.database.fetch("SELECT notice_id FROM notices"):
        services.notice_sender.send(row["notice_id"])
    first = mails.taken[0]
    assert [letter.recipient for letter in mails.taken] == ["office@example.com", "eva@example.com"]
    assert first.subject == "The webhook to 127.0.0.1 was turned off"
    assert "It answered 410 (Gone), which means that it wants no more deliveries." in first.body
    assert f"/webhooks/{number}\n" in first.body
    assert "a-secret-path" not in first.body
    services.webhooks.set_active(number, office.admin, active=True)
    office.clock.forward(hours=1)
    office.book(10)
    office.deliver(issued)
    assert len(told(office)) == 4, "it was turned off again"
    services.user_admin.set_role(second.user_id, "agent", office.admin)
    services.webhooks.set_active(number, office.admin, active=False)
    for row in office.database.fetch("SELECT notice_id FROM notices WHERE state = 'waiting'"):
        services.notice_sender.send(row["notice_id"])
    assert len(mails.taken) == 2, "an admin has left it off by now"
    assert {reason for _, state, _, reason in told(office) if state == "suppressed"} == {
        "A person has settled what to do with the webhook."
    }


def test_letter_about_a_webhook_is_for_those_who_are_admins_when_it_is_sent(
    office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = FakeTransport("email", office.clock)
    monkeypatch.setattr("peterental.services.transports", lambda *_: {"email": mails})
    services = build_services(office.database, office.clock, Config(secret_key=KEY, allow_private_addresses=True))
    services.notice_channels.record(services.notice_sender.transports)
    eva = services.users.create("eva@example.com", "correct horse battery", "admin")
    issued = office.subscribe(serve(answer(status="410 Gone")).url())
    office.book(9)
    office.deliver(issued)
    services.user_admin.set_role(eva.user_id, "agent", office.admin)
    for row in office.database.fetch("SELECT notice_id FROM notices"):
        services.notice_sender.send(row["notice_id"])
    assert [letter.recipient for letter in mails.taken] == ["office@example.com"]
    assert told(office)[1][3] == "The recipient is not an active admin any more."


def test_delivery_is_given_up_after_three_days(office: Office, serve: Serve) -> None:
    server = serve(answer(status="500 Broken"))
    issued = office.subscribe(server.url())
    office.book()
    for wait in (timedelta(), *WAITS):
        office.clock.forward(seconds=wait.total_seconds())
        office.deliver(issued)
    (delivery,) = office.deliveries()
    assert (delivery.state, delivery.attempts) == ("failed", 12)
    assert timedelta(days=2) < sum(WAITS, timedelta()) < timedelta(days=3)
    assert len(server.exchanges) == 12


def test_endpoint_that_fails_for_days_is_turned_off(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer(status="500 Broken")).url())
    office.book(days=20)
    office.deliver(issued)
    office.clock.forward(seconds=OFF_AFTER.total_seconds())
    office.deliver(issued)
    assert office.services.webhooks.get(issued.endpoint.endpoint_id, office.admin).is_active
    office.database.fetch("UPDATE webhook_deliveries SET attempts = 11")  # the next attempt is the last
    office.clock.forward(hours=1)
    office.deliver(issued)
    (endpoint,) = office.services.webhooks.listing(office.admin)
    assert endpoint.off_reason == "It accepted nothing for 5 days. The last problem: It answered 500."
    office.services.webhooks.set_active(endpoint.endpoint_id, office.admin, active=True)
    (endpoint,) = office.services.webhooks.listing(office.admin)
    assert (endpoint.off_reason, endpoint.failing_since) == (None, None)


def test_crash_after_sending_sends_again_with_the_same_id(
    office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url())
    office.book()
    with monkeypatch.context() as patch:
        patch.setattr(DeliveryRepository, "record", killed)
        patch.setattr("peterental.webhooks.repository.EndpointRepository.release", lambda *_: None)
        with pytest.raises(Killed):
            office.deliver(issued)
    office.deliver(issued)  # the vanished process has the lease
    assert len(server.exchanges) == 1
    office.clock.forward(seconds=LEASE.total_seconds())
    office.deliver(issued)
    ids = [exchange.header("webhook-id") for exchange in server.exchanges]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert office.deliveries()[0].state == "delivered"


def killed(*_: object, **__: object) -> None:
    raise Killed


def test_attempt_of_another_process_is_not_recorded_twice(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer()).url())
    office.book()
    (stale,) = office.deliveries()
    office.deliver(issued)
    endpoint = office.services.webhooks.get(issued.endpoint.endpoint_id, office.admin)
    sender = office.services.webhook_sender
    sender._record(endpoint, stale, sender._attempt(endpoint, stale))
    assert office.deliveries()[0].attempts == 1


def test_message_written_during_a_run_is_delivered(
    office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds the lease taken, after the last look of the process that has it."""
    issued = office.subscribe(serve(answer()).url())
    found = DeliveryRepository.next_due
    looks: list[int] = []

    def next_due(repository: DeliveryRepository, *args: Any) -> Any:
        looks.append(1)
        result = found(repository, *args)
        if len(looks) == 1:
            office.book()
        return result

    monkeypatch.setattr(DeliveryRepository, "next_due", next_due)
    jobs = office.jobs()
    office.deliver(issued)
    assert office.jobs() == jobs + 2  # that of the booking, which found the lease taken, and another one


def test_both_secrets_sign_for_a_day_after_a_rotation(office: Office, serve: Serve) -> None:
    server = serve(answer())
    old = office.subscribe(server.url())
    new = office.services.webhooks.rotate(old.endpoint.endpoint_id, office.admin)
    office.book(9)
    office.deliver(old)
    verified(server.exchanges[0], old.secret, new.secret)
    office.clock.forward(days=1)
    office.book(10)
    office.deliver(old)
    assert len(str(server.exchanges[1].header("webhook-signature")).split(" ")) == 1


def test_lost_key_is_named(office: Office, serve: Serve) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url())
    office.database.fetch("UPDATE webhook_endpoints SET secret = %s", ("unreadable",))
    office.book()
    office.deliver(issued)
    assert "CREDENTIALS_KEY has changed" in str(office.deliveries()[0].problem)
    assert server.exchanges == []


def test_private_address_is_refused_after_the_name_is_looked_up(database: Any, serve: Serve) -> None:
    office = Office(database, allow_private=False)
    server = serve(answer())
    issued = office.subscribe("https://hooks.example.com/")
    office.database.fetch("UPDATE webhook_endpoints SET url = %s", (server.url().replace("http:", "https:"),))
    office.book()
    office.deliver(issued)
    assert office.deliveries()[0].problem == "127.0.0.1 is not on the public internet."
    assert server.connections == 0


def test_test_delivery_and_delivering_again(office: Office, serve: Serve) -> None:
    server = serve(answer())
    issued = office.subscribe(server.url())
    number = issued.endpoint.endpoint_id
    office.services.webhooks.send_test(number, office.admin)
    office.deliver(issued)
    message = verified(server.exchanges[0], issued.secret)
    assert (message["type"], message["data"]) == ("webhook.test", {"test": True})
    (delivery,) = office.deliveries()
    assert office.services.webhooks.deliver_again(delivery.delivery_id, office.admin) == number
    office.deliver(issued)
    assert server.exchanges[0].header("webhook-id") == server.exchanges[1].header("webhook-id")


def test_old_deliveries_are_deleted(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer()).url())
    office.book()
    office.deliver(issued)
    office.clock.forward(days=8)
    office.services.webhook_sender.plan()
    assert len(office.deliveries()) == 1
    office.services.webhook_sender.plan(timedelta(days=7))  # KEEP_CALLS_DAYS
    assert office.deliveries() == []


def test_answers_about_a_person_are_deleted(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer(b"Hello Max")).url())
    viewing = office.book()
    office.deliver(issued)
    office.services.persons.delete(Person("phone", "+14055550123"), office.admin, [viewing.appointment_id])
    assert office.deliveries()[0].answer is None
    office.deliver(issued)  # the cancellation, of a viewing without its visitor
    assert office.deliveries()[1].state == "delivered"


def test_answer_that_comes_after_a_deletion_is_not_recorded(office: Office, serve: Serve) -> None:
    """The visitor's data was on its way before. What is delivered afterwards has none of it."""

    def quote(exchange: Exchange) -> None:
        office.services.persons.delete(Person("phone", "+14055550123"), office.admin, [viewing.appointment_id])
        exchange.connection.sendall(answer(b"Hello Max"))

    server = serve(quote, answer(b"Hello"))
    issued = office.subscribe(server.url(), "viewing.booked")
    viewing = office.book()
    office.deliver(issued)
    assert [b"Max" in exchange.body for exchange in server.exchanges] == [True, False]
    (delivery,) = office.deliveries()
    assert (delivery.state, delivery.answer) == ("delivered", "Hello")


def test_deferred_job_is_for_the_next_attempt(office: Office, serve: Serve) -> None:
    issued = office.subscribe(serve(answer(status="500 Broken")).url())
    office.book()
    jobs = office.jobs()
    office.deliver(issued)
    assert office.jobs() == jobs + 1
    due = office.database.fetch("SELECT MAX(scheduled_at) AS due FROM procrastinate_jobs")[0]["due"]
    assert due == office.clock.now + WAITS[0]
    assert office.clock.now - LOST_AFTER < office.clock.now
