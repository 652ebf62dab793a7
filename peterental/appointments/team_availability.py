"""The free starting times of several agents as one, and who is booked at one of them. Pure.

It reads neither a database nor a clock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import Rules, Window
from peterental.appointments.availability import Availability, UnavailableReason
from peterental.appointments.closed_days import Closed, ClosedBy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from peterental.agents.model import Agent
    from peterental.agents.shared_lines.model import Choice

    StartsOf = Callable[[Availability, date], list[datetime]]

DAY_MIN = 24 * 60
WEEK_DAYS = 7
INSTANT = timedelta(microseconds=1)
NEVER = datetime.min.replace(tzinfo=UTC)

PRECEDENCE = (
    UnavailableReason.PAST,
    UnavailableReason.TAKEN,
    UnavailableReason.DAY_FULL,
    UnavailableReason.TOO_SOON,
    UnavailableReason.TOO_FAR,
    UnavailableReason.OFF_GRID,
    UnavailableReason.OUTSIDE_HOURS,
)
"""Which of the members' reasons is named: the one of who is nearest to being free."""


@dataclass(frozen=True)
class TeamMember:
    """An agent of a team.

    Args:
        agent: who.
        availability: when the agent is free, by its own rules, in its own zone.
        last_booked_at: when the line last booked it; None: never.
    """

    agent: Agent
    availability: Availability
    last_booked_at: datetime | None = None


class TeamAvailability(Availability):
    """The free starting times of several agents: a time is free if one of them is.

    Args:
        members: in order.
        zone: in which callers say and hear times; its days are the days of this availability.
        now: the present moment, aware.
        choice: how one of those who are free is chosen.
        preferred: the id of the member who is chosen whenever it is free: that of a viewing to be moved.
    """

    def __init__(
        self,
        members: Sequence[TeamMember],
        zone: ZoneInfo,
        now: datetime,
        choice: Choice = "first_free",
        preferred: str | None = None,
    ) -> None:
        super().__init__(team_rules(members, zone, now), zone, now, ())
        self.members = tuple(members)
        self.choice = choice
        self.preferred = preferred

    def starts_on(self, day: date) -> list[datetime]:
        """Return the starting times, taken or not, in the working hours of any member on `day`, in UTC."""
        return self._united(day, Availability.starts_on)

    def free_on(self, day: date) -> list[datetime]:
        """Return the starting times of `day` at which a member is free, in UTC, in order."""
        if not self.today <= day <= self.last_day:
            return []
        return self._united(day, Availability.free_on)

    def reason_unavailable(self, start: datetime) -> UnavailableReason | None:
        """Return why no member can start a viewing at `start`, or None if one can."""
        reasons = self._reasons(start)
        if not reasons:
            return UnavailableReason.OUTSIDE_HOURS
        return None if None in reasons else min(filter(None, reasons), key=PRECEDENCE.index)

    def limits_at(self, start: datetime) -> Rules:
        """Return the notice and the horizon that a refusal of `start` names: those of who is nearest to being free."""
        reason = self.reason_unavailable(start)
        theirs = [
            member.availability.rules
            for member, own in zip(self.members, self._reasons(start), strict=True)
            if own is reason
        ]
        if not theirs:
            return self.rules
        return replace(
            self.rules,
            notice_minutes=min(rules.notice_minutes for rules in theirs),
            horizon_days=max(rules.horizon_days for rules in theirs),
        )

    def closed_on(self, day: date) -> Closed | None:
        """Return why none of the members can be visited on a whole day; None if one can."""
        if self.free_on(day):  # of who works in another time zone, on another day there
            return None
        found: list[Closed] = []
        for member in self.members:
            closed = member.availability.closed_on(day)
            if closed is not None:
                found.append(closed)
            elif member.availability.starts_on(day):
                return None
        return _of_team(found)

    def closed_at(self, start: datetime) -> Closed | None:
        """Return why none of them can be visited at `start`: on that whole day, or because the office is closed."""
        closed = self.closed_on(start.astimezone(self.zone).date())
        if closed is not None:
            return closed
        taken = [
            member.availability.closed_at(start)
            for member, reason in zip(self.members, self._reasons(start), strict=True)
            if reason is UnavailableReason.TAKEN
        ]
        found = [each for each in taken if each is not None and each.by is ClosedBy.OFFICE]
        return replace(found[0], is_whole_day=False) if found and len(found) == len(taken) else None

    def chosen(self, start: datetime) -> TeamMember | None:
        """Return the member who is booked at `start`; None if none is free."""
        reasons = zip(self.members, self._reasons(start), strict=True)
        free = self._in_turn(member for member, reason in reasons if reason is None)
        return free[0] if free else None

    def members_free_on(self, day: date) -> dict[datetime, tuple[TeamMember, ...]]:
        """Return the free starting times of `day`, in UTC, in order, each with who is free, the chosen one first."""
        if not self.today <= day <= self.last_day:
            return {}
        found: dict[datetime, list[TeamMember]] = defaultdict(list)
        for member in self.members:
            for start in self._within(member.availability, day, Availability.free_on):
                found[start].append(member)
        return {start: tuple(self._in_turn(found[start])) for start in sorted(found)}

    def _in_turn(self, free: Iterable[TeamMember]) -> list[TeamMember]:
        """Return members in the order in which they are chosen."""
        members = list(free)
        if self.choice == "round_robin":
            members.sort(key=lambda member: member.last_booked_at or NEVER)
        members.sort(key=lambda member: member.agent.agent_id != self.preferred)
        return members

    def slot_minutes_at(self, start: datetime) -> int:
        """Return the length of a viewing with the member who is booked at `start`; of the first one if none is."""
        found = self.chosen(start)
        return found.availability.rules.slot_minutes if found else self.rules.slot_minutes

    def _reasons(self, start: datetime) -> list[UnavailableReason | None]:
        return [member.availability.reason_unavailable(start) for member in self.members]

    def _united(self, day: date, starts_of: StartsOf) -> list[datetime]:
        """Return the starts of all members within `day` of the team's zone, each once, in order."""
        found: set[datetime] = set()
        for member in self.members:
            found.update(self._within(member.availability, day, starts_of))
        return sorted(found)

    def _within(self, theirs: Availability, day: date, starts_of: StartsOf) -> Iterable[datetime]:
        """Return the starts of a member within `day` of the team's zone.

        Those in the second occurrence of an hour that the clocks of that zone repeat are left out: a
        caller could not name them.
        """
        if theirs.zone.key == self.zone.key:
            return starts_of(theirs, day)
        midnight = datetime.combine(day, time(), self.zone)
        begins, ends = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
        first, last = begins.astimezone(theirs.zone).date(), (ends - INSTANT).astimezone(theirs.zone).date()
        return (
            start
            for their_day in _days(first, last)
            for start in starts_of(theirs, their_day)
            if begins <= start < ends and not start.astimezone(self.zone).fold
        )


def _of_team(found: Sequence[Closed]) -> Closed | None:
    """Return the reason of a team, of those of its members who would work: the closure, if there is one."""
    closure = next((each for each in found if each.by is ClosedBy.OFFICE), None)
    return closure or (Closed(ClosedBy.TEAM) if found else None)


def turn_at(now: datetime, earlier: Iterable[datetime | None]) -> datetime:
    """Return when a booking that is made now is made: later than any before it, so that turns have an order.

    Args:
        now: the present moment, aware.
        earlier: when the agents of the line were last booked.
    """
    latest = max((when for when in earlier if when is not None), default=NEVER)
    return now if latest < now else latest + INSTANT


def team_rules(members: Sequence[TeamMember], zone: ZoneInfo, now: datetime) -> Rules:
    """Return rules that allow whatever one of the members allows, on the clock of `zone`.

    What a caller says is read against them; what is free is decided by each member's own. The length of a viewing is
    that of the first member.
    """
    if not members:
        return Rules()
    rules = [member.availability.rules for member in members]
    offsets = [_offset_min(zone, member.availability.zone, now) for member in members]
    return replace(
        rules[0],
        notice_minutes=min(each.notice_minutes for each in rules),
        horizon_days=max(each.horizon_days for each in rules),
        daily_cap=None,
        week=tuple(
            dict.fromkeys(
                shifted
                for each, offset in zip(rules, offsets, strict=True)
                for weekday, window in each.week
                for shifted in _shifted(weekday, window, offset)
            )
        ),
        days=tuple(_united_days(rules, offsets)),
    )


def _united_days(rules: Sequence[Rules], offsets: Sequence[int]) -> Iterator[tuple[date, Window | None]]:
    """Return the overrides of the days on which a member has one: what all of them work on those days."""
    overridden = {day for each in rules for day, _ in each.days}
    by_day: dict[date, list[Window]] = defaultdict(list)
    for each, offset in zip(rules, offsets, strict=True):
        for day in overridden | {day + timedelta(days=step) for day in overridden for step in (-1, 1) if offset}:
            for window in each.windows_on(day):
                for weekday, part in _shifted(day.isoweekday(), window, offset):
                    by_day[_nearest_weekday(day, weekday)].append(part)
    for day in sorted(overridden):
        windows = dict.fromkeys(by_day[day])
        yield from ((day, window) for window in windows or (None,))


def _shifted(weekday: int, window: Window, offset_min: int) -> Iterator[tuple[int, Window]]:
    """Return the parts of a window on a clock that is ahead by `offset_min`, with their ISO weekdays."""
    first = (weekday - 1) * DAY_MIN + window.opens_min + offset_min
    last = (weekday - 1) * DAY_MIN + window.closes_min + offset_min
    for day in range(first // DAY_MIN, (last - 1) // DAY_MIN + 1):
        midnight = day * DAY_MIN
        part = Window(max(first - midnight, 0), min(last - midnight, DAY_MIN))
        yield day % WEEK_DAYS + 1, part


def _nearest_weekday(day: date, weekday: int) -> date:
    """Return the day with an ISO weekday that is `day`, the day before or the day after."""
    return day + timedelta(days=(weekday - day.isoweekday() + 1) % WEEK_DAYS - 1)


def _offset_min(zone: ZoneInfo, other: ZoneInfo, now: datetime) -> int:
    """Return by how many minutes the clocks of `zone` are ahead of those of another zone now."""
    ahead = (now.astimezone(zone).utcoffset() or timedelta()) - (now.astimezone(other).utcoffset() or timedelta())
    return int(ahead.total_seconds() // 60)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
