"""Wordings are changed by admins only, previewed, reset, and sent as tests."""

from __future__ import annotations

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.notices.model import NewNotice, NoticeFilter
from peterental.notices.samples import ChannelOff, RecipientRefused
from peterental.notices.wording.builtin import BUILT_IN
from peterental.notices.wording.model import FieldUnknown, Wording, WordingKey, WordingUnknown
from tests.notices.office import ADMIN, Office

BOOKED = WordingKey("booked", "text", "en")
MAIL = WordingKey("cancelled", "email", "es")
NEW = Wording("{office}: See you on {day}.")
AGENT = Viewer(user_id=7, email="ana@example.com", is_admin=False)


def send_all(office: Office) -> None:
    for job in office.jobs():
        office.services.notice_sender.send(job["notice_id"])


def test_a_changed_wording_is_used_until_it_is_reset(office: Office) -> None:
    wordings = office.services.wordings
    assert wordings.change(BOOKED, NEW, ADMIN)
    assert not wordings.change(BOOKED, NEW, ADMIN)
    office.send(office.book())
    assert office.texts.taken[0].body == "Leasing office: See you on Thu, Dec 3. Reply STOP to opt out."
    stored = wordings.get(BOOKED, ADMIN)
    assert (stored.is_changed, stored.updated_by, stored.updated_at) == (True, ADMIN.email, office.clock.now)
    assert [each.key for each in wordings.listing(ADMIN) if each.is_changed] == [BOOKED]
    wordings.reset(BOOKED, ADMIN)
    wordings.reset(BOOKED, ADMIN)
    assert wordings.get(BOOKED, ADMIN).wording == BUILT_IN[BOOKED]
    log = office.services.audit.listing(ADMIN, page=1).entries
    assert [entry.change.action for entry in log if entry.change.subject_kind == "notice"] == [
        "wording reset",
        "wording changed",
    ]
    assert log[0].change.subject_id == "booked/text/en"


def test_the_built_in_wording_is_not_stored(office: Office) -> None:
    wordings = office.services.wordings
    wordings.change(BOOKED, NEW, ADMIN)
    assert wordings.change(BOOKED, BUILT_IN[BOOKED], ADMIN)
    assert not wordings.get(BOOKED, ADMIN).is_changed
    assert office.database.fetch("SELECT 1 FROM notice_templates") == []


def test_a_wrong_wording_is_not_stored(office: Office) -> None:
    with pytest.raises(FieldUnknown):
        office.services.wordings.change(BOOKED, Wording("{office} {hone}"), ADMIN)
    with pytest.raises(WordingUnknown):
        office.services.wordings.change(WordingKey("reply", "text", "en"), NEW, ADMIN)
    assert office.services.wordings.wording(BOOKED) == BUILT_IN[BOOKED]


def test_agents_change_no_wording(office: Office) -> None:
    wordings, samples = office.services.wordings, office.services.wording_samples
    for attempt in (
        lambda: wordings.listing(AGENT),
        lambda: wordings.get(BOOKED, AGENT),
        lambda: wordings.change(BOOKED, NEW, AGENT),
        lambda: wordings.reset(BOOKED, AGENT),
        lambda: samples.preview(BOOKED, NEW, AGENT),
        lambda: samples.send_test(BOOKED, "405 555 0123", AGENT),
    ):
        with pytest.raises(AdminsOnly):
            attempt()


def test_a_preview_has_example_values_and_its_length(office: Office) -> None:
    shown = office.services.wording_samples.preview(BOOKED, NEW, ADMIN)
    assert (shown.subject, shown.body) == (None, "Leasing office: See you on Tue, Dec 1. Reply STOP to opt out.")
    assert shown.segments is not None
    assert (shown.segments.count, shown.segments.characters) == (1, len(shown.body))
    mail = office.services.wording_samples.preview(MAIL, BUILT_IN[MAIL], ADMIN)
    assert mail.segments is None
    assert mail.subject == "Cancelada: mar 1 dic, 2:30 PM, visita a 1402 Elm Street, unit 2B"


def test_a_test_is_sent_as_saved_to_the_address(office: Office) -> None:
    samples = office.services.wording_samples
    office.services.wordings.change(BOOKED, NEW, ADMIN)
    assert samples.send_test(BOOKED, "(405) 555-0123", ADMIN) == "+14055550123"
    assert samples.send_test(BOOKED, "+1 405 555 0123", ADMIN) == "+14055550123", "a second test is another notice"
    assert samples.send_test(MAIL, " Ana@Example.com ", ADMIN).lower() == "ana@example.com"
    send_all(office)
    assert [letter.body for letter in office.texts.taken] == [
        "Leasing office: See you on Tue, Dec 1. Reply STOP to opt out."
    ] * 2
    (mail,) = office.mails.taken
    assert (mail.subject or "").startswith("[Test] Cancelada: ")
    assert mail.sender_name == "Leasing office"
    assert {notice.state for notice in office.services.notice_listing.listing(ADMIN, NoticeFilter()).notices} == {
        "sent"
    }


@pytest.mark.parametrize(
    ("key", "recipient", "hint"),
    [
        (BOOKED, "555", "Enter a phone number with the area code"),
        (BOOKED, "ana@example.com", "Enter a phone number"),
        (MAIL, "405 555 0123", "Enter an e-mail address"),
        (MAIL, "a@b\r\nBcc: eve@example.com", "Enter an e-mail address"),
    ],
)
def test_a_wrong_address_is_refused(office: Office, key: WordingKey, recipient: str, hint: str) -> None:
    with pytest.raises(RecipientRefused, match=hint):
        office.services.wording_samples.send_test(key, recipient, ADMIN)
    assert office.notices("notice_id") == []


def test_no_test_is_sent_through_a_channel_that_is_off(office: Office) -> None:
    office.services.notice_channels.record({})
    with pytest.raises(ChannelOff, match="text messaging is off"):
        office.services.wording_samples.send_test(BOOKED, "405 555 0123", ADMIN)
    with pytest.raises(ChannelOff, match="e-mail is off"):
        office.services.wording_samples.send_test(MAIL, "ana@example.com", ADMIN)
    with pytest.raises(WordingUnknown):
        office.services.wording_samples.send_test(WordingKey("reply", "text", "en"), "405 555 0123", ADMIN)


def test_a_test_of_a_channel_needs_no_wording(office: Office) -> None:
    with office.database.transaction() as connection:
        for about, body in (("command:1", None), ("command:2", "Hello"), ("wording:gone/text/en:1", None)):
            notice = NewNotice(
                kind="test", channel="email", audience="user", recipient="a@example.com", about=about, body=body
            )
            office.services.outbox.add(connection, notice)
    send_all(office)
    assert [(mail.subject, mail.body) for mail in office.mails.taken] == [
        ("Test from Leasing office", "Leasing office: This is a test. Notices reach you."),
        ("Test from Leasing office", "Hello"),
    ]
    assert office.notices("state", "reason")[2] == ("suppressed", "The wording does not exist any more.")
