"""Second factors and recovery codes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peterental.database.connect import Connection
from peterental.database.pool import Database

FUTURE_STEPS = 30
"""A quarter of an hour: more than the clocks of instances and the tolerated steps differ by."""


@dataclass(frozen=True, kw_only=True)
class StoredFactor:
    """A second factor as stored. The time is UTC.

    Args:
        secret: encrypted.
        turned_on_at: when the user set it up.
        codes_left: unused recovery codes.
    """

    secret: str
    turned_on_at: datetime
    codes_left: int


class SecondFactorRepository:
    """The second factors of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: int) -> StoredFactor | None:
        """Return a user's second factor; None while it is off."""
        rows = self._database.fetch(
            """
            SELECT
                secret, turned_on_at,
                (SELECT COUNT(*) FROM recovery_codes WHERE recovery_codes.user_id = second_factors.user_id)
                    AS codes_left
            FROM second_factors
            WHERE user_id = %s
            """,
            (user_id,),
        )
        return StoredFactor(**rows[0]) if rows else None

    def accept_step(self, user_id: int, step: int, secret: str) -> bool:
        """Record that the code of a step is used up; return False if it or a later one was used before.

        Of concurrent calls with one code exactly one returns True. A last step that is far in the future means that the
        clock was set back since: it counts as none, or no code would be accepted until the clock is there again.

        Args:
            user_id: whose code.
            step: the step of the code.
            secret: the encrypted secret to store; the keys may have been rotated.
        """
        rows = self._database.fetch(
            """
            UPDATE second_factors SET last_step = %(step)s, secret = %(secret)s
            WHERE user_id = %(user_id)s AND (last_step < %(step)s OR last_step > %(step)s + %(future)s)
            RETURNING user_id
            """,
            {"user_id": user_id, "step": step, "secret": secret, "future": FUTURE_STEPS},
        )
        return bool(rows)

    def accept_recovery_code(self, user_id: int, code_hash: bytes) -> bool:
        """Delete an unused recovery code; return False if there is none with that hash."""
        rows = self._database.fetch(
            "DELETE FROM recovery_codes WHERE user_id = %s AND code_hash = %s RETURNING user_id", (user_id, code_hash)
        )
        return bool(rows)

    def insert(self, connection: Connection, user_id: int, *, secret: str, last_step: int) -> bool:
        """Turn a user's second factor on; return False if it is on already."""
        row = connection.execute(
            """
            INSERT INTO second_factors (user_id, secret, last_step)
            VALUES (%s, %s, %s)
            ON CONFLICT (user_id) DO NOTHING
            RETURNING user_id
            """,
            (user_id, secret, last_step),
        ).fetchone()
        return row is not None

    def delete(self, connection: Connection, user_id: int) -> bool:
        """Turn a user's second factor off, with its recovery codes; return False if it was off."""
        row = connection.execute(
            "DELETE FROM second_factors WHERE user_id = %s RETURNING user_id", (user_id,)
        ).fetchone()
        return row is not None

    def replace_recovery_codes(self, connection: Connection, user_id: int, hashes: Sequence[bytes]) -> bool:
        """Replace a user's recovery codes; return False if the second factor is off."""
        row = connection.execute(
            "SELECT user_id FROM second_factors WHERE user_id = %s FOR UPDATE", (user_id,)
        ).fetchone()
        if row is None:
            return False
        connection.execute("DELETE FROM recovery_codes WHERE user_id = %s", (user_id,))
        connection.execute(
            "INSERT INTO recovery_codes (user_id, code_hash) SELECT %s, UNNEST(%s::bytea[])", (user_id, list(hashes))
        )
        return True
