"""The settings of e-mail: a server, a sender, and messages without passwords."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from peterental.clock import utc_now
from peterental.config import Config, ConfigError
from peterental.mail_settings import MailSender, SmtpServer, is_mail_address
from peterental.notices.files import FileTransport
from peterental.notices.mail.smtp import SmtpTransport
from peterental.notices.transports import transports
from tests.test_config import PRODUCTION

HUSH, ODD = "hush", "h/u:sh%"
SIGN_IN = f"pete:{HUSH}"
ODD_SIGN_IN = f"pete%40example.com:{quote(ODD, safe='')}"
FROM = "Norman Homes <office@example.com>"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587)),
        ("smtp://localhost:25/", SmtpServer("localhost", 25)),
        ("SMTPS://Mail.example.com", SmtpServer("mail.example.com", 465, is_encrypted=True)),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525)),
        (f"smtp://{SIGN_IN}@127.0.0.1", SmtpServer("127.0.0.1", 587, user="pete", password=HUSH)),
        (
            f"smtps://{ODD_SIGN_IN}@mail.example.com:2465",
            SmtpServer("mail.example.com", 2465, is_encrypted=True, user="pete@example.com", password=ODD),
        ),
        ("smtp://pete@mail.example.com", SmtpServer("mail.example.com", 587, user="pete")),
    ],
)
def test_a_server_is_read_from_its_url(url: str, server: SmtpServer) -> None:
    assert Config.from_env({"SMTP_URL": url, "MAIL_FROM": FROM}).smtp == server


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", f"http://{SIGN_IN}@mail.example.com", "smtp://", f"smtp://{SIGN_IN}@", f"smtp://:{HUSH}@mail",
     f"smtp://{SIGN_IN}@mail:0", f"smtp://{SIGN_IN}@mail:99999", f"smtp://{SIGN_IN}@mail:port", f"smtp://{SIGN_IN}@mail/in",
     f"smtp://{SIGN_IN}@mail?a", f"smtp://{SIGN_IN}@mail#a", f"smtp://{SIGN_IN}@[::1", f"smtp://{SIGN_IN}@m ail",
     f"smtp://{SIGN_IN}@müller.example", f"smtp://{SIGN_IN}%C3%A4@mail", f"smtp://p%C3%A4{SIGN_IN}@mail", "smtp://hu/sh@mail"],
)  # fmt: skip
def test_a_malformed_url_is_named_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="SMTP_URL must look like smtp://user:") as caught:
        Config.from_env({"SMTP_URL": url, "MAIL_FROM": FROM})
    assert HUSH not in str(caught.value)
    assert "MAIL_FROM" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("office@example.com", MailSender("office@example.com")),
        ("<office@example.com>", MailSender("office@example.com")),
        (FROM, MailSender("office@example.com", "Norman Homes")),
        ('"Homes, Norman" <office@example.com>', MailSender("office@example.com", "Homes, Norman")),
        ("Müller & Söhne <office@example.com>", MailSender("office@example.com", "Müller & Söhne")),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, sender: MailSender) -> None:
    assert Config.from_env({"SMTP_URL": "smtp://localhost", "MAIL_FROM": text}).mail_from == sender


@pytest.mark.parametrize(
    "text",
    ["office", "@example.com", "office@", "a b@example.com", "Norman <office>", "a@b.co, c@d.co", "N\nBcc: x <a@b.co>",
     "Norman <a@b.co> x", "office@exa..mple.com", "office@müller.example", "x" * 300 + "@example.com"],
)  # fmt: skip
def test_another_sender_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="MAIL_FROM must look like Norman Homes <office@example.com>"):
        Config.from_env({"SMTP_URL": "smtp://localhost", "MAIL_FROM": text})


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"SMTP_URL": "smtp://localhost"}, "SMTP_URL needs MAIL_FROM to be set"),
        ({"MAIL_FROM": FROM}, "MAIL_FROM needs SMTP_URL to be set"),
    ],
)
@pytest.mark.parametrize("others", [{}, PRODUCTION])
def test_both_settings_are_required_together(environ: dict[str, str], problem: str, others: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=problem):
        Config.from_env({**others, **environ})


def test_the_password_is_not_shown() -> None:
    config = Config.from_env({"SMTP_URL": f"smtp://{SIGN_IN}@localhost", "MAIL_FROM": FROM})
    assert HUSH not in repr(config)
    assert HUSH not in repr(config.smtp)


def test_production_without_a_server_sends_no_mail() -> None:
    assert "email" not in transports(Config.from_env(PRODUCTION), utc_now)


def test_development_without_a_server_writes_files() -> None:
    chosen = transports(Config.from_env({}), utc_now)["email"]
    assert isinstance(chosen, FileTransport)
    assert not chosen.is_real


@pytest.mark.parametrize("others", [{}, PRODUCTION])
def test_with_a_server_mail_is_sent(others: dict[str, str]) -> None:
    config = Config.from_env({**others, "SMTP_URL": "smtp://localhost", "MAIL_FROM": FROM})
    chosen = transports(config, utc_now)["email"]
    assert isinstance(chosen, SmtpTransport)
    assert chosen.sender == "office@example.com"


def test_long_texts_are_judged_quickly() -> None:
    assert not is_mail_address("a" * 100_000 + "@" + "b." * 100_000)
