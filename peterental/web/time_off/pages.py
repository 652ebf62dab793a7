"""The page of time off: what is ahead, and the forms that block a day or a part of it."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.agents.model import AgentUnknown
from peterental.agents.time_off.descriptions import WEEKDAY_NAMES, describe_repetition
from peterental.agents.working_hours.model import (
    BusyBlockInPast,
    BusyBlockRequest,
    BusyBlockUnknown,
    EndsBeforeStart,
    OverrideUnknown,
)
from peterental.clock import TimeSkipped, clock_time, utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.agents.working_hours_forms import format_windows
from peterental.web.agents.working_hours_pages import busy_saved_message, report_blocked, viewings_in
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.query_params import QueryParams, parse_id
from peterental.web.shell.session import current_viewer
from peterental.web.time_off import closure_pages, holiday_pages, repeating_pages
from peterental.web.time_off.forms import PARTS, BlockForm, OtherTimesForm, offer_agents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peterental.agents.model import Agent
    from peterental.agents.time_off.model import TimeOffItem

LAST_PAGE = 100
WEEKS_SHOWN = 15
"""Agents whose weekly hours the page shows; others are chosen by the filter."""

REFUSED_AT: dict[type[Refusal], str] = {EndsBeforeStart: "until_time", BusyBlockInPast: "until_time"}


def create_blueprint() -> Blueprint:
    """Return the blueprint of the pages of time off."""
    blueprint = Blueprint("time_off", __name__, template_folder="templates", url_prefix="/time-off")
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/block", view_func=block, methods=["POST"])
    blueprint.add_url_rule("/times", view_func=block_times, methods=["POST"])
    blueprint.add_url_rule("/remove", view_func=remove, methods=["POST"])
    closure_pages.add_routes(blueprint)
    holiday_pages.add_routes(blueprint)
    repeating_pages.add_routes(blueprint)
    return blueprint


def index() -> Answer:
    """List the time off that is ahead. Runs up to four queries."""
    return _page()


@preserves_form
def block() -> Answer:
    """Block a day of an agent, or a part of it."""
    form = BlockForm(prefix="block-")
    part = request.form.get("part", "")
    if form.validate_on_submit():
        added = _add(form.agent_id.data or "", form.busy_request(part if part in PARTS else "day"), form, "day")
        if added is not None:
            return added
    return _page(block_form=form)


@preserves_form
def block_times() -> Answer:
    """Block any time of an agent."""
    form = OtherTimesForm(prefix="times-")
    if form.validate_on_submit():
        added = _add(form.agent_id.data or "", form.busy_request, form)
        if added is not None:
            return added
    return _page(times_form=form)


def remove() -> Response:
    """Remove a blocked time or a date override; the button names it: its kind, its id or day, its agent."""
    kind, _, rest = request.form.get("remove", "").partition(" ")
    what, _, agent_id = rest.partition(" ")
    services, viewer = services_of(current_app), current_viewer()
    try:
        if kind == "day":
            services.hours.remove_override(agent_id, date.fromisoformat(what), viewer)
            flash("The date override was removed.", "done")
        else:
            services.hours.remove_busy_block(agent_id, parse_id(what) or 0, viewer)
            flash("The blocked time was removed.", "done")
    except AgentUnknown:
        raise
    except (OverrideUnknown, BusyBlockUnknown) as refusal:  # people press a button twice
        flash(str(refusal), "note")
    except ValueError:
        flash("Nothing was removed: the day was invalid.", "refused")
    except Refusal as refusal:
        flash(str(refusal), "refused")
    return redirect(url_for("time_off.index", agent=request.args.get("agent") or None), 303)


def _add(
    agent_id: str, wanted: BusyBlockRequest, form: BlockForm | OtherTimesForm, at: str | None = None
) -> Response | None:
    """Add a blocked time and return where to go; None if it was refused, which the form then says.

    Args:
        agent_id: whose.
        wanted: when.
        form: shows why it was refused.
        at: the field that shows it; None for the field of the time that is refused.
    """
    services, viewer = services_of(current_app), current_viewer()
    try:
        agent = services.agents.get(agent_id, viewer)
        busy = services.hours.add_busy_block(agent_id, wanted, viewer)
    except AgentUnknown:
        form.agent_id.errors = ["Choose an agent."]
    except TimeSkipped as refusal:
        is_start = wanted.from_min is not None and refusal.values["clock"] == clock_time(wanted.from_min)
        form.add_error(refusal, at or ("from_time" if is_start else "until_time"))
    except (EndsBeforeStart, BusyBlockInPast) as refusal:
        form.add_error(refusal, at or REFUSED_AT[type(refusal)])
    else:
        viewings = report_blocked(busy, agent, busy_saved_message(busy, agent.zone, agent.agent_name))
        return viewings or redirect(url_for("time_off.index", agent=request.args.get("agent") or None), 303)
    return None


def _page(*, block_form: BlockForm | None = None, times_form: OtherTimesForm | None = None) -> Answer:
    viewer, services = current_viewer(), services_of(current_app)
    params = QueryParams(request.args)
    chosen, page = params.text("agent"), params.page(LAST_PAGE)
    listing = services.time_off.upcoming(viewer, agent_id=chosen, page=page)
    known = services.agents.listing(viewer)
    agents = _with_chosen(known.agents, chosen)
    shown = [agent for agent in agents if not chosen or agent.agent_id == chosen]
    sent = block_form or times_form
    own = shown[0] if len(shown) == 1 else None
    today = utc_now().astimezone(own.zone if own else config_of(current_app).office_zone).date()
    defaults = {"agent_id": own.agent_id if own else None}
    block_form = block_form or BlockForm(formdata=None, prefix="block-", data={**defaults, "day": today})
    times_form = times_form or OtherTimesForm(formdata=None, prefix="times-", data=defaults)
    for form in (block_form, times_form):
        offer_agents(form.agent_id, agents)
    body = render_template(
        "time_off/index.html",
        listing=listing,
        months=_by_month(listing.items),
        standing=services.time_off_viewings.counts(listing.items, viewer),
        agents=agents,
        has_more_agents=known.has_more,
        chosen=chosen,
        page=page,
        today=today,
        block_form=block_form,
        times_form=times_form,
        sent=sent,
        weeks=[(agent, _week(agent)) for agent in shown[:WEEKS_SHOWN]],
        more_weeks=len(shown) > WEEKS_SHOWN,
        weekdays=WEEKDAY_NAMES,
        viewings_in=viewings_in,
        describe_repetition=describe_repetition,
        format_windows=format_windows,
        warnings=params.warnings,
    )
    return body, 400 if sent else 200


def _with_chosen(agents: tuple[Agent, ...], chosen: str) -> tuple[Agent, ...]:
    """Return the agents to choose from, with the chosen one also where there are too many to list."""
    if not chosen or any(agent.agent_id == chosen for agent in agents):
        return agents
    return (services_of(current_app).agents.get(chosen, current_viewer()), *agents)


def _by_month(items: Iterable[TimeOffItem]) -> list[tuple[str, list[TimeOffItem]]]:
    """Return time off, in the order of its dates, below the names of the months."""
    months = groupby(items, lambda item: item.at.date().replace(day=1))
    return [(f"{first:%B %Y}", list(found)) for first, found in months]


def _week(agent: Agent) -> list[str]:
    """Return the working hours of each weekday in words, Monday first."""
    return [
        format_windows(sorted(window for weekday, window in agent.rules.week if weekday == number)) or "Closed"
        for number in range(1, len(WEEKDAY_NAMES) + 1)
    ]
