"""The page of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.messages.model import MAX_OPEN_COUNTED, MIN_SEARCH_CHARS, MessageFilter, State
from peterental.services import services_of
from peterental.web.shell.query_params import QueryParams, utc_bounds
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.agents.model import AgentName
    from peterental.config import Config

FILTERS = ("q", "agent", "show", "from", "to")
LAST_PAGE = 100
"""Some thousands of messages are more than anybody pages through; dates lead to the others."""


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
    address = QueryParams(request.args)
    agents = services.agents.names(viewer, address.text("agent"))
    config: Config = current_app.extensions["peterental.config"]
    wanted, chosen = parse_filter(address, agents, ZoneInfo(config.default_time_zone))
    page = address.page(LAST_PAGE)
    return render_template(
        "messages/index.html",
        listing=services.messages.listing(viewer, wanted, page=page),
        agents=agents,
        wanted=wanted,
        chosen=chosen,
        warnings=address.warnings,
        page=page,
        last_page=LAST_PAGE,
        many=MAX_OPEN_COUNTED,
    )


def show(message_id: int) -> str:
    """Show one message as a whole. One query."""
    message = services_of(current_app).messages.get(message_id, current_viewer())
    return render_template("messages/show.html", message=message, chosen={})


def done(message_id: int) -> Response:
    """Tick a message off."""
    message = services_of(current_app).messages.set_done(message_id, current_viewer(), done=True)
    flash(f"Ticked off: the message from {message.sender}.", "done")
    return _redirect_to_list()


def reopen(message_id: int) -> Response:
    """Open a message again."""
    message = services_of(current_app).messages.set_done(message_id, current_viewer(), done=False)
    flash(f"Open again: the message from {message.sender}.", "done")
    return _redirect_to_list()


def parse_filter(
    address: QueryParams, agents: Sequence[AgentName], zone: ZoneInfo
) -> tuple[MessageFilter, dict[str, str]]:
    """Read a filter from a query string, leaving out what cannot be read.

    Args:
        address: `q`, `agent`, `show`, `from` and `to` (days, both included).
        agents: those that may be chosen.
        zone: whose days these are where no agent is chosen.

    Gives the filter, and what it is in a query string.
    """
    known = [agent.agent_id for agent in agents]
    agent_id = address.choice("agent", known, "There is no such agent, so messages for all of them are shown.") or ""
    state = address.choice("show", get_args(State), "Messages are open, done or all; here are those still open.")
    first, last = address.days()
    since, until = utc_bounds(first, last, next((agent.zone for agent in agents if agent.agent_id == agent_id), zone))
    text = address.text("q")
    if 0 < len(text) < MIN_SEARCH_CHARS:
        address.warnings.append(f"“{text}” is too short to look for: type three letters or digits.")
        text = ""
    chosen = {
        "show": state,
        "q": text,
        "agent": agent_id,
        "from": first and first.isoformat(),
        "to": last and last.isoformat(),
    }
    wanted = MessageFilter(state=state or "open", agent_id=agent_id, since=since, until=until, text=text)
    return wanted, {name: value for name, value in chosen.items() if value}


def _redirect_to_list() -> Response:
    """Lead back to where the message was ticked."""
    asked = QueryParams(request.args)
    address: dict[str, Any] = {name: asked.text(name) or None for name in FILTERS}
    return redirect(url_for("messages.index", **address), 303)
