"""Entries of the waitlist, what callers hear about it, and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.agents.model import Language
from peterental.appointments.date_parsing import Search
from peterental.appointments.model import Appointment
from peterental.calls.model import Outcome
from peterental.errors import NotFound, Refusal

OFFER_WAITLIST = "offer_waitlist"
"""The task that offers the free times of one agent (`agent_id`) to those who wait. The trigger of
`appointment_events` defers it by this name."""

HOLD = timedelta(minutes=15)
"""How long an offered time is held."""

SEND_WITHIN = timedelta(minutes=5)
"""A text with an offer that could not be sent by then is not sent: too little of the hold would be left."""

PAUSE = timedelta(hours=1)
"""How long an agent's times are not offered after a text that could not be sent: they are free for other callers."""

EntryState = Literal["waiting", "offered", "booked", "ended"]
HomeProblem = Literal["retired", "not_shown"]
"""Why no time of a home is offered: the catalogue offers it no more, or the agent does not show it."""
Period = tuple[datetime, datetime]
"""Starting times from the first moment to the second, which is excluded."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A caller who waits for a time. Times are UTC.

    Args:
        entry_id: its id; who asked earlier has the lower one.
        agent_id, agent_name, time_zone, language: of the agent.
        attendee_name, phone: the caller's; the number is in E.164.
        property_address: the home, as the caller said it.
        property_id: the home in the catalogue; None for one that is not in it.
        home_label: what the catalogue calls that home.
        home_problem: why no time of that home is offered now; None where times are offered.
        is_home_unknown: whether the caller named a home that the catalogue does not have.
        wanted: the starting times that suit, in order.
        created_at: when the caller asked.
        state: `waiting`; `offered` while a time is held; `booked`; `ended` if no time will be offered any more.
        passed: starting times that were offered and not taken.
        offered_start, offered_end, offer_expires_at: the time that is held, and until when; None where none is.
        offers: how many offers were made.
        appointment_id: the viewing that was booked.
    """

    entry_id: int
    agent_id: str
    agent_name: str
    time_zone: str
    language: Language
    attendee_name: str
    phone: str
    property_address: str
    wanted: tuple[Period, ...]
    created_at: datetime
    state: EntryState
    passed: tuple[datetime, ...] = ()
    offered_start: datetime | None = None
    offered_end: datetime | None = None
    offer_expires_at: datetime | None = None
    offers: int = 0
    appointment_id: int | None = None
    property_id: int | None = None
    home_label: str | None = None
    home_problem: HomeProblem | None = None
    is_home_unknown: bool = False

    @property
    def home(self) -> str:
        """The name of the home: the catalogue's, or what was said."""
        return self.home_label or self.property_address

    @property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def about(self) -> str:
        """What the notice of the present offer is about: each offer has its own."""
        return f"waitlist:{self.entry_id}:{self.offers}"

    @property
    def hold_key(self) -> str:
        """The key of the hold on the agent's time."""
        return f"waitlist:{self.entry_id}"

    def wants(self, start: datetime) -> bool:
        """Return whether a starting time suits, and was not offered before."""
        return start not in self.passed and any(first <= start < until for first, until in self.wanted)

    def is_held(self, now: datetime) -> bool:
        """Return whether a time is held for the caller."""
        return self.state == "offered" and self.offer_expires_at is not None and self.offer_expires_at > now


@dataclass(frozen=True, kw_only=True)
class OpenEntry:
    """An entry that waits or has an offer, and what decides what becomes of it.

    Args:
        entry: the entry.
        was_handed_over: whether the text with the present offer may have arrived.
        text_state: of that text; None where there is none.
        has_viewing: whether the caller has a viewing of that home at a time that suits.
        has_stopped: whether the number said stop.
    """

    entry: Entry
    was_handed_over: bool
    text_state: str | None
    has_viewing: bool
    has_stopped: bool


@dataclass(frozen=True)
class OnWaitlist(Outcome):
    """The caller is on the waitlist, since this request or an earlier one.

    Args:
        home: the address.
        search: the times that were asked for.
    """

    home: str
    search: Search


class WaitlistUnavailable(Refusal):
    """No text can be sent to the caller, so nothing is noted that would need one."""


class OfferEnded(Refusal):
    """That time is no longer held."""


class EntryUnknown(NotFound):
    """There is no such entry on the waiting list."""


@dataclass(frozen=True, kw_only=True)
class OfferView:
    """What the page behind the link of an offer shows.

    Args:
        entry: of the caller.
        is_held: whether the time can still be taken.
        viewing: what was booked; None if nothing was.
    """

    entry: Entry
    is_held: bool
    viewing: Appointment | None = None
