"""The agents of a line in PostgreSQL, for those who change its viewings other than by phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.agents.lookup import LOCK_LINE_BY_ID
from peterental.appointments.home_choice import Catalogue, TakenHome
from peterental.appointments.schedule_repository import LINE_SCHEDULE_BY_ID, LineSchedule, read_line
from peterental.properties.repository import PropertyRepository

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.model import Property


class LineBookingRepository:
    """The lines of one database. Every method runs in the caller's transaction, and waits for the server."""

    def __init__(self, database: Database) -> None:
        self._homes = PropertyRepository(database)

    def lock(self, connection: Connection, agent_id: str) -> frozenset[str]:
        """Lock all agents of an agent's line, as changes by phone do, and return their ids."""
        rows = connection.execute(LOCK_LINE_BY_ID.encode(), {"agent_id": agent_id}).fetchall()
        return frozenset(row["agent_id"] for row in rows)

    def read(self, connection: Connection, agent_id: str, now: datetime) -> LineSchedule:
        """Return the schedules of the agents of an agent's line."""
        return read_line(LINE_SCHEDULE_BY_ID.execute(connection, {"agent_id": agent_id, "now": now}).fetchall())

    def home(self, connection: Connection, property_id: int | None, now: datetime) -> tuple[Property | None, Catalogue]:
        """Return a home, and a catalogue that has its viewings, where others may not overlap them."""
        if property_id is None:
            return None, Catalogue()
        home = self._homes.read(connection, property_id)
        viewings = self._homes.viewings(connection, property_id, now)
        return home, Catalogue(taken={property_id: tuple(TakenHome(*each) for each in viewings)})

    def note_line(self, connection: Connection, appointment_id: int, line_agent_id: str) -> None:
        """Note which line chose the agent of a new viewing. A phone call's viewings have the line of the call."""
        connection.execute("UPDATE appointments SET line_agent_id = %s WHERE id = %s", (line_agent_id, appointment_id))
