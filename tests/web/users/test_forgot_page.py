"""The page for a forgotten password, and what the users' pages say where e-mail is on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.notices.files import FileTransport
from peterental.notices.model import ChannelState
from peterental.notices.user_notices import RESET_TASK
from peterental.services import Services
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT
from peterental.web.users.pages import pass_on

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"
CHOSEN = "a password of my own"
ON_ITS_WAY = "If an account has that address, an e-mail with a link is on its way to it."


@pytest.fixture
def mail(services: Services, tmp_path: Path) -> Path:
    """Turn e-mail on; return the folder that it is written into."""
    services.notice_channels.record({"email": FileTransport("email", tmp_path / "mail")})
    return tmp_path / "mail"


@pytest.fixture
def work(services: Services, database: Database) -> Callable[[], None]:
    """A function that does what the background jobs do."""

    def work() -> None:
        query = "SELECT args FROM procrastinate_jobs WHERE task_name = %s"
        for row in database.fetch(query, (RESET_TASK,)):
            args = row["args"]
            services.user_notices.write_reset(args["account"], datetime.fromisoformat(args["asked_at"]))
        for row in database.fetch("SELECT notice_id FROM notices ORDER BY notice_id"):
            services.notice_sender.send(row["notice_id"])

    return work


def link_in(file: Path) -> str:
    """Return the path of the link in an e-mail."""
    text = message_from_bytes(file.read_bytes(), policy=default).get_content()
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/join\?token=\S+)", text)
    return str(path)


@pytest.mark.usefixtures("ana")
def test_a_forgotten_password_is_replaced_by_e_mail(
    stranger: Browser, anas: Browser, mail: Path, work: Callable[[], None]
) -> None:
    assert 'href="/forgot"' in stranger.get("/login").text
    page = stranger.send("/forgot", email="ANA@example.com ", follow=True)
    assert page.request.path == "/login"
    assert ON_ITS_WAY in page.text
    work()
    (file,) = mail.glob("*.eml")
    assert anas.get("/agents").status_code == 200
    page = stranger.get(link_in(file))
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Choose a new password" in page.text
    page = stranger.send(link_in(file), new=CHOSEN, follow=True)
    assert "Your password is set and you are signed in." in page.text
    assert anas.get("/agents").status_code == 303
    used = anas.get(link_in(file))
    assert used.status_code == 404
    assert 'href="/forgot"' in used.text
    assert anas.send("/login", email="ana@example.com", password=WORDS).status_code == 400
    assert anas.send("/login", email="ana@example.com", password=CHOSEN).status_code == 303


def without_token(text: str) -> str:
    return re.sub(r'(name="csrf_token"[^>]* value|nonce)="[^"]*"', "", text)


@pytest.mark.usefixtures("mail", "ana")
def test_the_answer_is_the_same_for_an_unknown_address(
    open_browser: Callable[[], Browser], work: Callable[[], None], database: Database
) -> None:
    answers = []
    for email in ("ana@example.com", "nobody@example.com"):
        page = open_browser().send("/forgot", email=email, follow=True)
        answers.append((page.status_code, without_token(page.text)))
    assert answers[0] == answers[1]
    work()
    assert [row["recipient"] for row in database.fetch("SELECT recipient FROM notices")] == ["ana@example.com"]


@pytest.mark.usefixtures("mail", "admin")
def test_entries_that_are_no_address_are_refused(stranger: Browser) -> None:
    page = stranger.send("/forgot", email="ana")
    assert page.status_code == 400
    assert "should look like ana@example.com" in page.text
    assert 'value="ana"' in page.text
    assert "Enter your e-mail address." in stranger.send("/forgot", email=" ").text
    assert "At most 255 characters." in stranger.send("/forgot", email="x" * 300).text


@pytest.mark.usefixtures("mail", "admin")
def test_many_requests_have_to_wait(stranger: Browser, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = utc_now()
    monkeypatch.setattr(services.user_notices._throttle, "_now", lambda: moment)
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert stranger.send("/forgot", email="nobody@example.com").status_code == 303
    page = stranger.send("/forgot", email="nobody@example.com")
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "30"
    assert "Too many links were asked for. Wait 30 seconds, then try again." in page.text


@pytest.mark.usefixtures("admin")
def test_where_mail_is_off_no_page_promises_one(stranger: Browser, services: Services) -> None:
    page = stranger.get("/forgot")
    assert "PeteRental cannot send e-mail here. Ask an admin of your office" in page.text
    assert "<form" not in page.text
    services.notice_channels.record({})
    token = stranger.token("/login")
    page = stranger.post("/forgot", csrf_token=token, email="office@example.com")
    assert page.status_code == 400
    assert "PeteRental cannot send e-mail here." in page.text
    assert ON_ITS_WAY not in page.text


def test_before_the_first_account_there_is_no_password_to_forget(stranger: Browser) -> None:
    assert "/forgot" not in stranger.get("/login").text


def test_an_invited_user_gets_the_link_by_e_mail(
    office: Browser, open_browser: Callable[[], Browser], mail: Path, work: Callable[[], None]
) -> None:
    assert "An e-mail with a link to choose a password is sent to it." in office.get("/users/invite").text
    page = office.send("/users/invite", email="ben@example.com", full_name="Ben", role="agent", follow=True)
    assert "ben@example.com was invited. An e-mail with the link is written into the folder instance/mail." in page.text
    assert 'id="link"' in page.text
    work()
    (file,) = mail.glob("*.eml")
    page = open_browser().send(link_in(file), new=CHOSEN, follow=True)
    assert "Your password is set" in page.text


def test_where_mail_is_off_the_link_is_passed_on(office: Browser) -> None:
    assert "PeteRental does not send e-mail here: the next page shows a link" in office.get("/users/invite").text
    page = office.send("/users/invite", email="ben@example.com", full_name="Ben", role="agent", follow=True)
    assert "Pass the link on: PeteRental does not send e-mail here." in page.text
    path = page.request.path
    assert "Pass the link on: PeteRental does not send" in office.send(f"{path}/link", at=path, follow=True).text


def test_a_new_link_is_mailed_to_invited_users_only(
    office: Browser, ana: Viewer, mail: Path, work: Callable[[], None]
) -> None:
    page = office.send("/users/invite", email="ben@example.com", full_name="Ben", role="agent", follow=True)
    path = page.request.path
    page = office.send(f"{path}/link", at=path, follow=True)
    assert "earlier links were revoked. An e-mail with the link is written" in page.text
    path = f"/users/{ana.user_id}"
    page = office.send(f"{path}/link", at=path, follow=True)
    assert "earlier links were revoked. Pass it on." in page.text
    work()
    assert len(list(mail.glob("*.eml"))) == 1  # the first invitation was replaced before it was sent


def test_a_real_channel_is_said_to_be_on_its_way() -> None:
    assert pass_on(ChannelState(sender="office@example.com", is_real=True)) == (
        "An e-mail with the link is on its way. You can pass on the link below as well."
    )
