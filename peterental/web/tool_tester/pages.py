"""The tool tester: shows the reply to a simulated tool call."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, render_template, request

from peterental.clock import utc_now
from peterental.services import services_of
from peterental.voice.simulator import simulate_tool_call
from peterental.voice.tool_registry import TOOLS
from peterental.web.calls.labels import format_response_time
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.tool_tester.forms import form_for

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.agents.time_off.model import Closure
    from peterental.services import Services
    from peterental.voice.simulator import SimulationResult
    from peterental.voice.tool_registry import ToolSpec
    from peterental.web.tool_tester.forms import ToolTesterForm

MAX_CLOSURES = 3
"""Closures of the office that are named beside a reply."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page."""
    blueprint = Blueprint("tool_tester", __name__, template_folder="templates", url_prefix="/rehearsal")
    blueprint.add_url_rule("", view_func=index, methods=["GET", "POST"])
    return blueprint


@preserves_form
def index() -> tuple[str, int]:
    """Show the form of a tool, and the reply to a simulated call.

    Nothing is changed, so there is no redirect.
    """
    viewer, services = current_viewer(), services_of(current_app)
    agents = services.agents.names(viewer, request.values.get("agent", ""))
    params = QueryParams(request.args)
    tool = _tool(params)
    form = form_for(tool)(agent=params.text("agent") or None)
    form.offer(agents)
    agent = result = None
    if form.validate_on_submit():
        agent = services.agents.get(form.agent.data, viewer)
        result = _simulate(tool, agent, form)
    page = render_template(
        "tool_tester/index.html",
        agents=agents,
        linked_agent=form.agent.data if any(known.agent_id == form.agent.data for known in agents) else None,
        agent=agent,
        tools=TOOLS,
        tool=tool,
        warnings=params.warnings,
        form=form,
        result=result,
        closures=_closures(services, agent, viewer) if agent else [],
        format_response_time=format_response_time,
        asked=_pretty(result.request) if result else "",
        reply=_pretty(result.reply) if result else "",
    )
    return page, 400 if form.errors else 200


def _tool(params: QueryParams) -> ToolSpec:
    """Return the tool in the address, else the first."""
    name = params.choice("tool", [tool.name for tool in TOOLS], "There is no tool {}. The first one is shown.")
    return next((tool for tool in TOOLS if tool.name == name), TOOLS[0])


def _simulate(tool: ToolSpec, agent: Agent, form: ToolTesterForm) -> SimulationResult | None:
    """Return the reply to a tool call with the entries of a form; None for an agent that no call reaches."""
    if not agent.vapi_assistant_id and not agent.phone_number_id:
        return None
    return simulate_tool_call(
        current_app.extensions["peterental.database"],
        agent,
        tool.name,
        form.arguments(tool),
        caller_number=form.caller_number.data or None,
        now=form.now(agent.zone, utc_now()),
    )


def _closures(services: Services, agent: Agent, viewer: Viewer) -> list[Closure]:
    """Return the closures of the office within the days that callers may book: why no time is offered then."""
    last = utc_now().astimezone(agent.zone).date() + timedelta(days=agent.rules.horizon_days)
    ahead = [item.closure for item in services.time_off.upcoming(viewer, agent_id=agent.agent_id).items if item.closure]
    return [closure for closure in ahead if closure.first_day <= last][:MAX_CLOSURES]


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
