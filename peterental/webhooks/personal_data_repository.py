"""Remove what endpoints answered about one person's viewings in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.database.connect import Connection


class WebhookPersonalDataRepository:
    """The deliveries of one database. They hold no data of a visitor, except what an endpoint may have answered."""

    def remove(self, connection: Connection, appointment_ids: Sequence[int], pattern: str) -> None:
        """Queue removing the answers about a person's viewings, and those in which a regular expression matches."""
        connection.execute(
            """
            UPDATE webhook_deliveries SET answer = NULL
            WHERE answer IS NOT NULL AND (appointment_id = ANY (%s) OR answer ~* %s)
            """,
            [list(appointment_ids), pattern],
        )
