"""Fault injection of notices: the servers fail as they are asked to, and each kind of violation would be found."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from bench.chaos.notices import mail as lab_mail
from bench.chaos.notices.check import NoticeCheck
from bench.chaos.notices.deck import Deck
from bench.chaos.notices.journal import Journal
from bench.chaos.notices.lab import FAULTS
from bench.chaos.notices.mail import MAIL_MISHAPS, LabMail, TakenMail
from bench.chaos.notices.periods import TAKEN_WITHIN
from bench.chaos.notices.record import SCHEMA
from bench.chaos.notices.reports import PLANS, Report, Reports
from bench.chaos.notices.texts import LIST_MISHAPS, POST_MISHAPS, TAKEN, LabTwilio, TakenText
from bench.chaos.notices.visitors import Said, Visitor
from bench.chaos.notices.web import Web
from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.mail.smtp import SmtpTransport
from peterental.notices.model import Letter, NotSent, OptedOut, PerhapsSent
from peterental.notices.texts.twilio import TwilioTransport
from tests.gunicorn import environment
from tests.notices.twilio_server import OFFICE, TOKEN, VISITOR
from tests.servers import HANG_S, until

pytestmark = pytest.mark.untraced

PROJECT_DIR = Path(__file__).resolve().parents[2]
CHICAGO = ZoneInfo("America/Chicago")
SID = "SM" + "1" * 32
BODY = "Office: Viewing booked: 12 Elm Street, Tue, Jun 2 at 10:00 AM."
VIEWING = datetime(2036, 6, 2, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MAIL = Letter(channel="email", recipient="robin@example.com", subject="Booked", body=BODY, message_id="notice-1.a@b.c")
TEXT = Letter(channel="text", recipient=VISITOR, body=BODY)


@pytest.mark.long
def test_no_letter_is_untrue_or_doubled_and_none_is_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.chaos", "--part", "notices", "--rounds", "1"],
        cwd=PROJECT_DIR,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✅ Nobody was told twice, nobody what was not true, nobody texted after a stop" in done.stdout
    assert done.stdout.count(" s  notices: ") == len(FAULTS)


# --- the servers -----------------------------------------------------------------------------------------------------


def chance() -> random.Random:
    return random.Random(1)  # noqa: S311  # repeatable, not secret


def deck_of(*names: str) -> Deck:
    deck = Deck(names, chance(), share=1.0)
    deck.open()
    return deck


def test_each_mishap_comes_before_any_comes_again() -> None:
    deck = Deck(POST_MISHAPS, chance(), share=0.5)
    assert deck.deal() is None, "it is not open yet"
    deck.open()
    dealt = [name for _ in range(200) if (name := deck.deal()) is not None]
    assert sorted(dealt[: len(POST_MISHAPS)]) == sorted(POST_MISHAPS)
    assert deck.missing == []
    assert 60 < len(dealt) < 140
    deck.close()
    assert deck.deal() is None


@contextmanager
def calming(server: LabMail | LabTwilio, deck: Deck) -> Iterator[None]:
    """Calm a server again and again once its mishap has happened: nothing hangs for long."""
    over = threading.Event()

    def calm() -> None:
        until(lambda: bool(deck.dealt) or over.is_set(), "the mishap happens")
        while not over.wait(0.02):
            server.calm()

    thread = threading.Thread(target=calm)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def outcome(send: Callable[[], object]) -> str:
    """Return what a sender learns."""
    try:
        send()
    except OptedOut:
        return "opted out"
    except NotSent as fault:
        return "refused" if fault.is_final else "not sent"
    except PerhapsSent:
        return "unknown"
    return "sent"


MAIL_OUTCOMES = {
    "die after the text": "unknown",
    "die after taking": "unknown",
    "silence after the text": "unknown",
    "silence after taking": "unknown",
    "nonsense after taking": "unknown",
    "250 late, but in time": "sent",
    "250 too late": "sent",  # this sender is patient
    "slow drip": "sent",
    "endless drip of a greeting": "sent",  # see above
    "554 at RCPT": "refused",
    "554 at DATA": "refused",
    "554 at end of text": "refused",
}
MAIL_TAKEN = {
    "die after taking", "silence after taking", "nonsense after taking", "250 late, but in time", "250 too late",
    "slow drip", "endless drip of a greeting",
}  # fmt: skip


@pytest.mark.parametrize("mishap", MAIL_MISHAPS)
def test_each_mishap_of_the_mail_server_is_seen(mishap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_mail, "EXCHANGE_S", 0.2)
    deck = deck_of(mishap)
    with LabMail(deck, Journal()) as server, calming(server, deck):
        address = SmtpServer(host="127.0.0.1", port=server.port, user="", password="", is_encrypted=False)
        transport = SmtpTransport(address, MailSender("office@example.com", "Office"), timeout_s=HANG_S)
        assert outcome(lambda: transport.send(MAIL, lambda: None)) == MAIL_OUTCOMES.get(mishap, "not sent")
        assert len(server.taken) == (mishap in MAIL_TAKEN)


def test_a_taken_mail_is_read() -> None:
    with LabMail(Deck((), chance(), share=0), Journal()) as server:
        address = SmtpServer(host="127.0.0.1", port=server.port, user="", password="", is_encrypted=False)
        transport = SmtpTransport(address, MailSender("office@example.com", "Office"), timeout_s=HANG_S)
        transport.send(replace(MAIL, body=f".{BODY}"), lambda: None)
        (taken,) = server.taken
        assert (taken.recipient, taken.notice_id, taken.text.strip()) == (MAIL.recipient, 1, f".{BODY}")
        server.go_down()
        assert outcome(lambda: transport.send(MAIL, lambda: None)) == "not sent"
        server.come_up()
        assert outcome(lambda: transport.send(MAIL, lambda: None)) == "sent"


POST_OUTCOMES = {
    "429": "not sent",
    "suspended account": "not sent",
    "refused number": "refused",
    "opted out": "opted out",
    "201 late, but in time": "sent",
    "STOP while taking": "sent",
    "cancellation while taking": "sent",
}


@pytest.mark.parametrize("mishap", POST_MISHAPS)
def test_each_mishap_of_a_post_is_seen(mishap: str) -> None:
    deck, events = deck_of(mishap), list[str]()
    twilio = LabTwilio(deck, Deck((), chance(), share=0), Journal(), chance())
    with twilio, calming(twilio, deck):
        twilio.while_taking = lambda number, what: events.append(f"{number} {what}")
        transport = TwilioTransport(twilio.config())
        assert outcome(lambda: transport.send(TEXT, lambda: None)) == POST_OUTCOMES.get(mishap, "unknown")
        until(lambda: len(twilio.taken) == (mishap in TAKEN), "it is taken, or not")
        assert events == ([f"{VISITOR} {mishap.partition(' ')[0]}"] if mishap.endswith("while taking") else [])
        deck.close()
        if mishap == "opted out":
            assert outcome(lambda: transport.send(TEXT, lambda: None)) == "opted out"
            twilio.start(VISITOR)
            assert outcome(lambda: transport.send(TEXT, lambda: None)) == "sent"


LIST_OUTCOMES = {
    "list late, but in time": "sent",
    "list in pages of one": "sent",
    "list with unreadable dates and texts of others": "sent",
}


@pytest.mark.parametrize("mishap", LIST_MISHAPS)
def test_each_mishap_of_a_look_up_is_seen(mishap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.chaos.notices.texts.LIST_LAG_S", -60)
    deck = deck_of(mishap)
    twilio = LabTwilio(Deck((), chance(), share=0), deck, Journal(), chance())
    with twilio, calming(twilio, deck):
        transport = TwilioTransport(twilio.config())
        sent = [transport.send(letter, lambda: None) for letter in (TEXT, replace(TEXT, body="Another"))]
        found: list[Any] = []
        since = datetime.now(UTC) - MINUTE
        assert outcome(lambda: found.append(transport.find(TEXT, since))) == LIST_OUTCOMES.get(mishap, "unknown")
        assert found == ([sent[0]] if mishap in LIST_OUTCOMES else [])


@dataclass
class Hook:
    """Takes what Twilio would send to PeteRental, and remembers it."""

    forms: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def post_signed(self, path: str, form: dict[str, str], *, secret: str = TOKEN) -> int:
        assert path == "/twilio/status"
        self.forms.append((form, secret))
        return 204 if secret == TOKEN else 403


@pytest.mark.parametrize("name", PLANS)
def test_reports_go_wrong_as_they_are_called(name: str) -> None:
    hook = Hook()
    reports = Reports(hook, deck_of(name), Journal(), chance())  # type: ignore[arg-type]  # of the same shape
    reports.about(TakenText(datetime.now(UTC), SID, VISITOR, BODY, None))
    if name == "report before the answer":
        assert len(hook.forms) == 1, "it is there already"
    reports.wait()
    reports.close()
    ours = [(each.status, each.code) for each in reports.sent if each.sid == SID and not each.is_forged]
    assert ours == list(PLANS[name])
    assert [each.answered for each in reports.sent if each.is_forged] == [403] * (name == "forged report")
    assert any(form["MessageSid"] != SID for form, _ in hook.forms) == (name == "report on an unknown text")


def test_web_without_an_answer_says_so() -> None:
    web = Web(1)
    assert web.get("/") is None
    assert web.post_signed("/twilio/status", {"MessageSid": SID}, insists=False) == 0


# --- the check -------------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """A viewing whose booking was told once by text, and what the servers and the visitor say about it."""

    connection: psycopg.Connection[Any]
    mails: list[TakenMail] = field(default_factory=list)
    texts: list[TakenText] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    visitor: Visitor = field(default_factory=lambda: Visitor(VISITOR, "robin@example.com", "12 Elm Street"))

    def run(self, statement: str, *values: object) -> None:
        self.connection.execute(statement.encode(), values)

    def hand_over(self, notice_id: int = 1, body: str = BODY) -> None:
        """Hand a notice over as the sender does."""
        self.run("UPDATE notices SET state = 'sending', handed_over_at = NULL WHERE notice_id = %s", notice_id)
        self.run("UPDATE notices SET handed_over_at = NOW(), body = %s WHERE notice_id = %s", body, notice_id)

    def take(self, sid: str = SID, body: str = BODY) -> None:
        """Let Twilio take a text."""
        self.texts.append(TakenText(datetime.now(UTC), sid, VISITOR, body, None))

    def end(self, state: str, reason: str | None = None, notice_id: int = 1) -> None:
        """Record what came of a notice."""
        provider_id = SID if state == "sent" else None
        self.run(
            "UPDATE notices SET state = %s, reason = %s, provider_id = %s, ended_at = NOW() WHERE notice_id = %s",
            state, reason, provider_id, notice_id,
        )  # fmt: skip

    def tell(self) -> None:
        """Record that the booking was told as it should be: handed over, taken and sent."""
        self.hand_over()
        self.take()
        self.end("sent")

    def check(self) -> NoticeCheck:
        return NoticeCheck(
            self.connection, self.mails, self.texts, self.reports, {VISITOR: self.visitor}, Journal(), CHICAGO
        )

    @property
    def violations(self) -> list[str]:
        return self.check().violations()


@pytest.fixture
def story(database_url: str) -> Iterator[Story]:
    """A booking that is to be told by text."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', %s, TRUE)", [OFFICE])
        connection.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
        connection.execute(
            """
            WITH booked AS (
                INSERT INTO appointments (
                    agent_id, property_address, start_time, end_time, attendee_name, attendee_phone
                )
                VALUES ('ana', '12 Elm Street', %(start)s, %(start)s + INTERVAL '30 minutes', 'Robin', %(phone)s)
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, kind, actor, new_start)
            SELECT id, 'booked', 'phone', %(start)s FROM booked
            """,
            {"start": VIEWING, "phone": VISITOR},
        )
        yield Story(connection)


def test_booking_told_once_violates_nothing(story: Story) -> None:
    story.tell()
    check = story.check()
    assert check.violations() == []
    assert {name: check.figures[name] for name in ("notices", "texts", "mails", "hand-overs")} == {
        "notices": 1, "texts": 1, "mails": 0, "hand-overs": 1,
    }  # fmt: skip


def test_letter_without_a_hand_over_is_found(story: Story) -> None:
    story.take()
    story.end("suppressed", "It was too late for it.")
    assert any(sentence.endswith("without a hand-over") for sentence in story.violations)


def test_notice_told_twice_is_found_with_its_story(story: Story) -> None:
    story.tell()
    story.hand_over()
    story.take("SM" + "2" * 32)
    story.end("sent")
    (found,) = story.violations
    first, *rest = found.splitlines()
    assert first == f"notice 1 (booked by text to {VISITOR}) was told 2 times"
    assert sum("hand-over of revision 0" in line for line in rest) == 2
    assert any("viewing 1: booked by phone" in line for line in rest)
    assert any("outbox: sent" in line for line in rest)
    assert rest == sorted(rest)


def test_text_that_the_lab_takes_too_late_is_not_judged(story: Story) -> None:
    story.hand_over()
    story.run("UPDATE chaos_hand_overs SET at = at - %s", TAKEN_WITHIN + MINUTE)
    story.take("SM" + "2" * 32)
    story.tell()
    check = story.check()
    assert check.violations() == []
    assert check.figures["taken too late for the lab"] == 1


def test_text_that_is_doubled_by_the_provider_alone_is_found(story: Story) -> None:
    story.tell()
    story.take("SM" + "2" * 32)
    (found,) = story.violations
    assert found.endswith("without a hand-over")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE appointments SET start_time = start_time - INTERVAL '1 hour'", "the viewing had changed: 0 is now 1"),
        ("UPDATE appointments SET status = 'cancelled'", "the viewing was cancelled"),
        ("UPDATE notices SET expires_at = NOW()", "it was too late for it"),
    ],
)
def test_letter_that_is_not_true_is_found(story: Story, change: str, reason: str) -> None:
    story.run(change)
    story.tell()
    assert any(reason in sentence for sentence in story.violations)


def test_letter_with_another_time_or_home_is_found(story: Story) -> None:
    body = "Office: Viewing booked: 9 Oak Street, Tue, Jun 2 at 11:00 AM."
    story.hand_over(body=body)
    story.take(body=body)
    story.end("sent")
    wrong_time, wrong_home = (sentence.splitlines()[0] for sentence in story.violations)
    assert wrong_time.endswith(f"but the viewing was at {VIEWING}")
    assert wrong_home.endswith("but the viewing was of 12 Elm Street")


def test_invitation_that_is_missing_is_found(story: Story) -> None:
    story.run("UPDATE notices SET channel = 'email', recipient = 'robin@example.com'")
    story.hand_over()
    head = "Message-ID: <notice-1.a@b.c>\r\nContent-Type: text/plain\r\n\r\n"
    story.mails.append(TakenMail(datetime.now(UTC), "robin@example.com", f"{head}{BODY}\r\n".encode()))
    story.end("sent")
    story.run("UPDATE notices SET provider_id = NULL")
    (found,) = story.violations
    assert "its invitation is missing in place of REQUEST" in found


def test_text_after_a_stop_is_found(story: Story) -> None:
    now = datetime.now(UTC)
    story.visitor.said.append(Said("stop", now - 2 * MINUTE, now - MINUTE))
    story.tell()
    heard, not_recorded = story.violations
    assert ", after a stop" in heard.splitlines()[0]
    assert not_recorded == f"{VISITOR} said stop, and is not stopped"
    story.visitor.said.append(Said("start", now - MINUTE, now - MINUTE / 2))
    assert story.violations == []


def test_text_after_a_recorded_stop_is_found(story: Story) -> None:
    story.run(
        "INSERT INTO contact_consents (channel, recipient, purpose, revoked_at) VALUES ('text', %s, 'all', NOW())",
        VISITOR,
    )
    story.tell()
    (found,) = story.violations
    assert ", after a stop" in found.splitlines()[0]
    story.run("UPDATE chaos_hand_overs SET about = 'stop:' || about")
    assert story.violations == [], "the confirmation of the stop may follow it"


@pytest.mark.parametrize(
    ("state", "reason", "is_taken", "complaint"),
    [
        ("sent", None, False, "is sent, but the provider never took it: it is lost"),
        ("failed", None, False, "is failed without a reason"),
        ("failed", "Refused.", True, "is failed, but the provider took it"),
        ("suppressed", "The viewing has changed.", True, "is suppressed, but the provider took it"),
        ("suppressed", "The viewing has changed.", False, "is suppressed though it was true: The viewing has changed."),
        ("unknown", None, True, "is unknown without a reason"),
        ("unknown", "No answer came.", True, None),
        ("failed", "Refused.", False, None),
    ],
)
def test_wrong_end_of_a_notice_is_found(
    story: Story,
    state: str,
    reason: str | None,
    is_taken: bool,  # noqa: FBT001  # parametrized
    complaint: str | None,
) -> None:
    story.hand_over()
    if is_taken:
        story.take()
    story.end(state, reason)
    found = [sentence.splitlines()[0] for sentence in story.violations]
    assert found == ([] if complaint is None else [f"notice 1 (booked by text to {VISITOR}) {complaint}"])


def test_suppressed_notice_may_have_stopped_being_true(story: Story) -> None:
    story.run("UPDATE appointments SET status = 'cancelled'")
    story.end("suppressed", "The viewing was cancelled.")
    assert story.violations == []


def test_notice_that_is_open_at_the_end_is_found(story: Story) -> None:
    (found,) = story.violations
    assert found.splitlines()[0] == f"notice 1 (booked by text to {VISITOR}) is waiting at the end"


def test_change_without_a_notice_is_found(story: Story) -> None:
    story.tell()
    story.run("UPDATE appointments SET attendee_email = 'robin@example.com'")
    assert story.violations == ["viewing 1 changed 1 times, and 0 notices by email were written"]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "undelivered"], "failed"),
        (["queued"], "sent"),
        ([], "sent"),
    ],
)
def test_state_that_was_not_reported_is_found(story: Story, statuses: list[str], state: str) -> None:
    story.tell()
    story.reports += [Report(SID, status, "", 204) for status in statuses]
    story.reports += [Report(SID, "failed", "", 503), Report(SID, "failed", "", 403, is_forged=True)]
    story.run("UPDATE notices SET state = %s, reason = 'Reported.'", state)
    assert story.violations == []
    story.run("UPDATE notices SET state = %s", "sent" if state != "sent" else "delivered")
    (found,) = story.violations
    assert f", but {sorted(statuses)} was reported" in found


def test_forged_report_that_counts_is_found(story: Story) -> None:
    story.tell()
    story.reports.append(Report(SID, "failed", "", 204, is_forged=True))
    assert story.violations == [f"a forged report on {SID} was answered 204"]


def test_text_of_two_notices_is_found(story: Story) -> None:
    story.tell()
    story.run(
        "INSERT INTO notices (agent_id, about, kind, channel, audience, recipient, expires_at)"
        " VALUES ('ana', 'text:1', 'reply', 'text', 'visitor', %s, NOW() + INTERVAL '1 day')",
        VISITOR,
    )
    story.hand_over(2, "Help")
    story.end("sent", notice_id=2)
    lost, shared = (sentence.splitlines()[0] for sentence in story.violations)
    assert lost.endswith("is sent, but the provider never took it: it is lost")
    assert shared == f"{SID} is the text of 2 notices"
