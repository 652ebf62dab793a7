"""In development letters become files."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from peterental.mail_settings import MailSender
from peterental.notices.files import FileTransport
from peterental.notices.model import Letter, NoLongerTrue, NotSent

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

MAIL = Letter(channel="email", recipient="max@example.com", body="Hello.", subject="Hi", message_id="1@x")
TEXT = Letter(channel="text", recipient="+14055550123", body="See you at 3 pm.")


def nothing() -> None:
    """Record nothing."""


def test_an_e_mail_becomes_a_file_that_mail_programs_open(tmp_path: Path) -> None:
    folder = tmp_path / "instance" / "mail"
    transport = FileTransport("email", folder, lambda: NOW, MailSender("office@example.com", "Norman Homes"))
    assert (transport.sender, transport.is_real) == ("office@example.com", False)
    assert transport.send(MAIL, nothing).provider_id is None
    (file,) = folder.iterdir()
    assert file.name.startswith("20261130T120000.000000Z-max@example.com-")
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    message = message_from_bytes(file.read_bytes(), policy=default)
    assert message["From"] == "Norman Homes <office@example.com>"
    assert message.get_content().strip() == "Hello."


def test_an_e_mail_file_can_be_read_without_a_program(tmp_path: Path) -> None:
    link = "https://rent.example.com/v/" + "x" * 100
    FileTransport("email", tmp_path, lambda: NOW).send(replace(MAIL, body=f"Hasta mañana 🏠:\n{link}"), nothing)
    (file,) = tmp_path.iterdir()
    assert file.read_text(encoding="utf-8").replace("\r\n", "\n").endswith(f"\n\nHasta mañana 🏠:\n{link}\n")


def test_a_text_becomes_a_file(tmp_path: Path) -> None:
    transport = FileTransport("text", tmp_path, lambda: NOW)
    assert transport.sender == "+14055550100"
    transport.send(TEXT, nothing)
    (file,) = tmp_path.glob("*.txt")
    assert file.read_text(encoding="utf-8") == (
        "From: +14055550100\nTo: +14055550123\nDate: 2026-11-30T12:00:00+00:00\n\nSee you at 3 pm.\n"
    )
    assert FileTransport("text", tmp_path, sender="+14055550199").sender == "+14055550199"


def test_names_sort_by_time(tmp_path: Path) -> None:
    moments = iter([NOW, NOW + timedelta(microseconds=5), NOW + timedelta(hours=9)])
    transport = FileTransport("text", tmp_path, lambda: next(moments))
    for number in (3, 1, 2):
        transport.send(replace(TEXT, body=f"text {number}"), nothing)
    assert [path.read_text(encoding="utf-8").split()[-1] for path in sorted(tmp_path.iterdir())] == ["3", "1", "2"]


def test_a_written_letter_is_found(tmp_path: Path) -> None:
    transport = FileTransport("email", tmp_path, lambda: NOW)
    assert transport.find(MAIL, NOW) is None
    transport.send(MAIL, nothing)
    assert transport.find(MAIL, NOW) is not None
    assert transport.find(MAIL, NOW + timedelta(seconds=1)) is None
    assert transport.find(replace(MAIL, message_id="2@x"), NOW) is None
    assert transport.find(replace(MAIL, recipient="eve@example.com"), NOW) is None


def test_hand_over_comes_before_the_name(tmp_path: Path) -> None:
    seen: list[list[Path]] = []
    transport = FileTransport("email", tmp_path, lambda: NOW)
    transport.send(MAIL, lambda: seen.append(list(tmp_path.glob("*.eml"))))
    assert seen == [[]]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_letter_that_is_no_longer_true_leaves_no_file(tmp_path: Path) -> None:
    def refuse() -> None:
        raise NoLongerTrue(reason="it was cancelled")

    with pytest.raises(NoLongerTrue):
        FileTransport("email", tmp_path, lambda: NOW).send(MAIL, refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file", encoding="ascii")
    with pytest.raises(NotSent, match=r"mail cannot be written: File exists\."):
        FileTransport("email", tmp_path / "mail", lambda: NOW).send(MAIL, nothing)


@pytest.mark.parametrize("recipient", ["../../etc/passwd", "max@example.com/../x", "a\x00b", "+1405/../../x"])
def test_a_recipient_cannot_name_another_folder(tmp_path: Path, recipient: str) -> None:
    FileTransport("text", tmp_path / "texts").send(replace(TEXT, recipient=recipient), nothing)
    assert [path.parent for path in tmp_path.rglob("*.txt")] == [tmp_path / "texts"]
