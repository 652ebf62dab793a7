"""Other time zones in a phrase: "3 pm Eastern", "9 am GMT", "[America/New_York]"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import ZoneName

_FAMILIES = {
    "Eastern": "America/New_York",
    "Central": "America/Chicago",
    "Mountain": "America/Denver",
    "Pacific": "America/Los_Angeles",
    "Alaska": "America/Anchorage",
    "Hawaii": "Pacific/Honolulu",
}
_OFFSET = re.compile(r"(?:gmt|utc)(?P<sign>[+-])(?P<h>\d{1,2}):?(?P<m>\d\d)?", re.ASCII)
MOST_HOURS = 15


@lru_cache(maxsize=256)
def zone_named(name: ZoneName) -> tzinfo | None:
    """Return the time zone of a name; None where it is unknown."""
    if name.key == "UTC":
        return UTC
    offset = _OFFSET.fullmatch(name.key)
    if offset is not None:
        hours = int(offset["h"]) + int(offset["m"] or 0) / 60
        if hours > MOST_HOURS:
            return None
        return timezone(timedelta(hours=-hours if offset["sign"] == "-" else hours))
    parts = _FAMILIES.get(name.key, name.key).split("/")
    key = "/".join("_".join(word.capitalize() for word in part.split("_")) for part in parts)
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def converted(own: datetime, name: ZoneName, context: Context) -> datetime | None:
    """Return the instant at which the wall clock of a named zone shows what the agent's shows at `own`, in UTC.

    The agent's own zone, and "local time", change nothing. None for an unknown zone.
    """
    if name.key == "local" or name.key == context.zone.key.casefold():
        return own
    zone = zone_named(name)
    if zone is None:
        return None
    wall = own.astimezone(context.zone).replace(tzinfo=None)
    return wall.replace(tzinfo=zone).astimezone(UTC)
