"""The hourly task that deletes uploaded lists of homes."""

from __future__ import annotations

import threading

from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun
from peterental.worker.uploads import DELETE_UPLOADS


def test_files_of_yesterday_are_deleted(config: Config, database: Database, services: Services) -> None:
    admin = services.users.create("office@example.com", "correct horse battery", "admin")
    for _ in range(2):
        services.property_imports.upload("AppFolio", "homes.csv", b"Id,Street\n1,9 Ash St\n", admin)
    database.fetch("UPDATE property_imports SET uploaded_at = uploaded_at - INTERVAL '25 hours' WHERE import_id = 1")
    DELETE_UPLOADS.run(JobRun(args={}, config=config, database=database, services=services, stop=threading.Event()))
    assert database.fetch("SELECT import_id FROM property_imports") == [{"import_id": 2}]


def test_task_runs_every_hour() -> None:
    assert DELETE_UPLOADS in TASKS
    assert DELETE_UPLOADS.schedule is not None
