"""The calendar of the office: a day with a column for each agent, and a week with a row for each."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, render_template, request, url_for

from peterental.appointments.calendar.model import DAYS_PER_WEEK
from peterental.services import services_of
from peterental.web.shell.forms import strip
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.appointments.calendar.office import OfficeCalendar

TODAY_INSTEAD = " Today is shown instead."
LAST_PAGE = 100
MAX_CHOSEN = 100


def create_blueprint() -> Blueprint:
    """Return the blueprint of the office's calendar."""
    blueprint = Blueprint("calendar", __name__, template_folder="templates")
    blueprint.add_url_rule("/calendar", view_func=index)
    blueprint.add_url_rule("/calendar/week", view_func=week)
    return blueprint


def index() -> str:
    """Show a day, with a column for each agent. Runs four queries; the page is at most 60 KB."""
    params = QueryParams(request.args)
    found = services_of(current_app).office_calendar.day(current_viewer(), *_asked(params), page=params.page(LAST_PAGE))
    return _page("calendar/day.html", found, params, timedelta(days=1), columns=list(found.columns()))


def week() -> str:
    """Show a week, with a row for each agent. Runs four queries; the page is at most 60 KB."""
    params = QueryParams(request.args)
    found = services_of(current_app).office_calendar.week(
        current_viewer(), *_asked(params), page=params.page(LAST_PAGE)
    )
    return _page("calendar/week.html", found, params, timedelta(days=DAYS_PER_WEEK))


def _asked(params: QueryParams) -> tuple[date | None, list[str]]:
    """Return the day and the agents in the query string."""
    return params.day("day", TODAY_INSTEAD), _agents_asked()


def _agents_asked() -> list[str]:
    """Return the ids of agents in the query string."""
    texts = (str(strip(text)) for text in request.args.getlist("agent")[:MAX_CHOSEN])
    return [text for text in texts if text]


def _page(template: str, found: OfficeCalendar, params: QueryParams, step: timedelta, **more: Any) -> str:
    first = found.dates[0]
    again = QueryParams(request.args)
    on, page = again.day("day") or found.today, again.page(LAST_PAGE)  # what is wrong with them was said

    def to(endpoint: str, day: date, number: int = 1) -> str:
        """Return the URL of a day with the chosen agents."""
        at = None if day == found.today else day.isoformat()
        return url_for(endpoint, day=at, agent=found.chosen, page=number if number > 1 else None)

    return render_template(
        template,
        found=found,
        zone=found.zone,
        first=first,
        last=found.dates[-1],
        on=on,
        before=on - step,
        after=on + step,
        to=to,
        page=page,
        warnings=[*params.warnings, *_unknown_agents(found)],
        **more,
    )


def _unknown_agents(found: OfficeCalendar) -> list[str]:
    """Return a warning if agents were asked for who are not there."""
    unknown = set(_agents_asked()) - set(found.chosen)
    return [f"There is no agent “{min(unknown)[:40]}”. It was ignored."] if unknown else []
