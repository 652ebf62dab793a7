"""Pages of the messages that callers leave: the inbox and one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.config import config_of
from peterental.messages.model import MAX_OPEN_COUNTED, MessageFilter, State
from peterental.search import MIN_CHARS
from peterental.services import services_of
from peterental.web.shell.query_params import QueryParams, utc_bounds
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.agents.model import AgentName

FILTERS = ("q", "agent", "show", "from", "to")
LAST_PAGE = 100
"""The last page that can be opened, a few thousand messages back. The date filter leads to older ones."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the messages' pages."""
    blueprint = Blueprint("messages", __name__, template_folder="templates", url_prefix="/messages")
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/<int:message_id>", view_func=show)
    blueprint.add_url_rule("/<int:message_id>/done", view_func=done, methods=["POST"])
    blueprint.add_url_rule("/<int:message_id>/open", view_func=reopen, methods=["POST"])
    return blueprint


def index() -> str:
    """List the messages, by default the open ones. Runs two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    params = QueryParams(request.args)
    agents = services.agents.names(viewer, params.text("agent"))
    config = config_of(current_app)
    wanted, chosen = parse_filter(params, agents, config.office_zone)
    page = params.page(LAST_PAGE)
    return render_template(
        "messages/index.html",
        listing=services.messages.listing(viewer, wanted, page=page),
        agents=agents,
        wanted=wanted,
        chosen=chosen,
        warnings=params.warnings,
        page=page,
        last_page=LAST_PAGE,
        many=MAX_OPEN_COUNTED,
    )


def show(message_id: int) -> str:
    """Show the full text of one message. Runs one query."""
    message = services_of(current_app).messages.get(message_id, current_viewer())
    return render_template("messages/show.html", message=message, chosen={})


def done(message_id: int) -> Response:
    """Mark a message as done."""
    message = services_of(current_app).messages.set_done(message_id, current_viewer(), done=True)
    flash(f"The message from {message.sender} was marked as done.", "done")
    return _redirect_to_list()


def reopen(message_id: int) -> Response:
    """Reopen a message."""
    message = services_of(current_app).messages.set_done(message_id, current_viewer(), done=False)
    flash(f"The message from {message.sender} was reopened.", "done")
    return _redirect_to_list()


def parse_filter(
    params: QueryParams, agents: Sequence[AgentName], zone: ZoneInfo
) -> tuple[MessageFilter, dict[str, str]]:
    """Parse the filter of the list; an invalid parameter is ignored with a warning.

    Args:
        params: `q`, `agent`, `show`, `from` and `to` (days, both included).
        agents: the agents to choose from.
        zone: the time zone of the days if no agent is chosen.

    Returns the filter and its query parameters.
    """
    known = [agent.agent_id for agent in agents]
    agent_id = params.choice("agent", known, "There is no agent {}. The list shows all agents.") or ""
    state = params.choice("show", get_args(State), "There is no state {}. The open messages are shown.")
    first, last = params.days()
    since, until = utc_bounds(first, last, next((agent.zone for agent in agents if agent.agent_id == agent_id), zone))
    text = params.text("q")
    if 0 < len(text) < MIN_CHARS:
        params.warnings.append(f"“{text}” is too short to search for. Enter at least three letters or digits.")
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
    """Redirect to the list with the filter of the request."""
    params = QueryParams(request.args)
    filters: dict[str, Any] = {name: params.text(name) or None for name in FILTERS}
    return redirect(url_for("messages.index", **filters), 303)
