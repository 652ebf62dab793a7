"""Pages of one repeating block: add, change, leave out days, remove it."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.agents.model import AgentUnknown
from peterental.agents.time_off.descriptions import describe_repetition
from peterental.agents.time_off.model import (
    LastDayBeforeFirst,
    NotOnThatDay,
    RepeatingBlockChanged,
    RepeatingBlockUnknown,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
    WeekdaysMissing,
    WeeksOutOfRange,
)
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.time_off.forms import RepeatingForm, SkipForm, offer_agents

REFUSED_AT: dict[type[Refusal], str] = {
    LastDayBeforeFirst: "last_day",
    TimeOffEndsBeforeStart: "until_time",
    TimeOffInPast: "last_day",
    WeekdaysMissing: "weekdays",
    WeeksOutOfRange: "every_weeks",
}
"""The field at which each refusal is shown."""


def add_routes(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of time off."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/repeating/new", view_func=new_repeating, methods=both)
    blueprint.add_url_rule("/repeating/<int:repeating_id>", view_func=repeating, methods=both)
    blueprint.add_url_rule("/repeating/<int:repeating_id>/skip", view_func=skip, methods=["POST"])
    blueprint.add_url_rule("/repeating/<int:repeating_id>/unskip", view_func=unskip, methods=["POST"])
    blueprint.add_url_rule("/repeating/<int:repeating_id>/remove", view_func=remove_repeating, methods=["POST"])


@preserves_form
def new_repeating() -> Answer:
    """Add a repeating block to an agent."""
    viewer, services = current_viewer(), services_of(current_app)
    chosen = QueryParams(request.args).text("agent")
    agents = services.agents.names(viewer, chosen)
    zone = next((agent.zone for agent in agents if agent.agent_id == chosen), None)
    default_zone = config_of(current_app).office_zone
    today = utc_now().astimezone(zone or default_zone).date()
    form = RepeatingForm(data={"agent_id": chosen, "first_day": today, "every_weeks": 1})
    offer_agents(form.agent_id, agents)
    if form.validate_on_submit():
        try:
            block = services.repeating_blocks.add(form.agent_id.data or "", form.repeating, viewer)
        except AgentUnknown:
            form.agent_id.errors = ["Choose an agent."]
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            flash(f"{block.agent_name} is blocked {describe_repetition(block)}.", "done")
            standing = services.time_off_viewings.of_repeating(block.repeating_id, viewer)
            return _to_page(block.repeating_id) if standing else redirect(url_for("time_off.index"), 303)
    page = render_template("time_off/repeating.html", form=form, block=None)
    return page, form_status(form)


@preserves_form
def repeating(repeating_id: int) -> Answer:
    """Show a repeating block with its exceptions and the viewings that fall into it, and change it.

    Runs two queries.
    """
    viewer, services = current_viewer(), services_of(current_app)
    block = services.repeating_blocks.get(repeating_id, viewer)
    form = RepeatingForm()
    del form.agent_id
    if not form.is_submitted():
        form.show(block)
    if form.validate_on_submit():
        try:
            services.repeating_blocks.change(repeating_id, form.repeating, viewer, seen=form.seen_at)
        except RepeatingBlockChanged as refusal:
            block = refusal.block
            form.show(block)
            form.form_errors.append(f"{refusal} The values saved now are shown below. Change them, then save again.")
        except RepeatingBlockUnknown:
            raise
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            flash("The repeating block was saved.", "done")
            return _to_page(repeating_id)
    return _page(repeating_id, form)


@preserves_form
def skip(repeating_id: int) -> Answer:
    """Leave out one day."""
    form = SkipForm(prefix="skip-")
    if form.validate_on_submit():
        try:
            services_of(current_app).repeating_blocks.skip(repeating_id, form.day.data, current_viewer())
        except (NotOnThatDay, TimeOffInPast) as refusal:
            form.add_error(refusal, "day")
        else:
            flash(f"Skipped: {form.day.data:%A, %B} {form.day.data.day}.", "done")
            return _to_page(repeating_id)
    return _page(repeating_id, skip_form=form)


def unskip(repeating_id: int) -> Response:
    """No longer leave out one day."""
    try:
        day = date.fromisoformat(request.form.get("day", ""))
    except ValueError:
        flash("Nothing was changed: the day was invalid.", "refused")
    else:
        services_of(current_app).repeating_blocks.unskip(repeating_id, day, current_viewer())
        flash(f"Blocked again: {day:%A, %B} {day.day}.", "done")
    return _to_page(repeating_id)


def remove_repeating(repeating_id: int) -> Response:
    """Remove a repeating block with all its times."""
    try:
        removed = services_of(current_app).repeating_blocks.remove(repeating_id, current_viewer())
    except RepeatingBlockUnknown as refusal:  # people press a button twice
        flash(str(refusal), "note")
    else:
        flash(f"{removed.agent_name} is no longer blocked {describe_repetition(removed)}.", "done")
    return redirect(url_for("time_off.index"), 303)


def _page(repeating_id: int, form: RepeatingForm | None = None, *, skip_form: SkipForm | None = None) -> Answer:
    viewer, services = current_viewer(), services_of(current_app)
    block = services.repeating_blocks.get(repeating_id, viewer)
    sent = next((sent for sent in (form, skip_form) if sent is not None and sent.is_submitted()), None)
    if form is None:
        form = RepeatingForm(formdata=None)
        del form.agent_id
        form.show(block)
    page = render_template(
        "time_off/repeating.html",
        form=form,
        sent=sent,
        block=block,
        words=describe_repetition(block),
        today=utc_now().astimezone(block.zone).date(),
        skip_form=skip_form or SkipForm(formdata=None, prefix="skip-"),
        viewings=services.time_off_viewings.of_repeating(repeating_id, viewer),
    )
    return page, 400 if sent else 200


def _to_page(repeating_id: int) -> Response:
    return redirect(url_for("time_off.repeating", repeating_id=repeating_id), 303)
