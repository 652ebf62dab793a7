"""What the list of viewings can be narrowed down to, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from peterental.appointments.model import Appointment, Status
from peterental.search import MAX_WORDS, has_trigram

Sort = Literal["soonest", "latest", "booked", "name"]
"""soonest: those to come, the next one first, then those that are past, the latest first; latest: the other way round
in time; booked: booked last, first; name: by the visitor's name."""

MAX_TEXT_CHARS = 100
"""Characters of a search that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What of the list is asked for; None does not narrow it.

    Args:
        agent_id: whose viewings.
        status: in which state.
        first_day, last_day: both included, each on the clock of the viewing's agent.
        text: words that must each occur in the visitor's name, e-mail or phone, or in the home's address.
        sort: in which order.
    """

    agent_id: str | None = None
    status: Status | None = None
    first_day: date | None = None
    last_day: date | None = None
    text: str | None = None
    sort: Sort = "soonest"

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text, as far as they are looked for."""
        return tuple((self.text or "")[:MAX_TEXT_CHARS].split()[:MAX_WORDS])

    @property
    def is_indexed(self) -> bool:
        """Whether the text has three letters or digits in a row: shorter ones are looked for nearby only."""
        return any(map(has_trigram, self.words))

    @property
    def has_days(self) -> bool:
        """Whether days are asked for."""
        return self.first_day is not None or self.last_day is not None

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return replace(self, sort="soonest") != Filter()


@dataclass(frozen=True)
class AgentChoice:
    """An agent whose viewings can be asked for."""

    agent_id: str
    agent_name: str
    time_zone: str


MERGED_AGENTS = 50
"""Up to so many agents are read one by one, each in its own order, and merged."""


@dataclass(frozen=True)
class Scope:
    """Whose viewings are listed, and the time zones these agents are in; None is everybody's."""

    agent_ids: tuple[str, ...] | None
    zones: tuple[str, ...]

    @property
    def is_merged(self) -> bool:
        """Whether each agent is read on its own."""
        return self.agent_ids is not None and 1 < len(self.agent_ids) <= MERGED_AGENTS


PAGE_SIZE = 50
LAST_PAGE = 100
"""No page is further down: the way to what lies there is a filter."""

AGENTS_OFFERED = 100
"""So many agents stand in the list to choose from; the others are found by their own pages."""

MOST_IN_A_FILE = 1_000_000
"""So many viewings are given in one file, about as many as a spreadsheet opens."""


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of the list, and how it was found.

    Args:
        appointments: in the order asked for.
        has_more: whether another page follows.
        agents: whose viewings can be asked for, the chosen one first, the others by name; at most AGENTS_OFFERED.
        has_more_agents: whether there are agents beside those.
        is_agent_unknown: the agent asked for is not the viewer's to see; the list is of all of them.
        is_cut: more fit than could be sorted: this is of those nearest to the present moment, or of some that fit.
        is_last: no page may follow, even where more is left.
    """

    appointments: tuple[Appointment, ...] = ()
    has_more: bool = False
    agents: tuple[AgentChoice, ...] = ()
    has_more_agents: bool = False
    is_agent_unknown: bool = False
    is_truncated: bool = False
    is_last: bool = False
