"""Record calls and their tool calls, list calls, and take messages."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from peterental.access import owner_filter
from peterental.agents.model import Agent, AgentUnknown
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
from peterental.calls.record_buffer import RecordBuffer
from peterental.calls.repository import CallRepository, batch_record
from peterental.calls.retry_queue import CallUpdateQueue
from peterental.calls.signature_repository import SignatureRepository
from peterental.clock import utc_now
from peterental.errors import Fault
from peterental.messages.repository import MessageRepository
from peterental.phone_numbers import DEFAULT_REGION, dialable, means_caller_number, normalise, region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from peterental.access import Viewer
    from peterental.calls.model import (
        Call,
        CallHistory,
        CallSummary,
        CallUpdate,
        Render,
        ToolCall,
        ToolInvocation,
        UnknownAssistant,
    )
    from peterental.calls.repository import BookingChange
    from peterental.database.connect import Connection
    from peterental.database.deadline import DeadlineConnection
    from peterental.database.pool import Database
    from peterental.errors import Refusal
    from peterental.messages.model import MessageDraft

PAGE_SIZE = 25

CALLBACK_NUMBER = "callback-number-needed"
"""The key of the question for a number, where a message has none."""

RECENT_DAYS = 30
MAX_UNKNOWN_ASSISTANTS = 5
MAX_UNASSIGNED_CALLS = 5_000
"""Calls without an agent that are counted; bounds the cost of a number that is called all day."""

log = logging.getLogger(__name__)


class CallService:
    """The phone calls of one database.

    Args:
        database: where they are stored.
        now: returns the current time, aware.
        buffers_records: whether tool calls that changed nothing are recorded in batches, up to 100 ms later.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime] = utc_now, *, buffers_records: bool = False
    ) -> None:
        self._database = database
        self._calls = CallRepository(database)
        self._retry_queue = CallUpdateQueue(self._calls.upsert)
        self._buffer = RecordBuffer(self._calls.record_tool_calls) if buffers_records else None
        self._queries = CallQueries(database)
        self._messages = MessageRepository(database)
        self._signatures = SignatureRepository(database)
        self._now = now

    def record_signature(self, signature: bytes) -> bool:
        """Record the signature of a request and return whether it is the first with it, in any worker.

        One round trip.
        """
        return self._signatures.record(signature)

    def record_update(self, update: CallUpdate) -> None:
        """Record a status update or an end-of-call report.

        They may come in any order and repeatedly. One round trip.

        An ended call stays ended, and a report takes precedence over status updates. Vapi sends a report only once, so
        while the database is unavailable the update is queued in memory.
        """
        now = self._now()
        try:
            self._calls.upsert(update, now)
        except Fault as fault:
            self._retry_queue.enqueue(update, now)
            log.warning(
                "Queued a call update until the database is back: %s", fault, extra={"call_id": update.vapi_call_id}
            )

    def record_fetched(self, update: CallUpdate) -> None:
        """Record a report that can be fetched again, so it is not queued. One round trip. Raises what that raises."""
        self._calls.upsert(update, self._now())

    def get(self, vapi_call_id: str) -> Call | None:
        """Return one call; None where nothing was recorded of it. One round trip."""
        return self._calls.get(vapi_call_id)

    def exists(self, vapi_call_id: str) -> bool:
        """Return whether anything was recorded of a call. One round trip."""
        return self._calls.exists(vapi_call_id)

    def record_fault(self, invocation: ToolInvocation, error: Exception, answer: str) -> None:
        """Record that a tool call ended in an error, and of which kind. Two round trips."""
        with self._database.transaction() as connection:
            stored = self.history(connection, invocation).stored(invocation)
            self.record_tool_call(connection, stored, answer=answer, outcome="fault")
            self._calls.record_fault(connection, stored, type(error).__name__)

    def without_report(self, vapi_call_ids: Sequence[str]) -> set[str]:
        """Return those of some calls whose end-of-call report never came. One round trip."""
        return self._calls.without_report(vapi_call_ids)

    def tool_calls(self, vapi_call_id: str) -> tuple[ToolCall, ...]:
        """Return the tool calls of one call, in the order in which they were answered.

        One round trip.
        """
        return self._calls.tool_calls(vapi_call_id)

    def listing(self, viewer: Viewer, call_filter: CallFilter, *, page: int = 1) -> CallPage:
        """Return one page of the calls that the viewer may see, latest first.

        One round trip.

        Args:
            viewer: only admins see calls without an agent.
            call_filter: which calls.
            page: from 1.
        """
        if call_filter.agent_id == UNASSIGNED and not viewer.is_admin:
            return CallPage(calls=(), has_more=False)
        call_filter = replace(call_filter, text=_clean(call_filter.text), agent_id=_clean(call_filter.agent_id))
        first = (page - 1) * PAGE_SIZE
        found, is_truncated, open_problems = self._queries.listing(
            owner_filter(viewer), call_filter, slice(first, first + PAGE_SIZE + 1), self._now()
        )
        return CallPage(
            calls=tuple(found[:PAGE_SIZE]),
            has_more=len(found) > PAGE_SIZE,
            is_truncated=is_truncated,
            open_problems=open_problems,
        )

    def latest(self, agent_id: str, viewer: Viewer, *, limit: int) -> tuple[CallSummary, ...]:
        """Return the latest calls of one agent, if the viewer may see it.

        One round trip.
        """
        call_filter = CallFilter(agent_id=_clean(agent_id))
        return tuple(self._queries.listing(owner_filter(viewer), call_filter, slice(0, limit), self._now())[0])

    def weekly_counts(self, agent: Agent, edges: Sequence[datetime], limit: int) -> list[tuple[int, int, int]]:
        """Count the calls of an agent by week.

        One round trip. Does not check that the viewer may see the agent.

        Args:
            agent: whose calls.
            edges: the start of each week, in order, and the end of the last one; aware.
            limit: how many calls to count at most, the latest first.

        Returns: the number of the week from 1, its calls, and those of them that led to a viewing.
        """
        return self._queries.by_week(agent.agent_id, edges, limit)

    def unknown_assistants(self, viewer: Viewer) -> tuple[UnknownAssistant, ...]:
        """Return what was called within RECENT_DAYS but belongs to no agent, for admins.

        Others get nothing, without a round trip.
        """
        if not viewer.is_admin:
            return ()
        since = self._now() - timedelta(days=RECENT_DAYS)
        return tuple(
            self._queries.unknown_assistants(since, counted=MAX_UNASSIGNED_CALLS, limit=MAX_UNKNOWN_ASSISTANTS)
        )

    def record(self, vapi_call_id: str, viewer: Viewer) -> CallRecord:
        """Return everything stored about one call. Two round trips.

        Raise CallUnknown for a missing call and for one that the viewer may not see.
        """
        found = None if "\x00" in vapi_call_id else self._queries.record(vapi_call_id, owner_filter(viewer))
        if found is None:
            raise CallUnknown
        summary, call = found
        return CallRecord(summary=summary, call=call, tool_calls=self._calls.tool_calls(vapi_call_id))

    def lock_line(self, connection: Connection, invocation: ToolInvocation) -> Callable[[], frozenset[str]]:
        """Queue the lock on the line's agents, with which every change of their bookings begins.

        Costs no round trip of its own. Returns what reads the ids of the agents, after the sync.
        """
        return self._calls.lock_line(connection, invocation)

    def begin(self, connection: Connection, invocation: ToolInvocation) -> Callable[[], CallHistory]:
        """Queue the lock on the line's agents and, after it, the query for the call's history.

        Costs no round trip of its own. Returns what reads the history, after the sync.
        """
        self._calls.lock_line(connection, invocation)
        return self._calls.queue_history(connection, invocation)

    def history(self, connection: DeadlineConnection, invocation: ToolInvocation) -> CallHistory:
        """Return the call's history. Waits for the server."""
        read = self._calls.queue_history(connection, invocation)
        connection.sync()
        return read()

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
        asked: str | None = None,
        change: BookingChange | None = None,
    ) -> None:
        """Queue the record of a tool call in the transaction that did its work.

        Costs no round trip of its own.

        Args:
            connection: the transaction's.
            invocation: the tool call.
            answer: the sentence; a repetition of the same tool call gets it again.
            outcome: what it led to, one word of `ToolCall.outcome`.
            agent_id: whose call; looked up by the invocation's key where None.
            appointment_id: the booking it concerns; looked up by the tool-call id where this transaction made it.
            offered: the start times in the answer, aware, in the order named.
            asked: the stable key of the question that the answer asks.
            change: what the same statement changes first.
        """
        self._calls.record_tool_call(
            connection,
            invocation,
            self._values(answer, outcome, agent_id, appointment_id, offered=offered, asked=asked),
            change,
        )

    def record_tool_call_alone(
        self,
        invocation: ToolInvocation,
        *,
        answer: str,
        outcome: str,
        agent_id: str | None = None,
        offered: Sequence[datetime] = (),
        asked: str | None = None,
    ) -> None:
        """Record a tool call that changed nothing.

        One round trip; arguments as for `record_tool_call`.
        """
        self._calls.record_tool_call_alone(
            invocation, self._values(answer, outcome, agent_id, None, offered=offered, asked=asked)
        )

    def record_answer(
        self,
        invocation: ToolInvocation,
        *,
        answer: str,
        outcome: str,
        agent_id: str | None,
        offered: Sequence[datetime] = (),
        asked: str | None = None,
    ) -> None:
        """Record a tool call that changed nothing, after the caller has been answered where records are buffered.

        No round trip then; else, for an unknown agent, and while the buffer is full, as `record_tool_call_alone`.
        """
        if self._buffer is not None and agent_id is not None:
            values = self._values(answer, outcome, agent_id, None, offered=offered, asked=asked)
            if self._buffer.add(batch_record(invocation, values)):
                return
        self.record_tool_call_alone(
            invocation, answer=answer, outcome=outcome, agent_id=agent_id, offered=offered, asked=asked
        )

    def settle(self, vapi_call_id: str) -> None:
        """Write the buffered records of a phone call whose history is about to be read.

        One round trip if there are any, which the tool calls that they are of have not taken.
        """
        if self._buffer is not None:
            self._buffer.settle(vapi_call_id)

    def write_buffered(self) -> bool:
        """Write all buffered records now; return whether nothing is left."""
        return self._buffer is None or self._buffer.flush()

    def take_message(self, invocation: ToolInvocation, draft: MessageDraft, render: Render) -> str:
        """Add a message to the agent's inbox and return the sentence that confirms it.

        Two round trips.

        A repeated tool call, or the same message again in the same phone call, gets the same answer and adds nothing.
        """
        now = self._now()
        self.settle(invocation.vapi_call_id)
        with self._database.transaction(plan_once=True) as connection:
            read_history = self.begin(connection, invocation)
            agent = self._calls.reachable_agent(connection, invocation.agent_key)
            connection.sync()
            row = agent.fetchone()
            history = read_history()
            if history.redelivered is not None:
                return history.redelivered.answer
            invocation = history.stored(invocation)
            refusal = _refusal_of(row, draft)
            earlier = history.answer_to_identical_call(invocation, "message")
            callee = Agent(**row) if row else None
            caller_number, draft = _with_numbers(invocation, draft, callee)
            if callee is not None and refusal is None and earlier is None:
                self._messages.add(
                    connection,
                    callee.agent_id,
                    draft,
                    now,
                    vapi_call_id=invocation.vapi_call_id or None,
                    caller_number=caller_number,
                )
            taken = MessageTaken(can_call_back=bool(draft.attendee_phone or caller_number))
            answer = earlier or render(refusal or taken, callee, now)
            self.record_tool_call(
                connection,
                invocation,
                answer=answer,
                outcome="refused" if refusal else "message",
                agent_id=callee.agent_id if callee else None,
                asked=None if refusal or taken.can_call_back else CALLBACK_NUMBER,
            )
        return answer

    def leave_urgent(
        self, connection: Connection, invocation: ToolInvocation, agent: Agent, draft: MessageDraft
    ) -> bool:
        """Queue an urgent message to an agent about what a caller wanted; one for each phone call.

        Returns whether a number to call back is known.
        """
        caller_number, draft = _with_numbers(invocation, draft, agent)
        self._messages.add(
            connection,
            agent.agent_id,
            draft,
            self._now(),
            vapi_call_id=invocation.vapi_call_id or None,
            caller_number=caller_number,
            is_urgent=True,
        )
        return bool(draft.attendee_phone or caller_number)

    def _values(
        self,
        answer: str,
        outcome: str,
        agent_id: str | None,
        appointment_id: int | None,
        *,
        offered: Sequence[datetime],
        asked: str | None,
    ) -> dict[str, object]:
        return {
            "answer": answer,
            "outcome": outcome,
            "agent_id": agent_id,
            "appointment_id": appointment_id,
            "offered": list(offered) or None,
            "asked": asked,
            "received_at": self._now(),
        }


def _refusal_of(agent: Mapping[str, Any] | None, draft: MessageDraft) -> Refusal | None:
    """Return why a message cannot be taken; None where it can."""
    if agent is None:
        return AgentUnknown()
    return None if draft.body else MessageMissing()


def _with_numbers(
    invocation: ToolInvocation, draft: MessageDraft, agent: Agent | None
) -> tuple[str | None, MessageDraft]:
    """Return the caller's number in E.164, and the draft with a number that can be dialled.

    "The same number" is the caller's own; a placeholder is none.
    """
    region = region_of(agent.time_zone) if agent else DEFAULT_REGION
    given = draft.attendee_phone
    phone = dialable(given, region) if given and not means_caller_number(given) else None
    return normalise(invocation.caller_number, region), replace(draft, attendee_phone=phone)


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()
