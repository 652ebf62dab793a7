"""The page of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.admin.session import current_viewer
from peterental.messages.model import OPEN_COUNTED, SHORTEST_TEXT, MessageFilter, State
from peterental.services import services_of

FILTERS = ("q", "agent", "show")
LONGEST_TEXT = 255
LAST_PAGE = 400
"""Ten thousand messages are more than anybody pages through."""


def create_blueprint() -> Blueprint:
    """Make the pages about messages."""
    blueprint = Blueprint("messages", __name__, template_folder="templates", url_prefix="/messages")
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/<int:message_id>", view_func=show)
    blueprint.add_url_rule("/<int:message_id>/done", view_func=done, methods=["POST"])
    blueprint.add_url_rule("/<int:message_id>/open", view_func=reopen, methods=["POST"])
    return blueprint


def index() -> str:
    """List the messages, the open ones first. Two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    chosen = _chosen(request.args)
    agents = services.agents.names(viewer, chosen.get("agent", ""))
    problems = []
    if chosen.get("agent") and chosen["agent"] not in {agent.agent_id for agent in agents}:
        problems.append("There is no such agent, so messages for all of them are shown.")
        del chosen["agent"]
    if chosen.get("show", "open") not in get_args(State):
        problems.append("Messages are open, done or all; here are those still open.")
        del chosen["show"]
    if 0 < len(chosen.get("q", "")) < SHORTEST_TEXT:
        problems.append(f"“{chosen.pop('q')}” is too short to look for: type three letters or digits.")
    wanted = MessageFilter(
        state=cast("State", chosen.get("show", "open")), agent_id=chosen.get("agent", ""), text=chosen.get("q", "")
    )
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    return render_template(
        "messages/index.html",
        listing=services.messages.listing(viewer, wanted, page=page),
        agents=agents,
        wanted=wanted,
        chosen=chosen,
        problems=problems,
        page=page,
        last_page=LAST_PAGE,
        many=OPEN_COUNTED,
    )


def show(message_id: int) -> str:
    """Show one message as a whole. One query."""
    message = services_of(current_app).messages.get(message_id, current_viewer())
    return render_template("messages/show.html", message=message, chosen={})


def done(message_id: int) -> Response:
    """Tick a message off."""
    message = services_of(current_app).messages.tick(message_id, current_viewer(), done=True)
    flash(f"Ticked off: the message from {message.sender}.", "done")
    return _back_to_the_list()


def reopen(message_id: int) -> Response:
    """Open a message again."""
    message = services_of(current_app).messages.tick(message_id, current_viewer(), done=False)
    flash(f"Open again: the message from {message.sender}.", "done")
    return _back_to_the_list()


def _back_to_the_list() -> Response:
    """Lead back to where the message was ticked."""
    address = cast("dict[str, Any]", _chosen(request.args))
    return redirect(url_for("messages.index", **address), 303)


def _chosen(arguments: Mapping[str, str]) -> dict[str, str]:
    """Give the filter in a query string, without what is empty."""
    chosen = {name: arguments.get(name, "").replace("\x00", "").strip()[:LONGEST_TEXT] for name in FILTERS}
    return {name: value for name, value in chosen.items() if value}
