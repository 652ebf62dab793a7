"""Closures of the office: add, change and remove them, with the blocks of every agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from peterental.access import Viewer, require_admin
from peterental.agents.time_off.blocks import TimeOffBlocks
from peterental.agents.time_off.descriptions import closure_fields
from peterental.agents.time_off.model import (
    MAX_CLOSURES_AT_ONCE,
    Closure,
    ClosureChanged,
    ClosureEntry,
    ClosureNameMissing,
    ClosureUnknown,
    LastDayBeforeFirst,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
    TooManyClosures,
)
from peterental.agents.time_off.repository import ClosureRepository, closure_of, translate_constraint_errors
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database

CLOSURES_PER_STEP = 5
"""Closures that are added while every agent is locked: a thousand rows for 200 agents."""

WEST_OF_ALL = timedelta(hours=12)
"""The last place on earth where a day ends is so far behind UTC."""


class ClosureService:
    """The closures of one office. They apply to every agent, also to one that is added later.

    A change locks every agent, as bookings do, so no booking under way misses it. It is recorded in the audit log.

    Args:
        database: where they are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._closures = ClosureRepository(database)
        self._blocks = TimeOffBlocks(database)
        self._audit = audit
        self._now = now

    def get(self, closure_id: int, viewer: Viewer) -> Closure:
        """Return one closure. One query. Raises AdminsOnly, ClosureUnknown."""
        require_admin(viewer)
        closure = self._closures.get(closure_id) if 0 < closure_id <= MAX_BIGINT else None
        if closure is None:
            raise ClosureUnknown
        return closure

    def of_days(self, first: date, last: date, viewer: Viewer) -> tuple[Closure, ...]:
        """Return the closures of some days, by day. One query. Raises AdminsOnly."""
        require_admin(viewer)
        return self._closures.of_days(first, last)

    def add(self, closures: Sequence[ClosureEntry], viewer: Viewer) -> tuple[Closure, ...]:
        """Close the office, and return the closures that were added.

        One that exists already with this name and time is left out: people press a button twice. Viewings that fall
        into a closure stay booked. Many are added in steps, each in a transaction of its own, because callers wait
        while every agent is locked.

        Raises AdminsOnly, ClosureNameMissing, LastDayBeforeFirst, TimeOffEndsBeforeStart, TimeOffInPast,
        TooManyClosures.
        """
        require_admin(viewer)
        if len(closures) > MAX_CLOSURES_AT_ONCE:
            raise TooManyClosures(limit=MAX_CLOSURES_AT_ONCE)
        entries = [self._valid(entry) for entry in closures]
        added: list[Closure] = []
        for first in range(0, len(entries), CLOSURES_PER_STEP):
            added += self._add(entries[first : first + CLOSURES_PER_STEP], viewer)
        return tuple(added)

    def _add(self, entries: Sequence[ClosureEntry], viewer: Viewer) -> list[Closure]:
        with self._locked() as connection:
            found = [self._closures.insert(connection, entry) for entry in entries]
            added = [closure for closure in found if closure is not None]
            self._blocks.renew_closures(connection, added)
            for closure in added:
                self._record(connection, viewer, "closure added", closure, after=closure)
        return added

    def change(self, closure_id: int, closure: ClosureEntry, viewer: Viewer, *, seen: datetime | None = None) -> None:
        """Change a closure and the blocks of every agent.

        Args:
            closure_id: which.
            closure: its new values.
            viewer: who changes it; an admin.
            seen: `updated_at` of the closure when the form was opened; None to skip the check for edit conflicts.

        Raises AdminsOnly, ClosureUnknown, ClosureChanged, ClosureExists, and what `add` raises.
        """
        require_admin(viewer)
        closure = self._valid(closure)
        with self._locked() as connection:
            before = self._read(connection, closure_id)
            if replace(before, **vars(closure)) == before:
                return
            if seen is not None and before.updated_at != seen:
                raise ClosureChanged(before)
            self._closures.update(connection, closure_id, closure)
            after = self._read(connection, closure_id)
            self._blocks.renew_closures(connection, [after])
            self._record(connection, viewer, "closure changed", after, before=before, after=after)

    def remove(self, closure_id: int, viewer: Viewer) -> Closure:
        """Remove a closure with the blocks of every agent, and return it. Raises AdminsOnly, ClosureUnknown."""
        require_admin(viewer)
        with self._locked() as connection:
            before = self._read(connection, closure_id)
            self._closures.delete(connection, closure_id)
            self._record(connection, viewer, "closure removed", before, before=before)
        return before

    @contextmanager
    def _locked(self) -> Iterator[DeadlineConnection]:
        with translate_constraint_errors(), self._database.transaction() as connection:
            self._closures.lock(connection)
            connection.sync()
            yield connection

    def _read(self, connection: DeadlineConnection, closure_id: int) -> Closure:
        row = self._closures.read(connection, closure_id).fetchone() if 0 < closure_id <= MAX_BIGINT else None
        if row is None:
            raise ClosureUnknown
        return closure_of(row)

    def _valid(self, entry: ClosureEntry) -> ClosureEntry:
        name = entry.name.replace("\x00", "").strip()
        if not name:
            raise ClosureNameMissing
        if entry.last_day < entry.first_day:
            raise LastDayBeforeFirst
        if entry.last_day == entry.first_day and entry.until_min <= entry.from_min:
            raise TimeOffEndsBeforeStart
        if (
            datetime(entry.last_day.year, entry.last_day.month, entry.last_day.day, tzinfo=UTC)
            + timedelta(minutes=entry.until_min)
            <= self._now() - WEST_OF_ALL
        ):
            raise TimeOffInPast
        return replace(entry, name=name)

    def _record(
        self,
        connection: DeadlineConnection,
        viewer: Viewer,
        action: str,
        closure: Closure,
        *,
        before: Closure | None = None,
        after: Closure | None = None,
    ) -> None:
        old = closure_fields(before) if before else {}
        new = closure_fields(after) if after else {}
        change = Change(
            action=action,
            subject_kind="closure",
            subject_id=str(closure.closure_id),
            subject_name=closure.name,
            before={name: value for name, value in old.items() if not new or new[name] != value},
            after={name: value for name, value in new.items() if not old or old[name] != value},
        )
        self._audit.record(connection, viewer, change)
