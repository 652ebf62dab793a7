"""Bookings by lines that share agents: races, locks, and whom an offered time lands with."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentKey, Profile
from peterental.appointments import phone_requests
from peterental.appointments.manual.model import ConfirmationRequired, NewBooking, WallClockTime
from peterental.appointments.model import Appointment, BookingRequest, TimesOffered
from peterental.appointments.phone_requests import RequestContext
from peterental.appointments.schedule_repository import AgentSchedule, LineAgent, LineSchedule
from peterental.appointments.team import CalendarStale, Team, team_of
from peterental.calendars.account import CalendarAge
from peterental.calls.model import Outcome, ToolInvocation
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.properties.model import Property
from peterental.services import Services, build_services
from tests.appointments.test_team_availability import random_team
from tests.servers import close_for_good, until_a_session_waits
from tests.together import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peterental.appointments.team_availability import TeamAvailability

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
NAMES = ("ana", "ben", "carol")
CALLERS = count(1)


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """The services, with the lines of Ana, Ben and Carol."""
    database = Database(database_url, pool_size=8)
    services = build_services(database, lambda: NOW)
    for name in NAMES:
        services.agents.create(Profile(agent_name=name.title(), vapi_assistant_id=f"assistant-{name}"), ADMIN, name)
    yield services
    close_for_good(database)


def share(services: Services, holder: str, *members: str, choice: str = "round_robin") -> None:
    seen = services.shared_lines.sharing(holder, ADMIN).updated_at
    services.shared_lines.share(holder, members, choice, ADMIN, seen=seen)  # type: ignore[arg-type]


def render(result: Outcome | Refusal, _: Agent | None, __: datetime) -> str:
    return type(result).__name__


def invocation(line: str, caller: int, tool: str = "set_appointment") -> ToolInvocation:
    return ToolInvocation(
        name=tool,
        tool_call_id=f"tool-{next(CALLERS)}",
        vapi_call_id=f"call-{caller}",
        agent_key=AgentKey(assistant_id=f"assistant-{line}"),
        caller_number=f"+1405555{caller:04}",
    )


def book(services: Services, line: str, start_time: str, caller: int | None = None) -> str:
    """Book for one of many callers by a line; return the name of the outcome."""
    request = BookingRequest(property_address="1420 Elm Street", attendee_name="Dolores", start_time=start_time)
    called = invocation(line, next(CALLERS) if caller is None else caller)
    return services.appointments.book(called, request, render)


def book_manually(services: Services, agent_id: str, day: int, hour: int) -> str:
    when = WallClockTime(day=datetime(2026, 11, day, tzinfo=UTC).date(), clock_min=hour * 60)
    entry = NewBooking(
        agent_id=agent_id, when=when, key=f"form-{next(CALLERS)}".ljust(32, "k"), property_address="9 Oak Lane",
        attendee_name="Max",
    )  # fmt: skip
    try:
        services.manual.book(entry, ADMIN)
    except ConfirmationRequired:
        return "taken"
    return "Booked"


def booked(database: Database) -> Counter[str]:
    rows = database.fetch("SELECT agent_id FROM appointments WHERE status = 'confirmed'")
    return Counter(row["agent_id"] for row in rows)


def overlaps(database: Database) -> int:
    row = database.fetch(
        """
        SELECT COUNT(*) AS number
        FROM appointments AS one JOIN appointments AS other ON one.agent_id = other.agent_id AND one.id < other.id
        WHERE one.status = 'confirmed' AND other.status = 'confirmed'
            AND tstzrange(one.start_time, one.blocked_until) && tstzrange(other.start_time, other.blocked_until)
        """
    )[0]
    return int(row["number"])


def test_lines_that_share_agents_never_deadlock_nor_double_book(services: Services, database: Database) -> None:
    """Three lines with the same agents in different orders, and users who book the same agents."""
    share(services, "ana", "ana", "ben", "carol")
    share(services, "ben", "carol", "ben", choice="first_free")
    share(services, "carol", "ben", "ana", choice="first_free")
    for day in (23, 24, 25):
        starts = [f"2026-11-{day}T{hour}:00" for hour in (10, 11)]
        callers = [partial(book, services, line, start) for start in starts for line in NAMES for _ in range(4)]
        users = [partial(book_manually, services, name, day, hour) for name in NAMES for hour in (10, 11)]
        outcomes = Counter(at_once([*callers, *users]))
        assert set(outcomes) <= {"Booked", "SlotTaken", "taken"}
        assert outcomes["Booked"] == 6, "every agent at both times, by any line"
    assert booked(database) == {"ana": 6, "ben": 6, "carol": 6}
    assert overlaps(database) == 0


def test_racing_moves_change_hands_without_overlaps(services: Services, database: Database) -> None:
    """Twelve viewings race for six places at other times, by three lines, while two of them are cancelled."""
    share(services, "ana", "ana", "ben", "carol")
    share(services, "ben", "carol", "ben", "ana", choice="first_free")
    share(services, "carol", "ben", "carol", "ana", choice="first_free")
    lines = [NAMES[caller % 3] for caller in range(12)]
    for caller, line in enumerate(lines):
        assert book(services, line, f"2026-11-23T{9 + caller // 3:02}:00", 500 + caller) == "Booked"

    def move(caller: int) -> str:
        request = BookingRequest(start_time=f"2026-11-24T{14 + caller % 2}:00")
        return services.appointments.reschedule(
            invocation(lines[caller], 500 + caller, "reschedule_appointment"), request, render
        )

    def cancel(caller: int) -> str:
        called = invocation(lines[caller], 500 + caller, "cancel_appointment")
        return services.appointments.cancel(called, BookingRequest(), render)

    outcomes = Counter(
        at_once([*(partial(move, caller) for caller in range(10)), partial(cancel, 10), partial(cancel, 11)])
    )
    assert outcomes == {"Moved": 6, "SlotTaken": 4, "Cancelled": 2}
    assert overlaps(database) == 0
    assert sum(booked(database).values()) == 10
    moved = database.fetch(
        "SELECT DISTINCT agent_id, start_time FROM appointments WHERE start_time > '2026-11-24' AND status = 'confirmed'"
    )
    assert len(moved) == 6


def test_racing_callers_take_turns(services: Services, database: Database) -> None:
    share(services, "ana", "ana", "ben", "carol")
    starts = [f"2026-11-{day}T{hour:02}:00" for day in (23, 24) for hour in range(9, 15)]
    assert set(at_once([partial(book, services, "ana", start) for start in starts])) == {"Booked"}
    assert booked(database) == {"ana": 4, "ben": 4, "carol": 4}
    turns = [row["last_booked_at"] for row in database.fetch("SELECT last_booked_at FROM line_members")]
    assert len(set(turns)) == 3


def test_racing_deliveries_of_one_caller_book_once(services: Services, database: Database) -> None:
    share(services, "ana", "ana", "ben", "carol")
    assert set(at_once([partial(book, services, "ana", "2026-11-23T10:00", 7) for _ in range(8)])) == {"Booked"}
    assert sum(booked(database).values()) == 1


def test_agent_who_joins_while_a_caller_waits_is_left_out(services: Services, database: Database) -> None:
    """The caller has not locked that agent, so another change of its bookings may be under way."""
    share(services, "ana", "ana", "ben", choice="first_free")
    with psycopg.connect(database.url) as rude:
        rude.execute("SELECT FROM agents WHERE agent_id = 'ana' FOR NO KEY UPDATE")
        rude.execute("UPDATE line_members SET position = position + 1 WHERE agent_id = 'ben'")
        rude.execute("UPDATE line_members SET position = position + 3 WHERE agent_id = 'ana'")
        rude.execute("INSERT INTO line_members (holder_agent_id, agent_id, position) VALUES ('ana', 'carol', 1)")
        waiting: Callable[[], str] = partial(book, services, "ana", "2026-11-23T10:00")

        def let_go() -> str:
            until_a_session_waits(database.url)
            rude.commit()
            return "let go"

        outcomes = at_once([waiting, let_go])
    assert outcomes == ["Booked", "let go"]
    assert booked(database) == {"ben": 1}
    assert book(services, "ana", "2026-11-23T10:00") == "Booked"
    assert booked(database) == {"ben": 1, "carol": 1}


def test_unshared_line_notes_no_turn(services: Services, database: Database) -> None:
    assert book(services, "ana", "2026-11-23T10:00") == "Booked"
    assert database.fetch("SELECT 1 FROM line_members") == []


def test_line_whose_other_agents_are_gone_is_its_own(services: Services, database: Database) -> None:
    share(services, "ana", "ana", "ben")
    database.fetch("DELETE FROM line_members WHERE agent_id = 'ben'")
    assert book(services, "ana", "2026-11-23T10:00") == "Booked"
    assert booked(database) == {"ana": 1}


# --- pure ------------------------------------------------------------------------------------------------------------


def line_of(availability: TeamAvailability, holder: Agent, ages: dict[str, CalendarAge] | None = None) -> LineSchedule:
    """Return the schedules of which an availability was made."""
    agents = []
    for position, member in enumerate(availability.members, 1):
        theirs = member.availability
        schedule = AgentSchedule(
            member.agent, tuple(theirs.taken), calendar_age=(ages or {}).get(member.agent.agent_id)
        )
        agents.append(LineAgent(member.agent, schedule, position, member.last_booked_at))
    return LineSchedule(AgentSchedule(holder), tuple(agents), availability.choice)


@settings(max_examples=100, deadline=None)
@given(random_team(), st.data())
def test_offered_time_lands_with_a_free_agent_who_shows_the_home(
    availability: TeamAvailability, data: st.DataObject
) -> None:
    holder = Agent(agent_id="holder", agent_name="Holder", time_zone=availability.zone.key)
    team = team_of(line_of(availability, holder), lambda *_: True, availability.now)
    assert team is not None
    ids = [member.agent.agent_id for member in availability.members]
    shown_by = frozenset(data.draw(st.sets(st.sampled_from(ids))))
    home = Property(property_id=1, line1="1420 Elm Street", shown_by=shown_by, showing_minutes=30)
    free = team.availability(availability.now, home)
    for start in free.pick_diverse(free.free()):
        member = free.chosen(start)
        assert member is not None
        assert home.is_shown_by(member.agent.agent_id)
        own = next(each for each in team.agents if each.agent == member.agent).schedule
        assert own.availability(availability.now, home=home).reason_unavailable(start) is None


@settings(max_examples=60, deadline=None)
@given(random_team())
def test_every_offered_time_can_be_booked(availability: TeamAvailability) -> None:
    now = availability.now
    holder = Agent(agent_id="holder", agent_name="Holder", time_zone=availability.zone.key)
    called = ToolInvocation(name="set_appointment", tool_call_id="t", caller_number="+14055550123")
    context = RequestContext(
        now=now, invocation=called, agent=holder, team=team_of(line_of(availability, holder), lambda *_: True, now)
    )
    offered = phone_requests.offer_slots(context, BookingRequest()).outcome
    for start in offered.times if isinstance(offered, TimesOffered) else ():
        request = BookingRequest(
            property_address="1420 Elm Street",
            attendee_name="Dolores",
            start_time=start.astimezone(holder.zone).isoformat(),
        )
        found = phone_requests.book(context, request)
        booking = found.appointment
        assert booking is not None
        assert (booking.start, found.change, booking.names_agent) == (start, "insert", True)
        member = next(each for each in availability.members if each.agent.agent_id == booking.agent_id)
        assert member.availability.reason_unavailable(start) is None
        assert booking.end == start + timedelta(minutes=member.agent.rules.slot_minutes)


def test_calendar_read_most_recently_is_read_again() -> None:
    ages = {"ana": CalendarAge(9000.0, NOW), "ben": CalendarAge(8000.0, NOW), "carol": CalendarAge(None, NOW)}
    agents = [Agent(agent_id=name, agent_name=name.title()) for name in NAMES]
    schedules = [AgentSchedule(agent, calendar_age=ages[agent.agent_id]) for agent in agents]
    members = tuple(
        LineAgent(agent, schedule, position)
        for position, (agent, schedule) in enumerate(zip(agents, schedules, strict=True), 1)
    )
    team = team_of(LineSchedule(schedules[0], members), lambda *_: False, NOW)
    assert team is not None
    with pytest.raises(CalendarStale) as stale:
        team.availability(NOW)
    assert (stale.value.agent.agent_id, stale.value.holder.agent_id) == ("ben", "ana")
    home = Property(property_id=1, line1="1 Elm", shown_by=frozenset({"carol"}))
    with pytest.raises(CalendarStale) as stale:
        team.availability(NOW, home)
    assert stale.value.agent.agent_id == "carol"
    assert (
        list(team.availability(NOW, Property(property_id=1, line1="1 Elm", shown_by=frozenset({"dan"}))).free()) == []
    )


def test_bookings_of_agents_that_are_not_locked_are_left_out() -> None:
    ana, ben = (Agent(agent_id=name, agent_name=name.title()) for name in ("ana", "ben"))
    line = LineSchedule(
        AgentSchedule(ana), (LineAgent(ana, AgentSchedule(ana), 1), LineAgent(ben, AgentSchedule(ben), 2))
    )
    own = tuple(
        Appointment(
            appointment_id=number, start=NOW + timedelta(days=1), end=NOW + timedelta(days=1, minutes=30),
            property_address="1 Elm", attendee_name="Dolores", agent_id=name, agent_name=name, time_zone="America/Chicago",
            status="confirmed", caller_number="+14055550123",
        )
        for number, name in enumerate(("ana", "ben"), 1)
    )  # fmt: skip
    called = ToolInvocation(name="find_appointment", tool_call_id="t", caller_number="+14055550123")
    team = team_of(line, lambda *_: True, NOW, {"ana"})
    context = RequestContext(now=NOW, invocation=called, agent=ana, team=team, own=own)
    assert [(booking.agent_id, booking.names_agent) for booking in context.callers_bookings] == [("ana", True)]
    assert team_of(LineSchedule(AgentSchedule(None)), lambda *_: True, NOW) is None
    assert isinstance(team, Team)
