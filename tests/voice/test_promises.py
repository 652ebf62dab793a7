"""Callers are promised a text where one will be sent, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peterental.agents.model import AgentKey
from peterental.database.pool import Database
from peterental.services import Services
from peterental.voice.simulator import simulate_tool_call
from tests.voice.phone import ANA, Clock, Phone

if TYPE_CHECKING:
    from collections.abc import Mapping

NORMAN = "+14055550123"
PROMISE, PROMISE_OF_MOVE = "I'll text you a confirmation.", "I'll text you the new time."
BOOKING = {"property_address": "5 Oak Lane", "attendee_name": "Dolores", "start_time": "Monday at ten am"}


@pytest.fixture
def phone(phone: Phone) -> Phone:
    """Dolores's call to Ana, from a number that can get texts."""
    phone.number = NORMAN
    return phone


@pytest.fixture
def texts(database: Database) -> None:
    """A worker that can send texts."""
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550199', FALSE)")


def book(phone: Phone, arguments: Mapping[str, str] | None = None) -> str:
    return phone.say("set_appointment", {**BOOKING, **(arguments or {})})


def texted(database: Database) -> list[tuple[str, str]]:
    rows = database.fetch("SELECT kind, recipient FROM notices WHERE channel = 'text' ORDER BY notice_id")
    return [(row["kind"], row["recipient"]) for row in rows]


@pytest.mark.usefixtures("texts")
def test_each_change_promises_its_text(phone: Phone, database: Database) -> None:
    booked = book(phone)
    assert booked == f"You're booked to see 5 Oak Lane, tomorrow, Monday the twenty-third, at ten AM. {PROMISE}"
    moved = phone.say("reschedule_appointment", {"start_time": "Monday at eleven am", "attendee_name": "Dolores"})
    assert moved.endswith(PROMISE_OF_MOVE)
    cancelled = phone.say("cancel_appointment", {"attendee_name": "Dolores"})
    assert cancelled.endswith(f"is cancelled. {PROMISE}")
    assert texted(database) == [("booked", NORMAN), ("moved", NORMAN), ("cancelled", NORMAN)]


@pytest.mark.usefixtures("texts")
def test_promise_in_spanish(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    booked = phone.say("set_appointment", {**BOOKING, "start_time": "el lunes a las diez de la mañana"})
    assert booked.endswith("Le enviaré la confirmación por mensaje de texto.")
    moved = phone.say("reschedule_appointment", {"start_time": "el lunes a las once de la mañana"})
    assert moved.endswith("Le enviaré la nueva hora por mensaje de texto.")
    assert phone.say("cancel_appointment").endswith("Le enviaré la confirmación por mensaje de texto.")


@pytest.mark.usefixtures("texts")
def test_number_that_the_visitor_gave_is_texted(phone: Phone, database: Database) -> None:
    assert book(phone, {"attendee_phone": "405 555 0177"}).endswith(PROMISE)
    assert texted(database) == [("booked", "+14055550177")]
    assert not phone.say("cancel_appointment").endswith(PROMISE), "whether that number said stop was not read"


def test_without_texts_nothing_is_promised(phone: Phone, database: Database) -> None:
    assert "text" not in book(phone)
    assert texted(database) == []


def test_e_mail_alone_promises_no_text(phone: Phone, database: Database) -> None:
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'a@example.com', FALSE)")
    assert "text" not in book(phone, {"attendee_email": "dolores@example.com"})


@pytest.mark.usefixtures("texts")
def test_office_that_texts_no_visitors_promises_nothing(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE notice_settings SET texts_visitors = FALSE")
    assert "text" not in book(phone)
    assert texted(database) == []


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize("number", [None, "anonymous", "+1266696687", "sip:front-desk@example.com"])
def test_number_that_cannot_be_texted_is_promised_nothing(phone: Phone, database: Database, number: str | None) -> None:
    phone.number = number
    assert "text" not in book(phone, {"attendee_email": "dolores@example.com"})
    assert texted(database) == []


@pytest.mark.usefixtures("texts")
def test_extension_cannot_be_texted(phone: Phone, database: Database) -> None:
    assert "text" not in book(phone, {"attendee_phone": "405 555 0177 ext 5"})
    assert texted(database) == []


@pytest.mark.usefixtures("texts")
def test_caller_who_said_stop_is_promised_nothing(phone: Phone, services: Services, database: Database) -> None:
    with database.transaction() as connection:
        services.consents.stop(connection, "text", NORMAN, how="text", words="stop please", at=Clock().now)
    assert "text" not in book(phone)
    with database.transaction() as connection:
        services.consents.start(connection, "text", NORMAN, how="text", words="start", at=Clock().now)
    assert phone.say("cancel_appointment").endswith(PROMISE)


@pytest.mark.usefixtures("texts")
def test_what_changes_nothing_promises_nothing(phone: Phone, database: Database) -> None:
    assert book(phone).endswith(PROMISE)
    again = book(phone)
    assert again == "You're booked to see 5 Oak Lane, tomorrow, Monday the twenty-third, at ten AM."
    assert "text" not in phone.say("find_appointment", {"attendee_name": "Dolores"})
    assert texted(database) == [("booked", NORMAN)]


@pytest.mark.usefixtures("texts")
def test_rehearsal_promises_no_text(services: Services, database: Database, clock: Clock) -> None:
    agent = services.agents.find(AgentKey(assistant_id=ANA))
    assert agent is not None
    result = simulate_tool_call(database, agent, "set_appointment", BOOKING, caller_number=NORMAN, now=clock.now)
    assert result.sentence.startswith("You're booked")
    assert "text" not in result.sentence
    assert texted(database) == []
