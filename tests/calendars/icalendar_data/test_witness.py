"""recurring-ical-events reads the whole calendar itself, and says the same as our reader.

Left out are series with several times a day at any hour: of these the library excludes too many, see `series.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calendars.icalendar_data.samples import busy, calendar, event, series, window

ZONES = ["America/Chicago", "America/New_York", "Australia/Sydney"]
FIRST = datetime.fromisoformat("2026-10-01T09:00")
OF = window("2026-10-15", days=200)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Draw a rule as people make them."""
    rule = draw(
        st.sampled_from(
            ["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;BYDAY=TU,TH;WKST=SU", "FREQ=MONTHLY",
             "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;BYMONTHDAY=1,15",
             "FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=11,3;BYDAY=1SU", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "FREQ=DAILY;BYHOUR=8,17", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "FREQ=HOURLY;BYHOUR=9,10;BYDAY=SA"]
        )
    )  # fmt: skip
    if "INTERVAL" not in rule:
        rule += f";INTERVAL={draw(st.integers(1, 4))}"
    return rule + draw(
        st.sampled_from(["", ";COUNT=7", ";COUNT=40", ";UNTIL=20270315T140000Z", ";UNTIL=20261104T000000Z"])
    )


def by_the_library(text: bytes) -> list[tuple[datetime, datetime]]:
    """Return the times in the window by the library alone."""
    query: Any = recurring_ical_events.of(icalendar.Calendar.from_ical(text))
    found = [(e["DTSTART"].dt.astimezone(UTC), e["DTEND"].dt.astimezone(UTC)) for e in query.between(OF.start, OF.end)]
    return sorted({(start, end) for start, end in found if start < OF.end and end > OF.start})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    rule=rules(),
    zone=st.sampled_from(ZONES),
    age=st.sampled_from([0, 3, 45, 400, 4000]),
    excluded=st.lists(st.integers(0, 180), max_size=4),
    moved=st.dictionaries(st.integers(0, 180), st.integers(-72, 72), max_size=4),
)
def test_the_library_alone_says_the_same(
    rule: str, zone: str, age: int, excluded: list[int], moved: dict[int, int]
) -> None:
    start = FIRST - timedelta(days=age)
    master = series(
        rule,
        *(f"EXDATE;TZID={zone}:{FIRST + timedelta(days=day):%Y%m%dT%H%M%S}" for day in excluded),
        day=f"{start:%Y%m%d}",
    )
    changes = []
    for day, hours in moved.items():
        if day in excluded:
            continue  # the library drops such an event, ours blocks
        old = FIRST + timedelta(days=day)
        new = old + timedelta(hours=hours)
        changes.append(
            event(
                f"RECURRENCE-ID;TZID={zone}:{old:%Y%m%dT%H%M%S}",
                start=f"DTSTART;TZID={zone}:{new:%Y%m%dT%H%M%S}",
                end="DURATION:PT45M",
            )
        )
    text = calendar(master, *changes).replace(b"America/Chicago", zone.encode())
    assert [(time.start, time.end) for time in busy(text, OF)] == by_the_library(text)
