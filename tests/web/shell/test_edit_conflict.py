"""What a form says about an edit conflict."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.clock import utc_now
from peterental.web.shell.edit_conflict import conflict_sentences
from peterental.web.shell.template_filters import clock, day

ZONE = ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize("days", [0, 1, 40])
def test_time_of_a_change_has_its_zone_and_its_day(days: int) -> None:
    changed_at = utc_now() - timedelta(days=days)
    on = f" on {day(changed_at, ZONE)}" if days else ""
    expected = f"Olga changed the settings{on} at {clock(changed_at, ZONE)} UTC+5:45, after you opened this page."
    assert conflict_sentences("Olga", "the settings", changed_at, ZONE).startswith(expected)


def test_unknown_time_is_left_out() -> None:
    text = conflict_sentences("Another user", "these notices", None, ZONE, "Save again.")
    assert text == (
        "Another user changed these notices, after you opened this page. Your changes are not saved yet. Save again."
    )
