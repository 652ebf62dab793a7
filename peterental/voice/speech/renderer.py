"""What every language says of outcomes and refusals: the dispatch by type, and the words that sentences share. Pure.

A language is a subclass of `Renderer` with its sentences, and a module with its numbers, days and clock times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, Protocol
from zoneinfo import ZoneInfo

from peterental.appointments import model
from peterental.appointments.closed_days import Closed, ClosedBy
from peterental.appointments.date_parsing import Clarification, DayRange, MinuteRange, Option, Search
from peterental.appointments.date_parsing.searching import AROUND_MIN
from peterental.calls.model import MessageTaken, Outcome
from peterental.errors import Refusal
from peterental.folding import fold, word_set
from peterental.matching import Discriminator
from peterental.notices.waitlist.model import OnWaitlist
from peterental.voice.sanitize import single_line
from peterental.voice.speech.lines import ClosedLine, HomeLine, HomesLine
from peterental.voice.speech.spoken_homes import Units, spell_out

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.properties.model import Property
    from peterental.properties.search import HomeSearch, HomesFound

MAX_ADDRESS_CHARS = 100
"""A longer address is cut: no caller listens to more."""

_SAYS_CLOSED = word_set("closed closing closure cerrado cerrada cierre")

MAX_NAMED = 3
"""Times, bookings or choices in one sentence."""

DAY_MIN = 24 * 60
_SAID_MIN = 5
"""People say limits in steps of so many minutes."""

AROUND_LENGTH_MIN = 2 * AROUND_MIN + 1
"""The length of the limit that stands for a time of day whose half is open."""


class Words(Protocol):
    """The numbers, days and clock times of a language."""

    def clock(self, hour: int, minute: int) -> str:
        """Format a time of day."""

    def day(self, value: date, today: date) -> str:
        """Format a day relative to today."""

    def on(self, said_day: str) -> str:
        """Put the preposition before a day that needs one."""

    def times(self, starts: list[datetime], zone: ZoneInfo, now: datetime) -> str:
        """Format several starts, each day once."""

    def clocks(self, starts: list[datetime]) -> list[str]:
        """Format the times of day of starts of one day, for a list."""

    def alternatives(self, choices: list[str]) -> str:
        """Join choices."""

    def bedrooms(self, value: int) -> str:
        """Format a number of bedrooms."""

    def number(self, value: int) -> str:
        """Format an integer."""


_CLOSED_LINES: Mapping[tuple[ClosedBy, bool], ClosedLine] = {
    (ClosedBy.OFFICE, True): ClosedLine.NAMED,
    (ClosedBy.OFFICE, False): ClosedLine.OFFICE,
    (ClosedBy.AGENT, False): ClosedLine.AGENT,
    (ClosedBy.TEAM, False): ClosedLine.TEAM,
}
"""By whose reason it is, and whether it has a name."""


class Renderer(ABC):
    """Renders sentences for one agent at one moment.

    Args:
        agent: on whose wall clock times are said; None where no agent was found.
        now: the current time, aware; days are said relative to it.
    """

    words: ClassVar[Words]
    plain: ClassVar[Mapping[type[Refusal | Outcome], str]]
    """The sentences for outcomes and refusals that need no values."""

    def __init__(self, agent: Agent | None, now: datetime) -> None:
        self.agent = agent
        self.zone = agent.zone if agent else ZoneInfo("UTC")
        self.now = now

    def line(self, result: Outcome | Refusal) -> str:
        """Return the sentence for an outcome or a refusal, on one line."""
        if type(result) in self.plain:
            text = self.plain[type(result)]
        elif isinstance(result, model.TimeUnclear):
            text = self._question_and_times(result)
        elif isinstance(result, model.BookedForAnother):
            text = self.booked_for_another(result)
        elif isinstance(result, model.HomeRefusal):
            text = self._about_home(result)
        elif isinstance(result, model.NotOpen):
            text = self._with_others(self._closed_then(result), result.nearest)
        elif isinstance(result, model.CalendarUnavailable):
            text = self.calendar_unavailable(can_call_back=result.can_call_back)
        elif isinstance(result, model.SlotUnavailable):
            text = self._with_others(self.unavailable(result), result.nearest)
        elif isinstance(result, Refusal):
            text = self.refusal(result)
        else:
            text = self._outcome(result)
        return " ".join(text.split())

    def _outcome(self, result: Outcome) -> str:  # noqa: PLR0911  # one branch for each outcome
        match result:
            case model.TimesOffered(home=home, times=times):
                return self.times_offered(self.home_name(home) if home else None, self.times(times))
            case model.NoneAvailable(nearest=nearest):
                return self._with_others(self._nothing_free(result), nearest)
            case model.Booked(appointment=booking, will_text=will_text):
                return f"{self.booked(booking)} {self.text_follows() if will_text else ''}"
            case model.Moved(appointment=booking, will_text=will_text):
                return f"{self.moved(booking)} {self.text_of_move() if will_text else ''}"
            case model.Cancelled(appointment=booking, will_text=will_text):
                return f"{self.cancelled(booking)} {self.text_follows() if will_text else ''}"
            case model.Found(appointments=bookings):
                return self.found(bookings)
            case model.HomesNamed(found=found, search=search):
                return self._homes_named(found, search)
            case OnWaitlist():
                return self.on_waitlist(result)
            case MessageTaken(can_call_back=can_call_back):
                return self.message_taken(can_call_back=can_call_back)
            case _:
                return self.done()

    def _question_and_times(self, refusal: model.TimeUnclear) -> str:
        ask, nearest = self.question(refusal.question), refusal.nearest
        if not nearest or self.agent is None:
            return ask
        clock = self.shared_clock(nearest)
        if self._says_day_of(ask, nearest):
            return f"{ask} {self.have_at(self.clocks(nearest))}"
        is_said = clock is not None and len(nearest) > 1 and f"{self.at_clock(clock)}?" in ask
        return f"{ask} {self.have(self.days_of(nearest) if is_said else self.times(nearest))}"

    def _nothing_free(self, result: model.NoneAvailable) -> str:
        if result.closed is None:
            return self.none_available(result)
        return self._closed(result.closed, self.search_days(result.search))

    def _closed_then(self, refusal: model.NotOpen) -> str:
        """Explain why there are no viewings on the day, or at the time, that was wanted."""
        start, closed = refusal.start, refusal.closed
        if start is None:
            return self._closed(closed, "")
        return self._closed(closed, self.words.on(self.day_of(start)) if closed.is_whole_day else self.on_moment(start))

    def _closed(self, closed: Closed, when: str) -> str:
        name = closure_name(closed.name)
        line = _CLOSED_LINES[closed.by, name is not None]
        agent = spoken_address(self.agent.agent_name) if self.agent else ""
        return self.closed_lines[line].format(when=when or self.then, name=name, agent=agent, comma="," * ("," in when))

    def _with_others(self, said: str, nearest: tuple[datetime, ...]) -> str:
        """Add the nearest free times to a refusal, or offer a message; a day that it names is not said again."""
        if not nearest or self.agent is None:
            return f"{said} {self.offer_message()}"
        return f"{said} {self.nearest_after(said, nearest)}"

    def nearest_after(self, said: str, nearest: tuple[datetime, ...]) -> str:
        """Name the nearest free times after a sentence; a day that it names is not said again."""
        if self._says_day_of(said, nearest):
            return self.nearest_that_day(self.clocks(nearest))
        return self.nearest(self.times(nearest))

    def _says_day_of(self, said: str, starts: tuple[datetime, ...]) -> bool:
        """Return whether a sentence names the one day of some starts."""
        days = {self.day_of(start) for start in starts}
        _, day, rest = said.partition(min(days))
        return len(days) == 1 and bool(day) and not rest.startswith((" y uno", " de ", "-")) and not rest[:1].isalnum()

    # --- sentences of a language -------------------------------------------------------------------------------------

    @abstractmethod
    def times_offered(self, home: str | None, times: str) -> str:
        """Offer free times."""

    @abstractmethod
    def none_available(self, result: model.NoneAvailable) -> str:
        """Name what was asked for and is not free, and the last or first time of that day where it lies beyond."""

    @abstractmethod
    def calendar_unavailable(self, *, can_call_back: bool) -> str:
        """Decline to offer a time, since the calendar cannot be read. The agent has a message with the wish."""

    @abstractmethod
    def booked(self, booking: model.Appointment) -> str:
        """Confirm a booking."""

    @abstractmethod
    def moved(self, booking: model.Appointment) -> str:
        """Confirm a move."""

    @abstractmethod
    def cancelled(self, booking: model.Appointment) -> str:
        """Confirm a cancellation."""

    @abstractmethod
    def text_follows(self) -> str:
        """Promise a text that confirms what was done."""

    @abstractmethod
    def text_of_move(self) -> str:
        """Promise a text with the new time."""

    @abstractmethod
    def found(self, bookings: tuple[model.Appointment, ...]) -> str:
        """Name the caller's bookings."""

    @abstractmethod
    def message_taken(self, *, can_call_back: bool) -> str:
        """Confirm a message; promise a call back only where there is a number."""

    @abstractmethod
    def on_waitlist(self, result: OnWaitlist) -> str:
        """Confirm that the caller is texted if a time frees up."""

    @abstractmethod
    def done(self) -> str:
        """Confirm what has no sentence of its own."""

    @abstractmethod
    def refusal(self, refusal: Refusal) -> str:
        """Render a refusal that is not about one time."""

    @abstractmethod
    def booked_for_another(self, refusal: model.BookedForAnother) -> str:
        """Name the other person's booking and ask."""

    @abstractmethod
    def unavailable(self, refusal: model.SlotUnavailable) -> str:
        """Name the time that was understood and why it is not available."""

    @abstractmethod
    def question(self, question: Clarification) -> str:
        """Ask, with everything that was understood."""

    @abstractmethod
    def have(self, times: str) -> str:
        """Name free times after a question."""

    @abstractmethod
    def have_at(self, clocks: str) -> str:
        """Name the free times of a day that was named."""

    @abstractmethod
    def nearest(self, times: str) -> str:
        """Name the nearest free times after a refusal."""

    @abstractmethod
    def nearest_that_day(self, clocks: str) -> str:
        """Name the nearest free times of a day that was named."""

    @abstractmethod
    def offer_message(self) -> str:
        """Offer to take a message."""

    @abstractmethod
    def with_agent(self, name: str) -> str:
        """Name the agent of a viewing: `with Marco`."""

    @abstractmethod
    def minute_range(self, range_: MinuteRange) -> str:
        """Format a limit of the time of day: `after five PM`."""

    @abstractmethod
    def at_clock(self, said_clock: str, *, approximate: bool = False) -> str:
        """Format a time of day with its preposition."""

    @abstractmethod
    def day_range(self, days: DayRange) -> str:
        """Format consecutive days: `from … to …`."""

    then: ClassVar[str]
    """Stands for days or a time that are not named."""

    closed_lines: ClassVar[Mapping[ClosedLine, str]]
    """The sentences about days and times without viewings."""

    home_lines: ClassVar[Mapping[HomeLine, str]]
    """The sentences about which home is meant."""

    homes_lines: ClassVar[Mapping[HomesLine, str]]
    """The sentences about which homes there are."""

    homes_separator: ClassVar[str] = "; "
    studio: ClassVar[str]

    @abstractmethod
    def rent(self, dollars: int) -> str:
        """Format a rent."""

    @abstractmethod
    def available_from(self, said_day: str) -> str:
        """Format from when a home is available."""

    @abstractmethod
    def not_known(self, wishes: tuple[str, ...]) -> str:
        """Admit that the catalogue does not have what was asked for ("pets")."""

    units: ClassVar[Units]
    """What designators of units are called: "apartment" for `apt`."""

    part_names: ClassVar[Mapping[str, str]]
    """The parts of the day that have a name, with their preposition."""

    # --- words that sentences share ----------------------------------------------------------------------------------

    def times(self, starts: tuple[datetime, ...]) -> str:
        """Format up to three starts, each day once."""
        return self.words.times(list(starts[:MAX_NAMED]), self.zone, self.now)

    def clocks(self, starts: tuple[datetime, ...]) -> str:
        """Format up to three starts of one day without it."""
        return self.words.alternatives(self.words.clocks([start.astimezone(self.zone) for start in starts[:MAX_NAMED]]))

    def days_of(self, starts: tuple[datetime, ...]) -> str:
        """Format the days of up to three starts."""
        return self.words.alternatives(
            [self.choice_day(start.astimezone(self.zone).date()) for start in starts[:MAX_NAMED]]
        )

    def on_moment(self, start: datetime) -> str:
        """Format a start for the end of a sentence."""
        return self.words.on(self.times((start,)))

    def clock(self, minutes: int) -> str:
        """Format a time of day from minutes after midnight."""
        return self.words.clock(*divmod(minutes, 60))

    def clock_of(self, start: datetime) -> str:
        """Format the time of day of a start."""
        local = start.astimezone(self.zone)
        return self.words.clock(local.hour, local.minute)

    def day(self, value: date) -> str:
        """Format a day."""
        return self.words.day(value, self.now.astimezone(self.zone).date())

    def day_of(self, start: datetime) -> str:
        """Format the day of a start."""
        return self.day(start.astimezone(self.zone).date())

    def viewing(self, booking: model.Appointment) -> str:
        """Format a booking: its home, with whom where the line has several agents, and when it starts."""
        return f"{self.home_of(booking)}, {self.on_moment(booking.start)}"

    def home_of(self, booking: model.Appointment) -> str:
        """Format the home of a booking, and with whom it is where the line has several agents."""
        home = self.home_name(booking.home)
        return f"{home} {self.with_agent(booking.agent_name)}" if booking.names_agent else home

    def homes_of_many(self, bookings: tuple[model.Appointment, ...]) -> list[str]:
        """Format the homes of the first of more than two bookings; empty where homes do not tell them apart.

        Where there are more than can be named, the last one stands for all others.
        """
        homes = [self.home_of(booking) for booking in bookings]
        if len(bookings) < MAX_NAMED or len(set(homes)) < len(homes):
            return []
        return homes[: MAX_NAMED + 1]

    def home_name(self, address: str | None) -> str:
        """Format the address of a home, or what was said of it, for the middle of a sentence."""
        return spoken_address(spell_out(spoken_address(address), self.units))

    def _about_home(self, refusal: model.HomeRefusal) -> str:
        line, homes = _home_line(refusal), refusal.homes[:MAX_NAMED]
        place = self.home_name(homes[0].line1 if isinstance(refusal, model.WhichHome) else refusal.name)
        if line is HomeLine.BEDROOMS:
            choices = [self.words.bedrooms(home.bedrooms or 0) for home in homes]
        elif line in {HomeLine.UNIT, HomeLine.CITY, HomeLine.CHOICE} and refusal.differences:
            choices = [self.home_difference(said) for said in refusal.differences]
        else:
            choices = [self.home_name(home.label) for home in homes]
        place = place if isinstance(refusal, model.WhichHome) else self.subject(place)
        return self.home_lines[line].format(place=place, choices=self.words.alternatives(choices) if choices else "")

    def _homes_named(self, found: HomesFound, search: HomeSearch) -> str:
        if not found.offered:
            return self.homes_line(HomesLine.NONE)
        homes = self.homes_separator.join(self.home_described(home) for home in found.homes)
        more = found.total - len(found.homes)
        line = HomesLine.NEAREST if not found.total else HomesLine.MORE if more > 0 else HomesLine.FOUND
        wishes = self.not_known(search.not_known) if search.not_known else ""
        return f"{wishes} {self.homes_line(line, homes=homes, more=self.words.number(max(more, 0)))}"

    def home_described(self, home: Property) -> str:
        """Format a home with its bedrooms, its rent, and from when it is available, as far as they are known."""
        rooms = self.studio if home.bedrooms == 0 else self.words.bedrooms(home.bedrooms) if home.bedrooms else ""
        rent = self.rent(home.rent) if home.rent is not None else ""
        is_later = home.available_on is not None and home.available_on > self.now.astimezone(self.zone).date()
        later = self.available_from(self.day(home.available_on)) if is_later and home.available_on else ""
        return ", ".join(part for part in (self.home_name(home.label), rooms, rent, later) if part)

    def homes_line(self, line: HomesLine, **values: str) -> str:
        """Fill in a sentence of `homes_lines`."""
        return self.homes_lines[line].format(**values)

    def home_difference(self, said: str) -> str:
        """Translate what tells two homes apart: `unit 2B`."""
        return said

    def option(self, option: Option) -> str:
        """Format a day with its time, where that is known."""
        clock = "" if option.clock_min is None else self.at_minutes(option.clock_min)
        return self.joined(self.choice_day(option.day), clock)

    def choice_day(self, value: date) -> str:
        """Format a day that is one of several choices."""
        return self.day(value)

    def options(self, options: tuple[Option, ...]) -> str:
        """Format choices; a time that they share is said once, at the end."""
        clocks = {option.clock_min for option in options}
        shared = clocks.pop() if len(clocks) == 1 else None
        named = options[:MAX_NAMED]
        if shared is None:
            return self.words.alternatives([self.option(option) for option in named])
        days = self.words.alternatives([self.choice_day(option.day) for option in named])
        return self.joined(days, self.at_minutes(shared))

    def at_minutes(self, minutes: int, *, approximate: bool = False) -> str:
        """Format a time of day with its preposition, from minutes after midnight."""
        return self.at_clock(self.clock(minutes), approximate=approximate)

    def search_days(self, search: Search) -> str:
        """Format the days of a search, with their preposition; empty where any day, or many, will do."""
        if not 0 < len(search.days) <= MAX_NAMED:
            return ""
        return self.words.alternatives(
            [
                self.words.on(self.day(days.first)) if days.first == days.last else self.day_range(days)
                for days in search.days
            ]
        )

    def search_time(self, search: Search) -> str:
        """Format the time of day of a search, with its preposition; empty where any time will do."""
        if search.clock_min is not None:
            return self.at_minutes(search.clock_min, approximate=search.approximate)
        if search.part is not None and search.part in self.part_names:
            return self.part_names[search.part]
        return self.ranges(search.ranges)

    def ranges(self, ranges: tuple[MinuteRange, ...]) -> str:
        """Format limits of the time of day."""
        clocks = sum(1 if _is_one_clock(range_) else 2 for range_ in ranges)
        if not ranges or clocks > MAX_NAMED or ranges == (MinuteRange(),):
            return ""
        return self.words.alternatives([self._range(range_) for range_ in ranges])

    def _range(self, range_: MinuteRange) -> str:
        if range_.until_min - range_.from_min == AROUND_LENGTH_MIN:
            return self.at_minutes(range_.from_min + AROUND_MIN, approximate=True)
        return self.minute_range(range_)

    def shared_clock(self, starts: tuple[datetime, ...]) -> str | None:
        """Format the time of day at which all of several starts are; None where they differ."""
        clocks = {self.clock_of(start) for start in starts}
        return clocks.pop() if len(clocks) == 1 else None

    def asked_for(self, search: Search) -> str:
        """Format everything that a search limits: `tomorrow, Monday the thirtieth, after five PM`."""
        return self.joined(self.search_days(search), self.search_time(search))

    @staticmethod
    def subject(said: str) -> str:
        """End words that have a comma in them with one, before a verb."""
        return f"{said}," if "," in said else said

    @staticmethod
    def joined(said_day: str, said_time: str) -> str:
        """Join a day and a time; a day with a comma in it ends with one."""
        if not said_day or not said_time:
            return said_day or said_time
        return f"{said_day}{',' if ',' in said_day else ''} {said_time}"


def _home_line(refusal: model.HomeRefusal) -> HomeLine:
    """Return which sentence explains a refusal about a home."""
    if not isinstance(refusal, model.WhichHome):
        return _HOME_LINES[type(refusal)]
    asks_for = {Discriminator.UNIT: HomeLine.WHICH_UNIT, Discriminator.NUMBER: HomeLine.WHICH_NUMBER}
    difference = refusal.difference if refusal.is_choice else None
    if len(refusal.homes) > MAX_NAMED:
        return asks_for.get(difference, HomeLine.WHICH_ADDRESS) if difference else HomeLine.WHICH_ADDRESS
    if difference is Discriminator.NOTHING:
        return HomeLine.BEDROOMS
    if difference in _DIFFERENCES and refusal.differences:
        return _DIFFERENCES[difference]
    return HomeLine.CHOICE if refusal.is_choice else HomeLine.MISHEARD


_HOME_LINES: Mapping[type[model.HomeRefusal], HomeLine] = {
    model.HomeUnknown: HomeLine.UNKNOWN,
    model.HomeRetired: HomeLine.RETIRED,
    model.HomeOfColleague: HomeLine.COLLEAGUE,
}
_DIFFERENCES = {Discriminator.UNIT: HomeLine.UNIT, Discriminator.CITY: HomeLine.CITY}


def _is_one_clock(range_: MinuteRange) -> bool:
    """Return whether a limit is said with one time of day."""
    length = range_.until_min - range_.from_min
    return range_.from_min <= 0 or range_.until_min >= DAY_MIN or length in {1, AROUND_LENGTH_MIN}


def last_minute(range_: MinuteRange) -> int:
    """Return the end of a limit as it is said; the minute behind "no later than five" leaves five in."""
    return range_.until_min - (range_.until_min % _SAID_MIN == 1)


def without_shared_half(said: str, following: str, halves: tuple[str, ...]) -> str:
    """Return a time of day without its half of the day where the next one names it: "between two and four PM"."""
    half = next((half for half in halves if said.endswith(half) and following.endswith(half)), "")
    return said.removesuffix(half)


def spoken_address(address: str | None) -> str:
    """Return an address for the middle of a sentence: not too long, without punctuation at its end."""
    text = address or ""
    said = text if len(text) <= MAX_ADDRESS_CHARS else text[:MAX_ADDRESS_CHARS].rsplit(" ", 1)[0]
    return said.rstrip(" ,;:.")


def closure_name(typed: str | None) -> str | None:
    """Return the name of a closure of the office for the end of a sentence; None for one that says nothing.

    Names of which a part was deleted with a person's data are not said, nor those that only repeat the sentence.
    """
    name = spoken_address(single_line((typed or "").split("(", maxsplit=1)[0]))
    words = {word.strip(":.,!") for word in fold(name).split()}
    return None if not words or not words.isdisjoint(_SAYS_CLOSED) else name


def by_day(starts: list[datetime], zone: ZoneInfo) -> list[tuple[date, list[datetime]]]:
    """Group starts by local day, in order."""
    local = sorted(start.astimezone(zone) for start in starts)
    return [(day, list(group)) for day, group in groupby(local, key=datetime.date)]
