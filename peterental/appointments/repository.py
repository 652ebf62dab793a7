"""Appointments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from peterental.agents.lookup import (
    AGENT_BY_VAPI_KEY,
    AGENT_JSON,
    LINE_AGENT_IDS,
    LINE_BY_VAPI_KEY,
    NOTE_TURN,
    agent_from_json,
)
from peterental.appointments.model import PHONE, Appointment, HomeTaken, SlotTaken
from peterental.appointments.schedule_repository import (
    LINE_SCHEDULE_BY_ID,
    LINE_SCHEDULE_BY_VAPI_KEY,
    MULTI_DAY,
    AgentSchedule,
    LineSchedule,
    read_line,
    schedule_statement,
)
from peterental.calls.lookup import arguments_json, history_from
from peterental.calls.repository import BookingChange
from peterental.database.constraints import named_constraints
from peterental.database.statement import Statement
from peterental.phone_numbers import last_digits, normalise
from peterental.properties.lookup import HOME_LABEL, found_from_json, home_values, homes_found_sql, search_values
from peterental.properties.search import HomesFound

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from peterental.agents.model import Agent, AgentKey
    from peterental.appointments.model import EventKind, Status
    from peterental.calls.model import CallHistory, ToolInvocation
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.errors import Refusal
    from peterental.properties.search import HomeSearch

APPOINTMENT = f"""
    appointments.id AS appointment_id, appointments.agent_id, agents.agent_name, agents.time_zone, agents.language,
    property_address, start_time AS start, end_time AS "end", status, attendee_name, attendee_email, attendee_phone,
    caller_number, vapi_call_id, overlap_allowed, confirmed_at, released_at, appointments.created_at,
    appointments.updated_at, appointments.property_id, is_home_unknown, {HOME_LABEL} AS home_label,
    (
        SELECT actor FROM appointment_events
        WHERE appointment_id = appointments.id AND kind = 'booked'
        ORDER BY event_id
        LIMIT 1
    ) AS booked_by
"""

# The first confirmed viewings of an agent that overlap, with their buffers, the time between two moments, except one.
OVERLAPPING = f"""
    SELECT {APPOINTMENT}
    FROM (
        SELECT id FROM appointments
        WHERE agent_id = %(agent_id)s AND status = 'confirmed'
            AND start_time > %(start)s::timestamptz - INTERVAL '2 days' AND start_time < %(until)s::timestamptz
            AND COALESCE(blocked_until, end_time) > %(start)s::timestamptz
        UNION
        SELECT id FROM appointments
        WHERE agent_id = %(agent_id)s AND {MULTI_DAY}
            AND start_time < %(until)s::timestamptz AND COALESCE(blocked_until, end_time) > %(start)s::timestamptz
    ) AS overlapping
    JOIN appointments USING (id)
    JOIN agents USING (agent_id)
    WHERE id IS DISTINCT FROM %(ignored_id)s::int
    ORDER BY start_time, id
    LIMIT %(limit)s
"""


CALLER_END = r"right(regexp_replace(caller_number, '\D', '', 'g'), 7)"
"""The last digits of a number, however it is written. Word for word the expression that migration 014 indexes."""

CONSTRAINT_ERRORS: Mapping[str, type[Refusal]] = {
    "appointments_agent_no_overlap": SlotTaken,
    "property_viewings_no_overlap": HomeTaken,
}
"""What violations of the constraints of `appointments` mean, by constraint."""


# The caller's own upcoming bookings are read with the schedule: a statement of its own costs more than they do. They
# are looked up by id. IS TRUE keeps other indexes out, because a plan that was made while the table was small would
# read all bookings of the agent. Each is JSON before it is sorted: a step of a plan costs by the columns it carries.
_OWN = f"""
        SELECT json_agg(booking.fields)::text AS own,
            array_agg(booking.property_id) FILTER (WHERE booking.property_id IS NOT NULL) AS own_homes
        FROM (
            SELECT to_json(booking) AS fields, property_id
            FROM (
                SELECT {APPOINTMENT}
                FROM appointments
                CROSS JOIN (SELECT agent.agent_name, agent.time_zone, agent.language) AS agents
                WHERE appointments.id = ANY (ARRAY(
                    SELECT id FROM appointments
                    WHERE {CALLER_END} = %(caller_end)s AND caller_number IS NOT NULL AND start_time > %(now)s
                    UNION ALL
                    SELECT id FROM appointments
                    WHERE vapi_call_id = %(vapi_call_id)s AND start_time > %(now)s
                ))
                    AND (appointments.agent_id = agent.agent_id) IS TRUE AND (status = 'confirmed') IS TRUE
            ) AS booking
            ORDER BY start
        ) AS booking
    """

# The numbers that get no texts, of those that a change may be texted to; NULL where no texts are sent.
_STOPPED = """
    CASE WHEN (SELECT texts_visitors FROM notice_settings, notice_channels WHERE channel = 'text')
        THEN ARRAY(
            SELECT recipient FROM contact_consents
            WHERE recipient = ANY (%(numbers)s) AND purpose = 'all' AND revoked_at IS NOT NULL
        )
    END
    """

SCHEDULE_AND_OWN, SCHEDULE_OWN_AND_HISTORY = (
    {
        reads_homes: schedule_statement(
            LINE_BY_VAPI_KEY, _OWN, _STOPPED, line=True, reads_homes=reads_homes, reads_history=reads_history
        )
        for reads_homes in (True, False)
    }
    for reads_history in (False, True)
)
"""The statements of a search for bookings, and of a change, by whether they read homes."""

_HOMES_FOUND = Statement(
    f"""
    SELECT ({AGENT_JSON}) AS agent, homes.found
    FROM ({AGENT_BY_VAPI_KEY}) AS agent
    , LATERAL ({homes_found_sql(LINE_AGENT_IDS)}) AS homes
    """
)

_BOOKED = """
    booked AS (
        INSERT INTO appointments (
            agent_id, vapi_call_id, vapi_tool_call_id, property_address, start_time, end_time, blocked_until,
            attendee_name, attendee_email, attendee_phone, caller_number, overlap_allowed,
            property_id, is_home_unknown, created_at, updated_at
        )
        VALUES (
            %(booking_agent_id)s, %(booking_vapi_call_id)s, %(booking_tool_call_id)s, %(booking_property_address)s,
            %(booking_start)s, %(booking_end)s, %(booking_blocked_until)s,
            %(booking_attendee_name)s, %(booking_attendee_email)s, %(booking_attendee_phone)s,
            %(booking_caller_number)s, %(booking_overlap_allowed)s,
            %(booking_property_id)s, %(booking_is_home_unknown)s,
            %(booking_created_at)s, %(booking_created_at)s
        )
        RETURNING id, start_time, created_at
    )
"""
_FIRST_EVENT = """
    INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, new_start)
    SELECT id, created_at, 'booked', %(booking_actor)s, start_time FROM booked
    RETURNING appointment_id
"""
_INSERT = f"WITH {_BOOKED} {_FIRST_EVENT}"
_INSERTION = f"{_BOOKED}, changed AS ({_FIRST_EVENT})"
_INSERTION_IN_TURN = f"{_BOOKED}, turned AS ({NOTE_TURN}), changed AS ({_FIRST_EVENT})"

_own_decoder = msgspec.json.Decoder(tuple[Appointment, ...])


@dataclass(frozen=True)
class CallersSchedule:
    """What is read for a tool call.

    Args:
        line: the schedules of the agents of the line.
        own: the caller's own upcoming bookings with them, soonest first.
        textable: the numbers in E.164, of those in the tool call, that are texted about a change.
        history: of the phone call; None where it was not asked for, or no agent is registered.
    """

    line: LineSchedule
    own: tuple[Appointment, ...]
    textable: frozenset[str]
    history: CallHistory | None = None

    @property
    def schedule(self) -> AgentSchedule:
        """The schedule of the agent whose line it is."""
        return self.line.holder


@dataclass(frozen=True)
class Turn:
    """A booking by a shared line, of which it takes note.

    Args:
        holder_agent_id: whose line it is.
        at: later than any before it, aware.
    """

    holder_agent_id: str
    at: datetime


class PendingSchedule:
    """The result of `AppointmentRepository.queue_schedule`, after the sync.

    Args:
        read: returns the rows.
        numbers: those in the tool call, in E.164.
        invocation: the tool call for which the history is read; None: it is not.
    """

    def __init__(
        self, read: Callable[[], list[DictRow]], numbers: frozenset[str], invocation: ToolInvocation | None = None
    ) -> None:
        self._read = read
        self._numbers = numbers
        self._invocation = invocation

    def read(self) -> CallersSchedule:
        """Return what was read."""
        rows = self._read()
        own = [booking for row in rows if row["own"] for booking in _own_decoder.decode(row["own"])]
        if len(rows) > 1:
            own.sort(key=lambda booking: (booking.start, booking.appointment_id))
        stopped = rows[0]["stopped"] if rows else None
        return CallersSchedule(
            read_line(rows),
            tuple(own),
            frozenset() if stopped is None else self._numbers.difference(stopped),
            None if self._invocation is None or not rows else history_from(rows[0], self._invocation),
        )


class AppointmentRepository:
    """The appointments of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_homes = True
        """Whether the catalogue had homes when this process last looked. Without any, statements look for none."""

    def line(self, invocation: ToolInvocation, home: str | None, now: datetime) -> LineSchedule:
        """Return the schedules of the agents of the line that was called, with the homes that the caller may mean.

        One statement, one round trip.

        Args:
            invocation: the tool call.
            home: as the caller named it; None where none was named.
            now: the present moment, aware.
        """
        values = _key(invocation.agent_key) | {
            "now": now,
            "vapi_call_id": invocation.vapi_call_id or None,
            "tool_call_id": invocation.tool_call_id,
            "arguments_sent": arguments_json(invocation),
        }
        with self._database.connection(plan_once=True) as connection:
            read = self._begin(connection, LINE_SCHEDULE_BY_VAPI_KEY, values, home)
            connection.sync()
            return read_line(read())

    def find_homes(self, key: AgentKey, search: HomeSearch, now: datetime) -> tuple[Agent | None, HomesFound]:
        """Return the agent that was called, and the homes of its line that fit a search. One round trip."""
        with self._database.connection(plan_once=True) as connection:
            row = _HOMES_FOUND.execute(connection, _key(key) | search_values(search) | {"now": now}).fetchone()
        if row is None:
            return None, HomesFound((), 0, 0)
        return agent_from_json(row["agent"]), found_from_json(row["found"])

    def line_of(self, agent_id: str, now: datetime) -> LineSchedule:
        """Return the schedules of the agents of one agent's line. One statement, one round trip."""
        with self._database.connection() as connection:
            return read_line(LINE_SCHEDULE_BY_ID.execute(connection, {"agent_id": agent_id, "now": now}).fetchall())

    def first_overlapping(self, agent_id: str, start: datetime, until: datetime) -> Appointment | None:
        """Return the first confirmed viewing between two moments, buffer included.

        One round trip.
        """
        rows = self._database.fetch(
            OVERLAPPING, {"agent_id": agent_id, "start": start, "until": until, "ignored_id": None, "limit": 1}
        )
        return Appointment(**rows[0]) if rows else None

    def queue_schedule(
        self,
        connection: Connection,
        invocation: ToolInvocation,
        home: str | None,
        now: datetime,
        *,
        reads_history: bool = False,
    ) -> PendingSchedule:
        """Queue the schedules of the line's agents, the caller's own bookings, and the homes that it may mean.

        A booking is the caller's own by its number, or because this phone call made it.

        Args:
            connection: of the transaction.
            invocation: the tool call.
            home: as the caller named it; None where none was named.
            now: the present moment, aware.
            reads_history: whether the history of the phone call is read, too.
        """
        given = (invocation.caller_number, invocation.arguments.get("attendee_phone"))
        numbers = frozenset(number for number in map(normalise, given) if number)
        values = _key(invocation.agent_key) | {
            "now": now,
            "caller_end": last_digits(invocation.caller_number),
            "vapi_call_id": invocation.vapi_call_id or None,
            "tool_call_id": invocation.tool_call_id,
            "arguments_sent": arguments_json(invocation),
            "history_call_id": invocation.vapi_call_id,
            "numbers": list(numbers),
        }
        statements = SCHEDULE_OWN_AND_HISTORY if reads_history else SCHEDULE_AND_OWN
        read = self._begin(connection, statements, values, home)
        return PendingSchedule(read, numbers, invocation if reads_history else None)

    def _begin(
        self, connection: Connection, statements: Mapping[bool, Statement], values: dict[str, object], home: str | None
    ) -> Callable[[], list[DictRow]]:
        """Execute or queue a statement, and return what reads its rows.

        Where the catalogue had no homes before and has some now, they are read again with the homes.

        Args:
            connection: to execute it on.
            statements: by whether they read homes.
            values: by parameter, without those of the homes.
            home: as the caller named it; None where none was named.
        """
        read_homes = self._has_homes

        def execute(*, reads_homes: bool) -> psycopg.RawCursor[DictRow]:
            return statements[reads_homes].execute(connection, values | (home_values(home) if reads_homes else {}))

        cursor = execute(reads_homes=read_homes)

        def read() -> list[DictRow]:
            rows = cursor.fetchall()
            if not rows:
                return rows
            self._has_homes = rows[0]["homes"] is not None
            return rows if read_homes or rows[0]["homes"] is None else execute(reads_homes=True).fetchall()

        return read

    def upcoming_of_number(
        self, connection: Connection, agent_id: str, number: str, now: datetime
    ) -> tuple[Appointment, ...]:
        """Return the confirmed viewings with an agent that a number booked or gave, soonest first.

        Waits for the server.

        Args:
            connection: of the transaction.
            agent_id: whose viewings.
            number: in E.164.
            now: only those that start later, aware.
        """
        rows = connection.execute(
            f"""
            SELECT {APPOINTMENT}
            FROM appointments JOIN agents USING (agent_id)
            WHERE agent_id = %(agent_id)s AND status = 'confirmed' AND start_time > %(now)s
                AND %(number)s IN (caller_number, attendee_phone)
            ORDER BY start_time, id
            """.encode(),
            {"agent_id": agent_id, "now": now, "number": number},
        )
        return tuple(Appointment(**row) for row in rows.fetchall())

    def translate_overlap_error(self) -> AbstractContextManager[None]:
        """Raise SlotTaken for the overlap constraint, ConstraintViolated for any other."""
        return named_constraints(CONSTRAINT_ERRORS)

    def insert(
        self,
        connection: Connection,
        appointment: Appointment,
        blocked_until: datetime,
        tool_call_id: str,
        actor: str,
    ) -> Appointment:
        """Store a booking and the first event of its history, and return it with its id. Waits for the server.

        Args:
            connection: of the transaction that has locked the agent.
            appointment: what to book; its id is ignored.
            blocked_until: the end of the agent's buffer after it.
            tool_call_id: of the tool call that books it, by which a repetition of that call finds it.
            actor: VISITOR, or the e-mail address of the user who books it.
        """
        values = _booking_values(appointment, blocked_until, tool_call_id, actor)
        row = connection.execute(_INSERT.encode(), values).fetchone()
        assert row is not None  # noqa: S101  # tells mypy; an INSERT returns its row or raises
        return replace(appointment, appointment_id=row["appointment_id"])

    def insertion(
        self, appointment: Appointment, blocked_until: datetime, tool_call_id: str, turn: Turn | None = None
    ) -> BookingChange:
        """Return the insertion of a booking by phone, as a part of the statement that records the tool call.

        Args:
            appointment: as for `insert`.
            blocked_until: likewise.
            tool_call_id: likewise.
            turn: what a shared line notes about it.
        """
        values = _booking_values(appointment, blocked_until, tool_call_id, PHONE)
        if turn is None:
            return BookingChange(_INSERTION, values)
        return BookingChange(_INSERTION_IN_TURN, values | {"turn_holder_id": turn.holder_agent_id, "turn_at": turn.at})

    def move(
        self,
        connection: Connection,
        appointment: Appointment,
        before: Appointment,
        blocked_until: datetime,
        now: datetime,
        *,
        actor: str = PHONE,
    ) -> None:
        """Queue the UPDATE that moves a booking, also to another agent, and the event of its history.

        `updated_at` grows with every change, so that it identifies one state of the booking.

        Args:
            connection: of the transaction that has locked the agent, and the one before.
            appointment: with its new times.
            before: as it was.
            blocked_until: the end of the agent's buffer after it.
            now: the present moment, aware.
            actor: PHONE, VISITOR, or the e-mail address of the user who moves it.
        """
        changes = None
        if before.agent_id != appointment.agent_id:
            changes = {
                "agent": (before.agent_name, appointment.agent_name),
                "agent_id": (before.agent_id, appointment.agent_id),
            }
        connection.execute(
            """
            WITH moved AS (
                UPDATE appointments
                SET start_time = %(start)s, end_time = %(end)s, blocked_until = %(blocked_until)s,
                    agent_id = %(agent_id)s, overlap_allowed = %(overlap_allowed)s,
                    updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
                WHERE id = %(id)s AND status = 'confirmed'
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start, new_start, changes)
            SELECT id, %(now)s, 'moved', %(actor)s, %(old_start)s, %(start)s, %(changes)s::jsonb FROM moved
            """,
            {
                "id": appointment.appointment_id,
                "start": appointment.start,
                "end": appointment.end,
                "blocked_until": blocked_until,
                "agent_id": appointment.agent_id,
                "overlap_allowed": appointment.overlap_allowed,
                "old_start": before.start,
                "changes": None if changes is None else msgspec.json.encode(changes).decode(),
                "now": now,
                "actor": actor,
            },
        )

    def note_turn(self, connection: Connection, turn: Turn, agent_id: str) -> None:
        """Queue the note of a shared line that it gave a viewing to another one of its agents."""
        values = {"turn_holder_id": turn.holder_agent_id, "turn_at": turn.at, "booking_agent_id": agent_id}
        connection.execute(NOTE_TURN.encode(), values)

    def cancel(self, connection: Connection, appointment: Appointment, now: datetime) -> None:
        """Queue a cancellation by phone and the event of its history."""
        self.set_status(connection, appointment, "cancelled", kind="cancelled", now=now, actor=PHONE)

    def set_status(
        self,
        connection: Connection,
        appointment: Appointment,
        status: Status,
        *,
        kind: EventKind,
        now: datetime,
        actor: str,
    ) -> None:
        """Queue a new status of a booking, and the event of its history.

        Does nothing if the booking no longer has the status of `appointment`.

        Args:
            connection: of the transaction that has locked the agent.
            appointment: with its present status.
            status: the new one.
            kind: of the event.
            now: the present moment, aware.
            actor: PHONE, VISITOR, UNCONFIRMED, or the e-mail address of the user who changes it.
        """
        connection.execute(
            """
            WITH changed AS (
                UPDATE appointments
                SET status = %(status)s,
                    released_at = CASE WHEN %(kind)s = 'released' THEN %(now)s::timestamptz END,
                    updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
                WHERE id = %(id)s AND status = %(old_status)s
                RETURNING id, start_time
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start)
            SELECT id, %(now)s, %(kind)s, %(actor)s, start_time FROM changed
            """,
            {
                "id": appointment.appointment_id,
                "old_status": appointment.status,
                "status": status,
                "kind": kind,
                "now": now,
                "actor": actor,
            },
        )


def _booking_values(
    appointment: Appointment, blocked_until: datetime, tool_call_id: str, actor: str
) -> dict[str, object]:
    """Return the parameters of _BOOKED and _FIRST_EVENT."""
    return {
        "booking_agent_id": appointment.agent_id,
        "booking_vapi_call_id": appointment.vapi_call_id,
        "booking_tool_call_id": tool_call_id,
        "booking_property_address": appointment.property_address,
        "booking_start": appointment.start,
        "booking_end": appointment.end,
        "booking_blocked_until": blocked_until,
        "booking_attendee_name": appointment.attendee_name,
        "booking_attendee_email": appointment.attendee_email,
        "booking_attendee_phone": appointment.attendee_phone,
        "booking_caller_number": appointment.caller_number,
        "booking_overlap_allowed": appointment.overlap_allowed,
        "booking_property_id": appointment.property_id,
        "booking_is_home_unknown": appointment.is_home_unknown,
        "booking_actor": actor,
        "booking_created_at": appointment.created_at,
    }


def _key(key: AgentKey) -> dict[str, object]:
    return {"assistant_id": key.assistant_id, "phone_number_id": key.phone_number_id}
