"""The commands that messages name work when they are pasted; URLs that lead to different databases are noticed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import click
import psycopg
import pytest
from flask import Flask
from flask.cli import FlaskGroup
from psycopg import sql

from peterental.cli.database import COMMANDS
from peterental.cli.next_commands import completed
from peterental.config import Config
from peterental.database import database_for, remark_on_urls
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.same_database import other_database
from peterental.deploy import migrate
from tests.commands import flask
from tests.conftest import Databases

UNREACHABLE_URL = "postgresql://127.0.0.1:1/peterental"
SPACED = "odd folder"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / SPACED
    folder.mkdir()
    (folder / "001_make_a.sql").write_text("CREATE TABLE a (i int);")
    return folder


def completed_in(arguments: str, text: str) -> str:
    """Return what a message becomes while `flask ARGUMENTS` runs, of which nothing else is done."""
    group = FlaskGroup(add_version_option=False, create_app=lambda: Flask("empty"))
    for command in COMMANDS:
        group.add_command(command)
    words = shlex.split(arguments)
    place = next(number for number, word in enumerate(words) if word.startswith("db-"))
    with (
        group.make_context("flask", words[: place + 1], resilient_parsing=False) as root,
        group.commands[words[place]].make_context(words[place], words[place + 1 :], parent=root),
    ):
        return completed(text)


NEXT = "Next: fix the error, then run: flask db-migrate"


@pytest.mark.parametrize(
    ("running", "text", "shown"),
    [
        ("db-migrate", NEXT, NEXT),
        ("db-migrate --directory m", NEXT, f"{NEXT} --directory m"),
        ("db-migrate --directory 'my files'", NEXT, f"{NEXT} --directory 'my files'"),
        ("db-migrate --to 4 --lock-wait 300 --no-wait", NEXT, f"{NEXT} --to 4 --lock-wait 300 --no-wait"),
        ("db-status --directory m", "2 are pending: flask db-migrate applies them.", "2 are pending: flask db-migrate --directory m applies them."),
        ("db-migrate --dry-run --to 1 --directory m", "flask db-migrate applies them", "flask db-migrate --directory m applies them"),
        ("db-migrate --to 4 --directory m", "flask db-migrate resumes it, flask db-repair restarts it", "flask db-migrate --to 4 --directory m resumes it, flask db-repair --directory m restarts it"),
        ("db-rollback --to 3 --yes --directory m", "run: flask db-rollback --to 3", "run: flask db-rollback --directory m --to 3"),
        ("db-backfill --retry --max-rate 50 --directory m", "run: flask db-backfill --retry, or flask db-backfill --skip", "run: flask db-backfill --max-rate 50 --directory m --retry, or flask db-backfill --max-rate 50 --directory m --skip"),
        ("db-schema --directory m", "flask db-schema --output x.sql", "flask db-schema --directory m --output x.sql"),
        ("db-migrate --directory m", "flask db-import FOLDER --from goose", "flask db-import FOLDER --from goose"),
        ("db-migrate --directory m", "  5 | -- flask db-migrate\n  Next: flask db-status", "  5 | -- flask db-migrate\n  Next: flask db-status --directory m"),
        ("--app wsgi:app db-migrate --directory m", "flask db-status", "flask --app wsgi:app db-status --directory m"),
    ],
)  # fmt: skip
def test_commands_have_the_options_of_the_run(running: str, text: str, shown: str) -> None:
    assert completed_in(running, text) == shown


def test_text_outside_a_command_is_unchanged() -> None:
    assert completed(NEXT) == NEXT
    with click.Context(click.Command("anything")):
        assert completed("nothing to complete") == "nothing to complete"


def test_printed_commands_can_be_pasted(empty_database_url: str, folder: Path) -> None:
    """Each failure's own next step is run, as a shell would read it, until nothing is left to do."""
    broken = folder / "002_break.sql"
    broken.write_text("CREATE TABLE b (i int);\nSELECT 1 / 0;\n")
    failed = flask("db-migrate", "--to", "2", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert failed.returncode == 1
    step = re.search(r"then run: (flask .*)$", failed.stderr, re.MULTILINE)
    assert step is not None
    assert shlex.split(step[1]) == ["flask", "db-migrate", "--to", "2", "--directory", str(folder)]
    broken.write_text("CREATE TABLE b (i int);")
    done = flask(*shlex.split(step[1])[1:], DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stderr) == (0, "")
    broken.write_text("CREATE TABLE c (i int);")
    status = flask("db-status", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert f"flask db-repair --directory '{folder}'" in status.stdout


# --- MIGRATIONS_DATABASE_URL and DATABASE_URL -------------------------------------------------------------------------


def test_another_database_is_noticed(empty_database_url: str, folder: Path, databases: Databases) -> None:
    other_url = databases.create()
    settings = {"DATABASE_URL": other_url, "MIGRATIONS_DATABASE_URL": empty_database_url, "MIGRATIONS_DIR": str(folder)}
    done = flask("db-migrate", **settings)
    names = [urlsplit(url).path[1:] for url in (empty_database_url, other_url)]
    assert done.returncode == 0
    assert done.stderr.startswith(f"⚠️  MIGRATIONS_DATABASE_URL leads to {names[0]} on ")
    assert f"but DATABASE_URL to another database, {names[1]} on " in done.stderr
    quiet = flask("db-status", **{**settings, "DATABASE_URL": f"{empty_database_url}?connect_timeout=9"})
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_another_schema_is_noticed(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA letting"))
    remark = other_database(
        empty_database_url, f"{empty_database_url}?options=-csearch_path%3Dletting", DEFAULT_SETTINGS
    )
    assert remark is not None
    assert "lead to one database, but to schema letting and schema public: " in remark


def test_nothing_is_said_where_nothing_can_be_seen(empty_database_url: str) -> None:
    assert other_database(UNREACHABLE_URL, empty_database_url, DEFAULT_SETTINGS) is None
    assert other_database(empty_database_url, UNREACHABLE_URL, DEFAULT_SETTINGS) is None
    assert other_database(empty_database_url, empty_database_url, DEFAULT_SETTINGS) is None


def test_migrations_url_alone_is_noticed() -> None:
    assert remark_on_urls(Config.from_env({})) is None
    assert remark_on_urls(Config.from_env({"DATABASE_URL": UNREACHABLE_URL})) is None
    remark = remark_on_urls(Config.from_env({"MIGRATIONS_DATABASE_URL": UNREACHABLE_URL}))
    assert remark is not None
    assert remark.startswith("MIGRATIONS_DATABASE_URL is set, but DATABASE_URL is not: ")


def test_a_deploy_notices_another_database(
    empty_database_url: str, folder: Path, databases: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    urls = {"DATABASE_URL": databases.create(), "MIGRATIONS_DATABASE_URL": empty_database_url}
    config = Config.from_env({**urls, "MIGRATIONS_DIR": str(folder)})
    database = database_for(config)
    assert database.url == urls["DATABASE_URL"]
    assert migrate(config, database) == 1
    assert [record.levelname for record in caplog.records if "leads to" in record.message] == ["WARNING"]
