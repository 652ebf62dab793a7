"""The ASVS table of docs/security.md has every requirement once, and names what exists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent
DOCUMENT = (PROJECT_DIR / "docs" / "security.md").read_text(encoding="utf-8")

# The requirements of levels 1 and 2 in each section of ASVS 5.0.0, which are numbered from 1; those of level 3 follow.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
REQUIREMENTS = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]

STATES = {"met", "not met", "n/a"}
ROW = re.compile(
    r"^\| (\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))? \| (1|2|1/2) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE
)
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+|\w[\w.-]*\.(?:toml|txt|py))(?:::(\w+))?`")
SECTION_LINK = re.compile(r"\]\(#([\w-]+)\)")


@dataclass(frozen=True)
class Row:
    """One row: the requirements, their state, and what shows it."""

    requirements: tuple[str, ...]
    state: str
    shown_by: str


def rows() -> Iterator[Row]:
    for first, last, _, _, state, shown_by in ROW.findall(DOCUMENT):
        begin = REQUIREMENTS.index(first)
        yield Row(tuple(REQUIREMENTS[begin : REQUIREMENTS.index(last or first) + 1]), state, shown_by)


def test_every_requirement_appears_exactly_once() -> None:
    assert len(REQUIREMENTS) == 253
    found = Counter(requirement for row in rows() for requirement in row.requirements)
    assert found == Counter(REQUIREMENTS)


def test_every_row_has_a_known_state_and_a_reason() -> None:
    for row in rows():
        assert row.state in STATES, row
        assert len(row.shown_by) > 3, row


def test_every_table_row_is_read() -> None:
    table = DOCUMENT[DOCUMENT.index("## OWASP ASVS") :]
    assert len(list(rows())) == len(re.findall(r"^\| \d", table, re.MULTILINE))


@pytest.mark.parametrize("row", [row for row in rows() if row.state == "met"], ids=lambda row: row.requirements[0])
def test_what_is_met_is_shown(row: Row) -> None:
    assert NAMED.search(row.shown_by) or SECTION_LINK.search(row.shown_by)


@pytest.mark.parametrize(("path", "name"), sorted({found for row in rows() for found in NAMED.findall(row.shown_by)}))
def test_what_the_table_names_exists(path: str, name: str) -> None:
    file = PROJECT_DIR / path
    assert file.exists()
    if name:
        assert re.search(rf"^def {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE)


def test_linked_sections_exist() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE)}
    assert set(SECTION_LINK.findall(DOCUMENT)) <= headings


def test_the_counts_are_those_of_the_table() -> None:
    counts = Counter(row.state for row in rows() for _ in row.requirements)
    sentence = (
        f"Of {len(REQUIREMENTS)} requirements {counts['met']} are met, {counts['not met']} are not met,"
        f" and {counts['n/a']} do not apply"
    )
    assert sentence in " ".join(DOCUMENT.split())
