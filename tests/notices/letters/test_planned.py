"""The page of a viewing shows the reminders that will be sent, and the reminder task sends those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.appointments.manual.model import Event
from peterental.appointments.model import Appointment
from peterental.notices.model import Channel, ChannelState, NoticeSettings
from peterental.notices.planned import PlannedReminder, addresses_by_channel, planned_reminders
from tests.notices.office import ADMIN, EMAIL, PHONE_NUMBER, Office

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
READY: dict[Channel, ChannelState] = {
    "text": ChannelState(sender="+14055550100", is_real=True),
    "email": ChannelState(sender="office@example.com", is_real=True),
}
VIEWING = Appointment(
    appointment_id=1,
    start=NOW + timedelta(days=2),
    end=NOW + timedelta(days=2, minutes=30),
    property_address="12 Elm Street",
    attendee_name="Dolores",
    agent_id="ana",
    agent_name="Ana",
    time_zone="America/Chicago",
    status="confirmed",
    caller_number=PHONE_NUMBER,
    created_at=NOW,
)


def planned(
    viewing: Appointment = VIEWING,
    *,
    events: Sequence[Event] = (),
    ready: dict[Channel, ChannelState] | None = None,
    now: datetime = NOW,
    **settings: Any,
) -> list[tuple[str, str, float]]:
    """Return kind, channel, and how many hours before the start each reminder is sent."""
    office = NoticeSettings(**settings)
    ways = addresses_by_channel(viewing, office, READY if ready is None else ready)
    found = planned_reminders(viewing, events, office, ways, now)
    return [(each.kind, each.channel, (viewing.start - each.due_at) / timedelta(hours=1)) for each in found]


def test_both_reminders_go_out_by_every_channel() -> None:
    assert planned() == [("reminder_day", "text", 24), ("reminder_hours", "text", 2)]
    assert planned(replace(VIEWING, attendee_email=EMAIL))[:2] == [
        ("reminder_day", "text", 24),
        ("reminder_day", "email", 24),
    ]
    assert planned_reminders(VIEWING, (), NoticeSettings(), {"text": PHONE_NUMBER}, NOW)[0] == PlannedReminder(
        "reminder_day", "text", PHONE_NUMBER, NOW + timedelta(days=1)
    )


@pytest.mark.parametrize(
    "nothing",
    [
        {"viewing": replace(VIEWING, status="cancelled")},
        {"viewing": replace(VIEWING, caller_number="+1 anonymous")},
        {"ready": {}},
        {"texts_visitors": False},
        {"reminds_day_before": False, "reminds_hours_before": False},
        {"now": VIEWING.start - timedelta(hours=1)},
        {"viewing": replace(VIEWING, start=NOW + timedelta(minutes=90))},
    ],
)
def test_no_reminder_is_planned_that_will_not_be_sent(nothing: dict[str, Any]) -> None:
    assert planned(**nothing) == []


def test_a_late_booking_gets_only_the_later_reminder() -> None:
    assert planned(replace(VIEWING, start=NOW + timedelta(hours=25))) == [("reminder_hours", "text", 2)]
    moved = Event(kind="moved", happened_at=VIEWING.start - timedelta(hours=25), actor="phone")
    assert planned(events=[Event(kind="booked", happened_at=NOW, actor="phone"), moved]) == [
        ("reminder_hours", "text", 2)
    ]


def test_quiet_hours_move_a_reminder_to_the_morning() -> None:
    early = replace(VIEWING, start=datetime(2026, 12, 3, 15, 0, tzinfo=UTC))  # 9 am; two hours before is 7 am
    assert planned(early) == [("reminder_day", "text", 24), ("reminder_hours", "text", 1)]
    too_early = replace(VIEWING, start=datetime(2026, 12, 3, 14, 10, tzinfo=UTC))  # 8:10 am: 8 am is too late
    assert planned(too_early) == [("reminder_day", "text", 24)]


@pytest.mark.parametrize("hours_ahead", [2.5, 4, 25, 27, 48])
def test_what_is_planned_is_what_is_written(office: Office, hours_ahead: float) -> None:
    start = office.clock.now + timedelta(hours=hours_ahead)
    viewing = office.book(start)
    appointment, events = office.services.manual.show(viewing, ADMIN)
    settings, ready = office.services.notice_settings.get(), office.services.notice_channels.ready()
    expected = planned_reminders(
        appointment, events, settings, addresses_by_channel(appointment, settings, ready), office.clock.now
    )
    while office.clock.now < start:
        office.clock.forward(minutes=10)
        office.services.reminders.plan()
    written = office.database.fetch("SELECT kind FROM notices WHERE kind LIKE 'reminder%%' ORDER BY notice_id", ())
    assert [row["kind"] for row in written] == [each.kind for each in expected]
