"""Requests that take effect late at the stand-ins for Google and Microsoft, and at real CalDAV servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bench.calendars.accounts import KEY, connect
from peterental.calendars.model import CalendarUnreachable
from peterental.config import Config
from peterental.services import build_services
from tests.calendars import login
from tests.calendars.caldav.between import Between, hold
from tests.calendars.caldav.conftest import radicale, xandikos  # noqa: F401 - fixtures
from tests.calendars.caldav.server_programs import USER, WORD, RealCalendar, Server
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.connections.test_late_requests import cancel, move, read_and_work, reported, restore
from tests.calendars.google import fake as google
from tests.calendars.microsoft.fake import FakeGraph

HOUR = timedelta(hours=1)
EMAIL = "ana@example.com"

Starts = list[datetime]


@dataclass
class Provider:
    """A provider with the calendar of Ana.

    Args:
        line: Ana, connected to it.
        hold: lets the next request of a kind be late: `create`, `change` or `delete`.
        release: carries out the requests that are late.
        starts: returns when the events of viewings are.
        person_moves: moves the only event of a viewing.
    """

    line: Line
    hold: Callable[[str], None]
    release: Callable[[], None]
    starts: Callable[[], Starts]
    person_moves: Callable[[datetime], None]

    def lose(self, kind: str) -> None:
        """Work, with the only request of a kind being late."""
        self.hold(kind)
        with pytest.raises(CalendarUnreachable):
            self.line.work()


def connected(line: Line, config: Config, **account: Any) -> None:
    """Connect Ana's account as it is after a sign-in."""
    line.services = build_services(line.database, config=config)
    with psycopg.connect(line.database.url, autocommit=True) as connection:
        connect(connection, "ana", name=EMAIL, **account)
    assert line.sync().state == "read"


def at_google(line: Line) -> Iterator[Provider]:
    methods = {"create": "POST", "change": "PATCH", "delete": "DELETE"}
    with google.GoogleFake() as fake:
        calendar = fake.add_account(EMAIL)
        config = Config(
            secret_key="a key for tests, long enough to be one",
            credentials_keys=(KEY,),
            allow_private_addresses=True,
            google_api_url=fake.url,
            google_login_url=fake.url,
            google_client_id=google.CLIENT_ID,
            google_client_secret=google.CLIENT_SECRET,
        )
        connected(line, config, kind="google", remote_id=EMAIL, tokens=fake.sign_in(EMAIL))

        def events() -> dict[str, datetime]:
            with fake.lock:
                return {
                    event_id: calendar.span(event)[0].astimezone(UTC)
                    for event_id, event in calendar.events.items()
                    if event["status"] != "cancelled"
                }

        def person_moves(start: datetime) -> None:
            ((event_id, _),) = events().items()
            with fake.lock:
                calendar.change(event_id, start=start, end=start + HOUR)

        yield Provider(
            line,
            lambda kind: fake.hold(methods[kind], "/events"),
            fake.release,
            lambda: sorted(events().values()),
            person_moves,
        )
        assert fake.violations == []


def at_microsoft(line: Line) -> Iterator[Provider]:
    methods = {"create": "POST", "change": "PATCH", "delete": "DELETE"}
    with FakeGraph() as fake:
        config = Config(
            secret_key="a key for tests, long enough to be one",
            credentials_keys=(KEY,),
            allow_private_addresses=True,
            graph_url=fake.url,
            microsoft_login_url=fake.url,
            microsoft_client_id=login.CLIENT_ID,
            microsoft_client_secret=login.CLIENT_SECRET,
        )
        fake.remembers_transactions = False  # as after some time
        connected(line, config, kind="microsoft", remote_id=fake.mailbox.default, tokens=fake.login.tokens())

        def person_moves(start: datetime) -> None:
            with fake.lock:
                (event,) = fake.mailbox.of(fake.mailbox.default)
                fake.mailbox.change(event.content["id"], start, start + HOUR)

        yield Provider(
            line,
            lambda kind: fake.hold(methods[kind]),
            fake.release,
            lambda: sorted(event.begins for event in fake.mailbox.of(fake.mailbox.default)),
            person_moves,
        )
        assert fake.problems == []


@dataclass
class Late:
    """Requests that a server in between keeps."""

    held: list[Callable[[], object]] = field(default_factory=list)

    def release(self) -> None:
        while self.held:
            self.held.pop(0)()


def at_caldav(line: Line, server: Server, *, has_weak_etags: bool = False) -> Iterator[Provider]:
    calendar, late = server.new_calendar(), Late()
    meddling: dict[str, list[Callable[..., bytes | None]]] = {"PUT": [], "DELETE": []}
    with Between(server, has_weak_etags=has_weak_etags, **meddling) as between:
        line.services = build_services(
            line.database, config=Config(secret_key="a key for tests, long enough", allow_private_addresses=True)
        )
        through = calendar.url.replace(server.root, between.url("").rstrip("/"))
        line.services.calendars.connect_caldav("ana", through, USER, WORD, OFFICE)
        choose_calendar(line, through)

        def hold_next(kind: str) -> None:
            meddling["DELETE" if kind == "delete" else "PUT"].append(hold(server, late.held))

        def person_moves(start: datetime) -> None:
            (name,) = calendar.names()
            text = calendar.text(name)
            kept = [row for row in text.splitlines() if not row.startswith(("DTSTART", "DTEND"))]
            place = kept.index("STATUS:CONFIRMED")
            kept[place:place] = [f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{start + HOUR:%Y%m%dT%H%M%SZ}"]
            calendar.put(name, "\r\n".join([*kept, ""]))

        yield Provider(line, hold_next, late.release, lambda: starts_in(calendar), person_moves)


def choose_calendar(line: Line, url: str) -> None:
    """Choose the one calendar at a URL, for busy times and for viewings."""
    found = line.services.calendars.overview("ana", OFFICE)
    chosen = next(c for each in found.accounts for c in each.calendars if c.remote_id.rstrip("/") == url.rstrip("/"))
    line.services.calendars.choose(
        line.account_id,
        blocking=[chosen.calendar_id],
        receiving=chosen.calendar_id,
        keeps_titles=False,
        viewer=OFFICE,
    )
    assert line.sync().state == "read"


def starts_in(calendar: RealCalendar) -> Starts:
    rows = [row for name in calendar.names() for row in calendar.text(name).splitlines() if row.startswith("DTSTART:")]
    return sorted(datetime.fromisoformat(row.removeprefix("DTSTART:")) for row in rows)


@pytest.fixture(
    params=[
        "google",
        "microsoft",
        pytest.param("radicale", marks=pytest.mark.needs("caldav")),
        pytest.param("xandikos", marks=pytest.mark.needs("caldav")),
        pytest.param("radicale with weak ETags", marks=pytest.mark.needs("caldav")),
    ]
)
def provider(request: pytest.FixtureRequest, line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Each provider in turn, with a viewing that is not written yet."""
    monkeypatch.undo()  # the providers are the real ones here
    if request.param == "google":
        opened = at_google(line)
    elif request.param == "microsoft":
        opened = at_microsoft(line)
    else:
        name, _, weak = str(request.param).partition(" ")
        opened = at_caldav(line, request.getfixturevalue(name), has_weak_etags=bool(weak))
    provider = next(opened)
    assert line.book().startswith("You're booked")
    yield provider
    assert next(opened, None) is None


def test_late_creation_of_a_cancelled_viewing_is_deleted(provider: Provider) -> None:
    provider.lose("create")
    cancel(provider.line)
    provider.line.work()
    provider.release()
    assert len(provider.starts()) == 1
    read_and_work(provider.line)
    assert provider.starts() == []


def test_late_creation_leaves_one_event_at_the_time_of_the_viewing(provider: Provider) -> None:
    provider.lose("create")
    move(provider.line, 3)
    provider.line.work()
    provider.release()
    read_and_work(provider.line)
    assert provider.starts() == [provider.line.noon + 3 * HOUR]
    assert reported(provider.line) == []


def test_late_change_leaves_the_event_at_the_time_of_the_viewing(provider: Provider) -> None:
    provider.line.work()
    move(provider.line, 2)
    provider.lose("change")
    move(provider.line, 4)
    provider.line.work()
    provider.release()
    read_and_work(provider.line)
    assert provider.starts() == [provider.line.noon + 4 * HOUR]
    assert reported(provider.line) == []
    read_and_work(provider.line)
    assert provider.starts() == [provider.line.noon + 4 * HOUR]


def test_late_deletion_leaves_the_event_of_a_restored_viewing(provider: Provider) -> None:
    provider.line.work()
    cancel(provider.line)
    provider.lose("delete")
    restore(provider.line)
    provider.line.work()
    provider.release()
    read_and_work(provider.line)
    assert provider.starts() == [provider.line.noon]
    assert reported(provider.line) == []


def test_move_by_a_person_after_a_late_change_is_reported(provider: Provider) -> None:
    provider.line.work()
    move(provider.line, 2)
    provider.lose("change")
    move(provider.line, 4)
    provider.line.work()
    provider.release()
    provider.person_moves(provider.line.noon + 6 * HOUR)
    read_and_work(provider.line)
    assert reported(provider.line) == ["moved"]
    assert provider.starts() == [provider.line.noon + 6 * HOUR]
