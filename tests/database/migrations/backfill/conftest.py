"""Running backfills as `flask db-backfill` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peterental.database.migrations.run.backfills import BackfillResult, run_backfills
from tests.database.migrations.conftest import Folder, ReportedLines

Work = Callable[..., list[BackfillResult]]


@pytest.fixture
def work(empty_database_url: str, folder: Folder, reported: ReportedLines) -> Work:
    """Run the registered backfills of the folder."""

    def run(**options: Any) -> list[BackfillResult]:
        return run_backfills(empty_database_url, folder.path, **{"report": reported.append, **options})

    return run
