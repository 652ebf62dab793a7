"""Read the time off of agents and of the office, by date, from PostgreSQL."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from peterental.agents.model import Window
from peterental.agents.time_off.model import DayOff, SingleBlock, TimeOffItem
from peterental.agents.time_off.repository import CLOSURE, REPEATING, closure_of, repeating_of
from peterental.agents.working_hours.model import MANUAL_SOURCE

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.database.pool import Database

# Each part is read in its own order and cut to the page, on its agent's clock. A closure is over when its last day is
# over for every agent.
_UPCOMING = f"""
    WITH own AS (
        SELECT agent_id, agent_name, time_zone, (%(now)s AT TIME ZONE time_zone)::date AS today
        FROM agents
        WHERE (%(user_id)s::int IS NULL OR user_id = %(user_id)s) AND (%(agent_id)s = '' OR agent_id = %(agent_id)s)
    ), closures AS (
        SELECT first_day + make_interval(mins => from_min) AS at, to_jsonb(closure) AS closure
        FROM ({CLOSURE}) AS closure
        WHERE last_day >= COALESCE((SELECT MIN(today) FROM own), (%(now)s - INTERVAL '12 hours')::date)
            AND NOT (%(agent_id)s <> '' AND %(agent_id)s = ANY(exempt))
        ORDER BY first_day, closure_id
        LIMIT %(counted)s
    ), repeating AS (
        SELECT COALESCE(coming.starts AT TIME ZONE block.time_zone, GREATEST(block.first_day, own.today)) AS at,
               block.agent_id, to_jsonb(block) AS repeating, coming.starts AS repeats_next
        FROM ({REPEATING}) AS block
        JOIN own USING (agent_id)
        LEFT JOIN LATERAL (
            SELECT MIN(lower(during)) AS starts
            FROM agent_busy AS busy
            WHERE busy.repeating_id = block.repeating_id AND upper(during) > %(now)s
        ) AS coming ON TRUE
        WHERE block.last_day IS NULL OR block.last_day >= own.today
    ), overrides AS (
        SELECT day::timestamp AS at, agent_id, day, MAX(note) AS note,
               jsonb_agg(
                   jsonb_build_array(EXTRACT(EPOCH FROM opens_at)::int / 60, EXTRACT(EPOCH FROM closes_at)::int / 60)
                   ORDER BY opens_at
               ) FILTER (WHERE opens_at IS NOT NULL) AS windows
        FROM agent_days
        JOIN own USING (agent_id)
        WHERE day >= today
        GROUP BY agent_id, day
        ORDER BY day, agent_id
        LIMIT %(counted)s
    ), blocks AS (
        SELECT lower(during) AT TIME ZONE time_zone AS at, agent_id, busy_id, lower(during) AS starts,
               upper(during) AS ends, note
        FROM own
        JOIN agent_busy USING (agent_id)
        WHERE during && tstzrange(%(now)s, NULL) AND source = %(manual)s AND calendar_id IS NULL
        ORDER BY lower(during), busy_id
        LIMIT %(counted)s
    )
    SELECT items.*, agent_name, time_zone
    FROM (
        SELECT at, 1 AS rank, NULL AS agent_id, closure, NULL::jsonb AS repeating, NULL::timestamptz AS repeats_next,
               NULL::date AS day, NULL::jsonb AS windows, NULL::bigint AS busy_id, NULL::timestamptz AS starts,
               NULL::timestamptz AS ends, NULL AS note
        FROM closures
        UNION ALL
        SELECT at, 2, agent_id, NULL, NULL, NULL, day, windows, NULL, NULL, NULL, note FROM overrides
        UNION ALL
        SELECT at, 3, agent_id, NULL, NULL, NULL, NULL, NULL, busy_id, starts, ends, note FROM blocks
        UNION ALL
        SELECT at, 4, agent_id, NULL, repeating, repeats_next, NULL, NULL, NULL, NULL, NULL, NULL FROM repeating
    ) AS items
    LEFT JOIN own USING (agent_id)
    ORDER BY at::date, rank, at, agent_name, busy_id
    LIMIT %(limit)s OFFSET %(offset)s
"""


class TimeOffListingRepository:
    """The time off of one database. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upcoming(
        self, now: datetime, *, user_id: int | None, agent_id: str, limit: int, offset: int
    ) -> list[TimeOffItem]:
        """Return what has not ended, by date.

        Args:
            now: the present moment, aware.
            user_id: only agents of this user; None for all. Closures of the office are always included.
            agent_id: only this agent, and closures at which it is off; empty for all.
            limit: how many lines.
            offset: how many lines to leave out before them.
        """
        rows = self._database.fetch(
            _UPCOMING,
            {
                "now": now,
                "user_id": user_id,
                "agent_id": agent_id,
                "manual": MANUAL_SOURCE,
                "counted": limit + offset,
                "limit": limit,
                "offset": offset,
            },
        )
        return [_item(row) for row in rows]


def _parsed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a JSON object with their dates and times parsed."""
    days = {name: date.fromisoformat(fields[name]) for name in ("first_day", "last_day") if fields[name] is not None}
    exceptions = [date.fromisoformat(day) for day in fields.get("exceptions", ())]
    parsed = {**fields, **days, "updated_at": datetime.fromisoformat(fields["updated_at"])}
    return {**parsed, "exceptions": exceptions} if "exceptions" in fields else parsed


def _item(row: DictRow) -> TimeOffItem:
    return TimeOffItem(
        at=row["at"],
        agent_id=row["agent_id"] or "",
        agent_name=row["agent_name"] or "",
        time_zone=row["time_zone"] or "UTC",
        closure=closure_of(_parsed(row["closure"])) if row["closure"] else None,
        repeating=repeating_of(_parsed(row["repeating"])) if row["repeating"] else None,
        override=DayOff(
            day=row["day"],
            windows=tuple(Window(opens, closes) for opens, closes in row["windows"] or ()),
            note=row["note"],
        )
        if row["day"]
        else None,
        block=SingleBlock(busy_id=row["busy_id"], start=row["starts"], until=row["ends"], note=row["note"])
        if row["busy_id"]
        else None,
        repeats_next=row["repeats_next"],
    )
