"""`flask phone-understand`: parse, call, print."""

from __future__ import annotations

from datetime import datetime

import click
from flask import current_app

from peterental.access import Viewer
from peterental.agents.model import Agent, Rules, Window
from peterental.appointments.phone_requests import RequestContext
from peterental.appointments.understanding import understand
from peterental.calls.model import ToolInvocation
from peterental.cli.errors import report_errors
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.services import services_of
from peterental.voice.speech import render

_OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)
_WORKING_HOURS = Window(9 * 60, 17 * 60)
_WORKDAYS = range(1, 6)


@click.command("phone-understand")
@click.argument("phrase")
@click.option("--agent", "agent_id", help="The id of an agent, for its hours, bookings and language.")
@click.option(
    "--now", "now_text", help="The time of the call in ISO 8601; without an offset, in the agent's time zone."
)
@report_errors
def phone_understand(phrase: str, agent_id: str | None, now_text: str | None) -> None:
    """Explain how a caller's time is understood: tokens, readings, decision and the sentence of the answer.

    Nothing is booked. Without --agent an agent with the default rules and an empty calendar answers, and no database is
    read.

    Example: flask phone-understand "thursday after 3" --now 2026-11-29T10:00
    """
    if agent_id is None:
        agent = _default_agent()
        now = _moment(now_text, agent)
        context = RequestContext(
            now=now, invocation=ToolInvocation(name="set_appointment", tool_call_id=""), agent=agent
        )
        found = understand(phrase, context)
    else:
        services = services_of(current_app)
        now = _moment(now_text, services.agents.get(agent_id, _OPERATOR))
        found, agent = services.appointments.understand(phrase, agent_id, _OPERATOR, now)
    for line in found.explanation.lines:
        click.echo(line)
    click.echo(f"sentence  {render(found.outcome, agent, now)}")


def _default_agent() -> Agent:
    """Return an agent with the default rules: Monday to Friday, nine to five, in DEFAULT_TIME_ZONE."""
    zone = config_of(current_app).default_time_zone
    week = tuple((weekday, _WORKING_HOURS) for weekday in _WORKDAYS)
    return Agent(agent_id="default", agent_name="Default", time_zone=zone, rules=Rules(week=week))


def _moment(text: str | None, agent: Agent) -> datetime:
    """Return the time that `--now` names, aware. Raises click.BadParameter."""
    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a time in ISO 8601, such as 2026-11-29T10:00."
        raise click.BadParameter(message, param_hint="--now") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=agent.zone)


COMMANDS = (phone_understand,)
