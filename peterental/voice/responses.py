"""Render outcomes and refusals as the sentences that callers hear.

They promise only what was done. Pure.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, AgentInactive, AgentUnknown
from peterental.appointments import meaning, model
from peterental.appointments.model import Hours, Part
from peterental.calls.model import MessageMissing, MessageTaken, Outcome
from peterental.errors import Refusal
from peterental.voice import verbalize

APOLOGY = "I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?"
"""The answer after a fault. The call back is an offer; nothing has been recorded."""

UNKNOWN_TOOL = "I'm sorry, that is not something I can do on this line."
NO_PERSON = "I'm sorry, there is nobody I can put you through to. I can take a message instead."
NO_ASSISTANT = "I'm sorry, this number is not in service at the moment."

MAX_ADDRESS_CHARS = 100
"""A longer address is cut: no caller listens to more."""

_PARTS = {Part.MORNING: "in the morning", Part.AFTERNOON: "in the afternoon", Part.EVENING: "in the evening"}

_PLAIN: dict[type[Refusal], str] = {
    AgentUnknown: "I'm sorry, this line is not connected to a calendar, so I can't book or look up viewings.",
    AgentInactive: "I'm sorry, viewings are not being booked on this line at the moment.",
    MessageMissing: "What would you like me to pass on?",
    model.AddressMissing: "Which home would you like to see?",
    model.NameMissing: "May I have your name for the booking?",
    model.CallerUnknown: "I can't look up bookings without the number they were made from. May I take a message?",
    model.NoBooking: "I don't find an upcoming viewing that matches.",
    model.IdentityMismatch: "I don't find an upcoming viewing that matches.",
}


def render(result: Outcome | Refusal, agent: Agent | None, now: datetime) -> str:
    """Return the sentence for an outcome or a refusal, on one line.

    Args:
        result: what a tool call led to.
        agent: on whose wall clock times are said; None where no agent was found.
        now: the current time, aware; days are said relative to it.
    """
    renderer = _Renderer(agent, now)
    if type(result) in _PLAIN:
        line = _PLAIN[type(result)]  # type: ignore[index]  # only refusals are in it
    elif isinstance(result, model.SlotUnavailable):
        line = renderer.slot_unavailable(result)
    elif isinstance(result, Refusal):
        line = renderer.refusal(result)
    else:
        line = renderer.outcome(result)
    return " ".join(line.split())


class _Renderer:
    """Renders sentences for one agent at one moment."""

    def __init__(self, agent: Agent | None, now: datetime) -> None:
        self._agent = agent
        self._zone = agent.zone if agent else ZoneInfo("UTC")
        self._now = now

    def outcome(self, result: Outcome) -> str:
        match result:
            case model.TimesOffered(home=home, times=times):
                what = f"For {_home(home)}, I have" if home else "I have"
                line = f"{what} {self._times(times)}. Which would you like?"
            case model.NoneAvailable():
                line = self._none_available(result)
            case model.Booked(appointment=booking):
                line = f"You're booked to see {_home(booking.property_address)}, {self._on(booking.start)}."
            case model.Moved(appointment=booking):
                line = f"Your viewing of {_home(booking.property_address)} is now {self._on(booking.start)}."
            case model.Cancelled(appointment=booking):
                line = f"Your viewing of {self._viewing(booking)}, is cancelled."
            case model.Found(appointments=bookings):
                line = f"You have a viewing of {self._viewings(bookings)}."
            case model.IdentityUnconfirmed():
                line = "I see a booking for this number. What name is it under, or which address is it for?"
            case MessageTaken(can_call_back=True):
                line = "I've noted your message, and someone will call you back."
            case MessageTaken():
                line = "I've noted your message. What number can we call you back on?"
            case _:
                line = "All right."
        return line

    def refusal(self, refusal: Refusal) -> str:
        match refusal:
            case model.WhichBooking(proven=False):
                return "There is more than one viewing booked. What is the address of the one you mean?"
            case model.WhichBooking(appointments=bookings):
                return f"You have a viewing of {self._viewings(bookings)}. Which one do you mean?"
            case model.AlreadyBooked(appointment=booking, movable=movable):
                offer = "Shall I move it?" if movable else "If you need another time, I can take a message."
                return f"You already have a viewing of {self._viewing(booking)}. {offer}"
            case _:
                return f"I'm sorry. {refusal}"

    def slot_unavailable(self, refusal: model.SlotUnavailable) -> str:
        match refusal:
            case model.TimeUnclear(question=question):
                return self._question(question, refusal.nearest)
            case model.SlotTaken():
                why = "I'm sorry, that time is taken."
            case model.TimePast():
                why = "That time is already past."
            case model.TooSoon():
                why = f"Viewings have to be booked {verbalize.length(refusal.notice_minutes)} ahead."
            case model.TooFar():
                why = f"Viewings can be booked {verbalize.count(refusal.horizon_days, 'day')} ahead at most."
            case model.OutsideHours():
                why = "There are no viewings then."
            case model.NotASlotStart():
                why = "Viewings don't start at that time."
            case model.DayFull():
                why = "There is no room for more viewings that day."
            case _:
                why = f"I'm sorry. {refusal}"
        return f"{why} {self._instead(refusal.nearest)}"

    def _question(self, question: object, nearest: tuple[datetime, ...]) -> str:
        match question:
            case meaning.DayMissing(clock_min=minutes):
                ask = f"On which day would you like to come at {verbalize.clock(*divmod(minutes, 60))}?"
            case meaning.ClockMissing(day=day, part=part):
                then = f"{verbalize.on(self._day(day))}{_joined(self._day(day), part)}"
                ask = f"At what time would you like to come {then}?"
            case meaning.WhichDay(first=first, second=second):
                return f"Do you mean {self._day(first)}, or {self._day(second)}?"
            case meaning.WhichHalf(day=day, hour=hour, minute=minute):
                either = verbalize.alternatives(
                    [verbalize.clock(hour % 12, minute), verbalize.clock(hour % 12 + 12, minute)]
                )
                return f"Do you mean {either}, {verbalize.on(self._day(day))}?"
            case meaning.DayUnsure(day=day):
                return f"Just to be sure: do you mean {self._day(day)}?"
            case meaning.Skipped(day=day):
                then = verbalize.on(self._day(day))
                comma = "," if "," in then else ""
                ask = f"The clocks change {then}{comma} and skip that time. What other time suits you?"
            case _:
                ask = "Which day and time would you like?"
        return f"{ask} I have {self._times(nearest)}." if nearest and self._agent else ask

    def _none_available(self, result: model.NoneAvailable) -> str:
        home = f" for {_home(result.home)}" if result.home else ""
        day = f" {verbalize.on(self._day(result.day))}" if result.day else ""
        then = f"{day}{_joined(day, result.part)}" or " then"
        return f"I have nothing free{home}{then}. {self._instead(result.nearest)}"

    def _instead(self, nearest: tuple[datetime, ...]) -> str:
        if not nearest or self._agent is None:
            return "Shall I take a message, so that someone calls you back?"
        return f"The nearest I have: {self._times(nearest)}."

    def _viewings(self, bookings: tuple[model.Appointment, ...]) -> str:
        some = [self._viewing(booking) for booking in bookings[:3]]
        return ", and of ".join(some) + (", and more after that" if len(bookings) > len(some) else "")

    def _viewing(self, booking: model.Appointment) -> str:
        return f"{_home(booking.property_address)}, {self._on(booking.start)}"

    def _times(self, starts: tuple[datetime, ...]) -> str:
        return verbalize.times(starts, self._zone, self._now)

    def _on(self, start: datetime) -> str:
        return verbalize.on_moment(start, self._zone, self._now)

    def _day(self, day: date) -> str:
        return verbalize.day(day, self._now.astimezone(self._zone).date())


def _joined(said_day: str, part: Part | Hours | None) -> str:
    """Return a part of the day in the form that follows a spoken day."""
    match part:
        case None:
            return ""
        case Part():
            said = _PARTS[part]
        case Hours(from_min=0):
            said = f"before {_clock(part.until_min)}"
        case Hours(until_min=1440):
            said = f"after {_clock(part.from_min)}"
        case Hours():
            said = f"between {_clock(part.from_min)} and {_clock(part.until_min)}"
    return f"{',' if ',' in said_day else ''} {said}"


def _clock(minutes: int) -> str:
    return verbalize.clock(*divmod(minutes, 60))


def _home(address: str | None) -> str:
    """Return an address for the middle of a sentence, without punctuation at its end."""
    text = address or ""
    said = text if len(text) <= MAX_ADDRESS_CHARS else text[:MAX_ADDRESS_CHARS].rsplit(" ", 1)[0]
    return said.rstrip(" ,;:") or "that home"
