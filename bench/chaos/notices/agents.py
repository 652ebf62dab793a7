"""The agents whose viewings are booked, and who move, cancel and restore them on the pages."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from bench.chaos.lab_agents import register
from bench.chaos.postgres import LabPostgres
from peterental.access import Viewer
from peterental.appointments.manual.model import ConfirmationRequired, ExpectedState, WallClockTime
from peterental.database.pool import Database
from peterental.errors import PeteRentalError
from peterental.services import build_services

PAUSE_S = 0.4
MOVES, CANCELS = 0.5, 0.75
OFFICE = Viewer(user_id=0, email="office@example.com", is_admin=True)

# Every agent is told at once of everything, by e-mail and by text. The lab runs at any hour.
_TELL = """
    INSERT INTO agent_notice_contacts (agent_id, email, phone)
    SELECT agent_id, agent_id || '@office.example', '+14055559' || lpad(right(agent_id, 1), 3, '0') FROM agents;
    INSERT INTO agent_notice_choices (agent_id, kind, channel, timing)
    SELECT agent_id, kind, channel, 'now'
    FROM agents, unnest(ARRAY['agent_booked', 'agent_moved', 'agent_cancelled']) AS kind,
         unnest(ARRAY['email', 'text']) AS channel;
    UPDATE notice_settings SET quiet_from = '23:59:59', quiet_until = '00:00';
"""
_SOME = """
    SELECT id, updated_at, start_time, status FROM appointments
    WHERE status IN ('confirmed', 'cancelled') AND start_time > NOW()
    ORDER BY md5(id::text || %s) LIMIT 1
"""


def prepare(postgres: LabPostgres) -> list[str]:
    """Create the agents; return their assistants' ids."""
    assistants = register(postgres)
    with postgres.connect() as connection:
        connection.execute(_TELL)
    return assistants


class Agents:
    """What users do with the viewings, until `stop`.

    Args:
        postgres: where they are.
        slots: times to move to, on the agents' wall clock.
        seed: of their choices.

    Attributes:
        done: how often each action was done.
    """

    def __init__(self, postgres: LabPostgres, slots: list[datetime], seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.fault: Exception | None = None
        logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # the database dies on purpose
        self._database = Database(postgres.url, pool_size=1)
        self._manual = build_services(self._database).manual
        self._slots = slots
        self._chance = random.Random(f"{seed} agents")  # noqa: S311  # repeatable, not secret
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def start(self) -> None:
        """Start working."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. Raises what went wrong."""
        self._over.set()
        self._thread.join()
        self._database.close()
        if self.fault is not None:
            raise self.fault

    def _work(self) -> None:
        try:
            while not self._over.wait(PAUSE_S):
                with suppress(PeteRentalError):  # refused, or the database is away
                    self._act()
        except Exception as error:  # noqa: BLE001  # raised by `stop`
            self.fault = error

    def _act(self) -> None:
        rows = self._database.fetch(_SOME, (str(self._chance.random()),))
        if not rows:
            return
        row: Any = rows[0]
        seen = ExpectedState(row["updated_at"], row["start_time"], row["status"])
        if row["status"] == "cancelled":
            self._manual.change(row["id"], seen, "reopen", OFFICE)
            self.done["restored"] += 1
        elif self._chance.random() < MOVES:
            self._move(row["id"], seen)
        elif self._chance.random() < CANCELS:
            self._manual.change(row["id"], seen, "cancel", OFFICE)
            self.done["cancelled"] += 1

    def _move(self, appointment_id: int, seen: ExpectedState) -> None:
        slot = self._chance.choice(self._slots)
        when = WallClockTime(day=slot.date(), clock_min=slot.hour * 60 + slot.minute)
        try:
            self._manual.move(appointment_id, seen, when, OFFICE)
        except ConfirmationRequired as question:
            agreed = replace(when, acknowledged=question.warnings.fingerprints)
            self._manual.move(appointment_id, seen, agreed, OFFICE)
        self.done["moved"] += 1
