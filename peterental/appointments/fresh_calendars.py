"""Read the calendars of a line's agents again where they are too old to offer times by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from peterental.appointments.model import CalendarUnavailable
from peterental.appointments.team import CalendarStale

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.calendars.sync_service import SyncService

Result = TypeVar("Result")


def with_fresh_calendars(calendars: SyncService, work: Callable[[], Result]) -> Result:
    """Do something that needs the calendars of a line; if all are too old, read one and do it once more.

    For visitors' pages and the office's tools: few of them may wait at the same time.

    Args:
        calendars: reads them, which takes up to two seconds.
        work: raises CalendarStale; has no transaction open when it does.

    Raises CalendarUnavailable.
    """
    try:
        return work()
    except CalendarStale as stale:
        calendars.refresh_for_page(stale.agent.agent_id)
    try:
        return work()
    except CalendarStale as stale:
        raise CalendarUnavailable(can_call_back=False) from stale
