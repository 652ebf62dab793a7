"""The process that finishes migrations in the background, without the process around it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from peterental import deploy, finish_migrations
from peterental.config import PROJECT_DIR, Config
from peterental.database.migrations.errors import Interrupted
from peterental.database.migrations.run.finisher import Finisher


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(finish_migrations, "_stop_with_the_master", lambda _stop: None)
    monkeypatch.setattr("logging.config.dictConfig", lambda _settings: None)


@pytest.mark.usefixtures("configured")
def test_main_ends_when_nothing_is_left() -> None:
    finish_migrations.main()


@pytest.mark.usefixtures("configured")
def test_main_logs_that_it_was_stopped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def run(_finisher: Finisher, _stop: threading.Event) -> None:
        raise Interrupted

    monkeypatch.setattr(Finisher, "run", run)
    with caplog.at_level("INFO", logger="peterental.deploy"):
        finish_migrations.main()
    assert "Stopped while finishing migrations; the next start goes on." in caplog.text


def test_end_of_the_master_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(finish_migrations, "sys", SimpleNamespace(stdin=SimpleNamespace(buffer=io.BytesIO())))
    monkeypatch.setattr(
        finish_migrations, "os", SimpleNamespace(getpid=os.getpid, kill=lambda *args: killed.append(args))
    )
    stop = threading.Event()
    finish_migrations._stop_with_the_master(stop)
    assert stop.is_set()
    assert killed == [(os.getpid(), signal.SIGTERM)]


def test_nothing_unfinished_starts_no_process(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "peterental.deploy.subprocess.Popen", lambda *_args, **_how: pytest.fail("a process was started")
    )
    deploy.start_finisher(Config(database_url=database_url))


def test_unreachable_database_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "peterental.deploy.subprocess.Popen", lambda *_args, **_how: pytest.fail("a process was started")
    )
    deploy.start_finisher(Config(database_url="postgresql://pete@127.0.0.1:1/peterental?connect_timeout=2"))


def test_unfinished_migrations_start_the_process(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("peterental.deploy.subprocess.Popen", lambda words, **_how: started.append(words))
    monkeypatch.setattr(deploy, "_finishers", [])
    folder = shutil.copytree(PROJECT_DIR / "migrations", tmp_path / "migrations")
    next_version = max(int(path.name[:3]) for path in folder.glob("*.sql")) + 1
    (folder / f"{next_version:03d}_contract.sql").write_text("-- migrate: contract\nSELECT 1;\n", encoding="utf-8")
    with caplog.at_level("INFO", logger="peterental.deploy"):
        deploy.start_finisher(Config(database_url=database_url, migrations_dir=folder))
        deploy.start_finisher(Config(database_url=database_url, migrations_dir=folder, migrate_on_start=False))
    assert [words[1:] for words in started] == [["-m", "peterental.finish_migrations"]]
    assert "1 migration is pending" in caplog.text
