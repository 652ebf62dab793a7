"""Messages in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.agents.lookup import NEARBY_PER_AGENT, WANTED_AGENT_IDS, of_each_agent
from peterental.messages.model import MAX_OPEN_COUNTED, Message
from peterental.search import (
    MESSAGE_TEXT,
    SearchLimits,
    contains,
    digits_of,
    folded,
    folded_match,
    indexed_match,
    union_all,
)

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.messages.model import MessageDraft, MessageFilter

COLUMNS = """
    messages.message_id, messages.agent_id, agents.agent_name, agents.time_zone, messages.vapi_call_id, messages.body,
    messages.attendee_name, messages.attendee_phone, messages.caller_number, messages.received_at, messages.done_at,
    messages.done_by, messages.is_urgent, messages.appointment_id
"""

ONE_MESSAGE = f"""
    SELECT {COLUMNS}
    FROM messages JOIN agents USING (agent_id)
    WHERE message_id = %(message_id)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
"""

OPEN_AND_URGENT = "(is_urgent AND done_at IS NULL)"
SORT_COLUMNS = f"message_id, received_at, done_at IS NOT NULL AS is_done, {OPEN_AND_URGENT} AS comes_first"
LATEST_FIRST = "ORDER BY comes_first DESC, is_done, received_at DESC, message_id DESC"

LIMITS = SearchLimits()

_OPEN = ("done_at IS NULL AND is_urgent", "done_at IS NULL AND NOT is_urgent")
PARTS = {"open": _OPEN, "done": ("done_at IS NOT NULL",), "all": (*_OPEN, "done_at IS NOT NULL")}
"""The condition of each part of a list, by state; each part has its own indexes."""


class MessageRepository:
    """The messages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(
        self, user_id: int | None, message_filter: MessageFilter, page: slice
    ) -> tuple[list[Message], int, bool]:
        """Return a page of messages, the open count, and whether it is truncated.

        It is truncated if more messages match than can be sorted.

        Args:
            user_id: only messages for this user's agents; None for all.
            message_filter: which of these messages.
            page: the positions in the list.
        """
        is_limited = user_id is not None or bool(message_filter.agent_id)
        search = _search_queries(message_filter, is_limited=is_limited)
        rows = self._database.fetch(
            f"""
            {search.with_clause}
            SELECT counted.open_count, listed.*, {search.is_truncated} AS is_truncated
            FROM ({_open_count(is_limited=is_limited)}) AS counted
            LEFT JOIN (
                SELECT {COLUMNS}
                FROM ({search.matching} {LATEST_FIRST} LIMIT %(limit)s OFFSET %(offset)s) AS page
                JOIN messages USING (message_id)
                JOIN agents USING (agent_id)
            ) AS listed ON TRUE
            ORDER BY {OPEN_AND_URGENT} DESC, done_at IS NOT NULL, received_at DESC, message_id DESC
            """,
            {
                "user_id": user_id,
                "agent_id": message_filter.agent_id,
                "since": message_filter.since,
                "until": message_filter.until,
                "part": contains(digits_of(message_filter.text) or message_filter.text),
                "reach": page.stop,
                "limit": page.stop - page.start,
                "offset": page.start,
                **LIMITS.parameters(page.stop),
            },
            prepare=False,
        )
        messages = [
            Message(**{name: row[name] for name in Message.__dataclass_fields__})
            for row in rows
            if row["message_id"] is not None
        ]
        return messages, rows[0]["open_count"], rows[0]["is_truncated"]

    def add(
        self,
        connection: Connection,
        agent_id: str,
        draft: MessageDraft,
        received_at: datetime,
        *,
        vapi_call_id: str | None,
        caller_number: str | None,
        is_urgent: bool = False,
        appointment_id: int | None = None,
    ) -> None:
        """Queue adding a message to an agent's inbox.

        Args:
            connection: of the transaction.
            agent_id: whose inbox.
            draft: what the caller left.
            received_at: when the caller left it, aware.
            vapi_call_id: the phone call in which it was left; None if Vapi sent no id.
            caller_number: the number from which the call came.
            is_urgent: whether it is urgent; a later urgent one of the same phone call replaces the earlier.
            appointment_id: the viewing that a message by text is about.
        """
        connection.execute(
            """
            INSERT INTO messages (
                agent_id, vapi_call_id, body, attendee_name, attendee_phone, caller_number, received_at, is_urgent,
                appointment_id
            )
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (vapi_call_id) WHERE is_urgent DO UPDATE
            SET body = EXCLUDED.body, done_at = NULL, done_by = NULL,
                attendee_name = COALESCE(EXCLUDED.attendee_name, messages.attendee_name),
                attendee_phone = COALESCE(EXCLUDED.attendee_phone, messages.attendee_phone)
            """,
            (
                agent_id,
                vapi_call_id,
                draft.body,
                draft.attendee_name,
                draft.attendee_phone,
                caller_number,
                received_at,
                is_urgent,
                appointment_id,
            ),
        )

    def get(self, message_id: int, user_id: int | None) -> Message | None:
        """Return a message if it is for one of the user's agents.

        If `user_id` is None, any message is returned.
        """
        rows = self._database.fetch(ONE_MESSAGE, {"message_id": message_id, "user_id": user_id})
        return Message(**rows[0]) if rows else None

    def open_urgent(self, agent_id: str, limit: int) -> list[Message]:
        """Return the urgent open messages for an agent, oldest first."""
        rows = self._database.fetch(
            f"""
            SELECT {COLUMNS}
            FROM messages JOIN agents USING (agent_id)
            WHERE messages.agent_id = %s AND done_at IS NULL AND is_urgent
            ORDER BY received_at, message_id
            LIMIT %s
            """,
            (agent_id, limit),
        )
        return [Message(**row) for row in rows]

    def is_open(self, connection: Connection, message_id: int) -> bool:
        """Return whether there is such a message that is not done. Waits for the server."""
        query = "SELECT FROM messages WHERE message_id = %s AND done_at IS NULL"
        return connection.execute(query, [message_id]).fetchone() is not None

    def lock(self, connection: Connection, message_id: int, user_id: int | None) -> Message | None:
        """Lock and return a message until the transaction ends; `user_id` as in `get`."""
        row = connection.execute(
            f"{ONE_MESSAGE} FOR NO KEY UPDATE OF messages".encode(), {"message_id": message_id, "user_id": user_id}
        ).fetchone()
        return Message(**row) if row else None

    def set_done(self, connection: Connection, message_id: int, done_at: datetime | None, done_by: str | None) -> None:
        """Queue marking a message as done, or as open if both values are None."""
        connection.execute(
            "UPDATE messages SET done_at = %s, done_by = %s WHERE message_id = %s", (done_at, done_by, message_id)
        )


@dataclass(frozen=True)
class _Search:
    """The SQL of a search.

    Args:
        matching: a query, the matching messages.
        is_truncated: an expression, whether more messages match than were looked up.
        with_clause: what both read.
    """

    matching: str
    is_truncated: str = "FALSE"
    with_clause: str = ""


def _search_queries(message_filter: MessageFilter, *, is_limited: bool) -> _Search:
    """Return the SQL of a search.

    The newest messages of each part are read from its index, or for some agents from each agent's part of it. Urgent
    open messages are a part of their own: they come first however old they are. A text is searched among the newest
    messages first, which finds common words at once. Only if these do not fill the page, the trigram index is used,
    which finds rare words at once.
    """
    parts = PARTS[message_filter.state]
    if not message_filter.text:
        latest = [_latest(part, message_filter, "%(reach)s", is_limited=is_limited) for part in parts]
        return _Search(f"SELECT * FROM ({union_all(latest)}) AS found")
    limit = NEARBY_PER_AGENT if is_limited else "%(nearby)s"
    nearby = [
        _latest(part, message_filter, limit, is_limited=is_limited, column=f", {folded(MESSAGE_TEXT)} AS words")
        for part in parts
    ]
    has_more = f"(SELECT COUNT(*) FROM latest) >= {limit}"
    needs_index = f"(SELECT COUNT(*) FROM nearby) < LEAST(%(reach)s, %(common)s) AND {has_more}"
    conditions = [*_conditions(message_filter), indexed_match(MESSAGE_TEXT, "SELECT %(part)s::text"), needs_index]
    if message_filter.state != "all":
        conditions.append(f"done_at IS {'' if message_filter.state == 'open' else 'NOT '}NULL")
    if is_limited:
        conditions.append(f"agent_id = ANY ({WANTED_AGENT_IDS})")
    with_clause = f"""
        WITH latest AS MATERIALIZED ({union_all(nearby)}),
        nearby AS MATERIALIZED (
            SELECT message_id, received_at, is_done, comes_first FROM latest WHERE {folded_match("words", "part")}
        ),
        everywhere AS MATERIALIZED (
            SELECT {SORT_COLUMNS} FROM messages WHERE {" AND ".join(conditions)} LIMIT %(matches)s + 1
        )
    """
    matching = "SELECT * FROM (SELECT * FROM nearby UNION SELECT * FROM everywhere) AS found"
    is_truncated = f"""
        (SELECT COUNT(*) FROM everywhere) > %(matches)s
        OR (SELECT COUNT(*) FROM nearby) BETWEEN %(common)s AND %(reach)s - 1
        AND {has_more}
    """
    return _Search(matching, is_truncated, with_clause)


def _latest(part: str, message_filter: MessageFilter, limit: str, *, is_limited: bool, column: str = "") -> str:
    """Return the query of the newest messages of one part."""
    conditions = [part, *_conditions(message_filter)]
    latest = f"ORDER BY received_at DESC, message_id DESC LIMIT {limit}"
    if not is_limited:
        return f"SELECT {SORT_COLUMNS}{column} FROM messages WHERE {' AND '.join(conditions)} {latest}"
    conditions.append("messages.agent_id = own.agent_id")
    per_agent = f"SELECT {SORT_COLUMNS}{column} FROM messages WHERE {' AND '.join(conditions)} {latest}"
    return f"{of_each_agent(per_agent)} {latest}"


def _conditions(message_filter: MessageFilter) -> list[str]:
    """Return the conditions on the time when a message was left."""
    since = ["received_at >= %(since)s"] if message_filter.since else []
    return since + (["received_at < %(until)s"] if message_filter.until else [])


def _open_count(*, is_limited: bool) -> str:
    """Return the query that counts the open messages, up to MAX_OPEN_COUNTED."""
    counted = f"SELECT FROM messages WHERE done_at IS NULL LIMIT {MAX_OPEN_COUNTED}"
    if is_limited:
        per_agent = (
            f"SELECT FROM messages WHERE done_at IS NULL AND messages.agent_id = own.agent_id LIMIT {MAX_OPEN_COUNTED}"
        )
        counted = f"{of_each_agent(per_agent)} LIMIT {MAX_OPEN_COUNTED}"
    return f"SELECT COUNT(*) AS open_count FROM ({counted}) AS counted"
