"""Signatures of accepted webhook requests in PostgreSQL, so that no worker accepts one twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.pool import Database

KEPT_FOR = timedelta(minutes=15)
"""How long a signature is kept, by the database's clock.

A timestamp counts as fresh for ten minutes by one clock, from five minutes before it to five after. The rest allows for
workers whose clocks differ.
"""

_DELETED_AT_ONCE = 10
"""Old signatures deleted per new one; more than one, so that the table shrinks after a busy hour."""

# The commit does not wait for the disk: a crash loses the last fraction of a second. Rows that another worker is
# deleting are skipped. A signature that another worker is inserting is waited for, and then not inserted.
_RECORD = f"""
    WITH async_commit AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)),
    outdated AS (
        DELETE FROM webhook_signatures
        WHERE signature IN (
            SELECT signature FROM webhook_signatures WHERE received_at < NOW() - %(kept_for)s::interval
            ORDER BY received_at LIMIT {_DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO webhook_signatures (signature) SELECT %(signature)s FROM async_commit
    ON CONFLICT (signature) DO NOTHING
    RETURNING signature
"""


class SignatureRepository:
    """The signatures of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, signature: bytes) -> bool:
        """Record a signature and return whether it is new. One round trip."""
        values = {"signature": signature, "kept_for": KEPT_FOR}
        return bool(self._database.fetch(_RECORD, values, plan_once=True))
