"""The task that reduces old calls every night."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services
from peterental.worker.reduce_calls import REDUCE_CALLS
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun

SUMMARIES = "SELECT summary FROM calls ORDER BY vapi_call_id"


@pytest.fixture
def job(config: Config, database: Database, services: Services) -> JobRun:
    """One night's job, with a call of last week and one of today."""
    for name, age in (("old", timedelta(days=7)), ("today", timedelta())):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, status, started_at, summary) VALUES (%s, 'ended', %s, %s)",
            (name, datetime.now(UTC) - age, f"what was said in {name}"),
        )
    return JobRun(args={}, config=config, database=database, services=services, stop=threading.Event())


def test_task_runs_every_night() -> None:
    assert REDUCE_CALLS in TASKS
    assert REDUCE_CALLS.schedule is not None


def test_calls_are_kept_without_the_setting(job: JobRun, database: Database) -> None:
    REDUCE_CALLS.run(job)
    assert [row["summary"] for row in database.fetch(SUMMARIES)] == ["what was said in old", "what was said in today"]


def test_older_calls_are_reduced(job: JobRun, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="peterental.jobs"):
        for _ in range(2):
            REDUCE_CALLS.run(replace(job, config=replace(job.config, keep_calls_days=3)))
    assert [row["summary"] for row in database.fetch(SUMMARIES)] == [None, "what was said in today"]
    assert caplog.text.count("What is older than 3 days was reduced: 1 row") == 1
