"""Appointments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg

from peterental.agents.model import Agent, Rules, Window
from peterental.appointments.model import Appointment, SlotTaken
from peterental.appointments.timetable import Taken

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.agents.model import AgentKey
    from peterental.calls.model import Delivery
    from peterental.database.connection import Connection, Database
    from peterental.users.model import Viewer

APPOINTMENT = """
    appointments.id AS appointment_id, appointments.agent_id, agents.agent_name, agents.time_zone, property_address,
    start_time AS start, end_time AS "end", status, attendee_name, attendee_email, attendee_phone, caller_number,
    vapi_call_id, overlap_allowed, appointments.created_at, appointments.updated_at
"""

# Databases of the earlier system may hold UUIDs in capitals, which Vapi's messages never are in.
AGENT_OF_KEY = """
    SELECT *
    FROM agents
    WHERE vapi_assistant_id IN (%(assistant_id)s::text, UPPER(%(assistant_id)s::text))
        OR phone_number_id IN (%(phone_number_id)s::text, UPPER(%(phone_number_id)s::text))
    ORDER BY (vapi_assistant_id = %(assistant_id)s::text) IS TRUE DESC,
             (vapi_assistant_id = UPPER(%(assistant_id)s::text)) IS TRUE DESC,
             (phone_number_id = %(phone_number_id)s::text) IS TRUE DESC
    LIMIT 1
"""

# One row: the agent of a call, its rules, and what is taken from two days ago (a daily cap counts what is over) to its
# horizon. Hours are minutes after midnight, because Python has no 24:00.
DESK = f"""
    SELECT agent.agent_id, agent_name, vapi_assistant_id, phone_number_id, calendar_user_id, user_id, time_zone,
           handover_number, is_active,
           slot_minutes, step_minutes, buffer_minutes, notice_minutes, horizon_days, daily_cap,
           week.weekdays, week.opens_min, week.closes_min,
           days.days, days.day_opens_min, days.day_closes_min,
           booked.ids, booked.starts, booked.untils,
           busy.busy_starts, busy.busy_untils
    FROM ({AGENT_OF_KEY}) AS agent
    CROSS JOIN LATERAL (
        SELECT array_agg(weekday) AS weekdays,
               array_agg((EXTRACT(EPOCH FROM opens_at) / 60)::int) AS opens_min,
               array_agg((EXTRACT(EPOCH FROM closes_at) / 60)::int) AS closes_min
        FROM agent_hours
        WHERE agent_hours.agent_id = agent.agent_id
    ) AS week
    CROSS JOIN LATERAL (
        SELECT array_agg(day) AS days,
               array_agg((EXTRACT(EPOCH FROM opens_at) / 60)::int) AS day_opens_min,
               array_agg((EXTRACT(EPOCH FROM closes_at) / 60)::int) AS day_closes_min
        FROM agent_days
        WHERE agent_days.agent_id = agent.agent_id
            AND day BETWEEN %(now)s::date - 1 AND %(now)s::date + horizon_days + 1
    ) AS days
    CROSS JOIN LATERAL (
        SELECT array_agg(id) AS ids,
               array_agg(start_time) AS starts,
               array_agg(COALESCE(blocked_until, end_time)) AS untils
        FROM appointments
        WHERE appointments.agent_id = agent.agent_id AND status = 'confirmed'
            AND start_time >= %(now)s::timestamptz - INTERVAL '2 days'
            AND start_time < %(now)s::timestamptz + make_interval(days => horizon_days + 2)
    ) AS booked
    CROSS JOIN LATERAL (
        SELECT array_agg(lower(during)) AS busy_starts, array_agg(upper(during)) AS busy_untils
        FROM agent_busy
        WHERE agent_busy.agent_id = agent.agent_id
            AND during && tstzrange(
                %(now)s::timestamptz, %(now)s::timestamptz + make_interval(days => horizon_days + 2)
            )
    ) AS busy
"""


@dataclass(frozen=True)
class Desk:
    """What lies on the desk when somebody rings for an agent: who that is, and what is taken.

    Args:
        agent: with its rules; None where nobody is registered for the call.
        taken: confirmed bookings with their buffers, and busy blocks, as far as they matter.
    """

    agent: Agent | None
    taken: tuple[Taken, ...] = ()


class PendingDesk:
    """The answer to `AppointmentRepository.look`, on its way until the connection has caught up."""

    def __init__(self, desk: psycopg.Cursor[DictRow], own: psycopg.Cursor[DictRow]) -> None:
        self._desk = desk
        self._own = own

    def read(self) -> tuple[Desk, tuple[Appointment, ...]]:
        """Give the desk and the caller's own upcoming bookings, soonest first."""
        return _desk(self._desk.fetchone()), tuple(Appointment(**row) for row in self._own.fetchall())


class AppointmentRepository:
    """The appointments of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def desk(self, key: AgentKey, now: datetime) -> Desk:
        """Look up whom a call is for and what is taken. One statement, one round trip."""
        rows = self._database.fetch(DESK, _key(key) | {"now": now})
        return _desk(rows[0] if rows else None)

    def look(self, connection: Connection, delivery: Delivery, now: datetime) -> PendingDesk:
        """Queue the desk and the caller's own bookings: upcoming, with this agent, by number or from this very call."""
        values = _key(delivery.agent_key) | {
            "now": now,
            "caller_number": delivery.caller_number,
            "vapi_call_id": delivery.vapi_call_id or None,
        }
        desk = connection.execute(DESK.encode(), values)
        own = connection.execute(
            f"""
            WITH agent AS ({AGENT_OF_KEY}), own AS (
                SELECT id FROM appointments
                WHERE caller_number = %(caller_number)s AND start_time > %(now)s
                UNION
                SELECT id FROM appointments
                WHERE vapi_call_id = %(vapi_call_id)s AND start_time > %(now)s
            )
            SELECT {APPOINTMENT}
            FROM own
            JOIN appointments USING (id)
            JOIN agent AS agents ON agents.agent_id = appointments.agent_id
            WHERE status = 'confirmed'
            ORDER BY start_time
            """.encode(),
            values,
        )
        return PendingDesk(desk, own)

    @contextmanager
    def last_word(self) -> Iterator[None]:
        """Turn the constraint that has the last word into what it means. Raises SlotTaken."""
        try:
            yield
        except psycopg.errors.ExclusionViolation as error:
            if error.diag.constraint_name != "appointments_agent_no_overlap":
                raise
            raise SlotTaken from error

    def insert(
        self, connection: Connection, appointment: Appointment, blocked_until: datetime, tool_call_id: str
    ) -> None:
        """Queue a booking made by phone and the first line of its history; its id is the database's to give."""
        connection.execute(
            """
            WITH booked AS (
                INSERT INTO appointments (
                    agent_id, vapi_call_id, vapi_tool_call_id, property_address, start_time, end_time, blocked_until,
                    attendee_name, attendee_email, attendee_phone, caller_number, created_at, updated_at
                )
                VALUES (
                    %(agent_id)s, %(vapi_call_id)s, %(tool_call_id)s, %(property_address)s, %(start)s, %(end)s,
                    %(blocked_until)s, %(attendee_name)s, %(attendee_email)s, %(attendee_phone)s, %(caller_number)s,
                    %(created_at)s, %(created_at)s
                )
                RETURNING id, start_time, created_at
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, new_start)
            SELECT id, created_at, 'booked', 'phone', start_time FROM booked
            """,
            {
                "agent_id": appointment.agent_id,
                "vapi_call_id": appointment.vapi_call_id,
                "tool_call_id": tool_call_id,
                "property_address": appointment.property_address,
                "start": appointment.start,
                "end": appointment.end,
                "blocked_until": blocked_until,
                "attendee_name": appointment.attendee_name,
                "attendee_email": appointment.attendee_email,
                "attendee_phone": appointment.attendee_phone,
                "caller_number": appointment.caller_number,
                "created_at": appointment.created_at,
            },
        )

    def move(
        self,
        connection: Connection,
        appointment: Appointment,
        old_start: datetime,
        blocked_until: datetime,
        now: datetime,
    ) -> None:
        """Queue the one UPDATE that moves a booking to the times it is given with, and the line of its history."""
        connection.execute(
            """
            WITH moved AS (
                UPDATE appointments
                SET start_time = %(start)s, end_time = %(end)s, blocked_until = %(blocked_until)s, updated_at = %(now)s
                WHERE id = %(id)s AND status = 'confirmed'
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start, new_start)
            SELECT id, %(now)s, 'moved', 'phone', %(old_start)s, %(start)s FROM moved
            """,
            {
                "id": appointment.appointment_id,
                "start": appointment.start,
                "end": appointment.end,
                "blocked_until": blocked_until,
                "old_start": old_start,
                "now": now,
            },
        )

    def cancel(self, connection: Connection, appointment: Appointment, now: datetime) -> None:
        """Queue a cancellation and the line of its history."""
        connection.execute(
            """
            WITH cancelled AS (
                UPDATE appointments
                SET status = 'cancelled', updated_at = %(now)s
                WHERE id = %(id)s AND status = 'confirmed'
                RETURNING id, start_time
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start)
            SELECT id, %(now)s, 'cancelled', 'phone', start_time FROM cancelled
            """,
            {"id": appointment.appointment_id, "now": now},
        )

    def get(self, appointment_id: int, viewer: Viewer) -> Appointment | None:
        """Give one appointment, if it is of one of the viewer's agents. One round trip."""
        rows = self._database.fetch(
            f"""
            SELECT {APPOINTMENT}
            FROM appointments
            JOIN agents USING (agent_id)
            WHERE id = %(id)s::bigint AND (%(user_id)s::int IS NULL OR user_id = %(user_id)s)
            """,
            {"id": appointment_id, "user_id": None if viewer.is_admin else viewer.user_id},
        )
        return Appointment(**rows[0]) if rows else None


def _key(key: AgentKey) -> dict[str, object]:
    return {"assistant_id": key.assistant_id, "phone_number_id": key.phone_number_id}


def _desk(row: DictRow | None) -> Desk:
    if row is None:
        return Desk(None)
    week = zip(row.pop("weekdays") or (), row.pop("opens_min") or (), row.pop("closes_min") or (), strict=True)
    days = zip(row.pop("days") or (), row.pop("day_opens_min") or (), row.pop("day_closes_min") or (), strict=True)
    booked = zip(row.pop("starts") or (), row.pop("untils") or (), row.pop("ids") or (), strict=True)
    busy = zip(row.pop("busy_starts") or (), row.pop("busy_untils") or (), strict=True)
    rules = Rules(
        slot_minutes=row.pop("slot_minutes"),
        step_minutes=row.pop("step_minutes"),
        buffer_minutes=row.pop("buffer_minutes"),
        notice_minutes=row.pop("notice_minutes"),
        horizon_days=row.pop("horizon_days"),
        daily_cap=row.pop("daily_cap"),
        week=tuple((weekday, Window(opens, closes)) for weekday, opens, closes in week),
        days=tuple((day, None if opens is None else Window(opens, closes)) for day, opens, closes in days),
    )
    taken = (*(Taken(*stretch) for stretch in booked), *(Taken(*stretch) for stretch in busy))
    return Desk(Agent(**row, rules=rules), taken)
