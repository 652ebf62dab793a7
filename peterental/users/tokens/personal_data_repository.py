"""Remove one person from the keys of the API's requests, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection


class RequestPersonalDataRepository:
    """The requests with an Idempotency-Key of one database. A tool may make the key of a visitor's number."""

    def remove(self, connection: Connection, *, pattern: str) -> None:
        """Queue forgetting the requests that are done and whose key a regular expression matches.

        Reads the whole table, which has the requests of a day.
        """
        connection.execute(
            "DELETE FROM api_requests WHERE request_key ~* %s AND status IS NOT NULL",
            (pattern,),
        )
