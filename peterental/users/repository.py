"""Users in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg.rows import DictRow

from peterental.access import Role, Viewer
from peterental.database.connect import Connection
from peterental.database.constraints import named_constraints
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.users.login_throttle import FAILURES_EXPIRE_AFTER, FIRST_WAIT_S, MAX_WAIT_S, ThrottleKey
from peterental.users.model import Account, EmailInvalid, EmailTaken, UserChoice, UserDetails


class UserRepository:
    """The users of one database.

    Methods that take a connection belong to the caller's transaction; the others are one round trip of their own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_users(self) -> bool:
        """Tell whether there is a user, active or not."""
        rows = self._database.fetch("SELECT EXISTS (SELECT FROM users) AS found")
        return bool(rows[0]["found"])

    def active_users(self) -> list[UserChoice]:
        """Give the users who may sign in, by e-mail address."""
        rows = self._database.fetch("SELECT user_id, email, full_name FROM users WHERE is_active ORDER BY LOWER(email)")
        return [UserChoice(**row) for row in rows]

    def account(self, email: str) -> Account | None:
        """Find who signs in with `email`, however it is capitalised."""
        rows = self._database.fetch(
            """
            SELECT user_id, email, role, password_hash, session_epoch, is_active
            FROM users
            WHERE LOWER(email) = LOWER(%s)
            """,
            (email,),
        )
        if not rows:
            return None
        row = rows[0]
        return Account(
            viewer=_viewer(row),
            password_hash=row["password_hash"],
            session_epoch=row["session_epoch"],
            is_active=row["is_active"],
        )

    def viewer(self, user_id: int, session_epoch: int) -> Viewer | None:
        """Find an active user whose sessions of that epoch are still good."""
        rows = self._database.fetch(
            """
            SELECT user_id, email, role
            FROM users
            WHERE user_id = %s AND session_epoch = %s AND is_active
            """,
            (user_id, session_epoch),
        )
        return _viewer(rows[0]) if rows else None

    def insert(
        self, connection: Connection, *, email: str, password_hash: str, role: Role, full_name: str | None
    ) -> Viewer:
        """Add a user. Raises EmailTaken, EmailInvalid."""
        with named_constraints(CONSTRAINT_ERRORS):
            row = connection.execute(
                """
                INSERT INTO users (email, password_hash, role, full_name)
                VALUES (%s, %s, %s, %s)
                RETURNING user_id, email, role
                """,
                (email, password_hash, role, full_name),
            ).fetchone()
        return _viewer(_returned(row))

    def insert_first(self, connection: Connection, *, email: str, password_hash: str) -> Viewer | None:
        """Add an admin while there is no user; None where there is one. Raises EmailInvalid.

        The lock makes a second caller wait for the first one's commit, which its own statement then sees.
        """
        with named_constraints(CONSTRAINT_ERRORS):
            connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
            row = connection.execute(
                """
                INSERT INTO users (email, password_hash, role)
                SELECT %s, %s, 'admin'
                WHERE NOT EXISTS (SELECT FROM users)
                RETURNING user_id, email, role
                """,
                (email, password_hash),
            ).fetchone()
        return _viewer(row) if row else None

    def record_sign_in(
        self, user_id: int, *, old_hash: str, new_hash: str, keys: Sequence[ThrottleKey], now: datetime
    ) -> None:
        """Remember that somebody signed in, and their password's new hash, unless the password changed meanwhile.

        What their tries were counted for is cleared, or gets this try back, in the same round trip.
        """
        self._database.fetch(
            f"""
            WITH counted AS ({_REFUND})
            UPDATE users
            SET last_sign_in_at = %(now)s,
                password_hash = CASE WHEN password_hash = %(old_hash)s THEN %(new_hash)s ELSE password_hash END
            WHERE user_id = %(user_id)s
            """,
            {**_refund_values(keys), "user_id": user_id, "old_hash": old_hash, "new_hash": new_hash, "now": now},
        )

    def listing(self, *, text: str | None, limit: int, offset: int) -> list[UserDetails]:
        """Give users by e-mail address, those who may sign in first; `text` is part of a name or an address."""
        rows = self._database.fetch(
            f"""
            SELECT {_USER_COLUMNS}
            FROM users
            WHERE %(text)s::text IS NULL
                OR STRPOS(LOWER(email), LOWER(%(text)s)) > 0
                OR STRPOS(LOWER(full_name), LOWER(%(text)s)) > 0
            ORDER BY is_active DESC, LOWER(email)
            LIMIT %(limit)s OFFSET %(offset)s
            """,
            {"text": text, "limit": limit, "offset": offset},
        )
        return [UserDetails(**row) for row in rows]

    def get(self, user_id: int) -> UserDetails | None:
        """Find one user."""
        rows = self._database.fetch(f"SELECT {_USER_COLUMNS} FROM users WHERE user_id = %s", (user_id,))
        return UserDetails(**rows[0]) if rows else None

    def lock(self, connection: Connection, user_id: int) -> UserDetails | None:
        """Find one user, whom nobody else changes until the transaction ends."""
        row = connection.execute(
            f"SELECT {_USER_COLUMNS} FROM users WHERE user_id = %s FOR UPDATE", (user_id,)
        ).fetchone()
        return UserDetails(**row) if row else None

    def lock_by_email(self, connection: Connection, email: str) -> UserDetails | None:
        """Find who signs in with `email`, likewise."""
        row = connection.execute(
            f"SELECT {_USER_COLUMNS} FROM users WHERE LOWER(email) = LOWER(%s) FOR UPDATE", (email,)
        ).fetchone()
        return UserDetails(**row) if row else None

    def lock_with_admins(self, connection: Connection, user_id: int) -> dict[int, UserDetails]:
        """Find one user and every active admin, by user_id, whom nobody else changes until the transaction ends.

        Always in the same order, so that two who do this wait for each other and do not deadlock.
        """
        rows = connection.execute(
            f"""
            SELECT {_USER_COLUMNS}
            FROM users
            WHERE user_id = %s OR (role = 'admin' AND is_active)
            ORDER BY user_id
            FOR UPDATE
            """,
            (user_id,),
        ).fetchall()
        return {row["user_id"]: UserDetails(**row) for row in rows}

    def set_role(self, connection: Connection, user_id: int, role: Role) -> None:
        """Change what somebody may do."""
        connection.execute("UPDATE users SET role = %s WHERE user_id = %s", (role, user_id))

    def set_active(self, connection: Connection, user_id: int, *, active: bool) -> None:
        """Let somebody sign in, or no more; either way their sessions and links end."""
        connection.execute(
            "UPDATE users SET is_active = %s, session_epoch = session_epoch + 1 WHERE user_id = %s", (active, user_id)
        )

    def end_sessions(self, connection: Connection, user_id: int) -> None:
        """End every session and link of somebody."""
        connection.execute("UPDATE users SET session_epoch = session_epoch + 1 WHERE user_id = %s", (user_id,))

    def increment_links_made(self, connection: Connection, user_id: int) -> int:
        """Count a link for somebody, which calls the earlier ones off; gives its number."""
        row = connection.execute(
            "UPDATE users SET links_made = links_made + 1 WHERE user_id = %s RETURNING links_made", (user_id,)
        ).fetchone()
        return int(_returned(row)["links_made"])

    def set_password(self, connection: Connection, user_id: int, password_hash: str) -> int:
        """Change a password and end every session and link; gives the new session epoch."""
        row = connection.execute(
            """
            UPDATE users
            SET password_hash = %s, session_epoch = session_epoch + 1
            WHERE user_id = %s
            RETURNING session_epoch
            """,
            (password_hash, user_id),
        ).fetchone()
        return int(_returned(row)["session_epoch"])

    def consume(self, keys: Sequence[ThrottleKey], now: datetime) -> set[str]:
        """Count one try for each counter that lets it pass at `now`, and give their subjects.

        One statement, so that however many try at once, no more pass than may: each sees what the one before wrote.
        Rows that are long forgotten go, a hundred at a time.
        """
        rows = self._database.fetch(
            f"""
            WITH asked AS (
                SELECT subject, free FROM UNNEST(%(subjects)s::text[], %(free)s::int[]) AS asked (subject, free)
            ), swept AS (
                DELETE FROM sign_in_failures
                WHERE subject IN (
                    SELECT subject
                    FROM sign_in_failures
                    WHERE last_failed_at < %(forgotten)s AND subject <> ALL (%(subjects)s)
                    ORDER BY last_failed_at
                    LIMIT 100
                    FOR UPDATE SKIP LOCKED
                )
            )
            INSERT INTO sign_in_failures AS counted (subject, failures, last_failed_at)
            SELECT subject, 1, %(now)s FROM asked ORDER BY subject
            ON CONFLICT (subject) DO UPDATE
            SET failures = CASE WHEN counted.last_failed_at < %(forgotten)s THEN 1 ELSE counted.failures + 1 END,
                last_failed_at = GREATEST(counted.last_failed_at, EXCLUDED.last_failed_at)
            WHERE counted.last_failed_at < %(forgotten)s
                OR EXISTS (
                    SELECT
                    FROM asked
                    WHERE asked.subject = counted.subject
                        AND (counted.failures < asked.free OR counted.last_failed_at + {_WAIT} <= %(now)s)
                )
            RETURNING subject
            """,
            _throttle_values(keys, now),
        )
        return {row["subject"] for row in rows}

    def remaining_wait_s(self, keys: Sequence[ThrottleKey], now: datetime) -> float:
        """Give how long somebody must wait until every one of these counters lets a try pass, in seconds."""
        rows = self._database.fetch(
            f"""
            SELECT EXTRACT(EPOCH FROM MAX(counted.last_failed_at + {_WAIT}) - %(now)s)::float8 AS wait_s
            FROM UNNEST(%(subjects)s::text[], %(free)s::int[]) AS asked (subject, free)
            JOIN sign_in_failures AS counted USING (subject)
            """,
            _throttle_values(keys, now),
        )
        return float(rows[0]["wait_s"] or 0)

    def refund(self, keys: Sequence[ThrottleKey]) -> None:
        """Take back one try that was counted and not made."""
        self._database.fetch(_REFUND, _refund_values(keys, clearing=False))

    def clear(self, connection: Connection, subject: str) -> None:
        """Let somebody begin anew."""
        connection.execute("DELETE FROM sign_in_failures WHERE subject = %s", (subject,))


_USER_COLUMNS = """
    user_id, email, full_name, role, is_active, password_hash <> '' AS has_password, session_epoch, links_made,
    last_sign_in_at
"""

# How long the failures that were counted are waited for: twice as long for each one past the free ones.
_WAIT = """
    MAKE_INTERVAL(secs => LEAST(%(longest_s)s, %(first_s)s * POWER(2, LEAST(counted.failures - asked.free, 20))))
"""

# In the order of the subjects, as `consume` counts them, so that the two wait for each other and do not deadlock.
_REFUND = """
    UPDATE sign_in_failures AS counted
    SET failures = CASE WHEN locked.cleared THEN 0 ELSE GREATEST(counted.failures - 1, 0) END
    FROM (
        SELECT subject, asked.cleared
        FROM UNNEST(%(subjects)s::text[], %(cleared)s::bool[]) AS asked (subject, cleared)
        JOIN sign_in_failures USING (subject)
        ORDER BY subject
        FOR UPDATE OF sign_in_failures
    ) AS locked
    WHERE counted.subject = locked.subject
"""


def _throttle_values(keys: Sequence[ThrottleKey], now: datetime) -> dict[str, object]:
    return {
        "subjects": [key.subject for key in keys],
        "free": [key.free_attempts for key in keys],
        "now": now,
        "forgotten": now - FAILURES_EXPIRE_AFTER,
        "first_s": FIRST_WAIT_S,
        "longest_s": MAX_WAIT_S,
    }


def _refund_values(keys: Sequence[ThrottleKey], *, clearing: bool = True) -> dict[str, object]:
    return {
        "subjects": [key.subject for key in keys],
        "cleared": [clearing and key.is_cleared_by_success for key in keys],
    }


def _viewer(row: DictRow) -> Viewer:
    return Viewer(user_id=row["user_id"], email=row["email"], is_admin=row["role"] == "admin")


def _returned(row: DictRow | None) -> DictRow:
    """Give the row that RETURNING always returns."""
    if row is None:  # pragma: no cover - the server either inserts or raises
        raise AssertionError
    return row


CONSTRAINT_ERRORS: Mapping[str, type[Refusal]] = {
    "users_email_key": EmailTaken,
    "idx_users_email_folded": EmailTaken,
    "email_valid": EmailInvalid,
}
