"""Quiet hours: from the evening until the morning, on the clock where the home is. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(now: datetime, zone: ZoneInfo, night_from: time, night_until: time) -> datetime | None:
    """Return when the quiet hours end, in UTC; None outside of them.

    Args:
        now: aware.
        zone: of the clock.
        night_from: the local time at which they begin, in the evening.
        night_until: the local time at which they end, in the morning.
    """
    local = now.astimezone(zone)
    clock = local.time()
    if night_until <= clock < night_from:
        return None
    day = local.date() + timedelta(days=clock >= night_from)
    ends = (datetime.combine(day, night_until, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return next((end for end in ends if end > now), None)
