"""Query strings: invalid parameters are ignored with a warning."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.web.shell.query_params import MAX_TEXT_CHARS, QueryParams, parse_id, utc_bounds, without_param


def test_text_is_stripped_and_limited() -> None:
    params = QueryParams({"q": " \x00elm ", "agent": "a" * 300})
    assert (params.text("q"), params.text("nothing")) == ("elm", "")
    assert len(params.text("agent")) == MAX_TEXT_CHARS
    assert params.warnings == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("17", 17),
        ("0", 0),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("", None),
        ("-1", None),
        (" 1", None),
        ("٣", None),
    ],
)
def test_id_is_a_number_that_a_column_can_hold(text: str, number: int | None) -> None:
    assert parse_id(text) == number


def test_unknown_choice_is_ignored_with_warning() -> None:
    params = QueryParams({"sort": "name", "show": "odd" * 30})
    assert params.choice("sort", ("soonest", "name"), "No order {}.") == "name"
    assert params.choice("flag", ("fault",), "No flag {}.") is None
    assert params.warnings == []
    assert params.choice("show", ("open", "done"), "Nothing is {}.") is None
    assert params.warnings == [f"Nothing is “{('odd' * 30)[:40]}”."]


@pytest.mark.parametrize("odd", ["tomorrow", "2026-13-45", "30.11.2026", "0001-01-01", "3000-01-01", "9999-12-31"])
def test_invalid_day_is_ignored_with_warning(odd: str) -> None:
    params = QueryParams({"from": odd, "to": "2026-11-30"})
    assert params.days() == (None, date(2026, 11, 30))
    assert params.warnings == [f"“{odd}” is not a valid date. Use the form 2026-11-30."]


def test_reversed_range_ignores_its_last_day() -> None:
    params = QueryParams({"from": "2026-11-30", "to": "2026-11-01"})
    assert params.days() == (date(2026, 11, 30), None)
    assert params.warnings == [
        "The last day, Sun, Nov 1, 2026, is before the first day, Mon, Nov 30, 2026. The last day was ignored."
    ]


def test_time_of_day_is_parsed_to_minutes() -> None:
    params = QueryParams({"at": "09:30", "odd": "noon"})
    assert (params.minutes("at"), params.minutes("none"), params.warnings) == (570, None, [])
    assert params.minutes("odd") is None
    assert params.warnings == ["“noon” is not a valid time. Use the form 14:30."]
    assert QueryParams({"at": "12:00+14:00"}).minutes("at") is None


@pytest.mark.parametrize("odd", ["0", "-3", "101", "9" * 30, "٣", "x", "1.5"])
def test_invalid_page_number_shows_page_1(odd: str) -> None:
    params = QueryParams({"page": odd})
    assert params.page(100) == 1
    assert params.warnings == [f"There is no page “{odd}”. This is page 1; the last possible page is 100."]


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
