"""Pages of the agents: list, overview, create, edit, deactivate and reactivate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.access import require_admin
from peterental.agents.model import (
    Agent,
    AgentChanged,
    AgentNameMissing,
    AssistantTaken,
    OwnerUnknown,
    PhoneNumberTaken,
    Profile,
    RuleOutOfRange,
    Rules,
    TimeZoneUnknown,
    Window,
)
from peterental.agents.service import MAX_CHARS
from peterental.appointments.slot_check import SlotCheck
from peterental.calls.model import UNASSIGNED
from peterental.calls.service import RECENT_DAYS
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.line.composition import line_services_of
from peterental.services import Services, services_of
from peterental.users.model import UserChoice
from peterental.web.agents import calendar_pages, waitlist_pages, working_hours_pages
from peterental.web.agents.edit_conflict import conflict_message
from peterental.web.agents.forms import AgentForm
from peterental.web.agents.time_zones import SUGGESTED_ZONES
from peterental.web.calls import labels
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import NEVER
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

REFUSED_AT: Mapping[type[Refusal], str] = {
    AgentNameMissing: "agent_name",
    AssistantTaken: "vapi_assistant_id",
    OwnerUnknown: "user_id",
    PhoneNumberTaken: "phone_number_id",
    TimeZoneUnknown: "time_zone",
}
"""The field at which each refusal is shown."""

LAST_PAGE = 1000
RECENT_CALLS_SHOWN = 5

ONE_START = timedelta(minutes=1)
"""A caller on the waiting list who wants exactly one time waits for this long a period."""

PREFILL_PARAMS = {"assistant": "vapi_assistant_id", "number": "phone_number_id"}
"""The query parameters that prefill the form of a new agent, with their fields."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the agents' pages."""
    blueprint = Blueprint("agents", __name__, template_folder="templates", url_prefix="/agents")
    both = ["GET", "POST"]
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/new", view_func=new, methods=both)
    blueprint.add_url_rule("/<path:agent_id>", view_func=show)
    blueprint.add_url_rule("/<path:agent_id>/edit", view_func=edit, methods=both)
    blueprint.add_url_rule("/<path:agent_id>/deactivate", view_func=deactivate, methods=both)
    blueprint.add_url_rule("/<path:agent_id>/reactivate", view_func=reactivate, methods=both)
    working_hours_pages.add_routes(blueprint)
    calendar_pages.add_routes(blueprint)
    waitlist_pages.add_routes(blueprint)
    return blueprint


def index() -> Answer:
    """List the agents, and mark those for whom callers are offered no times because of an old calendar.

    Runs two queries, and for admins one more for calls to unknown assistants.
    """
    params = QueryParams(request.args)
    text, page = params.text("q"), params.page(LAST_PAGE)
    services, viewer = _services(), current_viewer()
    listing = services.agents.listing(viewer, text=text, page=page)
    unregistered = services.calls.unknown_assistants(viewer) if page == 1 and not text else ()
    zone, now = config_of(current_app).office_zone, utc_now()
    summaries = services.calendar.summaries(listing.agents)
    is_current = services.calendar_sync.is_current
    return render_template(
        "agents/index.html",
        listing=listing,
        summaries=summaries,
        stale={row.agent.agent_id for row in summaries if not is_current(row.calendar_age, row.agent, now)},
        text=text,
        page=page,
        warnings=params.warnings,
        unregistered=unregistered,
        recent_days=RECENT_DAYS,
        unassigned=UNASSIGNED,
        zone=zone,
    )


def show(agent_id: str) -> Answer:
    """Show one agent.

    Runs six queries, one more where callers wait, and up to four more for "Is this time free?".
    """
    services, viewer, now = _services(), current_viewer(), utc_now()
    agent = services.agents.get(agent_id, viewer)
    age = services.calendars.age(agent_id)
    check, warnings = _slot_check(agent_id)
    waiting = services.waitlist.waiting(agent)
    return render_template(
        "agents/show.html",
        agent=agent,
        upcoming=services.calendar.upcoming(agent),
        week=hours_by_weekday(agent.rules),
        calls=services.calls.latest(agent_id, viewer, limit=RECENT_CALLS_SHOWN),
        labels=labels,
        now=now,
        line=line_services_of(current_app).drift.state(agent),
        calendar_age=age,
        max_age_s=services.calendar_sync.max_age_s,
        is_calendar_stale=not services.calendar_sync.is_current(age, agent, now),
        check=check,
        waiting=waiting,
        can_text=bool(waiting) and services.waitlist.can_text(),
        one_start=ONE_START,
        warnings=warnings,
        asked=request.args,
    )


@preserves_form
def new() -> Answer:
    """Create an agent."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    form = _prefilled_form(services.users.active_users(viewer))
    if form.validate_on_submit():
        try:
            agent = services.agents.create(form.profile(), viewer, opened_at=form.seen_at if form.seen.data else None)
        except Refusal as refusal:
            _show_refusal(form, refusal)
        else:
            flash(f"{agent.agent_name} was added with working hours Monday to Friday, 9 am to 5 pm.", "done")
            return redirect(url_for("agents.show", agent_id=agent.agent_id), 303)
    return _form_page(form, None)


def _prefilled_form(people: Sequence[UserChoice]) -> AgentForm:
    """Return the form of a new agent with what the address says: the ids of a call's line, or the agent's user."""
    prefilled = {field: _vapi_id(name) for name, field in PREFILL_PARAMS.items()}
    defaults = vars(Profile(agent_name="", time_zone=config_of(current_app).default_time_zone))
    form = AgentForm(data={**defaults, **prefilled, "seen": utc_now().isoformat()})
    # What calls came with is offered as it came.
    form.stored = replace(
        Profile(agent_name=""),
        vapi_assistant_id=prefilled["vapi_assistant_id"],
        phone_number_id=prefilled["phone_number_id"],
    )
    form.offer(people)
    owner = next((person for person in people if str(person.user_id) == request.args.get("owner")), None)
    if owner is not None and not form.is_submitted():
        form.user_id.data, form.agent_name.data = str(owner.user_id), owner.full_name
    return form


@preserves_form
def edit(agent_id: str) -> Answer:
    """Change an agent."""
    viewer, services = current_viewer(), _services()
    agent = services.agents.get(agent_id, viewer)
    form = AgentForm()
    form.stored = Profile.from_agent(agent)
    form.offer(services.users.active_users(viewer) if viewer.is_admin else None)
    if not form.is_submitted():
        form.show(agent)
    if form.validate_on_submit():
        try:
            agent = services.agents.update(agent_id, form.profile(), viewer, seen=form.seen_at)
        except AgentChanged as refusal:
            agent = refusal.agent
            entries = services.agents.changes_since(agent, form.seen_at) if form.seen_at > NEVER else ()
            form.show_conflict(agent, entries)
            form.form_errors.append(conflict_message(agent, entries))
        except Refusal as refusal:
            _show_refusal(form, refusal)
        else:
            flash(f"{agent.agent_name} was saved.", "done")
            return redirect(url_for("agents.show", agent_id=agent_id), 303)
    return _form_page(form, agent)


def deactivate(agent_id: str) -> Answer:
    """Explain what deactivating an agent means, and do it."""
    return _set_active(agent_id, active=False)


def reactivate(agent_id: str) -> Answer:
    """Explain what reactivating an agent means, and do it."""
    return _set_active(agent_id, active=True)


def hours_by_weekday(rules: Rules) -> list[tuple[str, list[Window]]]:
    """Return the name and the working windows of each weekday, Monday first."""
    windows: dict[int, list[Window]] = defaultdict(list)
    for weekday, window in rules.week:
        windows[weekday].append(window)
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return [(name, sorted(windows[number])) for number, name in enumerate(names, start=1)]


def _slot_check(agent_id: str) -> tuple[SlotCheck | None, str | None]:
    """Return the answer to "Is this time free?", or a warning, or neither."""
    params = QueryParams(request.args)
    if not params.text("on") and not params.text("at"):
        return None, None
    day, minutes = params.day("on"), params.minutes("at")
    if day is None or minutes is None:
        return None, next(iter(params.warnings), f"Choose a {'time' if day else 'day'} too.")
    return _services().appointments.check_slot(agent_id, day, minutes, current_viewer()), None


def _vapi_id(name: str) -> str | None:
    """Return a Vapi id from the query string, or None if it is missing or too long."""
    text = QueryParams(request.args).text(name)
    return text if 0 < len(text) <= MAX_CHARS["vapi_assistant_id"] else None


def _form_page(form: AgentForm, agent: Agent | None) -> tuple[str, int]:
    page = render_template("agents/form.html", form=form, agent=agent, zones=SUGGESTED_ZONES)
    return page, form_status(form)


def _set_active(agent_id: str, *, active: bool) -> Answer:
    viewer, agents = current_viewer(), _services().agents
    agent = agents.get(agent_id, viewer)
    if request.method == "POST":
        agents.set_active(agent_id, viewer, active=active)
        flash(f"{agent.agent_name} {'takes bookings again' if active else 'no longer takes bookings'}.", "done")
        return redirect(url_for("agents.show", agent_id=agent_id), 303)
    upcoming = _services().calendar.upcoming(agent, limit=1)
    return render_template("agents/activation.html", agent=agent, active=active, upcoming=upcoming)


def _show_refusal(form: AgentForm, refusal: Refusal) -> None:
    at = refusal.values["field"] if isinstance(refusal, RuleOutOfRange) else REFUSED_AT.get(type(refusal))
    form.add_error(refusal, str(at) if at else None)


def _services() -> Services:
    return services_of(current_app)
