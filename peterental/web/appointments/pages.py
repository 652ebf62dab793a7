"""The pages about viewings: the list, the list as a file, and one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint, Response, current_app, render_template, request

from peterental.appointments.listing.model import AGENTS_OFFERED, LAST_PAGE, MOST_IN_A_FILE, PAGE_SIZE
from peterental.appointments.model import Appointment, EventKind
from peterental.clock import utc_now
from peterental.services import services_of
from peterental.web.appointments.csv_export import lines
from peterental.web.appointments.list_filter import SORTS, STATUSES, parse_list_query
from peterental.web.appointments.manual_forms import seen_token
from peterental.web.appointments.manual_pages import add_routes
from peterental.web.shell.session import current_viewer


@dataclass
class Day:
    """The viewings of one day of the list, as its heading and its rows."""

    title: str
    is_past: bool
    appointments: list[Appointment] = field(default_factory=list)


def create_blueprint() -> Blueprint:
    """Make the pages about viewings."""
    blueprint = Blueprint("appointments", __name__, template_folder="templates")
    blueprint.add_url_rule("/appointments", view_func=index)
    blueprint.add_url_rule("/appointments.csv", view_func=export_csv)
    blueprint.add_url_rule("/appointments/<int:appointment_id>", view_func=show)
    blueprint.add_app_template_filter(event_label)
    add_routes(blueprint)
    return blueprint


def index() -> str:
    """List the viewings, those to come first. Two queries."""
    question = parse_list_query(request.args)
    now = utc_now()
    listing = services_of(current_app).listing.page(current_viewer(), question.wanted, question.page)
    warnings = list(question.warnings)
    if listing.is_agent_unknown:
        warnings.append(f"There is no agent “{(question.wanted.agent_id or '')[:40]}”: these are the viewings of all.")
    return render_template(
        "appointments/index.html",
        question=question,
        wanted=question.wanted,
        listing=listing,
        chosen=next((agent for agent in listing.agents if agent.agent_id == question.wanted.agent_id), None),
        days=by_day(listing.appointments, now) if question.wanted.sort in {"soonest", "latest"} else None,
        warnings=warnings,
        this_year=now.year,
        statuses=STATUSES,
        sorts=SORTS,
        agents_offered=AGENTS_OFFERED,
        most_in_a_file=MOST_IN_A_FILE,
        reach=LAST_PAGE * PAGE_SIZE,
    )


def export_csv() -> Response:
    """Give all that the list shows, not only its page, as a file for spreadsheets; a thousand rows in memory.

    The first rows are read before the answer begins, so that trouble is told as on any page.
    """
    question = parse_list_query(request.args)
    name = f"appointments-{utc_now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    rows: Iterable[bytes] = ()
    if request.method != "HEAD":
        rows = lines(services_of(current_app).listing.batches(current_viewer(), question.wanted))
    return Response(rows, headers=headers, content_type="text/csv; charset=utf-8")


def show(appointment_id: int) -> str:
    """Show one viewing, what was done with it, and what can be. Two queries."""
    appointment, events = services_of(current_app).manual.show(appointment_id, current_viewer())
    return render_template(
        "appointments/show.html",
        appointment=appointment,
        events=events,
        seen=seen_token(appointment),
        has_calls="calls.show" in current_app.view_functions,
        now=utc_now(),
    )


def event_label(kind: EventKind) -> str:
    """Give what happened to a viewing, as its history says it: `Moved`, `No-show`."""
    return {"no_show": "No-show"}.get(kind, kind.capitalize())


def by_day(appointments: Iterable[Appointment], now: datetime) -> list[Day]:
    """Give a list's viewings under the days on their agents' calendars, in the list's own order.

    Args:
        appointments: in that order.
        now: the present moment; today and tomorrow are called so.
    """
    days: list[Day] = []
    for appointment in appointments:
        title = _title(appointment, now)
        is_past = appointment.start < now
        if not days or (days[-1].title, days[-1].is_past) != (title, is_past):
            days.append(Day(title, is_past))
        days[-1].appointments.append(appointment)
    return days


def _title(appointment: Appointment, now: datetime) -> str:
    local, today = appointment.local_start, now.astimezone(appointment.zone).date()
    year = "" if local.year == today.year else f", {local.year}"
    name = f"{local:%A, %B} {local.day}{year}"
    near = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((local.date() - today).days)
    return f"{near} · {name}" if near else name
