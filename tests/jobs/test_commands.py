"""`flask jobs-work` and `flask jobs-status`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from peterental.app import create_app
from peterental.cli import jobs as commands
from peterental.config import Config
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.services import build_services
from peterental.worker.runner import JobWorker
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import close_for_good, until

FLASK = str(Path(sys.executable).with_name("flask"))


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Flask:
    """The application."""
    return create_app(Config(database_url=database_url, secret_key="k" * 40, instance_dir=tmp_path))


def run(app: Flask, *arguments: str) -> Result:
    """Run a flask command."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=arguments)


def test_status_of_a_queue_without_worker(app: Flask, database: Database) -> None:
    build_services(database).jobs.defer_once(JobRequest(task="note"))
    output = run(app, "jobs-status").output
    assert output.startswith("waiting   1  the oldest since ")
    assert "failed    0\n" in output
    assert "workers   none\nNo worker is running: start one with flask jobs-work" in output
    close_for_good(app.extensions["peterental.database"])


def test_status_as_json(app: Flask, database: Database) -> None:
    database.fetch("INSERT INTO procrastinate_workers DEFAULT VALUES")
    answer = json.loads(run(app, "jobs-status", "--json").output)
    assert answer["workers"] == 1
    assert answer["counts"] == {"waiting": 0, "running": 0, "failed": 0, "done": 0, "discarded": 0}
    assert answer["oldest_due_at"] is None
    assert "workers   1\n" in run(app, "jobs-status").output
    close_for_good(app.extensions["peterental.database"])


def test_job_of_a_newer_release_is_left_to_it(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.config.dictConfig", lambda _settings: None)
    build_services(database).jobs.defer_once(JobRequest(task="of a newer release"))
    result = run(app, "jobs-work", "--once")
    assert (result.exit_code, result.output) == (0, "")
    query = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'of a newer release'"
    assert database.fetch(query) == [{"status": "todo"}]
    close_for_good(app.extensions["peterental.database"])


def test_work_ends_when_its_parent_is_gone(database: Database, database_url: str) -> None:
    settings = environment({"DATABASE_URL": database_url})
    command = [FLASK, "jobs-work", "--with-parent"]
    alive = "SELECT id FROM procrastinate_workers"
    with subprocess.Popen(command, cwd=PROJECT_DIR, env=settings, stdin=subprocess.PIPE) as process:
        until(lambda: database.fetch(alive) != [], "the worker is registered")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0
    assert database.fetch(alive) == []


def test_sigterm_ends_a_worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.config.dictConfig", lambda _settings: None)
    stops: list[threading.Event] = []

    def work(worker: JobWorker) -> None:
        signal.raise_signal(signal.SIGTERM)
        stops.append(worker.stop)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(JobWorker, "run", work)
    monkeypatch.setattr(commands, "_exit_after_grace", lambda _stop: None)
    try:
        assert run(app, "jobs-work").exit_code == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert stops[0].is_set()


def test_job_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    codes: list[int] = []
    monkeypatch.setattr(commands, "_EXIT_AFTER_S", -30.0)
    monkeypatch.setattr("peterental.cli.jobs.os._exit", codes.append)
    stop = threading.Event()
    stop.set()
    commands._exit_after_grace(stop)
    assert codes == [0]
    assert "A job did not finish in time" in caplog.text
