"""Whatever happens in whatever order: nothing untrue is sent, nothing twice, nothing after a stop or in the night."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from psycopg.errors import ExclusionViolation

from peterental.appointments.model import PHONE, EventKind, Status
from peterental.database.pool import Database
from peterental.errors import PeteRentalError
from peterental.notices.model import Letter
from tests.guillotine import Killed
from tests.notices.office import EMAIL, NOON, PHONE_NUMBER, Behaviour, FakeTransport, Office

STATUSES: dict[EventKind, Status] = {
    "cancelled": "cancelled",
    "completed": "completed",
    "no_show": "no_show",
    "reopened": "confirmed",
}
FROM: dict[EventKind, tuple[Status, ...]] = {
    "cancelled": ("confirmed",),
    "completed": ("confirmed",),
    "no_show": ("confirmed",),
    "reopened": ("cancelled", "completed", "no_show"),
}
BEHAVIOURS: list[Behaviour] = [
    "take", "take", "take", "away", "refuse", "take and be silent", "lose", "die before", "die after",
    "die after taking", "break",
]  # fmt: skip
MAX_VIEWINGS = 4

_EMPTY = """
    TRUNCATE appointments, appointment_events, notices, notice_events, contact_consents, procrastinate_jobs CASCADE
"""
_TAKEN = """
    SELECT notice_id, notices.kind, revision, is_answer, expires_at, notices.appointment_id, notices.channel, recipient,
           appointments.status, appointments.sequence, appointments.start_time
    FROM notices JOIN appointments ON appointments.id = notices.appointment_id
    WHERE state = 'sending' AND handed_over_at IS NOT NULL AND ended_at IS NULL
        AND notices.channel = %s AND recipient = %s
    ORDER BY handed_over_at DESC, notice_id DESC
    LIMIT 1
"""
TRUE_STATUS = {"cancelled": "cancelled", "no_show": "no_show"}


class Story(RuleBasedStateMachine):
    """What can happen to viewings, notices, providers, processes and the clock."""

    office: Office
    """Set by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.office.database.fetch(_EMPTY)
        self.office.clock.now = NOON
        self.office.services = self.office.new_services(self.office.database)  # forgets pauses
        self.stopped: set[str] = set()
        self.told: set[tuple[Any, ...]] = set()
        for transport in (self.office.texts, self.office.mails):
            transport.behaviour, transport.on_taken = "take", self.check(transport)
            transport.taken.clear()
            transport.at.clear()

    def check(self, transport: FakeTransport) -> Callable[[Letter], None]:
        """Return what checks each letter at the moment at which the provider takes it."""

        def taken(letter: Letter) -> None:
            now = self.office.clock.now
            (row,) = self.office.database.fetch(_TAKEN, (transport.channel, letter.recipient))
            assert row["sequence"] == row["revision"], row
            assert row["status"] == TRUE_STATUS.get(row["kind"], "confirmed"), row
            assert now < row["expires_at"], row
            assert row["kind"] == "no_show" or now < row["start_time"], row
            assert letter.recipient not in self.stopped, row
            hour = now.astimezone(self.office.zone).hour
            assert row["is_answer"] or 8 <= hour < 20, (row, hour)
            key = (row["appointment_id"], row["kind"], row["channel"], row["recipient"], row["revision"])
            assert key not in self.told, key
            self.told.add(key)

        return taken

    def some(self, number: int, *statuses: Status) -> int | None:
        """Return one of the viewings that have one of these statuses."""
        rows = self.office.database.fetch(
            "SELECT id FROM appointments WHERE status = ANY (%s) ORDER BY id", [list(statuses)]
        )
        return rows[number % len(rows)]["id"] if rows else None

    # --- what people do --------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 2, 4, 23, 25, 30, 60]), by_phone=st.booleans(), has_mail=st.booleans())
    def book(self, hours: int, *, by_phone: bool, has_mail: bool) -> None:
        if len(self.office.database.fetch("SELECT id FROM appointments")) < MAX_VIEWINGS:
            start = self.office.clock.now + timedelta(hours=hours)
            self.quietly(
                lambda: self.office.book(
                    start, email=EMAIL if has_mail else None, actor=PHONE if by_phone else "office@example.com"
                )
            )

    @rule(number=st.integers(0, 3), hours=st.sampled_from([1, 3, 26, 50]), by_phone=st.booleans())
    def move(self, number: int, hours: int, *, by_phone: bool) -> None:
        viewing = self.some(number, "confirmed")
        if viewing is not None:
            start = self.office.clock.now + timedelta(hours=hours)
            actor = "visitor" if by_phone else "office@example.com"
            self.quietly(lambda: self.office.move(viewing, start, actor))

    @rule(number=st.integers(0, 3), kind=st.sampled_from(list(STATUSES)), by_visitor=st.booleans())
    def change(self, number: int, kind: EventKind, *, by_visitor: bool) -> None:
        viewing = self.some(number, *FROM[kind])
        if viewing is not None:
            actor = "visitor" if by_visitor else "office@example.com"
            self.quietly(lambda: self.office.set_status(viewing, STATUSES[kind], kind, actor))

    @rule(number=st.integers(0, 3), agrees=st.booleans())
    def confirm(self, number: int, *, agrees: bool) -> None:
        viewing = self.some(number, "confirmed")
        if viewing is not None:
            with suppress(PeteRentalError):  # it is over
                self.office.services.visitors.confirm(viewing)
            if agrees:
                self.office.services.consents.allow_follow_up(viewing, words="Write to me", at=self.office.clock.now)

    @rule(is_stop=st.booleans())
    def stop_or_start(self, *, is_stop: bool) -> None:
        if is_stop:
            self.office.stop()
            self.stopped.add(PHONE_NUMBER)
        else:
            with self.office.database.transaction() as connection:
                self.office.services.consents.start(
                    connection, "text", PHONE_NUMBER, how="text message", words="START", at=self.office.clock.now
                )
            self.stopped.discard(PHONE_NUMBER)

    # --- what machines do ------------------------------------------------------------------------------------------

    @rule(text=st.sampled_from(BEHAVIOURS), mail=st.sampled_from(BEHAVIOURS), can_find=st.booleans())
    def send(self, text: Behaviour, mail: Behaviour, *, can_find: bool) -> None:
        self.office.texts.behaviour, self.office.mails.behaviour = text, mail
        self.office.mails.can_find = can_find
        for row in self.office.database.fetch("SELECT id FROM appointments ORDER BY id"):
            self.mortally(partial(self.office.send, row["id"]))

    @rule()
    def plan(self) -> None:
        self.office.services.reminders.plan()

    @rule()
    def look_up(self) -> None:
        self.mortally(self.office.services.notice_sender.look_up)

    @rule(number=st.integers(1, 8), what=st.sampled_from(["queued", "sent", "delivered", "undelivered", "failed"]))
    def report(self, number: int, what: str) -> None:
        self.office.services.outbox.record_delivery(f"text-{number}", what, "", self.office.clock.now)

    @rule(minutes=st.sampled_from([1, 5, 30, 90, 120, 480, 720, 1440]))
    def wait(self, minutes: int) -> None:
        self.office.clock.forward(minutes=minutes)

    @rule()
    def settle(self) -> None:
        """Let a day pass in which everything works: then nothing waits that could have been sent."""
        for _ in range(8):
            self.office.clock.forward(hours=3, minutes=1)
            self.plan()
            self.look_up()
            self.send("take", "take", can_find=True)
        open_ones = self.office.database.fetch(
            "SELECT notice_id, kind, state, due_at FROM notices WHERE ended_at IS NULL AND expires_at < %s",
            [self.office.clock.now - timedelta(hours=3)],
        )
        assert open_ones == []

    def quietly(self, change: Callable[[], object]) -> None:
        """Make a change that the database may refuse, because another viewing is there."""
        with suppress(ExclusionViolation):
            change()

    def mortally(self, work: Callable[[], object]) -> None:
        """Let a process work that may be killed, or fail."""
        with suppress(Killed, ZeroDivisionError):
            work()


@pytest.mark.long
def test_any_order_of_events_tells_the_truth_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(database, monkeypatch)
    database.fetch("UPDATE notice_settings SET follows_up_no_shows = TRUE")
    monkeypatch.setattr(Story, "office", office, raising=False)
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
