"""Operations on calls and messages, which are read only."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from peterental.calls.model import CallFilter
from peterental.clock import in_utc
from peterental.messages.model import MessageFilter
from peterental.web.api.cursors import page_cursor, page_of
from peterental.web.api.documents import (
    CallDocument,
    CallList,
    CallsQuery,
    CallWithDetails,
    MessageDocument,
    MessageList,
    MessagesQuery,
    ToolCallDocument,
)
from peterental.web.api.operations import Answer, Call, Operation

if TYPE_CHECKING:
    from peterental.calls.model import CallSummary, Flag, ToolCall
    from peterental.messages.model import Message


def list_calls(call: Call) -> Answer:
    """Return calls, latest first."""
    query: CallsQuery = call.query
    page = page_of(query.cursor)
    if query.agent_id:
        call.services.agents.get(query.agent_id, call.viewer)
    wanted = CallFilter(
        agent_id=query.agent_id or "", flag=query.flag, since=query.since, until=query.until, text=query.q
    )
    found = call.services.calls.listing(call.viewer, wanted, page=page)
    return Answer(
        document=CallList(
            data=[CallDocument(**_summary(summary)) for summary in found.calls],
            next_cursor=page_cursor(page, has_more=found.has_more),
            is_truncated=found.is_truncated,
        )
    )


def get_call(call: Call) -> Answer:
    """Return a call with what was said."""
    record = call.services.calls.record(call.path["call_id"], call.viewer)
    return Answer(
        document=CallWithDetails(
            **_summary(record.summary),
            summary=record.call.summary,
            transcript=record.call.transcript,
            recording_url=record.call.recording_url,
            tool_calls=[_tool_call(one) for one in record.tool_calls],
        )
    )


def list_messages(call: Call) -> Answer:
    """Return messages, the open ones by default."""
    query: MessagesQuery = call.query
    page = page_of(query.cursor)
    if query.agent_id:
        call.services.agents.get(query.agent_id, call.viewer)
    wanted = MessageFilter(
        state=query.state, agent_id=query.agent_id or "", since=query.since, until=query.until, text=query.q
    )
    found = call.services.messages.listing(call.viewer, wanted, page=page)
    return Answer(
        document=MessageList(
            data=[_message(message) for message in found.messages],
            next_cursor=page_cursor(page, has_more=found.has_more),
            is_truncated=found.is_truncated,
        )
    )


def get_message(call: Call) -> Answer:
    """Return a message."""
    return Answer(document=_message(call.services.messages.get(call.path["message_id"], call.viewer)))


def _summary(summary: CallSummary) -> dict[str, Any]:
    flags: list[Flag] = []
    if summary.is_unbooked:
        flags.append("unbooked")
    if summary.has_fault:
        flags.append("fault")
    return {
        "call_id": summary.vapi_call_id,
        "kind": summary.kind,
        "agent_id": summary.agent_id,
        "agent_name": summary.agent_name,
        "caller_number": summary.caller_number,
        "status": summary.status,
        "started_at": summary.started_or_created_at.astimezone(UTC),
        "ended_at": in_utc(summary.ended_at),
        "ended_reason": summary.ended_reason,
        "seconds": round(summary.duration.total_seconds()) if summary.duration is not None else None,
        "cost": summary.cost,
        "outcomes": list(summary.outcomes),
        "flags": flags,
        "viewing_id": summary.appointment_id,
    }


def _tool_call(one: ToolCall) -> ToolCallDocument:
    return ToolCallDocument(
        name=one.name,
        arguments=dict(one.arguments),
        answer=one.answer,
        outcome=one.outcome,
        received_at=in_utc(one.received_at),
        viewing_id=one.appointment_id,
    )


def _message(message: Message) -> MessageDocument:
    return MessageDocument(
        message_id=message.message_id,
        agent_id=message.agent_id,
        agent_name=message.agent_name,
        body=message.body,
        visitor_name=message.attendee_name,
        visitor_phone=message.attendee_phone,
        caller_number=message.caller_number,
        received_at=message.received_at.astimezone(UTC),
        is_urgent=message.is_urgent,
        done_at=in_utc(message.done_at),
        done_by=message.done_by,
        call_id=message.vapi_call_id,
        viewing_id=message.appointment_id,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/calls",
        name="listCalls",
        summary="List calls, latest first",
        run=list_calls,
        document=CallList,
        query=CallsQuery,
        problems=("agent_not_found",),
    ),
    Operation(
        method="GET",
        path="/calls/{call_id}",
        name="getCall",
        summary="Get a call with what was said",
        run=get_call,
        document=CallWithDetails,
        problems=("call_not_found",),
    ),
    Operation(
        method="GET",
        path="/messages",
        name="listMessages",
        summary="List messages, the open ones by default",
        run=list_messages,
        document=MessageList,
        query=MessagesQuery,
        problems=("agent_not_found",),
    ),
    Operation(
        method="GET",
        path="/messages/{message_id}",
        name="getMessage",
        summary="Get a message",
        run=get_message,
        document=MessageDocument,
        problems=("message_not_found",),
    ),
)
