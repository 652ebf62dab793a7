"""`flask …` commands: parse, call, print."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click
from flask import Flask, current_app

from peterental import demo, deploy
from peterental.admin import setup_link
from peterental.config import Config
from peterental.database import Database, migrations_url_for
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.new import new_migration
from peterental.database.migrations.repair import repair
from peterental.database.migrations.report import status_table
from peterental.database.migrations.rollback import rollback
from peterental.database.migrations.status import read_status
from peterental.database.migrations.writing import LOCK_WAIT_S
from peterental.errors import Fault, PeteRentalError, Refusal
from peterental.services import now, services_of

EXIT_PENDING = 3
EXIT_BROKEN = 4

directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of migration files; default: MIGRATIONS_DIR.",
)


class NotConfirmed(Refusal):
    """Nothing was changed: there is no terminal to ask on, so say --yes if you are sure."""


def install(app: Flask) -> None:
    """Give `app` its commands."""
    for command in (
        db_migrate,
        db_status,
        db_new,
        db_lint,
        db_repair,
        db_rollback,
        user_create,
        user_password,
        demo_command,
    ):
        app.cli.add_command(command)


def told_in_one_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user can cause into one message on stderr and exit code 1; the one `except` of this edge."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except Fault as fault:
            sys.exit(deploy.failure_line(fault) if command.__name__ == "db_migrate" else f"❌ {fault}")
        except PeteRentalError as error:
            sys.exit(f"❌ {error}")
        except KeyboardInterrupt:
            sys.exit("❌ Stopped; nothing is half-done.")

    return run


@click.command("db-migrate")
@click.option("--to", type=click.IntRange(min=1), help="Stop after this version.")
@click.option("--dry-run", is_flag=True, help="Only say what would be applied.")
@click.option(
    "--lock-wait", type=click.FloatRange(min=0), default=LOCK_WAIT_S, help="Seconds to wait for another runner."
)
@directory_option
@told_in_one_sentence
def db_migrate(to: int | None, *, dry_run: bool, lock_wait: float, directory: Path | None) -> None:
    """Apply the migrations that are pending.

    Example: flask db-migrate --to 4
    """
    directory = directory or _config().migrations_dir
    if dry_run:
        status = read_status(_url(), directory)
        pending = [entry for entry in status.entries if entry.version in status.pending]
        for entry in pending:
            if to is None or entry.version <= to:
                click.echo(f"would apply {entry.file_name}")
        click.echo(status.summary())
        if status.state == "broken":
            sys.exit(1)
        return
    MigrationRunner(_url(), directory, lock_wait_s=lock_wait, tell=click.echo).run_migrations(to=to)


@click.command("db-status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--exit-code", is_flag=True, help=f"Exit {EXIT_PENDING} when pending, {EXIT_BROKEN} when broken.")
@directory_option
@told_in_one_sentence
def db_status(*, as_json: bool, exit_code: bool, directory: Path | None) -> None:
    """Show every migration: applied, pending, edited or missing.

    Example: flask db-status --exit-code
    """
    status = read_status(_url(), directory or _config().migrations_dir)
    click.echo(json.dumps(status.as_json(), indent=2) if as_json else status_table(status))
    if exit_code:
        sys.exit({"pending": EXIT_PENDING, "broken": EXIT_BROKEN}.get(status.state, 0))


@click.command("db-new")
@click.argument("title")
@directory_option
@told_in_one_sentence
def db_new(title: str, *, directory: Path | None) -> None:
    """Write the next numbered migration from a template, and print its path.

    Example: flask db-new "add user phone"
    """
    click.echo(new_migration(directory or _config().migrations_dir, title, now().date()))


@click.command("db-lint")
@click.option("--strict", is_flag=True, help="Advice counts as findings too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@directory_option
@told_in_one_sentence
def db_lint(*, strict: bool, as_json: bool, directory: Path | None) -> None:
    """Check names, sequence and unsafe DDL of the migration files.

    Example: flask db-lint --strict
    """
    report = lint_directory(directory or _config().migrations_dir)
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else report.text(colour=sys.stdout.isatty()))
    sys.exit(report.exit_code(strict=strict))


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command("db-repair")
@yes_option
@directory_option
@told_in_one_sentence
def db_repair(*, yes: bool, directory: Path | None) -> None:
    """Accept edited files, and begin stopped ones anew, after showing what changed.

    Example: flask db-repair
    """

    def confirm(shown: str) -> bool:
        click.echo(shown)
        return _agrees("Accept this?", yes=yes)

    accepted = repair(_url(), directory or _config().migrations_dir, confirm=confirm, tell=click.echo)
    click.echo(f"✅ Accepted {accepted}" if accepted else "✅ Nothing was changed")


@click.command("db-rollback")
@click.option("--to", type=click.IntRange(min=0), required=True, help="The version to go back to.")
@yes_option
@directory_option
@told_in_one_sentence
def db_rollback(to: int, *, yes: bool, directory: Path | None) -> None:
    """Undo migrations with their .down.sql files, the latest first.

    Example: flask db-rollback --to 5
    """

    def confirm(names: list[str]) -> bool:
        click.echo("This runs, in order: " + ", ".join(names))
        return _agrees("Undo these migrations?", yes=yes)

    rollback(_url(), directory or _config().migrations_dir, to=to, confirm=confirm, tell=click.echo)


@click.command("user-create")
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "agent"]), default="agent", show_default=True)
@told_in_one_sentence
def user_create(email: str, role: str) -> None:
    """Let somebody sign in. The password is asked for, or read from standard input.

    Example: flask user-create pat@example.com --role admin
    """
    services_of(current_app).users.create(email, _password(), cast("Any", role))
    click.echo(f"✅ {email} may sign in as {role}.")


@click.command("user-password")
@click.argument("email")
@told_in_one_sentence
def user_password(email: str) -> None:
    """Give somebody a new password, which signs them out everywhere.

    Example: flask user-password pat@example.com
    """
    services_of(current_app).users.set_password(email, _password())
    click.echo(f"✅ {email} has a new password and is signed out everywhere.")


@click.command("demo")
@told_in_one_sentence
def demo_command() -> None:
    """Load two agents with bookings into an empty database, for a first look.

    Example: flask demo
    """
    demo.load(_config(), services_of(current_app), _database())
    click.echo("✅ Two agents with bookings are there to look at.")
    if not services_of(current_app).users.any_user():
        click.echo(f"Make the first account: {setup_link(_config())}")


def _agrees(question: str, *, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only --yes is a yes."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise NotConfirmed
    return click.confirm(question)


def _password() -> str:
    """Ask for a password twice on a terminal; elsewhere read one line."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _config() -> Config:
    return cast("Config", current_app.extensions["peterental.config"])


def _database() -> Database:
    return cast("Database", current_app.extensions["peterental.database"])


def _url() -> str:
    return migrations_url_for(_config(), _database())
