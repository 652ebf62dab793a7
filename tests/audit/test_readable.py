"""Changes are told in words."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from peterental.audit.model import Change
from peterental.audit.readable import Field, fields_of, in_words

CHICAGO = ZoneInfo("America/Chicago")


def test_fields_are_called_as_on_the_pages_with_before_and_after() -> None:
    change = Change(
        action="edited",
        subject_kind="agent",
        subject_id="ana",
        subject_name="Ana",
        before={"agent_name": "Åna", "daily_cap": None, "Monday": "9 am to 5 pm", "note": ""},
        after={"agent_name": "Ana", "daily_cap": 8, "Monday": "closed", "note": None},
    )
    assert fields_of(change, CHICAGO) == (
        Field("Name", "Åna", "Ana"),
        Field("Most viewings a day", None, "8"),
        Field("Monday", "9 am to 5 pm", "closed"),
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (None, None),
        ("", None),
        ([], None),
        ("2026-03-08T03:30:00-06:00", "Sun, Mar 8, 2026, 4:30 am CDT"),
        ("2026-03-08T07:59:00+00:00", "Sun, Mar 8, 2026, 1:59 am CST"),
        ("2026-03-08T09:30", "Sun, Mar 8, 2026, 09:30"),
        ("2026-99-99T99:99", "2026-99-99T99:99"),
        ("2026-03-08", "2026-03-08"),
        (["a", None, 2], "a, nothing, 2"),
        ({"opens_at": "9:00", "until": None}, "Opens at: 9:00; Until: nothing"),
    ],
)
def test_values_are_said_as_people_read_them(value: object, words: str | None) -> None:
    assert in_words(value, CHICAGO) == words
