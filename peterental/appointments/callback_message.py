"""The message to an agent who has to call back: what the caller wanted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments import own_bookings
from peterental.messages.model import MessageDraft

if TYPE_CHECKING:
    from peterental.appointments.model import BookingRequest

MAX_PART_CHARS = 200


def callback_message(tool: str, request: BookingRequest, *, of_team: bool = False) -> MessageDraft:
    """Return the message about a request that could not be answered, because the calendar cannot be read.

    Args:
        tool: the tool that was called.
        request: its arguments.
        of_team: whether the line books for other agents than its own, whose calendars could not be read either.
    """
    home = own_bookings.given_home(request)
    viewing = f"a viewing of {_shortened(home)}" if home else "a viewing"
    wish = f"Wants to move {viewing}" if tool == "reschedule_appointment" else f"Wants {viewing}"
    parts = (request.start_time, request.date, request.time_of_day)
    times = ", ".join(_shortened(part) for part in parts if isinstance(part, str) and part.strip())
    when = f": \N{LEFT DOUBLE QUOTATION MARK}{times}\N{RIGHT DOUBLE QUOTATION MARK}" if times else ""
    what = "The calendars of this line's agents" if of_team else "Your calendar"
    return MessageDraft(
        body=f"{wish}{when}. {what} could not be read, so no time was offered or booked.",
        attendee_name=own_bookings.given_name(request),
        attendee_phone=request.attendee_phone,
    )


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_PART_CHARS else f"{text[:MAX_PART_CHARS]}\N{HORIZONTAL ELLIPSIS}"
