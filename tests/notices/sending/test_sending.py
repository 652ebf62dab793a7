"""Notices are sent once, while they are true, and not after a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.database.connect import Connection, DatabaseUnavailable
from peterental.database.pool import Database
from peterental.notices.channel_pauses import FAILURES_BEFORE_PAUSE
from peterental.notices.model import Channel, NewNotice, Notice, OptedOut
from peterental.notices.sending import (
    CLAIM_LASTS,
    LEAVE_UNKNOWN_AFTER,
    LOOK_UP_AFTER,
    MAX_TEXTS,
    OVERDUE_AFTER,
    RECORD_ATTEMPTS,
    LookUp,
)
from tests.guillotine import Killed
from tests.notices.office import ADMIN, EMAIL, PHONE_NUMBER, Behaviour, Office
from tests.servers import until_a_session_waits
from tests.together import at_once

STAFF = "office@example.com"


def test_booking_is_told_by_text_and_mail(office: Office) -> None:
    viewing = office.book(email=EMAIL)
    assert office.jobs() == [{"appointment_id": viewing}]
    office.send(viewing)
    assert [letter.recipient for letter in office.texts.taken] == [PHONE_NUMBER]
    assert [letter.recipient for letter in office.mails.taken] == [EMAIL]
    assert sorted(office.notices("channel", "state", "provider_id")) == [
        ("email", "sent", "email-1"),
        ("text", "sent", "text-1"),
    ]
    office.send(viewing)
    assert len(office.texts.taken) == 1


def test_nothing_is_written_without_channels(office: Office) -> None:
    office.services.notice_channels.record({})
    office.book(email=EMAIL)
    with office.database.transaction() as connection:
        office.services.outbox.add(
            connection, NewNotice(kind="reply", channel="text", audience="visitor", recipient=PHONE_NUMBER)
        )
    assert office.notices("kind") == []
    assert office.jobs() == []


def test_notice_that_is_not_true_any_more_is_suppressed(office: Office) -> None:
    viewing = office.book()
    office.move(viewing, office.clock.now + timedelta(days=3))
    office.cancel(viewing)
    office.send(viewing)
    assert office.notices("kind", "state") == [
        ("booked", "suppressed"),
        ("moved", "suppressed"),
        ("cancelled", "sent"),
    ]
    assert all(office.notices("reason")[:2])


def test_change_during_the_sending_prevents_the_hand_over(office: Office) -> None:
    viewing = office.book()
    office.texts.before_hand_over = lambda: office.cancel(viewing)
    office.services.notice_sender.send(office.notices("notice_id")[0])
    assert office.texts.taken == []
    assert office.notices("kind", "state", "reason") == [
        ("booked", "suppressed", "The viewing has changed since."),
        ("cancelled", "waiting", None),
    ]


def waits_in_the_hand_over(office: Office, change: Callable[[], None]) -> datetime | None:
    """Change something while a hand-over has checked everything; return when the notice then was handed over."""
    checked = threading.Event()
    seen: list[datetime | None] = []
    sender = office.services.notice_sender
    composer = sender._composers["booked"]

    class Watched:
        kinds = composer.kinds
        compose = composer.compose

        def require_true(self, connection: Connection, notice: Notice) -> None:
            composer.require_true(connection, notice)
            checked.set()
            until_a_session_waits(office.database.url)

    def change_then() -> None:
        checked.wait()
        change()
        seen.append(office.notices("handed_over_at")[0])

    sender._composers["booked"] = Watched()
    at_once([lambda: sender.send(office.notices("notice_id")[0]), change_then])
    return seen[0]


def test_change_waits_for_a_hand_over(office: Office) -> None:
    viewing = office.book()
    assert waits_in_the_hand_over(office, lambda: office.cancel(viewing)) is not None


def test_stop_waits_for_a_hand_over(office: Office) -> None:
    office.book()
    assert waits_in_the_hand_over(office, office.stop) is not None


def test_stop_prevents_the_hand_over(office: Office) -> None:
    viewing = office.book(email=EMAIL)
    office.texts.before_hand_over = office.stop
    office.send(viewing)
    assert office.texts.taken == []
    assert len(office.mails.taken) == 1
    assert ("suppressed", "The recipient said stop.") in office.notices("state", "reason")


def test_consent_to_a_viewing_is_recorded_once(office: Office) -> None:
    viewing = office.book()
    office.send(viewing)
    office.cancel(viewing)
    office.send(viewing)
    assert [consent.purpose for consent in office.services.consents.for_person(PHONE_NUMBER)] == ["viewing"]


def test_night_holds_what_is_no_answer(office: Office) -> None:
    office.clock.now = datetime(2026, 12, 2, 3, 0, tzinfo=UTC)  # 21:00 in Chicago
    theirs = office.book()
    ours = office.book(office.clock.now + timedelta(days=3), actor=STAFF)
    for viewing in (theirs, ours):
        office.send(viewing)
    assert office.notices("state") == ["sent", "waiting"]
    assert office.notices("attempts") == [1, 0]
    assert office.notices("due_at")[1] == datetime(2026, 12, 2, 14, 0, tzinfo=UTC)
    assert {"notice_id": office.notices("notice_id")[1]} in office.jobs()
    office.clock.forward(hours=11)
    office.send(ours)
    assert office.notices("state") == ["sent", "sent"]


def test_night_that_ends_too_late_suppresses(office: Office) -> None:
    office.clock.now = datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
    viewing = office.book(datetime(2026, 12, 2, 13, 30, tzinfo=UTC), actor=STAFF)
    office.send(viewing)
    assert office.notices("state") == ["suppressed"]


def test_night_that_begins_during_the_sending_holds(office: Office) -> None:
    office.clock.now = datetime(2026, 12, 2, 1, 59, tzinfo=UTC)
    viewing = office.book(actor=STAFF)
    office.texts.before_hand_over = lambda: office.clock.forward(minutes=2)
    office.send(viewing)
    assert office.texts.taken == []
    assert office.notices("state", "due_at") == [("waiting", datetime(2026, 12, 2, 14, 0, tzinfo=UTC))]


def test_late_notice_is_suppressed_before_and_during_the_sending(office: Office) -> None:
    first, second = (office.book(office.clock.now + timedelta(hours=hours), actor=STAFF) for hours in (2, 3))
    office.clock.forward(hours=2)
    office.send(first)
    office.texts.before_hand_over = lambda: office.clock.forward(hours=1)
    office.send(second)
    assert office.texts.taken == []
    assert office.notices("state", "reason") == [("suppressed", "It was too late for it.")] * 2


def test_provider_that_is_away_is_tried_until_it_is_too_late(office: Office) -> None:
    viewing = office.book()
    for _ in range(20):
        office.texts.behaviour = "away"
        office.send(viewing)
        office.clock.forward(minutes=30)
    assert office.notices("state", "reason") == [("waiting", "The provider is away.")]
    assert office.notices("attempts")[0] > 15
    assert office.texts.taken == []
    office.clock.forward(days=2)
    office.send(viewing)
    assert office.notices("state", "reason") == [("failed", "The provider is away.")]


def test_provider_that_is_away_is_left_alone_for_a_while(office: Office) -> None:
    """Further notices do not wait for its time limit."""
    viewings = [office.book(office.clock.now + timedelta(days=2, hours=n)) for n in range(FAILURES_BEFORE_PAUSE + 2)]
    for viewing in viewings:
        office.texts.behaviour = "away"
        office.send(viewing)
    assert office.notices("attempts") == [1] * FAILURES_BEFORE_PAUSE + [0, 0]
    office.texts.behaviour = "take"
    office.clock.forward(minutes=15)
    for viewing in viewings:
        office.send(viewing)
    assert office.notices("state") == ["sent"] * len(viewings)


def test_final_refusal_ends_a_notice(office: Office) -> None:
    viewing = office.book()
    office.texts.behaviour = "refuse"
    office.send(viewing)
    assert office.notices("state", "reason") == [("failed", "The number cannot get texts.")]
    office.clock.forward(days=1)
    office.send(viewing)
    assert office.texts.taken == []


def test_error_of_ours_before_the_hand_over_is_tried_again(office: Office) -> None:
    viewing = office.book()

    def fail() -> None:
        raise ZeroDivisionError

    office.texts.before_hand_over = fail
    with pytest.raises(ZeroDivisionError):
        office.send(viewing)
    assert office.notices("state", "reason") == [("waiting", "ZeroDivisionError.")]


@pytest.mark.parametrize("behaviour", ["take and be silent", "lose", "break"])
def test_unanswered_text_is_looked_up(office: Office, behaviour: Behaviour) -> None:
    viewing = office.book()
    office.texts.behaviour = behaviour
    try:
        office.send(viewing)
    except ZeroDivisionError:
        assert behaviour == "break"
    assert office.notices("state") == ["unknown"]
    office.send(viewing)
    office.services.notice_sender.look_up()
    assert office.notices("state") == ["unknown"]  # the provider may yet show it
    office.clock.forward(seconds=LOOK_UP_AFTER.total_seconds() + 1)
    office.services.notice_sender.look_up()
    office.send(viewing)
    assert office.notices("state") == ["sent"]
    assert len(office.texts.taken) == 1


def two_equal_answers(office: Office) -> tuple[int, int]:
    """Write two answers that say the same to one number, as to two texts of "HELP"; return their ids."""
    with office.database.transaction() as connection:
        for about in ("text:one", "text:two"):
            office.services.outbox.add(
                connection,
                NewNotice(
                    kind="reply", channel="text", audience="visitor", recipient=PHONE_NUMBER, about=about, body="Help"
                ),
            )
    first, second = office.notices("notice_id")
    return first, second


def test_text_of_another_notice_is_not_taken_for_a_lost_one(office: Office) -> None:
    sender, (first, second) = office.services.notice_sender, two_equal_answers(office)
    sender.send(first)
    office.texts.behaviour = "lose"
    sender.send(second)
    office.clock.forward(seconds=LOOK_UP_AFTER.total_seconds() + 1)
    assert sender.look_up() == LookUp(ended_claims=0, found=0, missing=1, overdue=0)
    sender.send(second)
    assert office.notices("state", "provider_id") == [("sent", "text-1"), ("sent", "text-2")]


def test_two_lost_answers_of_the_same_words_are_found_apart(office: Office) -> None:
    sender, numbers = office.services.notice_sender, two_equal_answers(office)
    for number in numbers:
        office.texts.behaviour = "take and be silent"
        sender.send(number)
    office.clock.forward(seconds=LOOK_UP_AFTER.total_seconds() + 1)
    assert sender.look_up().found == len(numbers)
    assert office.notices("state", "provider_id") == [("sent", "text-1"), ("sent", "text-2")]
    assert len(office.texts.taken) == len(numbers)


def test_text_found_by_two_workers_belongs_to_one_notice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either records: the second looks again, and sends."""
    sender, (first, second) = office.services.notice_sender, two_equal_answers(office)
    office.texts.behaviour = "take and be silent"
    sender.send(first)
    office.texts.behaviour = "lose"
    sender.send(second)
    office.clock.forward(seconds=LOOK_UP_AFTER.total_seconds() + 1)
    with monkeypatch.context() as patch:
        patch.setattr(sender._repository, "has_provider_id", lambda _: False)
        sender.look_up()
    assert office.notices("state", "provider_id") == [("sent", "text-1"), ("unknown", None)]
    sender.look_up()
    sender.send(second)
    assert office.notices("state", "provider_id") == [("sent", "text-1"), ("sent", "text-2")]


def test_unanswered_mail_stays_unknown(office: Office) -> None:
    office.mails.can_find = False
    office.mails.behaviour = "lose"
    viewing = office.book(email=EMAIL, phone=None)
    office.send(viewing)
    office.clock.forward(minutes=5)
    office.services.notice_sender.look_up()
    assert office.notices("state", "ended_at") == [("unknown", None)]
    office.clock.forward(seconds=LEAVE_UNKNOWN_AFTER.total_seconds())
    for _ in range(2):
        office.services.notice_sender.look_up()
        office.send(viewing)
    assert office.notices("state", "ended_at") == [("unknown", office.clock.now)]
    assert office.mails.taken == []


@pytest.mark.parametrize("behaviour", ["die before", "die after", "die after taking"])
def test_killed_process_neither_loses_nor_doubles(office: Office, behaviour: Behaviour) -> None:
    viewing = office.book()
    office.texts.behaviour = behaviour
    with pytest.raises(Killed):
        office.send(viewing)
    office.send(viewing)
    assert office.notices("state") == ["sending"]
    for _ in range(2):
        office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
        office.services.notice_sender.look_up()
        office.send(viewing)
    assert office.notices("state") == ["sent"]
    assert len(office.texts.taken) == 1


def test_number_gets_so_many_texts_a_day(office: Office) -> None:
    """A caller may give a stranger's number, and book and cancel again and again."""
    viewing = office.book()
    office.send(viewing)
    office.database.fetch(
        """
        INSERT INTO notices (about, kind, channel, audience, recipient, expires_at, state, handed_over_at)
        SELECT 'text:' || number, 'booked', 'text', 'visitor', %s, NOW(), 'sent', %s
        FROM generate_series(2, %s) AS number
        """,
        (PHONE_NUMBER, office.clock.now, MAX_TEXTS),
    )
    office.move(viewing, office.clock.now + timedelta(days=3))
    office.send(viewing)
    assert office.notices("state", "reason")[-1] == (
        "suppressed", f"This number was sent {MAX_TEXTS} texts within a day.",
    )  # fmt: skip
    other = office.book(phone="+14055550199")
    office.send(other)
    assert len(office.texts.taken) == 2
    office.clock.forward(hours=25)
    office.move(viewing, office.clock.now + timedelta(days=4))
    office.send(viewing)
    assert len(office.texts.taken) == 3


def test_claim_from_before_the_clock_was_set_back_ends(office: Office) -> None:
    viewing = office.book()
    office.texts.behaviour = "die before"
    with pytest.raises(Killed):
        office.send(viewing)
    office.clock.forward(hours=-1)
    office.services.notice_sender.look_up()
    office.send(viewing)
    assert office.notices("state") == ["sent"]
    assert len(office.texts.taken) == 1


def test_notice_from_before_the_clock_was_set_back_is_due(office: Office) -> None:
    viewing = office.book()
    office.clock.forward(hours=-1)
    assert office.services.notice_sender.look_up().overdue == 1
    office.send(viewing)
    assert office.notices("state") == ["sent"]


def test_notice_that_was_put_off_waits_by_the_new_clock(office: Office) -> None:
    viewing = office.book()
    office.texts.behaviour = "away"
    office.send(viewing)
    office.clock.forward(hours=-1)
    assert office.services.notice_sender.look_up().overdue == 0
    office.send(viewing)
    assert office.notices("state", "attempts") == [("waiting", 1)]


def test_attempt_whose_claim_was_taken_sends_nothing(office: Office) -> None:
    """A process that hangs before the hand-over, and continues after another one has sent the notice."""
    viewing = office.book()
    other = office.new_services(office.database).notice_sender

    def hang() -> None:
        office.texts.before_hand_over = lambda: None
        office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
        other.look_up()
        other.send_of_appointment(viewing)

    office.texts.before_hand_over = hang
    office.send(viewing)
    assert office.notices("state") == ["sent"]
    assert len(office.texts.taken) == 1


def test_attempt_that_hangs_after_the_hand_over_is_believed_at_last(office: Office) -> None:
    viewing = office.book()
    other = office.new_services(office.database).notice_sender

    def hang() -> None:
        office.clock.forward(seconds=CLAIM_LASTS.total_seconds() - 10)
        other.look_up()
        office.clock.forward(seconds=20)
        other.look_up()
        assert office.notices("state") == ["unknown"]

    office.texts.can_find = False
    office.texts.after_hand_over = hang
    office.send(viewing)
    assert office.notices("state", "provider_id") == [("sent", "text-1")]


def test_notices_of_a_viewing_keep_their_order(office: Office) -> None:
    office.book(actor=STAFF)
    office.database.fetch(
        "INSERT INTO notices (appointment_id, agent_id, kind, channel, audience, recipient, due_at, expires_at)"
        " SELECT appointment_id, agent_id, 'reply', channel, audience, recipient, due_at, expires_at FROM notices"
    )
    first, second = office.notices("notice_id")
    seen = []

    def try_the_second() -> None:
        office.services.notice_sender.send(second)
        seen.append(office.notices("state"))

    office.texts.before_hand_over = try_the_second
    office.services.notice_sender.send(second)
    assert office.notices("state") == ["waiting", "waiting"]
    office.services.notice_sender.send(first)
    assert seen == [["sending", "waiting"]]
    office.texts.before_hand_over = lambda: None
    office.services.notice_sender.send(second)
    assert office.notices("state") == ["sent", "sent"]


def test_two_workers_send_each_notice_once(office: Office) -> None:
    viewings = [office.book(office.clock.now + timedelta(days=2, hours=n), email=EMAIL) for n in range(8)]
    pools = [Database(office.database.url, pool_size=2) for _ in range(4)]
    senders = [office.new_services(pool).notice_sender for pool in pools]

    def work(number: int) -> None:
        for viewing in viewings:
            senders[number].send_of_appointment(viewing)

    at_once([lambda number=number: work(number) for number in range(4)])  # type: ignore[misc]
    for pool in pools:
        pool.close()
    assert len(office.texts.taken) == len(office.mails.taken) == len(viewings)
    assert set(office.notices("state")) == {"sent"}


def test_notice_without_a_job_is_sent(office: Office) -> None:
    office.book()
    office.jobs()
    office.services.notice_sender.look_up()
    assert office.texts.taken == []
    office.clock.forward(seconds=OVERDUE_AFTER.total_seconds() + 1)
    assert office.services.notice_sender.look_up().overdue == 1
    assert office.notices("state") == ["sent"]


def test_notice_that_this_process_cannot_send_is_left(office: Office) -> None:
    viewing = office.book()
    office.database.fetch("UPDATE notices SET kind = 'of a newer release'")
    office.send(viewing)
    assert office.notices("state", "attempts", "reason") == [("waiting", 0, None)]
    office.services.notice_sender.transports = {}
    office.clock.forward(minutes=2)
    office.send(viewing)
    assert office.notices("state", "attempts") == [("waiting", 0)]


def test_users_are_told_by_mail_whatever_was_stopped(office: Office) -> None:
    """A link to choose a password is asked for; a text never comes after a stop."""
    told: dict[Channel, str] = {"text": PHONE_NUMBER, "email": "ben@example.com"}
    with office.database.transaction() as connection:
        for channel, recipient in told.items():
            office.services.consents.stop(
                connection, channel, recipient, how="text message", words="STOP", at=office.clock.now
            )
            notice = NewNotice(kind="test", channel=channel, audience="user", recipient=recipient, about="user:7")
            office.services.outbox.add(connection, notice)
            office.services.outbox.add(connection, notice)
    for job in office.jobs():
        office.services.notice_sender.send(job["notice_id"])
    assert office.notices("channel", "state") == [("text", "suppressed"), ("email", "sent")]
    assert office.services.notice_listing.counts(ADMIN, office.clock.now).states == {
        ("text", "suppressed"): 1,
        ("email", "sent"): 1,
    }


@pytest.mark.parametrize(("outages", "state"), [(RECORD_ATTEMPTS - 1, "sent"), (RECORD_ATTEMPTS, "sending")])
def test_answer_is_recorded_through_a_short_outage(
    office: Office, monkeypatch: pytest.MonkeyPatch, outages: int, state: str
) -> None:
    viewing, left = office.book(), list(range(outages))
    pauses: list[float] = []
    sender = office.services.notice_sender
    record = sender._repository.record_sent

    def away(*args: Any, **options: Any) -> None:
        if left:
            left.pop()
            raise DatabaseUnavailable(reason="restarting")
        record(*args, **options)

    monkeypatch.setattr(sender._repository, "record_sent", away)
    monkeypatch.setattr(sender, "_pause", pauses.append)
    with suppress(DatabaseUnavailable):
        office.send(viewing)
    assert len(pauses) == RECORD_ATTEMPTS - 1
    assert office.notices("state") == [state]
    office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
    sender.look_up()
    assert office.notices("state") == ["sent"]
    assert len(office.texts.taken) == 1


def test_unknown_text_waits_for_a_process_that_can_ask(office: Office) -> None:
    viewing = office.book()
    office.texts.behaviour = "take and be silent"
    office.send(viewing)
    office.clock.forward(minutes=5)
    sender = office.services.notice_sender
    sender.transports = {}
    assert sender.look_up() == LookUp(ended_claims=0, found=0, missing=0, overdue=0)
    assert office.notices("state") == ["unknown"]
    sender.transports = {"text": office.texts}
    assert sender.look_up().found == 1


def test_opting_out_at_the_provider_counts_as_a_stop(office: Office) -> None:
    first, second = office.book(), office.book(office.start + timedelta(days=3))

    def refuse() -> None:
        raise OptedOut(reason="the number opted out at the provider")

    office.texts.before_hand_over = refuse
    office.send(first)
    office.texts.before_hand_over = lambda: None
    office.send(second)
    assert office.notices("state") == ["failed", "suppressed"]
    assert office.texts.taken == []
