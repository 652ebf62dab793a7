"""Messages in PostgreSQL: reading them and ticking them off. They are put there by the calls that took them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.agents.lookup import NEARBY_PER_AGENT, WANTED_AGENT_IDS, of_each_agent
from peterental.messages.model import MAX_OPEN_COUNTED, Message
from peterental.search import MESSAGE_TEXT, SearchLimits, contains, digits_of, indexed_match, union_all

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.messages.model import MessageDraft, MessageFilter

COLUMNS = """
    messages.message_id, messages.agent_id, agents.agent_name, agents.time_zone, messages.vapi_call_id, messages.body,
    messages.attendee_name, messages.attendee_phone, messages.caller_number, messages.received_at, messages.done_at,
    messages.done_by
"""

ONE = f"""
    SELECT {COLUMNS}
    FROM messages JOIN agents USING (agent_id)
    WHERE message_id = %(message_id)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
"""

PLACE = "message_id, received_at, done_at IS NOT NULL AS is_done"
LATEST_FIRST = "ORDER BY is_done, received_at DESC, message_id DESC"

LIMITS = SearchLimits()

STATES = {"open": ("IS NULL",), "done": ("IS NOT NULL",), "all": ("IS NULL", "IS NOT NULL")}
"""What `done_at` is in each part of a list; each part has indexes of its own."""


class MessageRepository:
    """The messages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(self, user_id: int | None, wanted: MessageFilter, page: slice) -> tuple[list[Message], int, bool]:
        """Give messages of one user's agents, or of all where `user_id` is None. One round trip.

        Gives those of the page, how many are open in all, and whether more fit than could be sorted.

        Args:
            user_id: whose agents.
            wanted: which of their messages.
            page: from which place in the list to which.
        """
        is_narrow = user_id is not None or bool(wanted.agent_id)
        parts, found, is_truncated = _found(wanted, is_narrow=is_narrow)
        rows = self._database.fetch(
            f"""
            {parts}
            SELECT counted.open_count, listed.*, {is_truncated} AS is_cut
            FROM ({_open_count(is_narrow=is_narrow)}) AS counted
            LEFT JOIN (
                SELECT {COLUMNS}
                FROM ({found} {LATEST_FIRST} LIMIT %(limit)s OFFSET %(offset)s) AS page
                JOIN messages USING (message_id)
                JOIN agents USING (agent_id)
            ) AS listed ON TRUE
            ORDER BY done_at IS NOT NULL, received_at DESC, message_id DESC
            """,
            {
                "user_id": user_id,
                "agent_id": wanted.agent_id,
                "since": wanted.since,
                "until": wanted.until,
                "part": contains(digits_of(wanted.text) or wanted.text),
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
        return messages, rows[0]["open_count"], rows[0]["is_cut"]

    def add(
        self,
        connection: Connection,
        agent_id: str,
        draft: MessageDraft,
        received_at: datetime,
        *,
        vapi_call_id: str | None,
        caller_number: str | None,
    ) -> None:
        """Queue a message for an agent's inbox.

        Args:
            connection: the transaction's.
            agent_id: whose inbox.
            draft: what the caller left.
            received_at: when, aware.
            vapi_call_id: the phone call it was left in; None where Vapi sent no id.
            caller_number: the number the call came from.
        """
        connection.execute(
            """
            INSERT INTO messages (
                agent_id, vapi_call_id, body, attendee_name, attendee_phone, caller_number, received_at
            )
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            (
                agent_id,
                vapi_call_id,
                draft.body,
                draft.attendee_name,
                draft.attendee_phone,
                caller_number,
                received_at,
            ),
        )

    def get(self, message_id: int, user_id: int | None) -> Message | None:
        """Give one message, if it is of one of the user's agents; any where `user_id` is None. One round trip."""
        rows = self._database.fetch(ONE, {"message_id": message_id, "user_id": user_id})
        return Message(**rows[0]) if rows else None

    def lock(self, connection: Connection, message_id: int, user_id: int | None) -> Message | None:
        """Read a message that is about to change, if it is of one of the user's agents; others who change it wait."""
        row = connection.execute(
            f"{ONE} FOR NO KEY UPDATE OF messages".encode(), {"message_id": message_id, "user_id": user_id}
        ).fetchone()
        return Message(**row) if row else None

    def set_done(self, connection: Connection, message_id: int, done_at: datetime | None, done_by: str | None) -> None:
        """Queue the ticking off of a message, or its opening again where both are None."""
        connection.execute(
            "UPDATE messages SET done_at = %s, done_by = %s WHERE message_id = %s", (done_at, done_by, message_id)
        )


def _found(wanted: MessageFilter, *, is_narrow: bool) -> tuple[str, str, str]:
    """Write the queries that find the places of messages, the one that gives them, and whether there are too many.

    Each state's latest messages are counted off in an index of its own; of some agents, in each agent's own part of
    one. Words are looked for among the latest first, where common ones are found at once; only where that does not
    fill the page the trigram index is asked, where rare ones are found at once.
    """
    states = STATES[wanted.state]
    if not wanted.text:
        latest = [_latest(state, wanted, "%(reach)s", is_narrow=is_narrow) for state in states]
        return "", f"SELECT * FROM ({union_all(latest)}) AS found", "FALSE"
    limit = NEARBY_PER_AGENT if is_narrow else "%(nearby)s"
    nearby = [
        _latest(state, wanted, limit, is_narrow=is_narrow, column=f", {MESSAGE_TEXT} AS words") for state in states
    ]
    was_cut = f"(SELECT COUNT(*) FROM latest) >= {limit}"
    are_few = f"(SELECT COUNT(*) FROM nearby) < LEAST(%(reach)s, %(common)s) AND {was_cut}"
    conditions = [*_conditions(wanted), indexed_match(MESSAGE_TEXT, "SELECT %(part)s::text"), are_few]
    if len(states) == 1:
        conditions.append(f"done_at {states[0]}")
    if is_narrow:
        conditions.append(f"agent_id = ANY ({WANTED_AGENT_IDS})")
    parts = f"""
        WITH latest AS MATERIALIZED ({union_all(nearby)}),
        nearby AS MATERIALIZED (SELECT message_id, received_at, is_done FROM latest WHERE words ILIKE %(part)s),
        everywhere AS MATERIALIZED (
            SELECT {PLACE} FROM messages WHERE {" AND ".join(conditions)} LIMIT %(matches)s + 1
        )
    """
    found = "SELECT * FROM (SELECT * FROM nearby UNION SELECT * FROM everywhere) AS found"
    is_truncated = f"""
        (SELECT COUNT(*) FROM everywhere) > %(matches)s
        OR (SELECT COUNT(*) FROM nearby) BETWEEN %(common)s AND %(reach)s - 1
        AND {was_cut}
    """
    return parts, found, is_truncated


def _latest(done_at: str, wanted: MessageFilter, limit: str, *, is_narrow: bool, column: str = "") -> str:
    """Write the query of the latest messages that are open, or that are done."""
    conditions = [f"done_at {done_at}", *_conditions(wanted)]
    latest = f"ORDER BY received_at DESC, message_id DESC LIMIT {limit}"
    if not is_narrow:
        return f"SELECT {PLACE}{column} FROM messages WHERE {' AND '.join(conditions)} {latest}"
    conditions.append("messages.agent_id = own.agent_id")
    one = f"SELECT {PLACE}{column} FROM messages WHERE {' AND '.join(conditions)} {latest}"
    return f"{of_each_agent(one)} {latest}"


def _conditions(wanted: MessageFilter) -> list[str]:
    """Write the days that are wanted as conditions."""
    since = ["received_at >= %(since)s"] if wanted.since else []
    return since + (["received_at < %(until)s"] if wanted.until else [])


def _open_count(*, is_narrow: bool) -> str:
    """Write the query that counts what is open, up to OPEN_COUNTED."""
    few = f"SELECT FROM messages WHERE done_at IS NULL LIMIT {MAX_OPEN_COUNTED}"
    if is_narrow:
        one = (
            f"SELECT FROM messages WHERE done_at IS NULL AND messages.agent_id = own.agent_id LIMIT {MAX_OPEN_COUNTED}"
        )
        few = f"{of_each_agent(one)} LIMIT {MAX_OPEN_COUNTED}"
    return f"SELECT COUNT(*) AS open_count FROM ({few}) AS few"
