"""A count and its noun agree, wherever a sentence has both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from peterental.appointments.model import TooFar, TooSoon
from peterental.database.connect import DatabaseTooSlow
from peterental.plural import counted, plural

PACKAGE = Path(__file__).resolve().parent.parent / "peterental"

# The engine of the migrations writes its own report.
WRITERS = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in {".py", ".html"} and "migrations" not in path.parts and path.name != "plural.py"
]
OWN_PLURAL = re.compile(r"""['"]\w*s['"] if [^}]*(?:> 1|[!=]= 1)|(?:> 1|[!=]= 1) else ['"]\w*s['"]""")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 days"), (1, "1 day"), (2, "2 days"), (-1, "-1 days"), (1.0, "1 day"), (1.9, "1.9 days"), (365, "365 days")],
)
def test_only_one_is_singular(count: float, words: str) -> None:
    assert counted(count, "day") == words


def test_irregular_forms_are_passed_in() -> None:
    assert [plural(count, "it stays", "they stay") for count in (0, 1, 2)] == ["they stay", "it stays", "they stay"]
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TooFar(horizon_days=1), "Viewings can be booked at most 1 day ahead."),
        (TooFar(horizon_days=14), "Viewings can be booked at most 14 days ahead."),
        (TooSoon(notice_minutes=1), "Viewings have to be booked at least 1 minute ahead."),
        (DatabaseTooSlow(seconds=1.0), "A statement took longer than 1 second and was cancelled."),
        (DatabaseTooSlow(seconds=1.9), "A statement took longer than 1.9 seconds and was cancelled."),
    ],
)  # fmt: skip
def test_messages_agree_with_their_counts(error: Exception, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_plural_py_builds_plurals(path: Path) -> None:
    assert OWN_PLURAL.findall(path.read_text(encoding="utf-8")) == []
