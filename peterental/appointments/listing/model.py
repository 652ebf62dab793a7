"""Filters, scope and pages of the list of viewings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from peterental.appointments.model import Appointment, Status
from peterental.search import MAX_WORDS, has_trigram

Sort = Literal["soonest", "latest", "booked", "name"]
"""soonest: upcoming ones, next first, then past ones, latest first; latest: latest start first; booked: newest bookings
first; name: by the visitor's name.
"""

MAX_TEXT_CHARS = 100
"""Characters of a search that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which viewings to list, and in which order; None does not narrow the list.

    Args:
        agent_id: the agent of the viewings.
        status: of the viewings.
        first_day, last_day: both included, each in the time zone of the viewing's agent.
        text: words, each of which must occur in the visitor's name, e-mail or phone, or in the address.
        is_home_unknown: whether only viewings of homes are listed that the catalogue does not have.
        sort: the order.
    """

    agent_id: str | None = None
    status: Status | None = None
    first_day: date | None = None
    last_day: date | None = None
    text: str | None = None
    is_home_unknown: bool = False
    sort: Sort = "soonest"

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text that are searched."""
        return tuple((self.text or "")[:MAX_TEXT_CHARS].split()[:MAX_WORDS])

    @property
    def is_indexed(self) -> bool:
        """Whether the index can look up a word; others are searched for nearby only."""
        return any(map(has_trigram, self.words))

    @property
    def has_days(self) -> bool:
        """Whether the days are limited."""
        return self.first_day is not None or self.last_day is not None

    @property
    def narrows(self) -> bool:
        """Whether the filter leaves any viewing out."""
        return replace(self, sort="soonest") != Filter()


@dataclass(frozen=True)
class AgentChoice:
    """An agent to choose in the filter."""

    agent_id: str
    agent_name: str
    time_zone: str


MAX_MERGED_AGENTS = 50
"""Up to this many agents are read one by one, each in the order of an index, and merged."""


@dataclass(frozen=True)
class Scope:
    """The agents whose viewings are listed (None: all), and their time zones."""

    agent_ids: tuple[str, ...] | None
    zones: tuple[str, ...]

    @property
    def is_merged(self) -> bool:
        """Whether each agent is read by a query of its own."""
        return self.agent_ids is not None and 1 < len(self.agent_ids) <= MAX_MERGED_AGENTS


@dataclass(frozen=True)
class Position:
    """A place in the list in order of time: after the viewing with this start and id."""

    start: datetime
    appointment_id: int


@dataclass(frozen=True)
class Stretch:
    """The viewings after a position, in order of time, and whether more follow."""

    appointments: tuple[Appointment, ...]
    has_more: bool


MAX_STRETCH = 100
"""Viewings that are read at once by position."""

PAGE_SIZE = 50
LAST_PAGE = 100
"""The last page that can be opened; a filter leads to what follows."""

MAX_AGENTS_OFFERED = 100
"""Agents to choose from in the filter; the viewings of others are listed from their own pages."""

MAX_EXPORTED = 1_000_000
"""Viewings in one exported file, about as many as a spreadsheet opens."""


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of the list, and what was left out.

    Args:
        appointments: in the order of the filter.
        has_more: whether more viewings follow.
        agents: to choose from, the chosen one first, the others by name; at most MAX_AGENTS_OFFERED.
        has_more_agents: whether there are further agents.
        is_agent_unknown: whether the viewer may not see the agent of the filter; the list then has all agents.
        is_truncated: whether more matched than could be sorted: these are the nearest to now, or some of all matches.
        is_last_page: whether no further page can be opened, even if `has_more`.
    """

    appointments: tuple[Appointment, ...] = ()
    has_more: bool = False
    agents: tuple[AgentChoice, ...] = ()
    has_more_agents: bool = False
    is_agent_unknown: bool = False
    is_truncated: bool = False
    is_last_page: bool = False


@dataclass(frozen=True, kw_only=True)
class HomeViewings:
    """The viewings of one home.

    Args:
        upcoming: the next ones.
        has_more: whether there are more than these.
        words: what callers called it, most often first, with the number of viewings.
    """

    upcoming: tuple[Appointment, ...]
    has_more: bool
    words: tuple[tuple[str, int], ...]
