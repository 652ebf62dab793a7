"""Month presets, and the names of exported files."""

from __future__ import annotations

from datetime import date

import pytest

from peterental.web.shell.months import file_name, month_links


def test_months_around_a_day() -> None:
    links = month_links(date(2027, 1, 31), {"from": "2027-01-01", "to": "2027-01-31", "agent": "ana"})
    assert [(link.label, str(link.first), str(link.last), link.is_chosen) for link in links] == [
        ("Last month", "2026-12-01", "2026-12-31", False),
        ("This month", "2027-01-01", "2027-01-31", True),
        ("Next month", "2027-02-01", "2027-02-28", False),
    ]
    assert [link.label for link in month_links(date(2028, 2, 29), {}, with_next=False)] == ["Last month", "This month"]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, "x-all"),
        ("2026-11-01", "2026-11-30", "x-2026-11"),
        ("2026-11-01", "2026-11-29", "x-2026-11-01-to-2026-11-29"),
        ("2026-11-03", "2026-11-03", "x-2026-11-03"),
        ("2026-11-03", None, "x-from-2026-11-03"),
        (None, "2026-11-03", "x-until-2026-11-03"),
    ],
)
def test_file_is_named_by_its_range(first: str | None, last: str | None, expected: str) -> None:
    begin, end = (date.fromisoformat(day) if day else None for day in (first, last))
    assert file_name("x", begin, end) == expected
