"""Pages of one closure of the office: add, change, remove it, and see the viewings that fall into it."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.agents.time_off.model import (
    Closure,
    ClosureChanged,
    ClosureExists,
    ClosureNameMissing,
    ClosureUnknown,
    LastDayBeforeFirst,
    TimeOffEndsBeforeStart,
    TimeOffInPast,
)
from peterental.errors import Refusal
from peterental.plural import counted
from peterental.services import services_of
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.session import current_viewer
from peterental.web.time_off.forms import ClosureForm

REFUSED_AT: dict[type[Refusal], str] = {
    ClosureExists: "name",
    ClosureNameMissing: "name",
    LastDayBeforeFirst: "last_day",
    TimeOffEndsBeforeStart: "until_time",
    TimeOffInPast: "first_day",
}
"""The field at which each refusal is shown."""


def add_routes(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of time off."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/closures/new", view_func=new_closure, methods=both)
    blueprint.add_url_rule("/closures/<int:closure_id>", view_func=closure, methods=both)
    blueprint.add_url_rule("/closures/<int:closure_id>/remove", view_func=remove_closure, methods=["POST"])


@preserves_form
def new_closure() -> Answer:
    """Close the office on some days."""
    viewer, services = current_viewer(), services_of(current_app)
    require_admin(viewer)
    form = ClosureForm()
    form.offer(services.agents.names(viewer))
    if form.validate_on_submit():
        try:
            added = services.closures.add([form.closure], viewer)
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            return _saved(form.closure.name, added)
    return render_template("time_off/closure.html", form=form, closure=None), form_status(form)


@preserves_form
def closure(closure_id: int) -> Answer:
    """Show a closure with the viewings that fall into it, and change it. Runs three queries."""
    viewer, services = current_viewer(), services_of(current_app)
    found = services.closures.get(closure_id, viewer)
    form = ClosureForm()
    form.offer(services.agents.names(viewer), sorted(found.exempt))
    if not form.is_submitted():
        form.show(found)
    if form.validate_on_submit():
        try:
            services.closures.change(closure_id, form.closure, viewer, seen=form.seen_at)
        except ClosureChanged as refusal:
            found = refusal.closure
            form.show(found)
            form.form_errors.append(f"{refusal} The values saved now are shown below. Change them, then save again.")
        except ClosureUnknown:
            raise
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            return _saved(form.closure.name, [services.closures.get(closure_id, viewer)])
    viewings = services.time_off_viewings.of_closure(closure_id, viewer)
    return render_template("time_off/closure.html", form=form, closure=found, viewings=viewings), form_status(form)


def remove_closure(closure_id: int) -> Response:
    """Remove a closure."""
    try:
        removed = services_of(current_app).closures.remove(closure_id, current_viewer())
    except ClosureUnknown as refusal:  # people press a button twice
        flash(str(refusal), "note")
    else:
        flash(f"{removed.name} was removed. The office is open then.", "done")
    return redirect(url_for("time_off.index"), 303)


def _saved(name: str, closures: tuple[Closure, ...] | list[Closure]) -> Response:
    """Report a saved closure; its page shows the viewings that fall into it, if there are any."""
    if not closures:
        flash(f"{name}: the office was closed then already.", "done")
        return redirect(url_for("time_off.index"), 303)
    standing = len(services_of(current_app).time_off_viewings.of_closure(closures[0].closure_id, current_viewer()))
    if not standing:
        flash(f"{name}: the office is closed. No viewing is booked then.", "done")
        return redirect(url_for("time_off.index"), 303)
    booked = counted(standing, "viewing is", "viewings are")
    flash(f"{name}: the office is closed. {booked} booked then, see below.", "done")
    return redirect(url_for("time_off.closure", closure_id=closures[0].closure_id), 303)
