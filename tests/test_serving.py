"""The application as production runs it: gunicorn, workers, migrations, health checks, kills."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.gunicorn import PROJECT_DIR, Gunicorn, environment, running_gunicorn
from tests.servers import HANG_S, free_port, until

AVAILABILITY_REQUEST = {
    "type": "tool-calls",
    "call": {"id": "c1", "assistantId": "24464697-0000-4000-8000-0000000000aa"},
    "toolCallList": [{"id": "t1", "function": {"name": "get_availability", "arguments": {}}}],
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "gunicorn.log"


@pytest.fixture
def copy() -> Iterator[Path]:
    """A copy of the project, like a fresh clone, in a folder that an unprivileged account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="peterental-test-"))
    folder.chmod(0o755)
    for name in ("peterental", "migrations"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(PROJECT_DIR / name, folder / name)
    yield folder
    shutil.rmtree(folder)


def result_of(answer: dict[str, list[dict[str, str]]]) -> str:
    return answer["results"][0]["result"]


def test_a_fresh_clone_serves_the_demo(copy: Path, log: Path) -> None:
    settings = {"PETERENTAL_DEMO": "1"}
    with running_gunicorn(settings, log, copy) as gunicorn:
        until(lambda: "\ncurl " in gunicorn.output, "the curl line is printed")
        assert gunicorn.get("/healthz") == (200, {"status": "ok"})
        assert gunicorn.get("/readyz") == (200, {"status": "ok", "schema": "current"})
        assert f"Create the first account: {gunicorn.url}/setup?token=" in gunicorn.output
        curl = next(line for line in gunicorn.output.splitlines() if line.startswith("curl "))
        first, second = (
            json.loads(subprocess.run(shlex.split(curl), capture_output=True, check=True).stdout) for _ in range(2)
        )
        assert "booked" in result_of(first)
        assert "four PM" in result_of(first)
        assert second == first
        assert gunicorn.stop() == 0
    assert not (copy / "instance" / "postgres" / "data" / "postmaster.pid").exists(), "the server was stopped"
    with running_gunicorn(settings, log, copy) as gunicorn:
        _, third = gunicorn.call(json.loads(shlex.split(curl)[-1])["message"])
        assert third == first, "the booking was kept"


def test_killed_processes_do_not_prevent_a_start(copy: Path, log: Path) -> None:
    with running_gunicorn({}, log, copy) as gunicorn:
        killed = gunicorn.workers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in gunicorn.workers() and len(gunicorn.workers()) == 2, "the worker is replaced")
        assert gunicorn.get("/readyz")[0] == 200
        gunicorn.process.kill()
        gunicorn.process.wait()
    with running_gunicorn({}, log, copy) as gunicorn:
        assert gunicorn.get("/readyz")[0] == 200


FORK_AFTER_CLOSE = """\
import sys, threading
from pathlib import Path
from peterental import deploy
from peterental.database.pool import Database

deploy._THREADS_TIMEOUT_S = 120
for _ in range(30):
    database = Database(sys.argv[1])
    database.fetch("SELECT 1")
    database.close()
    deploy.before_fork()
    print(len(list(Path("/proc/self/task").iterdir())))
"""

FORK_WITH_A_THREAD = """\
import logging, threading
from peterental import deploy

logging.basicConfig(format="%(message)s")
deploy._THREADS_TIMEOUT_S = 0.05
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
deploy.before_fork()
done.set()
"""


def run_program(program: str, *arguments: str) -> tuple[str, str]:
    """Run a Python program in a new process; return its stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, cwd=PROJECT_DIR
    )
    return done.stdout, done.stderr


def test_before_fork_waits_for_other_threads_to_end(database_url: str) -> None:
    counted, stderr = run_program(FORK_AFTER_CLOSE, database_url)
    assert counted.split() == ["1"] * 30, "threads of the pool were still cleaning up, under OpenSSL's lock"
    assert not stderr


def test_a_remaining_thread_is_logged() -> None:
    _, stderr = run_program(FORK_WITH_A_THREAD)
    assert stderr == "A worker is forked while 1 other thread may hold locks, which would stay locked in it\n"


def test_database_url_replaces_the_development_server(copy: Path, log: Path, database_url: str) -> None:
    with running_gunicorn({"DATABASE_URL": database_url}, log, copy) as gunicorn:
        assert gunicorn.get("/readyz")[0] == 200
        assert "✅ Database is up to date (no new migrations)" in gunicorn.output
    assert not (copy / "instance" / "postgres").exists()


@pytest.mark.needs("postgres15")
def test_the_demo_works_on_postgres_15(request: pytest.FixtureRequest, log: Path) -> None:
    url = request.getfixturevalue("databases_15").create()
    with running_gunicorn({"DATABASE_URL": url, "PETERENTAL_DEMO": "1"}, log) as gunicorn:
        until(lambda: "\ncurl " in gunicorn.output, "the curl line is printed")
        curl = next(line for line in gunicorn.output.splitlines() if line.startswith("curl "))
        _, answer = gunicorn.call(json.loads(shlex.split(curl)[-1])["message"])
        assert "booked" in result_of(answer)


def test_healthz_fails_until_the_migration_is_resolved(copy: Path, log: Path, database_url: str) -> None:
    numbers = sorted(int(path.name[:3]) for path in (copy / "migrations").glob("[0-9]*.sql"))
    broken = copy / "migrations" / f"{numbers[-1] + 1:03d}_broken.sql"
    broken.write_text("CREATE TABLE broken (i nonsense);\n")
    with running_gunicorn({"DATABASE_URL": database_url}, log, copy) as gunicorn:
        status, answer = gunicorn.get("/healthz")
        assert status == 503
        assert answer == {"status": "unavailable", "reason": "schema"}
        assert "Not ready: 1 migration is pending" in gunicorn.output
        assert f'❌ Migration {numbers[-1] + 1} failed: type "nonsense" does not exist' in gunicorn.output
        assert gunicorn.call(AVAILABILITY_REQUEST)[0] == 200
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("INSERT INTO schema_migrations (version) VALUES (%s)", [numbers[-1] + 1])
        assert gunicorn.get("/healthz")[0] == 200
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM schema_migrations WHERE version = %s", [numbers[-1] + 1])
        until(lambda: gunicorn.get("/readyz")[0] == 503, "the strict check notices")


def test_abort_exits_after_a_failed_migration(copy: Path, log: Path, empty_database_url: str) -> None:
    (copy / "migrations" / "001_create_agent_tables.sql").write_text("SELECT 1/0;\n")
    settings = {"DATABASE_URL": empty_database_url, "MIGRATE_FAILURE": "abort"}
    gunicorn = Gunicorn(settings, copy, log)
    assert gunicorn.process.wait(HANG_S) == 1
    assert "❌ Migration 1 failed: division by zero" in gunicorn.output
    assert "Traceback" not in gunicorn.output


def test_a_start_stopped_while_migrating_rolls_back(copy: Path, log: Path, empty_database_url: str) -> None:
    (copy / "migrations" / "001_create_agent_tables.sql").write_text(
        "CREATE TABLE half (i int); SELECT pg_sleep(600);\n"
    )
    gunicorn = Gunicorn({"DATABASE_URL": empty_database_url}, copy, log)
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        sleeping = (
            "SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
        )
        until(lambda: db.execute(sleeping).fetchone() is not None, "the migration runs")
        gunicorn.process.send_signal(signal.SIGTERM)
        assert gunicorn.process.wait(HANG_S) == 1
        assert db.execute("SELECT to_regclass('half')").fetchone() == (None,)
        assert db.execute("SELECT outcome FROM schema_migration_attempts").fetchall() == [("interrupted",)]
    assert "❌ Stopped while migrating; flask db-status shows what was applied." in gunicorn.output
    assert "Traceback" not in gunicorn.output


def test_contract_file_waits_without_delaying_the_start(copy: Path, log: Path, database_url: str) -> None:
    newest = max(int(path.name[:3]) for path in (copy / "migrations").glob("*.sql"))
    name = f"{newest + 1:03d}_drop.sql"
    (copy / "migrations" / name).write_text("-- migrate: contract\nDROP TABLE not_needed;\n")
    with (
        psycopg.connect(database_url, autocommit=True, application_name=f"peterental/{newest:03d}") as older,
        running_gunicorn({"DATABASE_URL": database_url, "JOBS": "1"}, log, copy) as gunicorn,
    ):
        older.execute("CREATE TABLE not_needed ()")
        assert gunicorn.get("/healthz") == (200, {"status": "ok"})
        assert gunicorn.get("/readyz") == (200, {"status": "ok", "schema": "current"})
        assert f"{name} waits for 1 session of older releases: peterental/{newest:03d} (pid" in gunicorn.output
        finishing = "SELECT FROM procrastinate_jobs WHERE task_name = 'finish_migrations' AND status = 'doing'"
        until(lambda: older.execute(finishing).fetchone() is not None, "a background job finishes the migrations")
        supervisors = supervisors_of(gunicorn)
        assert len(supervisors) == 1
        assert gunicorn.stop() == 0
        until(lambda: not Path("/proc", str(supervisors[0])).exists(), "the supervisor ends with its master")
        waiting = "SELECT FROM procrastinate_jobs WHERE task_name = 'finish_migrations' AND status = 'todo'"
        until(lambda: older.execute(waiting).fetchone() is not None, "the job waits for the next worker")


def supervisors_of(gunicorn: Gunicorn) -> list[int]:
    """Return the children of gunicorn's master that keep a worker of background jobs running."""
    commands = {pid: Path("/proc", str(pid), "cmdline").read_text(encoding="utf-8") for pid in gunicorn.workers()}
    return [pid for pid, command in commands.items() if "supervise_jobs" in command]


def test_killed_master_leaves_no_worker_of_jobs(log: Path, database_url: str) -> None:
    workers = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%jobs'"
    with (
        psycopg.connect(database_url, autocommit=True) as db,
        running_gunicorn({"DATABASE_URL": database_url, "JOBS": "1"}, log) as gunicorn,
    ):
        until(lambda: db.execute(workers).fetchone() is not None, "a worker of jobs is connected")
        gunicorn.process.kill()
        until(lambda: db.execute(workers).fetchone() is None, "it ends with the master")


def test_migrate_on_start_can_be_disabled(copy: Path, log: Path, empty_database_url: str) -> None:
    with running_gunicorn({"DATABASE_URL": empty_database_url, "MIGRATE_ON_START": "0"}, log, copy) as gunicorn:
        status, answer = gunicorn.get("/healthz")
        assert status == 503
        assert answer == {"status": "unavailable", "reason": "schema"}


def test_calls_are_answered_without_a_database(log: Path) -> None:
    settings = {"DATABASE_URL": f"postgresql://pete:hush@127.0.0.1:{free_port()}/none"}
    with running_gunicorn(settings, log) as gunicorn:
        assert gunicorn.get("/healthz") == (503, {"status": "unavailable", "reason": "database"})

        def names_the_cause() -> bool:
            gunicorn.get("/healthz")  # the first attempts may still be connecting
            return re.search("Not ready: .*Connection refused", gunicorn.output) is not None

        until(names_the_cause, "the cause is logged")
        status, answer = gunicorn.call(AVAILABILITY_REQUEST)
        assert status == 200
        assert answer["results"][0]["toolCallId"] == "t1"
        assert result_of(answer)
        assert "hush" not in gunicorn.output
        assert "may hold locks" not in gunicorn.output
        assert "Traceback" not in gunicorn.output


def test_a_taken_port_exits_with_one_message(log: Path, database_url: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104  # as gunicorn would listen
        port = taken.getsockname()[1]
        gunicorn = Gunicorn({"DATABASE_URL": database_url, "PORT": str(port)}, PROJECT_DIR, log)
        assert gunicorn.process.wait(HANG_S) == 1
    assert f"❌ Port {port} is taken by another program" in gunicorn.output
    assert "Traceback" not in gunicorn.output


def test_production_without_secrets_does_not_start(log: Path) -> None:
    gunicorn = Gunicorn({"RENDER": "true", "VAPI_WEBHOOK_SECRET": "s"}, PROJECT_DIR, log)
    assert gunicorn.process.wait(HANG_S) == 1
    assert gunicorn.output == "❌ PeteRental cannot start: production needs DATABASE_URL and SECRET_KEY to be set.\n"


def test_json_logs_carry_the_call_id(log: Path, database_url: str) -> None:
    with running_gunicorn({"DATABASE_URL": database_url, "LOG_FORMAT": "json"}, log) as gunicorn:
        gunicorn.call(AVAILABILITY_REQUEST)
        gunicorn.stop()
        lines = [json.loads(line) for line in gunicorn.output.splitlines()]
    assert any(line["message"] == "✅ Database connected" for line in lines)
    access = [line for line in lines if line["logger"] == "gunicorn.access"]
    assert any("/vapi/webhook" in line["message"] for line in access)
    assert any(line.get("call_id") == "c1" for line in lines)


def test_production_rejects_unsigned_calls(log: Path, database_url: str) -> None:
    settings = {
        "PETERENTAL_ENV": "production",
        "DATABASE_URL": database_url,
        "SECRET_KEY": "k" * 40,
        "VAPI_WEBHOOK_SECRET": "s" * 40,
    }
    with running_gunicorn(settings, log) as gunicorn:
        assert gunicorn.call(AVAILABILITY_REQUEST)[0] == 401
        assert not re.search("k{40}|s{40}", gunicorn.output)


def test_flask_command_shares_the_development_server(copy: Path, log: Path) -> None:
    with running_gunicorn({}, log, copy):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("flask")), "db-status", "--exit-code"],
            cwd=copy,
            env=environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "The schema is current." in done.stdout
