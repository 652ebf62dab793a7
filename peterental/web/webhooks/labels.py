"""What the pages call the events of webhooks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.webhooks.model import EventType

EVENT_LABELS: Mapping[EventType, str] = {
    "viewing.booked": "Booked",
    "viewing.moved": "Moved",
    "viewing.edited": "Edited",
    "viewing.cancelled": "Cancelled",
    "viewing.restored": "Restored",
    "viewing.completed": "Completed",
    "viewing.no_show": "No-show",
}
