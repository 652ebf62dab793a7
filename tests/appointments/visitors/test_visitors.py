"""What visitors see and change: states, free times, races, history and audit log."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import psycopg
import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentInactive, AgentKey
from peterental.appointments.model import (
    AppointmentUnknown,
    BookingRequest,
    CalendarUnavailable,
    OutsideHours,
    SlotTaken,
    SlotUnavailable,
    TimePast,
    TooFar,
    TooSoon,
)
from peterental.appointments.visitors.model import DAYS_PER_PAGE, ViewingChanged, ViewingEnded
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.services import Services
from tests.appointments.visitors.conftest import NOW
from tests.clocks import Clock
from tests.servers import until_a_session_waits

ADMIN = Viewer(1, "office@example.com", is_admin=True)
TEN, ELEVEN = datetime(2026, 11, 23, 16, 0, tzinfo=UTC), datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
"""Monday in Chicago."""


def events(database: Database) -> list[tuple[str, str]]:
    rows = database.fetch("SELECT kind, actor FROM appointment_events ORDER BY event_id")
    return [(row["kind"], row["actor"]) for row in rows]


def audited(services: Services) -> list[tuple[str, str]]:
    return [(entry.actor, entry.change.action) for entry in reversed(services.audit.listing(ADMIN).entries)]


# --- seeing ----------------------------------------------------------------------------------------------------------


def test_visitor_sees_viewing_and_agent(services: Services, insert: Callable[..., int]) -> None:
    view = services.visitors.show(insert(TEN))
    assert (view.state, view.language, view.handover_number) == ("open", "en", "+14055550100")
    assert (view.appointment.start, view.appointment.agent_name) == (TEN, "Ana Reyes")
    assert not view.is_confirmed
    assert view.reinstate_until is None


@pytest.mark.parametrize(
    ("status", "minutes", "state"),
    [
        ("confirmed", 1, "open"),
        ("confirmed", 0, "begun"),
        ("confirmed", -29, "begun"),
        ("confirmed", -30, "over"),
        ("completed", 5, "over"),
        ("no_show", -20, "over"),
        ("cancelled", 60, "cancelled"),
        ("cancelled", -60, "cancelled"),
    ],
)
def test_link_dies_with_the_viewing(
    services: Services, insert: Callable[..., int], status: str, minutes: int, state: str
) -> None:
    """The state depends on how many minutes after now the viewing starts."""
    appointment_id = insert(NOW + timedelta(minutes=minutes), status=status)
    assert services.visitors.show(appointment_id).state == state
    if state != "open":
        with pytest.raises(ViewingEnded):
            services.visitors.move(appointment_id, TEN, NOW + timedelta(minutes=minutes))
        with pytest.raises(ViewingEnded):
            services.visitors.confirm(appointment_id)
        with pytest.raises(ViewingEnded):
            services.visitors.free_days(appointment_id)
        with pytest.raises(ViewingEnded):
            services.visitors.reinstate(appointment_id)


def test_unknown_viewing_is_refused(services: Services) -> None:
    visitors = services.visitors
    for call in (visitors.show, visitors.confirm, visitors.cancel, visitors.reinstate, visitors.free_days):
        with pytest.raises(AppointmentUnknown):
            call(2**31 - 1)


def test_calendar_file_has_the_invitations_uid(services: Services, insert: Callable[..., int]) -> None:
    view = services.visitors.show(insert(TEN, sequence=3))
    text = services.visitors.calendar_file(view, title="Viewing: 12 Oak", description="Line", url="https://x.test/v/1")
    calendar = icalendar.Calendar.from_ical(text)
    (event,) = calendar.walk("VEVENT")
    assert str(calendar["METHOD"]) == "PUBLISH"
    assert str(event["UID"]).startswith(f"viewing-{view.appointment.appointment_id}-")
    assert (event["SEQUENCE"], event.decoded("DTSTART"), event["LOCATION"]) == (3, TEN, "12 Oak Street")
    assert "4055550" not in text.decode(), "no number of the visitor or the agent"


# --- confirming ------------------------------------------------------------------------------------------------------


def test_confirming_twice_is_recorded_once(services: Services, database: Database, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    assert services.visitors.confirm(appointment_id, TEN).confirmed_at == NOW
    assert services.visitors.confirm(appointment_id, TEN).confirmed_at == NOW
    assert services.visitors.show(appointment_id).is_confirmed
    assert events(database) == [("confirmed", "visitor")]
    assert audited(services) == [("visitor", "confirmed")]


def test_confirming_does_not_change_the_revision(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    """Notices and events in calendars of the viewing stay true."""
    appointment_id = insert(TEN)
    services.visitors.confirm(appointment_id)
    assert database.fetch("SELECT sequence FROM appointments") == [{"sequence": 0}]


def test_time_that_was_not_seen_is_not_confirmed(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    for change in (services.visitors.confirm, services.visitors.cancel):
        with pytest.raises(ViewingChanged):
            change(appointment_id, ELEVEN)
    assert services.visitors.show(appointment_id).state == "open"


def test_confirmation_is_of_one_time(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    services.visitors.confirm(appointment_id)
    services.visitors.move(appointment_id, ELEVEN, TEN)
    assert not services.visitors.show(appointment_id).is_confirmed


# --- cancelling ------------------------------------------------------------------------------------------------------


def test_cancelling_twice_is_recorded_once(services: Services, database: Database, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    services.visitors.confirm(appointment_id)
    for _ in range(2):
        assert services.visitors.cancel(appointment_id, TEN).status == "cancelled"
    view = services.visitors.show(appointment_id)
    assert (view.state, view.is_confirmed) == ("cancelled", False)
    assert events(database) == [("confirmed", "visitor"), ("cancelled", "visitor")]
    assert audited(services) == [("visitor", "confirmed"), ("visitor", "cancelled")]


def test_visitors_of_an_inactive_agent_may_cancel_only(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TEN)
    database.fetch("UPDATE agents SET is_active = FALSE")
    with pytest.raises(AgentInactive):
        services.visitors.free_days(appointment_id)
    with pytest.raises(AgentInactive):
        services.visitors.move(appointment_id, ELEVEN, TEN)
    assert services.visitors.cancel(appointment_id).status == "cancelled"


# --- moving ----------------------------------------------------------------------------------------------------------


def test_move_to_an_offered_time(services: Services, database: Database, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN, overlap_allowed=True)
    offered = [start for times in services.visitors.free_days(appointment_id).days.values() for start in times]
    assert ELEVEN in offered
    assert TEN not in offered
    assert TEN + timedelta(minutes=30) in offered, "its own time and the pause after it do not block it"
    moved = services.visitors.move(appointment_id, ELEVEN, TEN)
    assert (moved.start, moved.end) == (ELEVEN, ELEVEN + timedelta(minutes=30))
    assert services.visitors.move(appointment_id, ELEVEN, TEN).start == ELEVEN, "the same form again"
    assert events(database) == [("moved", "visitor")]
    assert audited(services) == [("visitor", "moved")]
    rows = database.fetch("SELECT blocked_until, overlap_allowed, sequence FROM appointments")
    assert rows == [{"blocked_until": ELEVEN + timedelta(minutes=45), "overlap_allowed": False, "sequence": 1}]


@pytest.mark.parametrize(
    ("start", "refusal"),
    [
        (NOW - timedelta(days=1), TimePast),
        (NOW + timedelta(minutes=30), TooSoon),
        (TEN + timedelta(days=300), TooFar),
        (TEN + timedelta(hours=12), OutsideHours),
        (TEN + timedelta(minutes=7), SlotUnavailable),
        (TEN + timedelta(hours=3), SlotTaken),
        (TEN + timedelta(hours=2, minutes=30), SlotTaken),
    ],
    ids=["past", "too soon", "too far", "outside hours", "off the grid", "taken", "in the pause"],
)
def test_times_are_those_of_callers(
    services: Services, insert: Callable[..., int], start: datetime, refusal: type[Refusal]
) -> None:
    appointment_id = insert(TEN)
    insert(TEN + timedelta(hours=3), attendee_name="Max")
    with pytest.raises(refusal):
        services.visitors.move(appointment_id, start, TEN)
    assert services.visitors.show(appointment_id).appointment.start == TEN


@pytest.mark.parametrize("minutes", [None, 5], ids=["busy", "held"])
def test_busy_times_are_neither_offered_nor_taken(
    services: Services, database: Database, insert: Callable[..., int], minutes: int | None
) -> None:
    appointment_id = insert(TEN)
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source, holds_until) VALUES ('ana', tstzrange(%s, %s), 'x', %s)",
        (ELEVEN, ELEVEN + timedelta(hours=1), NOW + timedelta(minutes=minutes) if minutes else None),
    )
    offered = [start for times in services.visitors.free_days(appointment_id).days.values() for start in times]
    assert ELEVEN not in offered
    assert ELEVEN + timedelta(hours=1) in offered
    with pytest.raises(SlotTaken):
        services.visitors.move(appointment_id, ELEVEN, TEN)


def test_viewing_that_the_phone_moved_is_not_moved_again(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    invocation = ToolInvocation(
        name="reschedule_appointment",
        tool_call_id="t",
        vapi_call_id="c",
        caller_number="+14055550123",
        agent_key=AgentKey(assistant_id="assistant"),
    )
    request = BookingRequest(start_time="Monday at 11 am", attendee_name="Dolores")
    services.appointments.reschedule(invocation, request, lambda *_: "moved")
    assert services.visitors.show(appointment_id).appointment.start == ELEVEN
    with pytest.raises(ViewingChanged):
        services.visitors.move(appointment_id, TEN, TEN)
    assert services.visitors.show(appointment_id).appointment.start == ELEVEN


def test_pages_of_free_days_follow_each_other(services: Services, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    pages = [services.visitors.free_days(appointment_id, page) for page in (1, 2, 3)]
    days = [day for page in pages for day in page.days]
    assert days == sorted(set(days))
    assert len(pages[0].days) == DAYS_PER_PAGE
    assert [page.has_more for page in pages] == [True, False, False]
    assert pages[2].days == {}
    assert all(times for page in pages for times in page.days.values())


def test_one_of_two_visitors_gets_a_time(services: Services, database: Database, insert: Callable[..., int]) -> None:
    ids = [insert(TEN), insert(TEN + timedelta(hours=3))]
    starts = [TEN, TEN + timedelta(hours=3)]

    def move(index: int) -> str:
        try:
            services.visitors.move(ids[index], ELEVEN, starts[index])
        except SlotTaken:
            return "taken"
        return "moved"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(move, range(2))) == ["moved", "taken"]
    assert events(database) == [("moved", "visitor")]


def test_move_waits_for_the_agents_lock(services: Services, database_url: str, insert: Callable[..., int]) -> None:
    appointment_id = insert(TEN)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM agents WHERE agent_id = 'ana' FOR NO KEY UPDATE")
        moving = thread.submit(services.visitors.move, appointment_id, ELEVEN, TEN)
        until_a_session_waits(database_url)
        other.execute(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
            VALUES ('ana', %s, %s, '1 Elm', 'Max')
            """,
            (ELEVEN, ELEVEN + timedelta(minutes=30)),
        )
        other.commit()
        with pytest.raises(SlotTaken) as refused:
            moving.result()
    assert refused.value.nearest


def test_constraint_refuses_a_time_that_was_taken_without_the_lock(
    services: Services, database_url: str, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TEN)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute(
            """
            INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
            VALUES ('ana', %s, %s, '1 Elm', 'Max')
            """,
            (ELEVEN, ELEVEN + timedelta(minutes=30)),
        )
        moving = thread.submit(services.visitors.move, appointment_id, ELEVEN, TEN)
        until_a_session_waits(database_url)
        other.commit()
        with pytest.raises(SlotTaken):
            moving.result()
    assert services.visitors.show(appointment_id).appointment.start == TEN


def connect_unread_calendar(database: Database) -> None:
    """Connect a calendar of Ana's that was never read."""
    database.fetch(
        """
        WITH account AS (
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state)
            VALUES ('ana', 'demo', 'Demo', 'x', 'connected')
            RETURNING account_id
        )
        INSERT INTO calendars (account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings)
        SELECT account_id, 'ana', 'a', 'Ana', FALSE, TRUE, FALSE FROM account
        """
    )


def test_stale_calendar_is_read_once_before_times_are_refused(
    services: Services, database: Database, insert: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment_id = insert(TEN)
    connect_unread_calendar(database)
    reads: list[str] = []
    monkeypatch.setattr(services.calendar_sync, "refresh", reads.append)
    for change in (
        lambda: services.visitors.free_days(appointment_id),
        lambda: services.visitors.move(appointment_id, ELEVEN, TEN),
    ):
        with pytest.raises(CalendarUnavailable):
            change()
    assert reads == ["ana", "ana"]
    services.visitors.confirm(appointment_id)
    assert services.visitors.cancel(appointment_id).status == "cancelled"


def test_calendar_that_is_read_in_time_offers_times(
    services: Services, database: Database, insert: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment_id = insert(TEN)
    connect_unread_calendar(database)

    def refresh(agent_id: str) -> None:
        database.fetch(
            "UPDATE calendars SET read_at = clock_timestamp(), read_until = NOW() + INTERVAL '99 years' WHERE agent_id = %s",
            [agent_id],
        )

    monkeypatch.setattr(services.calendar_sync, "refresh", refresh)
    assert services.visitors.move(appointment_id, ELEVEN, TEN).start == ELEVEN


# --- reinstating -----------------------------------------------------------------------------------------------------


@pytest.fixture
def release(services: Services) -> Callable[[int], bool]:
    """A function that releases a viewing now."""

    def release(appointment_id: int) -> bool:
        return services.visitors.release(appointment_id, lambda _: True)

    return release


def test_released_viewing_can_be_reinstated_for_half_an_hour(
    services: Services,
    database: Database,
    clock: Clock,
    insert: Callable[..., int],
    release: Callable[[int], bool],
) -> None:
    appointment_id = insert(TEN)
    assert release(appointment_id)
    assert not release(appointment_id), "it is cancelled already"
    view = services.visitors.show(appointment_id)
    assert (view.state, view.reinstate_until) == ("released", NOW + timedelta(minutes=30))
    clock.now += timedelta(minutes=29)
    for _ in range(2):
        assert services.visitors.reinstate(appointment_id).status == "confirmed"
    view = services.visitors.show(appointment_id)
    assert (view.state, view.is_confirmed, view.appointment.released_at) == ("open", True, None)
    assert events(database) == [("released", "unconfirmed"), ("reopened", "visitor"), ("confirmed", "visitor")]
    assert audited(services) == [("unconfirmed", "released"), ("visitor", "reopened")]


def test_released_viewing_is_lost_after_half_an_hour(
    services: Services, clock: Clock, insert: Callable[..., int], release: Callable[[int], bool]
) -> None:
    appointment_id = insert(TEN)
    release(appointment_id)
    clock.now += timedelta(minutes=30)
    assert services.visitors.show(appointment_id).state == "cancelled"
    with pytest.raises(ViewingEnded):
        services.visitors.reinstate(appointment_id)


def test_released_viewing_is_lost_when_it_begins(
    services: Services, clock: Clock, insert: Callable[..., int], release: Callable[[int], bool]
) -> None:
    appointment_id = insert(NOW + timedelta(minutes=10))
    release(appointment_id)
    assert services.visitors.show(appointment_id).reinstate_until == NOW + timedelta(minutes=10)
    clock.now += timedelta(minutes=10)
    with pytest.raises(ViewingEnded):
        services.visitors.reinstate(appointment_id)


@pytest.mark.parametrize("taker", ["viewing", "pause", "moved event", "busy", "held"])
def test_time_that_was_taken_since_is_not_reinstated(
    services: Services,
    database: Database,
    insert: Callable[..., int],
    release: Callable[[int], bool],
    taker: str,
) -> None:
    appointment_id = insert(TEN)
    release(appointment_id)
    if taker == "viewing":
        insert(TEN, attendee_name="Max")
    elif taker == "pause":
        insert(TEN + timedelta(minutes=30), attendee_name="Max")
    elif taker == "moved event":
        database.fetch(
            "INSERT INTO calendar_viewings (appointment_id, remote_change, remote_start, remote_end)"
            " VALUES (%s, 'moved', %s, %s)",
            (insert(TEN + timedelta(hours=5), attendee_name="Max"), TEN, ELEVEN),
        )
    else:
        database.fetch(
            "INSERT INTO agent_busy (agent_id, during, source, holds_until) VALUES ('ana', tstzrange(%s, %s), 'x', %s)",
            (TEN, ELEVEN, NOW + timedelta(minutes=5) if taker == "held" else None),
        )
    with pytest.raises(SlotTaken):
        services.visitors.reinstate(appointment_id)
    assert services.visitors.show(appointment_id).state == "released"


def test_viewing_that_was_cancelled_by_someone_is_not_reinstated(
    services: Services, insert: Callable[..., int]
) -> None:
    appointment_id = insert(TEN)
    services.visitors.cancel(appointment_id)
    with pytest.raises(ViewingEnded):
        services.visitors.reinstate(appointment_id)


@pytest.mark.parametrize("why", ["confirmed", "not due", "begun"])
def test_nothing_else_is_released(
    services: Services, database: Database, clock: Clock, insert: Callable[..., int], why: str
) -> None:
    appointment_id = insert(TEN)
    is_due: Callable[[Any], bool] = lambda _: why != "not due"  # noqa: E731  # one of three cases
    if why == "confirmed":
        services.visitors.confirm(appointment_id)
    if why == "begun":
        clock.now = TEN
    assert not services.visitors.release(appointment_id, is_due)
    assert database.fetch("SELECT status FROM appointments") == [{"status": "confirmed"}]


def test_users_restore_what_was_released(
    services: Services, insert: Callable[..., int], release: Callable[[int], bool]
) -> None:
    appointment_id = insert(TEN)
    release(appointment_id)
    shown, _ = services.manual.show(appointment_id, ADMIN)
    assert shown.released_at == NOW


# --- the home --------------------------------------------------------------------------------------------------------


def test_rules_of_the_home_count_for_its_visitors(
    services: Services, database: Database, insert: Callable[..., int]
) -> None:
    (home,) = database.fetch(
        "INSERT INTO properties (line1, showing_minutes) VALUES ('1 Elm', 60) RETURNING property_id"
    )
    home_id = home["property_id"]
    database.fetch("INSERT INTO property_windows VALUES (%s, 1, '10:00', '12:00')", [home_id])
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
    appointment_id = insert(TEN, property_id=home_id)
    week_later = TEN + timedelta(days=7)
    insert(week_later, agent_id="ben", property_id=home_id)
    times = next(iter(services.visitors.free_days(appointment_id).days.values()))
    assert times == (TEN + timedelta(minutes=30), ELEVEN), "ten is the present time, and a viewing takes an hour"
    with pytest.raises(OutsideHours):
        services.visitors.move(appointment_id, ELEVEN + timedelta(hours=2), TEN)
    with pytest.raises(SlotTaken):
        services.visitors.move(appointment_id, week_later, TEN)
    moved = services.visitors.move(appointment_id, week_later + timedelta(hours=1), TEN)
    assert (moved.home, moved.end - moved.start) == ("1 Elm", timedelta(hours=1))
