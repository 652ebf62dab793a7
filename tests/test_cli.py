"""`flask …`: results on stdout, errors on stderr in one sentence, reliable exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import termios
from pathlib import Path

import psycopg
import pytest

from tests.commands import FLASK, flask
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import HANG_S, running_debian_postgres, until

UNREACHABLE_URL = "postgresql://pete:hush@127.0.0.1:1/peterental"
PHRASE = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "001_make_a.sql").write_text("CREATE TABLE a (i int);")
    (tmp_path / "002_make_b.sql").write_text("CREATE TABLE b (i int);")
    return tmp_path


# --- db-migrate -------------------------------------------------------------------------------------------------------


def test_db_migrate_applies_all_files(empty_database_url: str) -> None:
    done = flask("db-migrate", DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("✅ Database connected\n✅ 001_create_agent_tables.sql (")
    assert "✅ Successfully applied" in done.stdout
    again = flask("db-migrate", DATABASE_URL=empty_database_url)
    assert (again.returncode, again.stdout) == (
        0,
        "✅ Database connected\n✅ Database is up to date (no new migrations)\n",
    )


def test_db_migrate_accepts_folder_and_version(empty_database_url: str, folder: Path) -> None:
    done = flask("db-migrate", "--to", "1", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    status = flask("db-status", "--json", DATABASE_URL=empty_database_url, MIGRATIONS_DIR=str(folder))
    assert [entry["state"] for entry in json.loads(status.stdout)["migrations"]] == ["applied", "pending"]


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_lock_wait_must_be_a_finite_number(seconds: str) -> None:
    done = flask("db-migrate", "--lock-wait", seconds, DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 2
    assert "Invalid value for" in done.stderr
    assert "--lock-wait" in done.stderr


def test_db_migrate_prefers_the_direct_url(empty_database_url: str) -> None:
    done = flask("db-migrate", DATABASE_URL=UNREACHABLE_URL, MIGRATIONS_DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr


def test_dry_run_lists_files_and_applies_nothing(empty_database_url: str, folder: Path) -> None:
    arguments = ("db-migrate", "--dry-run", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (
        0,
        (
            "would apply 001_make_a.sql\nwould apply 002_make_b.sql\n"
            f"2 migrations are pending: flask db-migrate --directory {folder} applies them.\n"
        ),
    )
    done = flask(*arguments, "--to", "1", DATABASE_URL=empty_database_url)
    assert done.stdout.startswith("would apply 001_make_a.sql\n2 migrations")
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,)


def test_dry_run_checks_the_files(empty_database_url: str, folder: Path) -> None:
    (folder / "002_make_b.sql").write_text("COMMIT;")
    done = flask("db-migrate", "--dry-run", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert done.stderr.startswith("❌ 002_make_b.sql:1: COMMIT would break")


def test_failing_migration_shows_its_location(empty_database_url: str, folder: Path) -> None:
    (folder / "002_make_b.sql").write_text("CREATE TABLE b (\n  i integger\n);")
    done = flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert done.stderr == (
        '❌ Migration 2 failed: type "integger" does not exist\n'
        f"  at {folder}/002_make_b.sql:2:5\n"
        "  2 |   i integger\n"
        "    |     ^\n"
        "  002_make_b.sql was rolled back. 001 stays applied.\n"
        f"  Next: fix the error, then run: flask db-migrate --directory {folder}\n"
    )


def test_invalid_files_are_reported_first(empty_database_url: str, folder: Path) -> None:
    (folder / "004_make_d.sql").write_text("CREATE TABLE d (i int);")
    for arguments in (("db-migrate",), ("db-migrate", "--dry-run")):
        done = flask(*arguments, "--directory", str(folder), DATABASE_URL=empty_database_url)
        assert done.returncode == 1
        assert "migration 003 is missing before 004_make_d.sql" in done.stderr + done.stdout


def test_unreachable_database_is_one_line_without_password() -> None:
    for command in ("db-migrate", "db-status"):
        done = flask(command, DATABASE_URL=UNREACHABLE_URL)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "The database does not answer" in done.stderr
        assert "hush" not in done.stderr


@pytest.mark.parametrize("url", [UNREACHABLE_URL, None], ids=["unreachable", "read-only"])
def test_command_on_a_pool_ends_with_one_line(database_url: str, url: str | None) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(
            "DO $$ BEGIN EXECUTE format("
            "'ALTER DATABASE %I SET default_transaction_read_only TO on', current_database()); END $$"
        )
    done = flask("user-create", "pat@example.com", stdin=f"{PHRASE}\n{PHRASE}\n", DATABASE_URL=url or database_url)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "❌ The database does not answer: " if url else "❌ The database accepts no changes: "
    )
    assert "error connecting" not in done.stderr


def test_invalid_setting_is_one_line() -> None:
    done = flask("db-status", DATABASE_URL="localhost")
    assert done.returncode == 1
    assert (
        done.stderr
        == "❌ PeteRental cannot start: DATABASE_URL must look like postgresql://user:password@host:5432/name.\n"
    )


def test_version_beyond_the_last_file_is_one_line(empty_database_url: str, folder: Path) -> None:
    for more in ((), ("--dry-run",)):
        done = flask("db-migrate", "--to", "9", *more, "--directory", str(folder), DATABASE_URL=empty_database_url)
        assert (done.returncode, done.stderr) == (
            1,
            "❌ There is no migration 009, the last file is 002. Nothing was applied.\n",
        )


def test_missing_folder_is_one_line(database_url: str) -> None:
    done = flask("db-status", "--directory", "/nowhere/at/all", DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (
        1,
        "❌ there is no migrations folder /nowhere/at/all; name it with --directory or MIGRATIONS_DIR\n",
    )


# --- db-backfill ------------------------------------------------------------------------------------------------------


@pytest.fixture
def backfill_folder(folder: Path) -> Path:
    """A table of 30 rows, and a backfill that takes several batches."""
    (folder / "001_make_a.sql").write_text(
        "CREATE TABLE a (i int PRIMARY KEY, n int); INSERT INTO a SELECT generate_series(1, 30);"
    )
    (folder / "002_make_b.sql").write_text(
        "-- migrate: backfill table=a key=i batch=5\nUPDATE a SET n = 1 / (i - 20)"
        " WHERE i BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int AND i <> coalesce(n, 0);"
    )
    (folder / "003_check.sql").write_text("-- migrate: after-backfill=002\nSELECT 1;")
    return folder


def test_db_backfill_runs_retries_and_skips(empty_database_url: str, backfill_folder: Path) -> None:
    settings = {"DATABASE_URL": empty_database_url, "MIGRATIONS_DIR": str(backfill_folder)}
    migrated = flask("db-migrate", "--no-wait", **settings)
    assert migrated.returncode == 1
    assert "Migration 003 needs backfill 002, which is 0 % done; flask db-backfill finishes it." in migrated.stderr
    once = flask("db-backfill", "--once", **settings)
    assert (once.returncode, "⏳ 002: running " in once.stdout) == (0, True)
    failed = flask("db-backfill", "--max-rate", "1000", **settings)
    assert failed.returncode == 1
    assert "❌ 002_make_b.sql: batch 20 to 20 failed: division by zero" in failed.stdout
    assert flask("db-backfill", "--retry", **settings).returncode == 1
    skipped = flask("db-backfill", "--skip", **settings)
    assert (skipped.returncode, "✅ 002_make_b.sql (29 rows, 1 skipped, " in skipped.stdout) == (0, True)
    assert flask("db-backfill", **settings).stdout == "✅ No backfill is running\n"
    assert flask("db-migrate", **settings).returncode == 0


@pytest.mark.parametrize(
    "options", [("--once", "--all"), ("--retry", "--skip"), ("--max-rate", "inf"), ("--max-rate", "0")]
)
def test_db_backfill_refuses_contradictions(options: tuple[str, ...]) -> None:
    done = flask("db-backfill", *options, DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 2
    assert "exclude each other" in done.stderr or "--max-rate" in done.stderr


# --- db-status --------------------------------------------------------------------------------------------------------


def test_db_status_prints_a_table(database_url: str) -> None:
    done = flask("db-status", DATABASE_URL=database_url)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].split() == ["migration", "state", "applied", "took", "by"]
    assert lines[1].startswith("✅  001  create agent tables")
    assert lines[-1] == "The schema is current."


def test_db_status_exit_codes(empty_database_url: str, folder: Path) -> None:
    def status(*more: str) -> int:
        return flask("db-status", *more, "--directory", str(folder), DATABASE_URL=empty_database_url).returncode

    assert status() == 0
    assert status("--exit-code") == 3
    flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert status("--exit-code") == 0
    (folder / "002_make_b.sql").write_text("-- a remark\nCREATE TABLE b (i int);")
    assert status("--exit-code") == 0
    (folder / "002_make_b.sql").write_text("CREATE TABLE b (i bigint);")
    assert status("--exit-code") == 4
    (folder / "001_make_a.sql").unlink()
    assert status("--exit-code", "--json") == 4
    (folder / "002_make_b.sql").unlink()
    assert status("--exit-code") == 0, "a ledger newer than the files is fine"


def test_db_status_json_shape(empty_database_url: str, folder: Path) -> None:
    flask("db-migrate", "--to", "1", "--directory", str(folder), DATABASE_URL=empty_database_url)
    done = flask("db-status", "--json", "--directory", str(folder), DATABASE_URL=empty_database_url)
    document = json.loads(done.stdout)
    assert document["state"] == "pending"
    applied, pending = document["migrations"]
    assert set(applied) == {"version", "description", "file", "state", "applied_at", "duration_ms", "applied_by"}
    assert (applied["version"], applied["file"], applied["state"]) == (1, "001_make_a.sql", "applied")
    assert isinstance(applied["duration_ms"], int)
    assert pending["applied_at"] is None


def test_db_status_lists_every_problem_of_the_files(empty_database_url: str, folder: Path) -> None:
    (folder / "0002_again.sql").write_text("SELECT 1;")
    (folder / "004_make_d.sql").write_text("SELECT 1;")
    done = flask("db-status", "--exit-code", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 4
    assert "0002_again.sql and 002_make_b.sql have the same number 002" in done.stdout
    assert "migration 003 is missing before 004_make_d.sql" in done.stdout


def test_db_status_of_a_folder_without_migrations(empty_database_url: str, tmp_path: Path) -> None:
    done = flask("db-status", "--directory", str(tmp_path), DATABASE_URL=empty_database_url)
    assert done.stdout == "No migrations.\n\nThe schema is current.\n"


# --- users and demo ---------------------------------------------------------------------------------------------------


def test_user_create_reads_the_password_from_stdin(database_url: str) -> None:
    done = flask(
        "user-create", "pat@example.com", "--role", "admin", stdin="correct horse battery\n", DATABASE_URL=database_url
    )
    assert (done.returncode, done.stdout) == (0, "✅ pat@example.com can sign in as admin.\n")
    done = flask("user-password", "pat@example.com", stdin="another horse battery\n", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "another" not in done.stdout


def test_lost_second_factor_is_turned_off(database_url: str) -> None:
    flask("user-create", "pat@example.com", stdin="correct horse battery\n", DATABASE_URL=database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO second_factors (user_id, secret, last_step) SELECT user_id, 'x', 0 FROM users")
        assert flask("user-second-factor", "pat@example.com", DATABASE_URL=database_url).returncode == 2
        done = flask("user-second-factor", "pat@example.com", "--off", DATABASE_URL=database_url)
        assert (done.returncode, done.stdout) == (
            0,
            "✅ The second factor of pat@example.com is off. Every browser was signed out.\n",
        )
        assert connection.execute("SELECT * FROM second_factors").fetchall() == []
    again = flask("user-second-factor", "pat@example.com", "--off", DATABASE_URL=database_url)
    assert (again.returncode, again.stderr) == (1, "❌ The second factor is already off.\n")


@pytest.mark.parametrize(
    ("command", "stdin"),
    [
        (("user-create", "not an address"), "correct horse battery\n"),
        (("user-create", "pat@example.com"), "short\n"),
        (("user-create", "pat@example.com"), ""),
        (("user-create", "pat@example.com"), "Password1234!\n"),
        (("user-second-factor", "nobody@example.com", "--off"), ""),
        (("user-password", "nobody@example.com"), "correct horse battery\n"),
    ],
)
def test_invalid_user_is_one_line(database_url: str, command: tuple[str, ...], stdin: str) -> None:
    done = flask(*command, stdin=stdin, DATABASE_URL=database_url)
    assert done.returncode == 1
    assert done.stderr.startswith("❌ ")
    assert done.stderr.count("\n") == 1


def test_terminal_asks_for_the_password_twice(database_url: str) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [FLASK, "user-create", "kim@example.com"],
        cwd=PROJECT_DIR,
        env=environment({"DATABASE_URL": database_url}),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    seen = ""
    for prompt in ("Password:", "confirmation:"):
        while prompt not in seen:
            seen += os.read(leader, 1000).decode()
        until(lambda: not termios.tcgetattr(leader)[3] & termios.ECHO, "the terminal stops echoing")
        os.write(leader, b"correct horse battery\n")
    while process.poll() is None or "can sign in" not in seen:
        try:
            seen += os.read(leader, 1000).decode()
        except OSError:
            break
    os.close(leader)
    assert process.wait(HANG_S) == 0, seen
    assert "can sign in as agent" in seen
    assert "correct horse" not in seen


def test_demo_fills_an_empty_database_once(database_url: str) -> None:
    done = flask("demo", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "/setup?token=" in done.stdout
    with psycopg.connect(database_url) as connection:
        counts = connection.execute(
            """
            SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM appointments), (SELECT count(*) FROM messages),
                   (SELECT count(*) FROM calls WHERE status = 'ended' AND transcript IS NOT NULL),
                   (SELECT count(*) FROM calls WHERE 'fault' = ANY(outcomes)),
                   (SELECT count(*) FROM calls WHERE agreed AND NOT 'booked' = ANY(outcomes))
            """
        ).fetchone()
        calendars = connection.execute(
            "SELECT calendar_id FROM calendars WHERE blocks AND read_at > NOW() - INTERVAL '1 h'"
        )
        busy = connection.execute("SELECT DISTINCT calendar_id FROM agent_busy WHERE calendar_id IS NOT NULL")
        assert len(calendars.fetchall()) == len(busy.fetchall()) == 2, (
            "the calendar of each agent, and busy times of both"
        )
    assert counts == (2, 20, 2, 25, 1, 1), "agents, viewings, messages, calls; a fault, an agreement without a booking"
    again = flask("demo", DATABASE_URL=database_url)
    assert (again.returncode, again.stderr) == (
        1,
        "❌ There are agents in this database already, so no demo data was loaded.\n",
    )


def test_demo_never_loads_in_production(database_url: str) -> None:
    settings = {"PETERENTAL_ENV": "production", "SECRET_KEY": "k", "VAPI_WEBHOOK_SECRET": "s"}
    done = flask("demo", DATABASE_URL=database_url, **settings)
    assert (done.returncode, done.stderr) == (1, "❌ Demo data is for development; this is production.\n")


def test_demo_without_a_schema_says_to_migrate(empty_database_url: str) -> None:
    done = flask("demo", DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "run flask db-migrate" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "db-migrate",
        "db-status",
        "db-new",
        "db-lint",
        "db-plan",
        "db-verify",
        "db-adopt",
        "db-repair",
        "db-rollback",
        "db-schema",
        "db-squash",
        "user-create",
        "user-password",
        "user-second-factor",
        "demo",
    ],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = flask(command, "--help", DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 0
    assert f"Example: flask {command}" in done.stdout


def on_a_terminal(width: int, *arguments: str, **settings: str) -> str:
    """Run a flask command on a terminal of `width` columns and return its output."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (50, width))
    process = subprocess.Popen(
        [FLASK, *arguments],
        cwd=PROJECT_DIR,
        env=environment({"TERM": "xterm", "COLUMNS": "", **settings}),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            seen += os.read(leader, 10_000)
        except OSError:  # a pty reports the end of its last user as an error
            break
    os.close(leader)
    assert process.wait(HANG_S) == 0, seen
    return seen.decode().replace("\r\n", "\n")


def test_terminal_gets_colours_and_fitting_lines(database_url: str, tmp_path: Path) -> None:
    shown = on_a_terminal(80, "db-status", DATABASE_URL=database_url)
    assert "\x1b[32mapplied" in shown
    plain = re.sub(r"\x1b\[\d*m", "", shown).splitlines()
    assert max(len(line) for line in plain[:-2]) <= 80
    assert "…" in on_a_terminal(60, "db-status", DATABASE_URL=database_url)
    for settings in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal(200, "db-status", DATABASE_URL=database_url, **settings)
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (i int);")
    assert "\x1b[36madvice" in on_a_terminal(80, "db-lint", "--directory", str(tmp_path), DATABASE_URL=database_url)


def test_without_a_terminal_output_is_plain_and_uncut(database_url: str) -> None:
    done = flask("db-status", DATABASE_URL=database_url, COLUMNS="40")
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout


# --- db-repair and db-rollback ----------------------------------------------------------------------------------------


def test_db_repair_needs_confirmation(empty_database_url: str, folder: Path) -> None:
    flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    (folder / "001_make_a.sql").write_text("CREATE TABLE a (i bigint);")
    arguments = ("db-repair", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stderr) == (
        1,
        "❌ Nothing was changed: there is no terminal for the confirmation. Run it on a terminal, or add --yes.\n",
    )
    assert "+CREATE TABLE a (i bigint);" in done.stdout
    done = flask(*arguments, "--yes", DATABASE_URL=empty_database_url)
    assert done.returncode == 0
    assert done.stdout.endswith("✅ Accepted 1 change\n")
    done = flask(*arguments, "--yes", DATABASE_URL=empty_database_url)
    assert done.stdout == "✅ Nothing to repair\n"


def test_db_rollback_needs_confirmation(empty_database_url: str, folder: Path) -> None:
    flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    arguments = ("db-rollback", "--to", "1", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stderr) == (
        1,
        "❌ Nothing was rolled back: there is no 002_make_b.down.sql to undo 002_make_b.sql; write it first.\n",
    )
    (folder / "002_make_b.down.sql").write_text("DROP TABLE b;")
    assert flask(*arguments, DATABASE_URL=empty_database_url).returncode == 1
    done = flask(*arguments, "--yes", DATABASE_URL=empty_database_url)
    assert (done.returncode, done.stdout) == (
        0,
        "Files to run, in order: 002_make_b.down.sql\n✅ 002_make_b.down.sql\n✅ Rolled back 1 migration\n",
    )


# --- db-new and db-lint -----------------------------------------------------------------------------------------------


def test_db_new_prints_the_path_of_the_next_file(folder: Path) -> None:
    done = flask("db-new", "add user phone", "--directory", str(folder), DATABASE_URL=UNREACHABLE_URL)
    assert (done.returncode, done.stdout) == (0, f"{folder}/003_add_user_phone.sql\n")
    assert (folder / "003_add_user_phone.sql").exists()
    done = flask("db-new", " ", "--directory", str(folder), DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 1
    assert done.stderr.startswith("❌ ")


def test_db_lint_shows_file_and_line(folder: Path) -> None:
    (folder / "003_bad.sql").write_text("CREATE INDEX idx_a ON a (i);\n")
    done = flask("db-lint", "--directory", str(folder), DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 1
    assert "003_bad.sql:1" in done.stdout
    assert "CREATE INDEX CONCURRENTLY" in done.stdout
    document = json.loads(flask("db-lint", "--json", "--directory", str(folder), DATABASE_URL=UNREACHABLE_URL).stdout)
    assert [found["rule"] for found in document["findings"] if found["severity"] == "unsafe"] == ["create-index"]


def test_db_lint_fails_on_advice_only_if_strict(folder: Path) -> None:
    arguments = ("db-lint", "--directory", str(folder))
    assert flask(*arguments, DATABASE_URL=UNREACHABLE_URL).returncode == 0
    assert flask(*arguments, "--strict", DATABASE_URL=UNREACHABLE_URL).returncode == 1


def test_db_lint_prints_the_format_asked_for(folder: Path) -> None:
    (folder / "003_bad.sql").write_text("CREATE INDEX idx_a ON a (i);\n")
    arguments = ("db-lint", "--directory", str(folder), "--format")
    done = flask(*arguments, "github", DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 1
    assert "/003_bad.sql,line=1,col=1,title=create-index::" in done.stdout
    document = json.loads(flask(*arguments, "sarif", DATABASE_URL=UNREACHABLE_URL).stdout)
    assert "create-index" in {result["ruleId"] for result in document["runs"][0]["results"]}
    assert json.loads(flask(*arguments, "json", DATABASE_URL=UNREACHABLE_URL).stdout)["unsafe"] == 1


def test_db_lint_failure_differs_from_findings(folder: Path) -> None:
    done = flask("db-lint", "--directory", str(folder / "nowhere"), DATABASE_URL=UNREACHABLE_URL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("❌ there is no migrations folder")
    assert flask("db-lint", "--format", "xml", DATABASE_URL=UNREACHABLE_URL).returncode == 2


def test_project_migrations_lint_clean() -> None:
    done = flask("db-lint", DATABASE_URL=UNREACHABLE_URL)
    assert done.returncode == 0, done.stdout


# --- db-import --------------------------------------------------------------------------------------------------------


def test_db_import_converts_a_folder_that_runs(empty_database_url: str, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "our files"
    theirs.mkdir()
    (theirs / "20240131120000_make_a.sql").write_text(
        "-- migrate:up\nCREATE TABLE a (i int);\n-- migrate:down\nDROP TABLE a;\n"
    )
    done = flask("db-import", str(theirs), "--from", "dbmate", "--into", str(ours), DATABASE_URL=UNREACHABLE_URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "20240131120000_make_a.sql  →  001_make_a.sql and .down.sql\n\n"
        f"✅ Imported 1 migration from dbmate into {ours}\n"
        f"Next: flask db-lint --directory '{ours}', then flask db-migrate --directory '{ours}'\n"
        f"A database that dbmate has migrated already: flask db-adopt --to 1 --directory '{ours}' (see docs/coming-from.md)\n"
    )
    assert flask("db-lint", "--directory", str(ours)).returncode == 0
    assert flask("db-migrate", "--directory", str(ours), DATABASE_URL=empty_database_url).returncode == 0


def test_db_import_exits_1_with_what_is_missing(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    (theirs / "1_a.sql").write_text("-- +goose Up\nSELECT 1;\n")
    (theirs / "2_seed.go").touch()
    done = flask("db-import", str(theirs), "--from", "goose", MIGRATIONS_DIR=str(ours))
    assert (done.returncode, done.stderr) == (1, "")
    assert "002  2_seed.go is Go: 002_seed.sql is left out; write it yourself" in done.stdout
    again = flask("db-import", str(theirs), "--from", "goose", MIGRATIONS_DIR=str(ours))
    assert (again.returncode, again.stdout) == (1, "")
    assert (
        again.stderr
        == f"❌ Nothing was imported: {ours} is not empty (it has 001_a.sql); name a new folder with --into.\n"
    )


def test_db_import_knows_its_tools(tmp_path: Path) -> None:
    done = flask("db-import", str(tmp_path), "--from", "knex")
    assert done.returncode == 2
    assert "'knex' is not one of 'goose', 'dbmate', 'golang-migrate'" in done.stderr


# --- db-plan, db-verify and db-adopt ----------------------------------------------------------------------------------


def test_db_plan_rehearses_and_changes_nothing(empty_database_url: str, folder: Path) -> None:
    arguments = ("db-plan", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    assert "001_make_a.sql" in done.stdout
    assert "CREATE TABLE a (i int)" in done.stdout
    assert isinstance(json.loads(flask(*arguments, "--json", DATABASE_URL=empty_database_url).stdout), dict)
    shown = flask(*arguments, "--format", "markdown", DATABASE_URL=empty_database_url).stdout
    assert shown.startswith("### db-plan\n\n✅ 2 migrations would run.")
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('a')").fetchone() == (None,)
    (folder / "002_make_b.sql").write_text("CREATE TABLE b (i nonsense);")
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert 'type "nonsense" does not exist' in done.stdout


def test_db_verify_compares_the_database_with_the_files(empty_database_url: str, folder: Path) -> None:
    flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    arguments = ("db-verify", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "Database connected",
        "tables verified",
        "ndexes verified",
        "tracking verified",
        "Idempotency verified",
    ):
        assert line in done.stdout
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("ALTER TABLE a ADD COLUMN added_manually int")
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "added_manually" in done.stdout
    assert json.loads(flask(*arguments, "--json", DATABASE_URL=empty_database_url).stdout)["same"] is False


def test_db_adopt_records_only_what_exists(empty_database_url: str, folder: Path) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE a (i int)")
    done = flask("db-adopt", "--to", "2", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "table public.b" in done.stderr
    done = flask("db-adopt", "--to", "1", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    done = flask("db-migrate", "--directory", str(folder), DATABASE_URL=empty_database_url)
    assert "Successfully applied 1 new migrations" in done.stdout


@pytest.mark.parametrize("command", ["db-migrate", "db-status", "db-schema", "db-lint"])
def test_full_disk_of_the_output_is_one_sentence(empty_database_url: str, folder: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [FLASK, command, "--directory", str(folder)],
            cwd=PROJECT_DIR,
            env=environment({"DATABASE_URL": empty_database_url}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    message = "❌ The output is incomplete: No space left on device. What the command did stays.\n"
    assert (done.returncode, done.stderr) == (1, message)
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute("SELECT to_regclass('a') IS NOT NULL, to_regclass('b') IS NOT NULL").fetchone()
    assert row == (command == "db-migrate", command == "db-migrate")


def test_db_schema_prints_writes_and_checks(empty_database_url: str, folder: Path, tmp_path: Path) -> None:
    recorded = tmp_path / "review" / "schema.sql"
    recorded.parent.mkdir()

    def db_schema(*options: str) -> subprocess.CompletedProcess[str]:
        return flask("db-schema", *options, "--directory", str(folder), DATABASE_URL=empty_database_url)

    done = db_schema("--check", str(recorded))
    assert done.returncode == 1
    assert done.stderr == f"❌ Cannot read {recorded}: No such file or directory.\n"
    done = db_schema("--output", str(recorded))
    assert (done.returncode, done.stdout) == (0, f"✅ {recorded}\n"), done.stderr
    done = db_schema()
    assert (done.stdout, done.stderr) == (recorded.read_text(), "")
    done = db_schema("--check", str(recorded))
    assert (done.returncode, done.stdout) == (0, f"✅ {recorded} is current\n")
    (folder / "003_more.sql").write_text("ALTER TABLE a ADD added int;")
    done = db_schema("--check", str(recorded))
    assert done.returncode == 1
    assert f"--- {recorded}\n+++ as the migrations make it\n" in done.stdout
    assert (
        done.stderr == f"❌ {recorded} is out of date. Next: flask db-schema --directory {folder} --output {recorded}\n"
    )
    assert "\n+    added integer\n" in done.stdout
    recorded.write_bytes(b"\xff")
    assert "it is not UTF-8 (byte 1)" in db_schema("--check", str(recorded)).stderr
    assert "exclude each other" in db_schema("--check", str(recorded), "--output", str(recorded)).stderr
    assert (
        "Cannot write to /nowhere/schema.sql: No such file or directory."
        in db_schema("--output", "/nowhere/schema.sql").stderr
    )
    (folder / "004_type.sql").write_text("CREATE DOMAIN d AS int; ALTER TABLE a ALTER added SET DATA TYPE nonsense;")
    done = db_schema()
    assert done.returncode == 1
    assert 'type "nonsense" does not exist' in done.stderr


def test_db_squash_asks_and_needs_a_terminal_or_yes(empty_database_url: str, folder: Path) -> None:
    arguments = ("db-squash", "2", "--directory", str(folder))
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "002_baseline.sql will replace these 2 files, which will be deleted:" in done.stdout
    assert "there is no terminal for the confirmation" in done.stderr
    done = flask(*arguments, "--yes", DATABASE_URL=empty_database_url)
    assert done.returncode == 0, done.stderr
    assert "✅ 002_baseline.sql replaces 2 files" in done.stdout
    assert [path.name for path in folder.glob("*.sql")] == ["002_baseline.sql"]
    done = flask(*arguments, DATABASE_URL=empty_database_url)
    assert done.stderr == "❌ Nothing was squashed: 002_baseline.sql is the only file up to 002.\n"


def test_project_database_verifies(database_url: str) -> None:
    done = flask("db-verify", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("postgres15")
def test_standby_allows_reading_commands_only(folder: Path) -> None:
    (folder / "001_make_a.down.sql").write_text("DROP TABLE a;")
    no_changes = (
        "❌ The database accepts no changes (it is a standby in recovery). Nothing was applied; point DATABASE_URL at the"
        " primary server.\n"
    )
    no_scratch = (
        "❌ No scratch database could be created: cannot execute CREATE DATABASE in a read-only transaction;"
        " set SCRATCH_DATABASE_URL to another server.\n"
    )
    expected = {
        "db-migrate": no_changes,
        "db-plan": no_changes,
        "db-adopt --to 1": no_changes,
        "db-repair --yes": no_changes,
        "db-rollback --to 0 --yes": no_changes,
        "db-verify": no_scratch,
        "db-migrate --dry-run": "",
        "db-status": "",
    }
    with running_debian_postgres(standby=True) as url:
        results = {
            command: flask(*command.split(), "--directory", str(folder), DATABASE_URL=url) for command in expected
        }
    assert {command: done.stderr for command, done in results.items()} == expected
    assert {command: done.returncode for command, done in results.items()} == {
        command: int(bool(sentence)) for command, sentence in expected.items()
    }


# --- personal data ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dolores_url(database_url: str) -> str:
    """The URL of a database with an old call, an upcoming viewing and an old open message of one caller."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana');
            INSERT INTO calls (vapi_call_id, agent_id, caller_number, transcript, created_at)
            VALUES ('c1', 'ana', '+14055550142', 'User: I am Dolores.', '2020-01-01');
            INSERT INTO appointments (agent_id, property_address, attendee_name, attendee_phone, start_time, end_time)
            VALUES ('ana', '12 Elm Street', 'Dolores', '+14055550142', NOW() + '1 day', NOW() + '25 hours');
            INSERT INTO messages (agent_id, body, received_at) VALUES ('ana', 'Cats?', '2020-01-01')
            """
        )
    return database_url


def test_calls_reduce_counts_then_reduces(dolores_url: str) -> None:
    kept = flask("calls-reduce", DATABASE_URL=dolores_url)
    assert (kept.returncode, kept.stdout) == (
        0,
        "KEEP_CALLS_DAYS is not set, so calls are kept. Nothing was changed.\n",
    )
    rehearsal = flask("calls-reduce", "--dry-run", DATABASE_URL=dolores_url, KEEP_CALLS_DAYS="90")
    assert rehearsal.stdout.startswith("Older than 90 days and due: 1 call, 0 tool calls without a call, ")
    done = flask("calls-reduce", DATABASE_URL=dolores_url, KEEP_CALLS_DAYS="90")
    assert done.stdout.startswith("✅ Older than 90 days and removed or reduced: 1 call, ")
    assert done.stdout.endswith("\n1 older message is still open.\n")
    again = flask("calls-reduce", "--days", "1", DATABASE_URL=dolores_url)
    assert "removed or reduced: 0 calls" in again.stdout


def test_keep_calls_days_is_validated(empty_database_url: str) -> None:
    done = flask("calls-reduce", DATABASE_URL=empty_database_url, KEEP_CALLS_DAYS="ninety")
    assert done.returncode == 1
    assert "KEEP_CALLS_DAYS must be a whole number from 1 to 36500, not 'ninety'" in done.stderr


def test_person_export_writes_a_private_new_file(dolores_url: str, tmp_path: Path) -> None:
    printed = flask("person-export", "(405) 555-0142", DATABASE_URL=dolores_url)
    assert json.loads(printed.stdout)["bookings"][0]["visitor_name"] == "Dolores"
    file = tmp_path / "person.json"
    done = flask("person-export", "405 555 0142", "--output", str(file), DATABASE_URL=dolores_url)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text(encoding="utf-8"))["person"] == "+14055550142"
    again = flask("person-export", "405 555 0142", "--output", str(file), DATABASE_URL=dolores_url)
    assert (again.returncode, again.stderr) == (
        1,
        f"❌ {file} exists. Name another file: an export is never written over one.\n",
    )
    nowhere = flask("person-export", "405 555 0142", "--output", f"{tmp_path}/no/file", DATABASE_URL=dolores_url)
    assert nowhere.stderr.endswith("/no/file cannot be written: No such file or directory.\n")


def test_person_delete_shows_what_it_deletes_and_asks(dolores_url: str) -> None:
    asked = flask("person-delete", "405 555 0142", DATABASE_URL=dolores_url)
    assert asked.returncode == 1
    assert "Stored about +14055550142: 1 viewing, 1 call.\nTo be cancelled: " in asked.stdout
    assert asked.stdout.endswith(", Dolores, 12 Elm Street\n")
    assert asked.stderr == "❌ Nothing was deleted. Without a terminal, --yes confirms the deletion.\n"
    done = flask("person-delete", "405 555 0142", "--yes", DATABASE_URL=dolores_url)
    assert done.stdout.endswith("✅ Deleted: 1 viewing, 1 call.\n")
    gone = flask("person-delete", "405 555 0142", "--yes", DATABASE_URL=dolores_url)
    assert (gone.returncode, gone.stderr) == (1, "❌ Nothing is stored about +14055550142.\n")
    invalid = flask("person-export", "Dolores", DATABASE_URL=dolores_url)
    assert invalid.stderr.startswith("❌ Enter a phone number with its area code")
