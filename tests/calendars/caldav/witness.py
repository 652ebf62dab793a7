"""Print the events of a calendar as JSON, read by the `caldav` package: an independent witness of what was written.

Runs as a process of the virtualenv in instance/caldav, and is imported by nothing.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


def main(url: str, username: str, word: str) -> None:
    """Print every event of the calendar at `url`."""
    caldav = import_module("caldav")  # installed in that virtualenv only
    with caldav.DAVClient(url=url, username=username, password=word) as client:
        events = client.calendar(url=url).events()
        print(json.dumps([_described(event) for event in events]))


def _described(event: Any) -> dict[str, Any]:
    component = event.icalendar_component
    return {
        "url": str(event.url),
        "start": component.start.isoformat(),
        "end": component.end.isoformat(),
        "text": {name.lower(): str(component.get(name)) for name in component if name not in {"DTSTART", "DTEND"}},
        "alarms": len(component.walk("VALARM")),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
