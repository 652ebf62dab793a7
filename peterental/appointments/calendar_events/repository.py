"""The outbox of viewings whose events have to be written, and what was written, in PostgreSQL.

Triggers of `appointments` add to the outbox and defer its jobs, so no change of a viewing can forget its event.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from peterental.appointments.calendar_events.model import EventState, RemoteChange, ViewingOfEvent
from peterental.calendars.model import OwnEvent
from peterental.properties.lookup import named_home

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_STATE = """
    calendar_viewings.appointment_id, calendar_id, revision, version, written_version,
    attempted_at IS NOT NULL AS attempted, event_id, written_start, written_end, calendar_viewings.problem,
    remote_change, remote_start, remote_end
"""
_VIEWING = f"""
    appointments.id AS appointment_id, appointments.agent_id, agents.time_zone, appointments.status,
    start_time AS start, end_time AS "end", {named_home()}, attendee_name, attendee_phone, attendee_email,
    caller_number, sequence, appointments.updated_at
"""

_BOTH = f"""
    SELECT {_STATE}, {_VIEWING}
    FROM calendar_viewings
    JOIN appointments ON appointments.id = appointment_id
    JOIN agents USING (agent_id)
"""
"""The rows that `_both` reads."""


class CalendarEventRepository:
    """The outbox of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def viewing(self, appointment_id: int) -> ViewingOfEvent | None:
        """Return what the event of a viewing has to say."""
        query = f"SELECT {_VIEWING} FROM appointments JOIN agents USING (agent_id) WHERE id = %s"
        rows = self._database.fetch(query, (appointment_id,))
        return ViewingOfEvent(**rows[0]) if rows else None

    def viewings_of(self, agent_id: str, since: datetime, limit: int) -> list[ViewingOfEvent]:
        """Return the viewings of an agent that are not cancelled and end after a moment, soonest first."""
        rows = self._database.fetch(
            f"""
            SELECT {_VIEWING}
            FROM appointments JOIN agents USING (agent_id)
            WHERE appointments.agent_id = %s AND status <> 'cancelled' AND start_time >= %s
            ORDER BY start_time, id
            LIMIT %s
            """,
            (agent_id, since, limit),
        )
        return [ViewingOfEvent(**row) for row in rows]

    def last_change(self, agent_id: str, since: datetime) -> datetime | None:
        """Return when a viewing of an agent that starts after a moment last changed, cancelled ones too.

        A viewing that another agent took over is a change as well.
        """
        rows = self._database.fetch(
            """
            SELECT GREATEST(
                (SELECT MAX(updated_at) FROM appointments WHERE agent_id = %(agent_id)s AND start_time >= %(since)s),
                (
                    SELECT MAX(happened_at) FROM appointment_events
                    WHERE changes ? 'agent_id' AND changes #>> '{agent_id,0}' = %(agent_id)s
                )
            ) AS changed_at
            """,
            {"agent_id": agent_id, "since": since},
        )
        changed_at: datetime | None = rows[0]["changed_at"]
        return changed_at

    def state(self, appointment_id: int) -> EventState | None:
        """Return what was written about a viewing; None if it never had to be."""
        rows = self._database.fetch(
            f"SELECT {_STATE} FROM calendar_viewings WHERE appointment_id = %s", (appointment_id,)
        )
        return EventState(**rows[0]) if rows else None

    def viewing_and_state(self, appointment_id: int) -> tuple[ViewingOfEvent, EventState] | None:
        """Return a viewing and what was written about it, both of one moment; None if nothing has to be.

        Read one after the other, a change between them would give the viewing as it was with the version of the change:
        what is written then counts as written, and the change is forgotten.
        """
        rows = self._database.fetch(
            f"""
            {_BOTH}
            WHERE appointment_id = %s
            """,
            (appointment_id,),
        )
        return _both(rows[0]) if rows else None

    def waiting_of(self, agent_id: str, limit: int) -> list[int]:
        """Return the ids of an agent's viewings whose events have to be written, the soonest first."""
        rows = self._database.fetch(
            """
            SELECT appointment_id
            FROM calendar_viewings JOIN appointments ON appointments.id = appointment_id
            WHERE version <> written_version AND agent_id = %s
            ORDER BY start_time, appointment_id
            LIMIT %s
            """,
            (agent_id, limit),
        )
        return [row["appointment_id"] for row in rows]

    def changed_remotely(self, agent_id: str, limit: int) -> list[tuple[EventState, ViewingOfEvent]]:
        """Return an agent's viewings whose events a person moved or deleted in the calendar, the soonest first."""
        rows = self._database.fetch(
            f"""
            {_BOTH}
            WHERE remote_change IS NOT NULL AND appointments.agent_id = %s AND status <> 'cancelled'
            ORDER BY start_time, id
            LIMIT %s
            """,
            (agent_id, limit),
        )
        return [(state, viewing) for viewing, state in map(_both, rows)]

    def queue_upcoming(self, connection: Connection, agent_id: str) -> None:
        """Queue putting those upcoming viewings of an agent into the outbox that have no event in a calendar."""
        connection.execute(
            """
            INSERT INTO calendar_viewings (appointment_id)
            SELECT id FROM appointments
            WHERE agent_id = %s AND status = 'confirmed' AND end_time > NOW()
            ON CONFLICT (appointment_id) DO UPDATE
            SET version = calendar_viewings.version + 1, event_id = NULL
            WHERE calendar_viewings.calendar_id IS NULL
            """,
            (agent_id,),
        )

    def record_attempt(self, appointment_id: int, calendar_id: int, revision: int) -> None:
        """Record that an event is about to be created, before the provider is asked to."""
        self._database.fetch(
            """
            UPDATE calendar_viewings
            SET attempted_at = COALESCE(attempted_at, NOW()), calendar_id = %s, revision = %s, event_id = NULL
            WHERE appointment_id = %s
            """,
            (calendar_id, revision, appointment_id),
        )

    def record_deletion_attempt(self, appointment_id: int, event_id: str) -> None:
        """Record that an event is about to be deleted, before the provider is asked to."""
        self._database.fetch(
            """
            UPDATE calendar_viewings SET attempted_at = COALESCE(attempted_at, NOW()), event_id = %s
            WHERE appointment_id = %s
            """,
            (event_id, appointment_id),
        )

    def record_written(self, connection: Connection, state: EventState, event_id: str, viewing: ViewingOfEvent) -> None:
        """Queue recording that the event of a viewing was written as it was at `state.version`."""
        connection.execute(
            """
            UPDATE calendar_viewings
            SET written_version = %s, event_id = %s, attempted_at = NULL, written_start = %s, written_end = %s,
                problem = NULL, remote_change = NULL, remote_start = NULL, remote_end = NULL, noticed_at = NULL
            WHERE appointment_id = %s
            """,
            (state.version, event_id, viewing.start, viewing.end, state.appointment_id),
        )
        self._set_event_id(connection, state.appointment_id, event_id)

    def record_deleted(self, connection: Connection, state: EventState) -> None:
        """Queue recording that a viewing has no event any more. The next one gets the next revision."""
        connection.execute(
            """
            UPDATE calendar_viewings
            SET written_version = %s, event_id = NULL, attempted_at = NULL, written_start = NULL, written_end = NULL,
                revision = revision + CASE WHEN %s THEN 1 ELSE 0 END,
                problem = NULL, remote_change = NULL, remote_start = NULL, remote_end = NULL, noticed_at = NULL
            WHERE appointment_id = %s
            """,
            (state.version, state.may_exist, state.appointment_id),
        )
        self._set_event_id(connection, state.appointment_id, None)

    def record_left(self, connection: Connection, state: EventState, *, is_final: bool) -> None:
        """Queue recording that a viewing has no event any more in the calendar of an agent who had it before.

        Args:
            connection: of the transaction.
            state: what was written.
            is_final: whether the present agent has no calendar, so that nothing is to be written.
        """
        connection.execute(
            """
            UPDATE calendar_viewings
            SET calendar_id = NULL, event_id = NULL, attempted_at = NULL, written_start = NULL, written_end = NULL,
                revision = revision + 1, written_version = CASE WHEN %s THEN %s ELSE written_version END,
                problem = NULL, remote_change = NULL, remote_start = NULL, remote_end = NULL, noticed_at = NULL
            WHERE appointment_id = %s
            """,
            (is_final, state.version, state.appointment_id),
        )
        self._set_event_id(connection, state.appointment_id, None)

    def record_problem(self, state: EventState, problem: str, *, is_final: bool) -> None:
        """Record why an event was not written; a final one is not tried again before the viewing changes."""
        self._database.fetch(
            """
            UPDATE calendar_viewings
            SET problem = %s, written_version = CASE WHEN %s THEN %s ELSE written_version END
            WHERE appointment_id = %s AND version = %s
            """,
            (problem.replace("\x00", ""), is_final, state.version, state.appointment_id, state.version),
        )

    def written_in(
        self,
        connection: Connection,
        calendar_id: int,
        *,
        appointment_ids: Sequence[int],
        event_ids: Sequence[str],
        span: tuple[datetime, datetime] | None,
    ) -> list[EventState]:
        """Return what is written into a calendar about some viewings that are not cancelled. Waits for the server.

        Args:
            connection: of the transaction.
            calendar_id: which calendar.
            appointment_ids: of the viewings that are wanted.
            event_ids: of events whose viewings are wanted.
            span: a time in which all events are wanted; None for no time.
        """
        cursor = connection.execute(
            f"""
            SELECT {_STATE}
            FROM calendar_viewings JOIN appointments ON appointments.id = appointment_id
            WHERE calendar_id = %(calendar_id)s AND event_id IS NOT NULL AND version = written_version
                AND status <> 'cancelled'
                AND (
                    appointment_id = ANY(%(appointment_ids)s) OR event_id = ANY(%(event_ids)s)
                    OR COALESCE(remote_start, written_start) BETWEEN %(first)s AND %(last)s
                )
            """.encode(),
            {
                "calendar_id": calendar_id,
                "appointment_ids": list(appointment_ids),
                "event_ids": list(event_ids),
                "first": span[0] if span else None,
                "last": span[1] if span else None,
            },
        )
        return [EventState(**row) for row in cursor.fetchall()]

    def states(self, connection: Connection, appointment_ids: list[int]) -> list[EventState]:
        """Return what was written about some viewings, cancelled ones too. Waits for the server."""
        cursor = connection.execute(
            f"SELECT {_STATE} FROM calendar_viewings WHERE appointment_id = ANY(%s)".encode(), (appointment_ids,)
        )
        return [EventState(**row) for row in cursor.fetchall()]

    def record_remote_change(
        self, connection: Connection, state: EventState, change: RemoteChange | None, event: OwnEvent | None
    ) -> None:
        """Queue recording what a person did to an event, unless the viewing was changed since."""
        connection.execute(
            """
            UPDATE calendar_viewings
            SET remote_change = %(change)s, remote_start = %(start)s, remote_end = %(end)s,
                noticed_at = CASE WHEN %(change)s::text IS NULL THEN NULL ELSE COALESCE(noticed_at, NOW()) END
            WHERE appointment_id = %(id)s AND version = %(version)s AND written_version = %(version)s
            """,
            {
                "change": change,
                "start": event.start if event else None,
                "end": event.end if event else None,
                "id": state.appointment_id,
                "version": state.version,
            },
        )

    def record_place(self, connection: Connection, state: EventState, calendar_id: int, event_id: str) -> None:
        """Queue recording that a person moved an event into another calendar.

        Args:
            connection: of the transaction, in which the lease of the account is held.
            state: as it was.
            calendar_id: of the calendar that has the event.
            event_id: of the event there.
        """
        connection.execute(
            "UPDATE calendar_viewings SET calendar_id = %s, event_id = %s WHERE appointment_id = %s",
            (calendar_id, event_id, state.appointment_id),
        )
        self._set_event_id(connection, state.appointment_id, event_id)

    def write_again(self, connection: Connection, state: EventState) -> None:
        """Queue writing the event of a viewing again, over what it is now, at whatever time."""
        connection.execute(
            """
            UPDATE calendar_viewings SET version = version + 1, written_start = NULL, written_end = NULL
            WHERE appointment_id = %s
            """,
            (state.appointment_id,),
        )

    def _set_event_id(self, connection: Connection, appointment_id: int, event_id: str | None) -> None:
        connection.execute("UPDATE appointments SET calendar_event_id = %s WHERE id = %s", (event_id, appointment_id))


def _both(row: Mapping[str, Any]) -> tuple[ViewingOfEvent, EventState]:
    return (
        ViewingOfEvent(**{name: row[name] for name in ViewingOfEvent.__dataclass_fields__}),
        EventState(**{name: row[name] for name in EventState.__dataclass_fields__}),
    )
