"""`flask notices-test` sends one letter at once and prints the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from peterental.app import create_app
from peterental.config import Config
from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.model import Delivery, Letter
from tests.notices.mail.mail_server import MailServer, serving

NOWHERE = "postgresql://127.0.0.1:1/none"
KEY = "a session key for tests, long enough"
SENDER = MailSender("office@example.com", "Norman Homes")


def app_with(folder: Path, server: MailServer | None = None, *, is_production: bool = False) -> Flask:
    """Return an application whose database is down: the command does not need it."""
    return create_app(
        Config(
            database_url=NOWHERE,
            secret_key=KEY,
            instance_dir=folder,
            environment="production" if is_production else "development",
            smtp=SmtpServer("127.0.0.1", server.port) if server else None,
            mail_from=SENDER if server else None,
        )
    )


def run(app: Flask, address: str) -> tuple[int, str]:
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["notices-test", address])
    return result.exit_code, result.output + str(result.exception or "")


def test_an_e_mail_is_sent_at_once(tmp_path: Path) -> None:
    with serving(MailServer()) as server:
        code, said = run(app_with(tmp_path, server), "ana@example.com")
    assert (code, said) == (0, "✅ The provider took the e-mail to ana@example.com from office@example.com.\n")
    (taken,) = server.taken
    assert taken.message["From"] == "Norman Homes <office@example.com>"
    assert "This is a test of PeteRental" in taken.message.get_content()


def test_a_refusal_is_printed(tmp_path: Path) -> None:
    with serving(MailServer(answers={"RCPT": "550 no such user"})) as server:
        code, said = run(app_with(tmp_path, server), "ana@example.com")
    assert code == 1
    assert "❌ The e-mail was not sent: the mail server refused the recipient: 550 no such user." in said


def test_a_missing_answer_is_printed(tmp_path: Path) -> None:
    with serving(MailServer(vanishes=True)) as server:
        code, said = run(app_with(tmp_path, server), "ana@example.com")
    assert code == 1
    assert "The e-mail was handed over, and no answer came: the mail server closed the connection." in said


@pytest.mark.parametrize(
    ("address", "folder", "said"),
    [
        ("ana@example.com", "mail", "The e-mail to ana@example.com was written into {folder}."),
        ("(405) 555-0123", "texts", "The text to +14055550123 was written into {folder}."),
    ],
)
def test_in_development_it_becomes_a_file(tmp_path: Path, address: str, folder: str, said: str) -> None:
    code, output = run(app_with(tmp_path), address)
    assert code == 0
    assert said.format(folder=tmp_path / folder) in output
    assert len(list((tmp_path / folder).iterdir())) == 1


@pytest.mark.parametrize(
    ("address", "settings"), [("ana@example.com", "SMTP_URL and MAIL_FROM"), ("+14055550123", "the TWILIO settings")]
)
def test_a_channel_that_is_off_names_its_settings(tmp_path: Path, address: str, settings: str) -> None:
    code, said = run(app_with(tmp_path, is_production=True), address)
    assert code == 1
    assert f"❌ Nothing was sent: {settings} are not set." in said


def test_what_is_neither_address_nor_number_is_refused(tmp_path: Path) -> None:
    code, said = run(app_with(tmp_path), "ana")
    assert code == 1
    assert "❌ Enter an e-mail address such as ana@example.com, or a phone number" in said


def test_the_id_of_a_provider_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Texts:
        sender, is_real = "+14055550100", True

        def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
            hand_over()
            return Delivery(provider_id=f"SM{len(letter.recipient)}")

    monkeypatch.setattr("peterental.cli.notices.transports", lambda *_: {"text": Texts()})
    code, said = run(app_with(tmp_path), "+14055550123")
    assert code == 0
    assert said == "✅ The provider took the text to +14055550123 from +14055550100. It knows it as SM12.\n"
