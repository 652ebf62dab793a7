"""The schema page: states, failed attempts, and the next command."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.squash import squash
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.ledger.attempts import History, read_history
from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.session.advisory_lock import lock_key
from peterental.database.pool import Database

if TYPE_CHECKING:
    from tests.web.conftest import Browser

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
LAST = max(int(path.name[:3]) for path in MIGRATIONS.glob("*.sql"))
NEXT = f"{LAST + 1:03}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to which a test adds files."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


@pytest.fixture
def look(
    make_app: Callable[[Config], Flask], browse: Callable[[Flask], Browser], config: Config, folder: Path, admin: Viewer
) -> Callable[[], str]:
    """A function that opens the page as an admin, with the test's folder."""

    def look() -> str:
        browser = browse(make_app(replace(config, migrations_dir=folder)))
        browser.sign_in(admin.email)
        page = browser.get("/schema")
        assert page.status_code == 200
        return page.text

    return look


def migrate(url: str, folder: Path) -> None:
    MigrationRunner(url, folder, report=lambda _: None).run_migrations()


def test_current_schema_shows_no_next_step(office: Browser) -> None:
    text = office.get("/schema").text
    assert "The schema is current." in text
    assert "No attempt has failed." in text
    assert "Next step" not in text


def test_baseline_stands_for_what_it_replaces(
    look: Callable[[], str], folder: Path, database: Database, database_url: str
) -> None:
    squash(database_url, folder, to=3, today=dt.date(2026, 11, 29), confirm=lambda _: True, report=lambda _: None)
    text = look()
    assert "The schema is current." in text
    assert "stands for 001–003" in text
    database.fetch("DELETE FROM schema_migrations WHERE version = 3")
    text = look()
    assert ">Some are missing</span>" in text
    assert "this database has only 001 to 002 of them" in text
    assert "Deploy the last release before the squash first" in text


def test_failed_attempt_shows_error_and_next_command(look: Callable[[], str], folder: Path, database_url: str) -> None:
    (folder / f"{NEXT}_bad.sql").write_text("-- Purpose\nALTER TABLE agents ADD COLUMN <b>wrong;\n", encoding="utf-8")
    with pytest.raises(MigrationFailed):
        migrate(database_url, folder)
    text = look()
    for shown in (
        f"{NEXT}_bad.sql", ">Failed</span>", "syntax error at or near", "&lt;b&gt;wrong", "UTC</abbr>", "by <bdi>",
        "flask db-migrate", "flask db-plan", ">Pending</span>", "Failed attempts",
    ):  # fmt: skip
        assert shown in text, shown
    assert "<b>wrong" not in text
    assert "Applied since" not in text
    (folder / f"{NEXT}_bad.sql").write_text("SELECT 1;\n", encoding="utf-8")
    migrate(database_url, folder)
    text = look()
    assert "Applied since" in text
    assert "Next step" not in text


def test_partly_applied_file_shows_its_progress(look: Callable[[], str], folder: Path, database_url: str) -> None:
    (folder / f"{NEXT}_half.sql").write_text(
        "-- migrate: no-transaction\nCREATE TABLE half (id INT);\nSELECT 1 / 0;\n", encoding="utf-8"
    )
    with pytest.raises(MigrationFailed):
        migrate(database_url, folder)
    text = look()
    assert "1 statement completed" in text
    assert "division by zero" in text
    assert "flask db-repair" in text
    assert "flask db-plan" not in text, "only the blocking step is shown"


def test_killed_attempt_is_shown_as_interrupted(look: Callable[[], str], database: Database) -> None:
    database.fetch(
        """
        INSERT INTO schema_migration_attempts (version, file, worst_wait_ms, applied_by)
        VALUES (99, '099_killed.sql', 1230, 'render')
        """
    )
    text = look()
    assert ">Interrupted</span>" in text
    assert "The process ended before it could record an error." in text
    assert "longest lock wait 1.2 s" in text
    assert "A migration is running" not in text


def test_schema_page_opens_during_a_migration(look: Callable[[], str], database: Database, database_url: str) -> None:
    database.fetch("INSERT INTO schema_migration_attempts (version, file) VALUES (99, '099_long.sql')")
    with psycopg.connect(database_url, autocommit=True) as runner:
        runner.execute("SELECT pg_advisory_lock(%s)", (lock_key("public"),))
        text = look()
    assert "A migration is running." in text
    assert ">Running</span>" in text
    assert "The process ended" not in text


def test_older_ledger_has_no_attempts(look: Callable[[], str], database: Database) -> None:
    database.fetch("DROP TABLE schema_migration_attempts")
    database.fetch("UPDATE schema_migrations SET checksum = NULL")
    text = look()
    assert "This database has no record of attempts yet" in text
    assert "Applied, not verified" in text
    assert "flask db-verify" in text
    assert read_history(database, 10) == History()


def test_newer_schema_needs_no_action(look: Callable[[], str], database: Database) -> None:
    database.fetch("INSERT INTO schema_migrations (version, description) VALUES (900, 'From the future')")
    text = look()
    assert "newer than this release" in text
    assert "From the future" in text
    assert "Nothing to do." in text


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda folder: (folder / "001_create_agent_tables.sql").write_text("SELECT 1;", encoding="utf-8"),
            "shows the edit and accepts it",
        ),
        (lambda folder: next(folder.glob(f"{LAST:03}_*.sql")).unlink(), "Nothing to do."),
        (lambda folder: (folder / "006_give_users_roles.sql").unlink(), "006"),
    ],
    ids=["edited", "last one missing", "one missing"],
)
def test_file_problem_shows_the_next_step(
    look: Callable[[], str], folder: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    spoil(folder)
    assert expected in look()


def test_edited_comment_is_not_blocking(look: Callable[[], str], folder: Path) -> None:
    path = folder / "006_give_users_roles.sql"
    path.write_text(path.read_text(encoding="utf-8") + "-- a word more\n", encoding="utf-8")
    text = look()
    assert "Comments edited" in text
    assert "Only comments differ" in text


def test_many_failures_show_only_the_latest(look: Callable[[], str], database: Database) -> None:
    database.fetch(
        """
        INSERT INTO schema_migration_attempts (version, file, outcome, ended_at, error)
        SELECT 99, '099_no_' || n || '.sql', 'failed', now(), repeat('<no> ', 5000) FROM generate_series(1, 40) AS n
        """
    )
    text = look()
    assert "099_no_40.sql" in text
    assert "099_no_30.sql" not in text
    assert "Older attempts are in the table" in text
    assert len(text.encode()) < 60_000


def test_schema_page_rejects_non_admins(anas: Browser) -> None:
    assert anas.get("/schema").status_code == 403


def test_backfills_are_shown_with_percentage_and_command(
    look: Callable[[], str], folder: Path, database_url: str
) -> None:
    number = LAST + 2
    (folder / f"{NEXT}_visit.sql").write_text(
        "CREATE TABLE visit (id int PRIMARY KEY, n int); INSERT INTO visit SELECT generate_series(1, 30);"
    )
    (folder / f"{number:03}_fill.sql").write_text(
        "-- migrate: backfill table=visit key=id batch=5\nUPDATE visit SET n = 1 / (id - 7)"
        " WHERE id BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int;"
    )
    migrate(database_url, folder)
    text = look()
    assert '<span class="chip chip-running">Running</span>' in text
    assert "running 0 %, no worker is on it" in text
    assert "<code>flask db-backfill</code>" in text
    assert "Failed attempts" not in text
    run_backfills(database_url, folder, report=lambda _: None)
    text = look()
    assert "failed at " in text
    assert "<code>flask db-backfill --retry</code>" in text
    assert "flask db-repair" not in text
