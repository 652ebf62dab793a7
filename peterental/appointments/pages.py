"""The pages about viewings: the list, and one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Blueprint, current_app, render_template, request

from peterental.admin.session import current_viewer
from peterental.appointments.model import Appointment, AppointmentUnknown, Page
from peterental.services import services_of

PAGE_SIZE = 50
LAST_PAGE = 20_000
LAST_ID = 2**31 - 1
"""What the column can hold."""


@dataclass
class Day:
    """The viewings of one day of the list, as its heading and its rows."""

    title: str
    is_past: bool
    appointments: list[Appointment] = field(default_factory=list)


def create_blueprint() -> Blueprint:
    """Make the pages about viewings."""
    blueprint = Blueprint("appointments", __name__, template_folder="templates", url_prefix="/appointments")
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/<int:appointment_id>", view_func=show)
    return blueprint


def index() -> str:
    """List the viewings, those to come first. One query."""
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    listing = services_of(current_app).appointments.listing(
        current_viewer(), limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE
    )
    days = by_day(listing, datetime.now(UTC))
    return render_template("appointments/index.html", days=days, listing=listing, page=page)


def show(appointment_id: int) -> str:
    """Show one viewing. One query."""
    if appointment_id > LAST_ID:
        raise AppointmentUnknown
    appointment = services_of(current_app).appointments.get(appointment_id, current_viewer())
    return render_template("appointments/show.html", appointment=appointment, now=datetime.now(UTC))


def by_day(listing: Page, now: datetime) -> list[Day]:
    """Give a list's viewings under the days on their agents' calendars, in the list's own order.

    Args:
        listing: as the service gives it.
        now: the present moment; today and tomorrow are called so.
    """
    days: list[Day] = []
    for appointment in listing.appointments:
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
