"""`flask calendars-connect` and `flask calendars-sync`."""

from __future__ import annotations

import pytest
from flask import Flask

from peterental.app import create_app
from peterental.calendars.model import CalendarUnreachable
from peterental.config import Config
from tests.calendars.connections.conftest import Line
from tests.calendars.scripted import ScriptedCalendar

CONNECT = ["calendars-connect", "ana", "caldav", "dav.example.com", "--user", "ana@example.com"]


@pytest.fixture
def app(line: Line) -> Flask:
    return create_app(Config(secret_key="a key for tests, long enough to be one", database_url=line.database.url))


def run(app: Flask, *arguments: str, given: str = "an app word\n") -> tuple[int, str]:
    with app.app_context():
        result = app.test_cli_runner().invoke(args=arguments, input=given)
    return result.exit_code, result.output


def test_connect_says_what_it_found(app: Flask, line: Line, remote: ScriptedCalendar) -> None:
    line.busy_at(line.noon)
    remote.notes = ("An event of May 3 has an unknown time zone.",)
    code, said = run(app, *CONNECT)
    assert code == 0
    assert said.splitlines() == [
        "✅ CalDAV ana@example.com is connected.",
        "   Holidays: not used",
        "   Work: its events take time, receives viewings",
        "   ⚠️  An event of May 3 has an unknown time zone.",
        "✅ ana  CalDAV ana@example.com: 1 busy time.",
    ]


def test_address_may_come_from_standard_input(app: Flask) -> None:
    code, said = run(app, "calendars-connect", "ana", "ics", "-", given="https://cal.example.com/secret/a.ics\n")
    assert (code, said.splitlines()[0]) == (0, "✅ Calendar address cal.example.com is connected.")


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (CONNECT[:4], "x\n", "❌ CalDAV needs a user name: add --user.\n"),
        (CONNECT, "", "❌ Nothing was read from standard input: the app password is expected there.\n"),
        (["calendars-connect", "nobody", "ics", "https://a.example.com/x.ics"], "", "❌ There is no such agent.\n"),
        (["calendars-sync", "nobody"], "", "❌ There is no such agent.\n"),
    ],
)
def test_mistakes_get_one_sentence(app: Flask, arguments: list[str], given: str, said: str) -> None:
    assert run(app, *arguments, given=given) == (1, said)


def test_unreachable_provider_gets_one_sentence(app: Flask, remote: ScriptedCalendar) -> None:
    remote.fault = CalendarUnreachable(host="dav.example.com", reason="no answer")
    assert run(app, *CONNECT) == (1, "❌ dav.example.com cannot be reached: no answer.\n")


def test_sync_reads_all_accounts_and_says_what_failed(app: Flask, line: Line, remote: ScriptedCalendar) -> None:
    assert run(app, "calendars-sync") == (0, "No calendar is connected.\n")
    line.connect()
    assert run(app, "calendars-sync") == (0, "✅ ana  CalDAV ana@example.com: 0 busy times.\n")
    remote.fault = CalendarUnreachable(host="dav.example.com", reason="no answer")
    code, said = run(app, "calendars-sync", "ana")
    assert code == 1
    assert said.splitlines() == [
        "❌ ana  CalDAV ana@example.com: dav.example.com cannot be reached: no answer.",
        "❌ 1 calendar account could not be read.",
    ]
    line.database.fetch("UPDATE calendar_accounts SET retry_at = NOW() + INTERVAL '1 hour'")
    code, said = run(app, "calendars-sync", "ana")
    assert (code, said) == (0, "⏳ ana  CalDAV ana@example.com: the provider asked to be left alone for a while.\n")
    line.database.fetch(
        "UPDATE calendar_accounts SET retry_at = NULL, lease_token = gen_random_uuid(),"
        " leased_until = NOW() + INTERVAL '2 minutes'"
    )
    code, said = run(app, "calendars-sync", "ana")
    assert (code, said) == (0, "⏳ ana  CalDAV ana@example.com: another process is reading it now.\n")
