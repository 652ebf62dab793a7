"""Pages of the viewings: list, CSV export, and one viewing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, render_template, request

from peterental.appointments.listing.model import LAST_PAGE, MAX_AGENTS_OFFERED, MAX_EXPORTED, PAGE_SIZE
from peterental.appointments.model import Appointment, EventKind
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.services import services_of
from peterental.web.appointments import calendar_event_pages, edit_pages
from peterental.web.appointments.csv_export import SEPARATORS, lines
from peterental.web.appointments.history import changed_fields
from peterental.web.appointments.list_filter import HOMES, SORTS, STATUSES, parse_list_query
from peterental.web.appointments.manual_forms import seen_token
from peterental.web.appointments.manual_pages import add_routes
from peterental.web.notices.of_viewing import notices_of
from peterental.web.shell.months import file_name, month_links
from peterental.web.shell.session import current_viewer


@dataclass
class Day:
    """The viewings of one day in the list, below one heading."""

    title: str
    is_past: bool
    appointments: list[Appointment] = field(default_factory=list)


def create_blueprint() -> Blueprint:
    """Return the blueprint of the viewings' pages."""
    blueprint = Blueprint("appointments", __name__, template_folder="templates")
    blueprint.add_url_rule("/appointments", view_func=index)
    blueprint.add_url_rule("/appointments.csv", view_func=export_csv)
    blueprint.add_url_rule("/appointments/<int:appointment_id>", view_func=show)
    blueprint.add_app_template_filter(event_label)
    add_routes(blueprint)
    edit_pages.add_routes(blueprint)
    calendar_event_pages.add_routes(blueprint)
    return blueprint


def index() -> str:
    """List the viewings, by default the upcoming ones first. Runs two queries."""
    query = parse_list_query(request.args)
    now = utc_now()
    listing = services_of(current_app).listing.page(current_viewer(), query.wanted, query.page)
    warnings = list(query.warnings)
    if listing.is_agent_unknown:
        warnings.append(f"There is no agent “{(query.wanted.agent_id or '')[:40]}”. The list shows all agents.")
    zone = _list_zone(listing.appointments)
    return render_template(
        "appointments/index.html",
        query=query,
        wanted=query.wanted,
        listing=listing,
        chosen=next((agent for agent in listing.agents if agent.agent_id == query.wanted.agent_id), None),
        days=by_day(listing.appointments, now, zone) if query.wanted.sort in {"soonest", "latest"} else None,
        zone=zone,
        months=month_links(now.astimezone(zone).date(), query.url_params()),
        warnings=warnings,
        this_year=now.year,
        statuses=STATUSES,
        homes=HOMES,
        sorts=SORTS,
        agents_offered=MAX_AGENTS_OFFERED,
        max_exported=MAX_EXPORTED,
        reach=LAST_PAGE * PAGE_SIZE,
    )


def export_csv() -> Response:
    """Return the whole list, not only the current page, as CSV.

    At most a thousand rows are in memory.

    The first rows are read before the response starts, so that an error still becomes an error page.
    """
    query = parse_list_query(request.args)
    name = f"{file_name('appointments', query.wanted.first_day, query.wanted.last_day)}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    rows: Iterable[bytes] = ()
    if request.method != "HEAD":
        separator = SEPARATORS.get(request.args.get("separator", ""), ",")
        rows = lines(services_of(current_app).listing.batches(current_viewer(), query.wanted), separator)
    return Response(rows, headers=headers, content_type="text/csv; charset=utf-8")


def show(appointment_id: int) -> str:
    """Show one viewing, its history and the possible actions.

    Runs five queries, one more for a booking by phone (of the earlier system's calls only the ids are known), and two
    more before it starts.
    """
    services = services_of(current_app)
    appointment, events = services.manual.show(appointment_id, current_viewer())
    event = services.calendar_events.state_of(appointment)
    call_id, now = appointment.vapi_call_id, utc_now()
    return render_template(
        "appointments/show.html",
        appointment=appointment,
        events=events,
        changed_fields=changed_fields,
        seen=seen_token(appointment),
        has_call=call_id is not None and services.calls.exists(call_id),
        event=event,
        event_words=calendar_event_pages.describe_event(event, is_cancelled=appointment.status == "cancelled"),
        now=now,
        **notices_of(services, appointment, events, now),
    )


def _list_zone(appointments: Sequence[Appointment]) -> ZoneInfo:
    """Return the zone in whose days a list is grouped: that of its agents if they share one, else the office's."""
    zones = {appointment.time_zone for appointment in appointments}
    config = config_of(current_app)
    return ZoneInfo(zones.pop() if len(zones) == 1 else config.default_time_zone)


def event_label(kind: EventKind) -> str:
    """Return the label of an event in the history of a viewing: `Moved`, `No-show`; `Restored`, as its button says."""
    labels = {
        "no_show": "No-show",
        "released": "Cancelled, because it was not confirmed",
        "reopened": "Restored",
    }
    return labels.get(kind, kind.capitalize())


def by_day(appointments: Iterable[Appointment], now: datetime, zone: ZoneInfo) -> list[Day]:
    """Group viewings by the day of the office, in the given order.

    Agents of two zones would repeat one day, since the list is in order of time.

    Args:
        appointments: in the order of the list.
        now: decides which days are yesterday, today and tomorrow, and what is past.
        zone: of the office.
    """
    days: list[Day] = []
    for appointment in appointments:
        title = _title(appointment.start.astimezone(zone), now.astimezone(zone).date())
        is_past = appointment.start < now
        if not days or (days[-1].title, days[-1].is_past) != (title, is_past):
            days.append(Day(title, is_past))
        days[-1].appointments.append(appointment)
    return days


def _title(local: datetime, today: date) -> str:
    year = "" if local.year == today.year else f", {local.year}"
    name = f"{local:%A, %B} {local.day}{year}"
    near = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((local.date() - today).days)
    return f"{near} · {name}" if near else name
