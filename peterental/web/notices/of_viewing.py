"""The notices of one viewing, on its own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peterental.notices.planned import planned_reminders, ways_to_tell
from peterental.web.notices import labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peterental.appointments.manual.model import Event
    from peterental.appointments.model import Appointment
    from peterental.notices.planned import PlannedReminder
    from peterental.services import Services


def notices_of(services: Services, appointment: Appointment, events: Sequence[Event], now: datetime) -> dict[str, Any]:
    """Return what the page of a viewing shows of its notices and of the visitor's texts.

    Two queries, and two more before the viewing starts.
    """
    planned: tuple[PlannedReminder, ...] = ()
    if appointment.status == "confirmed" and appointment.start > now:
        settings, ready = services.notice_settings.get(), services.notice_channels.ready()
        planned = planned_reminders(appointment, events, settings, ready, now)
    return {
        "notices": services.outbox.of_appointment(appointment),
        "planned": planned,
        "replies": services.replies.of_appointment(appointment),
        "outcomes": labels.OUTCOMES,
        "kinds": labels.KINDS,
        "states": labels.STATES,
        "channels": labels.CHANNELS,
        "chips": labels.CHIPS,
    }


def told_of_change(services: Services, appointment: Appointment, now: datetime) -> str:
    """Return the clause that says how the visitor is told when a viewing is changed; empty if not. Two queries.

    Such as `by text to (405) 555-0142 and by e-mail to ana@example.com`.
    """
    if appointment.start <= now:
        return ""
    ready = services.notice_channels.ready()
    ways = ways_to_tell(appointment, services.notice_settings.get(), ready)
    how = {"text": "by text to", "email": "by e-mail to"}
    told = " and ".join(f"{how[channel]} {labels.recipient_of(channel, to)}" for channel, to in ways.items())
    is_real = all(ready[channel].is_real for channel in ways)
    return told if is_real or not told else f"{told} (written into files on this machine)"
