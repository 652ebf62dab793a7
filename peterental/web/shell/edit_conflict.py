"""What a form says about an edit conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.web.shell.template_filters import clock, day, zone_name

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

VALUES_BELOW = "The values saved now are shown below your entries. Check them, then save again."


def conflict_sentences(
    who: str, what: str, changed_at: datetime | None, zone: ZoneInfo, what_now: str = VALUES_BELOW
) -> str:
    """Return who changed what and when, and how to resolve the conflict.

    Args:
        who: the other user.
        what: the object of "changed".
        changed_at: aware; None if it is unknown.
        zone: in which the time is shown, with its name, and with the day unless that is today.
        what_now: where the page shows what is saved, and what to do.
    """
    when = ""
    if changed_at is not None:
        is_today = changed_at.astimezone(zone).date() == utc_now().astimezone(zone).date()
        on = "" if is_today else f" on {day(changed_at, zone)}"
        when = f"{on} at {clock(changed_at, zone)} {zone_name(changed_at, zone)}"
    return f"{who} changed {what}{when}, after you opened this page. Your changes are not saved yet. {what_now}"
