"""Quick runs of the sections `pages` and `scale` measure every page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import pages, scale
from bench.section import Bench
from bench.table import Table

pytestmark = pytest.mark.untraced


@pytest.mark.long
def test_a_quick_run_requests_every_page(tmp_path: Path) -> None:
    table = next(part for part in pages.measure(Bench(tmp_path, quick=True)) if isinstance(part, Table))
    assert [row[0] for row in table.rows] == [*pages.PAGES, *pages.AGENTS_PAGES]
    assert [promise.work for promise in table.promises] == [
        "every page's median with 20,000 bookings",
        "the heaviest page, before images",
    ]
    assert all(0 < int(row[4].removesuffix(" KB")) <= 60 for row in table.rows)


@pytest.mark.long
def test_a_quick_scale_run_measures_everything(tmp_path: Path) -> None:
    tables = {t.title: t for t in scale.measure(Bench(tmp_path, quick=True)) if isinstance(t, Table)}
    assert tables["What it takes on disk"].rows[0][:2] == ("appointments", "20,000")
    assert [row[-1] for row in tables["The phone"].rows] == ["0"] * 4
    assert len(tables["The pages"].rows) == len(scale.PAGES)
    assert all(int(row[2]) > 0 for row in tables["Migrations, while callers book"].rows)
