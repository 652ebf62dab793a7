"""`flask vapi-tools` and `flask vapi-diff`: parse, call, print."""

from __future__ import annotations

import json
import sys

import click
from flask import current_app

from peterental.access import Viewer
from peterental.cli.errors import report_errors
from peterental.config import config_of
from peterental.line.composition import line_services_of
from peterental.line.model import AccountMissing
from peterental.services import services_of
from peterental.voice.tool_registry import tools_json

_OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


@click.command("vapi-tools")
@click.argument("agent_id")
@click.option("--url", help="The public address, such as https://example.com; by default PUBLIC_URL.")
@click.option("--credential", help="The id of the Vapi credential that contains the webhook secret.")
@report_errors
def vapi_tools(agent_id: str, url: str | None, credential: str | None) -> None:
    """Print the tools of an agent's assistant as JSON for Vapi, and instructions on stderr.

    Example: flask vapi-tools ana-lima --url https://peterental.example.com
    """
    agent = services_of(current_app).agents.get(agent_id, _OPERATOR)
    address = (url or config_of(current_app).address).rstrip("/")
    webhook = f"{address}/vapi/webhook"
    click.echo(json.dumps(tools_json(webhook, credential), indent=2))
    click.echo(f"Server URL of the assistant and of each tool: {webhook}", err=True)
    click.echo("Its credential must send VAPI_WEBHOOK_SECRET, as X-Vapi-Secret or as a bearer token.", err=True)
    if agent.vapi_assistant_id:
        click.echo(f"{agent.agent_name} answers as assistant {agent.vapi_assistant_id}.", err=True)
    else:
        click.echo(f"{agent.agent_name} has no assistant yet: set its id at {address}/agents/{agent_id}/edit", err=True)
    if address.startswith("http://"):
        click.echo("Vapi cannot reach that address; pass the public one with --url.", err=True)


@click.command("vapi-diff")
@click.argument("agent_id", required=False)
@report_errors
def vapi_diff(agent_id: str | None) -> None:
    """Compare the lines of all agents, or of one, with what Vapi has. Writes nothing on Vapi.

    Exits with 0 if they are as set up, with 1 if one differs or has trouble.

    Example: flask vapi-diff ana-lima
    """
    line = line_services_of(current_app)
    drift = line.drift
    if agent_id is not None:
        agent = services_of(current_app).agents.get(agent_id, _OPERATOR)
        found = [(agent, drift.check(agent_id, _OPERATOR))]
    else:
        if not line.account.is_connected():
            raise AccountMissing
        drift.check_all()
        found = [(agent, check) for agent, check in drift.checks(_OPERATOR) if check is not None]
        if not found:
            click.echo("No agent has an assistant yet.")
    for agent, check in found:
        click.echo(f"{agent.agent_id}: {'differs' if check.differs else 'as set up'}")
        if check.problem:
            click.echo(f"  {check.problem}")
        for each in check.written:
            click.echo(f"  {each.part}")
            click.echo(_indented("- ", each.theirs))
            click.echo(_indented("+ ", each.ours))
    if any(check.differs for _, check in found):
        sys.exit(1)


def _indented(mark: str, text: str) -> str:
    return "\n".join(f"    {mark}{line}" for line in text.splitlines() or [""])


COMMANDS = (vapi_tools, vapi_diff)
