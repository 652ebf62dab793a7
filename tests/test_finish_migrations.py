"""The process that finishes migrations in the background, without the process around it."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from peterental import finish_migrations
from peterental.database.migrations.errors import Interrupted
from peterental.database.migrations.run.finisher import Finisher


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(finish_migrations, "_stop_with_the_worker", lambda _stop: None)
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
    assert "Stopped while finishing migrations; the next start continues." in caplog.text


def test_end_of_the_worker_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(finish_migrations, "sys", SimpleNamespace(stdin=SimpleNamespace(fileno=lambda: 0)))
    monkeypatch.setattr(
        finish_migrations,
        "os",
        SimpleNamespace(getpid=os.getpid, kill=lambda *args: killed.append(args), read=lambda *_: b""),
    )
    stop = threading.Event()
    finish_migrations._stop_with_the_worker(stop)
    assert stop.is_set()
    assert killed == [(os.getpid(), signal.SIGTERM)]
