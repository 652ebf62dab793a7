"""Triggers that keep what the outbox forgets: every hand-over with the truth of that moment, and every state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

# The trigger runs in the transaction that records the hand-over, and looks with its own eyes.
SCHEMA = """
    CREATE TABLE chaos_hand_overs (
        hand_over_id BIGINT GENERATED ALWAYS AS IDENTITY, at TIMESTAMPTZ, notice_id BIGINT, kind TEXT, channel TEXT,
        audience TEXT, recipient TEXT, about TEXT, revision INTEGER, body TEXT, expires_at TIMESTAMPTZ,
        appointment_id INTEGER, sequence INTEGER, status TEXT, start_time TIMESTAMPTZ, home TEXT, is_stopped BOOLEAN
    );
    CREATE TABLE chaos_states (
        at TIMESTAMPTZ, notice_id BIGINT, state TEXT, reason TEXT, attempts INTEGER, claim UUID,
        handed_over_at TIMESTAMPTZ, due_at TIMESTAMPTZ, provider_id TEXT
    );
    CREATE INDEX ON chaos_states (notice_id);
    CREATE FUNCTION chaos_hand_over() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos_hand_overs (
            at, notice_id, kind, channel, audience, recipient, about, revision, body, expires_at, appointment_id,
            sequence, status, start_time, home, is_stopped
        )
        SELECT clock_timestamp(), NEW.notice_id, NEW.kind, NEW.channel, NEW.audience, NEW.recipient, NEW.about,
               NEW.revision, NEW.body, NEW.expires_at, NEW.appointment_id,
               viewing.sequence, viewing.status, viewing.start_time, viewing.property_address,
               EXISTS (
                   SELECT FROM contact_consents AS consent
                   WHERE consent.recipient = NEW.recipient AND consent.channel = NEW.channel
                       AND consent.purpose = 'all' AND consent.revoked_at IS NOT NULL
               )
        FROM (SELECT) AS one LEFT JOIN appointments AS viewing ON viewing.id = NEW.appointment_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_hand_over AFTER UPDATE OF handed_over_at ON notices FOR EACH ROW
        WHEN (NEW.handed_over_at IS NOT NULL AND NEW.state = 'sending') EXECUTE FUNCTION chaos_hand_over();
    CREATE FUNCTION chaos_state() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos_states VALUES (
            clock_timestamp(), NEW.notice_id, NEW.state, NEW.reason, NEW.attempts, NEW.claim, NEW.handed_over_at,
            NEW.due_at, NEW.provider_id
        );
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_state AFTER INSERT OR UPDATE ON notices FOR EACH ROW EXECUTE FUNCTION chaos_state();
"""


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """That a provider might have a letter from a moment on, and what was true then. Times are UTC.

    Args:
        hand_over_id: in the order of their transactions' statements.
        at: when.
        notice_id, kind, channel, audience, recipient, about, revision, body, expires_at, appointment_id: of the notice.
        sequence, status, start_time, home: of the viewing then; None without one.
        is_stopped: whether the recipient had said stop.
    """

    hand_over_id: int
    at: datetime
    notice_id: int
    kind: str
    channel: str
    audience: str
    recipient: str
    about: str
    revision: int
    body: str
    expires_at: datetime
    appointment_id: int | None
    sequence: int | None
    status: str | None
    start_time: datetime | None
    home: str | None
    is_stopped: bool


@dataclass(frozen=True, kw_only=True)
class NoticeRow:
    """A notice at the end. Times are UTC."""

    notice_id: int
    appointment_id: int | None
    kind: str
    channel: str
    audience: str
    recipient: str
    revision: int
    state: str
    reason: str | None
    provider_id: str | None
    expires_at: datetime
    ended_at: datetime | None
    sequence: int | None


_NOTICES = """
    SELECT notice_id, appointment_id, kind, channel, audience, recipient, revision, state, reason, provider_id,
           expires_at, ended_at, sequence
    FROM notices LEFT JOIN appointments ON appointments.id = appointment_id
    ORDER BY notice_id
"""


def hand_overs(connection: psycopg.Connection[Any]) -> list[HandOver]:
    """Return all hand-overs in their order."""
    with connection.cursor(row_factory=class_row(HandOver)) as cursor:
        return cursor.execute("SELECT * FROM chaos_hand_overs ORDER BY at, hand_over_id").fetchall()


def notices(connection: psycopg.Connection[Any]) -> list[NoticeRow]:
    """Return all notices."""
    with connection.cursor(row_factory=class_row(NoticeRow)) as cursor:
        return cursor.execute(_NOTICES).fetchall()
