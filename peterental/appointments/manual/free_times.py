"""The free times of an agent, from which users choose: of one day, of several, and near a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import AgentUnknown
from peterental.appointments.busy_times import BusyTimes
from peterental.appointments.manual.model import DayAvailability
from peterental.clock import instant_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.appointments.availability import Availability
    from peterental.appointments.manual.model import WallClockTime
    from peterental.appointments.manual.repository import ManualBookingRepository
    from peterental.appointments.model import Appointment
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.model import Property
    from peterental.properties.repository import PropertyRepository


@dataclass(frozen=True)
class Needs:
    """What a viewing needs a time for.

    Args:
        property_id: the home in the catalogue; its other viewings take its time where the office wants one at a time.
        minutes: its length; None for the agent's.
        ignored_id: its id if it is to be moved, since it does not block itself.
    """

    property_id: int | None = None
    minutes: int | None = None
    ignored_id: int | None = None


ANY_VIEWING = Needs()


class FreeTimes:
    """The free times of the agents of one database. What a home allows beside its viewings, a user may overrule.

    Args:
        database: where they are stored.
        manual: reads schedules.
        homes: reads when homes are taken.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        database: Database,
        manual: ManualBookingRepository,
        homes: PropertyRepository,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._manual = manual
        self._homes = homes
        self._now = now

    def on(self, agent_id: str, day: date, viewer: Viewer, needs: Needs = ANY_VIEWING) -> DayAvailability:
        """Return the free times of an agent on one of its days. One query, and one for a home.

        Args:
            agent_id: whose day.
            day: on the agent's calendar.
            viewer: who asks.
            needs: of the viewing.

        Raises AgentUnknown.
        """
        now = self._now()
        with self._database.transaction() as connection:
            schedule = self._manual.read(connection, agent_id, now)
            agent = agent_for(viewer, schedule)
            availability = self.availability(connection, schedule, needs, now)
        times = availability.free_on(day)
        noon = datetime.combine(day, time(12), agent.zone)
        return DayAvailability(agent, tuple(times), () if times else availability.nearest(noon))

    def on_days(
        self, agent_id: str, first: date | None, count: int, viewer: Viewer, *, home: Property | None = None
    ) -> tuple[Agent, dict[date, tuple[datetime, ...]]]:
        """Return an agent and its free times on some days in a row, by day. One query, and one for a home.

        Args:
            agent_id: whose days.
            first: on the agent's calendar; None for today.
            count: how many days.
            viewer: who asks.
            home: whose rules and viewings narrow the times; an agent who does not show it has none.

        Raises AgentUnknown.
        """
        now = self._now()
        with self._database.transaction() as connection:
            schedule = self._manual.read(connection, agent_id, now)
            agent = agent_for(viewer, schedule)
            taken = self._taken(connection, Needs(home.property_id if home else None), now)
        availability = schedule.availability(now, home=home, home_taken=taken)
        is_shown = home is None or home.is_shown_by(agent_id)
        first = first or availability.today
        days = [first + timedelta(days=number) for number in range(count)]
        return agent, {day: tuple(availability.free_on(day)) if is_shown else () for day in days}

    def near(self, agent_id: str, when: WallClockTime, needs: Needs) -> tuple[datetime, ...]:
        """Return the free times of an agent, who exists, nearest to a time. One query, and one for a home."""
        now = self._now()
        with self._database.transaction() as connection:
            schedule = self._manual.read(connection, agent_id, now)
            assert schedule.agent is not None  # noqa: S101  # tells mypy; agents are never deleted
            availability = self.availability(connection, schedule, needs, now)
        return availability.nearest(instant_of(when.day, when.clock_min, schedule.agent.zone) or now)

    def availability(
        self, connection: Connection, schedule: AgentSchedule, needs: Needs, now: datetime
    ) -> Availability:
        """Return when the agent of a schedule is free for a viewing. One query for a home."""
        return schedule.availability(
            now, without=needs.ignored_id, home_taken=self._taken(connection, needs, now), minutes=needs.minutes
        )

    def _taken(self, connection: Connection, needs: Needs, now: datetime) -> BusyTimes:
        """Return when the home of a viewing is taken by others."""
        viewings = [] if needs.property_id is None else self._homes.viewings(connection, needs.property_id, now)
        taken = [(start, end) for number, start, end in viewings if number != needs.ignored_id]
        return BusyTimes([start for start, _ in taken], [end for _, end in taken])


def needs_of(viewing: Appointment) -> Needs:
    """Return what a viewing that exists needs another time for."""
    minutes = (viewing.end - viewing.start) // timedelta(minutes=1)
    return Needs(viewing.property_id, minutes, viewing.appointment_id)


def agent_for(viewer: Viewer, schedule: AgentSchedule) -> Agent:
    """Return the agent of a schedule.

    Raises AgentUnknown, also for one that the viewer may not see.
    """
    if schedule.agent is None or not (viewer.is_admin or schedule.agent.user_id == viewer.user_id):
        raise AgentUnknown
    return schedule.agent
