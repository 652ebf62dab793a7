"""The outbox is listed, counted, and corrected by what providers report."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import get_args

import pytest
from psycopg.types.json import Jsonb

from peterental.access import Viewer
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.model import EventKind
from peterental.notices.model import (
    NewNotice,
    NoticeNotOver,
    NoticeTooLate,
    NoticeUnknown,
)
from tests.notices.office import ADMIN, EMAIL, PHONE_NUMBER, Office

STRANGER = Viewer(user_id=77, email="stranger@example.com", is_admin=False)


def test_a_viewing_has_its_notices_in_order(office: Office) -> None:
    viewing = office.book(email=EMAIL)
    with office.database.transaction() as connection:
        appointment = ManualBookingRepository(office.database).get(connection, viewing, None)
    assert appointment is not None
    found = office.services.outbox.of_appointment(appointment)
    assert sorted(notice.channel for notice in found) == ["email", "text"]
    assert [notice.notice_id for notice in found] == office.notices("notice_id")


TOLD = {
    "booked": ["booked"], "moved": ["moved"], "cancelled": ["cancelled"], "completed": [], "no_show": [],
    "reopened": ["booked"], "confirmed": [], "released": ["released"], "edited": [],
}  # fmt: skip
"""The notices of a visitor of each kind of event; one who was not there has to have asked for it."""


def test_each_kind_of_event_tells_the_visitor_what_it_should(office: Office) -> None:
    told = {}
    for days, kind in enumerate(get_args(EventKind), 1):
        viewing = office.book(office.clock.now + timedelta(days=days))
        told[kind] = _told_by(office, viewing, kind, {"notes": ["", "Has a dog"]})
    assert told == TOLD


@pytest.mark.parametrize(
    ("field", "told"), [("home", ["changed"]), ("minutes", ["changed"]), ("name", []), ("phone", [])]
)
def test_an_edit_tells_the_visitor_of_another_home_or_length(office: Office, field: str, told: list[str]) -> None:
    assert _told_by(office, office.book(), "edited", {field: ["old", "new"]}) == told


def _told_by(office: Office, viewing: int, kind: str, changes: dict[str, list[str]]) -> list[str]:
    """Return the kinds of the notices of one more event of a viewing, to its visitor."""
    office.database.fetch("DELETE FROM notices")
    office.database.fetch(
        "INSERT INTO appointment_events (appointment_id, kind, actor, changes, happened_at)"
        " VALUES (%s, %s, 'phone', %s, %s)",
        [viewing, kind, Jsonb(changes) if kind == "edited" else None, office.clock.now],
    )
    return [notice_kind for notice_kind, audience in office.notices("kind", "audience") if audience == "visitor"]


REPORTS = [("queued", ""), ("sent", ""), ("delivered", "")]


@pytest.mark.parametrize("order", list(itertools.permutations(REPORTS)))
def test_reports_in_any_order_lead_to_the_same(office: Office, order: tuple[tuple[str, str], ...]) -> None:
    office.send(office.book())
    for what, detail in (*order, *order):
        assert office.services.outbox.record_delivery("text-1", what, detail, office.clock.now)
    assert office.notices("state", "reason") == [("delivered", None)]
    assert office.services.outbox.record_delivery("text-1", "undelivered", "30005", office.clock.now)
    assert office.services.outbox.record_delivery("text-1", "sent", "", office.clock.now)
    assert office.notices("state", "reason") == [("failed", "The provider could not deliver it: 30005.")]


def test_report_that_arrives_before_the_answer_counts(office: Office) -> None:
    viewing = office.book()

    def report() -> None:
        assert not office.services.outbox.record_delivery("text-1", "delivered", "", office.clock.now)

    office.texts.after_hand_over = report
    office.send(viewing)
    assert office.notices("state") == ["delivered"]


def test_person_sends_a_failed_notice_again(office: Office) -> None:
    viewing = office.book()
    outbox, (notice_id,) = office.services.outbox, office.notices("notice_id")
    with pytest.raises(NoticeNotOver):
        outbox.retry(notice_id, ADMIN)
    office.texts.behaviour = "refuse"
    office.send(viewing)
    for unknown in (0, notice_id + 1, 2**63):
        with pytest.raises(NoticeUnknown):
            outbox.retry(unknown, ADMIN)
    with pytest.raises(NoticeUnknown):
        outbox.retry(notice_id, STRANGER)
    office.jobs()
    outbox.retry(notice_id, ADMIN)
    assert office.jobs() == [{"notice_id": notice_id}]
    office.services.notice_sender.send(notice_id)
    assert office.notices("state", "reason", "attempts") == [("sent", None, 2)]
    assert [entry.change.action for entry in office.services.audit.listing(ADMIN).entries][:1] == ["notice sent again"]


def test_late_notice_is_not_sent_again(office: Office) -> None:
    viewing = office.book()
    office.texts.behaviour = "refuse"
    office.send(viewing)
    office.clock.forward(days=2)
    with pytest.raises(NoticeTooLate):
        office.services.outbox.retry(office.notices("notice_id")[0], ADMIN)


def test_notice_for_later_has_a_job_for_later(office: Office) -> None:
    later = office.clock.now + timedelta(hours=5)
    notice = NewNotice(
        kind="reply", channel="text", audience="visitor", recipient=PHONE_NUMBER, body="Hello.", due_at=later
    )
    with office.database.transaction() as connection:
        office.services.outbox.add(connection, notice)
    ((scheduled_at, args),) = [
        (row["scheduled_at"], row["args"])
        for row in office.database.fetch("SELECT scheduled_at, args FROM procrastinate_jobs")
    ]
    assert scheduled_at == later
    office.services.notice_sender.send(args["notice_id"])
    assert office.texts.taken == []
    office.clock.now = later
    office.services.notice_sender.send(args["notice_id"])
    assert [letter.body for letter in office.texts.taken] == ["Hello."]
