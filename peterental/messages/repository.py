"""Messages in PostgreSQL: reading them and ticking them off. They are put there by the calls that took them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from peterental.messages.model import OPEN_COUNTED, Message

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connection import Connection, Database
    from peterental.messages.model import MessageFilter

COLUMNS = """
    messages.message_id, messages.agent_id, agents.agent_name, agents.time_zone, messages.vapi_call_id, messages.body,
    messages.attendee_name, messages.attendee_phone, messages.caller_number, messages.received_at, messages.done_at,
    messages.done_by
"""

# As the index of migration 010 has it.
WORDS = """
    (messages.body || ' ' || COALESCE(messages.attendee_name, '') || ' ' || COALESCE(messages.attendee_phone, '') || ' '
    || COALESCE(messages.caller_number, ''))
"""

OWN = """
    (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s) AND (%(agent_id)s = '' OR agents.agent_id = %(agent_id)s)
"""

ONE = f"""
    SELECT {COLUMNS}
    FROM messages JOIN agents USING (agent_id)
    WHERE message_id = %(message_id)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
"""

STATES = {"open": ("IS NULL",), "done": ("IS NOT NULL",), "all": ("IS NULL", "IS NOT NULL")}
"""What `done_at` is in each part of a list; each part has indexes of its own."""


class MessageRepository:
    """The messages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(
        self, user_id: int | None, wanted: MessageFilter, *, limit: int, offset: int
    ) -> tuple[list[Message], int]:
        """Give messages of one user's agents, or of all where `user_id` is None, and how many of them are open.

        One round trip. Agents are few: where the messages of some are wanted, each agent's latest are taken from its
        own part of an index.
        """
        of_some_agents = user_id is not None or bool(wanted.agent_id)
        parts = " UNION ALL ".join(
            f"({_part(state, wanted, of_some_agents=of_some_agents)})" for state in STATES[wanted.state]
        )
        narrowed = f"AND agent_id IN (SELECT agent_id FROM agents WHERE {OWN})" if of_some_agents else ""
        rows = self._database.fetch(
            f"""
            SELECT counted.open_count, listed.*
            FROM (
                SELECT COUNT(*) AS open_count
                FROM (SELECT FROM messages WHERE done_at IS NULL {narrowed} LIMIT {OPEN_COUNTED}) AS few
            ) AS counted
            LEFT JOIN (
                SELECT {COLUMNS}
                FROM ({parts}) AS messages
                JOIN agents USING (agent_id)
                ORDER BY done_at IS NOT NULL, received_at DESC, message_id DESC
                LIMIT %(limit)s OFFSET %(offset)s
            ) AS listed ON TRUE
            ORDER BY done_at IS NOT NULL, received_at DESC, message_id DESC
            """,
            {
                "user_id": user_id,
                "agent_id": wanted.agent_id,
                "part": _pattern(wanted.text),
                "reach": limit + offset,
                "limit": limit,
                "offset": offset,
            },
        )
        open_count = rows[0]["open_count"]
        found = [row for row in rows if row["message_id"] is not None]
        return [Message(**{name: row[name] for name in Message.__dataclass_fields__}) for row in found], open_count

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

    def mark(self, connection: Connection, message_id: int, done_at: datetime | None, done_by: str | None) -> None:
        """Queue the ticking off of a message, or its opening again where both are None."""
        connection.execute(
            "UPDATE messages SET done_at = %s, done_by = %s WHERE message_id = %s", (done_at, done_by, message_id)
        )


def _part(done_at: str, wanted: MessageFilter, *, of_some_agents: bool) -> str:
    """Give the query of the latest messages that are open, or that are done, up to `reach` of them."""
    conditions = [f"messages.done_at {done_at}", *([f"{WORDS} ILIKE %(part)s"] if wanted.text else [])]
    latest = "ORDER BY messages.received_at DESC, messages.message_id DESC LIMIT %(reach)s"
    if not of_some_agents:
        return f"SELECT messages.* FROM messages WHERE {' AND '.join(conditions)} {latest}"
    conditions.append("messages.agent_id = agents.agent_id")
    return f"""
        SELECT messages.*
        FROM agents
        CROSS JOIN LATERAL (SELECT messages.* FROM messages WHERE {" AND ".join(conditions)} {latest}) AS messages
        WHERE {OWN}
    """


def _pattern(text: str) -> str:
    """Give what a text is looked for as; a phone number as it is kept, however it was typed."""
    if re.fullmatch(r"[0-9\s().+-]+", text):
        text = re.sub(r"[^0-9]", "", text)
    return "%" + re.sub(r"([%_\\])", r"\\\1", text) + "%"
