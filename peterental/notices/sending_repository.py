"""The outbox in PostgreSQL, as the senders of all processes share it: claims, hand-overs, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from peterental.notices.model import Notice
from peterental.notices.repository import NOTICE, SEND_ONE, apply_reports, lock_provider_id, notice_of

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import Letter, State


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A notice that one attempt is sending.

    Args:
        notice: which.
        claim: of the attempt.
        zone: the clock of the quiet hours: of the agent; None for a notice without an agent, which is never held.
        quiet_from, quiet_until: of the office.
    """

    notice: Notice
    claim: UUID
    zone: ZoneInfo | None
    quiet_from: time
    quiet_until: time


MAX_REASON_CHARS = 500

# A notice that was due when it was written stays due when the clock is set back.
_IS_DUE = "({each}.due_at <= %(now)s OR {each}.created_at > %(now)s AND {each}.due_at = {each}.created_at)"

# Earlier notices of the viewing to the same recipient go first, unless they wait for a later attempt.
_CLAIM = f"""
    UPDATE notices
    SET state = 'sending', claim = gen_random_uuid(), claimed_at = %(now)s, attempts = notices.attempts + 1
    FROM notice_settings AS office
    WHERE notices.notice_id = (
        SELECT notice_id FROM notices AS next
        WHERE next.{{key}} = %(id)s AND next.state = 'waiting' AND {_IS_DUE.format(each="next")}
            AND NOT EXISTS (
                SELECT FROM notices AS earlier
                WHERE earlier.appointment_id = next.appointment_id AND earlier.recipient = next.recipient
                    AND earlier.notice_id < next.notice_id
                    AND (earlier.state = 'sending' OR earlier.state = 'waiting' AND {_IS_DUE.format(each="earlier")})
            )
        ORDER BY notice_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING {NOTICE}, notices.claim, office.quiet_from, office.quiet_until,
              (SELECT time_zone FROM agents WHERE agents.agent_id = notices.agent_id) AS time_zone
"""
_CLAIM_OF_APPOINTMENT = _CLAIM.format(key="appointment_id")
_CLAIM_ONE = _CLAIM.format(key="notice_id")


class SendingRepository:
    """The outbox of one database. Each method without a connection is one transaction.

    What an attempt writes depends on its claim: one whose claim was taken away writes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_of_appointment(self, appointment_id: int, now: datetime) -> Claimed | None:
        """Claim the first notice of a viewing that is due; None if there is none that no other attempt is at."""
        return self._claim(_CLAIM_OF_APPOINTMENT, appointment_id, now)

    def claim(self, notice_id: int, now: datetime) -> Claimed | None:
        """Claim one notice, if it is due and no earlier one has to go first."""
        return self._claim(_CLAIM_ONE, notice_id, now)

    def _claim(self, query: str, key: int, now: datetime) -> Claimed | None:
        rows = self._database.fetch(query, {"id": key, "now": now})
        if not rows:
            return None
        (row,) = rows
        return Claimed(
            notice=notice_of(row),
            claim=row["claim"],
            zone=ZoneInfo(row["time_zone"]) if row["time_zone"] else None,
            quiet_from=row["quiet_from"],
            quiet_until=row["quiet_until"],
        )

    def present_sequence(self, connection: Connection, appointment_id: int) -> int | None:
        """Return how often a viewing has changed, and hold off further changes until the transaction ends."""
        row = connection.execute(
            "SELECT sequence FROM appointments WHERE id = %s FOR SHARE", [appointment_id]
        ).fetchone()
        return None if row is None else int(row["sequence"])

    def texts_since(self, connection: Connection, recipient: str, since: datetime) -> int:
        """Return how many texts a visitor's number was sent since a moment. Waits for the server."""
        row = connection.execute(
            """
            SELECT COUNT(*) AS number FROM notices
            WHERE recipient = %s AND channel = 'text' AND audience = 'visitor' AND handed_over_at > %s
            """,
            (recipient, since),
        ).fetchone()
        return int(row["number"]) if row else 0

    def record_hand_over(self, connection: Connection, claimed: Claimed, letter: Letter, now: datetime) -> bool:
        """Record that the provider may have a letter from now on; return False if the claim is lost or used."""
        row = connection.execute(
            """
            UPDATE notices
            SET handed_over_at = %(now)s, subject = %(subject)s, body = %(body)s
            WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND state = 'sending' AND handed_over_at IS NULL
            RETURNING notice_id
            """,
            {
                "now": now,
                "subject": letter.subject,
                "body": letter.body if letter.stored_body is None else letter.stored_body,
                **_key(claimed),
            },
        ).fetchone()
        return row is not None

    def has_provider_id(self, provider_id: str) -> bool:
        """Return whether a provider's id belongs to a notice."""
        return bool(
            self._database.fetch("SELECT notice_id FROM notices WHERE provider_id = %s LIMIT 1", (provider_id,))
        )

    def record_sent(
        self, notice_id: int, claim: UUID, provider_id: str | None, now: datetime, *, is_found: bool
    ) -> None:
        """Record that the provider has a letter, and what it has reported about it already.

        Args:
            notice_id: which.
            claim: of the attempt.
            provider_id: of the letter.
            now: aware.
            is_found: whether the id was found at the provider. One that belongs to another notice by now records
                nothing: of two notices that say the same, each has a letter of its own.
        """
        with self._database.transaction() as connection:
            if provider_id is not None:
                lock_provider_id(connection, provider_id)
            connection.execute(
                """
                UPDATE notices
                SET state = 'sent', provider_id = %(provider_id)s, reason = NULL, ended_at = %(now)s,
                    handed_over_at = COALESCE(handed_over_at, %(now)s)
                WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND ended_at IS NULL
                    AND NOT (%(is_found)s AND EXISTS (
                        SELECT FROM notices AS other WHERE other.provider_id = %(provider_id)s::text
                    ))
                """,
                {
                    "notice_id": notice_id,
                    "claim": claim,
                    "provider_id": provider_id,
                    "now": now,
                    "is_found": is_found,
                },
            )
            if provider_id is not None:
                apply_reports(connection, provider_id)

    def end(self, claimed: Claimed, state: State, reason: str, now: datetime) -> None:
        """Record that a notice was certainly not sent, and will not be."""
        self._database.fetch(
            """
            UPDATE notices SET state = %(state)s, reason = %(reason)s, ended_at = %(now)s, handed_over_at = NULL
            WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND ended_at IS NULL
            """,
            {"state": state, "reason": _stored(reason), "now": now, **_key(claimed)},
        )

    def put_off(self, claimed: Claimed, until: datetime, reason: str | None, *, counts: bool) -> None:
        """Record that a notice was certainly not sent, and defer the job of the next attempt.

        Args:
            claimed: the notice.
            until: when it is due again, aware.
            reason: what happened; None leaves what is there.
            counts: whether this was an attempt.
        """
        self._database.fetch(
            f"""
            WITH waiting AS (
                UPDATE notices
                SET state = 'waiting', claim = NULL, claimed_at = NULL, handed_over_at = NULL, due_at = %(until)s,
                    reason = COALESCE(%(reason)s, reason), attempts = attempts - %(uncounted)s
                WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND ended_at IS NULL
                RETURNING notice_id
            )
            SELECT {SEND_ONE} FROM (SELECT notice_id, %(until)s::timestamptz AS not_before FROM waiting) AS job
            """,
            {
                "until": until,
                "reason": None if reason is None else _stored(reason),
                "uncounted": int(not counts),
                **_key(claimed),
            },
        )

    def record_unknown(self, claimed: Claimed, reason: str) -> None:
        """Record that a letter may have been sent. The claim stays: the attempt may still learn what came of it."""
        self._database.fetch(
            """
            UPDATE notices SET state = 'unknown', reason = %(reason)s
            WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND state = 'sending'
            """,
            {"reason": _stored(reason), **_key(claimed)},
        )

    def end_claims(self, before: datetime, now: datetime, *, reason: str) -> int:
        """End the claims of attempts that began before a moment, and return how many: their processes are gone.

        So are those of attempts that begin later than now: the clock was set back. What was not handed over is due
        again; what was is unknown.
        """
        rows = self._database.fetch(
            f"""
            WITH stale AS (
                SELECT notice_id FROM notices
                WHERE ended_at IS NULL AND state = 'sending'
                    AND (claimed_at < %(before)s OR claimed_at > %(later)s)
                FOR UPDATE SKIP LOCKED
            ), ended AS (
                UPDATE notices
                SET state = CASE WHEN handed_over_at IS NULL THEN 'waiting' ELSE 'unknown' END,
                    due_at = CASE WHEN handed_over_at IS NULL THEN %(now)s ELSE due_at END,
                    claim = CASE WHEN handed_over_at IS NULL THEN NULL ELSE claim END,
                    reason = CASE WHEN handed_over_at IS NULL THEN reason ELSE %(reason)s END
                FROM stale
                WHERE notices.notice_id = stale.notice_id
                RETURNING notices.notice_id, notices.state
            ), deferred AS (
                SELECT {SEND_ONE}
                FROM (SELECT notice_id, NULL::timestamptz AS not_before FROM ended WHERE state = 'waiting') AS job
            )
            SELECT (SELECT COUNT(*) FROM ended) AS ended, (SELECT COUNT(*) FROM deferred) AS deferred
            """,
            {"before": before, "later": now + (now - before), "now": now, "reason": _stored(reason)},
        )
        return int(rows[0]["ended"])

    def unknown(self, handed_over_before: datetime, limit: int) -> list[tuple[Notice, UUID]]:
        """Return the oldest notices of which it may still be learnt whether they were sent, and their claims."""
        rows = self._database.fetch(
            f"""
            SELECT {NOTICE}, claim FROM notices
            WHERE ended_at IS NULL AND state = 'unknown' AND handed_over_at < %s
            ORDER BY notice_id
            LIMIT %s
            """,
            (handed_over_before, limit),
        )
        return [(notice_of(row), row["claim"]) for row in rows]

    def leave_unknown(self, notice_id: int, claim: UUID, now: datetime) -> None:
        """Record that it will not be learnt whether a letter was sent."""
        self._database.fetch(
            """
            UPDATE notices SET ended_at = %s
            WHERE notice_id = %s AND claim = %s AND state = 'unknown' AND ended_at IS NULL
            """,
            (now, notice_id, claim),
        )

    def send_after_all(self, notice_id: int, claim: UUID, now: datetime) -> None:
        """Make an unknown notice due at once: the provider certainly does not have it."""
        self._database.fetch(
            f"""
            WITH again AS (
                UPDATE notices
                SET state = 'waiting', due_at = %(now)s, claim = NULL, claimed_at = NULL, handed_over_at = NULL
                WHERE notice_id = %(notice_id)s AND claim = %(claim)s AND state = 'unknown' AND ended_at IS NULL
                RETURNING notice_id
            )
            SELECT {SEND_ONE} FROM (SELECT notice_id, NULL::timestamptz AS not_before FROM again) AS job
            """,
            {"notice_id": notice_id, "claim": claim, "now": now},
        )

    def overdue(self, now: datetime, by: timedelta, limit: int) -> list[int]:
        """Return the ids of the notices that have been due for so long, the first ones first.

        So are those that were due when they were written, so much later than now: the clock was set back.
        """
        rows = self._database.fetch(
            """
            SELECT notice_id FROM notices
            WHERE ended_at IS NULL AND state = 'waiting'
                AND (due_at < %(before)s OR created_at > %(later)s AND due_at = created_at)
            ORDER BY due_at, notice_id
            LIMIT %(limit)s
            """,
            {"before": now - by, "later": now + by, "limit": limit},
        )
        return [row["notice_id"] for row in rows]


def _key(claimed: Claimed) -> dict[str, object]:
    return {"notice_id": claimed.notice.notice_id, "claim": claimed.claim}


def _stored(reason: str) -> str:
    """Return a reason as a sentence, without what PostgreSQL refuses."""
    text = reason.replace("\x00", "").strip()[:MAX_REASON_CHARS]
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."
