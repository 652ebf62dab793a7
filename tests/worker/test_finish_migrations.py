"""The task that finishes migrations: deferred when a deploy leaves some, run by a process of its own."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from peterental.config import PROJECT_DIR, Config
from peterental.database.pool import Database
from peterental.jobs.model import Job, JobFailed, JobState
from peterental.services import Services
from peterental.worker import finish_migrations
from peterental.worker.finish_migrations import FINISH_MIGRATIONS, NAME, defer_if_unfinished
from peterental.worker.task import Interrupted, JobRun

JobsIn = Callable[[JobState], tuple[Job, ...]]


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A folder of migrations of which one waits for older releases to leave."""
    folder = shutil.copytree(PROJECT_DIR / "migrations", tmp_path / "migrations")
    next_version = max(int(path.name[:3]) for path in folder.glob("*.sql")) + 1
    (folder / f"{next_version:03d}_contract.sql").write_text("-- migrate: contract\nSELECT 1;\n", encoding="utf-8")
    return folder


def test_nothing_unfinished_defers_no_job(
    config: Config, database: Database, services: Services, jobs_in: JobsIn
) -> None:
    defer_if_unfinished(config, database, services)
    assert jobs_in("waiting") == ()


def test_unreachable_database_defers_no_job(services: Services, jobs_in: JobsIn) -> None:
    config = Config(database_url="postgresql://pete@127.0.0.1:1/peterental?connect_timeout=2")
    defer_if_unfinished(config, Database(config.database_url or ""), services)
    assert jobs_in("waiting") == ()


def test_unfinished_migrations_defer_one_job(  # noqa: PLR0917  # fixtures
    database: Database,
    database_url: str,
    services: Services,
    jobs_in: JobsIn,
    unfinished: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO", logger="peterental.deploy"):
        for migrates in (False, True, True):
            config = Config(database_url=database_url, migrations_dir=unfinished, migrate_on_start=migrates)
            defer_if_unfinished(config, database, services)
            assert [job.task for job in jobs_in("waiting")] == [NAME] * migrates
    assert "1 migration is pending" in caplog.text


@pytest.fixture
def job(config: Config, database: Database, services: Services) -> JobRun:
    """One attempt of the job."""
    return JobRun(args={}, config=config, database=database, services=services, stop=threading.Event())


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that sets the program of the process."""
    return lambda code: monkeypatch.setattr(finish_migrations, "COMMAND", (sys.executable, "-c", code))


def test_job_is_done_when_the_process_ends(job: JobRun, process: Callable[[str], None]) -> None:
    process("")
    FINISH_MIGRATIONS.run(job)


def test_process_that_fails_fails_the_job(job: JobRun, process: Callable[[str], None]) -> None:
    process("import sys; sys.exit(4)")
    with pytest.raises(JobFailed, match="ended with code 4"):
        FINISH_MIGRATIONS.run(job)


def test_stop_interrupts_the_process(job: JobRun, process: Callable[[str], None]) -> None:
    process("import time; time.sleep(600)")
    job.stop.set()
    with pytest.raises(Interrupted):
        FINISH_MIGRATIONS.run(job)
