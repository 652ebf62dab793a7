"""SQL that other features run together with their own: how old an agent's busy times are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.calendars.account import CalendarAge

if TYPE_CHECKING:
    from psycopg.rows import DictRow

CALENDAR_AGE = """
    SELECT
        COUNT(*) > 0 AS has_calendars,
        EXTRACT(
            EPOCH FROM clock_timestamp() - CASE
                WHEN bool_and(COALESCE(read_at < clock_timestamp() + INTERVAL '1 minute', FALSE)) THEN MIN(read_at)
            END
        )::float8 AS calendar_age_s,
        MIN(COALESCE(read_until, 'epoch')) AS calendars_read_until,
        COALESCE(
            (SELECT trusts_stale FROM agent_calendar_settings WHERE agent_id = agent.agent_id), FALSE
        ) AS trusts_stale
    FROM calendars
    WHERE calendars.agent_id = agent.agent_id AND blocks
"""
"""A lateral subquery: the age of the busy times of the row `agent` of `agents`, for `calendar_age`.

By the clock of the database, which also wrote `read_at`. A calendar that was read later than now counts as never read:
the clock was set back, and how long ago that was is unknown.
"""


def calendar_age(row: DictRow) -> CalendarAge | None:
    """Return the age in a row of CALENDAR_AGE; None for an agent whose time no calendar takes."""
    if not row["has_calendars"]:
        return None
    return CalendarAge(row["calendar_age_s"], row["calendars_read_until"], row["trusts_stale"])
