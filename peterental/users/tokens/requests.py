"""Requests with an Idempotency-Key: the same key changes something once, for a day."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.users.tokens.model import KEPT_FOR, CountedRequest, KeyReused, RequestRunning
from peterental.users.tokens.repository import RequestRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

RUNS_FOR = timedelta(minutes=1)
"""A request that has not finished after this time was cut off, and may be done by the next one."""


class RequestCounter:
    """Remembers requests by their token and key.

    Args:
        database: where they are stored.
        now: returns the present moment, aware.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._requests = RequestRepository(database)
        self._now = now

    def begin(self, token_id: int, key: str, request_hash: bytes, *, waits: bool = True) -> CountedRequest:
        """Return a request that is to be done now, or what came of it when it was done. One query.

        Args:
            token_id: of the token that sent it.
            key: the Idempotency-Key.
            request_hash: of everything that the request asks for.
            waits: whether it must not run twice at the same time. Bookings may: their form key decides.

        Raises KeyReused for another request with that key, RequestRunning.
        """
        now, runner = self._now(), secrets.token_urlsafe(12)
        found = self._requests.begin(
            {
                "token_id": token_id,
                "request_key": key,
                "request_hash": request_hash,
                "form_key": f"api-{secrets.token_urlsafe(24)}",
                "runner": runner,
                "running_until": now + RUNS_FOR,
                "forgotten": now - KEPT_FOR,
                "now": now,
            }
        )
        if bytes(found["request_hash"]) != request_hash:
            raise KeyReused
        if waits and found["status"] is None and found["runner"] != runner:
            raise RequestRunning
        return CountedRequest(
            token_id=token_id,
            key=key,
            form_key=found["form_key"],
            runner=found["runner"],
            status=found["status"],
            appointment_id=found["appointment_id"],
        )

    def finish(self, connection: Connection, request: CountedRequest, status: int, appointment_id: int) -> None:
        """Record what a request led to, in the transaction that does it: both are committed or neither. One query.

        Args:
            connection: of the transaction.
            request: what was to be done.
            status: the HTTP status of its answer.
            appointment_id: the viewing that it made or changed.

        Raises RequestRunning if it took so long that another attempt does it now: then the transaction must not commit.
        """
        if not self._requests.finish(connection, request, status, appointment_id):
            raise RequestRunning

    def finish_replay(self, request: CountedRequest, status: int, appointment_id: int) -> None:
        """Record what an earlier attempt led to that left no record. One query."""
        with self._database.transaction() as connection:
            self.finish(connection, request, status, appointment_id)

    def release(self, request: CountedRequest) -> None:
        """Let a request that was refused be tried again at once. One query."""
        self._requests.release(request.token_id, request.key, request.runner, self._now())
