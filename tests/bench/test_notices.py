"""A quick run of the section `notices` measures every table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import notices
from bench.section import Bench
from bench.table import Table

pytestmark = pytest.mark.untraced


@pytest.mark.long
def test_a_quick_run_measures_every_table(tmp_path: Path) -> None:
    tables = {t.title: t for t in notices.measure(Bench(tmp_path, quick=True)) if isinstance(t, Table)}
    assert list(tables) == [
        "A booking by phone with notices",
        "Looking for due reminders among 20,000 viewings",
        "50 reminders due in one minute",
        "Notices under kill -9",
    ]
    assert sum(len(table.promises) for table in tables.values()) == 4
    assert all(promise.holds for promise in tables["Notices under kill -9"].promises)
