"""The page to edit a viewing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.agents.model import AgentUnknown
from peterental.appointments.manual.editing import is_visitor_only
from peterental.appointments.manual.model import (
    ConfirmationRequired,
    EditConflict,
    HomeRetired,
    InvalidDuration,
    NotesTooLong,
    NothingEdited,
)
from peterental.appointments.model import HomeTaken, SlotTaken
from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.appointments.edit_forms import EditForm
from peterental.web.appointments.homes import MAX_HOMES_SHOWN, home_names, ids_ignoring_case
from peterental.web.appointments.manual_forms import acknowledgement_token, parse_seen_token
from peterental.web.appointments.manual_pages import conflict_page
from peterental.web.notices.of_viewing import notice_of_change
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.appointments.manual.model import ViewingEdit
    from peterental.appointments.model import Appointment

FIELD_OF: dict[type[Refusal], str] = {
    AgentUnknown: "agent_id",
    HomeRetired: "property_address",
    InvalidDuration: "minutes",
    NotesTooLong: "notes",
}
"""Where a refusal is shown; others are about the whole form."""


def add_routes(blueprint: Blueprint) -> None:
    """Add the page to the blueprint of the viewings."""
    blueprint.add_url_rule("/appointments/<int:appointment_id>/edit", view_func=edit, methods=["GET", "POST"])


@preserves_form
def edit(appointment_id: int) -> Answer:
    """Edit a viewing: visitor, home, agent, length and notes.

    Four queries, and those of how the visitor is notified.
    """
    services, viewer, now = services_of(current_app), current_viewer(), utc_now()
    appointment, _ = services.manual.show(appointment_id, viewer)
    form = EditForm()
    form.offer(services.listing.agents(viewer), appointment)
    names = home_names(services.properties.options(viewer))
    is_over = is_visitor_only(appointment, now)
    if request.method == "GET":
        form.show(appointment)
    if is_over:
        form.keep_viewing()
    confirmation: ConfirmationRequired | None = None
    if form.validate_on_submit():
        try:
            return _save(appointment, form.entry(appointment, ids_ignoring_case(names)), form)
        except ConfirmationRequired as refusal:
            confirmation = refusal
        except Refusal as refusal:
            _show_refusal(form, refusal)
    page = render_template(
        "appointments/edit.html",
        appointment=appointment,
        form=form,
        is_over=is_over,
        homes=list(names)[:MAX_HOMES_SHOWN],
        confirmation=confirmation,
        agent=services.agents.get(form.agent_id.data, viewer) if confirmation else None,
        token=acknowledgement_token(confirmation.warnings) if confirmation else "",
        notified=notice_of_change(services, appointment, now) if not is_over else "",
        now=now,
    )
    return page, 409 if confirmation else form_status(form)


def _show_refusal(form: EditForm, refusal: Refusal) -> None:
    match refusal:
        case HomeTaken():
            form.add_error(refusal, "property_address")
        case SlotTaken():
            form.form_errors.append("That time of the agent was just booked. Choose another agent or length.")
        case _:
            form.add_error(refusal, FIELD_OF.get(type(refusal)))


def _save(appointment: Appointment, entry: ViewingEdit, form: EditForm) -> Answer:
    """Store an edit and show the viewing, or the conflict with another change. Raises Refusal for any other."""
    appointment_id, seen = appointment.appointment_id, parse_seen_token(form.seen.data)
    try:
        services_of(current_app).manual.edit(appointment_id, seen, entry, current_viewer())
    except EditConflict as refusal:
        return conflict_page(refusal)
    except NothingEdited as refusal:
        is_stored_since = seen is not None and seen.updated_at != appointment.updated_at  # the form was sent twice
        flash("The viewing was saved." if is_stored_since else str(refusal), "done")
    else:
        flash("The viewing was saved.", "done")
    return redirect(url_for("appointments.show", appointment_id=appointment_id), 303)
