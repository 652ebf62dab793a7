"""The agents of a line with their schedules, where it has more than its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.appointments.busy_times import NO_BUSY_TIMES
from peterental.appointments.schedule_repository import LineAgent
from peterental.appointments.team_availability import TeamAvailability, TeamMember, turn_at

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from peterental.agents.model import Agent
    from peterental.agents.shared_lines.model import Choice
    from peterental.appointments.busy_times import BusyTimes
    from peterental.appointments.model import Appointment
    from peterental.appointments.schedule_repository import LineSchedule
    from peterental.calendars.account import CalendarAge
    from peterental.properties.model import Property


class IsCurrent(Protocol):
    """Tells whether callers may be offered times of an agent, by the age of its busy times."""

    def __call__(self, age: CalendarAge | None, agent: Agent, now: datetime, /) -> bool:
        """Return whether times may be offered at `now`, when the busy times have this age."""


class CalendarStale(Exception):
    """The busy times of an agent are too old to offer or book a time by.

    Args:
        agent: whose calendars should be read again.
        holder: whose line it is.
        of_team: whether the line books for other agents than its own.
    """

    def __init__(self, agent: Agent, holder: Agent, *, of_team: bool = False) -> None:
        self.agent = agent
        self.holder = holder
        self.of_team = of_team
        super().__init__()


@dataclass(frozen=True)
class Team:
    """The agents whose viewings the callers of a line may have.

    Args:
        holder: whose assistant and number it is.
        agents: in order; those whom the line does not book come last.
        choice: how one of those who are free is chosen.
        stale: the ids of those whose calendars were read too long ago.
    """

    holder: Agent
    agents: tuple[LineAgent, ...]
    choice: Choice = "first_free"
    stale: frozenset[str] = frozenset()

    @property
    def is_shared(self) -> bool:
        """Whether the line books for several agents, or for another than its own."""
        return any(each.is_booked for each in self.agents)

    @property
    def has_current(self) -> bool:
        """Whether there is an agent to book whose calendar is not stale."""
        booked = (each.agent for each in self.agents if each.is_booked)
        return any(agent.is_active and agent.agent_id not in self.stale for agent in booked)

    def availability(
        self, now: datetime, home: Property | None = None, home_taken: BusyTimes = NO_BUSY_TIMES
    ) -> TeamAvailability:
        """Return when one of the agents whom the line books is free. Times are said in the holder's zone.

        Those who do not show the home are left out, and, while there are others, those whose calendar is stale.
        Raises AgentInactive, CalendarStale.

        Args:
            now: the present moment, aware.
            home: of which a viewing is wanted, if that is known.
            home_taken: when that home may not be viewed.
        """
        return self._of(self._bookable(), now, home, home_taken)

    def availability_to_move(
        self,
        booking: Appointment,
        now: datetime,
        home: Property | None = None,
        home_taken: BusyTimes = NO_BUSY_TIMES,
        zone: ZoneInfo | None = None,
    ) -> TeamAvailability:
        """Return when a booking can be: with its agent whenever that one is free, else with another one of the line.

        The booking does not block itself. Raises as `availability` does.

        Args:
            booking: which.
            now: as for `availability`.
            home: likewise.
            home_taken: likewise.
            zone: whose days and wall clock count; None for the holder's.
        """
        others = [each for each in self._bookable() if each.agent.agent_id != booking.agent_id]
        return self._of([self._agent(booking.agent_id), *others], now, home, home_taken, moved=booking, zone=zone)

    def alone(self, agent_id: str) -> Team:
        """Return one of the agents as a team of its own."""
        found = self._agent(agent_id)
        return Team(found.agent, (replace(found, position=None),), stale=self.stale)

    def shows(self, home: Property) -> bool:
        """Return whether one of the agents whom the line books shows a home."""
        return any(home.is_shown_by(each.agent.agent_id) for each in self._bookable() if each.agent.is_active)

    def books(self, agent_id: str) -> bool:
        """Return whether the line books an agent."""
        return any(each.agent.agent_id == agent_id and each.is_booked for each in self.agents)

    def has(self, agent_id: str) -> bool:
        """Return whether an agent belongs to the line, and is locked if the transaction is to change anything."""
        return any(each.agent.agent_id == agent_id for each in self.agents)

    def agent_of(self, booking: Appointment) -> Agent:
        """Return the agent of a booking that the line made or found."""
        return self._agent(booking.agent_id).agent

    def turn_at(self, now: datetime) -> datetime:
        """Return when a booking that is made now is made, for `last_booked_at`."""
        return turn_at(now, (each.last_booked_at for each in self.agents))

    def _agent(self, agent_id: str) -> LineAgent:
        return next(each for each in self.agents if each.agent.agent_id == agent_id)

    def _bookable(self) -> list[LineAgent]:
        """Return those whom the line books; of a line that is not shared any more, its holder."""
        booked = [each for each in self.agents if each.is_booked]
        return booked or [each for each in self.agents if each.agent.agent_id == self.holder.agent_id]

    def _current(self, wanted: Sequence[LineAgent]) -> list[LineAgent]:
        """Return those whose calendar is not stale. Raise CalendarStale if there is none."""
        current = [each for each in wanted if each.agent.agent_id not in self.stale]
        if wanted and not current:
            raise CalendarStale(min(wanted, key=_age_s).agent, self.holder, of_team=True)
        return current

    def _of(
        self,
        agents: Sequence[LineAgent],
        now: datetime,
        home: Property | None,
        home_taken: BusyTimes,
        *,
        moved: Appointment | None = None,
        zone: ZoneInfo | None = None,
    ) -> TeamAvailability:
        active = [each for each in agents if each.agent.is_active]
        if not active:
            raise AgentInactive(agent_name=self.holder.agent_name)
        keeps_agent = moved is not None and len(agents) == 1
        showing = [each for each in active if keeps_agent or home is None or home.is_shown_by(each.agent.agent_id)]
        without = moved.appointment_id if moved else None
        members = [
            TeamMember(
                each.agent,
                each.schedule.availability(now, without=without, home=home, home_taken=home_taken),
                each.last_booked_at,
            )
            for each in self._current(showing)
        ]
        preferred = moved.agent_id if moved else None
        return TeamAvailability(members, zone or self.holder.zone, now, self.choice, preferred)


def team_of(
    line: LineSchedule, is_current: IsCurrent, now: datetime, locked: Collection[str] | None = None
) -> Team | None:
    """Return the agents of a line; None if it has only its own.

    Args:
        line: as read.
        is_current: tells whose calendar is not stale.
        now: the present moment, aware.
        locked: the ids of the agents that this transaction has locked, if it is to change anything. One that joined
            the line while the transaction waited is left out.
    """
    if not line.agents or line.holder.agent is None:
        return None
    agents = [each for each in line.agents if locked is None or each.agent.agent_id in locked]
    stale = [each.agent.agent_id for each in agents if not is_current(each.schedule.calendar_age, each.agent, now)]
    return Team(line.holder.agent, tuple(agents), line.choice, frozenset(stale))


def whole_team_of(
    line: LineSchedule, is_current: IsCurrent, now: datetime, locked: Collection[str] | None = None
) -> Team:
    """Return the agents of a line as `team_of` does; a line that has only its own agent is a team of one.

    Raises AgentUnknown.
    """
    team = team_of(line, is_current, now, locked)
    if team is not None:
        return team
    agent, schedule = line.holder.agent, line.holder
    if agent is None:
        raise AgentUnknown
    stale = frozenset() if is_current(schedule.calendar_age, agent, now) else frozenset((agent.agent_id,))
    return Team(agent, (LineAgent(agent, schedule),), stale=stale)


def _age_s(agent: LineAgent) -> float:
    age = agent.schedule.calendar_age
    return float("inf") if age is None or age.age_s is None else age.age_s
