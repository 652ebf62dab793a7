"""The free times of several agents as one, and who is booked at one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.agents.model import Agent, Rules, Window
from peterental.appointments.availability import Availability, BookedInterval, UnavailableReason
from peterental.appointments.model import TooFar, TooSoon
from peterental.appointments.start_check import check_start
from peterental.appointments.team_availability import TeamAvailability, TeamMember, team_rules, turn_at

if TYPE_CHECKING:
    from peterental.agents.shared_lines.model import Choice

CHICAGO, LISBON, KATHMANDU = (ZoneInfo(key) for key in ("America/Chicago", "Europe/Lisbon", "Asia/Kathmandu"))
ZONES = ("America/Chicago", "America/New_York", "Europe/Lisbon", "Asia/Kathmandu", "Pacific/Auckland")
SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NINE_TO_FIVE = Rules(week=tuple((weekday, Window(540, 1020)) for weekday in range(1, 6)))
MORNINGS = Rules(week=tuple((weekday, Window(540, 660)) for weekday in range(1, 6)))
AFTERNOONS = Rules(week=tuple((weekday, Window(840, 960)) for weekday in range(1, 6)))


def at(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def taken(start: str, until: str) -> BookedInterval:
    return BookedInterval(at(start), at(until), 1)


def member(
    name: str,
    rules: Rules,
    *intervals: BookedInterval,
    zone: ZoneInfo = CHICAGO,
    last_booked_at: datetime | None = None,
    now: datetime = SUNDAY,
) -> TeamMember:
    agent = Agent(agent_id=name, agent_name=name.title(), time_zone=zone.key, rules=rules)
    return TeamMember(agent, Availability(rules, zone, now, intervals), last_booked_at)


def team(
    *members: TeamMember, choice: Choice = "first_free", zone: ZoneInfo = CHICAGO, now: datetime = SUNDAY
) -> TeamAvailability:
    return TeamAvailability(members, zone, now, choice)


def clocks(starts: Sequence[datetime], zone: ZoneInfo = CHICAGO) -> list[str]:
    return [f"{start.astimezone(zone):%H:%M}" for start in starts]


def chosen(availability: TeamAvailability, start: str) -> str | None:
    found = availability.chosen(at(start))
    return found.agent.agent_id if found else None


def test_a_time_is_free_if_one_member_is_free() -> None:
    both = team(member("ana", MORNINGS), member("ben", AFTERNOONS))
    assert clocks(both.free_on(MONDAY)) == ["09:00", "09:30", "10:00", "10:30", "14:00", "14:30", "15:00", "15:30"]
    assert both.starts_on(MONDAY) == both.free_on(MONDAY)
    assert both.reason_unavailable(at("2026-11-23T14:00")) is None
    assert both.reason_unavailable(at("2026-11-23T12:00")) is UnavailableReason.OUTSIDE_HOURS


def test_a_time_that_two_have_is_offered_once() -> None:
    both = team(member("ana", MORNINGS), member("ben", replace(MORNINGS, step_minutes=60)))
    assert clocks(both.free_on(MONDAY)) == ["09:00", "09:30", "10:00", "10:30"]


def test_a_time_is_taken_once_all_are_booked() -> None:
    ten = taken("2026-11-23T10:00", "2026-11-23T10:30")
    assert team(member("ana", MORNINGS, ten), member("ben", MORNINGS)).reason_unavailable(ten.start) is None
    full = team(member("ana", MORNINGS, ten), member("ben", MORNINGS, ten), member("carol", AFTERNOONS))
    assert full.reason_unavailable(ten.start) is UnavailableReason.TAKEN
    assert "10:00" not in clocks(full.free_on(MONDAY))
    assert chosen(full, "2026-11-23T10:00") is None


def test_caps_buffers_and_notice_are_each_members_own() -> None:
    capped = replace(MORNINGS, daily_cap=1)
    nine = taken("2026-11-23T09:00", "2026-11-23T09:30")
    both = team(member("ana", capped, nine), member("ben", replace(MORNINGS, buffer_minutes=60), nine))
    assert clocks(both.free_on(MONDAY)) == ["09:30", "10:00", "10:30"]
    assert {chosen(both, f"2026-11-23T{clock}") for clock in clocks(both.free_on(MONDAY))} == {"ben"}
    assert team(member("ana", capped, nine)).reason_unavailable(at("2026-11-23T10:00")) is UnavailableReason.DAY_FULL


def test_nobody_offers_nothing() -> None:
    empty = team()
    assert list(empty.free()) == []
    assert empty.nearest(SUNDAY) == ()
    assert empty.pick_diverse(empty.free()) == ()
    assert empty.reason_unavailable(at("2026-11-23T10:00")) is UnavailableReason.OUTSIDE_HOURS
    assert empty.limits_at(SUNDAY) == Rules()
    assert turn_at(SUNDAY, ()) == SUNDAY


def test_days_are_those_of_the_teams_zone() -> None:
    """Nine to eleven in Kathmandu is 21:15 to 23:15 in Chicago, on the day before."""
    both = team(member("ana", MORNINGS), member("kiran", MORNINGS, zone=KATHMANDU))
    assert clocks(both.free_on(MONDAY)) == ["09:00", "09:30", "10:00", "10:30", "21:15", "21:45", "22:15", "22:45"]
    assert clocks(both.free_on(date(2026, 11, 22))) == ["21:15", "21:45", "22:15", "22:45"]


def test_repeated_hour_is_offered_once() -> None:
    """Five to nine in Lisbon is midnight to two in Chicago, then one to two again, then two to three."""
    rules = replace(NINE_TO_FIVE, week=((7, Window(300, 540)),), notice_minutes=0)
    saturday = at("2026-10-31T12:00")
    both = team(member("rui", rules, zone=LISBON, now=saturday), now=saturday)
    assert clocks(both.free_on(date(2026, 11, 1))) == ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]


def test_refusals_name_the_limits_of_who_is_nearest() -> None:
    soon = team(
        member("ana", replace(NINE_TO_FIVE, notice_minutes=60 * 48)),
        member("ben", replace(NINE_TO_FIVE, notice_minutes=60 * 30)),
        member("carol", replace(AFTERNOONS, notice_minutes=0)),
    )
    with pytest.raises(TooSoon) as early:
        check_start(soon, at("2026-11-23T09:00"))
    assert early.value.notice_minutes == 60 * 30
    far = team(member("ana", replace(MORNINGS, horizon_days=3)), member("ben", replace(MORNINGS, horizon_days=5)))
    with pytest.raises(TooFar) as late:
        check_start(far, at("2026-11-30T09:00"))
    assert late.value.horizon_days == 5
    assert far.last_day == date(2026, 11, 27)


def test_first_free_takes_them_in_order() -> None:
    ten = taken("2026-11-23T10:00", "2026-11-23T10:30")
    both = team(member("ben", MORNINGS, ten, last_booked_at=SUNDAY), member("ana", MORNINGS))
    assert chosen(both, "2026-11-23T09:00") == "ben"
    assert chosen(both, "2026-11-23T10:00") == "ana"


def test_round_robin_takes_who_was_booked_longest_ago() -> None:
    members = (
        member("ana", MORNINGS, last_booked_at=SUNDAY),
        member("ben", MORNINGS, last_booked_at=SUNDAY - timedelta(hours=1)),
        member("carol", AFTERNOONS),
    )
    turns = team(*members, choice="round_robin")
    assert chosen(turns, "2026-11-23T09:00") == "ben"
    assert chosen(turns, "2026-11-23T14:00") == "carol"
    assert turn_at(SUNDAY, (SUNDAY, None)) == SUNDAY + timedelta(microseconds=1)
    assert turn_at(SUNDAY, (SUNDAY - timedelta(hours=1), None)) == SUNDAY


def test_windows_are_read_on_the_teams_clock() -> None:
    rules = team_rules([member("ana", MORNINGS), member("rui", MORNINGS, zone=LISBON)], CHICAGO, SUNDAY)
    assert rules.windows_on(MONDAY) == (Window(180, 300), Window(540, 660))
    rules = team_rules([member("kiran", Rules(week=((1, Window(600, 780)),)), zone=KATHMANDU)], CHICAGO, SUNDAY)
    assert rules.week == ((7, Window(1335, 1440)), (1, Window(0, 75)))


def test_override_of_one_member_leaves_the_others_hours() -> None:
    closed = replace(MORNINGS, days=((MONDAY, None),))
    late = replace(MORNINGS, days=((MONDAY, Window(1200, 1260)),))
    both = [member("ana", closed), member("ben", AFTERNOONS)]
    assert team_rules(both, CHICAGO, SUNDAY).windows_on(MONDAY) == (Window(840, 960),)
    assert team_rules(both, CHICAGO, SUNDAY).windows_on(TUESDAY) == (Window(540, 660), Window(840, 960))
    assert team_rules([both[0]], CHICAGO, SUNDAY).days == ((MONDAY, None),)
    two = team_rules([member("ana", late), member("rui", closed, zone=LISBON)], CHICAGO, SUNDAY)
    assert two.windows_on(MONDAY) == (Window(1200, 1260),)


@st.composite
def random_rules(draw: st.DrawFn) -> Rules:
    week = []
    for weekday in draw(st.sets(st.integers(1, 7), max_size=4)):
        opens = draw(st.integers(0, 46)) * 30
        week.append((weekday, Window(opens, min(opens + draw(st.integers(1, 20)) * 30, 1440))))
    closed = draw(st.sets(st.integers(0, 9), max_size=2))
    return Rules(
        slot_minutes=draw(st.sampled_from([15, 30, 60])),
        step_minutes=draw(st.sampled_from([15, 30, 45])),
        buffer_minutes=draw(st.sampled_from([0, 20])),
        notice_minutes=draw(st.sampled_from([0, 120, 1440])),
        horizon_days=draw(st.integers(1, 9)),
        daily_cap=draw(st.sampled_from([None, 1, 3])),
        week=tuple(week),
        days=tuple((MONDAY + timedelta(days=ahead), None) for ahead in closed),
    )


@st.composite
def random_member(draw: st.DrawFn, name: str, now: datetime) -> TeamMember:
    rules = draw(random_rules())
    intervals = []
    for number in range(draw(st.integers(0, 4))):
        start = now + timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 9)))
        length = timedelta(minutes=15 * draw(st.integers(1, 12)))
        intervals.append(BookedInterval(start, start + length, draw(st.sampled_from([None, number + 1]))))
    last = draw(st.none() | st.integers(0, 99).map(lambda hours: now - timedelta(hours=hours)))
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return member(name, rules, *intervals, zone=zone, last_booked_at=last, now=now)


@st.composite
def random_team(draw: st.DrawFn) -> TeamAvailability:
    # The Sunday before the clocks change in the United States and in Lisbon lies within these weeks.
    now = draw(
        st.sampled_from([SUNDAY, datetime(2026, 10, 22, 13, 0, tzinfo=UTC), datetime(2027, 3, 12, 3, 0, tzinfo=UTC)])
    )
    members = [draw(random_member(f"agent-{number}", now)) for number in range(draw(st.integers(1, 4)))]
    choice: Choice = draw(st.sampled_from(["first_free", "round_robin"]))
    return TeamAvailability(members, ZoneInfo(draw(st.sampled_from(ZONES))), now, choice)


@settings(max_examples=150, deadline=None)
@given(random_team())
def test_union_is_what_the_members_have(availability: TeamAvailability) -> None:
    first, last = availability.today, availability.last_day
    theirs = {
        start
        for each in availability.members
        for start in each.availability.free()
        if first <= (local := start.astimezone(availability.zone)).date() <= last and not local.fold
    }
    free = list(availability.free())
    assert free == sorted(theirs)
    for start in free:
        member_at = availability.chosen(start)
        assert member_at is not None
        assert member_at.availability.reason_unavailable(start) is None
        assert availability.reason_unavailable(start) is None
    for start in (*availability.nearest(availability.now), *availability.pick_diverse(iter(free))):
        assert start in theirs


@settings(max_examples=60, deadline=None)
@given(random_team(), st.integers(0, 4 * 24 * 10))
def test_any_time_is_unavailable_only_if_nobody_has_it(availability: TeamAvailability, quarters: int) -> None:
    start = availability.now + timedelta(minutes=15 * quarters)
    reasons = [each.availability.reason_unavailable(start) for each in availability.members]
    reason = availability.reason_unavailable(start)
    assert reason in reasons
    assert (reason is None) == (None in reasons) == (availability.chosen(start) is not None)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 3), max_size=40))
def test_round_robin_is_fair_within_one(size: int, pauses: list[int]) -> None:
    """Whatever time passes between the bookings, also none."""
    last: dict[str, datetime | None] = {f"agent-{number}": None for number in range(size)}
    booked: Counter[str] = Counter(dict.fromkeys(last, 0))
    now, start = SUNDAY, at("2026-11-26T10:00")
    for pause in pauses:
        now += timedelta(seconds=pause)
        members = [member(name, NINE_TO_FIVE, last_booked_at=when, now=now) for name, when in last.items()]
        turn = team(*members, choice="round_robin", now=now)
        who = turn.chosen(start)
        assert who is not None
        last[who.agent.agent_id] = turn_at(now, last.values())
        booked[who.agent.agent_id] += 1
        assert max(booked.values()) - min(booked.values()) <= 1
