"""Parsing working hours as people write them."""

from __future__ import annotations

import pytest

from peterental.agents.model import Window
from peterental.agents.working_hours.parser import (
    ClosesFirst,
    HoursOverlap,
    InvalidHours,
    TooManyWindows,
    parse_windows,
)
from peterental.errors import Refusal
from peterental.web.agents.working_hours_forms import format_windows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9-17", [(540, 1020)]),
        ("9–12, 13–17", [(540, 720), (780, 1020)]),
        ("13:00-17:00; 9.00-12.00", [(540, 720), (780, 1020)]),
        ("9 am – 5 pm", [(540, 1020)]),
        ("9:30am to noon and 1pm to 5:15 p.m.", [(570, 720), (780, 1035)]),
        ("1–5 pm", [(780, 1020)]),
        ("9–5 pm", [(540, 1020)]),
        ("11-1 pm", [(660, 780)]),
        ("9-5", [(540, 1020)]),
        ("10-2", [(600, 840)]),
        ("9:30 - 5:30", [(570, 1050)]),
        ("12-1", [(720, 780)]),
        ("5 pm - 9", [(1020, 1260)]),
        ("9-12, 1-5", [(540, 720), (780, 1020)]),
        ("10-2, 4-8", [(600, 840), (960, 1200)]),
        ("9 am-noon, 1-5", [(540, 720), (780, 1020)]),
        ("13-17, 9-11", [(540, 660), (780, 1020)]),
        ("12 pm – 12 am", [(720, 1440)]),
        ("midnight - 24:00", [(0, 1440)]),
        ("0–24", [(0, 1440)]),
        ("18h30 until midnight", [(1110, 1440)]),
        ("9–12, 12–17", [(540, 720), (720, 1020)]),
        ("9 till 10", [(540, 600)]),
        ("", []),
        (" Closed ", []),
        ("–", []),
    ],
)
def test_parse_accepts_common_notations(text: str, expected: list[tuple[int, int]]) -> None:
    assert parse_windows(text) == tuple(Window(*window) for window in expected)


@pytest.mark.parametrize(
    ("text", "refusal", "words"),
    [
        ("9", InvalidHours, "“9” is not a range of hours. Write hours like 9–12, 1–5:30 pm."),
        ("9-17, later", InvalidHours, "“later” is not a range"),
        ("25-26", InvalidHours, "not a range of hours"),
        ("9:60-17", InvalidHours, "not a range of hours"),
        ("13 pm - 15 pm", InvalidHours, "not a range of hours"),
        ("0 am - 5", InvalidHours, "not a range of hours"),
        ("24:30-25", InvalidHours, "not a range of hours"),
        ("nine to five", InvalidHours, "not a range of hours"),
        (",", InvalidHours, "not a range of hours"),
        ("22-6", ClosesFirst, "“22-6” closes before it opens. Write afternoon hours like 5 pm or 17."),
        ("5 pm - 9 am", ClosesFirst, "closes before it opens"),
        ("12-12", ClosesFirst, "closes before it opens"),
        ("9-12, 11-17", HoursOverlap, "“11-17” overlaps the hours before it."),
        ("9-12, 9-12", HoursOverlap, "overlaps"),
        ("1-2,3-4,5-6,7-8,9-10,11-12,13-14", TooManyWindows, "at most 6 ranges"),
    ],
)
def test_invalid_hours_are_refused(text: str, refusal: type[Refusal], words: str) -> None:
    with pytest.raises(refusal, match=words):
        parse_windows(text)


def test_formatted_hours_parse_back() -> None:
    assert parse_windows(format_windows(())) == ()
    for opens in range(0, 1440, 5):
        for closes in range(opens + 5, 1441, 5):
            assert parse_windows(format_windows([Window(opens, closes)])) == (Window(opens, closes),)


def test_format_is_short() -> None:
    windows = (Window(540, 720), Window(780, 1020), Window(1080, 1440))
    assert format_windows(windows) == "9 am–12 pm, 1–5 pm, 6 pm–midnight"
