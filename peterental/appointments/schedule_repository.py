"""An agent with its rules and what is taken, read from PostgreSQL in one row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from peterental.agents.lookup import WHERE_VAPI_KEY
from peterental.agents.model import Agent, Rules, Window
from peterental.appointments.availability import BookedInterval

if TYPE_CHECKING:
    from psycopg.rows import DictRow

AGENT_OF_KEY = f"SELECT * FROM agents {WHERE_VAPI_KEY}"

# One row: an agent with its rules, as JSON, and what is taken from two days ago (a daily cap counts what is over) to
# its horizon, with what began before and goes on. Hours are minutes after midnight, because Python has no 24:00.
_DESK = """
    SELECT described.agent, booked.ids, booked.starts, booked.untils, busy.busy_starts, busy.busy_untils
    FROM ({agent}) AS agent
    CROSS JOIN LATERAL (
        SELECT to_json(fields)::text AS agent
        FROM (
            SELECT agent.agent_id, agent.agent_name, agent.vapi_assistant_id, agent.phone_number_id,
                   agent.calendar_user_id, agent.user_id, agent.time_zone, agent.handover_number, agent.is_active,
                   agent.slot_minutes, agent.step_minutes, agent.buffer_minutes, agent.notice_minutes,
                   agent.horizon_days, agent.daily_cap,
                   (
                       SELECT json_agg(json_build_array(
                           weekday, (EXTRACT(EPOCH FROM opens_at) / 60)::int, (EXTRACT(EPOCH FROM closes_at) / 60)::int
                       ))
                       FROM agent_hours
                       WHERE agent_hours.agent_id = agent.agent_id
                   ) AS week,
                   (
                       SELECT json_agg(json_build_array(
                           day, (EXTRACT(EPOCH FROM opens_at) / 60)::int, (EXTRACT(EPOCH FROM closes_at) / 60)::int
                       ))
                       FROM agent_days
                       WHERE agent_days.agent_id = agent.agent_id
                           AND day BETWEEN %(now)s::date - 1 AND %(now)s::date + agent.horizon_days + 1
                   ) AS days
        ) AS fields
    ) AS described
    CROSS JOIN LATERAL (
        SELECT array_agg(id) AS ids, array_agg(start_time) AS starts, array_agg(until) AS untils
        FROM (
            SELECT id, start_time, COALESCE(blocked_until, end_time) AS until
            FROM appointments
            WHERE appointments.agent_id = agent.agent_id AND status = 'confirmed'
                AND start_time >= %(now)s::timestamptz - INTERVAL '2 days'
                AND start_time < %(now)s::timestamptz + make_interval(days => agent.horizon_days + 2)
            UNION ALL
            SELECT id, start_time, COALESCE(blocked_until, end_time)
            FROM appointments
            WHERE appointments.agent_id = agent.agent_id AND {long}
                AND start_time < %(now)s::timestamptz - INTERVAL '2 days'
                AND COALESCE(blocked_until, end_time) > %(now)s
        ) AS standing
    ) AS booked
    CROSS JOIN LATERAL (
        SELECT array_agg(lower(during)) AS busy_starts, array_agg(upper(during)) AS busy_untils
        FROM agent_busy
        WHERE agent_busy.agent_id = agent.agent_id
            AND during && tstzrange(
                %(now)s::timestamptz, %(now)s::timestamptz + make_interval(days => agent.horizon_days + 2)
            )
    ) AS busy
"""

MULTI_DAY = "status = 'confirmed' AND COALESCE(blocked_until, end_time) - start_time > INTERVAL '1 day'"
"""Word for word what migration 009 has an index on: bookings of days, which only an adopted database has."""

DESK = _DESK.format(agent=AGENT_OF_KEY, long=MULTI_DAY)
DESK_OF_AGENT = _DESK.format(agent="SELECT * FROM agents WHERE agent_id = %(agent_id)s", long=MULTI_DAY)

AGENTS_REMEMBERED = 1_000
"""Agents of which a process keeps the parsed form; what they are is asked anew for each call all the same."""


@dataclass(frozen=True)
class AgentSchedule:
    """What lies on the desk when somebody rings for an agent: who that is, and what is taken.

    Args:
        agent: with its rules; None where nobody is registered for the call.
        taken: confirmed bookings with their buffers, and busy blocks, as far as they matter.
    """

    agent: Agent | None
    taken: tuple[BookedInterval, ...] = ()


def read_schedule(row: DictRow | None) -> AgentSchedule:
    """Give what a row of DESK or DESK_OF_AGENT says."""
    if row is None:
        return AgentSchedule(None)
    booked = map(BookedInterval, row["starts"] or (), row["untils"] or (), row["ids"] or ())
    busy = map(BookedInterval, row["busy_starts"] or (), row["busy_untils"] or ())
    return AgentSchedule(_agent(row["agent"]), (*booked, *busy))


class _Described(msgspec.Struct):
    """An agent as `DESK` gives it."""

    agent_id: str
    agent_name: str
    vapi_assistant_id: str | None
    phone_number_id: str | None
    calendar_user_id: str | None
    user_id: int | None
    time_zone: str
    handover_number: str | None
    is_active: bool
    slot_minutes: int
    step_minutes: int
    buffer_minutes: int
    notice_minutes: int
    horizon_days: int
    daily_cap: int | None
    week: list[tuple[int, int, int]] | None
    days: list[tuple[date, int | None, int | None]] | None


_described = msgspec.json.Decoder(_Described)


@lru_cache(AGENTS_REMEMBERED)
def _agent(described: str) -> Agent:
    """Give an agent from its JSON; the same text is parsed once."""
    fields = msgspec.structs.asdict(_described.decode(described))
    week = tuple((weekday, Window(opens, closes)) for weekday, opens, closes in fields.pop("week") or ())
    days = tuple(
        (day, None if opens is None else Window(opens, closes)) for day, opens, closes in fields.pop("days") or ()
    )
    rules = Rules(
        slot_minutes=fields.pop("slot_minutes"),
        step_minutes=fields.pop("step_minutes"),
        buffer_minutes=fields.pop("buffer_minutes"),
        notice_minutes=fields.pop("notice_minutes"),
        horizon_days=fields.pop("horizon_days"),
        daily_cap=fields.pop("daily_cap"),
        week=week,
        days=days,
    )
    return Agent(**fields, rules=rules)
