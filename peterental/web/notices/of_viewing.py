"""The notices of one viewing, on its own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peterental.notices.planned import addresses_by_channel, planned_reminders
from peterental.web.notices import labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from peterental.appointments.manual.model import Event
    from peterental.appointments.model import Appointment
    from peterental.notices.model import Channel, ChannelState, NoticeSettings
    from peterental.notices.planned import PlannedReminder
    from peterental.services import Services


def notices_of(services: Services, appointment: Appointment, events: Sequence[Event], now: datetime) -> dict[str, Any]:
    """Return what the page of a viewing shows of its notices and of the visitor's texts.

    Two queries, and up to four more before the viewing starts.
    """
    planned: tuple[PlannedReminder, ...] = ()
    if appointment.status == "confirmed" and appointment.start > now:
        settings = services.notice_settings.get()
        ways = _ways(services, appointment, settings, services.notice_channels.ready())
        planned = planned_reminders(appointment, events, settings, ways, now)
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


def notice_of_change(services: Services, appointment: Appointment, now: datetime) -> str:
    """Return the clause that says how the visitor is notified when a viewing is changed; empty if not.

    Runs two queries, and one for each channel. Such as `by text to (405) 555-0142 and by e-mail to ana@example.com`.
    """
    if appointment.start <= now:
        return ""
    ready = services.notice_channels.ready()
    ways = _ways(services, appointment, services.notice_settings.get(), ready)
    how = {"text": "by text to", "email": "by e-mail to"}
    ways_text = " and ".join(f"{how[channel]} {labels.recipient_of(channel, to)}" for channel, to in ways.items())
    is_real = all(ready[channel].is_real for channel in ways)
    return ways_text if is_real or not ways_text else f"{ways_text} (written into files on this machine)"


def _ways(
    services: Services, appointment: Appointment, settings: NoticeSettings, ready: Mapping[Channel, ChannelState]
) -> dict[Channel, str]:
    """Return the number and the address at which a visitor is notified, without those who said stop."""
    ways = addresses_by_channel(appointment, settings, ready)
    return {channel: to for channel, to in ways.items() if not _is_stopped(services, channel, to)}


def _is_stopped(services: Services, channel: Channel, recipient: str) -> bool:
    return any(
        consent.purpose == "all" and consent.channel == channel and consent.revoked_at is not None
        for consent in services.consents.for_person(recipient)
    )
