"""Users in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow

from peterental.database.connection import Connection, Database
from peterental.users.model import Account, EmailInvalid, EmailTaken, Person, Role, Viewer


class UserRepository:
    """The users of one database.

    Methods that take a connection belong to the caller's transaction; the others are one round trip of their own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def any_user(self) -> bool:
        """Tell whether there is a user, active or not."""
        rows = self._database.fetch("SELECT EXISTS (SELECT FROM users) AS found")
        return bool(rows[0]["found"])

    def people(self) -> list[Person]:
        """Give the users who may sign in, by e-mail address."""
        rows = self._database.fetch("SELECT user_id, email, full_name FROM users WHERE is_active ORDER BY LOWER(email)")
        return [Person(**row) for row in rows]

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
        with _named_refusals():
            row = connection.execute(
                """
                INSERT INTO users (email, password_hash, role, full_name)
                VALUES (%s, %s, %s, %s)
                RETURNING user_id, email, role
                """,
                (email, password_hash, role, full_name),
            ).fetchone()
        return _viewer(_the(row))

    def insert_first(self, connection: Connection, *, email: str, password_hash: str) -> Viewer | None:
        """Add an admin while there is no user; None where there is one. Raises EmailInvalid.

        The lock makes a second caller wait for the first one's commit, which its own statement then sees.
        """
        with _named_refusals():
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

    def note_sign_in(self, user_id: int, *, old_hash: str, new_hash: str) -> None:
        """Remember that somebody signed in just now, and their password's new hash, unless the password changed."""
        self._database.fetch(
            """
            UPDATE users
            SET last_sign_in_at = NOW(),
                password_hash = CASE WHEN password_hash = %(old_hash)s THEN %(new_hash)s ELSE password_hash END
            WHERE user_id = %(user_id)s
            """,
            {"user_id": user_id, "old_hash": old_hash, "new_hash": new_hash},
        )

    def set_password(self, email: str, password_hash: str) -> int | None:
        """Change a password and end every session; gives the new session epoch, None for an unknown address."""
        rows = self._database.fetch(
            """
            UPDATE users
            SET password_hash = %s, session_epoch = session_epoch + 1
            WHERE LOWER(email) = LOWER(%s)
            RETURNING session_epoch
            """,
            (password_hash, email),
        )
        return int(rows[0]["session_epoch"]) if rows else None


def _viewer(row: DictRow) -> Viewer:
    return Viewer(user_id=row["user_id"], email=row["email"], is_admin=row["role"] == "admin")


def _the(row: DictRow | None) -> DictRow:
    """Give the row that RETURNING always returns."""
    if row is None:  # pragma: no cover - the server either inserts or raises
        raise AssertionError
    return row


@contextmanager
def _named_refusals() -> Iterator[None]:
    """Turn the constraints of `users` into what they mean."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise EmailTaken from error
    except psycopg.errors.CheckViolation as error:
        raise EmailInvalid from error
