"""Any order of joins, cancellations, bookings, offers, answers and passing time keeps the promises of the waitlist.

Never two viewings at one time, nobody is passed over, and nobody is offered a time that was not free or did not suit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from peterental.notices.waitlist.model import HOLD, OfferEnded
from tests.notices.waitlist.conftest import HALF_HOUR, MONDAY_10AM, Office
from tests.voice.phone import SUNDAY_MORNING

STARTS = [MONDAY_10AM - 2 * HALF_HOUR + number * HALF_HOUR for number in range(16)]
"""The half hours of Ana's Monday."""

CALLERS = range(121, 127)
slots = st.integers(0, len(STARTS) - 1)


class Waiting(RuleBasedStateMachine):
    """Ana's Monday, from full on."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office
        self.database = office.database
        for table in ("waitlist", "notices", "agent_busy", "appointments", "tool_calls", "calls", "procrastinate_jobs"):
            self.database.fetch(f"DELETE FROM {table}")
        office.clock.now = SUNDAY_MORNING
        office.bookings.clear()
        for start in STARTS:
            office.book(start)
        self.calls = 0

    def entry_wants(self, entry: dict[str, Any], start: datetime) -> bool:
        return start not in entry["passed"] and any(p.lower <= start < p.upper for p in entry["wanted"])

    def free(self) -> set[datetime]:
        """Return the half hours without viewing or hold."""
        taken = self.database.fetch(
            """
            SELECT start_time FROM appointments WHERE status = 'confirmed'
            UNION ALL
            SELECT lower(during) FROM agent_busy WHERE holds_until > %s
            """,
            [self.office.clock.now],
        )
        return set(STARTS) - {row["start_time"] for row in taken}

    @rule(caller=st.sampled_from(CALLERS), slot=slots)
    def join(self, caller: int, slot: int) -> None:
        local = (STARTS[slot] - timedelta(hours=6)).strftime("%H:%M")
        is_free = STARTS[slot] in self.free()
        self.calls += 1
        said = self.office.caller(caller, call=f"call-{self.calls}").say(
            "join_waitlist",
            {"property_address": "12 Elm Street", "attendee_name": "Mia Chen", "date": "Monday", "time_of_day": local},
        )
        assert said.startswith("For 12 Elm Street, I have" if is_free else "You're on the waiting list")

    @rule(caller=st.sampled_from(CALLERS))
    def join_for_the_morning(self, caller: int) -> None:
        self.calls += 1
        self.office.caller(caller, call=f"call-{self.calls}").say(
            "join_waitlist",
            {
                "property_address": "12 Elm Street",
                "attendee_name": "Mia Chen",
                "date": "Monday",
                "time_of_day": "morning",
            },
        )

    @rule(slot=slots)
    def cancel(self, slot: int) -> None:
        if STARTS[slot] in self.office.bookings:
            self.office.cancel(STARTS[slot])

    @rule(slot=slots)
    def book_by_phone(self, slot: int) -> None:
        is_free = STARTS[slot] in self.free()
        self.calls += 1
        said = self.office.caller(150, call=f"call-{self.calls}").say(
            "set_appointment",
            {
                "property_address": f"{self.calls} Ash Lane",
                "attendee_name": "Bo Diaz",
                "start_time": f"{STARTS[slot] - timedelta(hours=6):%Y-%m-%dT%H:%M:%S}",
            },
        )
        assert said.startswith("You're booked") == is_free

    @rule(are_sent=st.sampled_from([True, True, True, False]))
    def offer(self, *, are_sent: bool) -> None:
        before = {entry["entry_id"]: entry for entry in self.office.entries()}
        made = self.office.services.waitlist.offer("ana")
        after = self.office.entries()
        if are_sent:
            self.office.hand_over()
        offered = [e for e in after if e["state"] == "offered" and e["offers"] > before[e["entry_id"]]["offers"]]
        assert len(offered) == made
        waiting = [entry for entry in after if entry["state"] == "waiting"]
        for entry in offered:
            assert self.entry_wants(entry, entry["offered_start"])
            earlier = [other for other in waiting if other["entry_id"] < entry["entry_id"]]
            assert not any(self.entry_wants(other, entry["offered_start"]) for other in earlier), "passed over"
        if made:  # nothing stopped the offers: those who still wait want nothing that is free
            assert not [e for e in waiting for start in self.free() if self.entry_wants(e, start)]

    @rule(minutes=st.sampled_from([1, 5, 15, 45]))
    def wait(self, minutes: int) -> None:
        if self.office.clock.now < SUNDAY_MORNING + timedelta(hours=9):  # before quiet hours
            self.office.clock.forward(minutes=minutes)

    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        entries = self.office.entries()
        if not entries:
            return
        entry = data.draw(st.sampled_from(entries))
        is_held = entry["state"] == "offered" and entry["offer_expires_at"] > self.office.clock.now
        try:
            viewing = self.office.services.waitlist.accept(entry["entry_id"])
        except OfferEnded:
            assert not is_held
            assert entry["appointment_id"] is None
        else:
            assert is_held or viewing.appointment_id == entry["appointment_id"]
            assert not is_held or viewing.start == entry["offered_start"]

    @invariant()
    def no_time_is_given_twice(self) -> None:
        taken = self.database.fetch(
            """
            SELECT start_time FROM appointments WHERE status = 'confirmed'
            UNION ALL
            SELECT offered_start FROM waitlist WHERE state = 'offered' AND offer_expires_at > %s
            """,
            [self.office.clock.now],
        )
        starts = [row["start_time"] for row in taken]
        assert len(starts) == len(set(starts))

    @invariant()
    def every_offer_has_its_hold_and_its_text(self) -> None:
        now = self.office.clock.now
        holds = self.database.fetch("SELECT event_key AS key, lower(during) AS start, holds_until FROM agent_busy")
        offers = [e for e in self.office.entries() if e["state"] == "offered"]
        found = {(row["key"], row["start"], row["holds_until"]) for row in holds}
        wanted = {(f"waitlist:{e['entry_id']}", e["offered_start"], e["offer_expires_at"]) for e in offers}
        assert found == wanted
        assert all(until <= now + HOLD for _, _, until in found)
        texts = {text["about"] for text in self.office.texts()}
        assert {f"waitlist:{e['entry_id']}:{e['offers']}" for e in offers} <= texts
        assert len(texts) == sum(e["offers"] for e in self.office.entries())


def test_no_order_of_events_breaks_the_waitlist(office: Office) -> None:
    class AtThisOffice(Waiting):
        def __init__(self) -> None:
            super().__init__(office)

    run_state_machine_as_test(
        AtThisOffice,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
