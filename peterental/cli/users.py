"""`flask user-…` and `flask demo`: parse, call, print."""

from __future__ import annotations

import sys
from typing import Any, cast

import click
from flask import current_app

from peterental import demo
from peterental.cli.errors import report_errors
from peterental.config import config_of
from peterental.database import Database
from peterental.services import services_of
from peterental.users.model import EmailTaken
from peterental.users.setup_link import setup_link


class UserExists(EmailTaken):
    """There is already a user with the e-mail address {email}; flask user-password sets a new password."""


@click.command("user-create")
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "agent"]), default="agent", show_default=True)
@report_errors
def user_create(email: str, role: str) -> None:
    """Create a user. The password is prompted for, or read from standard input.

    Example: flask user-create pat@example.com --role admin
    """
    try:
        services_of(current_app).users.create(email, _password(), cast("Any", role))
    except EmailTaken as refusal:
        raise UserExists(email=email) from refusal
    click.echo(f"✅ {email} can sign in as {role}.")


@click.command("user-password")
@click.argument("email")
@report_errors
def user_password(email: str) -> None:
    """Set a user's password, which ends all of their sessions.

    While no active user has a password, the first to get one becomes an admin.

    Example: flask user-password pat@example.com
    """
    done = services_of(current_app).users.set_up_password(email, _password())
    if done.before.has_password:
        click.echo(f"✅ {email} has a new password and was signed out everywhere.")
    else:
        click.echo(f"✅ {email} has a password now.")
    if done.became_admin:
        click.echo(f"{email} is an admin now, because no other user could sign in.")
    if not done.before.is_active:
        click.echo(f"⚠️  {email} is deactivated and cannot sign in before an admin reactivates the account.")


@click.command("user-second-factor")
@click.argument("email")
@click.option("--off", is_flag=True, required=True, help="Turn it off; the user signs in with the password alone.")
@report_errors
def user_second_factor(email: str, *, off: bool) -> None:
    """Turn off the second factor of a user who lost it, which ends all of their sessions.

    Example: flask user-second-factor pat@example.com --off
    """
    del off  # the option says what the command does
    services_of(current_app).second_factor.reset_by_operator(email)
    click.echo(f"✅ The second factor of {email} is off. Every browser was signed out.")


@click.command("demo")
@report_errors
def demo_command() -> None:
    """Load demo data, two agents with bookings, into an empty database.

    Example: flask demo
    """
    demo.load(config_of(current_app), services_of(current_app), _database())
    click.echo("✅ Loaded two agents with bookings.")
    if not services_of(current_app).users.is_set_up():
        click.echo(f"Create the first account: {setup_link(config_of(current_app))}")


def _password() -> str:
    """Prompt for a password twice on a terminal; otherwise read one line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _database() -> Database:
    return cast("Database", current_app.extensions["peterental.database"])


COMMANDS = (user_create, user_password, user_second_factor, demo_command)
