"""What people ask of the list of viewings, as its address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peterental.appointments.listing.model import LAST_PAGE, MOST_CHARACTERS, MOST_WORDS, Filter, Sort
from peterental.appointments.model import Status
from peterental.web.shell.query_params import QueryParams

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
class ListQuery:
    """What is asked of the list.

    Args:
        wanted: what of it.
        page: from 1.
        misread: a sentence about each part of the address that means nothing, and was left out.
    """

    wanted: Filter
    page: int
    warnings: tuple[str, ...]

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


def parse_list_query(parts: Mapping[str, str]) -> ListQuery:
    """Read the query string of the list; what means nothing is left out and said."""
    address = QueryParams(parts)
    first_day, last_day = address.days()
    text = " ".join(address.text("q").split())
    if len(text) > MOST_CHARACTERS or len(text.split()) > MOST_WORDS:
        text = " ".join(text[:MOST_CHARACTERS].split()[:MOST_WORDS])
        address.warnings.append(f"That is a lot to search for: “{text}” was looked for.")
    wanted = Filter(
        agent_id=address.text("agent") or None,
        status=address.choice("status", STATUSES, "There is no status {}: it was left out."),
        first_day=first_day,
        last_day=last_day,
        text=text or None,
        sort=address.choice("sort", SORTS, "There is no order {}: it was left out.") or "soonest",
    )
    return ListQuery(wanted, address.page(LAST_PAGE), tuple(address.warnings))
