"""The page on which an agent's user or an admin chooses what the agent is notified of, how and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, url_for

from peterental.notices.agent_choices.model import (
    CHANNELS,
    LIST,
    OTHER_KINDS,
    VIEWING_KINDS,
    AgentNotices,
    AgentNoticesChanged,
    ContactInvalid,
    ListNeeded,
)
from peterental.services import services_of
from peterental.web.agent_notices.forms import KIND_LABELS, ContactForm, NoticesForm, field_name
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.edit_conflict import conflict_sentences
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.audit.model import AuditEntry

GROUPS = (("Viewings", VIEWING_KINDS), ("Calls and calendars", OTHER_KINDS), ("Every morning", (LIST,)))
"""The kinds under each heading."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page."""
    blueprint = Blueprint("agent_notices", __name__, template_folder="templates")
    blueprint.add_url_rule("/agents/<path:agent_id>/notices", view_func=show, methods=["GET", "POST"])
    return blueprint


@preserves_form
def show(agent_id: str) -> Answer:
    """Show what an agent is notified of, and save it. Runs four queries."""
    services, viewer = services_of(current_app), current_viewer()
    notices = services.agent_notices.show(agent_id, viewer)
    form: ContactForm = NoticesForm()
    form.email.description = _without_address(notices)
    if not form.is_submitted():
        form.show(notices)
    if form.validate_on_submit() and _save(agent_id, form):
        flash("The notices were saved.", "done")
        return redirect(url_for("agent_notices.show", agent_id=agent_id), 303)
    body = render_template(
        "agent_notices/show.html",
        agent=notices.agent,
        notices=notices,
        form=form,
        ready=services.notice_channels.ready(),
        list_at=services.notice_settings.get().list_at,
        groups=GROUPS,
        channels=CHANNELS,
        labels=KIND_LABELS,
        field_name=field_name,
    )
    return body, form_status(form)


def _save(agent_id: str, form: ContactForm) -> bool:
    """Save what an agent is notified of; False if it was refused, which the form then says."""
    service = services_of(current_app).agent_notices
    try:
        service.change(agent_id, form.contact, form.choices, current_viewer(), seen=form.seen.data or "")
    except AgentNoticesChanged as refusal:
        form.show_conflict(refusal.stored)
        form.form_errors.append(_conflict_message(refusal.stored, service.changes_of(refusal.stored.agent)[-1:]))
    except ContactInvalid as refusal:
        form.add_error(refusal, refusal.at)
    except ListNeeded as refusal:
        form.add_error(refusal, field_name(LIST, refusal.channel))
    else:
        return True
    return False


def _without_address(notices: AgentNotices) -> str:
    """Return what happens if no address is entered."""
    if notices.user_email is None:
        return "The agent has no user whose address could be used."
    return f"Without an address here, e-mail goes to {notices.user_email}."


def _conflict_message(stored: AgentNotices, last: Sequence[AuditEntry]) -> str:
    """Return who changed the notices and when, and how to resolve the conflict."""
    who = last[0].actor if last else "Another user"
    return conflict_sentences(who, "these notices", last[0].happened_at if last else None, stored.agent.zone)
