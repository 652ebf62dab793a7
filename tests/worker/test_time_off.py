"""The task that writes repeating blocks further ahead."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.agents.time_off.model import RepeatingEntry
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import build_services
from peterental.worker.registry import TASKS
from peterental.worker.task import Interrupted, JobRun
from peterental.worker.time_off import EXTEND_TIME_OFF

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


def test_job_writes_ahead_and_resumes_after_a_stop(database: Database) -> None:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    services = build_services(database, lambda: now)
    services.agents.create(Profile(agent_name="Ana"), ADMIN)
    entry = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=date(2026, 11, 23))
    services.repeating_blocks.add("ana", entry, ADMIN)
    wanted = database.fetch("SELECT during FROM agent_busy ORDER BY during")
    database.fetch("DELETE FROM agent_busy WHERE repeats_on > '2026-12-31'")
    job = JobRun(args={}, config=Config(), database=database, services=services, stop=threading.Event())
    job.stop.set()
    with pytest.raises(Interrupted):
        EXTEND_TIME_OFF.run(job)
    assert database.fetch("SELECT during FROM agent_busy ORDER BY during") != wanted
    job.stop.clear()
    EXTEND_TIME_OFF.run(job)
    assert database.fetch("SELECT during FROM agent_busy ORDER BY during") == wanted


def test_task_runs_every_night() -> None:
    assert EXTEND_TIME_OFF in TASKS
    assert EXTEND_TIME_OFF.schedule == "50 8 * * *"
