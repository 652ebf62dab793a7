"""A whole story: a caller books, is told, moves the viewing by its link, is reminded, does not come, and is asked why."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import icalendar
import pytest
from playwright.sync_api import Page, expect

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.manual.model import ExpectedState
from peterental.config import Config
from peterental.jobs.model import JobRequest
from peterental.services import Services, build_services
from peterental.worker.registry import TASKS
from peterental.worker.runner import JobWorker
from tests.browser.sample_data import ANA, ASSISTANT, OFFICE
from tests.browser.site import KEY, WORDS
from tests.browser.steps import fits_the_screen, press, sign_in
from tests.calendars.scripted import ScriptedCalendar, providers_of

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

CHICAGO = ZoneInfo("America/Chicago")
HOME = "1420 Elm Street"
DOLORES, CALLER = "dolores@example.com", "+13125550142"
LINK = re.compile(r"https?://\S+/v/[\w-]{18}")


class Clock:
    """The worker's clock: it shows the real time until it is moved."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, moment: datetime) -> None:
        """Show a moment from now on."""
        self.ahead = moment - datetime.now(UTC)


@dataclass
class Worker:
    """The worker of background jobs, with a clock and a calendar of the test, and what it sent.

    Args:
        config: its settings.
        services: its services, on its clock.
        site: whose jobs it runs.
        clock: of its services.
        calendar: of Ana, at her provider.
    """

    config: Config
    services: Services
    site: Site
    clock: Clock
    calendar: ScriptedCalendar

    def run(self, *tasks: str) -> None:
        """Run every job that is due, on a thread of its own: Playwright has an event loop in this one.

        Args:
            tasks: names of tasks to run first, as their schedules do.
        """
        for task in tasks:
            self.services.jobs.defer_once(JobRequest(task=task))
        worker = JobWorker(self.config, self.site.database, self.services, TASKS, threading.Event())
        with ThreadPoolExecutor(1) as thread:
            thread.submit(worker.drain).result()

    def mails(self, recipient: str) -> list[EmailMessage]:
        """Return the e-mails about the home to an address, oldest first. Ana may get a morning list, too."""
        files = sorted((self.config.instance_dir / "mail").glob("*.eml"))
        read = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in files)
        found = [mail for mail in read if isinstance(mail, EmailMessage)]
        return [mail for mail in found if recipient in str(mail["To"]) and HOME in words_of(mail)]

    def texts(self, recipient: str) -> list[str]:
        """Return the texts to a number, oldest first."""
        texts = [
            file.read_text(encoding="utf-8") for file in sorted((self.config.instance_dir / "texts").glob("*.txt"))
        ]
        return [text for text in texts if recipient in text]

    def starts_in_calendar(self) -> list[datetime]:
        """Return when the events of viewings in Ana's calendar start."""
        return [event.start for event, _ in self.calendar.events.values()]


@pytest.fixture
def worker(site: Site, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker of the site."""
    config = Config(
        database_url=database_url, secret_key=KEY, instance_dir=tmp_path / "instance", public_url=site.address
    )
    clock, calendar = Clock(), ScriptedCalendar()
    monkeypatch.setattr("peterental.services.Providers", providers_of(calendar))
    return Worker(config, build_services(site.database, clock, config), site, clock, calendar)


def words_of(mail: EmailMessage) -> str:
    """Return the plain text of an e-mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def link_in(text: str) -> str:
    """Return the visitor's link in a letter."""
    found = LINK.search(text)
    assert found, text
    return found[0]


def invitation_in(mail: EmailMessage) -> tuple[str, datetime, int]:
    """Return the method, the start and the sequence of the invitation in an e-mail."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    calendar = icalendar.Calendar.from_ical(str(part.get_content()))
    (event,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event.decoded("DTSTART").astimezone(UTC), event.decoded("SEQUENCE")


def set_up(site: Site, worker: Worker) -> Viewer:
    """Create the office, Ana with her calendar, and the channels; return the office manager."""
    admin = site.services.users.create(OFFICE, WORDS, "admin")
    ana = site.services.users.create(ANA, WORDS, "agent", "Ana Lima")
    site.services.agents.create(
        Profile(
            agent_name="Ana Lima", vapi_assistant_id=ASSISTANT, user_id=ana.user_id, handover_number="+14055550100"
        ),
        admin,
    )
    settings = worker.services.notice_settings
    settings.change(replace(settings.get(), office_name="Elm Homes", follows_up_no_shows=True), admin)
    calendars = worker.services.calendars
    connected = calendars.connect_caldav("ana-lima", "dav.example.com", ANA, "pass", admin).account.account_id
    (account,) = calendars.overview("ana-lima", admin).accounts
    work = next(calendar.calendar_id for calendar in account.calendars if calendar.name == "Work")
    calendars.choose(connected, blocking=[], receiving=work, keeps_titles=False, viewer=admin)
    worker.run()
    return admin


def coming_working_day() -> datetime:
    """Return ten o'clock at the home on a working day that is at least three days ahead."""
    day = datetime.now(CHICAGO).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=3)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def book_by_phone(site: Site, worker: Worker, start: datetime) -> str:
    """The phone books, and promises a text; an e-mail and an event in the calendar follow. Return the link."""
    said = site.say(
        ASSISTANT,
        "call-1",
        "set_appointment",
        start_time=f"{start:%Y-%m-%dT%H:%M}",
        property_address=HOME,
        attendee_name="Dolores",
        attendee_email=DOLORES,
    )
    assert said.startswith("You're booked")
    assert said.endswith("I'll text you a confirmation.")
    worker.run()
    (text,), (mail,) = worker.texts(CALLER), worker.mails(DOLORES)
    assert invitation_in(mail) == ("REQUEST", start.astimezone(UTC), 0)
    assert len(worker.mails(ANA)) == 1
    assert worker.starts_in_calendar() == [start]
    assert link_in(text) != link_in(words_of(mail)), "each belongs to the number or address that it was sent to"
    return link_in(text)


def move_by_link(page: Page, worker: Worker, link: str, start: datetime) -> None:
    """The visitor chooses another time: the agent is told, and the calendar and the invitation follow."""
    page.goto(link)
    expect(page.get_by_role("heading", name="Your viewing")).to_be_visible()
    expect(page.get_by_text(HOME)).to_be_visible()
    assert fits_the_screen(page)
    page.get_by_role("link", name="Choose another time").click()
    page.locator(f"label:has(input[value='{start.isoformat(timespec='minutes')}'])").click()
    press(page, "Move my viewing")
    expect(page.get_by_role("status")).to_have_text("Your viewing was moved.")
    expect(page.get_by_text("11:00 am").first).to_be_visible()
    worker.run()
    assert len(worker.mails(ANA)) == 2
    assert "11:00 AM" in words_of(worker.mails(ANA)[-1])
    assert worker.starts_in_calendar() == [start]
    assert invitation_in(worker.mails(DOLORES)[-1]) == ("REQUEST", start.astimezone(UTC), 1)
    assert len(worker.texts(CALLER)) == 2


def remind(page: Page, worker: Worker, start: datetime) -> None:
    """The day before, the visitor is asked once to confirm, and does; two hours before, it is reminded once."""
    worker.clock.move_to(start - timedelta(hours=23))
    for _ in range(2):
        worker.run("plan_notices")
    assert len(worker.texts(CALLER)) == 3
    page.goto(link_in(words_of(worker.mails(DOLORES)[-1])))
    page.get_by_label("If we miss each other, write to me once about another time").check()
    press(page, "I will come")
    expect(page.get_by_text("You confirmed that you will come.")).to_be_visible()
    worker.clock.move_to(start - timedelta(hours=1, minutes=55))
    for _ in range(2):
        worker.run("plan_notices", "release_viewings")
    assert len(worker.texts(CALLER)) == 4


def miss(worker: Worker, start: datetime, admin: Viewer) -> int:
    """Nobody comes; the visitor is asked once. Return the id of the viewing."""
    worker.clock.move_to(start + timedelta(hours=1))
    appointment_id = int(worker.site.database.fetch("SELECT id FROM appointments")[0]["id"])
    shown, _ = worker.services.manual.show(appointment_id, admin)
    assert shown.updated_at is not None
    seen = ExpectedState(shown.updated_at, shown.start, shown.status)
    worker.services.manual.change(appointment_id, seen, "no_show", admin)
    told = len(worker.mails(DOLORES))
    for _ in range(2):
        worker.run("plan_notices")
    assert len(worker.mails(DOLORES)) == told + 1
    return appointment_id


def test_visitor_moves_a_viewing_by_its_link_and_misses_it(site: Site, page: Page, worker: Worker) -> None:
    admin = set_up(site, worker)
    start = coming_working_day()
    link = book_by_phone(site, worker, start)
    start += timedelta(hours=1)
    move_by_link(page, worker, link, start)
    remind(page, worker, start)
    appointment_id = miss(worker, start, admin)
    page.goto(link)
    expect(page.get_by_role("heading", name="This viewing is over")).to_be_visible()

    sign_in(page, site)
    page.goto(f"{site.address}/appointments/{appointment_id}")
    history = page.get_by_role("region", name="History")
    for line in ("No-show", "Confirmed", "by the visitor", "Moved", "Booked", "by phone"):
        expect(history.get_by_text(line).first).to_be_visible()
    notices = site.database.fetch("SELECT kind, channel, state, reason FROM notices WHERE appointment_id IS NOT NULL")
    assert [row for row in notices if row["state"] != "sent"] == []
    expect(page.get_by_role("region", name="Notices").get_by_role("link")).to_have_count(len(notices))
    assert fits_the_screen(page)
