"""The process that keeps a worker of background jobs running, and what gunicorn's master does with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from peterental import deploy, supervise_jobs
from peterental.config import Config
from tests.servers import HANG_S, until

COUNTS_ITS_STARTS = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(3)"
ENDS_WITH_ITS_INPUT = (
    "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); sys.stdin.buffer.read();"
    "pathlib.Path(sys.argv[1]).unlink()"
)


@pytest.fixture
def no_input() -> Iterator[IO[bytes]]:
    """A standard input that has ended."""
    with Path(os.devnull).open("rb") as stream:
        yield stream


def supervised(code: str, path: Path, stop: threading.Event) -> threading.Thread:
    """Supervise a program on a thread."""
    command = (sys.executable, "-c", code, str(path))
    thread = threading.Thread(target=supervise_jobs.supervise, args=(command, stop))
    thread.start()
    return thread


def test_worker_that_ended_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervise_jobs, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(supervise_jobs, "MAX_WAIT_S", 0.01)
    stop = threading.Event()
    thread = supervised(COUNTS_ITS_STARTS, tmp_path / "starts", stop)
    until(lambda: (tmp_path / "starts").exists() and len((tmp_path / "starts").read_text()) >= 2, "it starts twice")
    stop.set()
    thread.join(HANG_S)
    assert not thread.is_alive()
    assert "The worker of background jobs ended with code 3; it starts again in 0 s" in capsys.readouterr().out


def test_stop_ends_the_worker(tmp_path: Path) -> None:
    stop = threading.Event()
    thread = supervised("import time, sys; open(sys.argv[1], 'w'); time.sleep(600)", tmp_path / "runs", stop)
    until((tmp_path / "runs").exists, "the worker runs")
    stop.set()
    thread.join(HANG_S)
    assert not thread.is_alive()


def test_worker_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise_jobs, "KILL_AFTER_S", 0.05)
    stop = threading.Event()
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w');"
        "time.sleep(600)"
    )
    thread = supervised(code, tmp_path / "runs", stop)
    until((tmp_path / "runs").exists, "the worker runs")
    stop.set()
    thread.join(HANG_S)
    assert not thread.is_alive()


def test_killed_supervisor_leaves_no_worker(tmp_path: Path) -> None:
    words = repr((sys.executable, "-c", ENDS_WITH_ITS_INPUT, str(tmp_path / "runs")))
    code = f"import threading; from peterental import supervise_jobs as s; s.supervise({words}, threading.Event())"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as supervisor:
        until((tmp_path / "runs").exists, "the worker runs")
        supervisor.kill()
    until(lambda: not (tmp_path / "runs").exists(), "the worker has ended")


def test_end_of_the_master_ends_the_supervisor(monkeypatch: pytest.MonkeyPatch, no_input: IO[bytes]) -> None:
    commands: list[tuple[str, ...]] = []

    def supervise(command: tuple[str, ...], stop: threading.Event) -> None:
        commands.append(command)
        assert stop.wait(HANG_S)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(supervise_jobs, "supervise", supervise)
    monkeypatch.setattr(supervise_jobs, "sys", SimpleNamespace(stdin=no_input, executable=sys.executable))
    try:
        supervise_jobs.main()
        assert commands == [supervise_jobs.COMMAND]
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_jobs_0_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("peterental.deploy.subprocess.Popen", lambda words, **_how: started.append(words))
    monkeypatch.setattr(deploy, "_supervisors", [])
    deploy.start_jobs(Config(jobs=False))
    assert started == []
    deploy.start_jobs(Config())
    assert [words[1:] for words in started] == [["-m", "peterental.supervise_jobs"]]
