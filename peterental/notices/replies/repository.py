"""Texts of visitors in PostgreSQL, and what is known about their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments.repository import CALLER_END
from peterental.notices.consents.repository import lock_recipient
from peterental.notices.replies.model import Conversation, IncomingText, Reply, ReplyState, TextedViewing
from peterental.phone_numbers import last_digits
from peterental.properties.lookup import named_home

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.replies.model import Outcome

MAX_NOTICES_READ = 200
"""Of the newest texts to a number, how many are looked at."""

MAX_VIEWINGS = 20

_VIEWING = f"""
    appointments.id AS appointment_id, appointments.agent_id, agent_name, time_zone, language, handover_number,
    start_time AS start, status, sequence, {named_home()}, attendee_name, released_at,
"""

_ONE_VIEWING = f"""
    SELECT {_VIEWING} NULL AS texted_sequence FROM appointments JOIN agents USING (agent_id) WHERE id = %s
"""

_IS_THEIRS = "%(sender)s IN (attendee_phone, caller_number)"
"""Whether a viewing has the number that texts. One that was corrected since belongs to a stranger."""

_TEXTED = f"""
    SELECT {_VIEWING} texted_sequence
    FROM (
        SELECT appointment_id, MAX(notice_id) AS newest, MAX(revision) FILTER (WHERE kind <> 'reply') AS texted_sequence
        FROM (
            SELECT appointment_id, notice_id, revision, kind
            FROM notices
            WHERE recipient = %(sender)s AND channel = 'text' AND audience = 'visitor' AND handed_over_at IS NOT NULL
            ORDER BY notice_id DESC
            LIMIT {MAX_NOTICES_READ}
        ) AS texts
        WHERE appointment_id IS NOT NULL
        GROUP BY appointment_id
        ORDER BY newest DESC
        LIMIT {MAX_VIEWINGS}
    ) AS texted
    JOIN appointments ON appointments.id = texted.appointment_id
    JOIN agents USING (agent_id)
    WHERE {_IS_THEIRS}
    ORDER BY texted.newest DESC
"""

# By the number that called: the number itself is compared too, since many numbers have the same last digits.
_NEWEST = f"""
    SELECT {_VIEWING} NULL AS texted_sequence
    FROM appointments JOIN agents USING (agent_id)
    WHERE {CALLER_END} = %(end)s AND caller_number IS NOT NULL AND {_IS_THEIRS}
    ORDER BY start_time DESC
    LIMIT 1
"""

_NUMBER = """
    SELECT newest.kind AS last_kind, newest.appointment_id AS last_appointment_id,
        EXISTS (
            SELECT FROM contact_consents
            WHERE recipient = %(sender)s AND channel = 'text' AND purpose = 'all' AND revoked_at IS NOT NULL
        ) AS is_stopped,
        COALESCE(lately.answers, 0) AS answers,
        COALESCE(lately.has_acknowledgement, FALSE) AS has_acknowledgement
    FROM (
        SELECT COUNT(*) FILTER (WHERE answer IS NOT NULL) AS answers,
               bool_or(answer IS NOT NULL AND understood_as = 'message' AND received_at > %(acknowledged)s)
                   AS has_acknowledgement
        FROM text_replies
        WHERE sender = %(sender)s AND received_at > %(since)s
    ) AS lately
    LEFT JOIN LATERAL (
        SELECT kind, appointment_id
        FROM notices
        WHERE recipient = %(sender)s AND channel = 'text' AND audience = 'visitor' AND handed_over_at IS NOT NULL
        ORDER BY notice_id DESC
        LIMIT 1
    ) AS newest ON TRUE
"""


class ReplyRepository:
    """The texts of visitors in one database. Methods with a connection are part of its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock(self, connection: Connection, sender: str) -> None:
        """Queue a lock on a number: its texts are handled one after the other."""
        lock_recipient(connection, sender)

    def stored(self, connection: Connection, provider_id: str) -> ReplyState | None:
        """Return how far a text has come; None if it is new."""
        row = connection.execute(
            """
            SELECT understood_as AS outcome, appointment_id, done_at IS NOT NULL AS is_done
            FROM text_replies
            WHERE provider_id = %s
            """,
            (provider_id,),
        ).fetchone()
        return ReplyState(**row) if row else None

    def conversation(
        self, connection: Connection, sender: str, now: datetime, *, answered: timedelta, acknowledged: timedelta
    ) -> Conversation:
        """Return what is known about a number.

        Args:
            connection: of the transaction.
            sender: the number in E.164.
            now: the present moment, aware.
            answered: for how long back answers are counted.
            acknowledged: for how long back an acknowledgement counts.
        """
        values = {
            "sender": sender,
            "end": last_digits(sender),
            "since": now - answered,
            "acknowledged": now - acknowledged,
        }
        number = connection.execute(_NUMBER, values)
        texted = connection.execute(_TEXTED.encode(), values)
        rows = texted.fetchall() or connection.execute(_NEWEST.encode(), values).fetchall()
        known: DictRow = number.fetchone() or {}
        return Conversation(viewings=tuple(TextedViewing(**row) for row in rows), **known)

    def viewing(self, connection: Connection, appointment_id: int) -> TextedViewing | None:
        """Return a viewing as it is now; None if it was deleted."""
        row = connection.execute(_ONE_VIEWING.encode(), (appointment_id,)).fetchone()
        return None if row is None else TextedViewing(**row)

    def add(
        self,
        connection: Connection,
        text: IncomingText,
        outcome: Outcome,
        appointment_id: int | None,
        now: datetime,
    ) -> None:
        """Queue storing a text and what it is taken for, before anything is done about it."""
        connection.execute(
            """
            INSERT INTO text_replies (
                provider_id, sender, receiver, body, received_at, understood_as, appointment_id
            )
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (provider_id) DO NOTHING
            """,
            (text.provider_id, text.sender, text.receiver, text.body, now, outcome, appointment_id),
        )

    def finish(
        self,
        connection: Connection,
        provider_id: str,
        outcome: Outcome,
        appointment_id: int | None,
        *,
        answer: str | None,
        now: datetime,
    ) -> None:
        """Queue recording that everything is done about a text."""
        connection.execute(
            """
            UPDATE text_replies
            SET understood_as = %s, appointment_id = %s, answer = %s, done_at = %s
            WHERE provider_id = %s
            """,
            (outcome, appointment_id, answer, now, provider_id),
        )

    def has_current_text(self, connection: Connection, appointment_id: int, sender: str, sequence: int) -> bool:
        """Return whether a text with the present state of a viewing to a number is in the outbox."""
        row = connection.execute(
            """
            SELECT EXISTS (
                SELECT FROM notices
                WHERE appointment_id = %s AND recipient = %s AND channel = 'text' AND revision = %s AND kind <> 'reply'
            ) AS has_current_text
            """,
            (appointment_id, sender, sequence),
        ).fetchone()
        return row is not None and bool(row["has_current_text"])

    def of_appointment(self, appointment_id: int, limit: int) -> list[Reply]:
        """Return the newest texts about a viewing, oldest first. One round trip."""
        rows = self._database.fetch(
            """
            SELECT provider_id, sender, body, received_at, understood_as, appointment_id, answer
            FROM (
                SELECT * FROM text_replies WHERE appointment_id = %s ORDER BY received_at DESC LIMIT %s
            ) AS newest
            ORDER BY received_at, provider_id
            """,
            (appointment_id, limit),
        )
        return [Reply(**row) for row in rows]

    def without_viewing(self, limit: int) -> list[Reply]:
        """Return the newest texts that no viewing was found for, newest first. One round trip."""
        rows = self._database.fetch(
            """
            SELECT provider_id, sender, body, received_at, understood_as, appointment_id, answer
            FROM text_replies
            WHERE appointment_id IS NULL
            ORDER BY received_at DESC, provider_id
            LIMIT %s
            """,
            (limit,),
        )
        return [Reply(**row) for row in rows]
