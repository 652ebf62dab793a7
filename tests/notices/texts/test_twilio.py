"""TwilioTransport against a Twilio that refuses, hangs, lies and takes texts without an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from peterental.config import Config
from peterental.notices.model import Delivery, Letter, NoLongerTrue, NotSent, OptedOut, PerhapsSent
from peterental.notices.texts import twilio
from peterental.notices.texts.twilio import LISTED_AFTER, TwilioTransport
from peterental.notices.texts.twilio_errors import is_about_account, meaning_of
from tests.calendars.provider_server import HTML, Answer
from tests.notices.twilio_server import NOON, OFFICE, PUBLIC_URL, VISITOR, Refused, Trouble, TwilioServer
from tests.servers import HANG_S

LETTER = Letter(channel="text", recipient=VISITOR, body="Norman Leasing: Viewing booked: 12 Oak St & more, ¿sí?")
LATER = NOON + LISTED_AFTER


class HandOver:
    """Counts hand-overs, and knows what the server had got by then."""

    def __init__(self, server: TwilioServer | None = None, error: Exception | None = None) -> None:
        self.count = 0
        self._server = server
        self._error = error

    def __call__(self) -> None:
        self.count += 1
        assert self._server is None or self._server.texts == []
        if self._error is not None:
            raise self._error


@pytest.fixture
def server() -> Iterator[TwilioServer]:
    """Start a Twilio."""
    with TwilioServer() as started:
        yield started


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the server however slow the machine is."""
    monkeypatch.setattr(twilio, "SEND_TIMEOUT_S", HANG_S)
    monkeypatch.setattr(twilio, "FIND_TIMEOUT_S", HANG_S)


def transport(server: TwilioServer, **changes: object) -> TwilioTransport:
    """Return a transport whose clock shows a minute after noon."""
    return TwilioTransport(server.config(**changes), now=lambda: LATER)


def test_a_text_is_sent_by_one_post(server: TwilioServer) -> None:
    hand_over = HandOver(server)
    delivery = transport(server).send(LETTER, hand_over)
    (taken,) = server.texts
    assert delivery == Delivery(provider_id=taken.sid)
    assert (taken.to, taken.sender, taken.body) == (VISITOR, OFFICE, LETTER.body)
    assert taken.status_callback == f"{PUBLIC_URL}/twilio/status"
    assert hand_over.count == 1
    assert len(server.asked) == 1


def test_a_messaging_service_sends_too(server: TwilioServer) -> None:
    service = "MG" + "a" * 32
    built = transport(server, twilio_from=service)
    built.send(LETTER, HandOver())
    assert server.asked[0].form["MessagingServiceSid"] == service
    assert "From" not in server.asked[0].form
    assert (built.sender, built.is_real) == (service, True)


def test_no_reports_are_asked_for_without_an_address(server: TwilioServer) -> None:
    transport(server, public_url=None).send(LETTER, HandOver())
    assert "StatusCallback" not in server.asked[0].form


@pytest.mark.parametrize(
    ("refused", "reason", "final"),
    [
        (Refused(400, 21211), "the number does not exist (Twilio error 21211)", True),
        (Refused(400, 21408), "Twilio is not allowed to text this country: enable it under Messaging, Geo permissions (Twilio error 21408)", True),
        (Refused(400, 21614), "the number is not a mobile number (Twilio error 21614)", True),
        (Refused(400, 21606), "the number in TWILIO_FROM does not belong to the account or cannot send texts (Twilio error 21606)", False),
        (Refused(400, 99999), "Twilio's own words (Twilio error 99999)", True),
        (Refused(401, 20003), "Twilio does not accept TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (Twilio error 20003)", False),
        (Refused(429, 20429), "Twilio takes no more texts at the moment (Twilio error 20429)", False),
        (Refused(429), "Twilio takes no more texts at the moment (Twilio error 20429)", False),
        (Refused(404), "Twilio answered 404", False),
        (Refused(302), "Twilio answered 302", False),
    ],
)  # fmt: skip
def test_a_refused_text_was_not_sent(server: TwilioServer, refused: Refused, reason: str, *, final: bool) -> None:
    server.troubles = [refused]
    with pytest.raises(NotSent) as caught:
        transport(server).send(LETTER, HandOver())
    assert (str(caught.value), caught.value.is_final) == (f"{reason}.", final)
    assert not isinstance(caught.value, OptedOut)


def test_a_number_that_opted_out_at_twilio_is_reported(server: TwilioServer) -> None:
    server.stopped.add(VISITOR)
    with pytest.raises(OptedOut, match="the recipient has opted out at Twilio") as caught:
        transport(server).send(LETTER, HandOver())
    assert caught.value.is_final


def test_wrong_credentials_are_no_fault_of_the_recipient(server: TwilioServer) -> None:
    with pytest.raises(NotSent, match="does not accept TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN") as caught:
        transport(server, twilio_auth_token="another").send(LETTER, HandOver())
    assert not caught.value.is_final


@pytest.mark.parametrize("trouble", ["drop after", "html after", "no sid after", Refused(500), Refused(503, 20503)])
def test_a_text_without_an_answer_was_perhaps_sent(server: TwilioServer, trouble: Trouble | Refused) -> None:
    server.troubles = [trouble]
    with pytest.raises(PerhapsSent) as caught:
        transport(server).send(LETTER, HandOver())
    assert "Twilio" in str(caught.value)


@pytest.mark.parametrize("trouble", ["hang before", "hang after"])
def test_a_text_that_hangs_was_perhaps_sent(
    server: TwilioServer, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "SEND_TIMEOUT_S", 1.0)
    server.troubles = [trouble]
    with pytest.raises(PerhapsSent, match="no answer within 1 seconds"):
        transport(server).send(LETTER, HandOver())


def test_without_a_connection_nothing_is_handed_over(server: TwilioServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    hand_over = HandOver()
    with pytest.raises(NotSent, match="Twilio: the connection failed") as caught:
        transport(server, twilio_url=f"http://127.0.0.1:{port}").send(LETTER, hand_over)
    assert not caught.value.is_final
    assert hand_over.count == 0


@pytest.mark.parametrize("error", [NoLongerTrue(reason="it was moved"), OSError("no database"), ValueError("bad")])
def test_what_the_hand_over_raises_prevents_the_text(server: TwilioServer, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        transport(server).send(LETTER, HandOver(error=error))
    assert caught.value is error
    assert server.texts == []


def test_the_real_address_is_reached_by_https_only() -> None:
    assert TwilioTransport(Config())._allow_private is False


# --- looking for a text ----------------------------------------------------------------------------------------------


def test_a_text_without_an_answer_is_found(server: TwilioServer) -> None:
    server.add("Another text")
    server.troubles = ["drop after"]
    with pytest.raises(PerhapsSent):
        transport(server).send(LETTER, HandOver())
    assert transport(server).find(LETTER, NOON) == Delivery(provider_id=server.texts[-1].sid)


def test_a_text_that_never_arrived_is_not_found(server: TwilioServer) -> None:
    server.add("Another text")
    server.add(LETTER.body, age=timedelta(hours=1))
    server.add(LETTER.body, to="+14055550199")
    assert transport(server).find(LETTER, NOON) is None


def test_a_text_of_another_notice_is_not_the_one(server: TwilioServer) -> None:
    wanted, other = server.add(LETTER.body), server.add(LETTER.body)
    assert transport(server).find(LETTER, NOON, lambda sid: sid == other.sid) == Delivery(provider_id=wanted.sid)
    assert transport(server).find(LETTER, NOON, lambda _: True) is None


def test_it_is_looked_for_again_while_it_may_not_be_listed(server: TwilioServer) -> None:
    with pytest.raises(PerhapsSent, match="Twilio has not listed it yet"):
        TwilioTransport(server.config(), now=lambda: LATER - timedelta(seconds=1)).find(LETTER, NOON)


def test_every_page_of_the_list_is_read(server: TwilioServer) -> None:
    wanted = server.add(LETTER.body)
    for number in range(250):
        server.add(f"Text {number}")
    assert transport(server).find(LETTER, NOON) == Delivery(provider_id=wanted.sid)
    assert len(server.asked) == 3


def test_the_list_is_read_back_for_a_day_only(server: TwilioServer) -> None:
    for number in range(250):
        server.add(f"Text {number}", age=timedelta(days=2))
    assert transport(server).find(LETTER, NOON) is None
    assert len(server.asked) == 1


@pytest.mark.parametrize("entry", [None, "text", 7, [], {}, {"body": LETTER.body}, {"sid": None}, {"sid": "SM 1"}])
def test_an_entry_that_cannot_be_read_decides_nothing(
    server: TwilioServer, entry: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry may be the text that is looked for: sending it again might send it twice."""
    monkeypatch.setattr(server, "answer", lambda _: Answer.of_json({"messages": [entry]}))
    with pytest.raises(PerhapsSent, match="cannot be looked up: a text in Twilio's list cannot be read"):
        transport(server).find(LETTER, NOON)


def test_a_list_without_end_decides_nothing(server: TwilioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "MAX_PAGES", 2)
    server.page_size = 1
    for number in range(5):
        server.add(f"Text {number}")
    with pytest.raises(PerhapsSent, match="lists too many texts"):
        transport(server).find(LETTER, NOON)


def test_words_that_twilio_adds_or_replaces_do_not_matter(server: TwilioServer) -> None:
    server.change_body = lambda body: "Sent from your Twilio trial account - " + body.replace("í", "i")
    transport(server).send(LETTER, HandOver())
    assert transport(server).find(LETTER, NOON) == Delivery(provider_id=server.texts[0].sid)


def test_a_text_without_letters_is_compared_as_it_is(server: TwilioServer) -> None:
    server.add("👍")
    thumbs_down = Letter(channel="text", recipient=VISITOR, body="👎")
    assert transport(server).find(thumbs_down, NOON) is None
    wanted = server.add("👎")
    assert transport(server).find(thumbs_down, NOON) == Delivery(provider_id=wanted.sid)


@pytest.mark.parametrize("status", ["away", "html", "refused"])
def test_a_list_that_cannot_be_read_decides_nothing(
    server: TwilioServer, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url
    match status:
        case "away":
            server.is_away = True
        case "html":
            monkeypatch.setattr(server, "_list", lambda _: HTML)
        case "refused":
            with socket.create_server(("127.0.0.1", 0)) as listener:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(PerhapsSent, match="it cannot be looked up"):
        transport(server, twilio_url=url).find(LETTER, NOON)


def test_a_date_that_cannot_be_read_counts_as_new(server: TwilioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.notices.twilio_server.format_datetime", lambda _: "yesterday")
    wanted = server.add(LETTER.body, age=timedelta(days=9))
    assert transport(server).find(LETTER, NOON) == Delivery(provider_id=wanted.sid)


# --- codes -----------------------------------------------------------------------------------------------------------


def test_every_meaning_is_a_clause() -> None:
    assert meaning_of(30034) == "the sender is not registered for 10DLC (Twilio error 30034)"
    assert meaning_of(None) == "Twilio refused the text"
    assert meaning_of(None, "Some\nwords.") == "Some words"
    assert [is_about_account(code) for code in (20003, 30006, None)] == [True, False, False]
