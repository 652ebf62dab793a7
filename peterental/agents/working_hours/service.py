"""Changes of working hours, date overrides and busy blocks.

Each change locks the agent, as bookings do, and is recorded in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentChanged, Window
from peterental.agents.repository import AgentRepository
from peterental.agents.service import AgentService, agent_change, lock_agent
from peterental.agents.working_hours.model import (
    MINUTES_PER_DAY,
    BusyBlock,
    BusyBlockInPast,
    BusyBlockRequest,
    BusyBlockUnknown,
    DateOverride,
    EndsBeforeStart,
    ExternalBusyBlock,
    OverrideExists,
    OverrideInPast,
    OverrideUnknown,
    Schedule,
    format_windows,
)
from peterental.agents.working_hours.repository import WorkingHoursRepository, date_override
from peterental.audit.model import changed_values
from peterental.audit.service import AuditService
from peterental.clock import existing_instant, midnight, utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class _LockedChange:
    """A change in progress: the transaction, and the locked agent before the change."""

    connection: DeadlineConnection
    agent: Agent
    actor: Viewer


class WorkingHoursService:
    """The working hours of one database's agents.

    Args:
        database: where they are stored.
        agents: checks which agents a viewer may see.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        agents: AgentService,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._agents = agents
        self._locks = AgentRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._audit = audit
        self._now = now

    def schedule(self, agent_id: str, viewer: Viewer) -> Schedule:
        """Return an agent with its date overrides and busy blocks, from now on.

        Three queries. Raises AgentUnknown.
        """
        agent = self._agents.get(agent_id, viewer)
        days = self.date_overrides(agent, self.today(agent))
        return Schedule(agent=agent, days=days, busy=self.busy_blocks(agent, self._now()))

    def date_overrides(self, agent: Agent, first: date) -> tuple[DateOverride, ...]:
        """Return the date overrides from `first` on of an agent that the viewer may see.

        One query.
        """
        return self._hours.overrides(agent.agent_id, first)

    def busy_blocks(self, agent: Agent, since: datetime, until: datetime | None = None) -> tuple[BusyBlock, ...]:
        """Return busy blocks of an agent that the viewer may see, earliest first.

        One query.

        Args:
            agent: whose blocks.
            since: only blocks that end later, aware.
            until: only blocks that begin earlier, aware; None for no limit.
        """
        return self._hours.busy_blocks(agent.agent_id, since, until)

    def today(self, agent: Agent) -> date:
        """Return the current date in an agent's time zone."""
        return self._now().astimezone(agent.zone).date()

    def set_week(
        self, agent_id: str, week: Sequence[Sequence[Window]], viewer: Viewer, *, seen: datetime | None = None
    ) -> None:
        """Replace an agent's weekly working hours; existing bookings outside them remain.

        Args:
            agent_id: whose hours.
            week: the windows of each day, Monday first.
            viewer: who changes them.
            seen: `updated_at` of the agent when the form was opened; None to skip the check for edit conflicts.

        Raises AgentUnknown, AgentChanged.
        """
        with self._locked_change(agent_id, viewer) as change:
            new = tuple((weekday, window) for weekday, day in enumerate(week, start=1) for window in sorted(day))
            before, after = changed_values(_by_weekday(change.agent.rules.week), _by_weekday(new))
            if after and seen is not None and change.agent.updated_at != seen:
                raise AgentChanged(change.agent)
            if after:
                self._hours.replace_week(change.connection, agent_id, new)
                self._record_change(change, "hours changed", before, after)

    def add_override(self, agent_id: str, override: DateOverride, viewer: Viewer) -> None:
        """Add a date override. The same one is not added again: people press a button twice.

        Raises AgentUnknown, OverrideInPast, OverrideExists.
        """
        with self._locked_change(agent_id, viewer) as change:
            if override.day < self.today(change.agent):
                raise OverrideInPast
            stored = date_override(self._hours.find_override(change.connection, agent_id, override.day).fetchall())
            if stored is not None and _override_fields(stored) == _override_fields(override):
                return
            if stored is not None:
                raise OverrideExists
            self._hours.add_override(change.connection, agent_id, override)
            self._record_change(change, "other hours added", {}, _override_fields(override))

    def remove_override(self, agent_id: str, day: date, viewer: Viewer) -> None:
        """Remove the override of a day. Raises AgentUnknown, OverrideUnknown."""
        with self._locked_change(agent_id, viewer) as change:
            override = date_override(self._hours.find_override(change.connection, agent_id, day).fetchall())
            if override is None:
                raise OverrideUnknown
            self._hours.remove_override(change.connection, agent_id, day)
            self._record_change(change, "other hours removed", _override_fields(override), {})

    def add_busy_block(self, agent_id: str, request: BusyBlockRequest, viewer: Viewer) -> BusyBlock:
        """Block a time for bookings.

        A start in a repeated hour is the first of its two instants, an end in it the second. If a manual block with the
        same times and note exists, it is returned and no other is added: people press a button twice.

        Raises AgentUnknown, TimeSkipped, EndsBeforeStart, BusyBlockInPast.
        """
        with self._locked_change(agent_id, viewer) as change:
            start, until = _utc_range(request, change.agent.zone)
            if until <= start:
                raise EndsBeforeStart
            if until <= self._now():
                raise BusyBlockInPast
            same = self._hours.find_same_block(change.connection, agent_id, start, until, request.note).fetchone()
            if same is not None:
                return BusyBlock(**same)
            row = self._hours.add_busy_block(change.connection, agent_id, start, until, request.note).fetchone()
            assert row is not None  # noqa: S101  # for mypy; RETURNING returns the added row
            busy = BusyBlock(**row)
            self._record_change(change, "busy time added", {}, _busy_fields(busy))
        return busy

    def remove_busy_block(self, agent_id: str, busy_id: int, viewer: Viewer) -> None:
        """Remove a manual busy block.

        Raises AgentUnknown, BusyBlockUnknown, ExternalBusyBlock.
        """
        with self._locked_change(agent_id, viewer) as change:
            is_possible = 0 < busy_id <= MAX_BIGINT
            row = self._hours.find_busy_block(change.connection, agent_id, busy_id).fetchone() if is_possible else None
            if row is None:
                raise BusyBlockUnknown
            busy = BusyBlock(**row)
            if not busy.is_manual:
                raise ExternalBusyBlock(source=busy.source)
            self._hours.remove_busy_block(change.connection, busy_id)
            self._record_change(change, "busy time removed", _busy_fields(busy), {})

    @contextmanager
    def _locked_change(self, agent_id: str, viewer: Viewer) -> Iterator[_LockedChange]:
        """Lock an agent for a change. Raises AgentUnknown."""
        with self._database.transaction() as connection:
            yield _LockedChange(connection, lock_agent(self._locks, connection, agent_id, viewer), viewer)

    def _record_change(
        self, change: _LockedChange, action: str, before: Mapping[str, object], after: Mapping[str, object]
    ) -> None:
        """Queue the agent's new `updated_at` and the entry in the audit log."""
        self._locks.touch(change.connection, change.agent.agent_id)
        self._audit.record(change.connection, change.actor, agent_change(change.agent, action, before, after))


def _by_weekday(week: Sequence[tuple[int, Window]]) -> dict[str, str]:
    return {
        name: format_windows(sorted(window for weekday, window in week if weekday == number))
        for number, name in enumerate(WEEKDAYS, start=1)
    }


def _override_fields(override: DateOverride) -> dict[str, object]:
    return {"day": override.day, "hours": format_windows(override.windows), "note": override.note}


def _busy_fields(busy: BusyBlock) -> dict[str, object]:
    return {"from": busy.start, "until": busy.until, "note": busy.note}


def _utc_range(request: BusyBlockRequest, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the start and the end of a requested block, in UTC. Raises TimeSkipped."""
    start = (
        existing_instant(request.first_day, request.from_min, zone)
        if request.from_min is not None
        else midnight(request.first_day, zone)
    )
    if request.until_min is None or request.until_min == MINUTES_PER_DAY:
        return start, midnight(request.last_day + timedelta(days=1), zone)
    return start, existing_instant(request.last_day, request.until_min, zone, fold=1)
