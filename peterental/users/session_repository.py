"""Sessions in PostgreSQL: valid as long as the database's clock and the user's row say so."""

from __future__ import annotations

from datetime import timedelta

from psycopg.rows import DictRow

from peterental.access import Viewer
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.users.model import Client, SessionInfo

IDLE_LIMIT = timedelta(hours=12)
ABSOLUTE_LIMIT = timedelta(days=14)
"""A session ends after this time without a request, and at the latest this long after its sign-in."""

LAST_SEEN_STEP = timedelta(minutes=1)
"""A request renews the time of the last request if that is older than this."""

KEPT_FOR = timedelta(days=30)
"""Rows without a request for this long are deleted."""

MAX_LISTED = 30

LIMITS = {"idle": IDLE_LIMIT, "absolute": ABSOLUTE_LIMIT}

_IS_VALID = """
    ended_at IS NULL
    AND last_seen_at > NOW() - %(idle)s
    AND user_sessions.created_at > NOW() - %(absolute)s
    AND user_sessions.session_epoch = users.session_epoch
    AND users.is_active
"""


class SessionRepository:
    """The sessions of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, token_hash: bytes) -> DictRow | None:
        """Return the user of a valid session, whether a second factor is on, and whether `last_seen_at` is old."""
        rows = self._database.fetch(
            f"""
            SELECT
                session_id, user_id, email, role,
                EXISTS (SELECT FROM second_factors WHERE second_factors.user_id = users.user_id) AS has_second_factor,
                last_seen_at < NOW() - %(step)s AS is_stale
            FROM user_sessions JOIN users USING (user_id)
            WHERE token_hash = %(token_hash)s AND {_IS_VALID}
            """,
            {"token_hash": token_hash, "step": LAST_SEEN_STEP, **LIMITS},
        )
        return rows[0] if rows else None

    def touch(self, session_id: int) -> None:
        """Renew the time of the last request."""
        self._database.fetch("UPDATE user_sessions SET last_seen_at = NOW() WHERE session_id = %s", (session_id,))

    def insert(
        self,
        connection: Connection,
        viewer: Viewer,
        session_epoch: int,
        token_hash: bytes,
        client: Client,
        *,
        needs_no_second_factor: bool = False,
    ) -> int:
        """Add a session and return its id; delete up to a hundred rows that have not been used for long.

        Args:
            connection: of the transaction.
            viewer: who signed in.
            session_epoch: the user's when the sign-in was checked.
            token_hash: of the token.
            client: the browser.
            needs_no_second_factor: whether the session has ended already if the user has a second factor by now.
        """
        # In a statement of its own: the next one sees a second factor that was turned on while this one waited.
        connection.execute("SELECT FROM users WHERE user_id = %s FOR KEY SHARE", (viewer.user_id,))
        row = connection.execute(
            """
            WITH purged AS (
                DELETE FROM user_sessions
                WHERE session_id IN (
                    SELECT session_id
                    FROM user_sessions
                    WHERE last_seen_at < NOW() - %(kept_for)s
                    ORDER BY last_seen_at
                    LIMIT 100
                    FOR UPDATE SKIP LOCKED
                )
            )
            INSERT INTO user_sessions (user_id, session_epoch, token_hash, address, browser, ended_at)
            VALUES (
                %(user_id)s, %(session_epoch)s, %(token_hash)s, %(address)s, %(browser)s,
                CASE
                    WHEN %(needs_no_second_factor)s
                        AND EXISTS (SELECT FROM second_factors WHERE second_factors.user_id = %(user_id)s)
                        THEN NOW()
                END
            )
            RETURNING session_id
            """,
            {
                "user_id": viewer.user_id,
                "session_epoch": session_epoch,
                "token_hash": token_hash,
                "address": client.address,
                "browser": client.browser,
                "kept_for": KEPT_FOR,
                "needs_no_second_factor": needs_no_second_factor,
            },
        ).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; an INSERT returns its row or raises
        return int(row["session_id"])

    def valid(self, user_id: int) -> list[SessionInfo]:
        """Return the valid sessions of a user, the latest request first; at most MAX_LISTED."""
        rows = self._database.fetch(
            f"""
            SELECT session_id, address, browser, user_sessions.created_at, last_seen_at
            FROM user_sessions JOIN users USING (user_id)
            WHERE user_id = %(user_id)s AND {_IS_VALID}
            ORDER BY last_seen_at DESC, session_id DESC
            LIMIT %(limit)s
            """,
            {"user_id": user_id, "limit": MAX_LISTED, **LIMITS},
        )
        return [
            SessionInfo(
                session_id=row["session_id"],
                client=Client(row["address"], row["browser"]),
                created_at=row["created_at"],
                last_seen_at=row["last_seen_at"],
                is_current=False,
            )
            for row in rows
        ]

    def end(self, connection: Connection, user_id: int, session_id: int) -> bool | None:
        """End one session of a user. Return whether it had not ended before; None if the user has no such session."""
        row = connection.execute(
            """
            WITH found AS (
                SELECT session_id, ended_at FROM user_sessions WHERE session_id = %s AND user_id = %s FOR NO KEY UPDATE
            ), ended AS (
                UPDATE user_sessions SET ended_at = NOW() FROM found
                WHERE user_sessions.session_id = found.session_id AND found.ended_at IS NULL
            )
            SELECT ended_at IS NULL AS was_open FROM found
            """,
            (session_id, user_id),
        ).fetchone()
        return row["was_open"] if row else None

    def end_token(self, connection: Connection, token_hash: bytes) -> None:
        """End the session of a token."""
        connection.execute(
            "UPDATE user_sessions SET ended_at = NOW() WHERE token_hash = %s AND ended_at IS NULL", (token_hash,)
        )

    def end_others(self, connection: Connection, user_id: int, session_id: int | None) -> None:
        """End all sessions of a user but one; all of them for None."""
        connection.execute(
            """
            UPDATE user_sessions SET ended_at = NOW()
            WHERE user_id = %s AND ended_at IS NULL AND session_id IS DISTINCT FROM %s
            """,
            (user_id, session_id),
        )
