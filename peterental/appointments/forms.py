"""What people ask of the list of viewings, as its address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from peterental.admin.forms import tidy
from peterental.appointments.listing.model import LAST_PAGE, MOST_CHARACTERS, MOST_WORDS, Filter, Sort
from peterental.appointments.model import Status

STATUSES: Mapping[Status, str] = {
    "confirmed": "Confirmed",
    "cancelled": "Cancelled",
    "completed": "Completed",
    "no_show": "No-show",
}
SORTS: Mapping[Sort, str] = {
    "soonest": "Next first",
    "latest": "Latest first",
    "booked": "Booked last, first",
    "name": "By visitor",
}


@dataclass(frozen=True)
class Question:
    """What is asked of the list.

    Args:
        wanted: what of it.
        page: from 1.
        misread: a sentence about each part of the address that means nothing, and was left out.
    """

    wanted: Filter
    page: int
    misread: tuple[str, ...]

    def address(self, **changes: str | None) -> dict[str, str]:
        """Give the parts of the address that ask for this, the page left out, with some of them changed."""
        wanted = self.wanted
        parts = {
            "q": wanted.text,
            "agent": wanted.agent_id,
            "status": wanted.status,
            "from": wanted.first_day and wanted.first_day.isoformat(),
            "to": wanted.last_day and wanted.last_day.isoformat(),
            "sort": None if wanted.sort == "soonest" else wanted.sort,
        }
        return {name: value for name, value in (parts | changes).items() if value}


def read_question(address: Mapping[str, str]) -> Question:
    """Read the query string of the list; what means nothing is left out and said."""
    parts = {name: str(tidy(value)) for name, value in address.items()}
    misread: list[str] = []
    first_day, last_day = (_day(parts.get(name, ""), misread) for name in ("from", "to"))
    if first_day and last_day and last_day < first_day:
        misread.append(f"The list cannot end on {last_day} when it begins on {first_day}: its end is left open.")
        last_day = None
    text = " ".join(parts.get("q", "").split())
    if len(text) > MOST_CHARACTERS or len(text.split()) > MOST_WORDS:
        text = " ".join(text[:MOST_CHARACTERS].split()[:MOST_WORDS])
        misread.append(f"That is a lot to search for: “{text}” was looked for.")
    wanted = Filter(
        agent_id=parts.get("agent") or None,
        status=next((status for status in STATUSES if status == _one_of(STATUSES, "status", parts, misread)), None),
        first_day=first_day,
        last_day=last_day,
        text=text or None,
        sort=next((sort for sort in SORTS if sort == _one_of(SORTS, "sort", parts, misread)), "soonest"),
    )
    return Question(wanted, _page(parts.get("page", ""), misread), tuple(misread))


def _one_of(
    known: Mapping[Status, str] | Mapping[Sort, str], name: str, parts: Mapping[str, str], misread: list[str]
) -> str:
    value = parts.get(name, "")
    if value and value not in known:
        what = {"status": "There is no status", "sort": "There is no order"}[name]
        misread.append(f"{what} “{value[:40]}”: it was left out.")
    return value


def _day(text: str, misread: list[str]) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 2999:  # noqa: PLR2004  # years in which somebody sees a home
        misread.append(f"“{text[:40]}” is not a day: write it as 2026-11-30. It was left out.")
        return None
    return day


def _page(text: str, misread: list[str]) -> int:
    if not text:
        return 1
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004  # digits that fit
    if not 1 <= page <= LAST_PAGE:
        misread.append(
            f"There is no page “{text[:40]}”: this is the first. The last that can be opened is {LAST_PAGE}."
        )
        return 1
    return page
