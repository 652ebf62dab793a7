"""The first page after sign-in: today's viewings, what needs a person, and outcomes in one click."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.appointments.manual.model import EditConflict, HomeBusy, InvalidTransition, NotStartedYet
from peterental.appointments.model import AppointmentUnknown, SlotTaken
from peterental.config import config_of
from peterental.services import services_of
from peterental.today.model import LOOKS_BACK, MOST_OF_A_DAY
from peterental.web.appointments.manual_forms import parse_seen_token, seen_token
from peterental.web.appointments.manual_pages import add_outcome_routes, was_done_before
from peterental.web.calls.labels import PROBLEMS
from peterental.web.notices import labels
from peterental.web.shell.navigation_counts import at_most
from peterental.web.shell.query_params import QueryParams, parse_id
from peterental.web.shell.session import current_viewer
from peterental.web.visits.wording import WORDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from werkzeug.wrappers import Response

    from peterental.agents.model import Language
    from peterental.appointments.manual.model import Action
    from peterental.appointments.model import Appointment
    from peterental.today.model import Today

MAP_SEARCH = "https://www.google.com/maps/search/?api=1&query="
"""A documented address, which phones open in their map application. It is a link: nothing of it is loaded."""

LATE: Mapping[Language, str] = {
    "en": "This is {agent}. I am running about 10 minutes late for your viewing of {home} at {time}.",
    "es": "Soy {agent}. Llegaré unos 10 minutos tarde a la visita de {time} en {home}.",
}
"""The draft of a text to a visitor who waits, in the language in which the visitor is addressed."""

MAX_MAP_CHARS = 120
ONE_DAY = timedelta(days=1)
MAX_NAME_CHARS = 60

ON_THE_WAY = timedelta(hours=2)
"""How long before a viewing an agent may be late for it."""

MAX_PILLS = 8
"""More agents are chosen in a list."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page."""
    blueprint = Blueprint("today", __name__, template_folder="templates")
    blueprint.add_url_rule("/today", view_func=index)
    add_outcome_routes(blueprint, "/today", mark)
    for each in (map_url, text_url, is_soon):
        blueprint.add_app_template_filter(each)
    blueprint.add_app_template_filter(at_most)
    blueprint.add_app_template_filter(seen_token)
    return blueprint


def index() -> str:
    """Show the day. Runs three queries, and two more after an outcome was recorded."""
    params, viewer, services = QueryParams(request.args), current_viewer(), services_of(current_app)
    today = services.today.show(viewer, params.text("agent") or None)
    warnings = list(params.warnings)
    if today.is_agent_unknown:
        warnings.append(f"There is no agent “{params.text('agent')[:40]}”. This is the day of all agents.")
    zone = config_of(current_app).office_zone
    shown = date_shown(today, zone)
    return render_template(
        "today/index.html",
        today=today,
        now=today.now,
        shown=shown,
        zone=zone,
        marked=_marked(params.text("marked")),
        warnings=warnings,
        problems=PROBLEMS,
        kinds=labels.KINDS,
        states=labels.STATES,
        since=shown - LOOKS_BACK,
        yesterday=shown - ONE_DAY,
        max_pills=MAX_PILLS,
        most_of_a_day=MOST_OF_A_DAY,
        with_agents=today.chosen is None and len(today.agents) > 1,
        agent_id=today.chosen.agent_id if today.chosen else None,
    )


def mark(appointment_id: int, action: Action) -> Response:
    """Record the outcome of a viewing, or take it back."""
    agent_id = request.form.get("agent") or None
    seen = parse_seen_token(request.form.get("seen"))
    try:
        services_of(current_app).manual.change(appointment_id, seen, action, current_viewer())
    except EditConflict as refusal:
        if was_done_before(refusal, action):
            return redirect(url_for("today.index", agent=agent_id, marked=appointment_id), 303)
        current = refusal.current.status.replace("_", "-")
        flash(f"Nothing was changed: this viewing was changed after you opened the page, and is {current}.", "refused")
    except HomeBusy as refusal:
        flash(f"The viewing was not restored: {refusal}", "refused")
    except SlotTaken:
        flash("That time was just booked, so the viewing was not restored.", "refused")
    except (NotStartedYet, InvalidTransition) as refusal:
        flash(str(refusal), "refused")
    else:
        return redirect(url_for("today.index", agent=agent_id, marked=appointment_id), 303)
    return redirect(url_for("today.index", agent=agent_id), 303)


def map_url(appointment: Appointment) -> str:
    """Return the link to a map search for the home of a viewing.

    The catalogue's name of a home has no city; what was said may begin with that name and have one.
    """
    said, home = appointment.property_address, appointment.home
    address = said if said.casefold().startswith(home.casefold()) else home
    return MAP_SEARCH + quote(address[:MAX_MAP_CHARS], safe="")


def text_url(appointment: Appointment, number: str, *, is_late: bool = False) -> str:
    """Return the link that opens a draft of a text on a phone.

    Args:
        appointment: whose visitor gets it.
        number: as it is dialled.
        is_late: whether the draft says that the agent is late, in the visitor's language.
    """
    if not is_late:
        return f"sms:{number}"
    draft = LATE[appointment.language].format(
        agent=appointment.agent_name[:MAX_NAME_CHARS],
        home=appointment.home[:MAX_MAP_CHARS],
        time=WORDINGS[appointment.language].hour(appointment.start, appointment.zone),
    )
    return f"sms:{number}?body={quote(draft, safe='')}"


def is_soon(appointment: Appointment, now: datetime) -> bool:
    """Return whether the agent of a viewing may be on the way to it."""
    return appointment.status == "confirmed" and now < appointment.end and appointment.start - now <= ON_THE_WAY


def date_shown(today: Today, default: ZoneInfo) -> date:
    """Return the date of the page: that of the agents' clocks, or of the office's if these are of two dates."""
    dates = {day.day for day in today.days}
    return dates.pop() if len(dates) == 1 else today.now.astimezone(default).date()


def _marked(text: str) -> Appointment | None:
    """Return the viewing whose outcome was just recorded; None if there is no such viewing."""
    appointment_id = parse_id(text)
    if appointment_id is None:
        return None
    try:
        return services_of(current_app).manual.show(appointment_id, current_viewer())[0]
    except AppointmentUnknown:
        return None
