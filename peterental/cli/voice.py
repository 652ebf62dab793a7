"""`flask vapi-tools`: parse, call, print."""

from __future__ import annotations

import json
from typing import cast

import click
from flask import current_app

from peterental.access import Viewer
from peterental.cli.errors import report_errors
from peterental.config import Config
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
    address = (url or cast("Config", current_app.extensions["peterental.config"]).address).rstrip("/")
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


COMMANDS = (vapi_tools,)
