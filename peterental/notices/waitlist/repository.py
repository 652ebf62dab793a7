"""The waitlist in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.agents.lookup import lock_agent_sql
from peterental.notices.waitlist.model import Entry, OpenEntry
from peterental.properties.lookup import home_label, home_problem

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.calls.model import ToolInvocation
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.waitlist.joining import Joining

MAX_OPEN = 500
"""Entries of one agent that are looked at; the others wait until some of these have ended."""

_ENTRY = f"""
    waitlist.entry_id, waitlist.agent_id, agents.agent_name, agents.time_zone, agents.language, waitlist.attendee_name,
    waitlist.phone, waitlist.property_address, waitlist.created_at, waitlist.state, waitlist.passed,
    waitlist.offered_start, waitlist.offered_end, waitlist.offer_expires_at, waitlist.offers, waitlist.appointment_id,
    waitlist.property_id, waitlist.is_home_unknown, {home_label("waitlist")} AS home_label,
    {home_problem("waitlist")} AS home_problem,
    ARRAY(SELECT lower(period) FROM unnest(waitlist.wanted) AS period) AS wanted_from,
    ARRAY(SELECT upper(period) FROM unnest(waitlist.wanted) AS period) AS wanted_until
"""

_CAN_TEXT = """
    EXISTS (SELECT FROM notice_channels WHERE channel = 'text')
        AND EXISTS (SELECT FROM notice_settings WHERE texts_visitors)
"""


def _has_stopped(phone: str) -> str:
    """Return the condition that a number said stop: it gets no texts, whatever they are about."""
    return f"""
        EXISTS (
            SELECT FROM contact_consents
            WHERE channel = 'text' AND recipient = {phone} AND purpose = 'all' AND revoked_at IS NOT NULL
        )
    """


# A viewing of the home in the catalogue counts with any agent. Where one of both has only words, they are compared.
_HAS_VIEWING = """
    EXISTS (
        SELECT FROM appointments
        WHERE appointments.agent_id = waitlist.agent_id AND appointments.status = 'confirmed'
            AND appointments.start_time > %(now)s AND waitlist.wanted @> appointments.start_time
            AND waitlist.phone IN (appointments.caller_number, appointments.attendee_phone)
            AND appointments.property_address = waitlist.property_address
            AND (appointments.property_id IS NULL OR waitlist.property_id IS NULL)
    ) OR EXISTS (
        SELECT FROM appointments
        WHERE appointments.property_id = waitlist.property_id AND appointments.status = 'confirmed'
            AND appointments.start_time > %(now)s AND waitlist.wanted @> appointments.start_time
            AND waitlist.phone IN (appointments.caller_number, appointments.attendee_phone)
    )
"""

_OPEN = f"""
    SELECT {_ENTRY}, text.state AS text_state, text.handed_over_at IS NOT NULL AS was_handed_over,
           {_has_stopped("waitlist.phone")} AS has_stopped,
           {_HAS_VIEWING} AS has_viewing
    FROM waitlist
    JOIN agents USING (agent_id)
    LEFT JOIN notices AS text
        ON waitlist.state = 'offered' AND text.appointment_id IS NULL AND text.kind = 'waitlist_offer'
            AND text.about = 'waitlist:' || waitlist.entry_id || ':' || waitlist.offers
    WHERE waitlist.agent_id = %(agent_id)s AND waitlist.state IN ('waiting', 'offered')
    ORDER BY waitlist.entry_id
    LIMIT {MAX_OPEN}
"""


class WaitlistRepository:
    """The waitlist of one database.

    Methods that return something wait for the server; the others queue their statement. Every change is made in a
    transaction that has locked the agent.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock_agent_of(self, connection: Connection, entry_id: int) -> None:
        """Queue the lock of the agent of an entry."""
        query = lock_agent_sql("(SELECT agent_id FROM waitlist WHERE entry_id = %(entry_id)s)")
        connection.execute(query.encode(), {"entry_id": entry_id})

    def may_be_texted(self, connection: Connection, phone: str) -> bool:
        """Return whether visitors can be texted now, and the number did not say stop."""
        query = f"SELECT {_CAN_TEXT} AND NOT {_has_stopped('%(phone)s')} AS may_be_texted"
        row = connection.execute(query.encode(), {"phone": phone}).fetchone()
        return row is not None and bool(row["may_be_texted"])

    def can_text(self, connection: Connection) -> bool:
        """Return whether visitors can be texted now."""
        row = connection.execute(f"SELECT {_CAN_TEXT} AS can_text".encode()).fetchone()
        return row is not None and bool(row["can_text"])

    def add(self, connection: Connection, joining: Joining, invocation: ToolInvocation, now: datetime) -> None:
        """Queue adding an entry. Who waits for the same home already keeps the place, with the new times besides."""
        connection.execute(
            """
            WITH asked AS (
                SELECT range_agg(tstzrange(starts, ends)) AS wanted
                FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS period (starts, ends)
            ), known AS (
                UPDATE waitlist
                SET wanted = waitlist.wanted + asked.wanted
                FROM asked
                WHERE agent_id = %(agent_id)s AND phone = %(phone)s AND state IN ('waiting', 'offered')
                    AND property_id IS NOT DISTINCT FROM %(property_id)s::bigint
                    AND (property_id IS NOT NULL OR property_address = %(said)s)
                RETURNING entry_id
            )
            INSERT INTO waitlist (
                agent_id, vapi_call_id, tool_call_id, attendee_name, phone, property_address, property_id,
                is_home_unknown, wanted, created_at
            )
            SELECT %(agent_id)s, %(vapi_call_id)s, %(tool_call_id)s, %(name)s, %(phone)s, %(said)s, %(property_id)s,
                %(is_home_unknown)s, wanted, %(now)s
            FROM asked
            WHERE NOT EXISTS (SELECT FROM known)
            ON CONFLICT ON CONSTRAINT waitlist_once_per_tool_call DO NOTHING
            """,
            {
                "agent_id": joining.agent_id,
                "said": joining.home.said,
                "property_id": joining.home.property_id,
                "is_home_unknown": joining.home.is_unknown,
                "name": joining.name,
                "phone": joining.phone,
                "starts": [first for first, _ in joining.wanted],
                "ends": [until for _, until in joining.wanted],
                "vapi_call_id": invocation.vapi_call_id or None,
                "tool_call_id": invocation.tool_call_id,
                "now": now,
            },
        )

    def get(self, connection: Connection, entry_id: int) -> Entry | None:
        """Return an entry in the state that the transaction sees."""
        row = connection.execute(
            f"SELECT {_ENTRY} FROM waitlist JOIN agents USING (agent_id) WHERE entry_id = %s".encode(), [entry_id]
        ).fetchone()
        return _entry(row) if row else None

    def show(self, entry_id: int) -> Entry | None:
        """Return an entry. One round trip."""
        rows = self._database.fetch(
            f"SELECT {_ENTRY} FROM waitlist JOIN agents USING (agent_id) WHERE entry_id = %s", [entry_id]
        )
        return _entry(rows[0]) if rows else None

    def offered_to(self, phone: str, now: datetime) -> int | None:
        """Return the entry of a number to which a time is offered; the latest of several. One round trip."""
        rows = self._database.fetch(
            """
            SELECT entry_id FROM waitlist
            WHERE phone = %s AND state = 'offered' AND offer_expires_at > %s
            ORDER BY offer_expires_at DESC, entry_id DESC
            LIMIT 1
            """,
            (phone, now),
        )
        return rows[0]["entry_id"] if rows else None

    def listing(self, agent_id: str, limit: int) -> list[Entry]:
        """Return who waits for an agent's times, first come first. One round trip."""
        rows = self._database.fetch(
            f"""
            SELECT {_ENTRY}
            FROM waitlist JOIN agents USING (agent_id)
            WHERE waitlist.agent_id = %s AND state IN ('waiting', 'offered')
            ORDER BY entry_id
            LIMIT %s
            """,
            (agent_id, limit),
        )
        return [_entry(row) for row in rows]

    def agents_waited_for(self) -> list[str]:
        """Return the agents with open entries, who is waited for longest first. One round trip."""
        rows = self._database.fetch(
            """
            SELECT agent_id FROM waitlist WHERE state IN ('waiting', 'offered')
            GROUP BY agent_id ORDER BY MIN(entry_id)
            """
        )
        return [row["agent_id"] for row in rows]

    def open_entries(self, connection: Connection, agent_id: str, now: datetime) -> list[OpenEntry]:
        """Return the entries of an agent that wait or have an offer, first come first."""
        rows = connection.execute(_OPEN.encode(), {"agent_id": agent_id, "now": now}).fetchall()
        return [
            OpenEntry(
                entry=_entry(row),
                was_handed_over=row["was_handed_over"],
                text_state=row["text_state"],
                has_viewing=row["has_viewing"],
                has_stopped=row["has_stopped"],
            )
            for row in rows
        ]

    def could_not_send(self, connection: Connection, agent_id: str, since: datetime, now: datetime) -> bool:
        """Return whether a text with an offer of an agent's times ended unsent, since a moment."""
        row = connection.execute(
            """
            SELECT EXISTS (
                SELECT FROM (
                    SELECT handed_over_at, expires_at FROM notices
                    WHERE agent_id = %s AND kind = 'waitlist_offer' AND created_at > %s
                    ORDER BY notice_id DESC
                    LIMIT 1
                ) AS latest
                WHERE handed_over_at IS NULL AND expires_at <= %s
            ) AS found
            """,
            (agent_id, since, now),
        ).fetchone()
        return row is not None and bool(row["found"])

    def offer(self, connection: Connection, entry: Entry) -> None:
        """Queue storing the offer of an entry."""
        connection.execute(
            """
            UPDATE waitlist
            SET state = 'offered', offered_start = %s, offered_end = %s, offer_expires_at = %s, offers = %s
            WHERE entry_id = %s
            """,
            (entry.offered_start, entry.offered_end, entry.offer_expires_at, entry.offers, entry.entry_id),
        )

    def take_back(self, connection: Connection, entry: Entry, *, is_passed: bool) -> None:
        """Queue ending an offer: the caller waits on.

        Args:
            connection: of the transaction.
            entry: with its offer.
            is_passed: whether that time is not offered to the caller again.
        """
        connection.execute(
            """
            UPDATE waitlist
            SET state = 'waiting', passed = CASE WHEN %s THEN passed || offered_start ELSE passed END,
                offered_start = NULL, offered_end = NULL, offer_expires_at = NULL
            WHERE entry_id = %s AND state = 'offered'
            """,
            (is_passed, entry.entry_id),
        )

    def end(self, connection: Connection, entry_id: int, *, appointment_id: int | None = None) -> None:
        """Queue ending an entry, with the viewing that was booked, if one was."""
        connection.execute(
            """
            UPDATE waitlist
            SET state = CASE WHEN %(id)s::int IS NULL THEN 'ended' ELSE 'booked' END, appointment_id = %(id)s::int
            WHERE entry_id = %(entry_id)s
            """,
            {"id": appointment_id, "entry_id": entry_id},
        )


def _entry(row: DictRow) -> Entry:
    names = Entry.__dataclass_fields__.keys() - {"wanted", "passed"}
    wanted = tuple(zip(row["wanted_from"], row["wanted_until"], strict=True))
    return Entry(**{name: row[name] for name in names}, wanted=wanted, passed=tuple(row["passed"]))
