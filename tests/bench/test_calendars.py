"""A quick run of the section `calendars` measures every table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import calendars
from bench.section import Bench
from bench.table import Table

pytestmark = pytest.mark.untraced


@pytest.mark.long
def test_a_quick_run_measures_every_table(tmp_path: Path) -> None:
    tables = {t.title: t for t in calendars.measure(Bench(tmp_path, quick=True)) if isinstance(t, Table)}
    assert list(tables) == [
        "A calendar of 5,000 events with 200 series",
        "Free times by phone with a connected calendar",
        "A booking by phone with a calendar that receives it",
        "40 calendars kept by one worker",
    ]
    assert len(tables["Free times by phone with a connected calendar"].rows) == 4
    assert [row[0] for row in tables["40 calendars kept by one worker"].rows] == ["read whole", "read the changes"]
    assert sum(len(table.promises) for table in tables.values()) == 5
