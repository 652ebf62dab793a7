"""`flask db-import`: parse, call, print."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app

from peterental.cli.errors import report_errors
from peterental.config import config_of
from peterental.database.migrations.importing.tool_names import TOOL_NAMES


@click.command("db-import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "tool",
    type=click.Choice(TOOL_NAMES),
    required=True,
    metavar="TOOL",
    help=f"One of {', '.join(TOOL_NAMES)}.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder to create, or an empty one; default: MIGRATIONS_DIR.",
)
@report_errors
def db_import(folder: Path, tool: str, into: Path | None) -> None:
    """Convert the migrations of another tool; exit 1 if something could not be carried over.

    Example: flask db-import db/migrations --from dbmate --into imported
    """
    from peterental.database.migrations.importing.importer import import_folder  # noqa: PLC0415  # not needed by a deploy

    config = config_of(current_app)
    report = import_folder(folder, tool, into or config.migrations_dir)
    click.echo(report.text())
    sys.exit(not report.complete)


COMMANDS = (db_import,)
