"""Compare bookings, refusals and the events at the providers with what the calendars held at each moment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.chaos.callers import Heard
from bench.chaos.people import OurEvent, Owner
from bench.chaos.stand_ins import StandIns

COMMIT_S = timedelta(seconds=2)
"""A reading that was stored so long before a booking began was committed before it."""

BOOKING_S = timedelta(seconds=5)
"""No booking takes longer: the phone's own limit for the database is shorter."""

RELAY_S = timedelta(seconds=2)
"""The longest time from when a row is changed to when others see it, on a machine with other work."""


@dataclass(frozen=True)
class _Change:
    """One change of the time when a calendar was read: by a reading, or because time passed."""

    at: datetime
    old: datetime | None
    new: datetime

    @property
    def is_reading(self) -> bool:
        """Whether the calendar was read, from `new` until `at`."""
        return self.old is None or self.new > self.old


@dataclass
class Readings:
    """When one calendar was read, and how old that was held to be. Times are UTC.

    Args:
        changes: in the order of time.
        max_age: that is relied on.
    """

    changes: list[_Change]
    max_age: timedelta
    _moments: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        self._moments = [change.at for change in self.changes]

    def relied_on(self, moment: datetime) -> _Change | None:
        """Return the last reading that was certainly committed at a moment."""
        last = bisect_right(self._moments, moment - COMMIT_S)
        return next((change for change in reversed(self.changes[:last]) if change.is_reading), None)

    def was_ever_old(self, first: datetime, last: datetime) -> bool:
        """Return whether the calendar was older than allowed at some moment between two."""
        changes = self.changes[bisect_left(self._moments, first) : bisect_right(self._moments, last)]
        ages = [change.at + RELAY_S - change.old for change in changes if change.old is not None]
        return any(age > self.max_age for age in [*ages, self._age(last)])

    def was_always_old(self, first: datetime, last: datetime) -> bool:
        """Return whether the calendar was older than allowed at every moment between two, to all who looked.

        What changed shortly before the first moment may be seen after it.
        """
        first -= RELAY_S
        changes = self.changes[bisect_left(self._moments, first) : bisect_right(self._moments, last)]
        ages = [change.at - change.new for change in changes]
        return all(age > self.max_age for age in [*ages, self._age(first)])

    def _age(self, moment: datetime) -> timedelta:
        place = bisect_right(self._moments, moment)
        return moment - self.changes[place - 1].new if place else timedelta.max


class CalendarCheck:
    """Finds every violated guarantee of the calendars, once everything is drained.

    Args:
        connection: to the database.
        owners: of the calendars.
        max_age: that callers are offered times by.
    """

    def __init__(self, connection: psycopg.Connection[Any], owners: list[Owner], max_age: timedelta) -> None:
        self._connection = connection
        self._owners = {owner.agent_id: owner for owner in owners}
        self._max_age = max_age
        self.figures: Counter[str] = Counter()

    def violations(self, heard: list[Heard], stand_ins: StandIns) -> list[str]:
        """Return the violations as sentences."""
        readings = self._readings()
        return [
            *stand_ins.violations,
            *self._bookings(readings),
            *self._refusals(heard, readings),
            *self._messages(heard),
            *(sentence for owner in self._owners.values() for sentence in self._events(owner)),
            *self._lost_accounts(),
            *self._proves_something(),
        ]

    def _readings(self) -> dict[str, Readings]:
        rows: dict[str, list[_Change]] = {agent_id: [] for agent_id in self._owners}
        query = "SELECT agent_id, at, old_read_at, read_at FROM chaos_readings ORDER BY at"
        for agent_id, at, old, new in self._connection.execute(query):
            rows[agent_id].append(_Change(at, old, new))
        self.figures["readings"] = sum(change.is_reading for changes in rows.values() for change in changes)
        return {agent_id: Readings(changes, self._max_age) for agent_id, changes in rows.items()}

    def _bookings(self, readings: dict[str, Readings]) -> list[str]:
        """Find bookings over an event that the reading before them had, and bookings by a calendar that was too old."""
        broken = []
        query = """
            SELECT agent_id, appointment_id, kind, happened_at, new_start, new_start + (end_time - start_time)
            FROM appointment_events JOIN appointments ON id = appointment_id
            WHERE kind IN ('booked', 'moved') AND agent_id = ANY(%s)
        """
        for agent_id, number, kind, at, start, end in self._connection.execute(query, [list(self._owners)]):
            self.figures["bookings"] += 1
            seen = readings[agent_id]
            reading = seen.relied_on(at)
            if seen.was_always_old(at, at + BOOKING_S):
                broken.append(f"viewing {number} was {kind} at {at} by a calendar that was too old")
            elif reading is not None and any(
                stay.start < end and stay.end > start and stay.was_there(reading.new, at + BOOKING_S)
                for stay in self._owners[agent_id].stays
            ):
                broken.append(f"viewing {number} was {kind} at {at} over an event that had been read at {reading.new}")
        return broken

    def _refusals(self, heard: list[Heard], readings: dict[str, Readings]) -> list[str]:
        broken = []
        for call in heard:
            for refused in call.refused:
                self.figures["refusals"] += 1
                seen = readings.get(f"agent-{refused.agent}")
                if seen is None:
                    broken.append(f"{call.call_id}: refused for a calendar, but there is none")
                elif not seen.was_ever_old(refused.asked_at, refused.answered_at):
                    broken.append(
                        f"{call.call_id}: refused at {refused.answered_at}, but the calendar was young enough"
                    )
        return broken

    def _messages(self, heard: list[Heard]) -> list[str]:
        rows = self._connection.execute("SELECT vapi_call_id FROM messages WHERE is_urgent").fetchall()
        urgent = Counter(row[0] for row in rows)
        return [
            f"{call.call_id}: refused for a calendar, with {urgent[call.call_id]} urgent messages in place of one"
            for call in heard
            if call.refused and urgent[call.call_id] != 1
        ]

    def _events(self, owner: Owner) -> list[str]:
        """Compare the events at a provider with the confirmed viewings, and with what is reported of them."""
        broken = []
        present: dict[int, list[OurEvent]] = {}
        for event in owner.calendar.ours(owner.namespace):
            present.setdefault(event.marker.appointment_id, []).append(event)
        query = """
            SELECT id, start_time, end_time, remote_change, remote_start, remote_end
            FROM appointments LEFT JOIN calendar_viewings ON appointment_id = id
            WHERE agent_id = %s AND status = 'confirmed'
        """
        for number, start, end, change, changed_start, changed_end in self._connection.execute(query, [owner.agent_id]):
            found = present.pop(number, [])
            self.figures["events"] += len(found)
            self.figures["changed by people"] += change is not None
            expected = {None: [(start, end)], "moved": [(changed_start, changed_end)], "deleted": []}[change]
            if [(event.start, event.end) for event in found] != expected:
                shown = [f"{event.marker} {event.start}" for event in found]
                broken.append(
                    f"viewing {number} at {start} ({change or 'as written'}) has the events {shown};"
                    f" {self._known_of(number)}"
                )
            elif change == "moved" and (changed_start, changed_end) == (start, end):
                broken.append(f"viewing {number} is reported as moved to its own time")
        broken += [
            f"viewing {number} is not confirmed, but has the event {event.marker}; {self._known_of(number)}"
            for number, found in present.items()
            for event in found
        ]
        return broken

    def _known_of(self, number: int) -> str:
        """Return what the database says about a viewing, its event and the jobs of it, to explain a violation."""
        row = self._connection.execute(
            """
            SELECT json_build_object(
                'viewing', (SELECT json_build_object('agent', agent_id, 'status', status, 'updated', updated_at)
                            FROM appointments WHERE id = %(number)s),
                'event', (SELECT to_json(state) FROM calendar_viewings AS state WHERE appointment_id = %(number)s),
                'jobs', (SELECT json_agg(json_build_object(
                             'task', task_name, 'status', status, 'attempts', attempts, 'args', args))
                         FROM procrastinate_jobs WHERE (args ->> 'appointment_id')::int = %(number)s)
            )::text
            """,
            {"number": number},
        ).fetchone()
        return f"known: {row[0]}" if row else "unknown"

    def _lost_accounts(self) -> list[str]:
        rows = self._connection.execute("SELECT name, state, problem FROM calendar_accounts WHERE problem IS NOT NULL")
        return [f"{name} is {state} although its provider answers: {problem}" for name, state, problem in rows]

    def _proves_something(self) -> list[str]:
        self.figures["touched by people"] = sum(owner.touched for owner in self._owners.values())
        needed = ("readings", "bookings", "events", "touched by people")
        return [f"no {name} at all: the run proves nothing" for name in needed if not self.figures[name]]
