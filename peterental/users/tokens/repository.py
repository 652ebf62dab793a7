"""API tokens in PostgreSQL. Whether one is valid is decided by the database's clock and the user's row."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.users.tokens.model import ApiToken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.users.tokens.model import CountedRequest

LAST_USED_STEP = timedelta(minutes=1)
"""A request renews the time of the last use if that is older than this."""

MAX_LISTED = 200

_COLUMNS = """
    token_id, user_id, users.email AS user_email, name, prefix, scope, api_tokens.created_at, expires_at, last_used_at,
    revoked_at, revoked_by, users.is_active AS is_user_active
"""

_FIND = """
    WITH found AS (
        SELECT token_id, user_id, email, role, name, prefix, scope, expires_at
        FROM api_tokens JOIN users USING (user_id)
        WHERE token_hash = %(token_hash)s AND revoked_at IS NULL AND users.is_active
            AND (expires_at IS NULL OR expires_at > NOW())
    ), used AS (
        UPDATE api_tokens SET last_used_at = NOW()
        WHERE token_id = (
            SELECT token_id FROM api_tokens
            WHERE token_id = (SELECT token_id FROM found)
                AND (last_used_at IS NULL OR last_used_at < NOW() - %(step)s::interval)
            FOR NO KEY UPDATE SKIP LOCKED
        )
    )
    SELECT * FROM found
"""


class TokenRepository:
    """The tokens of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, token_hash: bytes) -> DictRow | None:
        """Return a valid token with its user, and renew the time of its last use once a minute."""
        rows = self._database.fetch(_FIND, {"token_hash": token_hash, "step": LAST_USED_STEP})
        return rows[0] if rows else None

    def listing(self, user_id: int | None) -> list[ApiToken]:
        """Return the tokens of one user, or of all if None: valid ones first, then the newest; at most MAX_LISTED."""
        rows = self._database.fetch(
            f"""
            SELECT {_COLUMNS}
            FROM api_tokens JOIN users USING (user_id)
            WHERE %(user_id)s::int IS NULL OR user_id = %(user_id)s
            ORDER BY revoked_at IS NULL AND (expires_at IS NULL OR expires_at > NOW()) DESC, token_id DESC
            LIMIT %(limit)s
            """,
            {"user_id": user_id, "limit": MAX_LISTED},
        )
        return [ApiToken(**row) for row in rows]

    def lock_user(self, connection: Connection, user_id: int) -> None:
        """Queue a lock on a user, so that no other token of theirs is created until the transaction ends."""
        connection.execute("SELECT FROM users WHERE user_id = %s FOR NO KEY UPDATE", (user_id,))

    def count_valid(self, connection: Connection, user_id: int) -> int:
        """Count the valid tokens of a user."""
        row = connection.execute(
            """
            SELECT COUNT(*) AS number FROM api_tokens
            WHERE user_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > NOW())
            """,
            (user_id,),
        ).fetchone()
        return int(row["number"]) if row else 0

    def read(self, connection: Connection, token_hash: bytes) -> ApiToken | None:
        """Return the token with a hash, valid or not."""
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM api_tokens JOIN users USING (user_id) WHERE token_hash = %s".encode(),
            (token_hash,),
        ).fetchone()
        return ApiToken(**row) if row else None

    def insert(
        self,
        connection: Connection,
        user_id: int,
        token_hash: bytes,
        *,
        name: str,
        prefix: str,
        scope: str,
        expires_at: datetime | None,
    ) -> ApiToken:
        """Add a token and return it."""
        row = connection.execute(
            f"""
            WITH added AS (
                INSERT INTO api_tokens (user_id, token_hash, name, prefix, scope, expires_at)
                VALUES (%(user_id)s, %(token_hash)s, %(name)s, %(prefix)s, %(scope)s, %(expires_at)s)
                RETURNING *
            )
            SELECT {_COLUMNS.replace("api_tokens", "added")} FROM added JOIN users USING (user_id)
            """.encode(),
            {
                "user_id": user_id,
                "token_hash": token_hash,
                "name": name,
                "prefix": prefix,
                "scope": scope,
                "expires_at": expires_at,
            },
        ).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; an INSERT returns its row or raises
        return ApiToken(**row)

    def revoke(self, connection: Connection, token_id: int, user_id: int | None, by: str) -> ApiToken | None:
        """Revoke a token and return it; None if there is none, or it was revoked before.

        Args:
            connection: of the transaction.
            token_id: which.
            user_id: only if it is this user's; None for anyone's.
            by: the e-mail address of the user who revokes it.
        """
        row = connection.execute(
            f"""
            WITH revoked AS (
                UPDATE api_tokens SET revoked_at = NOW(), revoked_by = %(by)s
                WHERE token_id = %(token_id)s AND revoked_at IS NULL
                    AND (%(user_id)s::int IS NULL OR user_id = %(user_id)s)
                RETURNING *
            )
            SELECT {_COLUMNS.replace("api_tokens", "revoked")} FROM revoked JOIN users USING (user_id)
            """.encode(),
            {"token_id": token_id, "user_id": user_id, "by": by},
        ).fetchone()
        return ApiToken(**row) if row else None


class RequestRepository:
    """Requests with an Idempotency-Key. Each method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, values: dict[str, object]) -> DictRow:
        """Reserve a key and return its row, in which `runner` is the caller's if it may do the work.

        Up to a hundred keys that are no longer remembered are deleted.

        Args:
            values: token_id, request_key, request_hash, form_key, runner, running_until, now, and forgotten: keys that
                were used before that moment count as new.
        """
        kept: Sequence[str] = ("request_hash", "form_key", "runner", "running_until", "started_at")
        is_old = "kept.started_at < %(forgotten)s"
        # A request that began later than now began before the clock was set back.
        is_over = "kept.running_until <= %(now)s OR kept.started_at > %(now)s::timestamptz + INTERVAL '1 minute'"
        is_free = f"{is_old} OR (kept.status IS NULL AND ({is_over}))"
        changes = ", ".join(
            f"{name} = CASE WHEN {is_free if name in {'runner', 'running_until'} else is_old}"
            f" THEN EXCLUDED.{name} ELSE kept.{name} END"
            for name in kept
        )
        rows = self._database.fetch(
            f"""
            WITH purged AS (
                DELETE FROM api_requests
                WHERE (token_id, request_key) IN (
                    SELECT token_id, request_key FROM api_requests
                    WHERE started_at < %(forgotten)s
                        AND (token_id, request_key) <> (%(token_id)s, %(request_key)s)
                    ORDER BY started_at
                    LIMIT 100
                    FOR UPDATE SKIP LOCKED
                )
            )
            INSERT INTO api_requests AS kept (
                token_id, request_key, request_hash, form_key, runner, running_until, started_at
            )
            VALUES (
                %(token_id)s, %(request_key)s, %(request_hash)s, %(form_key)s, %(runner)s, %(running_until)s, %(now)s
            )
            ON CONFLICT (token_id, request_key) DO UPDATE SET {changes},
                status = CASE WHEN {is_old} THEN NULL ELSE kept.status END,
                appointment_id = CASE WHEN {is_old} THEN NULL ELSE kept.appointment_id END
            RETURNING request_hash, form_key, runner, status, appointment_id
            """,
            values,
        )
        return rows[0]

    def finish(self, connection: Connection, request: CountedRequest, status: int, appointment_id: int) -> bool:
        """Record what a request led to. Return whether it is still its runner's."""
        found = connection.execute(
            """
            UPDATE api_requests SET status = %s, appointment_id = %s
            WHERE token_id = %s AND request_key = %s AND runner = %s
            RETURNING token_id
            """,
            (status, appointment_id, request.token_id, request.key, request.runner),
        ).fetchone()
        return found is not None

    def release(self, token_id: int, key: str, runner: str, now: datetime) -> None:
        """Let the request be tried again, since it changed nothing."""
        self._database.fetch(
            """
            UPDATE api_requests SET running_until = %s
            WHERE token_id = %s AND request_key = %s AND runner = %s AND status IS NULL
            """,
            (now, token_id, key, runner),
        )
