"""Endpoints of webhooks and deliveries in PostgreSQL. The trigger of migration 034 writes the deliveries of events.

A transaction that locks an endpoint and deliveries locks the endpoint first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.webhooks.model import Delivery, Endpoint, ViewingEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.webhooks.model import Attempt, DeliveryState

_ENDPOINT = """
    endpoint_id, url, event_types, secret, old_secret, old_secret_until, is_active, off_reason, failing_since,
    created_by, created_at, updated_at,
    (
        SELECT COUNT(*) FROM webhook_deliveries AS delivery
        WHERE delivery.endpoint_id = webhook_endpoints.endpoint_id AND state = 'waiting'
    ) AS waiting
"""

_DELIVERY = """
    delivery_id, endpoint_id, webhook_endpoints.url, message_id, event_type, event_id, appointment_id, happened_at,
    state, attempts, next_attempt_at, attempted_at, status, problem, answer, duration_ms, ended_at
"""


class EndpointRepository:
    """The endpoints of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(self) -> list[Endpoint]:
        """Return all endpoints, the oldest first."""
        rows = self._database.fetch(f"SELECT {_ENDPOINT} FROM webhook_endpoints ORDER BY endpoint_id")
        return [_endpoint(row) for row in rows]

    def get(self, endpoint_id: int) -> Endpoint | None:
        """Return one endpoint."""
        rows = self._database.fetch(f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE endpoint_id = %s", (endpoint_id,))
        return _endpoint(rows[0]) if rows else None

    def read(self, connection: Connection, endpoint_id: int) -> Endpoint | None:
        """Return one endpoint, in a transaction."""
        row = connection.execute(
            f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE endpoint_id = %s".encode(), (endpoint_id,)
        ).fetchone()
        return _endpoint(row) if row else None

    def read_all(self, connection: Connection) -> list[Endpoint]:
        """Return all endpoints, in a transaction."""
        return [_endpoint(row) for row in connection.execute(f"SELECT {_ENDPOINT} FROM webhook_endpoints".encode())]

    def lock(self, connection: Connection, endpoint_id: int) -> Endpoint | None:
        """Lock an endpoint until the transaction ends, and return it."""
        row = connection.execute(
            f"SELECT {_ENDPOINT} FROM webhook_endpoints WHERE endpoint_id = %s FOR NO KEY UPDATE".encode(),
            (endpoint_id,),
        ).fetchone()
        return _endpoint(row) if row else None

    def count(self, connection: Connection) -> int:
        """Count the endpoints, and let no other transaction add one until this one ends."""
        connection.execute("LOCK TABLE webhook_endpoints IN SHARE ROW EXCLUSIVE MODE")
        row = connection.execute("SELECT COUNT(*) AS number FROM webhook_endpoints").fetchone()
        return int(row["number"]) if row else 0

    def insert(
        self, connection: Connection, *, url: str, event_types: Sequence[str], secret: str, by: str, now: datetime
    ) -> Endpoint:
        """Add an endpoint and return it."""
        row = connection.execute(
            """
            INSERT INTO webhook_endpoints (url, event_types, secret, created_by, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            RETURNING endpoint_id, url, event_types, secret, old_secret, old_secret_until, is_active, off_reason,
                failing_since, created_by, created_at, updated_at, 0 AS waiting
            """,
            (url, list(event_types), secret, by, now, now),
        ).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; an INSERT returns its row or raises
        return _endpoint(row)

    def change(
        self, connection: Connection, endpoint_id: int, url: str, event_types: Sequence[str], now: datetime
    ) -> None:
        """Queue changing the address and the events of a locked endpoint."""
        connection.execute(
            """
            UPDATE webhook_endpoints
            SET url = %s, event_types = %s, updated_at = GREATEST(%s, updated_at + INTERVAL '1 microsecond')
            WHERE endpoint_id = %s
            """,
            (url, list(event_types), now, endpoint_id),
        )

    def set_active(
        self, connection: Connection, endpoint_id: int, now: datetime, *, active: bool, reason: str | None = None
    ) -> None:
        """Queue turning an endpoint on or off. What waits fails, also what was written while it was turned off.

        Args:
            connection: of the transaction.
            endpoint_id: which.
            now: the present moment, aware.
            active: whether it is turned on.
            reason: why PeteRental turned it off; None if a person did.
        """
        connection.execute(
            """
            UPDATE webhook_endpoints
            SET is_active = %s, off_reason = %s, failing_since = NULL,
                updated_at = GREATEST(%s, updated_at + INTERVAL '1 microsecond')
            WHERE endpoint_id = %s
            """,
            (active, reason, now, endpoint_id),
        )
        connection.execute(
            """
            UPDATE webhook_deliveries
            SET state = 'failed', ended_at = %s, problem = COALESCE(problem, 'The webhook was turned off.')
            WHERE endpoint_id = %s AND state = 'waiting'
            """,
            (now, endpoint_id),
        )

    def rotate(self, connection: Connection, endpoint_id: int, secret: str, until: datetime, now: datetime) -> None:
        """Queue replacing the secret; the present one signs too until a moment."""
        connection.execute(
            """
            UPDATE webhook_endpoints
            SET old_secret = secret, old_secret_until = %s, secret = %s,
                updated_at = GREATEST(%s, updated_at + INTERVAL '1 microsecond')
            WHERE endpoint_id = %s
            """,
            (until, secret, now, endpoint_id),
        )

    def remove(self, connection: Connection, endpoint_id: int) -> None:
        """Queue deleting an endpoint, and the deliveries that it still has."""
        connection.execute("DELETE FROM webhook_endpoints WHERE endpoint_id = %s", (endpoint_id,))

    def lease(self, endpoint_id: int, now: datetime, until: datetime) -> bool:
        """Take the lease of an active endpoint, unless another process has it. Return whether it was taken.

        One that lasts for much longer than a lease was taken before the clock was set back: it is free.
        """
        rows = self._database.fetch(
            """
            UPDATE webhook_endpoints SET leased_until = %(until)s
            WHERE endpoint_id = %(endpoint_id)s AND is_active
                AND (leased_until > %(now)s AND leased_until < %(longest)s) IS NOT TRUE
            RETURNING endpoint_id
            """,
            {"until": until, "endpoint_id": endpoint_id, "now": now, "longest": now + 5 * (until - now)},
        )
        return bool(rows)

    def renew_lease(self, endpoint_id: int, held_until: datetime, until: datetime) -> bool:
        """Extend the lease that ends at `held_until`. Return False if it ended and another process has taken it."""
        rows = self._database.fetch(
            """
            UPDATE webhook_endpoints SET leased_until = %s
            WHERE endpoint_id = %s AND leased_until = %s
            RETURNING endpoint_id
            """,
            (until, endpoint_id, held_until),
        )
        return bool(rows)

    def release(self, endpoint_id: int, held_until: datetime) -> None:
        """Release the lease that ends at `held_until`, unless another process has taken it since."""
        self._database.fetch(
            "UPDATE webhook_endpoints SET leased_until = NULL WHERE endpoint_id = %s AND leased_until = %s",
            (endpoint_id, held_until),
        )


class DeliveryRepository:
    """The deliveries of one database.

    Methods that take a connection run in the caller's transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(self, endpoint_id: int | None, limit: int) -> list[Delivery]:
        """Return the latest deliveries, of one endpoint or of all."""
        rows = self._database.fetch(
            f"""
            SELECT {_DELIVERY} FROM webhook_deliveries JOIN webhook_endpoints USING (endpoint_id)
            WHERE %(endpoint_id)s::bigint IS NULL OR endpoint_id = %(endpoint_id)s
            ORDER BY delivery_id DESC
            LIMIT %(limit)s
            """,
            {"endpoint_id": endpoint_id, "limit": limit},
            prepare=False,
        )
        return [Delivery(**row) for row in rows]

    def add_test(self, connection: Connection, endpoint_id: int, event_type: str, now: datetime) -> None:
        """Queue a delivery that is about nothing."""
        connection.execute(
            """
            INSERT INTO webhook_deliveries (endpoint_id, event_type, happened_at, next_attempt_at)
            VALUES (%s, %s, %s, %s)
            """,
            (endpoint_id, event_type, now, now),
        )

    def endpoint_of(self, connection: Connection, delivery_id: int) -> int | None:
        """Return the number of the endpoint of a delivery."""
        row = connection.execute(
            "SELECT endpoint_id FROM webhook_deliveries WHERE delivery_id = %s", (delivery_id,)
        ).fetchone()
        return int(row["endpoint_id"]) if row else None

    def lock(self, connection: Connection, delivery_id: int) -> Delivery | None:
        """Lock a delivery, whose endpoint is locked, until the transaction ends, and return it."""
        row = connection.execute(
            f"""
            SELECT {_DELIVERY} FROM webhook_deliveries JOIN webhook_endpoints USING (endpoint_id)
            WHERE delivery_id = %s FOR UPDATE OF webhook_deliveries
            """.encode(),
            (delivery_id,),
        ).fetchone()
        return Delivery(**row) if row else None

    def start_again(self, connection: Connection, delivery_id: int, now: datetime) -> None:
        """Queue making a delivery that was given up due again, with all its attempts."""
        connection.execute(
            """
            UPDATE webhook_deliveries
            SET state = 'waiting', attempts = 0, ended_at = NULL, next_attempt_at = %s
            WHERE delivery_id = %s
            """,
            (now, delivery_id),
        )

    def next_due(self, endpoint_id: int, now: datetime) -> Delivery | None:
        """Return the delivery to an endpoint that is due and was written first.

        One that was written later than now, and not tried yet, is due: the clock was set back.
        """
        rows = self._database.fetch(
            f"""
            SELECT {_DELIVERY} FROM webhook_deliveries JOIN webhook_endpoints USING (endpoint_id)
            WHERE endpoint_id = %(endpoint_id)s AND state = 'waiting'
                AND (next_attempt_at <= %(now)s OR attempts = 0 AND next_attempt_at = happened_at)
            ORDER BY delivery_id
            LIMIT 1
            """,
            {"endpoint_id": endpoint_id, "now": now},
        )
        return Delivery(**rows[0]) if rows else None

    def event(self, event_id: int) -> ViewingEvent | None:
        """Return what an event of a viewing's history says."""
        rows = self._database.fetch(
            """
            SELECT event_id, kind, happened_at, actor, old_start, new_start, changes
            FROM appointment_events
            WHERE event_id = %s
            """,
            (event_id,),
        )
        return ViewingEvent(**rows[0]) if rows else None

    def record(
        self,
        connection: Connection,
        delivery: Delivery,
        attempt: Attempt,
        *,
        state: DeliveryState,
        next_attempt_at: datetime,
        ended_at: datetime | None,
    ) -> None:
        """Queue recording an attempt, unless another process has recorded one since."""
        connection.execute(
            """
            UPDATE webhook_deliveries
            SET state = %(state)s, attempts = attempts + 1, next_attempt_at = %(next_attempt_at)s,
                attempted_at = %(began_at)s, status = %(status)s, problem = %(problem)s, answer = %(answer)s,
                duration_ms = %(duration_ms)s, ended_at = %(ended_at)s
            WHERE delivery_id = %(delivery_id)s AND state = 'waiting' AND attempts = %(attempts)s
            """,
            {
                "state": state,
                "next_attempt_at": next_attempt_at,
                "began_at": attempt.began_at,
                "status": attempt.status,
                "problem": attempt.problem,
                "answer": attempt.answer,
                "duration_ms": attempt.duration_ms,
                "ended_at": ended_at,
                "delivery_id": delivery.delivery_id,
                "attempts": delivery.attempts,
            },
        )

    def note_success(self, connection: Connection, endpoint_id: int) -> None:
        """Queue recording that an endpoint accepts deliveries."""
        connection.execute(
            "UPDATE webhook_endpoints SET failing_since = NULL WHERE endpoint_id = %s AND failing_since IS NOT NULL",
            (endpoint_id,),
        )

    def note_failure(self, connection: Connection, endpoint_id: int, now: datetime) -> datetime:
        """Record that an endpoint accepted nothing, and return since when that is so."""
        row = connection.execute(
            """
            UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, %s)
            WHERE endpoint_id = %s
            RETURNING failing_since
            """,
            (now, endpoint_id),
        ).fetchone()
        since: datetime = row["failing_since"] if row else now
        return since

    def due_endpoints(self, before: datetime, now: datetime) -> list[int]:
        """Return the active endpoints with deliveries that were due before a moment.

        So are those that were due when they were written, later than now: the clock was set back.
        """
        rows = self._database.fetch(
            """
            SELECT endpoint_id FROM webhook_endpoints
            WHERE is_active AND EXISTS (
                SELECT FROM webhook_deliveries AS delivery
                WHERE delivery.endpoint_id = webhook_endpoints.endpoint_id AND state = 'waiting'
                    AND (
                        next_attempt_at <= %(before)s
                        OR attempts = 0 AND next_attempt_at = happened_at AND happened_at > %(now)s
                    )
            )
            """,
            {"before": before, "now": now},
        )
        return [row["endpoint_id"] for row in rows]

    def delete_of(self, endpoint_id: int, limit: int) -> int:
        """Delete at most so many deliveries of an endpoint, and return how many."""
        rows = self._database.fetch(
            """
            DELETE FROM webhook_deliveries
            WHERE delivery_id IN (SELECT delivery_id FROM webhook_deliveries WHERE endpoint_id = %s LIMIT %s)
            RETURNING delivery_id
            """,
            (endpoint_id, limit),
        )
        return len(rows)

    def delete_old(self, before: datetime, limit: int) -> int:
        """Delete at most so many deliveries that ended before a moment, and return how many."""
        rows = self._database.fetch(
            """
            DELETE FROM webhook_deliveries
            WHERE delivery_id IN (
                SELECT delivery_id FROM webhook_deliveries
                WHERE ended_at < %s ORDER BY ended_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            RETURNING delivery_id
            """,
            (before, limit),
        )
        return len(rows)


def _endpoint(row: DictRow) -> Endpoint:
    return Endpoint(**{**row, "event_types": tuple(row["event_types"])})
