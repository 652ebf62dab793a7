"""What the agent's calendar says about a viewing, and the button that puts its event back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, url_for
from werkzeug.wrappers import Response

from peterental.appointments.calendar_events.model import NothingToResolve
from peterental.services import services_of
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.appointments.calendar_events.model import EventState


def add_routes(blueprint: Blueprint) -> None:
    """Add the route of the button to the blueprint of the viewings."""
    blueprint.add_url_rule("/appointments/<int:appointment_id>/put-back", view_func=put_back, methods=["POST"])


def put_back(appointment_id: int) -> Response:
    """Write the event of a viewing again, over what a person did to it in the calendar."""
    events, viewer = services_of(current_app).calendar_events, current_viewer()
    try:
        events.put_back(appointment_id, viewer)
    except NothingToResolve as refusal:
        flash(str(refusal), "refused")
    else:
        flash("The event is put back into the calendar within a minute.", "done")
    return redirect(url_for("appointments.show", appointment_id=appointment_id), 303)


def describe_event(event: EventState | None, *, is_cancelled: bool) -> str:
    """Return what is written about a viewing in the agent's calendar; empty if nothing has to be.

    Args:
        event: what was written; None if nothing ever had to be.
        is_cancelled: whether the viewing is.
    """
    if event is None or (is_cancelled and not event.may_exist):
        return ""
    if event.is_waiting:
        words = "Not deleted yet" if is_cancelled else "Not written yet"
    elif event.event_id is None or event.problem:
        words = "Not in the calendar"
    elif event.calendar_id is None:
        words = "In a calendar that was disconnected"
    else:
        words = f"{event.remote_change.capitalize()} in the calendar" if event.remote_change else "In the calendar"
    return f"{words}: {event.problem}" if event.problem else words
