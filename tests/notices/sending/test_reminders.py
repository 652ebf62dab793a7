"""Reminders are written when they are due, for viewings as they are then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from peterental.database.pool import Database
from tests.notices.office import ADMIN, EMAIL, NOON, Office
from tests.plans import Explained, read_whole
from tests.together import at_once


def reminded(office: Office) -> list[str]:
    """Plan and send, and return the kinds of the reminders that were sent, in order."""
    office.services.reminders.plan()
    for job in office.jobs():
        if "appointment_id" in job:
            office.send(job["appointment_id"])
        else:
            office.services.notice_sender.send(job["notice_id"])
    return [kind for kind, state in office.notices("kind", "state") if state == "sent" and kind.startswith("reminder")]


def at(office: Office, start: datetime, **before: float) -> None:
    """Set the clock to some time before a moment."""
    office.clock.now = start - timedelta(**before)


def test_visitor_is_reminded_a_day_and_two_hours_before(office: Office) -> None:
    start = NOON + timedelta(days=2)
    office.book(start, email=EMAIL)
    at(office, start, hours=24, minutes=1)
    assert reminded(office) == []
    at(office, start, hours=24)
    for _ in range(2):
        assert reminded(office) == ["reminder_day"] * 2
    at(office, start, hours=2)
    for _ in range(2):
        assert reminded(office) == ["reminder_day"] * 2 + ["reminder_hours"] * 2
    assert {letter.recipient for letter in office.mails.taken} == {EMAIL}


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        ({"hours": 26}, ["reminder_day", "reminder_hours"]),
        ({"hours": 23}, ["reminder_hours"]),
        ({"hours": 3}, ["reminder_hours"]),
        ({"minutes": 90}, []),
    ],
)
def test_late_booking_has_fewer_reminders(office: Office, ahead: dict[str, float], expected: list[str]) -> None:
    start = NOON + timedelta(**ahead)
    office.book(start)
    while office.clock.now < start:
        kinds = reminded(office)
        office.clock.forward(minutes=10)
    assert kinds == expected


def test_moved_viewing_is_reminded_of_at_its_new_time(office: Office) -> None:
    start = NOON + timedelta(days=2)
    viewing = office.book(start)
    at(office, start, hours=24)
    assert reminded(office) == ["reminder_day"]
    office.move(viewing, start + timedelta(days=2))
    at(office, start, hours=2)
    assert reminded(office) == ["reminder_day"]
    at(office, start + timedelta(days=2), hours=24)
    assert reminded(office) == ["reminder_day", "reminder_day"]


def test_moved_or_cancelled_viewing_leaves_no_reminder(office: Office) -> None:
    start = NOON + timedelta(days=2)
    moved, cancelled = office.book(start), office.book(start + timedelta(hours=1))
    at(office, start, hours=23)
    office.services.reminders.plan()
    office.move(moved, start + timedelta(days=5))
    office.cancel(cancelled)
    assert reminded(office) == []
    at(office, start, hours=2)
    assert reminded(office) == []


def test_reminder_in_the_night_waits_until_the_morning(office: Office) -> None:
    start = datetime(2026, 12, 4, 14, 30, tzinfo=UTC)  # 8:30 in Chicago
    office.book(start)
    at(office, start, hours=24)
    assert reminded(office) == ["reminder_day"]
    at(office, start, hours=2)
    assert reminded(office) == ["reminder_day"]
    at(office, start, minutes=31)
    assert reminded(office) == ["reminder_day"]
    viewing = office.notices("appointment_id")[0]
    at(office, start, minutes=30)
    office.send(viewing)
    assert office.notices("kind", "state")[-1] == ("reminder_hours", "sent")


def test_worker_that_was_away_reminds_while_it_is_of_use(office: Office) -> None:
    start = NOON + timedelta(days=2)
    office.book(start)
    at(office, start, hours=13)
    office.clock.now = start - timedelta(hours=21)  # the office was away for three hours
    assert reminded(office) == ["reminder_day"]
    at(office, start, minutes=14)
    assert reminded(office) == ["reminder_day"]


def test_settings_and_channels_decide(office: Office) -> None:
    start = NOON + timedelta(days=2)
    office.book(start, email=EMAIL)
    settings = office.services.notice_settings
    settings.change(replace(settings.get(), reminds_day_before=False, texts_visitors=False), ADMIN)
    at(office, start, hours=24)
    assert reminded(office) == []
    at(office, start, hours=2)
    assert reminded(office) == ["reminder_hours"]
    assert office.notices("channel")[-1] == "email"
    office.services.notice_channels.record({})
    settings.change(replace(settings.get(), reminds_day_before=True), ADMIN)
    office.book(start + timedelta(days=1))
    at(office, start + timedelta(days=1), hours=24)
    assert reminded(office) == ["reminder_hours"]


def test_booking_without_a_history_is_reminded_of(office: Office) -> None:
    start = NOON + timedelta(days=2)
    office.book(start)
    office.database.fetch("DELETE FROM appointment_events")
    at(office, start, hours=24)
    assert reminded(office) == ["reminder_day"]


def test_two_workers_plan_each_reminder_once(office: Office) -> None:
    start = NOON + timedelta(days=2)
    for number in range(20):
        office.book(start + timedelta(minutes=30 * number))
    at(office, start, hours=14)
    office.jobs()
    pools = [Database(office.database.url) for _ in range(3)]
    counts = at_once([office.new_services(pool).reminders.plan for pool in pools])
    for pool in pools:
        pool.close()
    assert sum(counts) == 20
    assert len(office.jobs()) == 20


def test_planning_reads_the_next_day_only(office: Office) -> None:
    office.database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time, status)
        SELECT 'ana', '12 Elm Street', 'Ben', at, at + INTERVAL '30 minutes', 'confirmed'
        FROM generate_series(%(now)s::timestamptz, %(now)s + INTERVAL '1000 days', INTERVAL '1 hour') AS at
        """,
        {"now": NOON},
    )
    office.database.fetch("ANALYZE appointments")
    explained = Explained(office.database.url, {"planned": 0})
    try:
        office.new_services(explained).reminders.plan()
    finally:
        explained.close()
    assert "Index" in explained.plan
    assert read_whole(explained.plan, "appointments") == []
