"""Labels and readable values of changes."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from peterental.audit.model import Change
from peterental.web.audit.field_labels import LABELS, Field, action_label, format_value, labelled_fields, subject_label

CHICAGO = ZoneInfo("America/Chicago")


def test_fields_have_labels_and_both_values() -> None:
    change = Change(
        action="edited",
        subject_kind="agent",
        subject_id="ana",
        subject_name="Ana",
        before={"agent_name": "Åna", "daily_cap": None, "Monday": "9 am to 5 pm", "note": ""},
        after={"agent_name": "Ana", "daily_cap": 8, "Monday": "closed", "note": None},
    )
    assert labelled_fields(change, CHICAGO) == (
        Field("Name", "Åna", "Ana"),
        Field("Maximum per day", None, "8"),
        Field("Monday", "9 am to 5 pm", "closed"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (None, None),
        ("", None),
        ([], None),
        ("2026-03-08T03:30:00-06:00", "Sun, Mar 8, 2026, 4:30 am CDT"),
        ("2026-03-08T07:59:00+00:00", "Sun, Mar 8, 2026, 1:59 am CST"),
        ("2026-03-08T09:30", "Sun, Mar 8, 2026, 9:30 am"),
        ("2026-11-30T00:05:59.123456", "Mon, Nov 30, 2026, 12:05 am"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("2026-03-08T09:30 or later", "Sun, Mar 8, 2026, 9:30 am or later"),
        (
            "from 2026-03-08T15:30Z to 2026-03-08T16:30:00+00:00",
            "from Sun, Mar 8, 2026, 10:30 am CDT to Sun, Mar 8, 2026, 11:30 am CDT",
        ),
        ("09:00–12:00, 13:30–24:00", "9 am–12 pm, 1:30 pm–midnight"),
        ("closed", "closed"),
        ("2026-99-99T99:99", "2026-99-99T99:99"),
        ("2026-03-08", "Sun, Mar 8, 2026"),
        ("2026-02-30", "2026-02-30"),
        (["a", None, 2], "a, nothing, 2"),
        ({"opens_at": "9:00", "until": None}, "Opens at: 9:00; Until: nothing"),
    ],
)
def test_values_are_readable(value: object, expected: str | None) -> None:
    assert format_value(value, CHICAGO) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("slot_minutes", 90, "1 h 30 min"),
        ("buffer_minutes", 0, "0 min"),
        ("horizon_days", 1, "1 day"),
        ("user_id", 2, "Ben Okafor (ben@example.com)"),
        ("user_id", 3, "a user who was deleted"),
        ("attendee_phone", "+14055550123", "(405) 555-0123"),
        ("minutes", 45, "45 min"),
        ("status", "no_show", "no-show"),
        ("language", "es", "Spanish"),
        ("scope", "book", "reads and books"),
        ("event_types", ["viewing.booked", "viewing.no_show", "old"], "Booked, No-show, old"),
        ("event_types", "old", "old"),
        ("overlap_allowed", True, "yes"),
        ("slot_minutes", "odd", "odd"),
    ],
)
def test_field_formats_its_value(name: str, value: object, expected: str) -> None:
    change = Change(action="edited", subject_kind="agent", subject_id="ana", subject_name="Ana", after={name: value})
    (field,) = labelled_fields(change, CHICAGO, {2: "Ben Okafor (ben@example.com)"})
    assert field == Field(LABELS[name], None, expected)


@pytest.mark.parametrize(
    ("action", "expected"),
    [("role changed", "Role changed"), ("no_show", "No-show"), ("other hours added", "Date override added"), ("", "")],
)
def test_action_has_a_label(action: str, expected: str) -> None:
    assert action_label(action) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wording reminder_day/email/es", "Reminder, a day before, E-mail, Spanish"),
        ("wording gone/fax/fr", "gone, fax, fr"),
        ("Ana Lima", "Ana Lima"),
    ],
)
def test_wording_is_called_as_on_its_page(name: str, expected: str) -> None:
    change = Change(action="wording changed", subject_kind="notice", subject_id="", subject_name=name)
    assert subject_label(change) == expected
