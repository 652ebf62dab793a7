"""Consents in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.consents.model import Consent

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import Channel, Notice

MAX_WORDS_CHARS = 1600


class ConsentRepository:
    """The consents of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_stopped(self, connection: Connection, channel: Channel, recipient: str) -> bool:
        """Return whether a recipient said stop on a channel, and not start since. One round trip.

        The recipient is locked, so that a stop is either seen or comes after the transaction.
        """
        lock_recipient(connection, recipient)
        row = connection.execute(
            """
            SELECT revoked_at IS NOT NULL AS is_stopped
            FROM contact_consents
            WHERE recipient = %s AND channel = %s AND purpose = 'all'
            """,
            (recipient, channel),
        ).fetchone()
        return row is not None and bool(row["is_stopped"])

    def stop(
        self, connection: Connection, channel: Channel, recipient: str, *, how: str, words: str, at: datetime
    ) -> None:
        """Queue recording that a recipient said stop. The first one of several counts."""
        lock_recipient(connection, recipient)
        connection.execute(
            """
            INSERT INTO contact_consents (channel, recipient, purpose, revoked_at, how_revoked, words_revoked)
            VALUES (%s, %s, 'all', %s, %s, %s)
            ON CONFLICT (recipient, channel) WHERE purpose = 'all' DO UPDATE
            SET revoked_at = EXCLUDED.revoked_at, how_revoked = EXCLUDED.how_revoked,
                words_revoked = EXCLUDED.words_revoked
            WHERE contact_consents.revoked_at IS NULL
            """,
            (channel, recipient, at, how, words[:MAX_WORDS_CHARS]),
        )

    def start(
        self, connection: Connection, channel: Channel, recipient: str, *, how: str, words: str, at: datetime
    ) -> None:
        """Queue recording that a recipient wants notices again."""
        connection.execute(
            """
            INSERT INTO contact_consents (channel, recipient, purpose, given_at, how_given, words_given)
            VALUES (%s, %s, 'all', %s, %s, %s)
            ON CONFLICT (recipient, channel) WHERE purpose = 'all' DO UPDATE
            SET given_at = EXCLUDED.given_at, how_given = EXCLUDED.how_given, words_given = EXCLUDED.words_given,
                revoked_at = NULL, how_revoked = NULL, words_revoked = NULL
            """,
            (channel, recipient, at, how, words[:MAX_WORDS_CHARS]),
        )

    def record_viewing(self, connection: Connection, notice: Notice) -> None:
        """Queue recording the consent to the notices of a viewing, from how it was booked, unless it is recorded."""
        connection.execute(
            """
            INSERT INTO contact_consents (channel, recipient, purpose, appointment_id, given_at, how_given, words_given)
            SELECT %(channel)s, %(recipient)s, 'viewing', viewing.id, viewing.created_at,
                CASE
                    WHEN viewing.vapi_call_id IS NOT NULL THEN 'phone call ' || viewing.vapi_call_id
                    WHEN booked.actor = 'phone' THEN 'phone call'
                    ELSE 'booked by ' || COALESCE(booked.actor, 'an agent')
                END,
                CASE
                    WHEN %(recipient)s IN (viewing.attendee_phone, viewing.attendee_email)
                        THEN 'Gave it for the viewing of ' || viewing.property_address
                    ELSE 'Called from it to book the viewing of ' || viewing.property_address
                END
            FROM appointments AS viewing
            LEFT JOIN LATERAL (
                SELECT actor FROM appointment_events
                WHERE appointment_id = viewing.id AND kind = 'booked'
                ORDER BY event_id
                LIMIT 1
            ) AS booked ON TRUE
            WHERE viewing.id = %(appointment_id)s
            ON CONFLICT DO NOTHING
            """,
            {"channel": notice.channel, "recipient": notice.recipient, "appointment_id": notice.appointment_id},
        )

    def record_follow_up(
        self, connection: Connection, appointment_id: int, *, how: str, words: str, at: datetime
    ) -> None:
        """Queue recording that the visitor of a viewing may be written to once after missing it."""
        connection.execute(
            """
            INSERT INTO contact_consents (channel, recipient, purpose, appointment_id, given_at, how_given, words_given)
            SELECT way.channel, way.address, 'follow_up', viewing.id, %(at)s, %(how)s, %(words)s
            FROM appointments AS viewing
            CROSS JOIN LATERAL (
                VALUES
                    ('text', COALESCE(viewing.attendee_phone, viewing.caller_number)), ('email', viewing.attendee_email)
            ) AS way (channel, address)
            WHERE viewing.id = %(appointment_id)s AND way.address <> ''
            ON CONFLICT DO NOTHING
            """,
            {"appointment_id": appointment_id, "at": at, "how": how, "words": words[:MAX_WORDS_CHARS]},
        )

    def for_person(self, recipient: str) -> list[Consent]:
        """Return everything that a recipient agreed to or revoked, earliest first. One round trip."""
        rows = self._database.fetch(
            """
            SELECT consent_id, channel, recipient, purpose, appointment_id, given_at, how_given, words_given,
                   revoked_at, how_revoked, words_revoked
            FROM contact_consents
            WHERE recipient = %s
            ORDER BY consent_id
            """,
            (recipient,),
        )
        return [Consent(**row) for row in rows]


def lock_recipient(connection: Connection, recipient: str) -> None:
    """Queue a lock on a recipient until the transaction ends; before the first stop there is no row to lock."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 27))", [recipient])
