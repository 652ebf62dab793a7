"""Promises about the schema page: what happened to last night's deploy, and what to run next."""

from __future__ import annotations

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
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.ledger.attempts import History, read_history
from peterental.database.migrations.session.advisory_lock import lock_key
from peterental.database.pool import Database

if TYPE_CHECKING:
    from tests.web.conftest import Browser

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
LAST = max(int(path.name[:3]) for path in MIGRATIONS.glob("*.sql"))
NEXT = f"{LAST + 1:03}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the release's migrations, to which a test adds."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


@pytest.fixture
def look(
    make_app: Callable[[Config], Flask], browse: Callable[[Flask], Browser], config: Config, folder: Path, admin: Viewer
) -> Callable[[], str]:
    """A function that opens the page as a release with the test's folder shows it to the office manager."""

    def look() -> str:
        browser = browse(make_app(replace(config, migrations_dir=folder)))
        browser.sign_in(admin.email)
        page = browser.get("/schema")
        assert page.status_code == 200
        return page.text

    return look


def migrate(url: str, folder: Path) -> None:
    MigrationRunner(url, folder, report=lambda _: None).run_migrations()


def test_when_all_went_well_there_is_nothing_to_do(office: Browser) -> None:
    text = office.get("/schema").text
    assert "The schema is current." in text
    assert "Every attempt so far has gone well." in text
    assert "What to do next" not in text


def test_a_failed_attempt_is_there_with_its_error_and_the_next_command(
    look: Callable[[], str], folder: Path, database_url: str
) -> None:
    (folder / f"{NEXT}_bad.sql").write_text("-- Purpose\nALTER TABLE agents ADD COLUMN <b>wrong;\n", encoding="utf-8")
    with pytest.raises(MigrationFailed):
        migrate(database_url, folder)
    text = look()
    for shown in (
        f"{NEXT}_bad.sql", ">Failed</span>", "syntax error at or near", "&lt;b&gt;wrong", "UTC</abbr>", "by <bdi>",
        "flask db-migrate", "flask db-plan", ">Pending</span>", "What did not go well",
    ):  # fmt: skip
        assert shown in text, shown
    assert "<b>wrong" not in text
    assert "Applied since" not in text
    (folder / f"{NEXT}_bad.sql").write_text("SELECT 1;\n", encoding="utf-8")
    migrate(database_url, folder)
    text = look()
    assert "Applied since" in text
    assert "What to do next" not in text


def test_a_file_that_stopped_half_way_says_how_far_it_came(
    look: Callable[[], str], folder: Path, database_url: str
) -> None:
    (folder / f"{NEXT}_half.sql").write_text(
        "-- migrate: no-transaction\nCREATE TABLE half (id INT);\nSELECT 1 / 0;\n", encoding="utf-8"
    )
    with pytest.raises(MigrationFailed):
        migrate(database_url, folder)
    text = look()
    assert "1 statement done" in text
    assert "division by zero" in text
    assert "flask db-repair" in text
    assert "flask db-plan" not in text, "first what stands in the way"


def test_an_attempt_that_was_killed_is_not_said_to_be_running(look: Callable[[], str], database: Database) -> None:
    database.fetch(
        """
        INSERT INTO schema_migration_attempts (version, file, worst_wait_ms, applied_by)
        VALUES (99, '099_killed.sql', 1230, 'render')
        """
    )
    text = look()
    assert ">Interrupted</span>" in text
    assert "It was killed before it could say why." in text
    assert "waited 1.2 s for a table at worst" in text
    assert "Somebody is migrating" not in text


def test_the_page_opens_while_somebody_migrates(look: Callable[[], str], database: Database, database_url: str) -> None:
    database.fetch("INSERT INTO schema_migration_attempts (version, file) VALUES (99, '099_long.sql')")
    with psycopg.connect(database_url, autocommit=True) as runner:
        runner.execute("SELECT pg_advisory_lock(%s)", (lock_key("public"),))
        text = look()
    assert "Somebody is migrating at this moment." in text
    assert ">Running</span>" in text
    assert "It was killed" not in text


def test_an_earlier_runners_ledger_has_no_attempts_and_the_page_says_so(
    look: Callable[[], str], database: Database
) -> None:
    database.fetch("DROP TABLE schema_migration_attempts")
    database.fetch("UPDATE schema_migrations SET checksum = NULL")
    text = look()
    assert "No attempts are kept in this database yet" in text
    assert "Applied, unchecked" in text
    assert "flask db-verify" in text
    assert read_history(database, 10) == History()


def test_a_newer_schema_is_fine_and_said_to_be(look: Callable[[], str], database: Database) -> None:
    database.fetch("INSERT INTO schema_migrations (version, description) VALUES (900, 'From the future')")
    text = look()
    assert "newer than this release" in text
    assert "From the future" in text
    assert "Nothing needs to be run" in text


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda folder: (folder / "001_create_agent_tables.sql").write_text("SELECT 1;", encoding="utf-8"),
            "shows what was edited",
        ),
        (lambda folder: next(folder.glob(f"{LAST:03}_*.sql")).unlink(), "Nothing needs to be run"),
        (lambda folder: (folder / "006_give_users_roles.sql").unlink(), "006"),
    ],
    ids=["edited", "last one missing", "one missing"],
)
def test_whatever_is_wrong_with_the_files_the_page_says_what_to_do(
    look: Callable[[], str], folder: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    assert said in look()


def test_a_comment_that_was_edited_needs_no_hurry(look: Callable[[], str], folder: Path) -> None:
    path = folder / "006_give_users_roles.sql"
    path.write_text(path.read_text(encoding="utf-8") + "-- a word more\n", encoding="utf-8")
    text = look()
    assert "Comments edited" in text
    assert "only comments differ" in text


def test_of_many_failures_the_latest_are_shown_and_the_page_stays_light(
    look: Callable[[], str], database: Database
) -> None:
    database.fetch(
        """
        INSERT INTO schema_migration_attempts (version, file, outcome, ended_at, error)
        SELECT 99, '099_no_' || n || '.sql', 'failed', now(), repeat('<no> ', 5000) FROM generate_series(1, 40) AS n
        """
    )
    text = look()
    assert "099_no_40.sql" in text
    assert "099_no_30.sql" not in text
    assert "Older ones are in the table" in text
    assert len(text.encode()) < 60_000


def test_only_admins_see_what_went_wrong(anas: Browser) -> None:
    assert anas.get("/schema").status_code == 403
