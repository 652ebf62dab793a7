"""Users are invited by e-mail and choose a new password by e-mail; links are never stored."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices.files import FileTransport
from peterental.notices.model import NoLongerTrue, NoticeFilter
from peterental.notices.user_letters import AboutUser, UserLetters
from peterental.notices.user_notices import RESET_TASK, MailOff
from peterental.services import Services, build_services
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT, FREE_ATTEMPTS_PER_NETWORK
from peterental.users.model import LinkInvalid, PasswordGrant, SignedIn, TooManyResets
from peterental.users.password_links import LIFETIME, RESET_LIFETIME, decode
from peterental.users.repository import UserRepository
from peterental.worker.password_resets import PASSWORD_RESETS
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun

WORDS = "correct horse battery"
CHOSEN = "a password of my own"
KEY = "a session key for tests, long enough"
CLIENT = "203.0.113.7"
ANA = "ana@example.com"


class Office:
    """The services of an office whose e-mail becomes files, and a clock that moves when a test says so."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.now = datetime(2026, 11, 30, 15, tzinfo=UTC)
        self.config = Config(secret_key=KEY, instance_dir=folder, public_url="https://rent.example.com")
        self.services: Services = build_services(database, lambda: self.now, self.config)
        self._database = database
        self._folder = folder / "mail"

    def turn_mail_on(self) -> None:
        """Record e-mail as ready, as the worker does at its start."""
        self.services.notice_channels.record({"email": FileTransport("email", self._folder)})

    def jobs(self) -> list[dict[str, str]]:
        """The arguments of the jobs that look for an account."""
        query = "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id"
        return [row["args"] for row in self._database.fetch(query, (RESET_TASK,))]

    def run_jobs(self) -> None:
        """Do what the background jobs do: look for accounts, and send."""
        for args in self.jobs():
            job = JobRun(
                args=args, config=self.config, database=self._database, services=self.services, stop=threading.Event()
            )
            PASSWORD_RESETS.run(job)
        self.send()

    def send(self) -> None:
        """Send every notice."""
        for row in self._database.fetch("SELECT notice_id FROM notices ORDER BY notice_id"):
            self.services.notice_sender.send(row["notice_id"])

    def letters(self) -> list[tuple[str, str, str]]:
        """The recipient, subject and text of each e-mail that was sent."""
        found = [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(self._folder.glob("*.eml"))]
        return [(str(each["To"]), str(each["Subject"]), each.get_content().replace("\r\n", "\n")) for each in found]

    def grant(self) -> PasswordGrant:
        """The grant of the link in the only letter."""
        ((_, _, text),) = self.letters()
        return decode(token_in(text), KEY, self.now)

    def notices(self) -> list[tuple[str, str | None]]:
        """The state and the reason of each notice."""
        rows = self._database.fetch("SELECT state, reason FROM notices ORDER BY notice_id")
        return [(row["state"], row["reason"]) for row in rows]


def token_in(text: str) -> str:
    """Return the token of the link in a letter."""
    (token,) = re.findall(r"^https://rent\.example\.com/join\?token=(\S+)$", text, re.MULTILINE)
    return str(token)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """An office with e-mail."""
    made = Office(database, tmp_path)
    made.turn_mail_on()
    return made


@pytest.fixture
def admin(office: Office) -> Viewer:
    """An admin."""
    return office.services.users.create("office@example.com", WORDS, "admin")


@pytest.fixture
def ana(office: Office) -> Viewer:
    """A user."""
    return office.services.users.create(ANA, WORDS, "agent", "Ana Lima")


def test_a_forgotten_password_is_replaced_by_the_link(office: Office, ana: Viewer) -> None:
    office.services.user_notices.request_reset(" ANA@example.com ", CLIENT)
    office.run_jobs()
    ((to, subject, text),) = office.letters()
    assert (to, subject) == (ANA, "Choose a new password for PeteRental")
    assert "Hello Ana Lima," in text
    assert "for one hour" in text
    grant = office.grant()
    assert grant.user_id == ana.user_id
    assert isinstance(office.services.users.redeem_grant(grant, CHOSEN), SignedIn)
    assert isinstance(office.services.users.sign_in(ANA, CHOSEN), SignedIn)
    with pytest.raises(LinkInvalid):
        office.services.users.redeem_grant(grant, "yet another password")


@pytest.mark.usefixtures("ana")
def test_the_link_lives_one_hour(office: Office) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.run_jobs()
    ((_, _, text),) = office.letters()
    decode(token_in(text), KEY, office.now + RESET_LIFETIME - timedelta(seconds=1))
    with pytest.raises(LinkInvalid):
        decode(token_in(text), KEY, office.now + RESET_LIFETIME)


@pytest.mark.usefixtures("ana")
def test_the_outbox_does_not_know_the_link(office: Office, database: Database) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.run_jobs()
    ((_, _, text),) = office.letters()
    (row,) = database.fetch("SELECT notices::text AS everything, body FROM notices")
    assert token_in(text) not in row["everything"]
    assert "/join" not in row["everything"]
    assert "(The link is not stored.)" in row["body"]


@pytest.mark.parametrize("email", ["nobody@example.com", "not an address", "", "x" * 10_000, "\x00", "\ud800"])
@pytest.mark.usefixtures("ana")
def test_an_unknown_address_looks_the_same_and_gets_nothing(office: Office, database: Database, email: str) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.services.user_notices.request_reset(email, CLIENT)
    known, unknown = office.jobs()
    assert known.keys() == unknown.keys()
    assert len(known["account"]) == len(unknown["account"])
    assert email not in unknown.values()
    assert database.fetch("SELECT 1 FROM notices") == []
    office.run_jobs()
    assert [to for to, _, _ in office.letters()] == [ANA]


@pytest.mark.usefixtures("ana")
def test_known_and_unknown_addresses_cost_the_same_statements(office: Office) -> None:
    counted: list[list[str]] = []
    for email in (ANA, "nobody@example.com"):
        with pytest.MonkeyPatch.context() as patch:
            counted.append(recorded(patch))
            office.services.user_notices.request_reset(email, CLIENT)
    assert counted[0] == counted[1]
    assert len(counted[0]) > 2


def recorded(patch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the queries from now on."""
    seen: list[str] = []
    fetch, transaction = Database.fetch, Database.transaction

    def counted_fetch(self: Database, query: str, *args: object, **kwargs: object) -> object:
        seen.append(query)
        return fetch(self, query, *args, **kwargs)  # type: ignore[arg-type]  # passed on as it is

    def counted_transaction(self: Database) -> object:
        seen.append("BEGIN")
        return transaction(self)

    patch.setattr(Database, "fetch", counted_fetch)
    patch.setattr(Database, "transaction", counted_transaction)
    return seen


def test_a_deactivated_user_gets_nothing(office: Office, ana: Viewer, admin: Viewer) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.services.user_admin.deactivate(ana.user_id, admin)
    office.run_jobs()
    assert (office.letters(), office.notices()) == ([], [])


@pytest.mark.usefixtures("ana")
def test_a_job_that_runs_twice_sends_once(office: Office) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.run_jobs()
    office.run_jobs()
    assert len(office.letters()) == 1


@pytest.mark.usefixtures("ana")
def test_a_job_that_runs_an_hour_late_sends_nothing(office: Office) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    office.now += RESET_LIFETIME
    office.run_jobs()
    assert office.notices() == []


def changes_password(office: Office, ana: Viewer, admin: Viewer) -> None:
    del admin
    office.services.users.change_password(ana, WORDS, CHOSEN)


def signs_out_everywhere(office: Office, ana: Viewer, admin: Viewer) -> None:
    del admin
    office.services.users.sign_out_everywhere(ana)


def makes_another_link(office: Office, ana: Viewer, admin: Viewer) -> None:
    office.services.user_admin.make_link(ana.user_id, admin)


def deactivates(office: Office, ana: Viewer, admin: Viewer) -> None:
    office.services.user_admin.deactivate(ana.user_id, admin)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changes_password, "the link was used or revoked"),
        (signs_out_everywhere, "the link was used or revoked"),
        (makes_another_link, "the link was used or revoked"),
        (deactivates, "the user cannot sign in any more"),
    ],
)
def test_a_letter_whose_link_would_not_work_is_not_sent(
    office: Office, ana: Viewer, admin: Viewer, *, change: Callable[[Office, Viewer, Viewer], None], reason: str
) -> None:
    office.services.user_notices.request_reset(ANA, CLIENT)
    (args,) = office.jobs()
    office.services.user_notices.write_reset(args["account"], office.now)
    change(office, ana, admin)
    office.send()
    assert office.letters() == []
    ((state, why),) = office.notices()
    assert state == "suppressed"
    assert reason in (why or "").lower()


def test_the_hand_over_looks_again(office: Office, ana: Viewer, database: Database) -> None:
    """The link is revoked between the writing of the letter and its hand-over."""
    office.services.user_notices.request_reset(ANA, CLIENT)
    (args,) = office.jobs()
    office.services.user_notices.write_reset(args["account"], office.now)
    (notice,) = office.services.notice_listing.listing(Viewer(0, "x", is_admin=True), NoticeFilter()).notices
    letters = UserLetters(
        UserRepository(database), key=lambda: KEY, address="https://rent.example.com",
        office_name=lambda: "Norman Homes", namespace=lambda: "ns", now=lambda: office.now,
    )  # fmt: skip
    assert letters.compose(notice).sender_name == "Norman Homes"
    with database.transaction() as connection:
        letters.require_true(connection, notice)
    office.services.users.sign_out_everywhere(ana)
    with pytest.raises(NoLongerTrue), database.transaction() as connection:
        letters.require_true(connection, notice)


def test_requests_for_one_address_are_throttled(office: Office) -> None:
    for number in range(FREE_ATTEMPTS_PER_ACCOUNT):
        office.services.user_notices.request_reset(ANA, f"203.0.113.{number}")
    with pytest.raises(TooManyResets, match=r"Too many links were asked for\. Wait 30 seconds") as caught:
        office.services.user_notices.request_reset(ANA.upper(), CLIENT)
    assert caught.value.values["wait_s"] == 30
    office.now += timedelta(seconds=31)
    office.services.user_notices.request_reset(ANA, CLIENT)
    assert len(office.jobs()) == FREE_ATTEMPTS_PER_ACCOUNT + 1


def test_requests_from_one_network_are_throttled(office: Office) -> None:
    for number in range(FREE_ATTEMPTS_PER_NETWORK):
        office.services.user_notices.request_reset(f"user{number}@example.com", CLIENT)
    with pytest.raises(TooManyResets):
        office.services.user_notices.request_reset(ANA, CLIENT)
    office.services.user_notices.request_reset(ANA, "198.51.100.1")


@pytest.mark.usefixtures("ana")
def test_requests_do_not_delay_a_sign_in(office: Office) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        office.services.user_notices.request_reset(ANA, CLIENT)
    assert isinstance(office.services.users.sign_in(ANA, WORDS), SignedIn)


def test_nothing_is_asked_for_where_mail_is_off(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path)
    assert office.services.user_notices.mail() is None
    with pytest.raises(MailOff, match="cannot send e-mail here"):
        office.services.user_notices.request_reset(ANA, CLIENT)
    assert office.jobs() == []


def test_an_invitation_brings_the_link(office: Office, admin: Viewer) -> None:
    grant = office.services.user_admin.invite("ben@example.com", "agent", admin, "Ben Okafor")
    office.send()
    ((to, subject, text),) = office.letters()
    assert (to, subject) == ("ben@example.com", "Your account in PeteRental")
    assert "Hello Ben Okafor,\n\nLeasing office added you to PeteRental, which books viewings by phone." in text
    assert "for 7 days" in text
    assert office.grant() == grant
    decode(token_in(text), KEY, office.now + LIFETIME - timedelta(seconds=1))
    office.services.users.redeem_grant(grant, CHOSEN)
    assert isinstance(office.services.users.sign_in("ben@example.com", CHOSEN), SignedIn)


def test_an_invitation_pressed_twice_is_sent_once(office: Office, admin: Viewer) -> None:
    for _ in range(2):
        office.services.user_admin.invite("ben@example.com", "agent", admin)
    office.send()
    assert len(office.letters()) == 1


def test_a_new_link_of_an_invited_user_is_sent_in_place_of_the_old(office: Office, admin: Viewer) -> None:
    first = office.services.user_admin.invite("ben@example.com", "agent", admin)
    second = office.services.user_admin.make_link(first.user_id, admin)
    office.send()
    assert office.grant() == second
    assert [state for state, _ in office.notices()] == ["suppressed", "sent"]


def test_an_admins_link_for_a_user_with_a_password_is_not_mailed(office: Office, ana: Viewer, admin: Viewer) -> None:
    office.services.user_admin.make_link(ana.user_id, admin)
    assert office.notices() == []


def test_an_invitation_that_was_answered_is_not_sent(office: Office, admin: Viewer, database: Database) -> None:
    grant = office.services.user_admin.invite("ben@example.com", "agent", admin)
    database.fetch("UPDATE users SET password_hash = 'x' WHERE user_id = %s", (grant.user_id,))
    office.send()
    assert office.letters() == []
    assert "has chosen a password" in (office.notices()[0][1] or "")


def test_without_mail_an_invitation_writes_nothing(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path)
    admin = office.services.users.create("office@example.com", WORDS, "admin")
    office.services.user_admin.invite("ben@example.com", "agent", admin)
    assert office.notices() == []


def test_a_name_cannot_change_the_letter(office: Office, admin: Viewer) -> None:
    office.services.user_admin.invite("ben@example.com", "agent", admin, "Ben {link} {email!r}\r\nBcc: eve@example.com")
    office.send()
    ((to, _, text),) = office.letters()
    assert to == "ben@example.com"
    assert "Hello Ben {link} {email!r} Bcc: eve@example.com," in text


def test_what_a_notice_is_about_is_read_again() -> None:
    about = AboutUser(PasswordGrant(7, 2, 3), 1_764_460_800)
    assert str(about) == "user:7:2:3:1764460800"
    assert AboutUser.parse(str(about)) == about
    with pytest.raises(ValueError, match="values"):
        AboutUser.parse("user:7")


def test_the_worker_knows_the_task() -> None:
    assert {task.name for task in TASKS} >= {RESET_TASK, "send_notices"}
