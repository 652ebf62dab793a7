"""Any order of events at two agents keeps what is wanted of homes: one viewing at a time, in its hours, by who shows it.

A time of a home that is held for a caller is neither booked nor offered elsewhere, and who waits gets what frees up.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from peterental.notices.waitlist.model import OfferEnded
from tests.notices.waitlist.conftest import HALF_HOUR, MONDAY_10AM, Office
from tests.voice.homes import add_home
from tests.voice.phone import ANA, BEN, SUNDAY_MORNING

STARTS = [MONDAY_10AM - 2 * HALF_HOUR + number * HALF_HOUR for number in range(16)]
"""The half hours of Monday, of both agents."""

LINES = {"ana": ANA, "ben": BEN}
HOMES = {"1420 Elm Street": range(16), "33 Boyd Street": range(2, 8)}
"""The half hours in which each home is shown: one of them from ten to one."""

agents = st.sampled_from(sorted(LINES))
homes = st.sampled_from(sorted(HOMES))
slots = st.integers(0, len(STARTS) - 1)


class WaitingForHomes(RuleBasedStateMachine):
    """A free Monday of Ana's and Ben's, and two homes."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office
        self.database = office.database
        for table in ("waitlist", "notices", "agent_busy", "appointments", "tool_calls", "calls", "procrastinate_jobs"):
            self.database.fetch(f"DELETE FROM {table}")
        self.database.fetch("DELETE FROM properties")
        self.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
        self.homes = {line1: add_home(self.database, line1) for line1 in HOMES}
        self.database.fetch(
            "INSERT INTO property_windows VALUES (%s, 1, '10:00', '13:00')", (self.homes["33 Boyd Street"],)
        )
        office.clock.now = SUNDAY_MORNING
        self.calls = 0

    def call(self, agent: str, tool: str, caller: int, arguments: dict[str, str]) -> str:
        self.calls += 1
        phone = self.office.caller(caller, call=f"call-{self.calls}", line=LINES[agent])
        return phone.say(tool, {"attendee_name": f"Mia Caller{caller}"} | arguments)

    def taken(self, agent: str, home: str) -> set[datetime]:
        """Return the half hours that are not free, of the agent and of the home."""
        rows = self.database.fetch(
            """
            SELECT start_time AS start FROM appointments
            WHERE status = 'confirmed' AND (agent_id = %(agent)s OR property_id = %(home)s)
            UNION ALL
            SELECT offered_start FROM waitlist
            WHERE state = 'offered' AND offer_expires_at > %(now)s AND (agent_id = %(agent)s OR property_id = %(home)s)
            """,
            {"agent": agent, "home": self.homes[home], "now": self.office.clock.now},
        )
        return {row["start"] for row in rows}

    def free(self, agent: str, home: str) -> set[datetime]:
        """Return the half hours at which the agent could show the home."""
        (row,) = self.database.fetch(
            """
            SELECT status = 'active' AND (
                NOT EXISTS (SELECT FROM property_agents WHERE property_agents.property_id = properties.property_id)
                OR EXISTS (
                    SELECT FROM property_agents
                    WHERE property_agents.property_id = properties.property_id AND agent_id = %s
                )
            ) AS is_shown
            FROM properties WHERE property_id = %s
            """,
            (agent, self.homes[home]),
        )
        shown = {STARTS[number] for number in HOMES[home]} if row["is_shown"] else set()
        return shown - self.taken(agent, home)

    @rule(agent=agents, home=homes, slot=slots)
    def book(self, agent: str, home: str, slot: int) -> None:
        is_free = STARTS[slot] in self.free(agent, home)
        local = STARTS[slot] - timedelta(hours=6)
        wish = {"property_address": home, "start_time": f"{local:%Y-%m-%dT%H:%M:%S}"}
        said = self.call(agent, "set_appointment", 1000 + self.calls, wish)  # a caller without another viewing
        assert said.startswith("You're booked") == is_free, said

    @rule(agent=agents, home=homes, slot=slots, caller=st.integers(121, 126))
    def join(self, agent: str, home: str, slot: int, caller: int) -> None:
        local = f"{STARTS[slot] - timedelta(hours=6):%H:%M}"
        is_free = STARTS[slot] in self.free(agent, home)
        said = self.call(
            agent, "join_waitlist", caller, {"property_address": home, "date": "Monday", "time_of_day": local}
        )
        assert said.startswith(f"For {home}, I have") == is_free, said

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ids = self.database.fetch("SELECT id FROM appointments WHERE status = 'confirmed' ORDER BY id")
        if ids:
            self.office.cancel_viewing(data.draw(st.sampled_from(ids))["id"])

    @rule(home=homes, status=st.sampled_from(["active", "inactive"]))
    def retire_or_restore(self, home: str, status: str) -> None:
        self.database.fetch("UPDATE properties SET status = %s WHERE property_id = %s", (status, self.homes[home]))

    @rule(home=homes, agent=st.sampled_from(["ana", "ben", None]))
    def assign(self, home: str, agent: str | None) -> None:
        self.database.fetch("DELETE FROM property_agents WHERE property_id = %s", (self.homes[home],))
        if agent is not None:
            self.database.fetch("INSERT INTO property_agents VALUES (%s, %s)", (self.homes[home], agent))

    @rule(agent=agents)
    def offer(self, agent: str) -> None:
        names = {home_id: line1 for line1, home_id in self.homes.items()}
        before = {entry["entry_id"]: entry["offers"] for entry in self.office.entries()}
        made = self.office.offer(agent)
        after = [entry for entry in self.office.entries() if entry["agent_id"] == agent]
        new = [entry for entry in after if entry["offers"] > before[entry["entry_id"]]]
        assert len(new) == made
        for entry in after:
            if entry["state"] == "waiting":
                assert not [
                    start for start in self.free(agent, names[entry["property_id"]]) if self.suits(entry, start)
                ], "who waits is offered what is free"

    @rule(minutes=st.sampled_from([1, 15]))
    def wait(self, minutes: int) -> None:
        if self.office.clock.now < SUNDAY_MORNING + timedelta(hours=9):  # before quiet hours
            self.office.clock.forward(minutes=minutes)

    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        entries = self.office.entries()
        if not entries:
            return
        entry = data.draw(st.sampled_from(entries))
        try:
            viewing = self.office.services.waitlist.accept(entry["entry_id"])
        except OfferEnded:
            (now,) = (each for each in self.office.entries() if each["entry_id"] == entry["entry_id"])
            assert now["appointment_id"] is None
            assert now["state"] in {"waiting", "ended", "offered"}
        else:
            assert viewing.property_id == entry["property_id"]

    def suits(self, entry: dict[str, Any], start: datetime) -> bool:
        return start not in entry["passed"] and any(p.lower <= start < p.upper for p in entry["wanted"])

    @invariant()
    def no_home_is_viewed_or_held_twice_at_a_time(self) -> None:
        rows = self.database.fetch(
            """
            SELECT property_id, start_time AS start FROM appointments WHERE status = 'confirmed'
            UNION ALL
            SELECT property_id, offered_start FROM waitlist WHERE state = 'offered' AND offer_expires_at > %s
            """,
            [self.office.clock.now],
        )
        taken = [(row["property_id"], row["start"]) for row in rows]
        assert len(taken) == len(set(taken))
        boyd = self.homes["33 Boyd Street"]
        assert {start for home, start in taken if home == boyd} <= {STARTS[slot] for slot in HOMES["33 Boyd Street"]}


def test_no_order_of_events_breaks_the_waitlist_of_homes(office: Office) -> None:
    class AtThisOffice(WaitingForHomes):
        def __init__(self) -> None:
            super().__init__(office)

    run_state_machine_as_test(
        AtThisOffice,
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
