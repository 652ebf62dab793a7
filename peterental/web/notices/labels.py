"""What the pages call kinds, states, channels and fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peterental.phone_numbers import readable

if TYPE_CHECKING:
    from peterental.notices.model import Channel, Kind, Language, Notice, State
    from peterental.notices.replies.model import Outcome
    from peterental.notices.texts.segments import Segments

KINDS: Mapping[Kind, str] = {
    "booked": "Viewing booked",
    "moved": "Viewing moved",
    "changed": "Viewing changed",
    "cancelled": "Viewing cancelled",
    "reminder_day": "Reminder, a day before",
    "reminder_hours": "Reminder, two hours before",
    "no_show": "After a no-show",
    "released": "Not confirmed, released",
    "waitlist_offer": "Offer from the waiting list",
    "reply": "Answer to a text",
    "agent_booked": "To the agent: booked",
    "agent_moved": "To the agent: moved",
    "agent_changed": "To the agent: changed",
    "agent_reassigned": "To the previous agent: given to another",
    "agent_cancelled": "To the agent: cancelled",
    "agent_released": "To the agent: released",
    "agent_urgent_message": "To the agent: urgent message",
    "agent_flagged_call": "To the agent: call to check",
    "agent_calendar_trouble": "To the agent: calendar trouble",
    "agent_morning_list": "To the agent: morning list",
    "invitation": "Invitation of a user",
    "password_reset": "Password reset",
    "webhook_off": "To admins: webhook turned off",
    "test": "Test",
}

STATES: Mapping[State, str] = {
    "waiting": "Waiting",
    "sending": "Being sent",
    "sent": "Sent",
    "delivered": "Delivered",
    "failed": "Failed",
    "unknown": "Unknown",
    "suppressed": "Not sent",
}

CHIPS: Mapping[State, str] = {
    "waiting": "waiting",
    "sending": "running",
    "sent": "on",
    "delivered": "done",
    "failed": "failed",
    "unknown": "unknown",
    "suppressed": "off",
}
"""The colour of a state."""

OUTCOMES: Mapping[Outcome, str] = {
    "confirm": "Confirmed",
    "cancel": "Cancelled",
    "take_offer": "Took the time that was held",
    "which": "Not clear which viewing, so nothing was changed",
    "no_viewing": "No upcoming viewing, so nothing was changed",
    "move": "Wants another time",
    "message": "Message",
    "courtesy": "Message",
    "help": "Asked who writes",
    "start": "Wants texts again",
    "stop": "Stopped texts",
    "wrong_person": "Wrong number: texts stopped",
}
"""What a visitor's text was taken for."""

CHANNELS: Mapping[Channel, str] = {"text": "Text", "email": "E-mail"}

LANGUAGES: Mapping[Language, str] = {"en": "English", "es": "Spanish"}

FIELDS: Mapping[str, str] = {
    "visitor": "the visitor's or caller's name",
    "home": "the address of the home",
    "day": "the day, such as Tue, Dec 1",
    "time": "the time at the home, such as 2:30 PM",
    "agent": "the agent's name",
    "office": "the name of the office",
    "agent_phone": "the agent's hand-over number",
    "phone": "the visitor's or caller's number",
    "link": "the visitor's page of the viewing; for agents the page here",
    "old_day": "the day before the viewing was moved",
    "old_time": "the time before the viewing was moved",
    "until": "the time at which the viewing ends",
    "confirm": "what to reply; empty if there is nothing to confirm",
    "hours": "how long it is until the viewing, such as 2 hours",
    "message": "what was said, what is wrong, or the list",
}


def recipient(notice: Notice) -> str:
    """Return the recipient of a notice as people write it."""
    return recipient_of(notice.channel, notice.recipient)


def number(text: str) -> str:
    """Return a number in E.164 as people write it."""
    return recipient_of("text", text)


def recipient_of(channel: Channel, number: str) -> str:
    """Return a number in E.164 as people write it, `(405) 555-0123`; an e-mail address unchanged."""
    return readable(number) if channel == "text" else number


def segments_line(found: Segments) -> str:
    """Return how long a text message is, as it is billed."""
    count = "1 segment" if found.count == 1 else f"{found.count} segments"
    alphabet = "" if found.encoding == "gsm7" else ", because a character is outside the basic alphabet of texts"
    return f"{count}, {found.characters} characters{alphabet}"
