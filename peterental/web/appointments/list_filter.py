"""Filter, order and page of the list of viewings, from the query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peterental.appointments.listing.model import LAST_PAGE, MAX_TEXT_CHARS, Filter, Sort
from peterental.appointments.model import Status
from peterental.search import MAX_WORDS
from peterental.web.shell.query_params import QueryParams

STATUSES: Mapping[Status, str] = {
    "confirmed": "Confirmed",
    "cancelled": "Cancelled",
    "completed": "Completed",
    "no_show": "No-show",
}
HOMES: Mapping[str, str] = {"unknown": "Unknown home"}
SORTS: Mapping[Sort, str] = {
    "soonest": "Upcoming first",
    "latest": "Latest date first",
    "booked": "Newest bookings first",
    "name": "Visitor name",
}


@dataclass(frozen=True)
class ListQuery:
    """A request for one page of the list.

    Args:
        wanted: the filter and the order.
        page: from 1.
        warnings: one sentence for each invalid parameter, which is ignored.
    """

    wanted: Filter
    page: int
    warnings: tuple[str, ...]

    def url_params(self, **changes: str | None) -> dict[str, str]:
        """Return the query parameters without the page, with some changed."""
        wanted = self.wanted
        params = {
            "q": wanted.text,
            "agent": wanted.agent_id,
            "status": wanted.status,
            "from": wanted.first_day and wanted.first_day.isoformat(),
            "to": wanted.last_day and wanted.last_day.isoformat(),
            "home": "unknown" if wanted.is_home_unknown else None,
            "sort": None if wanted.sort == "soonest" else wanted.sort,
        }
        return {name: value for name, value in (params | changes).items() if value}


def parse_list_query(args: Mapping[str, str]) -> ListQuery:
    """Parse the query string; an invalid parameter is ignored with a warning."""
    params = QueryParams(args)
    first_day, last_day = params.days()
    text = " ".join(params.text("q").split())
    if len(text) > MAX_TEXT_CHARS or len(text.split()) > MAX_WORDS:
        text = " ".join(text[:MAX_TEXT_CHARS].split()[:MAX_WORDS])
        params.warnings.append(f"The search text is too long. “{text}” was searched.")
    wanted = Filter(
        agent_id=params.text("agent") or None,
        status=params.choice("status", STATUSES, "There is no status {}. It was ignored."),
        first_day=first_day,
        last_day=last_day,
        text=text or None,
        is_home_unknown=params.choice("home", HOMES, "There is no filter of homes {}. It was ignored.") == "unknown",
        sort=params.choice("sort", SORTS, "There is no order {}. It was ignored.") or "soonest",
    )
    return ListQuery(wanted, params.page(LAST_PAGE), tuple(params.warnings))
