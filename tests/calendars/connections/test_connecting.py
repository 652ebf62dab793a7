"""Connect, choose and disconnect calendars."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown
from peterental.audit.model import Change
from peterental.calendars.account import (
    AccountUnknown,
    CalendarUnknown,
    KeyMissing,
    KindNotOffered,
    NotWritable,
    SignInExpired,
)
from peterental.calendars.credentials import PasswordCredentials
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarGone,
    CalendarKind,
    CalendarUnreachable,
    RemoteCalendar,
)
from peterental.calendars.source import Tokens
from peterental.config import Config
from peterental.services import build_services
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import HOLIDAYS, WORK, ScriptedCalendar
from tests.servers import until_a_session_waits

REDIRECT = "https://rent.example.com/oauth/google"
STRANGER = Viewer(user_id=77, email="stranger@example.com", is_admin=False)
REGISTERED = Config(
    secret_key="a key for tests, long enough to be one",
    google_client_id="client",
    google_client_secret="client-word",
    microsoft_client_id="client",
    microsoft_client_secret="client-word",
)


def test_connecting_reads_at_once_and_is_audited(line: Line) -> None:
    line.busy_at(line.noon)
    result = line.connect()
    assert (result.state, result.events) == ("read", 1)
    overview = line.services.calendars.overview("ana", OFFICE)
    ((each),) = overview.accounts
    assert (each.account.label, each.busy_times) == ("CalDAV ana@example.com", 1)
    assert [(c.name, c.blocks, c.receives_viewings) for c in each.calendars] == [
        ("Holidays", False, False),
        ("Work", True, True),
    ]
    assert not overview.is_phone_closed
    entry = line.services.audit.listing(OFFICE).entries[0]
    assert (entry.change.action, entry.change.after) == ("calendar connected", {"calendar": "CalDAV ana@example.com"})


def test_stored_credentials_are_encrypted_and_never_shown(line: Line) -> None:
    line.connect()
    (row,) = line.database.fetch("SELECT * FROM calendar_accounts")
    assert "pass" not in str(row)
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert each.account.credentials not in repr(each)


def test_refused_sign_in_stores_nothing(line: Line, remote: ScriptedCalendar) -> None:
    for fault in (CalendarAccessLost(host="h"), CalendarUnreachable(host="h", reason="no answer")):
        remote.fault = fault
        with pytest.raises(type(fault)):
            line.connect()
    remote.fault, remote.found = None, []
    with pytest.raises(CalendarGone):
        line.connect()
    assert line.database.fetch("SELECT account_id FROM calendar_accounts") == []


def test_connecting_again_keeps_what_was_chosen(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    holidays = line.calendar("Holidays").calendar_id
    line.services.calendars.choose(
        line.account_id, blocking=[holidays], receiving=None, keeps_titles=False, viewer=OFFICE
    )
    remote.found = [replace(WORK, name="Office"), HOLIDAYS]
    remote.fault = CalendarAccessLost(host="h")
    line.sync()
    remote.fault = None
    assert line.connect().state == "read"
    assert line.calendar("Holidays").blocks
    assert not line.calendar("Office").blocks
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert (each.account.state, each.account.problem) == ("connected", None)


def test_two_addresses_at_one_host_are_two_accounts(line: Line) -> None:
    """However one of them is typed."""
    calendars = line.services.calendars
    for address in ("https://cal.example.com/a.ics", "https://cal.example.com/b.ics", "webcal://Cal.example.com/a.ics"):
        calendars.connect_address("ana", address, OFFICE)
    assert [each.account.name for each in calendars.overview("ana", OFFICE).accounts] == ["cal.example.com"] * 2


def test_first_connection_twice_at_once_is_one_account(line: Line) -> None:
    """Two clicks, or two people: the agent has no account that the second one could wait for."""
    service = line.services.calendars
    stored = PasswordCredentials("dav.example.com", "ana@example.com", "pass")
    with ThreadPoolExecutor(1) as pool:
        with line.database.transaction() as connection:
            service._calendars.lock_agent_calendars(connection, "ana")
            service._calendars.add_account(
                connection,
                "ana",
                kind="caldav",
                name=stored.user_name,
                credentials=service._credentials.encrypt("ana", stored),
                actor=OFFICE.email,
            )
            connection.sync()
            second = pool.submit(line.connect)
            until_a_session_waits(line.database.url)
        assert second.result().state == "read"
    assert len(service.overview("ana", OFFICE).accounts) == 1
    assert [entry.change.action for entry in line.services.audit.listing(OFFICE).entries] == ["calendar reconnected"]


def test_one_calendar_of_an_agent_receives_viewings(line: Line) -> None:
    line.connect()
    line.services.calendars.connect_caldav("ana", "dav.example.com", "other@example.com", "pass", OFFICE)
    first, second = line.services.calendars.overview("ana", OFFICE).accounts
    assert [c.name for each in (first, second) for c in each.calendars if c.receives_viewings] == ["Work"]
    other = next(c for c in second.calendars if c.name == "Work")
    line.services.calendars.choose(
        second.account.account_id, blocking=[], receiving=other.calendar_id, keeps_titles=False, viewer=OFFICE
    )
    receiving = line.services.calendars.overview("ana", OFFICE).receiving
    assert receiving is not None
    assert receiving.calendar_id == other.calendar_id


def test_choices_are_checked(line: Line) -> None:
    line.connect()
    calendars = line.services.calendars
    holidays = line.calendar("Holidays").calendar_id
    with pytest.raises(NotWritable):
        calendars.choose(line.account_id, blocking=[], receiving=holidays, keeps_titles=False, viewer=OFFICE)
    with pytest.raises(CalendarUnknown):
        calendars.choose(line.account_id, blocking=[holidays + 99], receiving=None, keeps_titles=False, viewer=OFFICE)
    for account_id in (0, -1, 2**63, line.account_id + 1):
        with pytest.raises(AccountUnknown):
            calendars.sync_now(account_id, OFFICE)


def test_same_choice_again_is_not_audited(line: Line) -> None:
    line.connect()
    work = line.calendar().calendar_id
    before = len(line.services.audit.listing(OFFICE).entries)
    for _ in range(2):
        line.services.calendars.choose(
            line.account_id, blocking=[work], receiving=work, keeps_titles=True, viewer=OFFICE
        )
    line.services.calendars.set_trusts_stale("ana", OFFICE, trusts_stale=False)
    assert len(line.services.audit.listing(OFFICE).entries) == before + 1


def while_locked(line: Line, statement: str, change: Callable[[], object]) -> Change:
    """Make a change that waits for another transaction; return it as the audit log has it."""
    with ThreadPoolExecutor(1) as pool:
        with line.database.transaction() as connection:
            connection.execute(statement.encode())
            connection.sync()
            made = pool.submit(change)
            until_a_session_waits(line.database.url)
        made.result()
    return line.services.audit.listing(OFFICE).entries[0].change


def test_choice_is_compared_with_the_one_before_it(line: Line) -> None:
    line.connect()
    work = line.calendar().calendar_id
    choose = partial(line.services.calendars.choose, line.account_id, blocking=[work], receiving=work, viewer=OFFICE)
    change = while_locked(line, "UPDATE calendar_accounts SET keeps_titles = TRUE", lambda: choose(keeps_titles=False))
    assert (change.action, change.before["keeps_titles"]) == ("calendar chosen", True)
    assert not line.services.calendars.account(line.account_id, OFFICE).keeps_titles


def test_trust_is_compared_with_the_choice_before_it(line: Line) -> None:
    trust = partial(line.services.calendars.set_trusts_stale, "ana", OFFICE, trusts_stale=True)
    trust()
    change = while_locked(line, "UPDATE agent_calendar_settings SET trusts_stale = FALSE", trust)
    assert (change.before, change.after) == ({"trusts_stale": False}, {"trusts_stale": True})
    assert len(line.services.audit.listing(OFFICE).entries) == 2
    assert line.services.calendars.overview("ana", OFFICE).trusts_stale


def test_account_that_another_user_disconnects_first_is_unknown(line: Line) -> None:
    line.connect()
    disconnect = partial(line.services.calendars.disconnect, line.account_id, OFFICE)
    entries = len(line.services.audit.listing(OFFICE).entries)
    with pytest.raises(AccountUnknown):
        while_locked(line, "DELETE FROM calendar_accounts", disconnect)
    assert len(line.services.audit.listing(OFFICE).entries) == entries


def test_strangers_see_and_change_nothing(line: Line) -> None:
    line.connect()
    calendars, account_id = line.services.calendars, line.account_id
    for attempt in (
        lambda: calendars.overview("ana", STRANGER),
        lambda: calendars.connect_address("ana", "https://cal.example.com/a.ics", STRANGER),
        lambda: calendars.choose(account_id, blocking=[], receiving=None, keeps_titles=True, viewer=STRANGER),
        lambda: calendars.set_trusts_stale("ana", STRANGER, trusts_stale=True),
        lambda: calendars.disconnect(account_id, STRANGER),
        lambda: calendars.sync_now(account_id, STRANGER),
        lambda: line.services.calendar_events.changed_remotely("ana", STRANGER),
    ):
        with pytest.raises(AgentUnknown):
            attempt()


def test_production_needs_a_key_of_its_own(line: Line) -> None:
    config = Config(environment="production", secret_key="a key for tests, long enough to be one")
    services = build_services(line.database, config=config)
    with pytest.raises(KeyMissing, match="CREDENTIALS_KEY"):
        services.calendars.connect_address("ana", "https://cal.example.com/a.ics", OFFICE)


def test_phone_is_closed_while_a_calendar_is_too_old(line: Line) -> None:
    line.connect()
    line.age(16)
    overview = line.services.calendars.overview("ana", OFFICE)
    assert [calendar.name for calendar in overview.stale] == ["Work"]
    assert overview.is_phone_closed
    line.services.calendars.set_trusts_stale("ana", OFFICE, trusts_stale=True)
    assert not line.services.calendars.overview("ana", OFFICE).is_phone_closed


def test_disconnecting_asks_no_provider(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    remote.fault = CalendarAccessLost(host="h")
    line.services.calendars.disconnect(line.account_id, OFFICE)
    assert line.services.calendars.overview("ana", OFFICE).accounts == ()


def signed_in(line: Line) -> Viewer:
    """A user who owns Ana."""
    (row,) = line.database.fetch(
        "INSERT INTO users (email, password_hash) VALUES ('ana@example.com', 'x') RETURNING user_id"
    )
    line.database.fetch("UPDATE agents SET user_id = %s", (row["user_id"],))
    return Viewer(user_id=row["user_id"], email="ana@example.com", is_admin=False)


@pytest.fixture
def exchanged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What was sent to exchange a code for tokens."""
    sent: list[dict[str, object]] = []

    def exchange(_self: object, kind: str, **values: object) -> Tokens:
        sent.append({"kind": kind} | values)
        return Tokens("access", "refresh", 0.0)

    monkeypatch.setattr("peterental.calendars.providers.Providers.exchange_code", exchange)
    return sent


def test_sign_in_at_a_provider_is_finished_once_by_its_user(line: Line, exchanged: list[dict[str, object]]) -> None:
    ana = signed_in(line)
    calendars = build_services(line.database, config=REGISTERED).calendars
    url = calendars.begin_sign_in("ana", "google", REDIRECT, ana)
    query = parse_qs(urlsplit(url).query)
    (state,), (redirect,) = query["state"], query["redirect_uri"]
    assert (redirect, query["code_challenge_method"]) == (REDIRECT, ["S256"])
    for viewer, kind, given in ((OFFICE, "google", state), (ana, "microsoft", state), (ana, "google", "foreign")):
        with pytest.raises(SignInExpired):
            calendars.finish_sign_in(kind, given, "code", REDIRECT, viewer)  # type: ignore[arg-type]
    assert calendars.finish_sign_in("google", state, "code", REDIRECT, ana).state == "read"
    assert exchanged[0]["code"] == "code"
    assert re.fullmatch(r"[\w-]{43,128}", str(exchanged[0]["verifier"]))
    assert line.services.calendars.overview("ana", ana).accounts[0].account.label == "Google Calendar ana@example.com"
    with pytest.raises(SignInExpired):
        calendars.finish_sign_in("google", state, "code", REDIRECT, ana)


def sign_in(line: Line, kind: CalendarKind, viewer: Viewer) -> list[str]:
    """Sign in at a provider; return the names of the agent's accounts."""
    calendars = build_services(line.database, config=REGISTERED).calendars
    state = parse_qs(urlsplit(calendars.begin_sign_in("ana", kind, REDIRECT, viewer)).query)["state"][0]
    calendars.finish_sign_in(kind, state, "code", REDIRECT, viewer)
    return [each.account.name for each in calendars.overview("ana", viewer).accounts]


@pytest.mark.usefixtures("exchanged")
def test_another_persons_mailbox_is_another_account(line: Line, remote: ScriptedCalendar) -> None:
    """Its sign-in does not replace the first one's, whose calendars go on blocking."""
    ana = signed_in(line)
    assert sign_in(line, "microsoft", ana) == ["ana@example.com"]
    remote.found = [
        RemoteCalendar(remote_id="home", name="Home", is_writable=True, is_default=True, owner="bo@x.example")
    ]
    remote.busy["home"] = {}
    assert sign_in(line, "microsoft", ana) == ["ana@example.com", "bo@x.example"]
    calendars = line.services.calendars.overview("ana", ana)
    assert [calendar.name for calendar in calendars.blocking] == ["Work", "Home"]
    assert not calendars.is_phone_closed


@pytest.mark.usefixtures("exchanged")
def test_account_whose_owner_is_not_said_is_known_by_its_calendars(line: Line, remote: ScriptedCalendar) -> None:
    ana, unsaid = signed_in(line), "Microsoft 365"
    remote.found = [replace(WORK, owner=None)]
    assert sign_in(line, "microsoft", ana) == sign_in(line, "microsoft", ana) == [unsaid]
    remote.found = [WORK]
    assert sign_in(line, "microsoft", ana) == ["ana@example.com"], "it is said by now"
    remote.found = [replace(WORK, owner=None)]
    assert sign_in(line, "microsoft", ana) == ["ana@example.com"], "and stays known"
    remote.found = [RemoteCalendar(remote_id="home", name="Home", is_default=True)]
    remote.busy["home"] = {}
    assert sign_in(line, "microsoft", ana) == ["ana@example.com", unsaid]


def test_same_user_name_at_another_server_is_another_account(line: Line, remote: ScriptedCalendar) -> None:
    """The password of one server is never sent to the other."""
    calendars = line.services.calendars
    calendars.connect_caldav("ana", "cloud.example.com", "ana", "first", OFFICE)
    before = line.database.fetch("SELECT credentials FROM calendar_accounts")
    remote.found = [replace(WORK, remote_id="https://other.example.com/work/")]
    remote.busy["https://other.example.com/work/"] = {}
    calendars.connect_caldav("ana", "other.example.com", "ana", "second", OFFICE)
    after = line.database.fetch("SELECT credentials FROM calendar_accounts ORDER BY account_id")
    assert after[:1] == before
    assert len(after) == 2
    remote.found = [replace(WORK, remote_id="https://cloud.example.com/moved/")]
    remote.busy["https://cloud.example.com/moved/"] = {}
    calendars.connect_caldav("ana", "cloud.example.com", "ana", "new password", OFFICE)
    assert len(line.database.fetch("SELECT account_id FROM calendar_accounts")) == 2, "the same server"


def test_sign_in_expires_after_an_hour(line: Line, exchanged: list[dict[str, object]]) -> None:
    ana = signed_in(line)
    calendars = build_services(line.database, config=REGISTERED).calendars
    state = parse_qs(urlsplit(calendars.begin_sign_in("ana", "google", REDIRECT, ana)).query)["state"][0]
    line.database.fetch("UPDATE calendar_sign_ins SET created_at = created_at - %s::interval", (timedelta(hours=2),))
    with pytest.raises(SignInExpired):
        calendars.finish_sign_in("google", state, "code", REDIRECT, ana)
    assert exchanged == []


def test_kind_without_registration_is_not_offered(line: Line) -> None:
    assert line.services.calendars.overview("ana", OFFICE).offered == ("caldav", "ics")
    with pytest.raises(KindNotOffered, match="Google Calendar is not offered here"):
        line.services.calendars.begin_sign_in("ana", "google", REDIRECT, OFFICE)


def test_secret_address_is_in_no_log(line: Line, remote: ScriptedCalendar, caplog: pytest.LogCaptureFixture) -> None:
    line.services.calendars.connect_address("ana", "https://cal.example.com/private-7f3a/a.ics", OFFICE)
    remote.fault = CalendarUnreachable(host="cal.example.com", reason="no answer")
    with caplog.at_level(logging.DEBUG):
        line.sync()
    assert "private-7f3a" not in caplog.text
    assert "private-7f3a" not in str(line.database.fetch("SELECT * FROM audit_log"))
