"""From the caller to a real CalDAV server and back: nothing between them is scripted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from peterental.access import Viewer
from peterental.calendars.model import CalendarAccessLost, CalendarUnreachable
from peterental.config import Config
from peterental.privacy.person import Person
from peterental.services import build_services
from tests.calendars.caldav.conftest import radicale, xandikos  # noqa: F401 - fixtures
from tests.calendars.caldav.server_programs import USER, WORD, RealCalendar, Server
from tests.calendars.connections.conftest import OFFICE, Line

pytestmark = pytest.mark.needs("caldav")

CONFIG = Config(
    secret_key="a key for tests, long enough to be one",
    allow_private_addresses=True,
    public_url="https://rent.example.com",
)


@pytest.fixture(params=["radicale", "xandikos"])
def calendar(request: pytest.FixtureRequest) -> RealCalendar:
    """A fresh calendar on each of the two servers."""
    server: Server = request.getfixturevalue(request.param)
    return server.new_calendar()


@pytest.fixture
def connected(line: Line, calendar: RealCalendar, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Ana, whose calendar on the server is connected."""
    monkeypatch.undo()  # the providers are the real ones here
    line.services = build_services(line.database, config=CONFIG)
    line.services.calendars.connect_caldav("ana", calendar.url, USER, WORD, OFFICE)
    name = line.services.calendars.overview("ana", OFFICE)
    wanted = next(
        c for each in name.accounts for c in each.calendars if c.remote_id.rstrip("/") == calendar.url.rstrip("/")
    )
    line.services.calendars.choose(
        line.account_id,
        blocking=[wanted.calendar_id],
        receiving=wanted.calendar_id,
        keeps_titles=False,
        viewer=OFFICE,
    )
    assert line.sync().state == "read"
    return line


def event(start: datetime, minutes: int = 60, uid: str = "dentist") -> str:
    end = start + timedelta(minutes=minutes)
    return "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//test//EN",
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{end:%Y%m%dT%H%M%SZ}",
            "SUMMARY:Dentist",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        )
    )


def test_event_takes_the_time_until_it_is_deleted(connected: Line, calendar: RealCalendar) -> None:
    calendar.put("dentist.ics", event(connected.noon))
    connected.age(16)
    assert "taken" in connected.book()
    calendar.delete("dentist.ics")
    connected.age(16)
    assert connected.book().startswith("You're booked")


def test_viewing_is_written_moved_and_deleted(connected: Line, calendar: RealCalendar) -> None:
    connected.book()
    connected.work()
    (written,) = calendar.witness()
    assert written["start"] == connected.noon.isoformat()
    assert written["text"]["summary"] == "Viewing: 1420 Elm Street (Dolores Whitcomb)"
    moved_to = connected.noon + timedelta(minutes=30)
    connected.age(16)
    said = connected.say(
        "reschedule_appointment",
        attendee_name="Dolores Whitcomb",
        start_time=moved_to.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert "is now" in said, "its own event does not block it"
    connected.work()
    (written,) = calendar.witness()
    assert (written["start"], written["text"]["sequence"]) == (moved_to.isoformat(), "1")
    connected.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    connected.work()
    assert calendar.witness() == []


def test_event_goes_with_the_data_of_its_visitor(connected: Line, calendar: RealCalendar) -> None:
    connected.book()
    connected.work()
    connected.database.fetch(
        "UPDATE appointments SET start_time = start_time - INTERVAL '10 days', end_time = end_time - INTERVAL '10 days',"
        " blocked_until = blocked_until - INTERVAL '10 days'"
    )
    connected.work()
    (name,) = calendar.names()
    assert "Dolores Whitcomb" in calendar.text(name)
    connected.services.persons.delete(Person.parse("+14055550142"), OFFICE, [])
    connected.work()
    assert calendar.names() == set()


def test_deletion_by_a_person_is_noticed(connected: Line, calendar: RealCalendar) -> None:
    connected.book()
    connected.work()
    connected.sync()
    calendar.delete(next(iter(calendar.names())))
    connected.sync()
    for args in connected.jobs("check_viewing"):
        connected.services.calendar_events.check(args["appointment_id"])
    ((state, _),) = connected.services.calendar_events.changed_remotely("ana", OFFICE)
    assert state.remote_change == "deleted"
    connected.services.calendar_events.put_back(1, OFFICE)
    connected.work()
    assert len(calendar.witness()) == 1


@pytest.mark.parametrize("calendar", ["radicale"], indirect=True)  # Xandikos takes any password
def test_wrong_password_is_told(connected: Line, calendar: RealCalendar) -> None:
    with pytest.raises(CalendarAccessLost):
        connected.services.calendars.connect_caldav("ana", calendar.url, USER, "another word", OFFICE)
    assert connected.sync().state == "read"


def test_private_address_is_refused_by_default(
    line: Line, calendar: RealCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    services = build_services(line.database, config=Config(secret_key="a key for tests, long enough to be one"))
    with pytest.raises(Exception, match=r"cannot be used") as raised:
        services.calendars.connect_caldav("ana", calendar.url, USER, WORD, Viewer(0, "x@example.com", is_admin=True))
    assert not isinstance(raised.value, CalendarUnreachable)
