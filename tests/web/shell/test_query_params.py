"""Promises about the address of a page: what can be read is, what cannot is left out and said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.web.shell.query_params import MAX_TEXT_CHARS, QueryParams, utc_bounds, without_param


def test_a_text_is_without_blanks_nul_and_what_is_too_long() -> None:
    address = QueryParams({"q": " \x00elm ", "agent": "a" * 300})
    assert (address.text("q"), address.text("nothing")) == ("elm", "")
    assert len(address.text("agent")) == MAX_TEXT_CHARS
    assert address.warnings == []


def test_one_of_some_words_is_read_and_any_other_said() -> None:
    address = QueryParams({"sort": "name", "show": "odd" * 30})
    assert address.choice("sort", ("soonest", "name"), "No order {}.") == "name"
    assert address.choice("flag", ("fault",), "No flag {}.") is None
    assert address.warnings == []
    assert address.choice("show", ("open", "done"), "Nothing is {}.") is None
    assert address.warnings == [f"Nothing is “{('odd' * 30)[:40]}”."]


@pytest.mark.parametrize("odd", ["tomorrow", "2026-13-45", "30.11.2026", "0001-01-01", "3000-01-01", "9999-12-31"])
def test_what_is_no_day_is_left_out_and_said(odd: str) -> None:
    address = QueryParams({"from": odd, "to": "2026-11-30"})
    assert address.days() == (None, date(2026, 11, 30))
    assert address.warnings == [f"“{odd}” is not a day such as 2026-11-30, so it was left out."]


def test_a_list_that_ends_before_it_begins_is_left_open() -> None:
    address = QueryParams({"from": "2026-11-30", "to": "2026-11-01"})
    assert address.days() == (date(2026, 11, 30), None)
    assert address.warnings == ["The list cannot end on 2026-11-01 when it begins on 2026-11-30: its end is left open."]


def test_a_time_of_day_is_minutes() -> None:
    address = QueryParams({"at": "09:30", "odd": "noon"})
    assert (address.minutes("at"), address.minutes("none"), address.warnings) == (570, None, [])
    assert address.minutes("odd") is None
    assert address.warnings == ["“noon” is not a time of day."]
    assert QueryParams({"at": "12:00+14:00"}).minutes("at") is None


@pytest.mark.parametrize("odd", ["0", "-3", "101", "9" * 30, "٣", "x", "1.5"])
def test_a_page_that_is_none_is_the_first_and_said(odd: str) -> None:
    address = QueryParams({"page": odd})
    assert address.page(100) == 1
    assert address.warnings == [f"There is no page “{odd}”: this is the first. The last that can be opened is 100."]


def test_a_page_is_read() -> None:
    assert [QueryParams({"page": text}).page(100) for text in ("", "1", "100")] == [1, 1, 100]


def test_days_begin_and_end_on_a_zones_clock() -> None:
    chicago, day = ZoneInfo("America/Chicago"), date(2026, 11, 1)  # on which the clocks go back
    assert utc_bounds(day, day, chicago) == (
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 6, tzinfo=UTC),
    )
    assert utc_bounds(None, None, chicago) == (None, None)


def test_a_part_is_taken_away_and_the_others_stay() -> None:
    assert without_param({"q": "elm", "to": "2026-11-30"}, "q") == {"to": "2026-11-30"}
