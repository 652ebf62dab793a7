"""Calls: put together from what Vapi reports, with every tool call and what it led to, and messages taken."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.calls.model import (
    UNASSIGNED,
    CallFilter,
    CallPage,
    CallRecord,
    CallUnknown,
    MessageMissing,
    MessageTaken,
)
from peterental.calls.queries import CallQueries
from peterental.calls.repository import CallRepository
from peterental.calls.retry_queue import CallUpdateQueue
from peterental.clock import utc_now
from peterental.errors import Fault
from peterental.messages.repository import MessageRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.calls.model import (
        Call,
        CallSummary,
        CallUpdate,
        Render,
        ToolCall,
        ToolInvocation,
        UnknownAssistant,
    )
    from peterental.calls.repository import PendingHistory
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.errors import Refusal
    from peterental.messages.model import MessageDraft

PAGE_SIZE = 25

RECENT_DAYS = 30
UNREGISTERED_SHOWN = 5
UNREGISTERED_COUNTED = 5_000
"""Calls for nobody that are looked at, so that a line that is rung all day costs no more."""

log = logging.getLogger(__name__)


class CallService:
    """The phone calls of one database.

    Args:
        database: where they are kept.
        now: gives the present moment, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._calls = CallRepository(database)
        self._late = CallUpdateQueue(self._calls.upsert)
        self._reader = CallQueries(database)
        self._messages = MessageRepository(database)
        self._now = now

    def record_update(self, update: CallUpdate) -> None:
        """Keep what a status update or an end-of-call report says, in whatever order and however often they come.

        An ended call stays ended; a report is believed rather than an update. One round trip. With the database away
        it is held in memory until that is back: a report comes once.
        """
        now = self._now()
        try:
            self._calls.upsert(update, now)
        except Fault as fault:
            self._late.enqueue(update, now)
            log.warning("Held until it can be kept: %s", fault, extra={"call_id": update.vapi_call_id})

    def get(self, vapi_call_id: str) -> Call | None:
        """Give one call, or None where nothing was reported of it. One round trip."""
        return self._calls.get(vapi_call_id)

    def tool_calls(self, vapi_call_id: str) -> tuple[ToolCall, ...]:
        """Give the tool calls of one call, in the order they were answered. One round trip."""
        return self._calls.tool_calls(vapi_call_id)

    def listing(self, viewer: Viewer, call_filter: CallFilter, *, page: int = 1) -> CallPage:
        """Give one page of the calls that the viewer may see, latest first. One round trip.

        Args:
            viewer: who looks; calls for nobody are for admins.
            call_filter: which calls.
            page: from 1.
        """
        if call_filter.agent_id == UNASSIGNED and not viewer.is_admin:
            return CallPage(calls=(), has_more=False)
        call_filter = replace(call_filter, text=_tidy(call_filter.text), agent_id=_tidy(call_filter.agent_id))
        first = (page - 1) * PAGE_SIZE
        found, is_truncated = self._reader.listing(_only_of(viewer), call_filter, slice(first, first + PAGE_SIZE + 1))
        return CallPage(calls=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE, is_truncated=is_truncated)

    def latest(self, agent_id: str, viewer: Viewer, *, limit: int) -> tuple[CallSummary, ...]:
        """Give the latest calls of one agent, none where it is not the viewer's to see. One round trip."""
        call_filter = CallFilter(agent_id=_tidy(agent_id))
        return tuple(self._reader.listing(_only_of(viewer), call_filter, slice(0, limit))[0])

    def weekly_counts(self, agent: Agent, edges: Sequence[datetime], limit: int) -> list[tuple[int, int, int]]:
        """Count the calls of an agent that the viewer was given, by week. One round trip.

        Args:
            agent: whose.
            edges: when each week starts, in order, and when the last one ends.
            limit: how many calls to count, the latest first.

        Returns: the number of the week from 1, how many calls, how many of them led to a viewing.
        """
        return self._reader.by_week(agent.agent_id, edges, limit)

    def unregistered(self, viewer: Viewer) -> tuple[UnknownAssistant, ...]:
        """Give what was rung within RECENT_DAYS and belongs to no agent, for admins; nothing for others.

        One round trip, for admins.
        """
        if not viewer.is_admin:
            return ()
        since = self._now() - timedelta(days=RECENT_DAYS)
        return tuple(self._reader.unregistered(since, counted=UNREGISTERED_COUNTED, limit=UNREGISTERED_SHOWN))

    def record(self, vapi_call_id: str, viewer: Viewer) -> CallRecord:
        """Give all that is known of one call. Two round trips.

        Raises CallUnknown, also where it is not the viewer's to see.
        """
        found = None if "\x00" in vapi_call_id else self._reader.record(vapi_call_id, _only_of(viewer))
        if found is None:
            raise CallUnknown
        summary, call = found
        return CallRecord(summary=summary, call=call, tool_calls=self._calls.tool_calls(vapi_call_id))

    def begin(self, connection: Connection, invocation: ToolInvocation) -> PendingHistory:
        """Queue, in a transaction that will change something, the lock on the agent and what this call was told so far.

        Costs no round trip of its own.
        """
        return self._calls.begin(connection, invocation)

    def record_tool_call(
        self,
        connection: Connection,
        invocation: ToolInvocation,
        *,
        answer: str,
        outcome: str,
        agent_id: str | None = None,
        appointment_id: int | None = None,
        offered: Sequence[datetime] = (),
    ) -> None:
        """Queue the keeping of a tool call in the transaction that did what it asked. No round trip of its own.

        Args:
            connection: the transaction's.
            invocation: the tool call.
            answer: the sentence; the same tool call hears it again.
            outcome: what it led to, one word of `ToolCall.outcome`.
            agent_id: whose; found by the key of the invocation where None.
            appointment_id: which booking it is about; found by the tool-call id where this transaction made it.
            offered: the starting times named in the answer.
        """
        self._calls.record_tool_call(
            connection, invocation, self._values(answer, outcome, agent_id, appointment_id, offered)
        )

    def record_tool_call_alone(
        self,
        invocation: ToolInvocation,
        *,
        answer: str,
        outcome: str,
        agent_id: str | None = None,
        offered: Sequence[datetime] = (),
    ) -> None:
        """Keep a tool call that changed nothing. One round trip; the arguments are those of `record_tool_call`."""
        self._calls.record_tool_call_alone(invocation, self._values(answer, outcome, agent_id, None, offered))

    def take_message(self, invocation: ToolInvocation, draft: MessageDraft, render: Render) -> str:
        """Put a message into the agent's inbox and give the sentence that says so. Two round trips.

        The same tool call, or the same message again in the same phone call, is told the same and kept once.
        """
        now = self._now()
        with self._database.transaction() as connection:
            pending_history = self._calls.begin(connection, invocation)
            agent = self._calls.reachable_agent(connection, invocation.agent_key)
            connection.sync()
            row = agent.fetchone()
            history = pending_history.read()
            if history.redelivered is not None:
                return history.redelivered.answer
            refusal = _why_not(row, draft)
            earlier = history.answer_to_identical_call(invocation, "message")
            if row is not None and refusal is None and earlier is None:
                self._messages.add(
                    connection,
                    row["agent_id"],
                    draft,
                    now,
                    vapi_call_id=invocation.vapi_call_id or None,
                    caller_number=invocation.caller_number,
                )
            can_call_back = bool(draft.attendee_phone or invocation.caller_number)
            answer = earlier or render(refusal or MessageTaken(can_call_back), None, now)
            outcome = "refused" if refusal else "message"
            self.record_tool_call(
                connection, invocation, answer=answer, outcome=outcome, agent_id=row["agent_id"] if row else None
            )
        return answer

    def _values(
        self,
        answer: str,
        outcome: str,
        agent_id: str | None,
        appointment_id: int | None,
        offered: Sequence[datetime],
    ) -> dict[str, object]:
        return {
            "answer": answer,
            "outcome": outcome,
            "agent_id": agent_id,
            "appointment_id": appointment_id,
            "offered": list(offered) or None,
            "received_at": self._now(),
        }


def _why_not(agent: Mapping[str, Any] | None, draft: MessageDraft) -> Refusal | None:
    """Give why a message cannot be taken, if so."""
    if agent is None:
        return AgentUnknown()
    if not agent["is_active"]:
        return AgentInactive(agent_name=agent["agent_name"])
    return None if draft.body else MessageMissing()


def _only_of(viewer: Viewer) -> int | None:
    """Give whose calls a viewer sees: None is everybody's."""
    return None if viewer.is_admin else viewer.user_id


def _tidy(text: str) -> str:
    return text.replace("\x00", "").strip()
