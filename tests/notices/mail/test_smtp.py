"""Letters are handed to an SMTP server: taken, refused, or perhaps sent; never readable passwords."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from peterental.calendars import transport as calendar_transport
from peterental.clock import utc_now
from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.mail import smtp
from peterental.notices.mail.smtp import SmtpTransport
from peterental.notices.model import Letter, NoLongerTrue, NotSent, PerhapsSent
from tests.calendars.http.test_tls import Authority
from tests.notices.mail.mail_server import MailServer, NoText, ScriptedServer, scripted, serving
from tests.servers import HANG_S

SENDER = MailSender("office@example.com", "PeteRental")
WORDS = "four words in a row"
SIGN_INS = {b"pete": WORDS.encode()}


def transport(server: MailServer | ScriptedServer, *, timeout_s: float = HANG_S, **others: Any) -> SmtpTransport:
    return SmtpTransport(SmtpServer("127.0.0.1", server.port, **others), SENDER, timeout_s=timeout_s)


def signing_in(server: MailServer | ScriptedServer, **others: Any) -> SmtpTransport:
    return transport(server, user="pete", password=WORDS, **others)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the loopback as a network in which others listen."""
    monkeypatch.setattr(smtp, "_is_loopback", lambda _: False)


class HandOver:
    """Counts how often a letter was handed over, and calls what a test wants done then."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.times = 0
        self._then = then

    def __call__(self) -> None:
        self.times += 1
        self._then()


def test_a_letter_arrives_once(letter: Letter) -> None:
    hand_over = HandOver()
    with serving(MailServer()) as server:
        delivery = transport(server).send(letter, hand_over)
    assert delivery.provider_id is None
    assert hand_over.times == 1
    (taken,) = server.taken
    assert (taken.sender, taken.recipients) == ("office@example.com", ["max@example.com"])
    assert taken.message["From"] == "Norman Homes <office@example.com>"
    assert taken.message["Message-ID"] == "<booked.7@rent.example.com>"
    assert taken.message.get_content().split("\r\n") == ["Hello Max,", ".", "..", "see you at 12 Elm Street.", ""]


def test_the_sender_is_the_address_of_the_settings() -> None:
    chosen = SmtpTransport(SmtpServer("mail.example.com", 587), SENDER)
    assert (chosen.sender, chosen.is_real) == ("office@example.com", True)


def test_hand_over_comes_before_the_end_of_the_text(letter: Letter) -> None:
    with serving(MailServer()) as server:
        seen: list[int] = []
        transport(server).send(letter, HandOver(lambda: seen.append(len(server.taken))))
    assert (seen, len(server.taken)) == ([0], 1)


def test_a_letter_that_is_no_longer_true_is_not_sent(letter: Letter) -> None:
    def refuse() -> None:
        raise NoLongerTrue(reason="the viewing was cancelled")

    with serving(MailServer()) as server:
        with pytest.raises(NoLongerTrue):
            transport(server).send(letter, HandOver(refuse))
        transport(server).send(letter, HandOver())
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("step", "answer", "is_final", "reason"),
    [
        ("MAIL", "451 later", False, "the mail server refused the sender office@example.com: 451 later"),
        ("MAIL", "550 not from you", False, "the mail server refused the sender office@example.com: 550 not from you"),
        ("RCPT", "450 greylisted", False, "the mail server refused the recipient: 450 greylisted"),
        ("RCPT", "550 5.1.1 no such user", True, "the mail server refused the recipient: 550 5.1.1 no such user"),
        ("RCPT", "530 sign in first", False, "the mail server refused the recipient: 530 sign in first"),
        ("END", "452 disk full", False, "the mail server refused the letter: 452 disk full"),
        ("END", "554 looks like spam.", True, "the mail server refused the letter: 554 looks like spam"),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(
    letter: Letter, *, step: str, answer: str, is_final: bool, reason: str
) -> None:
    hand_over = HandOver()
    with serving(MailServer(answers={step: answer})) as server, pytest.raises(NotSent) as caught:
        transport(server).send(letter, hand_over)
    assert str(caught.value) == f"{reason}."
    assert caught.value.is_final is is_final
    assert hand_over.times == (1 if step == "END" else 0)
    assert server.taken == []


def test_a_refused_data_command_is_not_handed_over(letter: Letter) -> None:
    hand_over = HandOver()
    with serving(MailServer(), NoText) as server, pytest.raises(NotSent, match="554 no valid recipients") as caught:
        transport(server).send(letter, hand_over)
    assert caught.value.is_final
    assert hand_over.times == 0


def test_a_server_that_vanishes_after_the_text_has_perhaps_sent_it(letter: Letter) -> None:
    hand_over = HandOver()
    with serving(MailServer(vanishes=True)) as server:
        with pytest.raises(PerhapsSent, match="closed the connection"):
            transport(server).send(letter, hand_over)
        assert (hand_over.times, len(server.taken)) == (1, 1)
        with pytest.raises(PerhapsSent, match="cannot be asked"):
            transport(server).find(letter, utc_now())


@pytest.mark.parametrize("answer", [b"yes\r\n", b"\xff\xfe\r\n", b"354 more?\r\n", b"250" + b"x" * 10_000 + b"\r\n"])
def test_an_answer_after_the_text_that_is_none_means_perhaps(letter: Letter, answer: bytes) -> None:
    with scripted(end=answer) as server, pytest.raises(PerhapsSent):
        transport(server).send(letter, HandOver())


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [None, b"\r\n", b"what?\r\n", b"250" + b"-x" * 5_000 + b"\r\n"])
def test_what_goes_wrong_before_the_text_is_certainly_not_sent(letter: Letter, step: str, answer: bytes | None) -> None:
    hand_over = HandOver()
    with scripted(**{step: answer, "HELO": answer}) as server, pytest.raises(NotSent) as caught:
        transport(server).send(letter, hand_over)
    assert not caught.value.is_final
    assert hand_over.times == 0


def test_a_greeting_of_failure_is_tried_again(letter: Letter) -> None:
    with (
        scripted(connect=b"554 no service here\r\n") as server,
        pytest.raises(NotSent, match="refused the connection: 554 no service here") as caught,
    ):
        transport(server).send(letter, HandOver())
    assert not caught.value.is_final


def test_a_connection_that_breaks_in_the_text_has_sent_nothing(letter: Letter) -> None:
    def vanish(connection: socket.socket) -> None:
        connection.sendall(b"354 go ahead\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    long = replace(letter, body="a line of text\n" * 1_000_000)
    hand_over = HandOver()
    with scripted(DATA=vanish) as server, pytest.raises(NotSent):
        transport(server).send(long, hand_over)
    assert hand_over.times == 0


def drip(connection: socket.socket) -> None:
    """Send a reply that never ends, until the client has enough of it."""
    while True:
        connection.sendall(b"250-more\r\n")


def wait(connection: socket.socket) -> None:
    """Answer nothing until the client closes the connection."""
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_silent_server_is_given_up(letter: Letter, step: str) -> None:
    with (
        scripted(**{step: wait}) as server,
        pytest.raises(NotSent, match=r"the mail server 127\.0\.0\.1 took too long\."),
    ):
        transport(server, timeout_s=0.05).send(letter, HandOver())


def test_silence_after_the_text_means_perhaps(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin_an_answer(connection: socket.socket) -> None:
        later = monotonic() + 2 * HANG_S
        monkeypatch.setattr(calendar_transport, "monotonic", lambda: later)
        connection.sendall(b"250-")
        wait(connection)

    with scripted(end=begin_an_answer) as server, pytest.raises(PerhapsSent, match="took too long"):
        transport(server).send(letter, HandOver())


def test_answer_to_the_text_has_time_of_its_own(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it took to record the hand-over."""
    later = monotonic() + 2 * HANG_S

    def record() -> None:
        monkeypatch.setattr(calendar_transport, "monotonic", lambda: later)

    with serving(MailServer()) as server:
        transport(server).send(letter, record)
    assert len(server.taken) == 1


def test_an_endless_reply_is_given_up(letter: Letter) -> None:
    with scripted(MAIL=drip) as server, pytest.raises(NotSent):
        transport(server).send(letter, HandOver())


def test_a_server_that_is_not_there_is_named(letter: Letter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    nowhere = SmtpTransport(SmtpServer("127.0.0.1", port), SENDER)
    with pytest.raises(NotSent, match=r"the mail server 127\.0\.0\.1 cannot be reached: Connection refused\."):
        nowhere.send(letter, HandOver())


def test_an_unknown_name_is_named(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotSent, match=r"the mail server mail\.test has no address"):
        SmtpTransport(SmtpServer("mail.test", 25), SENDER).send(letter, HandOver())


def test_a_cloud_metadata_address_is_not_connected_to(letter: Letter) -> None:
    with pytest.raises(NotSent, match="is not on the public internet"):
        SmtpTransport(SmtpServer("169.254.169.254", 25), SENDER).send(letter, HandOver())


def test_user_and_password_sign_in(letter: Letter) -> None:
    with serving(MailServer(passwords=SIGN_INS)) as server:
        signing_in(server).send(letter, HandOver())
    assert len(server.taken) == 1
    assert [data.login for data in server.sign_ins] == [b"pete"]


def test_a_wrong_password_is_tried_again_later_and_not_shown(letter: Letter) -> None:
    with (
        serving(MailServer(passwords={b"pete": b"another"})) as server,
        pytest.raises(NotSent, match="the mail server refused the sign-in: 535") as caught,
    ):
        signing_in(server).send(letter, HandOver())
    assert not caught.value.is_final
    assert "four words" not in str(caught.value)
    assert server.taken == []


def test_a_server_without_sign_in_is_reported(letter: Letter) -> None:
    with scripted() as server, pytest.raises(NotSent, match="no way to sign in with the user of SMTP_URL"):
        signing_in(server).send(letter, HandOver())


@pytest.mark.usefixtures("elsewhere")
def test_a_password_is_not_sent_without_tls(letter: Letter) -> None:
    with (
        serving(MailServer(passwords=SIGN_INS)) as server,
        pytest.raises(NotSent, match="offers no STARTTLS"),
    ):
        signing_in(server).send(letter, HandOver())
    assert server.sign_ins == []


@pytest.mark.usefixtures("elsewhere")
def test_a_letter_without_password_needs_no_tls(letter: Letter) -> None:
    with serving(MailServer()) as server:
        transport(server).send(letter, HandOver())
    assert not server.taken[0].is_encrypted


@pytest.mark.parametrize("signs_in", [True, False])
@pytest.mark.usefixtures("elsewhere")
def test_starttls_is_used_where_offered(letter: Letter, authority: Authority, *, signs_in: bool) -> None:
    context = authority.server_context("127.0.0.1")
    with serving(MailServer(passwords=SIGN_INS), tls_context=context, auth_require_tls=True) as server:
        (signing_in if signs_in else transport)(server).send(letter, HandOver())
    assert server.taken[0].is_encrypted
    assert len(server.sign_ins) == signs_in


def test_starttls_is_used_for_a_password_on_this_machine(letter: Letter, authority: Authority) -> None:
    context = authority.server_context("127.0.0.1")
    with serving(MailServer(passwords=SIGN_INS), tls_context=context, auth_require_tls=True) as server:
        signing_in(server).send(letter, HandOver())
    assert server.taken[0].is_encrypted


def test_a_server_on_this_machine_needs_no_certificate(letter: Letter, tmp_path: Path) -> None:
    """Debian's Postfix offers STARTTLS with a certificate that nobody signed."""
    with serving(MailServer(), tls_context=Authority(tmp_path).server_context("mail")) as server:
        transport(server).send(letter, HandOver())
    assert not server.taken[0].is_encrypted


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_certificate_that_nobody_signed_is_refused(letter: Letter, tmp_path: Path, *, is_encrypted: bool) -> None:
    context = Authority(tmp_path).server_context("127.0.0.1")
    server = MailServer(passwords=SIGN_INS)
    with (
        serving(server, tls_context=context, is_encrypted=is_encrypted),
        pytest.raises(NotSent, match=r"the certificate of the mail server 127\.0\.0\.1 is not valid"),
    ):
        signing_in(server, is_encrypted=is_encrypted).send(letter, HandOver())
    assert (server.sign_ins, server.taken) == ([], [])


def test_smtps_encrypts_from_the_first_byte(letter: Letter, authority: Authority) -> None:
    context = authority.server_context("127.0.0.1")
    with serving(MailServer(passwords=SIGN_INS), tls_context=context, is_encrypted=True) as server:
        signing_in(server, is_encrypted=True).send(letter, HandOver())
    assert len(server.taken) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_refused_starttls_sends_nothing(letter: Letter) -> None:
    offer = b"250-mail.test\r\n250 STARTTLS\r\n"
    with (
        scripted(EHLO=offer, STARTTLS=b"454 not now\r\n") as server,
        pytest.raises(NotSent, match="refused STARTTLS: 454 not now"),
    ):
        transport(server).send(letter, HandOver())


@pytest.mark.usefixtures("elsewhere")
def test_lines_sent_before_tls_are_not_believed(letter: Letter) -> None:
    """A reply that someone adds after STARTTLS is read as the start of TLS, and refused."""
    offer = b"250-mail.test\r\n250 STARTTLS\r\n"
    with scripted(EHLO=offer, STARTTLS=b"220 go\r\n250 forged\r\n") as server, pytest.raises(NotSent):
        transport(server, timeout_s=1).send(letter, HandOver())
    assert "MAIL" not in " ".join(server.lines)


def test_letters_outside_ascii_in_a_domain_are_encoded(letter: Letter) -> None:
    with serving(MailServer()) as server:
        transport(server).send(replace(letter, recipient="max@müller.example"), HandOver())
    assert server.taken[0].recipients == ["max@xn--mller-kva.example"]
    assert server.taken[0].options == []


def test_smtputf8_is_used_only_where_it_is_needed(letter: Letter) -> None:
    with serving(MailServer()) as server:
        transport(server).send(replace(letter, recipient="zoë@example.com", subject="Besichtigung für Zoë"), HandOver())
    (taken,) = server.taken
    assert taken.recipients == ["zoë@example.com"]
    assert "SMTPUTF8" in taken.options
    assert taken.message["To"] == "zoë@example.com"
    assert taken.message["Subject"] == "Besichtigung für Zoë"


def test_without_smtputf8_such_an_address_is_final(letter: Letter) -> None:
    with (
        serving(MailServer(), enable_SMTPUTF8=False) as server,
        pytest.raises(NotSent, match="outside ASCII") as caught,
    ):
        transport(server).send(replace(letter, recipient="zoë@example.com"), HandOver())
    assert caught.value.is_final


@pytest.mark.parametrize(
    "recipient",
    ["", "max", "max@", "@example.com", "a b@example.com", "max@example.com\r\nRCPT TO:<eve@example.com>",
     "<max@example.com>", "max@exa mple.com", "a@b@c", "max@" + "x" * 300, "max@..example", "max,eve@example.com"],
)  # fmt: skip
def test_malformed_addresses_are_final_and_reach_no_server(letter: Letter, recipient: str) -> None:
    nowhere = SmtpTransport(SmtpServer("127.0.0.1", 9), SENDER)
    with pytest.raises(NotSent, match=r"the e-mail address is malformed\.") as caught:
        nowhere.send(replace(letter, recipient=recipient), HandOver())
    assert caught.value.is_final


def test_ehlo_names_the_address_of_the_connection(letter: Letter) -> None:
    with scripted() as server:
        transport(server).send(letter, HandOver())
        server.over.wait(HANG_S)
    assert server.lines[0].lower() == "ehlo [127.0.0.1]"
    assert server.lines[-1] in {"QUIT", ""}
