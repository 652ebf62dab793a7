"""Remove what endpoints answered about one person's viewings in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.database.connect import Connection


class WebhookPersonalDataRepository:
    """The deliveries of one database. They hold no data of a visitor, except what an endpoint may have answered."""

    def remove(self, connection: Connection, appointment_ids: Sequence[int], pattern: str) -> None:
        """Queue removing the answers about a person's viewings, and those in which a regular expression matches.

        An attempt that is under way had the person's data, and its answer may quote them. It counts as made here, so
        that `DeliveryRepository.record` takes nothing from it: the delivery is made again, without the person.
        """
        connection.execute(
            """
            UPDATE webhook_deliveries
            SET answer = NULL,
                attempts = attempts
                    + (state = 'waiting' AND COALESCE(appointment_id = ANY (%(appointment_ids)s), FALSE))::int
            WHERE appointment_id = ANY (%(appointment_ids)s) AND (answer IS NOT NULL OR state = 'waiting')
                OR answer ~* %(pattern)s
            """,
            {"appointment_ids": list(appointment_ids), "pattern": pattern},
        )
