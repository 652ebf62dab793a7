"""Callers who wait for an agent's times: shown on the agent's page, removed there."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.shell.session import current_viewer


def add_routes(blueprint: Blueprint) -> None:
    """Add the route to the blueprint of the agents."""
    blueprint.add_url_rule("/<path:agent_id>/waitlist/remove", view_func=remove_waiting, methods=["POST"])


def remove_waiting(agent_id: str) -> Response:
    """Take a caller off the waiting list. The caller is not notified."""
    try:
        entry = services_of(current_app).waitlist.remove(request.form.get("entry_id", 0, type=int), current_viewer())
    except Refusal as refusal:
        flash(str(refusal), "refused")
    else:
        flash(f"{entry.attendee_name} is off the waiting list.", "done")
    return redirect(url_for("agents.show", agent_id=agent_id, done="waiting"), 303)
