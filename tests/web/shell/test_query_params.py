"""Query strings: valid parameters are parsed, invalid ones are ignored with a warning."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.web.shell.query_params import MAX_TEXT_CHARS, QueryParams, utc_bounds, without_param


def test_text_is_stripped_and_limited() -> None:
    address = QueryParams({"q": " \x00elm ", "agent": "a" * 300})
    assert (address.text("q"), address.text("nothing")) == ("elm", "")
    assert len(address.text("agent")) == MAX_TEXT_CHARS
    assert address.warnings == []


def test_unknown_choice_is_ignored_with_warning() -> None:
    address = QueryParams({"sort": "name", "show": "odd" * 30})
    assert address.choice("sort", ("soonest", "name"), "No order {}.") == "name"
    assert address.choice("flag", ("fault",), "No flag {}.") is None
    assert address.warnings == []
    assert address.choice("show", ("open", "done"), "Nothing is {}.") is None
    assert address.warnings == [f"Nothing is “{('odd' * 30)[:40]}”."]


@pytest.mark.parametrize("odd", ["tomorrow", "2026-13-45", "30.11.2026", "0001-01-01", "3000-01-01", "9999-12-31"])
def test_invalid_day_is_ignored_with_warning(odd: str) -> None:
    address = QueryParams({"from": odd, "to": "2026-11-30"})
    assert address.days() == (None, date(2026, 11, 30))
    assert address.warnings == [f"“{odd}” is not a valid date. Use the form 2026-11-30."]


def test_reversed_range_ignores_its_last_day() -> None:
    address = QueryParams({"from": "2026-11-30", "to": "2026-11-01"})
    assert address.days() == (date(2026, 11, 30), None)
    assert address.warnings == [
        "The last day, 2026-11-01, is before the first day, 2026-11-30. The last day was ignored."
    ]


def test_time_of_day_is_parsed_to_minutes() -> None:
    address = QueryParams({"at": "09:30", "odd": "noon"})
    assert (address.minutes("at"), address.minutes("none"), address.warnings) == (570, None, [])
    assert address.minutes("odd") is None
    assert address.warnings == ["“noon” is not a valid time. Use the form 14:30."]
    assert QueryParams({"at": "12:00+14:00"}).minutes("at") is None


@pytest.mark.parametrize("odd", ["0", "-3", "101", "9" * 30, "٣", "x", "1.5"])
def test_invalid_page_number_shows_page_1(odd: str) -> None:
    address = QueryParams({"page": odd})
    assert address.page(100) == 1
    assert address.warnings == [f"There is no page “{odd}”. This is page 1; the last possible page is 100."]


def test_page_number_is_parsed() -> None:
    assert [QueryParams({"page": text}).page(100) for text in ("", "1", "100")] == [1, 1, 100]


def test_utc_bounds_follow_the_time_zone() -> None:
    chicago, day = ZoneInfo("America/Chicago"), date(2026, 11, 1)  # on which the clocks go back
    assert utc_bounds(day, day, chicago) == (
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 6, tzinfo=UTC),
    )
    assert utc_bounds(None, None, chicago) == (None, None)


def test_without_param_keeps_the_other_params() -> None:
    assert without_param({"q": "elm", "to": "2026-11-30"}, "q") == {"to": "2026-11-30"}
