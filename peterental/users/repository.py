"""Users in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from peterental.access import Role, Viewer
from peterental.database.connect import Connection
from peterental.database.constraints import named_constraints
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.users.login_throttle import FAILURES_EXPIRE_AFTER, FIRST_WAIT_S, MAX_WAIT_S, ThrottleKey
from peterental.users.model import Account, EmailInvalid, EmailTaken, SignedIn, UserChoice, UserDetails


class UserRepository:
    """The users of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_passwords(self) -> bool:
        """Return whether any user has a password, active or not."""
        rows = self._database.fetch("SELECT EXISTS (SELECT FROM users WHERE password_hash <> '') AS found")
        return bool(rows[0]["found"])

    def active_users(self) -> list[UserChoice]:
        """Return the active users, by e-mail address."""
        rows = self._database.fetch("SELECT user_id, email, full_name FROM users WHERE is_active ORDER BY LOWER(email)")
        return [UserChoice(**row) for row in rows]

    def all_users(self) -> list[UserChoice]:
        """Return all users, by e-mail address."""
        rows = self._database.fetch("SELECT user_id, email, full_name FROM users ORDER BY LOWER(email)")
        return [UserChoice(**row) for row in rows]

    def account(self, email: str) -> Account | None:
        """Return the account of an e-mail address, ignoring case, with its password hash.

        A deactivated account is returned too.
        """
        rows = self._database.fetch(f"SELECT {_ACCOUNT_COLUMNS} FROM users WHERE LOWER(email) = LOWER(%s)", (email,))
        return _account(rows[0]) if rows else None

    def account_of(self, user_id: int) -> Account | None:
        """Return the account of a user, also a deactivated one."""
        rows = self._database.fetch(f"SELECT {_ACCOUNT_COLUMNS} FROM users WHERE user_id = %s", (user_id,))
        return _account(rows[0]) if rows else None

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

    def insert_first(self, connection: Connection, *, email: str, password_hash: str) -> SignedIn | None:
        """Add an admin if no user has a password yet, else return None. Raises EmailInvalid.

        A user of the earlier system with this address becomes that admin, and is reactivated.

        The lock makes a concurrent caller wait for the first one's commit, which its statements then see.
        """
        with named_constraints(CONSTRAINT_ERRORS):
            connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
            row = connection.execute(
                """
                WITH vacant AS (
                    SELECT WHERE NOT EXISTS (SELECT FROM users WHERE password_hash <> '')
                ), adopted AS (
                    UPDATE users
                    SET password_hash = %(password_hash)s, role = 'admin', is_active = TRUE,
                        session_epoch = session_epoch + 1
                    FROM vacant
                    WHERE LOWER(email) = LOWER(%(email)s)
                    RETURNING user_id, email, role, session_epoch
                ), inserted AS (
                    INSERT INTO users (email, password_hash, role)
                    SELECT %(email)s, %(password_hash)s, 'admin'
                    FROM vacant
                    WHERE NOT EXISTS (SELECT FROM adopted)
                    RETURNING user_id, email, role, session_epoch
                )
                SELECT * FROM adopted UNION ALL SELECT * FROM inserted
                """,
                {"email": email, "password_hash": password_hash},
            ).fetchone()
        return SignedIn(viewer=_viewer(row), session_epoch=row["session_epoch"]) if row else None

    def record_sign_in(
        self,
        user_id: int,
        *,
        old_hash: str,
        new_hash: str,
        keys: Sequence[ThrottleKey],
        now: datetime,
    ) -> None:
        """Record a successful sign-in and refund its attempt, in one round trip.

        Args:
            user_id: who signed in.
            old_hash: the hash that was verified; a different stored hash is not overwritten.
            new_hash: the hash to store.
            keys: what the attempt was counted against; each is cleared or gets this attempt back.
            now: the time of the sign-in, aware.
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

    def record_first_step(
        self, user_id: int, *, old_hash: str, new_hash: str, keys: Sequence[ThrottleKey], now: datetime
    ) -> None:
        """Record that the password was right and a code is still needed, in one round trip.

        The attempt is taken back, and the next one, which is the code, need not wait. No count is cleared: a wrong code
        adds to the failures before it. Arguments as for `record_sign_in`.
        """
        self._database.fetch(
            """
            WITH counted AS (
                UPDATE sign_in_failures AS counted
                SET failures = GREATEST(counted.failures - 1, 0), last_failed_at = %(waited_since)s
                FROM (
                    SELECT subject
                    FROM sign_in_failures
                    WHERE subject = ANY (%(subjects)s)
                    ORDER BY subject
                    FOR UPDATE
                ) AS locked
                WHERE counted.subject = locked.subject
            )
            UPDATE users
            SET password_hash = %(new_hash)s
            WHERE user_id = %(user_id)s AND password_hash = %(old_hash)s AND password_hash <> %(new_hash)s
            """,
            {
                "subjects": [key.subject for key in keys],
                "waited_since": now - timedelta(seconds=MAX_WAIT_S),
                "user_id": user_id,
                "old_hash": old_hash,
                "new_hash": new_hash,
            },
        )

    def listing(self, *, text: str | None, limit: int, offset: int) -> list[UserDetails]:
        """Return users by e-mail address, the active ones first.

        `text` is part of a name or an address.
        """
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
        """Return one user."""
        rows = self._database.fetch(f"SELECT {_USER_COLUMNS} FROM users WHERE user_id = %s", (user_id,))
        return UserDetails(**rows[0]) if rows else None

    def by_email_digest(self, digest: str) -> UserDetails | None:
        """Return the user whose e-mail address has a digest, see `email_digest`. Reads every user."""
        rows = self._database.fetch(
            f"""
            SELECT {_USER_COLUMNS}
            FROM users
            WHERE LEFT(ENCODE(SHA256(CONVERT_TO(LOWER(email COLLATE "C"), 'UTF8')), 'hex'), LENGTH(%(digest)s))
                = %(digest)s
            """,
            {"digest": digest},
        )
        return UserDetails(**rows[0]) if rows else None

    def lock(self, connection: Connection, user_id: int) -> UserDetails | None:
        """Lock and return one user until the transaction ends."""
        row = connection.execute(
            f"SELECT {_USER_COLUMNS} FROM users WHERE user_id = %s FOR UPDATE", (user_id,)
        ).fetchone()
        return UserDetails(**row) if row else None

    def lock_signed_in(self, connection: Connection, viewer: Viewer) -> UserDetails | None:
        """Lock and return a viewer's user until the transaction ends; None if the viewer's session has ended.

        What ends the session waits for the transaction, or the transaction for it. The user is locked first, as
        everywhere: otherwise two browsers that end each other's session would wait for each other.
        """
        user = self.lock(connection, viewer.user_id)
        if viewer.session_id is None:
            return user
        row = connection.execute(
            "SELECT ended_at FROM user_sessions WHERE session_id = %s FOR SHARE", (viewer.session_id,)
        ).fetchone()
        return None if row is None or row["ended_at"] is not None else user

    def lock_by_email(self, connection: Connection, email: str) -> UserDetails | None:
        """Lock and return the user with an e-mail address, ignoring case."""
        row = connection.execute(
            f"SELECT {_USER_COLUMNS} FROM users WHERE LOWER(email) = LOWER(%s) FOR UPDATE", (email,)
        ).fetchone()
        return UserDetails(**row) if row else None

    def lock_with_admins(self, connection: Connection, user_id: int) -> dict[int, UserDetails]:
        """Lock and return one user and every active admin, by user_id.

        The locks last until the transaction ends. Their order is always the same, so that concurrent callers wait for
        each other and do not deadlock.
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

    def admin_addresses(self, connection: Connection) -> list[str]:
        """Return the e-mail addresses of the active admins, in a transaction. Waits for the server."""
        rows = connection.execute("SELECT email FROM users WHERE role = 'admin' AND is_active ORDER BY user_id")
        return [row["email"] for row in rows.fetchall()]

    def lock_if_vacant(self, connection: Connection) -> bool:
        """Return whether no active user has a password; if so, lock all users until the transaction ends.

        A concurrent caller waits for the first one's commit, and looks again. Call it before a user is locked.
        """
        if not _is_vacant(connection):
            return False
        connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        return _is_vacant(connection)

    def record_first_sign_in(self, connection: Connection, user_id: int, now: datetime) -> None:
        """Queue recording a sign-in with a password that was just chosen."""
        connection.execute("UPDATE users SET last_sign_in_at = %s WHERE user_id = %s", (now, user_id))

    def set_name(self, connection: Connection, user_id: int, full_name: str | None) -> None:
        """Change a user's name; None for none."""
        connection.execute("UPDATE users SET full_name = %s WHERE user_id = %s", (full_name, user_id))

    def set_role(self, connection: Connection, user_id: int, role: Role) -> None:
        """Change a user's role."""
        connection.execute("UPDATE users SET role = %s WHERE user_id = %s", (role, user_id))

    def set_active(self, connection: Connection, user_id: int, *, active: bool) -> None:
        """Activate or deactivate a user; both end the user's sessions and links."""
        connection.execute(
            "UPDATE users SET is_active = %s, session_epoch = session_epoch + 1 WHERE user_id = %s", (active, user_id)
        )

    def end_sessions(self, connection: Connection, user_id: int) -> None:
        """End all sessions and links of a user."""
        connection.execute("UPDATE users SET session_epoch = session_epoch + 1 WHERE user_id = %s", (user_id,))

    def increment_links_made(self, connection: Connection, user_id: int) -> int:
        """Count a new link of a user and return its number; earlier links end."""
        row = connection.execute(
            "UPDATE users SET links_made = links_made + 1 WHERE user_id = %s RETURNING links_made", (user_id,)
        ).fetchone()
        return int(_returned(row)["links_made"])

    def set_password(self, connection: Connection, user_id: int, password_hash: str) -> int:
        """Change a password and return the new epoch; all sessions and links end."""
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
        """Count an attempt against each key that allows one; return their subjects.

        One statement, so that concurrent attempts never exceed the limit: each sees the count of the one before.
        It also deletes up to a hundred expired rows.
        """
        rows = self._database.fetch(
            f"""
            WITH requested AS (
                SELECT subject, free_attempts
                FROM UNNEST(%(subjects)s::text[], %(free_attempts)s::int[]) AS keys (subject, free_attempts)
            ), purged AS (
                DELETE FROM sign_in_failures
                WHERE subject IN (
                    SELECT subject
                    FROM sign_in_failures
                    WHERE last_failed_at < %(expired_before)s AND subject <> ALL (%(subjects)s)
                    ORDER BY last_failed_at
                    LIMIT 100
                    FOR UPDATE SKIP LOCKED
                )
            )
            INSERT INTO sign_in_failures AS counted (subject, failures, last_failed_at)
            SELECT subject, 1, %(now)s FROM requested ORDER BY subject
            ON CONFLICT (subject) DO UPDATE
            SET failures = CASE WHEN counted.last_failed_at < %(expired_before)s THEN 1 ELSE counted.failures + 1 END,
                last_failed_at = CASE
                    WHEN {_FROM_THE_FUTURE} THEN EXCLUDED.last_failed_at
                    ELSE GREATEST(counted.last_failed_at, EXCLUDED.last_failed_at)
                END
            WHERE counted.last_failed_at < %(expired_before)s OR {_FROM_THE_FUTURE}
                OR EXISTS (
                    SELECT
                    FROM requested
                    WHERE requested.subject = counted.subject
                        AND (counted.failures < requested.free_attempts OR counted.last_failed_at + {_WAIT} <= %(now)s)
                )
            RETURNING subject
            """,
            _throttle_values(keys, now),
        )
        return {row["subject"] for row in rows}

    def remaining_wait_s(self, keys: Sequence[ThrottleKey], now: datetime) -> float:
        """Return the seconds until every one of these keys allows an attempt."""
        rows = self._database.fetch(
            f"""
            SELECT EXTRACT(EPOCH FROM MAX(counted.last_failed_at + {_WAIT}) - %(now)s)::float8 AS wait_s
            FROM UNNEST(%(subjects)s::text[], %(free_attempts)s::int[]) AS requested (subject, free_attempts)
            JOIN sign_in_failures AS counted USING (subject)
            """,
            _throttle_values(keys, now),
        )
        return float(rows[0]["wait_s"] or 0)

    def refund(self, keys: Sequence[ThrottleKey]) -> None:
        """Take back one attempt that was counted and not made."""
        self._database.fetch(_REFUND, _refund_values(keys, clearing=False))

    def clear_failures(self, connection: Connection, subject: str) -> None:
        """Forget the failed attempts of a subject."""
        connection.execute("DELETE FROM sign_in_failures WHERE subject = %s", (subject,))


_USER_COLUMNS = """
    user_id, email, full_name, role, is_active, password_hash <> '' AS has_password, session_epoch, links_made,
    last_sign_in_at,
    EXISTS (SELECT FROM second_factors WHERE second_factors.user_id = users.user_id) AS has_second_factor
"""

_ACCOUNT_COLUMNS = """
    user_id, email, role, password_hash, session_epoch, is_active,
    EXISTS (SELECT FROM second_factors WHERE second_factors.user_id = users.user_id) AS has_second_factor
"""

# The wait after the counted failures: each failure past the free attempts doubles it.
_WAIT = """
    MAKE_INTERVAL(
        secs => LEAST(%(max_s)s, %(first_s)s * POWER(2, LEAST(counted.failures - requested.free_attempts, 20)))
    )
"""

# The clock was set back since that failure. Its wait counts as over, and its time is replaced by the present: otherwise
# every sign-in would wait until the clock is there again. Clocks that differ by less do not shorten a wait.
_FROM_THE_FUTURE = "counted.last_failed_at > %(now)s + MAKE_INTERVAL(secs => %(max_s)s)"

# Locks in the order of the subjects, like `consume`, so that the two wait for each other and do not deadlock.
_REFUND = """
    UPDATE sign_in_failures AS counted
    SET failures = CASE WHEN locked.cleared THEN 0 ELSE GREATEST(counted.failures - 1, 0) END
    FROM (
        SELECT subject, requested.cleared
        FROM UNNEST(%(subjects)s::text[], %(cleared)s::bool[]) AS requested (subject, cleared)
        JOIN sign_in_failures USING (subject)
        ORDER BY subject
        FOR UPDATE OF sign_in_failures
    ) AS locked
    WHERE counted.subject = locked.subject
"""


def _throttle_values(keys: Sequence[ThrottleKey], now: datetime) -> dict[str, object]:
    return {
        "subjects": [key.subject for key in keys],
        "free_attempts": [key.free_attempts for key in keys],
        "now": now,
        "expired_before": now - FAILURES_EXPIRE_AFTER,
        "first_s": FIRST_WAIT_S,
        "max_s": MAX_WAIT_S,
    }


def _refund_values(keys: Sequence[ThrottleKey], *, clearing: bool = True) -> dict[str, object]:
    return {
        "subjects": [key.subject for key in keys],
        "cleared": [clearing and key.is_cleared_by_success for key in keys],
    }


def _is_vacant(connection: Connection) -> bool:
    query = "SELECT EXISTS (SELECT FROM users WHERE password_hash <> '' AND is_active) AS found"
    return not _returned(connection.execute(query).fetchone())["found"]


def _account(row: DictRow) -> Account:
    return Account(
        viewer=_viewer(row),
        password_hash=row["password_hash"],
        session_epoch=row["session_epoch"],
        is_active=row["is_active"],
        has_second_factor=row["has_second_factor"],
    )


def _viewer(row: DictRow) -> Viewer:
    return Viewer(user_id=row["user_id"], email=row["email"], is_admin=row["role"] == "admin")


def _returned(row: DictRow | None) -> DictRow:
    """Return the row of a RETURNING clause that always returns one."""
    if row is None:  # pragma: no cover - the server either inserts or raises
        raise AssertionError
    return row


CONSTRAINT_ERRORS: Mapping[str, type[Refusal]] = {
    "users_email_key": EmailTaken,
    "idx_users_email_folded": EmailTaken,
    "email_valid": EmailInvalid,
}
