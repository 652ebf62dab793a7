"""Our lines of a description, and those of a person."""

from __future__ import annotations

import re
from html import unescape

import pytest

from peterental.calendars.notes import with_notes

OURS = ["Visitor: Dolores Whitcomb", "Phone: +14055550142"]


@pytest.mark.parametrize(
    "present",
    [
        OURS,
        [*OURS, "", "Bring the keys"],
        ["Bring the keys", *reversed(OURS)],
        ["  • Visitor: Dolores Whitcomb", "- Phone: +14055550142  "],
    ],
)
def test_description_with_our_lines_stays(present: list[str]) -> None:
    assert with_notes(OURS, present) is None


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], OURS),
        ([""], OURS),
        (["Visitor: Dolly"], OURS),
        (["Visitor: Dolly", "", "Bring the keys"], [*OURS, "", "Bring the keys"]),
        (["Gate code 12", "Visitor: Dolly", "Bring the keys"], ["Gate code 12", *OURS, "Bring the keys"]),
        (["Gate code 12"], [*OURS, "", "Gate code 12"]),
    ],
)
def test_lines_of_a_person_stay(present: list[str], expected: list[str]) -> None:
    assert with_notes(OURS, present) == expected


def test_earlier_lines_of_ours_go_wherever_they_are() -> None:
    present = ["Visitor: Dolly", "my note", "E-mail: dolly@example.com", "Phone: +14055550142"]
    assert with_notes(["Visitor: Deleted"], present) == ["Visitor: Deleted", "my note"]


def test_markup_is_not_compared() -> None:
    def plain(line: str) -> str:
        return unescape(re.sub("<[^>]*>", "", line))

    ours = ["Visitor: Ann &amp; Bob"]
    assert with_notes(ours, ["<p><b>Visitor:</b> Ann &amp; Bob</p>", "<i>keys</i>"], plain) is None
    assert with_notes(ours, ["<p>Visitor: Ann</p>", "<i>keys</i>"], plain) == [*ours, "<i>keys</i>"]
