"""Consents: recorded with the first notice, revoked by a stop, given again by a start."""

from __future__ import annotations

import threading
from datetime import timedelta

from peterental.notices.consents.model import Consent
from peterental.notices.consents.service import Consents
from peterental.notices.model import OptedOut
from tests.notices.office import EMAIL, NOON, PHONE_NUMBER, Office


def consents_of(office: Office, recipient: str = PHONE_NUMBER) -> list[Consent]:
    return office.services.consents.for_person(recipient)


def is_stopped(office: Office, recipient: str = PHONE_NUMBER) -> bool:
    with office.database.transaction() as connection:
        return office.services.consents.is_stopped(connection, "text", recipient)


def start(office: Office) -> None:
    with office.database.transaction() as connection:
        office.services.consents.start(
            connection, "text", PHONE_NUMBER, how="text message", words="START", at=office.clock.now
        )


def test_a_stop_lasts_until_a_start(office: Office) -> None:
    assert not is_stopped(office)
    office.stop()
    assert is_stopped(office)
    assert not is_stopped(office, "+14055550199")
    start(office)
    assert not is_stopped(office)
    office.stop()
    assert is_stopped(office)
    (consent,) = consents_of(office)
    assert (consent.purpose, consent.how_given, consent.how_revoked) == ("all", "text message", "text message")


def test_the_first_of_several_stops_counts(office: Office) -> None:
    office.stop()
    office.clock.forward(days=1)
    office.stop()
    (consent,) = consents_of(office)
    assert (consent.revoked_at, consent.words_revoked) == (NOON, "STOP")


def test_a_stop_of_texts_is_none_of_mails(office: Office) -> None:
    office.stop(EMAIL)
    with office.database.transaction() as connection:
        assert not office.services.consents.is_stopped(connection, "email", EMAIL)


def test_the_phone_call_is_the_consent_to_its_notices(office: Office) -> None:
    appointment_id = office.book(email=EMAIL)
    office.database.fetch("UPDATE appointments SET vapi_call_id = 'call-1'")
    office.send(appointment_id)
    (consent,) = consents_of(office)
    assert (consent.purpose, consent.appointment_id, consent.given_at) == ("viewing", appointment_id, NOON)
    assert (consent.how_given, consent.words_given) == ("phone call call-1", "Gave it for the viewing of 12 Elm Street")
    (consent,) = consents_of(office, EMAIL)
    assert consent.channel == "email"
    office.move(appointment_id, NOON + timedelta(days=3))
    office.send(appointment_id)
    assert len(consents_of(office)) == 1


def test_it_says_who_booked(office: Office) -> None:
    office.send(office.book(actor="ana@example.com"))
    office.send(office.book(NOON + timedelta(days=3)))
    assert [consent.how_given for consent in consents_of(office)] == ["booked by ana@example.com", "phone call"]


def test_a_number_that_only_called_is_recorded_as_such(office: Office) -> None:
    appointment_id = office.book(phone=None)
    office.database.fetch("UPDATE appointments SET caller_number = %s", [PHONE_NUMBER])
    office.move(appointment_id, NOON + timedelta(days=3))
    office.send(appointment_id)
    (consent,) = consents_of(office)
    assert consent.words_given == "Called from it to book the viewing of 12 Elm Street"


def test_a_number_that_opted_out_at_the_provider_is_not_texted_again(office: Office) -> None:
    appointment_id = office.book()

    def refuse() -> None:
        raise OptedOut(reason="the recipient has opted out at Twilio (Twilio error 21610)")

    office.texts.before_hand_over = refuse
    office.send(appointment_id)
    assert office.notices("state") == ["failed"]
    (consent,) = consents_of(office)
    assert consent.how_revoked == "at the provider"
    office.texts.before_hand_over = lambda: None
    office.cancel(appointment_id)
    office.send(appointment_id)
    assert office.texts.taken == []
    assert office.notices("state") == ["failed", "suppressed"]


def test_a_stop_waits_for_a_hand_over(office: Office) -> None:
    """It comes after the whole transaction that checked, or before it."""
    consents, stopped = Consents(office.database), threading.Event()

    def stop() -> None:
        office.stop()
        stopped.set()

    with office.database.transaction() as connection:
        assert not consents.is_stopped(connection, "text", PHONE_NUMBER)
        thread = threading.Thread(target=stop)
        thread.start()
        waits = "SELECT COUNT(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while office.database.fetch(waits)[0]["n"] == 0:
            assert not stopped.is_set()
    thread.join()
    assert is_stopped(office)


def test_only_who_agreed_is_written_to_after_missing_a_viewing(office: Office) -> None:
    office.database.fetch("UPDATE notice_settings SET follows_up_no_shows = TRUE")
    missed = [office.book(office.clock.now + timedelta(hours=hours), email=EMAIL) for hours in (2, 4)]
    for _ in range(2):  # a page that is sent twice
        office.services.consents.allow_follow_up(missed[0], words="Write to me once", at=office.clock.now)
    office.clock.forward(hours=5)
    for viewing in missed:
        office.set_status(viewing, "no_show", "no_show", "office@example.com")
    told = office.database.fetch("SELECT appointment_id, channel FROM notices WHERE kind = 'no_show' ORDER BY channel")
    assert told == [{"appointment_id": missed[0], "channel": channel} for channel in ("email", "text")]
    (consent,) = (each for each in consents_of(office) if each.purpose == "follow_up")
    assert (consent.appointment_id, consent.how_given, consent.words_given) == (
        missed[0], "page of the visitor", "Write to me once",
    )  # fmt: skip
