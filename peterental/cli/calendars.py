"""`flask calendars-…`: parse, call, print."""

from __future__ import annotations

import sys

import click
from flask import current_app

from peterental.access import Viewer
from peterental.calendars.account import SyncResult
from peterental.cli.errors import report_errors
from peterental.errors import Refusal
from peterental.plural import counted
from peterental.services import services_of

_OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


class UserNameMissing(Refusal):
    """CalDAV needs a user name: add --user."""


class SecretMissing(Refusal):
    """Nothing was read from standard input: {what} is expected there."""


class CalendarsUnread(Refusal):
    """{number} could not be read."""


@click.command("calendars-connect")
@click.argument("agent_id")
@click.argument("kind", type=click.Choice(["ics", "caldav"]))
@click.argument("address")
@click.option("--user", "user_name", help="The user name of a CalDAV account.")
@report_errors
def calendars_connect(agent_id: str, kind: str, address: str, user_name: str | None) -> None:
    """Connect an agent's calendar without a browser, and say what was found.

    The app password of a CalDAV account is prompted for, or read from standard input. ADDRESS may be - for an .ics
    address, which is secret and is then read from standard input, too.

    Example: flask calendars-connect ana caldav dav.example.com --user ana@example.com
    """
    calendars = services_of(current_app).calendars
    if kind == "ics":
        secret = _secret("the address") if address == "-" else address
        result = calendars.connect_address(agent_id, secret, _OPERATOR)
    elif user_name is None:
        raise UserNameMissing
    else:
        result = calendars.connect_caldav(agent_id, address, user_name, _secret("the app password"), _OPERATOR)
    overview = calendars.overview(agent_id, _OPERATOR)
    (connected,) = (each for each in overview.accounts if each.account.account_id == result.account.account_id)
    click.echo(f"✅ {connected.account.label} is connected.")
    for calendar in connected.calendars:
        uses = [
            text
            for text, is_used in (
                ("its events take time", calendar.blocks),
                ("receives viewings", calendar.receives_viewings),
            )
            if is_used
        ]
        click.echo(f"   {calendar.name}: {', '.join(uses) or 'not used'}")
        for note in calendar.notes:
            click.echo(f"   ⚠️  {note}")
    if not _report(result):
        raise CalendarsUnread(number="The calendar")


@click.command("calendars-sync")
@click.argument("agent_id", required=False)
@report_errors
def calendars_sync(agent_id: str | None) -> None:
    """Read the calendars of an agent now, or of all agents, and say what happened.

    Example: flask calendars-sync ana
    """
    services = services_of(current_app)
    accounts = services.calendars.all_accounts(_OPERATOR, agent_id)
    if not accounts:
        click.echo("No calendar is connected.")
        return
    failed = sum(not _report(services.calendars.sync_now(account.account_id, _OPERATOR)) for account in accounts)
    if failed:
        raise CalendarsUnread(number=counted(failed, "calendar account"))


def _report(result: SyncResult) -> bool:
    """Print the result of reading an account; return whether it was read."""
    name = f"{result.account.agent_id}  {result.account.label}"
    match result.state:
        case "read":
            click.echo(f"✅ {name}: {counted(result.events, 'busy time')}.")
        case "busy":
            click.echo(f"⏳ {name}: another process is reading it now.")
        case "waiting":
            click.echo(f"⏳ {name}: the provider asked to be left alone for a while.")
        case "failed":
            click.echo(f"❌ {name}: {result.problem}")
    return result.state != "failed"


def _secret(what: str) -> str:
    """Read a secret: from the terminal without showing it, or the first line of standard input."""
    if sys.stdin.isatty():
        secret: str = click.prompt(what.removeprefix("the ").capitalize(), hide_input=True)
        return secret
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        raise SecretMissing(what=what)
    return line


COMMANDS = (calendars_connect, calendars_sync)
