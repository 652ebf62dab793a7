"""The table of phrases with right answers, and contexts to read them against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import Context

CHICAGO = ZoneInfo("America/Chicago")
SUNDAY = datetime(2026, 11, 29, 10, tzinfo=CHICAGO)
EVERY_DAY_8_TO_20 = tuple((weekday, Window(8 * 60, 20 * 60)) for weekday in range(1, 8))
PHRASES = Path(__file__).with_name("phrases.tsv")


@dataclass(frozen=True)
class Row:
    """One phrase, the moment it is said at, and its right answer in the words of `Explanation.decision`."""

    now: datetime
    phrase: str
    answer: str

    @property
    def exact(self) -> datetime | None:
        """The wall-clock time that is meant, without a zone; None where no single time is meant for sure."""
        if not self.answer.startswith("exactly "):
            return None
        return datetime.strptime(self.answer[8:28], "%a %Y-%m-%d %H:%M")  # noqa: DTZ007 - a wall clock has no zone


def rows() -> Iterator[Row]:
    """Yield every row of the table."""
    now = SUNDAY
    for line in PHRASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            now = datetime.fromisoformat(line[2:]).replace(tzinfo=CHICAGO)
        elif line and not line.startswith("#"):
            phrase, answer = line.split("\t")
            yield Row(now, phrase, answer)


def context(now: datetime = SUNDAY, zone: ZoneInfo = CHICAGO, **values: Any) -> Context:
    """Return a context of an agent who works every day from 8 to 20 and is booked up to 60 days ahead."""
    rules = values.pop("rules", Rules(week=EVERY_DAY_8_TO_20, notice_minutes=0, horizon_days=60))
    return Context(now=now, zone=zone, rules=rules, **values)
