"""The page for an agent's working hours, date overrides and blocked time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.agents.model import Agent, AgentChanged, AgentUnknown
from peterental.agents.working_hours.model import (
    BusyBlock,
    BusyBlockInPast,
    BusyBlockUnknown,
    DateOverride,
    EndsBeforeStart,
    OverrideExists,
    OverrideInPast,
    OverrideUnknown,
)
from peterental.agents.working_hours.service import WEEKDAYS, WorkingHoursService
from peterental.clock import TimeSkipped, clock_time
from peterental.errors import Refusal
from peterental.plural import counted, plural
from peterental.services import services_of
from peterental.web.agents.edit_conflict import conflict_message
from peterental.web.agents.working_hours_forms import BusyForm, DayForm, WeekForm
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import NEVER
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.shell.template_filters import clock, day, whole_days, zone_name

REFUSED_AT: dict[type[Refusal], str] = {
    EndsBeforeStart: "until_time",
    BusyBlockInPast: "until_time",
    OverrideInPast: "day",
    OverrideExists: "day",
}
"""The field at which each refusal is shown."""

CONFLICTS_SHOWN = 5
MAX_LISTED = 30
"""The page shows this many overrides and this many blocked times."""


def add_routes(blueprint: Blueprint) -> None:
    """Add this page and the routes of its forms to the blueprint of the agents."""
    blueprint.add_url_rule("/<path:agent_id>/hours", view_func=hours, methods=["GET", "POST"])
    blueprint.add_url_rule("/<path:agent_id>/hours/days", view_func=add_day, methods=["POST"])
    blueprint.add_url_rule("/<path:agent_id>/hours/days/remove", view_func=remove_day, methods=["POST"])
    blueprint.add_url_rule("/<path:agent_id>/hours/busy", view_func=add_busy, methods=["POST"])
    blueprint.add_url_rule("/<path:agent_id>/hours/busy/remove", view_func=remove_busy, methods=["POST"])


@preserves_form
def hours(agent_id: str) -> Answer:
    """Show the page, and save the weekly hours; `day` is the weekday to begin with.

    Runs four queries, whatever the length of the lists.
    """
    form = WeekForm()
    if form.validate_on_submit():
        try:
            _hours().set_week(agent_id, form.week, current_viewer(), seen=form.seen_at)
        except AgentChanged as refusal:
            agent = refusal.agent
            seen = form.seen_at
            entries = services_of(current_app).agents.changes_since(agent, seen) if seen > NEVER else ()
            form.show_conflict(agent, entries)
            form.form_errors.append(conflict_message(agent, entries))
        else:
            flash("The working hours were saved.", "done")
            return _back(agent_id)
    return _page(agent_id, week=form)


@preserves_form
def add_day(agent_id: str) -> Answer:
    """Add a date override."""
    form = DayForm(prefix="day-")
    if form.validate_on_submit():
        try:
            _hours().add_override(agent_id, form.date_override, current_viewer())
        except (OverrideInPast, OverrideExists) as refusal:
            form.add_error(refusal, REFUSED_AT[type(refusal)])
        else:
            agent = services_of(current_app).agents.get(agent_id, current_viewer())
            return _report_override(form.date_override, agent) or _back(agent_id, "days")
    return _page(agent_id, day_form=form)


@preserves_form
def add_busy(agent_id: str) -> Answer:
    """Add blocked time."""
    form = BusyForm(prefix="busy-")
    if form.validate_on_submit():
        viewer = current_viewer()
        try:
            busy = _hours().add_busy_block(agent_id, form.busy_request, viewer)
        except TimeSkipped as refusal:
            form.add_error(refusal, "from_time" if _is_clock(refusal, form.from_time.data) else "until_time")
        except (EndsBeforeStart, BusyBlockInPast) as refusal:
            form.add_error(refusal, REFUSED_AT[type(refusal)])
        else:
            agent = services_of(current_app).agents.get(agent_id, viewer)
            return report_blocked(busy, agent, busy_saved_message(busy, agent.zone)) or _back(agent_id, "busy")
    return _page(agent_id, busy_form=form)


def remove_day(agent_id: str) -> Answer:
    """Remove a date override."""
    try:
        removed = date.fromisoformat(request.form.get("day", ""))
        _hours().remove_override(agent_id, removed, current_viewer())
    except ValueError:
        flash("Nothing was removed: the day was invalid.", "refused")
    except AgentUnknown:
        raise
    except OverrideUnknown as refusal:  # people press a button twice
        flash(str(refusal), "note")
    except Refusal as refusal:
        flash(str(refusal), "refused")
    else:
        flash(f"The override for {_day_name(removed)} was removed.", "done")
    return _back(agent_id, "days")


def remove_busy(agent_id: str) -> Answer:
    """Remove a manually added blocked time."""
    try:
        _hours().remove_busy_block(agent_id, request.form.get("busy_id", 0, type=int), current_viewer())
    except AgentUnknown:
        raise
    except BusyBlockUnknown as refusal:
        flash(str(refusal), "note")
    except Refusal as refusal:
        flash(str(refusal), "refused")
    else:
        flash("The blocked time was removed.", "done")
    return _back(agent_id, "busy")


def report_blocked(busy: BusyBlock, agent: Agent, message: str) -> Response | None:
    """Report added blocked time; return the list of the viewings that fall into it, or None if there are none."""
    number = services_of(current_app).time_off_viewings.in_block(busy.busy_id, current_viewer())
    return _report(message, number, "then", viewings_in(busy, agent.agent_id, agent.zone))


def _report_override(override: DateOverride, agent: Agent) -> Response | None:
    """Report a date override; return the list of the day's viewings if some are outside its hours, or None."""
    number = services_of(current_app).time_off_viewings.outside(override, agent, current_viewer())
    where = "outside these hours" if override.windows else "then"
    message = f"The override for {_day_name(override.day)} was added."
    return _report(message, number, where, _viewings_between(agent.agent_id, override.day, override.day))


def _report(message: str, number: int, where: str, viewings: str) -> Response | None:
    """Show a message, with how many viewings are in the way; return a redirect to their list, or None if none are."""
    if not number:
        flash(message, "done")
        return None
    booked = counted(number, "viewing is", "viewings are")
    flash(f"{message} {booked} booked {where}: move or cancel {plural(number, 'it', 'them')}.", "done")
    return redirect(viewings, 303)


def viewings_in(busy: BusyBlock, agent_id: str, zone: ZoneInfo) -> str:
    """Return the address of the list of an agent's confirmed viewings on the days of a blocked time."""
    first, last = (moment.astimezone(zone).date() for moment in (busy.start, busy.until - timedelta(microseconds=1)))
    return _viewings_between(agent_id, first, last)


def _viewings_between(agent_id: str, first: date, last: date) -> str:
    days: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat()}
    return url_for("appointments.index", agent=agent_id, status="confirmed", **days)


def busy_saved_message(busy: BusyBlock, zone: ZoneInfo, agent_name: str = "") -> str:
    """Return the message about added blocked time, with the name of the agent where the page has several.

    Whole days are named as such. Otherwise both ends name the zone if the clocks change in between.
    """
    blocked = f"Blocked for {agent_name}" if agent_name else "Blocked"
    days = whole_days(busy.start, busy.until, zone)
    if days is not None:
        first, last = (f"{each:%a, %b} {each.day}" for each in days)
        return f"{blocked}: {first if first == last else f'{first} to {last}'}, all day."
    begins, ends = zone_name(busy.start, zone), zone_name(busy.until, zone)
    from_zone = f" {begins}" if begins != ends else ""
    until_day = "" if _same_day(busy, zone) else f"{day(busy.until, zone)}, "
    return (
        f"{blocked}: {day(busy.start, zone)}, {clock(busy.start, zone)}{from_zone} to "
        f"{until_day}{clock(busy.until, zone)} {ends}." + (" The clocks change in this time." if begins != ends else "")
    )


def _same_day(busy: BusyBlock, zone: ZoneInfo) -> bool:
    return busy.start.astimezone(zone).date() == busy.until.astimezone(zone).date()


def _is_clock(refusal: TimeSkipped, minutes: int | None) -> bool:
    return minutes is not None and refusal.values["clock"] == clock_time(minutes)


def _page(
    agent_id: str,
    *,
    week: WeekForm | None = None,
    day_form: DayForm | None = None,
    busy_form: BusyForm | None = None,
) -> Answer:
    schedule = _hours().schedule(agent_id, current_viewer())
    sent = next((form for form in (week, day_form, busy_form) if form is not None and form.is_submitted()), None)
    if week is None or not week.is_submitted():
        week = WeekForm(formdata=None)
        week.show(schedule.agent)
    today = services_of(current_app).hours.today(schedule.agent)
    weekday = None if sent else _weekday()
    chosen_day = None if weekday is None else today + timedelta(days=(weekday - today.weekday()) % 7)
    body = render_template(
        "agents/hours.html",
        schedule=schedule,
        conflicts=services_of(current_app).calendar.conflicts(schedule),
        agent=schedule.agent,
        form=week,
        day_form=day_form or DayForm(formdata=None, prefix="day-", data={"day": chosen_day}),
        chosen_weekday=None if weekday is None else WEEKDAYS[weekday].lower(),
        busy_form=busy_form or BusyForm(formdata=None, prefix="busy-"),
        sent=sent,
        conflicts_shown=CONFLICTS_SHOWN,
        max_listed=MAX_LISTED,
        today=today,
    )
    return body, 400 if sent else 200


def _weekday() -> int | None:
    """Return the number of the weekday in the query string, 0 for Monday; None if there is none."""
    names = [name.lower() for name in WEEKDAYS]
    chosen = QueryParams(request.args).choice("day", names, "")
    return names.index(chosen) if chosen else None


def _back(agent_id: str, section: str | None = None) -> Response:
    """Redirect to the page, which shows the message in that section: it is longer than a phone is high."""
    return redirect(url_for("agents.hours", agent_id=agent_id, done=section), 303)


def _day_name(value: date) -> str:
    return f"{value:%A, %B} {value.day}"


def _hours() -> WorkingHoursService:
    return services_of(current_app).hours
