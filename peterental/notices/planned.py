"""The reminders that a viewing will get if nothing changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.notices.quiet_hours import quiet_until
from peterental.notices.reminders import REMINDERS

if TYPE_CHECKING:
    from peterental.appointments.manual.model import Event
    from peterental.appointments.model import Appointment
    from peterental.notices.model import Channel, ChannelState, Kind, NoticeSettings

_TEXTED = re.compile(r"\+[1-9][0-9]{7,14}")
_SETTLING = frozenset({"booked", "moved", "reopened"})
_SETTLING_CHANGES = frozenset({"home", "agent_id", "minutes"})
"""Of an edit: the changes that the visitor was notified of at once."""


@dataclass(frozen=True)
class PlannedReminder:
    """A reminder that is not written yet.

    Args:
        kind: of its notices.
        channel: how it is sent.
        recipient: a number or an e-mail address.
        due_at: when it is sent, aware: after the quiet hours, if it is due in them.
    """

    kind: Kind
    channel: Channel
    recipient: str
    due_at: datetime


def planned_reminders(
    appointment: Appointment,
    events: Sequence[Event],
    settings: NoticeSettings,
    ways: Mapping[Channel, str],
    now: datetime,
) -> tuple[PlannedReminder, ...]:
    """Return the reminders of a viewing that are still to come, the earliest first.

    Args:
        appointment: the viewing.
        events: its history.
        settings: what the office sends.
        ways: where the visitor is notified, by channel.
        now: the present moment, aware.
    """
    if appointment.status != "confirmed":
        return ()
    known = [
        event.happened_at
        for event in events
        if event.kind in _SETTLING or not _SETTLING_CHANGES.isdisjoint(event.changes)
    ]
    settled_at = max(known, default=appointment.created_at)
    switches = {"reminder_day": settings.reminds_day_before, "reminder_hours": settings.reminds_hours_before}
    found = []
    for reminder in REMINDERS:
        due_at = appointment.start - reminder.due_before
        is_settled = settled_at is None or settled_at <= appointment.start - reminder.settled_before
        if not switches[reminder.kind] or due_at <= now or not is_settled:
            continue
        held_until = quiet_until(due_at, appointment.zone, settings.quiet_from, settings.quiet_until)
        sent_at = held_until or due_at
        if sent_at < appointment.start - reminder.expires_before:
            found += [PlannedReminder(reminder.kind, channel, to, sent_at) for channel, to in ways.items()]
    return tuple(found)


def addresses_by_channel(
    appointment: Appointment, settings: NoticeSettings, ready: Mapping[Channel, ChannelState]
) -> dict[Channel, str]:
    """Return the number and the address at which a visitor is notified, by channel."""
    number, address = appointment.attendee_phone or appointment.caller_number or "", appointment.attendee_email or ""
    ways: dict[Channel, str] = {}
    if "text" in ready and settings.texts_visitors and _TEXTED.fullmatch(number):
        ways["text"] = number
    if "email" in ready and settings.mails_visitors and "@" in address:
        ways["email"] = address
    return ways
