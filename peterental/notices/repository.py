"""The outbox in PostgreSQL: writing, listing, and what providers report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.jobs.repository import deferral_sql
from peterental.notices.model import SEND_NOTICES, Notice

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import NewNotice

NOTICE = ", ".join(f"notices.{name}" for name in Notice.__dataclass_fields__)
"""The columns of a `Notice`."""

SEND_ONE = deferral_sql(SEND_NOTICES, "jsonb_build_object('notice_id', notice_id)", "not_before")
"""Defers sending each row of a statement with `notice_id` and `not_before`."""

EXPIRES_AFTER = timedelta(days=2)
"""How long sending a notice is tried that does not say when it becomes pointless."""

MAX_REPORT_CHARS = 200

_FAILED = ("failed", "undelivered", "canceled")

_REPORTED = """
    UPDATE notices
    SET state = told.state, reason = CASE told.state WHEN 'failed' THEN told.reason ELSE notices.reason END
    FROM (
        SELECT CASE
                   WHEN bool_or(what = ANY (%(failed)s)) THEN 'failed'
                   WHEN bool_or(what = 'delivered') THEN 'delivered'
                   ELSE 'sent'
               END AS state,
               'The provider could not deliver it'
                   || COALESCE(': ' || max(NULLIF(detail, '')) FILTER (WHERE what = ANY (%(failed)s)), '')
                   || '.' AS reason
        FROM notice_events
        WHERE provider_id = %(provider_id)s
    ) AS told
    WHERE notices.provider_id = %(provider_id)s AND notices.state IN ('sent', 'delivered', 'failed')
    RETURNING notice_id
"""


def lock_provider_id(connection: Connection, provider_id: str) -> None:
    """Queue a lock on what is known of a letter: its report may arrive while its id is being recorded."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 26))", [provider_id])


def apply_reports(connection: Connection, provider_id: str) -> bool:
    """Set the state of the letter's notice to what was reported of it, and return whether there is one."""
    values = {"provider_id": provider_id, "failed": list(_FAILED)}
    return connection.execute(_REPORTED, values).fetchone() is not None


def notice_of(row: DictRow) -> Notice:
    """Return the notice in a row that may have more columns."""
    return Notice(**{name: row[name] for name in Notice.__dataclass_fields__})


class OutboxRepository:
    """The outbox of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, connection: Connection, notice: NewNotice, now: datetime) -> None:
        """Queue writing a notice and its job, unless it is there or its channel is off."""
        due_at = notice.due_at or now
        connection.execute(
            f"""
            WITH added AS (
                INSERT INTO notices (
                    appointment_id, agent_id, about, kind, channel, audience, recipient, revision, language, is_answer,
                    old_start, due_at, expires_at, body, created_at
                )
                SELECT %(appointment_id)s::int, %(agent_id)s, %(about)s, %(kind)s, channel, %(audience)s,
                       %(recipient)s, %(revision)s, %(language)s, %(is_answer)s, %(old_start)s::timestamptz, %(due_at)s,
                       %(expires_at)s, %(body)s, %(now)s
                FROM notice_channels
                WHERE channel = %(channel)s
                ON CONFLICT DO NOTHING
                RETURNING notice_id
            )
            SELECT {SEND_ONE}
            FROM (SELECT notice_id, %(not_before)s::timestamptz AS not_before FROM added) AS job
            """.encode(),
            {
                "appointment_id": notice.appointment_id,
                "agent_id": notice.agent_id,
                "about": notice.about,
                "kind": notice.kind,
                "channel": notice.channel,
                "audience": notice.audience,
                "recipient": notice.recipient,
                "revision": notice.revision,
                "language": notice.language,
                "is_answer": notice.is_answer,
                "old_start": notice.old_start,
                "due_at": due_at,
                "expires_at": notice.expires_at or due_at + EXPIRES_AFTER,
                "body": notice.body,
                "now": now,
                "not_before": due_at if due_at > now else None,
            },
        )

    def of_appointment(self, appointment_id: int, limit: int) -> list[Notice]:
        """Return the first notices of a viewing, oldest first."""
        rows = self._database.fetch(
            f"SELECT {NOTICE} FROM notices WHERE appointment_id = %s ORDER BY notice_id LIMIT %s",
            (appointment_id, limit),
        )
        return [Notice(**row) for row in rows]

    def lock(self, connection: Connection, notice_id: int, user_id: int | None) -> Notice | None:
        """Return a notice of a user's agents, or any if None, and lock it until the transaction ends."""
        row = connection.execute(
            f"""
            SELECT {NOTICE} FROM notices
            WHERE notice_id = %(notice_id)s AND (%(user_id)s::int IS NULL OR {_OWN})
            FOR UPDATE
            """.encode(),
            {"notice_id": notice_id, "user_id": user_id},
        ).fetchone()
        return Notice(**row) if row else None

    def send_again(self, connection: Connection, notice_id: int, now: datetime) -> None:
        """Queue making a notice due at once, as if it had never been sent, and its job."""
        connection.execute(
            f"""
            WITH again AS (
                UPDATE notices
                SET state = 'waiting', due_at = %(now)s, reason = NULL, claim = NULL, claimed_at = NULL,
                    handed_over_at = NULL, provider_id = NULL, ended_at = NULL
                WHERE notice_id = %(notice_id)s
                RETURNING notice_id
            )
            SELECT {SEND_ONE} FROM (SELECT notice_id, NULL::timestamptz AS not_before FROM again) AS job
            """.encode(),
            {"notice_id": notice_id, "now": now},
        )

    def record_report(
        self, connection: Connection, provider_id: str, what: str, detail: str, happened_at: datetime
    ) -> bool:
        """Record what a provider reports, once, and return whether the letter is known."""
        lock_provider_id(connection, provider_id)
        connection.execute(
            """
            INSERT INTO notice_events (provider_id, happened_at, what, detail) VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            (provider_id, happened_at, what[:MAX_REPORT_CHARS], detail[:MAX_REPORT_CHARS]),
        )
        return apply_reports(connection, provider_id)


_OWN = "notices.agent_id IN (SELECT agent_id FROM agents WHERE user_id = %(user_id)s)"
