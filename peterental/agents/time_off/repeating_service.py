"""Repeating blocks of agents: add, change, leave out single days, remove; and write the times to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from peterental.access import Viewer, owner_filter
from peterental.agents.model import Agent, AgentUnknown
from peterental.agents.repository import AgentRepository
from peterental.agents.service import agent_change, lock_agent
from peterental.agents.time_off.blocks import TimeOffBlocks
from peterental.agents.time_off.descriptions import repeating_fields
from peterental.agents.time_off.expansion import days_of
from peterental.agents.time_off.model import (
    MAX_REPEATING_PER_AGENT,
    MAX_WEEKS,
    LastDayBeforeFirst,
    NotOnThatDay,
    RepeatingBlock,
    RepeatingBlockChanged,
    RepeatingBlockUnknown,
    RepeatingEntry,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
    TooManyRepeatingBlocks,
    WeekdaysMissing,
    WeeksOutOfRange,
)
from peterental.agents.time_off.repository import RepeatingBlockRepository, repeating_of, translate_constraint_errors
from peterental.audit.model import changed_values
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database


@dataclass(frozen=True)
class _LockedChange:
    """A change in progress: the transaction, its locked agent, the viewer, and the block before the change."""

    connection: DeadlineConnection
    agent: Agent
    viewer: Viewer
    block: RepeatingBlock


class RepeatingBlockService:
    """The repeating blocks of one database's agents.

    Each change locks the agent, as bookings do, writes the blocks to come in the same transaction, and is recorded in
    the audit log.

    Args:
        database: where they are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._agents = AgentRepository(database)
        self._repeating = RepeatingBlockRepository(database)
        self._blocks = TimeOffBlocks(database)
        self._audit = audit
        self._now = now

    def get(self, repeating_id: int, viewer: Viewer) -> RepeatingBlock:
        """Return one repeating block. One query.

        Raises RepeatingBlockUnknown, also for one of an agent that the viewer may not see.
        """
        known = 0 < repeating_id <= MAX_BIGINT
        block = self._repeating.get(repeating_id, owner_filter(viewer)) if known else None
        if block is None:
            raise RepeatingBlockUnknown
        return block

    def add(self, agent_id: str, repeating: RepeatingEntry, viewer: Viewer) -> RepeatingBlock:
        """Add a repeating block to an agent. Viewings that fall into it stay booked.

        If the agent has the same one, it is returned and no other is added: people press a button twice.

        Raises AgentUnknown, WeekdaysMissing, WeeksOutOfRange, LastDayBeforeFirst, TimeOffEndsBeforeStart,
        TimeOffInPast, TooManyRepeatingBlocks.
        """
        entry = _valid(repeating)
        with translate_constraint_errors(), self._database.transaction() as connection:
            agent = lock_agent(self._agents, connection, agent_id, viewer)
            self._require_future(entry, agent)
            rows = self._repeating.read_of_agent(connection, agent.agent_id).fetchall()
            same = next((block for block in map(repeating_of, rows) if _entry_of(block) == entry), None)
            if same is not None:
                return same
            if len(rows) >= MAX_REPEATING_PER_AGENT:
                raise TooManyRepeatingBlocks(limit=MAX_REPEATING_PER_AGENT)
            repeating_id = self._repeating.insert(connection, agent.agent_id, entry)
            block = self._read(connection, repeating_id)
            self._blocks.renew_repeating(connection, block, self._now())
            self._agents.touch(connection, agent.agent_id)
            change = agent_change(agent, "repeating block added", {}, repeating_fields(entry))
            self._audit.record(connection, viewer, change)
        return block

    def change(
        self, repeating_id: int, repeating: RepeatingEntry, viewer: Viewer, *, seen: datetime | None = None
    ) -> None:
        """Change a repeating block; times that are over stay as they were.

        Args:
            repeating_id: which.
            repeating: its new values.
            viewer: who changes it.
            seen: `updated_at` of the block when the form was opened; None to skip the check for edit conflicts.

        Raises RepeatingBlockUnknown, RepeatingBlockChanged, and what `add` raises.
        """
        entry = _valid(repeating)
        with self._locked_change(repeating_id, viewer) as change:
            before, after = changed_values(repeating_fields(change.block), repeating_fields(entry))
            if after and seen is not None and change.block.updated_at != seen:
                raise RepeatingBlockChanged(change.block)
            self._require_future(entry, change.agent)
            if after:
                self._repeating.update(change.connection, repeating_id, entry)
                self._finish(change, "repeating block changed", before, after)

    def skip(self, repeating_id: int, day: date, viewer: Viewer) -> None:
        """Leave out one day. Raises RepeatingBlockUnknown, NotOnThatDay, TimeOffInPast."""
        with self._locked_change(repeating_id, viewer) as change:
            if day < self._today(change.agent):
                raise TimeOffInPast
            if day not in days_of(change.block, day, day):
                raise NotOnThatDay
            if day not in change.block.exceptions:
                self._repeating.add_exception(change.connection, repeating_id, day)
                self._finish(change, "repeating block left out", {}, _exception_fields(change.block, day))

    def unskip(self, repeating_id: int, day: date, viewer: Viewer) -> None:
        """No longer leave out one day. Raises RepeatingBlockUnknown."""
        with self._locked_change(repeating_id, viewer) as change:
            if day in change.block.exceptions:
                self._repeating.remove_exception(change.connection, repeating_id, day)
                self._finish(change, "repeating block no longer left out", _exception_fields(change.block, day), {})

    def remove(self, repeating_id: int, viewer: Viewer) -> RepeatingBlock:
        """Remove a repeating block with all its times, and return it. Raises RepeatingBlockUnknown."""
        with self._locked_change(repeating_id, viewer) as change:
            self._repeating.delete(change.connection, repeating_id)
            self._agents.touch(change.connection, change.agent.agent_id)
            self._audit.record(
                change.connection,
                viewer,
                agent_change(change.agent, "repeating block removed", repeating_fields(change.block), {}),
            )
        return change.block

    def extend(self, should_stop: Callable[[], bool] = lambda: False) -> int:
        """Write the blocks to come of every agent, and return for how many agents that was done.

        Each agent has its own transaction, and what is written already is left: a run that ends in the middle may be
        repeated at any time.

        Args:
            should_stop: asked before each agent.
        """
        done = 0
        for agent_id in self._agents.all_ids():
            if should_stop():
                break
            with self._database.transaction() as connection:
                pending = self._agents.lock(connection, agent_id, None)
                connection.sync()
                agent = pending.read()
                if agent is not None:
                    self._blocks.renew_agent(connection, agent.agent_id, agent.time_zone, self._now())
                    done += 1
        return done

    @contextmanager
    def _locked_change(self, repeating_id: int, viewer: Viewer) -> Iterator[_LockedChange]:
        found = self.get(repeating_id, viewer)
        with translate_constraint_errors(), self._database.transaction() as connection:
            try:
                agent = lock_agent(self._agents, connection, found.agent_id, viewer)
            except AgentUnknown as error:
                raise RepeatingBlockUnknown from error
            yield _LockedChange(connection, agent, viewer, self._read(connection, repeating_id))

    def _read(self, connection: DeadlineConnection, repeating_id: int) -> RepeatingBlock:
        row = self._repeating.read(connection, repeating_id).fetchone()
        if row is None:
            raise RepeatingBlockUnknown
        return repeating_of(row)

    def _finish(self, change: _LockedChange, action: str, before: dict[str, object], after: dict[str, object]) -> None:
        """Write the blocks of a changed definition, the agent's new `updated_at`, and the entry in the audit log."""
        block = self._read(change.connection, change.block.repeating_id)
        self._blocks.renew_repeating(change.connection, block, self._now())
        self._agents.touch(change.connection, change.agent.agent_id)
        self._audit.record(change.connection, change.viewer, agent_change(change.agent, action, before, after))

    def _require_future(self, entry: RepeatingEntry, agent: Agent) -> None:
        if entry.last_day is not None and entry.last_day < self._today(agent):
            raise TimeOffInPast

    def _today(self, agent: Agent) -> date:
        return self._now().astimezone(agent.zone).date()


def _valid(entry: RepeatingEntry) -> RepeatingEntry:
    weekdays = tuple(sorted(set(entry.weekdays)))
    if not weekdays:
        raise WeekdaysMissing
    if not 1 <= entry.every_weeks <= MAX_WEEKS:
        raise WeeksOutOfRange(limit=MAX_WEEKS)
    if entry.last_day is not None and entry.last_day < entry.first_day:
        raise LastDayBeforeFirst
    if entry.until_min <= entry.from_min:
        raise TimeOffEndsBeforeStart
    return replace(entry, weekdays=weekdays, note=(entry.note or "").replace("\x00", "").strip() or None)


def _entry_of(block: RepeatingBlock) -> RepeatingEntry:
    return RepeatingEntry(**{name: getattr(block, name) for name in RepeatingEntry.__dataclass_fields__})


def _exception_fields(block: RepeatingBlock, day: date) -> dict[str, object]:
    return {"repeats": repeating_fields(block)["repeats"], "day": day, "note": block.note}
