"""The demo calendar: busy times for a first look, which leave the time of the printed command free."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from peterental.calendars.demo_source import DemoAccount
from peterental.calendars.model import Reading, ReadWindow

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 29, 20, 55, tzinfo=UTC)


def read(seed: int, now: datetime = NOW) -> Reading:
    account = DemoAccount(seed, now)
    (calendar,) = account.calendars()
    return account.read(calendar.remote_id, ReadWindow(NOW, NOW + timedelta(days=120), ZONE), None)


def test_four_o_clock_stays_free() -> None:
    for seed in range(20):
        for key, (event,) in read(seed).busy.items():
            start, end = event.start.astimezone(ZONE), event.end.astimezone(ZONE)
            assert start.date() == end.date()
            assert time(8) <= start.time()
            assert end.time() <= time(16) or key.startswith("2026-11-29"), "today's event moves"


def test_one_event_of_today_moves() -> None:
    before, after = read(1, NOW.replace(minute=0)).busy, read(1, NOW.replace(minute=59)).busy
    assert [key for key in before if before[key] != after[key]] == ["2026-11-29 0"]
    assert before.keys() == after.keys()
    assert read(2).busy != read(1).busy
