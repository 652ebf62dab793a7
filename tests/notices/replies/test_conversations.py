"""Conversations by text: what is done, what is answered, and what the agent gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from peterental.notices.model import Kind
from peterental.notices.replies.decisions import decide
from peterental.notices.replies.model import Conversation, TextedViewing
from peterental.notices.replies.understanding import Understanding
from peterental.notices.texts.segments import segments
from tests.notices.office import CHICAGO, NOON, PHONE_NUMBER, Office
from tests.notices.replies.conftest import Visitor

SECOND_NUMBER = "+14055550199"


def link(office: Office, appointment_id: int) -> str:
    return office.services.visitor_links.url(appointment_id, PHONE_NUMBER)


# --- confirming ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["C", "1", "Yes, I'll be there!", "👍", "ok", "sí, confirmo"])
def test_a_reminded_visitor_confirms(visitor: Visitor, viewing: int, text: str) -> None:
    assert "Reply C to confirm" in visitor.is_reminded(viewing)
    (answer,) = visitor.says(text)
    assert "12 Elm Street, Thu, Dec 3 at 12:00 PM" in answer or "12 Elm Street, jue 3 dic, 12:00 PM" in answer
    assert link(visitor.office, viewing) in answer
    assert visitor.viewing(viewing) == ("confirmed", True)
    assert visitor.messages() == []


def test_the_first_text_can_be_answered_too(visitor: Visitor, viewing: int) -> None:
    (answer,) = visitor.says("C")
    assert answer.startswith("Leasing office: Thank you. You are expected")
    assert visitor.viewing(viewing) == ("confirmed", True)


@pytest.mark.parametrize("text", ["ok", "👍", "thanks"])
def test_politeness_confirms_nothing(visitor: Visitor, viewing: int, text: str) -> None:
    """The first text asks for nothing. It is not answered, so that thanks do not go to and fro."""
    assert visitor.says(text) == []
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [(text, viewing)]


@pytest.mark.usefixtures("viewing")
def test_confirming_twice_is_no_change(visitor: Visitor) -> None:
    visitor.says("C")
    events = visitor.office.database.fetch("SELECT kind FROM appointment_events WHERE kind = 'confirmed'")
    assert visitor.says("yes")
    assert (
        len(visitor.office.database.fetch("SELECT kind FROM appointment_events WHERE kind = 'confirmed'"))
        == len(events)
        == 1
    )


def test_the_same_text_twice_is_one(visitor: Visitor, viewing: int) -> None:
    for body in ("C", "Is there parking?", "STOP"):
        text = visitor.text(body)
        for _ in range(3):
            visitor.office.services.replies.receive(text)
    assert len(visitor.reads()) == 1  # the stop: after it, nothing else goes out
    assert visitor.messages() == [("Is there parking?", viewing)]
    assert visitor.outcomes() == ["confirm", "message", "stop"]


# --- cancelling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["cancel my viewing", "I can't make it, sorry", "cancelar mi visita por favor"])
def test_a_visitor_cancels(visitor: Visitor, viewing: int, text: str) -> None:
    """The notice of the cancellation is the answer: one text, not two."""
    (answer,) = visitor.says(text)
    assert "is cancelled" in answer
    assert visitor.viewing(viewing) == ("cancelled", False)
    (event,) = visitor.office.database.fetch("SELECT actor FROM appointment_events WHERE kind = 'cancelled'")
    assert event["actor"] == "visitor"


@pytest.mark.usefixtures("viewing")
def test_it_is_answered_where_the_office_does_not_text(visitor: Visitor) -> None:
    visitor.office.database.fetch("UPDATE notice_settings SET texts_visitors = FALSE")
    visitor.office.database.fetch("UPDATE agents SET handover_number = '+14055550111'")
    (answer,) = visitor.says("cancel my viewing")
    assert answer == (
        "Leasing office: Your viewing is cancelled: 12 Elm Street, Thu, Dec 3 at 12:00 PM."
        " To book again, call 405-555-0111."
    )


def test_no_cancels_after_a_reminder_only(visitor: Visitor, viewing: int) -> None:
    visitor.says("no")
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [("no", viewing)]
    visitor.is_reminded(viewing)
    visitor.says("No.")
    assert visitor.viewing(viewing) == ("cancelled", False)


@pytest.mark.parametrize(
    "text", ["cancel", "CANCEL please", "stop", "Stop please", "yes stop", "basta", "I need to cancel"]
)
def test_a_stop_word_changes_no_viewing(visitor: Visitor, viewing: int, text: str) -> None:
    visitor.is_reminded(viewing)
    (answer,) = visitor.says(text)
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert "no more texts" in answer or "No le enviaremos mensajes" in answer
    assert ("Cancel it: " in answer) == ("cancel" in text.lower())
    assert visitor.says("C") == []
    assert visitor.viewing(viewing) == ("confirmed", True)


# --- stop, start, help -----------------------------------------------------------------------------------------------


def test_after_a_stop_nothing_is_sent(visitor: Visitor, viewing: int) -> None:
    assert len(visitor.says("STOP")) == 1
    assert visitor.says("stop!!") == []
    visitor.office.move(viewing, NOON + timedelta(days=3))
    assert visitor.reads() == []
    assert visitor.office.notices("kind", "state", "reason")[-1] == ("moved", "suppressed", "The recipient said stop.")


def test_start_brings_them_back(visitor: Visitor, viewing: int) -> None:
    visitor.says("STOP")
    (answer,) = visitor.says("START")
    assert answer == "Leasing office: You get texts about your viewings again. Reply STOP to end them."
    visitor.office.move(viewing, NOON + timedelta(days=3))
    assert len(visitor.reads()) == 1


@pytest.mark.usefixtures("viewing")
def test_a_stop_that_was_taken_back_is_not_confirmed(visitor: Visitor) -> None:
    visitor.office.services.replies.receive(visitor.text("STOP"))
    visitor.office.services.replies.receive(visitor.text("START"))
    (answer,) = visitor.reads()
    assert "again" in answer
    reasons = visitor.office.notices("about", "state", "reason")
    assert ("stop:SM" + "1".zfill(32), "suppressed", "The recipient wants texts again.") in reasons


@pytest.mark.usefixtures("viewing")
def test_a_late_confirmation_of_a_stop_is_not_sent(visitor: Visitor) -> None:
    visitor.office.services.replies.receive(visitor.text("STOP"))
    visitor.office.clock.forward(minutes=6)
    assert visitor.reads() == []


def test_a_stop_with_a_reason_reaches_the_agent(visitor: Visitor, viewing: int) -> None:
    visitor.says("stop texting me and cancel my viewing")
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [("stop texting me and cancel my viewing\n(This number gets no more texts.)", viewing)]


@pytest.mark.usefixtures("viewing")
def test_what_the_provider_answered_is_not_answered_again(visitor: Visitor) -> None:
    assert visitor.says("STOP", answered_as="stop") == []
    assert visitor.says("START", answered_as="start") == []
    assert visitor.says("HELP", answered_as="help") == []
    assert len(visitor.says("help")) == 1


def test_provider_decides_what_stops_and_starts(visitor: Visitor, viewing: int) -> None:
    """An office may choose words of its own at Twilio, which then refuses every text, and YES brings them back."""
    visitor.is_reminded(viewing)
    assert visitor.says("Yes", answered_as="start") != [], "nothing was stopped"
    assert visitor.says("ADIOS", answered_as="stop") == []
    visitor.office.move(viewing, NOON + timedelta(days=3))
    assert visitor.reads() == []
    assert visitor.says("Yes", answered_as="start") == []
    assert visitor.outcomes() == ["confirm", "stop", "start"]
    visitor.office.move(viewing, NOON + timedelta(days=4))
    assert len(visitor.reads()) == 1


def test_help_says_who_writes_and_how_to_stop(visitor: Visitor, viewing: int) -> None:
    visitor.office.database.fetch("UPDATE agents SET handover_number = '+14055550111'")
    (answer,) = visitor.says("Who is this?")
    assert answer == (
        "Leasing office: We text you about your viewing: 12 Elm Street, Thu, Dec 3 at 12:00 PM."
        f" Change: {link(visitor.office, viewing)} Call 405-555-0111. Reply STOP to end texts."
    )


def test_a_wrong_person_is_left_in_peace(visitor: Visitor, viewing: int) -> None:
    assert visitor.says("Sorry, wrong number") == ["Leasing office: Sorry. You get no more texts from us."]
    ((body, about),) = visitor.messages()
    assert body.startswith("Sorry, wrong number\n(A wrong number: it gets no more texts.")
    assert about == viewing
    visitor.office.cancel(viewing)
    assert visitor.reads() == []


# --- everything else -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Is there parking?", "asdf qwer", "🎉🎉", "don't cancel my viewing", "I'll stop by at 3"]
)
def test_the_rest_is_a_message_for_the_agent(visitor: Visitor, viewing: int, text: str) -> None:
    (answer,) = visitor.says(text)
    assert answer.startswith("Leasing office: Thank you. Ana gets your text.")
    assert visitor.messages() == [(text, viewing)]
    assert visitor.says("And one more thing") == []  # acknowledged a moment ago
    assert len(visitor.messages()) == 2


@pytest.mark.usefixtures("viewing")
def test_a_message_is_acknowledged_again_the_next_day(visitor: Visitor) -> None:
    visitor.says("Is there parking?")
    visitor.office.clock.forward(hours=13)
    assert len(visitor.says("And a garden?")) == 1


def test_a_visitor_who_wants_another_time_gets_the_link(visitor: Visitor, viewing: int) -> None:
    (answer,) = visitor.says("Can we reschedule?")
    assert link(visitor.office, viewing) in answer
    assert visitor.messages() == [("Can we reschedule?\n(The visitor got the link to choose another time.)", viewing)]


@pytest.mark.usefixtures("viewing")
def test_a_spanish_text_is_answered_in_spanish(visitor: Visitor) -> None:
    (answer,) = visitor.says("¿Dónde está la casa?")
    assert answer.startswith("Leasing office: Gracias. Ana recibe su mensaje.")
    (answer,) = visitor.says("alto")
    assert answer == "Leasing office: No le enviaremos mensajes. Responda START para recibirlos."


@pytest.mark.usefixtures("viewing")
def test_the_language_is_that_of_the_agent(visitor: Visitor) -> None:
    visitor.office.database.fetch("UPDATE agents SET language = 'es'")
    (answer,) = visitor.says("C")
    assert answer.startswith("Leasing office: Gracias. Le esperamos: 12 Elm Street, jue 3 dic, 12:00 PM.")


@pytest.mark.usefixtures("viewing")
def test_pictures_are_mentioned(visitor: Visitor) -> None:
    visitor.says("", files=2)
    visitor.says("\n")
    assert [body for body, _ in visitor.messages()] == [
        "(2 files came with it; files are not kept.)",
        "(An empty text.)",
    ]


# --- which viewing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["C", "cancel my viewing", "can I move it to friday?"])
def test_with_two_viewings_nothing_is_guessed(visitor: Visitor, viewing: int, text: str) -> None:
    second = visitor.office.book(NOON + timedelta(days=3))
    visitor.reads()
    (answer,) = visitor.says(text)
    assert visitor.viewing(viewing) == visitor.viewing(second) == ("confirmed", False)
    assert link(visitor.office, viewing) in answer
    assert link(visitor.office, second) in answer
    assert [about for _, about in visitor.messages()] == [second]


def test_of_two_viewings_the_cancelled_one_does_not_count(visitor: Visitor, viewing: int) -> None:
    second = visitor.office.book(NOON + timedelta(days=3))
    visitor.office.cancel(second)
    visitor.reads()
    visitor.says("C")
    assert visitor.viewing(viewing) == ("confirmed", True)


OTHER_DAYS = (
    "See you Friday", "I'll be there today", "nos vemos esta tarde", "can't make it Tuesday", "cancel today's viewing",
    "no puedo ir hoy", "see you tomorrow, Friday",
)  # fmt: skip


def test_day_that_is_named_has_to_be_that_of_the_viewing(visitor: Visitor, viewing: int) -> None:
    """A visitor who has another day in mind is not told that all is well: the agent gets the text."""
    visitor.is_reminded(viewing)
    for text in OTHER_DAYS:
        visitor.says(text)
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [(text, viewing) for text in OTHER_DAYS]
    visitor.says("nos vemos mañana jueves")
    assert visitor.viewing(viewing) == ("confirmed", True)
    visitor.says("I can't make it tomorrow")
    assert visitor.viewing(viewing)[0] == "cancelled"


@pytest.mark.parametrize(
    ("now", "days", "is_on"),
    [
        ("2026-12-03T08:00", "today", True), ("2026-12-03T08:00", "thursday", True), ("2026-12-03T08:00", "tomorrow", False),
        ("2026-12-02T23:59", "tomorrow thursday", True), ("2026-12-02T23:59", "today", False),
        ("2026-12-03T00:30", "tomorrow", True), ("2026-12-03T00:30", "today", True), ("2026-12-03T04:00", "tomorrow", False),
        ("2026-11-24T12:00", "thursday", True), ("2026-11-24T12:00", "", True), ("2026-11-24T12:00", "friday", False),
    ],
)  # fmt: skip
def test_days_are_those_of_the_home(now: str, days: str, *, is_on: bool) -> None:
    """The viewing is on Thursday, 3 December, at ten in the evening in Chicago: on Friday in UTC."""
    viewing = TextedViewing(
        appointment_id=1, agent_id="ana", agent_name="Ana", time_zone="America/Chicago", language="en",
        handover_number=None, start=datetime(2026, 12, 4, 4, tzinfo=UTC), status="confirmed", sequence=0,
        property_address="12 Elm Street", attendee_name="Dolores", released_at=None, texted_sequence=0,
    )  # fmt: skip
    assert viewing.is_on(frozenset(days.split()), datetime.fromisoformat(now).replace(tzinfo=CHICAGO)) is is_on


def test_day_that_is_named_says_which_of_two_viewings(visitor: Visitor, viewing: int) -> None:
    second = visitor.office.book(NOON + timedelta(days=3))
    visitor.reads()
    visitor.says("Please cancel my viewing on Friday")
    visitor.says("Yes, see you Thursday")
    assert (visitor.viewing(viewing), visitor.viewing(second)) == (("confirmed", True), ("cancelled", False))


def test_number_that_was_corrected_changes_and_learns_nothing(visitor: Visitor, viewing: int) -> None:
    """It belongs to a stranger, who has the first text."""
    visitor.office.database.fetch("UPDATE appointments SET attendee_phone = %s", (SECOND_NUMBER,))
    texts = ("cancel my viewing", "C", "who is this?", "Is there parking?", "can we reschedule?")
    answers = [answer for text in texts for answer in visitor.says(text)]
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert answers
    assert not any("Elm" in answer or "http" in answer for answer in answers)
    assert visitor.messages() == []


def test_caller_who_booked_for_another_number_is_known(visitor: Visitor, viewing: int) -> None:
    visitor.office.database.fetch(
        "UPDATE appointments SET caller_number = attendee_phone, attendee_phone = %s", (SECOND_NUMBER,)
    )
    visitor.says("C")
    assert visitor.viewing(viewing) == ("confirmed", True)


def test_an_answer_to_an_older_text_does_not_confirm_a_new_time(visitor: Visitor, viewing: int) -> None:
    """The viewing was moved, and the visitor has not been told yet."""
    visitor.office.move(viewing, NOON + timedelta(days=4))
    visitor.office.services.replies.receive(visitor.text("Yes, see you then"))
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.outcomes() == ["message"]
    visitor.reads()
    visitor.says("C")
    assert visitor.viewing(viewing) == ("confirmed", True)


def test_an_answer_to_another_text_does_not_tell_the_new_time(visitor: Visitor, viewing: int) -> None:
    visitor.office.move(viewing, NOON + timedelta(days=4))
    visitor.office.texts.behaviour = "refuse"
    assert visitor.reads() == []
    (answer,) = visitor.says("Is there parking?")
    assert "Ana gets your text" in answer
    visitor.says("C")
    assert visitor.viewing(viewing) == ("confirmed", False)


def test_a_past_viewing_is_not_changed(visitor: Visitor, viewing: int) -> None:
    visitor.office.clock.forward(days=3)
    (answer,) = visitor.says("cancel my viewing")
    assert answer == "Leasing office: There is no upcoming viewing to change. Ana gets your text."
    assert visitor.viewing(viewing) == ("confirmed", False)
    assert visitor.messages() == [("cancel my viewing\n(Nothing was changed: no upcoming viewing was found.)", viewing)]


def test_a_past_viewing_has_no_other_time(visitor: Visitor, viewing: int) -> None:
    visitor.office.clock.forward(days=3)
    assert visitor.says("Can we reschedule?") == ["Leasing office: Thank you. Ana gets your text."]
    assert visitor.messages() == [("Can we reschedule?", viewing)]


def test_a_released_viewing_can_be_taken_back_by_its_link(visitor: Visitor, viewing: int) -> None:
    visitor.office.services.visitors.release(viewing, lambda _: True)
    visitor.reads()
    (answer,) = visitor.says("C")
    assert answer.startswith("Leasing office: That time was released: 12 Elm Street")
    assert answer.endswith(f"To keep it: {link(visitor.office, viewing)}")
    visitor.office.clock.forward(hours=1)
    (answer,) = visitor.says("C")
    assert "To keep it" not in answer


def test_a_caller_who_was_never_texted_reaches_the_agent(visitor: Visitor) -> None:
    visitor.office.database.fetch("UPDATE notice_settings SET texts_visitors = FALSE")
    appointment_id = visitor.office.book()
    visitor.office.database.fetch("UPDATE appointments SET caller_number = attendee_phone, attendee_phone = NULL")
    visitor.says("cancel my viewing")
    assert visitor.viewing(appointment_id) == ("confirmed", False)
    assert [about for _, about in visitor.messages()] == [appointment_id]


def test_an_unknown_number_is_not_lost(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    stranger = Visitor(office, SECOND_NUMBER)
    (answer,) = stranger.says("Is 12 Elm Street still free?")
    assert answer == "Leasing office: Thank you."
    assert "A text came from a number without a viewing" in caplog.text
    assert SECOND_NUMBER not in caplog.text
    assert stranger.messages() == []


def test_the_texts_of_a_viewing_can_be_shown(visitor: Visitor, viewing: int) -> None:
    visitor.says("Is there parking?")
    shown = visitor.office.services.visitors.show(viewing).appointment
    (reply,) = visitor.office.services.replies.of_appointment(shown)
    assert (reply.sender, reply.body, reply.understood_as) == (PHONE_NUMBER, "Is there parking?", "message")
    assert reply.answer is not None


# --- machines --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("viewing")
def test_two_machines_that_answer_each_other_come_to_an_end(visitor: Visitor) -> None:
    answers = [visitor.says("C") for _ in range(25)]
    assert sum(len(texts) for texts in answers) == 20
    assert len(visitor.says("STOP")) == 1


@pytest.mark.usefixtures("viewing")
def test_every_answer_fits_into_two_segments(visitor: Visitor) -> None:
    visitor.office.database.fetch("UPDATE agents SET handover_number = '+14055550111'")
    texts = [
        "C",
        "Who is this?",
        "ayuda",
        "Is there parking?",
        "can we reschedule?",
        "cancel",
        "START",
        "cancel my viewing",
    ]
    answers = [answer for text in texts for answer in visitor.says(text)]
    assert len(answers) == len(texts)
    assert {segments(answer).encoding for answer in answers} == {"gsm7"}
    assert max(segments(answer).count for answer in answers) <= 2


@pytest.mark.parametrize(
    ("last_kind", "has_viewing", "has_offer", "outcome"),
    [
        ("waitlist_offer", True, True, "take_offer"),
        ("waitlist_offer", False, True, "take_offer"),
        ("reminder_day", False, True, "take_offer"),
        ("reminder_day", True, True, "confirm"),
        ("waitlist_offer", True, False, "offer_ended"),
        ("reminder_day", False, False, "no_viewing"),
    ],
)
def test_yes_takes_an_offer_unless_a_viewing_was_asked_about(
    last_kind: Kind, outcome: str, *, has_viewing: bool, has_offer: bool
) -> None:
    viewing = TextedViewing(
        appointment_id=1, agent_id="ana", agent_name="Ana", time_zone="UTC", language="en", handover_number=None,
        start=NOON, status="confirmed", sequence=2, property_address="12 Elm Street", attendee_name="Mia",
        released_at=None, texted_sequence=2,
    )  # fmt: skip
    conversation = Conversation(viewings=(viewing,) if has_viewing else (), last_kind=last_kind)
    now = NOON - timedelta(hours=20)
    assert decide(Understanding("confirm"), conversation, now, has_offer=has_offer).outcome == outcome
