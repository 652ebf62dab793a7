"""Write the busy blocks of closures and repeating blocks, in the transaction of what changes them.

Whatever offers or books times reads `agent_busy` and nothing else, so time off costs a phone call nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.agents.time_off.blocks_repository import TimeOffBlockRepository
from peterental.agents.time_off.expansion import closure_block, repeating_blocks
from peterental.agents.time_off.model import Closure, RepeatingBlock
from peterental.agents.time_off.repository import ClosureRepository, RepeatingBlockRepository, closure_of, repeating_of

if TYPE_CHECKING:
    from peterental.database.deadline import DeadlineConnection
    from peterental.database.pool import Database

_A_DAY_ON_EARTH = timedelta(days=2)
"""Longer than any day of the calendar lasts somewhere."""


class TimeOffBlocks:
    """Makes `agent_busy` agree with the closures and the repeating blocks. Every run may be repeated.

    Args:
        database: where they are stored.
    """

    def __init__(self, database: Database) -> None:
        self._blocks = TimeOffBlockRepository()
        self._closures = ClosureRepository(database)
        self._repeating = RepeatingBlockRepository(database)

    def renew_agent(self, connection: DeadlineConnection, agent_id: str, time_zone: str, now: datetime) -> None:
        """Write all blocks of one agent that the transaction has locked, or has added.

        Args:
            connection: of the transaction.
            agent_id: whose.
            time_zone: the agent's, as it is from now on.
            now: the present moment, aware.
        """
        self._closures.wait(connection)
        closures = self._closures.read_since(connection, (now - _A_DAY_ON_EARTH).date())
        repeating = self._repeating.read_of_agent(connection, agent_id)
        connection.sync()
        zone = ZoneInfo(time_zone)
        found = (closure_block(closure_of(row), agent_id, zone) for row in closures.fetchall())
        blocks = [block for block in found if block is not None and block.until > now]
        self._blocks.replace_closures_of_agent(connection, agent_id, blocks, now)
        for row in repeating.fetchall():
            self.renew_repeating(connection, repeating_of({**row, "time_zone": time_zone}), now)

    def renew_closures(self, connection: DeadlineConnection, closures: Iterable[Closure]) -> None:
        """Write all blocks of some closures, which the transaction has locked."""
        wanted = {closure.closure_id: closure for closure in closures}
        agents = self._blocks.agent_zones(connection).fetchall()
        blocks = [
            block
            for closure in wanted.values()
            for row in agents
            if (block := closure_block(closure, row["agent_id"], ZoneInfo(row["time_zone"]))) is not None
        ]
        self._blocks.replace_closures(connection, list(wanted), blocks)

    def renew_repeating(self, connection: DeadlineConnection, block: RepeatingBlock, now: datetime) -> None:
        """Write the blocks to come of a repeating block, whose agent the transaction has locked."""
        self._blocks.replace_repeating(connection, block.repeating_id, list(repeating_blocks(block, now)), now)
