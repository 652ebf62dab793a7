"""Notify agents of what no change of a viewing causes: flagged calls, calendars, morning lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.agents.repository import AgentRepository
from peterental.calendars.repository import CalendarRepository
from peterental.calls.model import CallFilter
from peterental.calls.queries import CallQueries
from peterental.clock import utc_now
from peterental.notices.agent_choices.model import CHANNELS, TROUBLE_AFTER
from peterental.notices.agent_choices.morning_list import MorningLists
from peterental.notices.agent_choices.repository import AgentChoicesRepository

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.calls.model import CallSummary, Flag
    from peterental.database.pool import Database

FLAGS: tuple[Flag, ...] = ("fault", "unbooked")

CALLS_SINCE = timedelta(hours=6)
"""Agents are not notified of calls that began longer ago: they turned the notices on later."""

CALL_SETTLES = timedelta(minutes=1)
"""How long after its end a call's tool calls and its report may still arrive."""

CALL_LASTS = timedelta(hours=2)
"""A call that began longer ago is over, although its end was not reported."""

MAX_CALLS = 200
STALE_AFTER = timedelta(days=1)
LIST_WITHIN = timedelta(hours=4)
"""How late a morning list may be, after an outage."""


class AgentNoticePlanner:
    """Writes the notices of the agents of one database. What was written already is not written again.

    Args:
        database: where they are stored.
        lists: reads what morning lists say.
        now: returns the present moment, aware.
    """

    def __init__(self, database: Database, lists: MorningLists, now: Callable[[], datetime] = utc_now) -> None:
        self._repository = AgentChoicesRepository(database)
        self._agents = AgentRepository(database)
        self._calls = CallQueries(database)
        self._calendars = CalendarRepository(database)
        self._lists = lists
        self._now = now

    def plan(self) -> int:
        """Write what is due now, and return how many notices of calls and calendars, and how many lists."""
        now = self._now()
        return self._notify_of_calls(now) + self._notify_of_calendars(now) + self._write_lists(now)

    def _notify_of_calls(self, now: datetime) -> int:
        flagged: dict[str, str] = {}
        for flag in FLAGS:
            wanted = CallFilter(flag=flag, since=now - CALLS_SINCE)
            calls = self._calls.listing(None, wanted, slice(0, MAX_CALLS), now)[0]
            flagged |= {call.vapi_call_id: call.agent_id for call in calls if call.agent_id and _is_over(call, now)}
        pairs = [(agent_id, f"call:{call_id}") for call_id, agent_id in sorted(flagged.items())]
        return self._repository.notify("agent_flagged_call", pairs, now, now + STALE_AFTER) if pairs else 0

    def _notify_of_calendars(self, now: datetime) -> int:
        """Notify each agent once of an outage: the first failure is part of what the notice is about."""
        failing = self._calendars.failing(now - TROUBLE_AFTER)
        pairs = [
            (account.agent_id, f"calendar:{account.account_id}:{account.failed_since:%Y-%m-%dT%H:%M:%S.%f}")
            for account in failing
        ]
        return self._repository.notify("agent_calendar_trouble", pairs, now, now + STALE_AFTER) if pairs else 0

    def _write_lists(self, now: datetime) -> int:
        written = 0
        for due in self._repository.due_lists(now, LIST_WITHIN):
            agent = self._agents.get(due.agent_id, None)
            if agent is not None:
                contents = [self._lists.read(agent, channel, due.day, now) for channel in CHANNELS]
                has_content = not all(content.is_empty for content in contents)
                is_decided = self._repository.decide_list(due, has_content=has_content, at=now, until=now + LIST_WITHIN)
                written += is_decided and has_content
        return written


def _is_over(call: CallSummary, now: datetime) -> bool:
    if call.has_ended:
        return (call.ended_at or call.started_or_created_at) <= now - CALL_SETTLES
    return call.started_or_created_at <= now - CALL_LASTS
