"""English sentences for callers. They promise only what was done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.appointments import date_parsing, model
from peterental.appointments.date_parsing import Clarification, DayRange, MinuteRange
from peterental.calls.model import MessageMissing, Outcome
from peterental.errors import Refusal
from peterental.notices.waitlist.model import OnWaitlist, WaitlistUnavailable
from peterental.voice.speech import english_words
from peterental.voice.speech.lines import ClosedLine, FixedLines, HomeLine, HomesLine
from peterental.voice.speech.renderer import (
    DAY_MIN,
    MAX_NAMED,
    Renderer,
    Words,
    last_minute,
    spoken_address,
    without_shared_half,
)
from peterental.voice.speech.spoken_homes import ENGLISH_UNITS, Units

FIXED = FixedLines(
    apology="I'm sorry, I can't get to our calendar just now. Would you like someone to call you back?",
    unknown_tool="I'm sorry, that is not something I can do on this line.",
    no_person="I'm sorry, there is nobody I can put you through to. I can take a message instead.",
    no_handoff="I'm sorry, I can't hand you over to anyone else. I can take a message instead.",
    no_assistant="I'm sorry, this number is not in service at the moment.",
)

_WHICH_NUMBER = "What number can we call you back on?"
_NOT_FOUND = "I don't find an upcoming viewing that matches."


class EnglishRenderer(Renderer):
    """The sentences in English."""

    units: ClassVar[Units] = ENGLISH_UNITS
    words: ClassVar[Words] = english_words
    plain: ClassVar[Mapping[type[Refusal | Outcome], str]] = {
        AgentUnknown: "I'm sorry, this line is not connected to a calendar, so I can't book or look up viewings.",
        AgentInactive: (
            "I'm sorry, viewings are not being booked on this line at the moment. I can take a message instead."
        ),
        MessageMissing: "What would you like me to pass on?",
        model.AddressMissing: "Which home would you like to see?",
        model.NameMissing: "May I have your name for the booking?",
        model.NumberMissing: "What number can we reach you on?",
        model.CallerUnknown: "I can't look up bookings without the number they were made from. May I take a message?",
        model.NoBooking: _NOT_FOUND,
        model.IdentityMismatch: _NOT_FOUND,
        model.UnderAnotherName: (
            "There is a viewing under another name for this number. What name is it under, or which address is it for?"
        ),
        model.IdentityUnconfirmed: (
            "I see a booking for this number. What name is it under, or which address is it for?"
        ),
        WaitlistUnavailable: (
            "I'm sorry, I can't text you if that time frees up. I can take a message for the agent instead."
        ),
        model.CallEnded: "This call is over, so nothing was changed. Please call again.",
    }
    part_names: ClassVar[Mapping[str, str]] = {
        "morning": "in the morning",
        "early morning": "early in the morning",
        "late morning": "late in the morning",
        "afternoon": "in the afternoon",
        "early afternoon": "early in the afternoon",
        "late afternoon": "late in the afternoon",
        "evening": "in the evening",
        "early evening": "early in the evening",
        "late evening": "late in the evening",
        "night": "at night",
        "lunchtime": "at lunchtime",
        "midday": "around midday",
        "end of the day": "at the end of the day",
        "first thing": "first thing",
        "after work": "after work",
        "before work": "before work",
    }

    home_lines: ClassVar[Mapping[HomeLine, str]] = {
        HomeLine.UNIT: "At {place}, do you mean {choices}?",
        HomeLine.BEDROOMS: "At {place}, do you mean the one with {choices}?",
        HomeLine.CITY: "Do you mean {place} in {choices}?",
        HomeLine.CHOICE: "Do you mean {choices}?",
        HomeLine.MISHEARD: "Did you mean {choices}?",
        HomeLine.WHICH_UNIT: "There are several homes at {place}. Which unit do you mean?",
        HomeLine.WHICH_NUMBER: "There are several, for example {choices}. What is the house number?",
        HomeLine.WHICH_ADDRESS: "There are several, for example {choices}. What is the address of the one you mean?",
        HomeLine.UNKNOWN: "I don't find {place} in our list of homes. Is that the right address?",
        HomeLine.RETIRED: "I'm sorry, {place} is no longer available. Would you like to see another home?",
        HomeLine.COLLEAGUE: "Another colleague shows {place} so I can't book it here. Shall I take a message?",
    }

    then: ClassVar[str] = "then"
    closed_lines: ClassVar[Mapping[ClosedLine, str]] = {
        ClosedLine.NAMED: "The office is closed {when}{comma} for {name}.",
        ClosedLine.OFFICE: "The office is closed {when}.",
        ClosedLine.AGENT: "{agent} is not available {when}.",
        ClosedLine.TEAM: "No one is available {when}.",
    }

    homes_lines: ClassVar[Mapping[HomesLine, str]] = {
        HomesLine.FOUND: "I have {homes}. Which would you like to see?",
        HomesLine.MORE: "I have {homes}; and {more} more. Which would you like to see?",
        HomesLine.NEAREST: "I have nothing like that. The nearest I have: {homes}. Would you like to see one of them?",
        HomesLine.NONE: "I don't have a list of homes here. What is the address of the home you'd like to see?",
    }
    studio: ClassVar[str] = "a studio"

    def rent(self, dollars: int) -> str:
        return f"{dollars:,} dollars a month"

    def available_from(self, said_day: str) -> str:
        return f"available from {said_day}"

    def not_known(self, wishes: tuple[str, ...]) -> str:
        return f"I don't know about {self.words.alternatives(list(wishes))}; the agent can tell you."

    def times_offered(self, home: str | None, times: str) -> str:
        what = f"For {home}, I have" if home else "I have"
        return f"{what} {times}. Which would you like?"

    def none_available(self, result: model.NoneAvailable) -> str:
        home = f" for {self.home_name(result.home)}" if result.home else ""
        line = f"I have nothing free{home} {self.asked_for(result.search) or 'then'}"
        if result.latest is not None:
            return f"{line}; the latest is {self.clock_of(result.latest)}."
        return f"{line}; the earliest is {self.clock_of(result.earliest)}." if result.earliest else f"{line}."

    def booked(self, booking: model.Appointment) -> str:
        return f"You're booked to see {self.viewing(booking)}."

    def moved(self, booking: model.Appointment) -> str:
        return f"Your viewing of {self.home_of(booking)} is now {self.on_moment(booking.start)}."

    def cancelled(self, booking: model.Appointment) -> str:
        return f"Your viewing of {self.viewing(booking)}, is cancelled."

    def text_follows(self) -> str:
        return "I'll text you a confirmation."

    def text_of_move(self) -> str:
        return "I'll text you the new time."

    def found(self, bookings: tuple[model.Appointment, ...]) -> str:
        return f"You have a viewing of {self._viewings(bookings)}."

    def message_taken(self, *, can_call_back: bool) -> str:
        if can_call_back:
            return "I've noted your message, and someone will call you back."
        return f"I've noted your message. {_WHICH_NUMBER}"

    def calendar_unavailable(self, *, can_call_back: bool) -> str:
        start = "I'm sorry, I can't reach the calendar just now, so I can't book a time. I've noted what you'd like"
        return f"{start}, and someone will call you back." if can_call_back else f"{start}. {_WHICH_NUMBER}"

    def on_waitlist(self, result: OnWaitlist) -> str:
        when = self.asked_for(result.search)
        line = f"You're on the waiting list to see {self.home_name(result.home)}{', ' * bool(when)}{when}."
        return f"{line} If a time frees up for you, I'll text you, and hold it for fifteen minutes."

    def done(self) -> str:
        return "All right."

    def refusal(self, refusal: Refusal) -> str:
        match refusal:
            case model.WhichBooking(proven=False):
                return "There is more than one viewing booked. What is the address of the one you mean?"
            case model.WhichBooking(appointments=bookings, differences=differences):
                choices = f": {self.words.alternatives(list(differences))}" if 1 < len(differences) <= MAX_NAMED else ""
                return f"You have {self._viewings_to_choose(bookings)}. Which one do you mean{choices}?"
            case model.BookingUnconfirmed(appointment=booking):
                return f"There is a viewing of {self.viewing(booking)}. Is that the one you mean?"
            case model.AlreadyBooked(appointment=booking):
                return f"You already have a viewing of {self.viewing(booking)}. Shall I move it?"
            case _:
                return f"I'm sorry. {refusal}"

    def booked_for_another(self, refusal: model.BookedForAnother) -> str:
        booking, name = refusal.appointment, refusal.attendee_name
        line = f"There is a viewing for {booking.attendee_name} of {self.viewing(booking)}."
        if not refusal.nearest:
            return f"{line} Shall I book one for {name} too?"
        return f"{line} For {name}, {self._lower(self.nearest_after(line, refusal.nearest))} Which would you like?"

    def unavailable(self, refusal: model.SlotUnavailable) -> str:  # noqa: PLR0911  # one sentence for each reason
        start = refusal.start
        when = self.on_moment(start) if start else "then"
        match refusal:
            case model.SlotTaken():
                return (
                    f"I'm sorry, {self.subject(self.times((start,)))} is taken."
                    if start
                    else "I'm sorry, that time is taken."
                )
            case model.TimePast():
                return f"{self._capital(self.subject(self.times((start,))) if start else 'That time')} is already past."
            case model.TooSoon(notice_minutes=minutes):
                ahead = f"Viewings have to be booked {english_words.length(minutes)} ahead"
                return f"{ahead}, so {self.subject(self.times((start,)))} is too soon." if start else f"{ahead}."
            case model.TooFar(horizon_days=days):
                ahead = f"iewings can be booked {english_words.count(days, 'day')} ahead at most."
                return (
                    f"{self._capital(self.subject(self.day_of(start)))} is too far ahead: v{ahead}"
                    if start
                    else f"V{ahead}"
                )
            case model.OutsideHours():
                return self._outside_hours(refusal, when)
            case model.NotASlotStart():
                return (
                    f"Viewings don't start at {self.clock_of(start)}."
                    if start
                    else "Viewings don't start at that time."
                )
            case model.DayFull():
                return (
                    f"There is no room for more viewings {self.words.on(self.day_of(start)) if start else 'that day'}."
                )
            case _:
                return f"I'm sorry. {refusal}"

    def _outside_hours(self, refusal: model.OutsideHours, when: str) -> str:
        start, first, last = refusal.start, refusal.first, refusal.last
        if start is None:
            return "There are no viewings then."
        day = self.words.on(self.day_of(start))
        if last is None:
            return f"There are no viewings {day}."
        if start > last:
            return f"The last viewing starts at {self.clock_of(last)} {day}."
        if first is not None and start < first:
            return f"The first viewing starts at {self.clock_of(first)} {day}."
        return f"There are no viewings {when}."

    def question(self, question: Clarification) -> str:  # noqa: C901, PLR0911  # one sentence for each kind of question
        match question:
            case date_parsing.DayNeeded(search=search):
                return f"On which day would you like to come {self.search_time(search)}?".replace(" ?", "?")
            case date_parsing.TimeNeeded(search=search):
                return f"At what time would you like to come {self.asked_for(search)}?".replace(" ?", "?")
            case date_parsing.WhichDay(options=options, ranges=ranges):
                return f"Do you mean {self.joined(self.options(options), self.ranges(ranges))}?"
            case date_parsing.WeekdayMismatch(options=options):
                return f"Do you mean {self.options(options)}?"
            case date_parsing.WhichTime(day=None, options=minutes):
                return f"Do you mean {self._clocks(minutes)}?"
            case date_parsing.WhichTime(day=date() as day, options=minutes):
                return f"Do you mean {self._clocks(minutes)}, {self.words.on(self.day(day))}?"
            case date_parsing.ConfirmDay(option=option, ranges=ranges):
                return f"Just to be sure: do you mean {self.joined(self.option(option), self.ranges(ranges))}?"
            case date_parsing.WhichOffer(options=options) if options:
                clock = self.shared_clock(options)
                return (
                    f"On which day would you like to come at {clock}?" if clock else "Which of the times do you mean?"
                )
            case date_parsing.SkippedByDst(day=day, clock_min=minutes):
                then = self.words.on(self.day(day))
                comma = "," if "," in then else ""
                return f"The clocks change {then}{comma} and skip {self.clock(minutes)}. What other time suits you?"
            case date_parsing.ZoneUnclear():
                return self._which_zone(question)
            case _:
                return "Which day and time would you like?"

    def _which_zone(self, question: date_parsing.ZoneUnclear) -> str:
        own, other, zone = question.own, question.converted, question.zone_name
        if self.day_of(own) != self.day_of(other):
            return f"Do you mean {self.times((own,))}, or {self.times((other,))}, our time?"
        day, own_clock, other_clock = self.words.on(self.day_of(own)), self.clock_of(own), self.clock_of(other)
        if isinstance(question, date_parsing.OffsetUnclear) or not zone:
            return f"Do you mean {other_clock} or {own_clock}, {day}?"
        named = f"{own_clock} {zone.title() if zone.islower() else zone}"
        return f"Do you mean {named}, which is {other_clock} here, or {own_clock} our time, {day}?"

    def have(self, times: str) -> str:
        return f"I have {times}."

    def have_at(self, clocks: str) -> str:
        return f"I have {clocks}."

    def nearest(self, times: str) -> str:
        return f"The nearest I have: {times}."

    def nearest_that_day(self, clocks: str) -> str:
        return f"The nearest I have that day: {clocks}."

    def offer_message(self) -> str:
        return "Shall I take a message?"

    def with_agent(self, name: str) -> str:
        return f"with {spoken_address(name)}"

    def minute_range(self, range_: MinuteRange) -> str:
        if range_.until_min >= DAY_MIN:
            return f"after {self.clock(range_.from_min)}"
        last = self.clock(last_minute(range_))
        if range_.from_min <= 0:
            return f"{'by' if last_minute(range_) < range_.until_min else 'before'} {last}"
        if range_.until_min - range_.from_min == 1:
            return f"at {self.clock(range_.from_min)}"
        return f"between {without_shared_half(self.clock(range_.from_min), last, (' AM', ' PM'))} and {last}"

    def at_clock(self, said_clock: str, *, approximate: bool = False) -> str:
        return f"{'around' if approximate else 'at'} {said_clock}"

    def day_range(self, days: DayRange) -> str:
        return f"from {self.day(days.first)} to {self.day(days.last)}"

    def _clocks(self, options: tuple[int, ...]) -> str:
        return self.words.alternatives([self.clock(minutes) for minutes in options[:MAX_NAMED]])

    def _viewings(self, bookings: tuple[model.Appointment, ...]) -> str:
        some = [self.viewing(booking) for booking in bookings[:MAX_NAMED]]
        return ", and of ".join(some) + (", and more after that" if len(bookings) > len(some) else "")

    def _viewings_to_choose(self, bookings: tuple[model.Appointment, ...]) -> str:
        """Return the viewings to choose from: the homes of many, whose times would be too long to hear."""
        homes = self.homes_of_many(bookings)
        if not homes:
            return f"a viewing of {self._viewings(bookings)}"
        return (
            f"viewings of {', of '.join(homes[:-1])}, and {'more' if len(bookings) > MAX_NAMED else 'of ' + homes[-1]}"
        )

    @staticmethod
    def _lower(text: str) -> str:
        return text[:1].lower() + text[1:]

    @staticmethod
    def _capital(text: str) -> str:
        return text[:1].upper() + text[1:]
