"""A large calendar read from its text: time and memory."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.measure import Sample
from bench.programs import Command, must
from bench.section import Bench
from bench.table import Promise, Table

_EVENTS = 5_000
_SERIES = 200
_HORIZON = timedelta(days=120)
_MAX_S = 3.0
_MAX_MB = 150.0
_TIMEOUT_S = 120.0
_NOW = datetime(2026, 11, 29, tzinfo=UTC)
_FIRST_DAY = datetime(2022, 1, 1, tzinfo=UTC)
_DAYS = 5 * 365 + 60
_RULES = ("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY;BYDAY=2TU")


def measure(bench: Bench) -> Iterator[Table]:
    """Read one calendar in a process of its own, several times."""
    file = bench.folder / "large.ics"
    file.write_text(large_calendar(), encoding="utf-8", newline="")
    answer = bench.folder / "peak.txt"
    peak_program = str(Path(__file__).parents[1] / "peak.py")
    command = Command([sys.executable, "-I", peak_program, str(answer), sys.executable, "-m", __name__, str(file)])
    seconds, peaks_mb, found = [], [], {}
    for _ in range(bench.rounds(7, 2)):
        found = json.loads(must(command, _TIMEOUT_S).output.strip().splitlines()[-1])
        seconds.append(found["seconds"])
        peaks_mb.append(int(answer.read_text(encoding="ascii")) / 1024)
    took, most_mb = Sample(seconds), max(peaks_mb)
    size_mb = file.stat().st_size / 1e6
    yield Table(
        f"A calendar of {_EVENTS:,} events with {_SERIES} series",
        f"An .ics file of {size_mb:.1f} MB with five years of events, read for {_HORIZON.days} days. Every series has"
        f" excluded and moved times; {found['busy']:,} busy times are found. The time is that of the reading, the"
        " memory the peak resident set of the process, interpreter and libraries included.",
        ("reading", "median", "rounds", "peak"),
        [("busy times out of the text", f"{took.median:.2f} s", took.spread("s", 2), f"{most_mb:.0f} MB")],
        [
            Promise(
                f"a calendar of {_EVENTS:,} events with {_SERIES} series is read",
                f"{took.median:.2f} s, {most_mb:.0f} MB",
                f"< {_MAX_S:.0f} s, < {_MAX_MB:.0f} MB",
                took.median < _MAX_S and most_mb < _MAX_MB,
            )
        ],
    )


def large_calendar() -> str:
    """Return the text of the calendar, always the same."""
    chance = random.Random(1)  # noqa: S311 - events, not secrets
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//PeteRental//Bench//EN"]
    for number in range(_EVENTS):
        start = _FIRST_DAY + timedelta(days=chance.randrange(_DAYS), minutes=15 * chance.randrange(96))
        lines += _event(number, start, *(_series(number, start) if number < _SERIES else ()))
        if number < _SERIES:
            for week in range(3):
                lines += _event(number, start.replace(year=2027, month=1, day=5 + week), _moved(start, week))
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _event(number: int, start: datetime, *more: str) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{number}-4c1b@example.com",
        "DTSTAMP:20261101T000000Z",
        f"DTSTART;TZID=America/Chicago:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=America/Chicago:{start + timedelta(hours=1):%Y%m%dT%H%M%S}",
        f"SUMMARY:Meeting {number}\\, with people",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "SEQUENCE:1",
        f"DESCRIPTION:{'Some text. ' * 20}",
        "ORGANIZER:mailto:ana@example.com",
        'ATTENDEE;CN="Whitfield, Ben";PARTSTAT=ACCEPTED:mailto:ben@example.com',
        "ATTENDEE;CN=Dana;PARTSTAT=ACCEPTED:mailto:dana@example.com",
        *more,
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT15M",
        "END:VALARM",
        "END:VEVENT",
    ]


def _series(number: int, start: datetime) -> list[str]:
    excluded = ",".join(f"202612{day:02}T{start:%H%M%S}" for day in range(1, 6))
    return [f"RRULE:{_RULES[number % len(_RULES)]}", f"EXDATE;TZID=America/Chicago:{excluded}"]


def _moved(start: datetime, week: int) -> str:
    return f"RECURRENCE-ID;TZID=America/Chicago:202701{4 + 7 * week:02}T{start:%H%M%S}"


def _read(file: Path) -> None:
    """Read the calendar, and print how long that took."""
    from peterental.calendars.icalendar_data.reader import read_events  # noqa: PLC0415 - only this process needs it
    from peterental.calendars.model import ReadWindow  # noqa: PLC0415 - see above

    text = file.read_bytes()
    window = ReadWindow(_NOW, _NOW + _HORIZON, ZoneInfo("America/Chicago"))
    began = time.perf_counter()
    found = read_events(text, window, namespace="0" * 12, owner=["dana@example.com"])
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "busy": sum(map(len, found.busy.values()))}))


if __name__ == "__main__":
    _read(Path(sys.argv[1]))
