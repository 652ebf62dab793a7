"""Phrases that were written down with their right answers before the grammar was asked, in eleven rounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import Asked, Context, CurrentBooking, ExactTime, explain
from tests.appointments.date_parsing.table import CHICAGO, context

TABLE = Path(__file__).with_name("heard.tsv")


@dataclass(frozen=True)
class Heard:
    """One phrase, what it is read against, and its decision."""

    phrase: str
    decision: str
    now: datetime
    offers: tuple[datetime, ...] = ()
    moving: datetime | None = None
    hours: tuple[int, int, int] | None = None
    asked: str = ""

    @property
    def raw(self) -> object:
        """The argument as the assistant sends it."""
        return json.loads(self.phrase.removeprefix("json:")) if self.phrase.startswith("json:") else self.phrase

    @property
    def context(self) -> Context:
        """What the phrase is read against."""
        current = CurrentBooking(self.moving) if self.moving else None
        key, _, raw = self.asked.partition("|")
        asked = (Asked(key, raw),) if key else ()
        found = context(self.now, offered=self.offers, last_offer=self.offers, current=current, asked=asked)
        return found if self.hours is None else replace(found, rules=_rules(*self.hours))


def _rules(opens: int, closes: int, days: int) -> Rules:
    week = tuple((weekday, Window(opens * 60, closes * 60)) for weekday in range(1, days + 1))
    return Rules(week=week, notice_minutes=0, horizon_days=60)


def heard() -> Iterator[Heard]:
    """Yield every row of the table."""
    now = datetime.now(UTC)
    offers: tuple[datetime, ...] = ()
    moving: datetime | None = None
    hours: tuple[int, int, int] | None = None
    asked = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        is_times = line.startswith(("@ ", "%offers ", "%moving "))
        times = tuple(local(text) for text in line.split(" ")[1:]) if is_times else ()
        if line.startswith("@ "):
            now, offers, moving, hours, asked = times[0], (), None, None, ""
        elif line.startswith("%offers "):
            offers, moving, asked = tuple(start.astimezone(UTC) for start in times), None, ""
        elif line.startswith("%moving "):
            offers, moving, asked = (), times[0], ""
        elif line.startswith("%hours "):
            opens, closes, days = map(int, line.split()[1:])
            hours = (opens, closes, days)
        elif line.startswith("%asked "):
            offers, moving, asked = (), None, line.removeprefix("%asked ")
        elif line and not line.startswith("#"):
            phrase, decision = line.split("\t")
            yield Heard(phrase, decision, now, offers, moving, hours, asked)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


ROWS = list(heard())


def test_table_holds_all_rounds() -> None:
    assert len(ROWS) > 2_250


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.now:%m-%d} {row.phrase}")
def test_phrase_is_read_as_a_person_would(row: Heard) -> None:
    assert explain(row.raw, row.context, "change" if row.moving else "start").decision == row.decision


@pytest.mark.parametrize(
    ("phrase", "decision"),
    [
        ("Thursday doesn't work, how about Friday at 3", "exactly Fri 2026-12-04 15:00"),
        ("Thursday at 3 doesn't work, Friday at 3 does", "exactly Fri 2026-12-04 15:00"),
        ("Friday at 3 doesn't work, 5 does", "exactly Fri 2026-12-04 17:00"),
        ("Friday at 3 is too early, Friday at 5", "exactly Fri 2026-12-04 17:00"),
        ("the 3rd doesn't work, the 4th at 2 does", "exactly Fri 2026-12-04 14:00"),
        ("Friday morning doesn't work, Friday at 3", "exactly Fri 2026-12-04 15:00"),
        ("Thursday I can't, Friday at 3", "exactly Fri 2026-12-04 15:00"),
        ("Friday isn't a problem at 3", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words unknown=problem"),
        ("Wednesday I can't Thursday at 3", "which-day options=Wed 2026-12-02 15:00,Thu 2026-12-03 15:00"),
        ("Friday at 3 if that's not good Saturday at 3", "which-day options=Fri 2026-12-04 15:00,Sat 2026-12-05 15:00"),
        ("if Friday doesn't work Saturday at 3", "which-day options=Fri 2026-12-04 15:00,Sat 2026-12-05 15:00"),
        ("Friday if possible at 3", "exactly Fri 2026-12-04 15:00"),
        ("Friday at 3 actually I can't", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words"),
        ("Friday at 3? No.", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words"),
        ("Friday at 3, sorry, that doesn't work", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words"),
        ("Friday at 3 wait no 4 wait no 5", "exactly Fri 2026-12-04 17:00"),
        ("Tuesday or Wednesday, no, Friday at 3", "exactly Fri 2026-12-04 15:00"),
        ("8 AM, no, PM on Friday", "exactly Fri 2026-12-04 20:00"),
        ("January 5th, no, 6th at 3", "exactly Wed 2027-01-06 15:00"),
        ("in two hours, no, Friday at 3", "exactly Fri 2026-12-04 15:00"),
        ("Friday at 3, no, in two hours", "exactly Sun 2026-11-29 12:00"),
        ("Friday at 3, scratch that", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words"),
        ("el viernes a las tres, si no, el sábado a las tres",
         "which-day options=Fri 2026-12-04 15:00,Sat 2026-12-05 15:00"),
        ("in a day or two at 2", "confirm-day option=Mon 2026-11-30 14:00 reason=vague"),
        ("Friday at 3 was taken so Monday at 3", "which-day options=Mon 2026-11-30 15:00,Fri 2026-12-04 15:00"),
        ("en ocho a las tres", "confirm-day option=Tue 2026-12-08 15:00 reason=vague"),
        ("no 5th, 6th at 3", "exactly Sun 2026-12-06 15:00"),
        ("the 4th no the 5th at 3", "which-day options=Fri 2026-12-04 15:00,Sat 2026-12-05 15:00"),
        ("Friday at 3 no 99", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words unknown=99"),
        ("not Friday at 3, Friday at 5", "exactly Fri 2026-12-04 17:00"),
        ("not Friday at 3 but at 5", "exactly Fri 2026-12-04 17:00"),
        ("not Friday at 3, Saturday at 4", "exactly Sat 2026-12-05 16:00"),
        ("just once on Friday at 3 pm", "confirm-day option=Fri 2026-12-04 15:00 reason=unknown-words unknown=once"),
    ],
)  # fmt: skip
def test_correction_negation_and_condition(phrase: str, decision: str) -> None:
    assert explain(phrase, context()).decision == decision


@pytest.mark.parametrize(
    "phrase", ["the one on the 4th", "one on the 4th", "the one after that", "the first one on Friday"]
)
def test_choice_without_an_offer_books_nothing(phrase: str) -> None:
    assert not isinstance(explain(phrase, context()).result, ExactTime)
