"""`flask db-…` commands: parse, call, print."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import click
from flask import current_app

from peterental.cli.errors import report_errors
from peterental.cli.next_commands import completed
from peterental.cli.terminal import colours, columns, output, prints_unicode
from peterental.clock import utc_now
from peterental.config import Config, config_of
from peterental.database import Database, engine_settings, migrations_url_for, remark_on_urls
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.status_table import status_table
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.migrations.source.checks import checked_files, refuse_beyond_last
from peterental.database.migrations.source.files import scan_files
from peterental.errors import Refusal

EXIT_NOT_CHECKED = 2
EXIT_PENDING = 3
EXIT_BROKEN = 4

directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder of migration files; default: MIGRATIONS_DIR.",
)


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def _format_option(*formats: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add --format, whose default is the first, and --json, its older form."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        command = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")(command)
        option = click.option(
            "--format",
            "output_format",
            type=click.Choice(formats),
            default=formats[0],
            help="What to print; default: text.",
        )
        return option(command)

    return add


def _require_finite(value: float | None, unit: str, option: str) -> None:
    """Raise BadParameter for `nan` and `inf`, which click takes for numbers."""
    if value is not None and not math.isfinite(value):
        message = f"{value} is not a number of {unit}."
        raise click.BadParameter(message, param_hint=option)


def _refuse_both(given: Mapping[str, bool]) -> None:
    """Raise UsageError if two options that exclude each other are given."""
    if all(given.values()):
        message = f"{' and '.join(given)} exclude each other."
        raise click.UsageError(message)


class NotConfirmed(Refusal):
    """Nothing was changed: there is no terminal for the confirmation. Run it on a terminal, or add --yes."""


@click.command("db-migrate")
@click.option("--to", type=click.IntRange(min=1), metavar="VERSION", help="Stop after this version.")
@click.option("--dry-run", is_flag=True, help="Only list what would be applied.")
@click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=DEFAULT_SETTINGS.lock_wait_s,
    help=f"How long to wait for another runner; default: {DEFAULT_SETTINGS.lock_wait_s:g}.",
)
@click.option("--no-wait", is_flag=True, help="Stop before a file that needs an incomplete backfill.")
@directory_option
@report_errors
def db_migrate(to: int | None, *, dry_run: bool, lock_wait: float, no_wait: bool, directory: Path | None) -> None:
    """Apply the pending migrations.

    Example: flask db-migrate --to 4
    """
    _require_finite(lock_wait, "seconds", "--lock-wait")
    directory = directory or _config().migrations_dir
    if dry_run:
        _list_pending(directory, to)
        return
    with output() as (report, progress):
        MigrationRunner(
            _url(),
            directory,
            lock_wait_s=lock_wait,
            report=report,
            progress=progress,
            settings=engine_settings(_config()),
            may_wait=not no_wait,
        ).run_migrations(to=to)


def _list_pending(directory: Path, to: int | None) -> None:
    """Print what db-migrate would apply; exit 1 if it would refuse the history."""
    files = scan_files(directory)[0]
    refuse_beyond_last(files, to)
    status = read_status(_url(), directory, engine_settings(_config(), directory))
    wanted = [entry for entry in status.entries if entry.version in status.pending]
    pending = [entry.file for entry in wanted if entry.file and (to is None or entry.version <= to)]
    for item in checked_files(pending, files):
        click.echo(f"would apply {item.file.path.name}")
    click.echo(completed(status.summary()))
    if status.state == "broken":
        sys.exit(1)


@click.command("db-status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--exit-code", is_flag=True, help=f"Exit {EXIT_PENDING} when pending, {EXIT_BROKEN} when broken.")
@directory_option
@report_errors
def db_status(*, as_json: bool, exit_code: bool, directory: Path | None) -> None:
    """Show every migration: applied, pending, edited or missing.

    Example: flask db-status --exit-code
    """
    directory = directory or _config().migrations_dir
    status = read_status(_url(), directory, engine_settings(_config(), directory))
    table = "" if as_json else completed(status_table(status, colour=colours(), width=columns()))
    click.echo(_json(status.as_json()) if as_json else table)
    if exit_code:
        sys.exit({"pending": EXIT_PENDING, "broken": EXIT_BROKEN}.get(status.state, 0))


@click.command("db-backfill")
@click.option("--once", is_flag=True, help="Run one batch of each.")
@click.option("--all", "to_the_end", is_flag=True, help="Run each to its end (the default).")
@click.option(
    "--max-rate", type=click.FloatRange(min=0, min_open=True), metavar="ROWS", help="At most so many rows per second."
)
@click.option("--retry", is_flag=True, help="Run the batch of a failed backfill again.")
@click.option("--skip", is_flag=True, help="Leave out the batch of a failed backfill.")
@directory_option
@report_errors
def db_backfill(
    *, once: bool, to_the_end: bool, max_rate: float | None, retry: bool, skip: bool, directory: Path | None
) -> None:
    """Continue the backfills that run in the background, and show how far they are.

    Example: flask db-backfill --max-rate 2000
    """
    from peterental.database.migrations.run.backfills import run_backfills  # noqa: PLC0415  # not needed by a deploy

    _refuse_both({"--once": once, "--all": to_the_end})
    _refuse_both({"--retry": retry, "--skip": skip})
    _require_finite(max_rate, "rows", "--max-rate")
    directory = directory or _config().migrations_dir
    with output() as (report, progress):
        results = run_backfills(
            _url(),
            directory,
            report=report,
            progress=progress,
            settings=engine_settings(_config(), directory),
            max_rows_per_s=max_rate,
            once=once,
            action="retry" if retry else "skip" if skip else None,
        )
    if not results:
        click.echo("✅ No backfill is running")
    for result in results:
        if result.state == "running":
            click.echo(completed(f"⏳ {result.version:03d}: {result.message}"))
    sys.exit(any(result.state == "failed" for result in results))


@click.command("db-new")
@click.argument("title")
@directory_option
@report_errors
def db_new(title: str, *, directory: Path | None) -> None:
    """Write the next migration file from a template and print its path.

    Example: flask db-new "add user phone"
    """
    from peterental.database.migrations.commands.new import new_migration  # noqa: PLC0415  # not needed by a deploy

    today = utc_now().date()
    click.echo(new_migration(directory or _config().migrations_dir, title, today))


@click.command("db-lint")
@click.option("--strict", is_flag=True, help="Count advice too.")
@_format_option("text", "json", "github", "sarif")
@directory_option
@report_errors
def db_lint(*, strict: bool, output_format: str, as_json: bool, directory: Path | None) -> None:
    """Check names, sequence and unsafe DDL of the migration files.

    Exits 1 with findings, 2 if the folder cannot be read.

    Example: flask db-lint --format github
    """
    from peterental.database.migrations.lint import lint_directory  # noqa: PLC0415  # not needed by a deploy
    from peterental.database.migrations.lint.formats import Place, github_text, sarif  # noqa: PLC0415  # as above

    folder = directory or _config().migrations_dir
    try:
        report = lint_directory(folder)
    except MigrationFilesError as error:
        click.echo(f"❌ {error}", err=True)
        sys.exit(EXIT_NOT_CHECKED)
    formats = {
        "text": lambda: completed(report.text(colour=colours(), width=columns())),
        "json": lambda: _json(report.as_json()),
        "github": lambda: github_text(report, Place.of(folder), strict=strict),
        "sarif": lambda: _json(sarif(report, Place.of(folder), strict=strict)),
    }
    click.echo(formats["json" if as_json else output_format]())
    sys.exit(report.exit_code(strict=strict))


@click.command("db-plan")
@_format_option("text", "json", "markdown")
@directory_option
@report_errors
def db_plan(*, output_format: str, as_json: bool, directory: Path | None) -> None:
    """Rehearse the pending migrations and show locks, sizes and rewrites. Changes nothing.

    Exits 1 if one would fail.

    Example: flask db-plan --format markdown
    """
    from peterental.database.migrations.plan.markdown import plan_markdown  # noqa: PLC0415  # not needed by a deploy
    from peterental.database.migrations.plan.planner import plan  # noqa: PLC0415  # not needed by a deploy

    found = plan(
        _url(),
        directory or _config().migrations_dir,
        scratch_url=_config().scratch_database_url,
        report=_report_to_stderr,
        settings=engine_settings(_config(), directory),
    )
    formats = {
        "text": lambda: completed(found.text(width=columns())),
        "json": lambda: _json(found.as_json()),
        "markdown": lambda: plan_markdown(found),
    }
    click.echo(formats["json" if as_json else output_format]())
    sys.exit(found.would_fail)


@click.command("db-verify")
@click.option("--grants", is_flag=True, help="Compare privileges as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@directory_option
@report_errors
def db_verify(*, grants: bool, as_json: bool, directory: Path | None) -> None:
    """Compare the database with a scratch database built from the files.

    Exits 1 if they differ.

    Example: flask db-verify --grants
    """
    from peterental.database.migrations.verify.verify import verify  # noqa: PLC0415  # not needed by a deploy

    found = verify(
        _url(),
        directory or _config().migrations_dir,
        scratch_url=_config().scratch_database_url,
        report=_report_to_stderr,
        grants=grants,
    )
    click.echo(_json(found.as_json()) if as_json else completed(found.text()))
    sys.exit(not found.same)


@click.command("db-adopt")
@click.option(
    "--to",
    type=click.IntRange(min=1),
    metavar="VERSION",
    required=True,
    help="The last version that the database already has.",
)
@directory_option
@report_errors
def db_adopt(to: int, *, directory: Path | None) -> None:
    """Record migrations as applied on a database that already has their schema.

    Example: flask db-adopt --to 2
    """
    from peterental.database.migrations.commands.adopt import adopt  # noqa: PLC0415  # not needed by a deploy

    folder = directory or _config().migrations_dir
    with output() as (report, _):
        adopt(_url(), folder, to=to, scratch_url=_config().scratch_database_url, report=report)


@click.command("db-schema")
@click.option(
    "--check",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Print how FILE differs from the schema, and exit 1 if it does.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE, not to stdout."
)
@directory_option
@report_errors
def db_schema(*, check: Path | None, output: Path | None, directory: Path | None) -> None:
    """Write the schema that the migration files make as SQL, for review in diffs.

    Example: flask db-schema --check schema.sql
    """
    from peterental.database.migrations.commands import schema  # noqa: PLC0415  # not needed by a deploy

    if check and output:
        message = "--check and --output exclude each other."
        raise click.UsageError(message)
    recorded = schema.read_recorded(check) if check else None
    folder = directory or _config().migrations_dir
    text = schema.write_schema(
        _server_url(), folder, scratch_url=_config().scratch_database_url, report=_report_to_stderr
    )
    if recorded is not None:
        difference = schema.schema_diff(recorded, text, str(check))
        click.echo("\n".join(difference) or f"✅ {check} is current")
        if difference:
            update = completed(f"flask db-schema --output {shlex.quote(str(check))}")
            sys.exit(f"❌ {check} is out of date. Next: {update}")
        return
    if output:
        schema.write_recorded(output, text)
        click.echo(f"✅ {output}")
    else:
        click.echo(text.encode(), nl=False)  # a file's content: UTF-8 whatever the locale is


@click.command("db-squash")
@click.argument("to", type=click.IntRange(min=1), metavar="VERSION")
@yes_option
@directory_option
@report_errors
def db_squash(to: int, *, yes: bool, directory: Path | None) -> None:
    """Replace migrations 001 to VERSION by one baseline, proved to make the same database.

    Example: flask db-squash 13
    """
    from peterental.database.migrations.commands.squash import squash  # noqa: PLC0415  # not needed by a deploy

    def confirm(shown: str) -> bool:
        click.echo(shown)
        return _confirm("Replace them?", yes=yes)

    folder = directory or _config().migrations_dir
    with output() as (report, _):
        done = squash(
            _server_url(),
            folder,
            to=to,
            today=utc_now().date(),
            confirm=confirm,
            scratch_url=_config().scratch_database_url,
            report=report,
        )
    if done is None:
        click.echo("✅ Nothing was changed")


@click.command("db-repair")
@yes_option
@directory_option
@report_errors
def db_repair(*, yes: bool, directory: Path | None) -> None:
    """Accept edited files and reset stopped ones, after showing the changes.

    Example: flask db-repair
    """
    from peterental.database.migrations.commands.repair import repair  # noqa: PLC0415  # not needed by a deploy

    def confirm(shown: str) -> bool:
        click.echo(shown)
        return _confirm("Accept this?", yes=yes)

    with output() as (report, _):
        repair(_url(), directory or _config().migrations_dir, confirm=confirm, report=report)


@click.command("db-rollback")
@click.option(
    "--to",
    type=click.IntRange(min=0),
    metavar="VERSION",
    required=True,
    help="The version to go back to; 0 undoes everything.",
)
@yes_option
@directory_option
@report_errors
def db_rollback(to: int, *, yes: bool, directory: Path | None) -> None:
    """Undo migrations with their .down.sql files, latest first.

    Example: flask db-rollback --to 5
    """
    from peterental.database.migrations.commands.rollback import rollback  # noqa: PLC0415  # not needed by a deploy

    def confirm(names: list[str]) -> bool:
        click.echo("Files to run, in order: " + ", ".join(names))
        return _confirm("Undo these migrations?", yes=yes)

    with output() as (report, _):
        rollback(_url(), directory or _config().migrations_dir, to=to, confirm=confirm, report=report)


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=not prints_unicode())


def _report_to_stderr(line: str) -> None:
    """Print a line of progress to stderr, so that stdout has only the result."""
    click.echo(line, err=True)


def _confirm(question: str, *, yes: bool) -> bool:
    """Return the answer on a terminal; without one, --yes is required. Raises NotConfirmed."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise NotConfirmed
    return click.confirm(question)


def _config() -> Config:
    return config_of(current_app)


def _database() -> Database:
    return cast("Database", current_app.extensions["peterental.database"])


def _url() -> str:
    """Return the runner's URL; warn on stderr if it does not lead to the application's database."""
    remark = remark_on_urls(_config())
    if remark:
        click.echo(f"⚠️  {remark}.", err=True)
    return _server_url()


def _server_url() -> str:
    """Return the runner's URL, for a command that uses only a scratch database on its server."""
    return migrations_url_for(_config(), _database())


COMMANDS = (
    db_migrate,
    db_status,
    db_backfill,
    db_new,
    db_lint,
    db_plan,
    db_verify,
    db_adopt,
    db_repair,
    db_rollback,
    db_schema,
    db_squash,
)
