"""Sessions end on the server, by the database's clock."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from peterental.access import Viewer
from peterental.database.connect import DatabaseBusy
from peterental.database.pool import Database
from peterental.users.login_throttle import ClientOrigin
from peterental.users.model import Client, SessionUnknown, SignedIn
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from tests.servers import HANG_S, until_a_session_waits

if TYPE_CHECKING:
    from tests.users.conftest import AuditLog, Clock

WORDS = "correct horse battery"
PHONE = Client("2001:db8::1", "Safari on iPhone")


def found(sessions: SessionService, token: str) -> Viewer:
    session = sessions.viewer(token)
    assert session is not None
    return session.viewer


def shift(database: Database, column: str, interval: str) -> None:
    """Let time pass: move a column of every session into the past."""
    database.fetch(f"UPDATE user_sessions SET {column} = {column} - %s::interval", (interval,))


def last_seen_age_s(database: Database) -> float:
    rows = database.fetch(
        "SELECT EXTRACT(EPOCH FROM clock_timestamp() - last_seen_at)::float8 AS age FROM user_sessions"
    )
    return float(rows[0]["age"])


def test_token_finds_its_viewer(sessions: SessionService, enter: Callable[..., str], ana: Viewer) -> None:
    token = enter(ana)
    viewer = found(sessions, token)
    assert viewer == ana
    assert viewer.session_id is not None
    for other in ("", "x", token[:-1], token + "x", "\udc80"):
        assert sessions.viewer(other) is None


def test_only_a_hash_of_the_token_is_stored(database: Database, enter: Callable[..., str], ana: Viewer) -> None:
    token = enter(ana)
    row = str(database.fetch("SELECT user_sessions::text AS row FROM user_sessions"))
    assert token not in row
    assert token.encode().hex() not in row
    assert len(token) >= 43


def test_signing_out_ends_the_session_everywhere(
    sessions: SessionService, enter: Callable[..., str], ana: Viewer
) -> None:
    token, other = enter(ana), enter(ana)
    viewer = found(sessions, token)
    sessions.sign_out(viewer)
    sessions.sign_out(viewer)  # pressed twice
    assert sessions.viewer(token) is None
    assert sessions.viewer(other) is not None


@pytest.mark.parametrize(
    ("column", "valid_for", "ends_after"),
    [("last_seen_at", "11 hours 59 minutes", "1 minute"), ("created_at", "13 days 23 hours 59 minutes", "1 minute")],
)
def test_session_expires(
    *,
    database: Database,
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
    column: str,
    valid_for: str,
    ends_after: str,
) -> None:
    token = enter(ana)
    shift(database, column, valid_for)
    rows = sessions.own(ana)
    assert len(rows) == 1
    shift(database, column, ends_after)
    assert sessions.viewer(token) is None
    assert sessions.own(ana) == ()


def test_request_keeps_the_session_alive(
    database: Database, sessions: SessionService, enter: Callable[..., str], ana: Viewer
) -> None:
    token = enter(ana)
    for _ in range(3):
        shift(database, "last_seen_at", "11 hours")
        assert sessions.viewer(token) is not None


def test_last_request_is_written_once_a_minute(
    database: Database,
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = enter(ana)
    written: list[str] = []
    fetch = Database.fetch

    def watched(self: Database, query: str, *args: object, **how: object) -> object:
        written.extend(["UPDATE"] * query.count("UPDATE user_sessions"))
        return fetch(self, query, *args, **how)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Database, "fetch", watched)
    sessions.viewer(token)
    assert written == []
    monkeypatch.undo()
    shift(database, "last_seen_at", "61 seconds")
    monkeypatch.setattr(Database, "fetch", watched)
    sessions.viewer(token)
    sessions.viewer(token)
    assert written == ["UPDATE"]
    assert last_seen_age_s(database) < 61


def test_page_opens_although_last_request_cannot_be_written(
    *,
    database: Database,
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = enter(ana)
    shift(database, "last_seen_at", "2 minutes")

    def refuse(_: int) -> None:
        raise DatabaseBusy(seconds=1)

    monkeypatch.setattr(sessions._sessions, "touch", refuse)
    assert found(sessions, token) == ana
    assert "last request was not stored" in caplog.text


def test_new_session_replaces_the_browsers_old_one(
    sessions: SessionService, enter: Callable[..., str], ana: Viewer
) -> None:
    old = enter(ana)
    new = sessions.start(SignedIn(viewer=ana, session_epoch=0), PHONE, replaces=old)
    assert new != old
    assert sessions.viewer(old) is None
    assert [row.client for row in sessions.own(found(sessions, new))] == [PHONE]


def test_own_sessions_are_listed_and_ended(
    sessions: SessionService, enter: Callable[..., str], ana: Viewer, admin: Viewer
) -> None:
    here, phone = enter(ana), sessions.start(SignedIn(viewer=ana, session_epoch=0), PHONE)
    office = enter(admin)
    viewer = found(sessions, here)
    assert [(row.client.browser, row.is_current) for row in sessions.own(viewer)] == [
        ("Safari on iPhone", False),
        ("Firefox on Linux", True),
    ]
    theirs = found(sessions, office).session_id
    assert theirs is not None
    with pytest.raises(SessionUnknown):
        sessions.end_own(theirs, viewer)
    assert sessions.viewer(office) is not None
    other = next(row.session_id for row in sessions.own(viewer) if not row.is_current)
    sessions.end_own(other, viewer)
    assert sessions.viewer(phone) is None
    sessions.end_own(other, viewer)  # a second click
    with pytest.raises(SessionUnknown):
        sessions.end_own(theirs, viewer)
    with pytest.raises(SessionUnknown):
        sessions.end_own(other + 1000, viewer)
    assert sessions.viewer(here) is not None


def test_other_sessions_are_ended_together(
    sessions: SessionService, enter: Callable[..., str], ana: Viewer, admin: Viewer
) -> None:
    here, others, office = enter(ana), [enter(ana), enter(ana)], enter(admin)
    sessions.end_others(found(sessions, here))
    assert [sessions.viewer(token) for token in others] == [None, None]
    assert sessions.viewer(here) is not None
    assert sessions.viewer(office) is not None


def test_password_change_ends_a_session_that_starts_later_with_the_old_one(
    users: UserService, sessions: SessionService, ana: Viewer
) -> None:
    signed_in = users.sign_in(ana.email, WORDS)
    assert isinstance(signed_in, SignedIn)
    users.set_password(ana.email, "another password")
    assert sessions.viewer(sessions.start(signed_in, PHONE)) is None


def test_old_rows_are_deleted_by_sign_ins(database: Database, enter: Callable[..., str], ana: Viewer) -> None:
    for _ in range(3):
        enter(ana)
    shift(database, "last_seen_at", "31 days")
    enter(ana)
    assert database.fetch("SELECT COUNT(*) AS rows FROM user_sessions") == [{"rows": 1}]


def test_sign_in_and_out_are_recorded(
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
    log: AuditLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "peterental.users")
    viewer = found(sessions, enter(ana))
    other = sessions.start(SignedIn(viewer=ana, session_epoch=0), PHONE)
    sessions.end_own(found(sessions, other).session_id or 0, viewer)
    sessions.end_others(viewer)
    sessions.sign_out(viewer)
    assert [line.removesuffix(" ana@example.com") for line in log.lines[1:]] == [
        f"ana@example.com {action}"
        for action in ("signed in", "signed in", "session ended", "other sessions ended", "signed out")
    ]
    after = {"address": "203.0.113.7", "browser": "Firefox on Linux", "second_factor": None}
    assert log.entries[1].change.after == after
    assert caplog.messages[0] == "Signed in: ana@example.com from 203.0.113.7"
    assert caplog.messages[-1] == "Signed out: ana@example.com"


def test_failed_sign_ins_are_recorded_once_a_minute(
    *,
    users: UserService,
    database: Database,
    enter: Callable[..., str],
    ana: Viewer,
    admin: Viewer,
    log: AuditLog,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    origin = ClientOrigin("203.0.113.7")

    def guess(times: int) -> None:
        for _ in range(times):
            clock.advance_s(900)
            assert users.sign_in(ana.email, "a wrong password", origin) is None

    guess(4)
    database.fetch(
        "UPDATE sign_in_failures SET last_failed_at = NOW() - INTERVAL '61 seconds' WHERE subject LIKE 'log:%%'", ()
    )
    guess(2)
    failed = [entry for entry in log.entries if entry.change.action == "sign-in failed"]
    assert [(entry.actor, dict(entry.change.after)) for entry in failed] == [
        ("sign-in page", {"failed_attempts": 1, "address": "203.0.113.7"}),
        ("sign-in page", {"failed_attempts": 5, "address": "203.0.113.7"}),
    ]
    assert len(caplog.messages) == 2
    assert "wrong password" not in caplog.text
    assert users.sign_in(admin.email, "a wrong password", origin) is None
    assert log.entries[-1].change.after["failed_attempts"] == 1  # each user's are counted apart
    clock.advance_s(900)
    enter(ana)
    assert log.entries[-1].change.after["failed_attempts"] == 6
    enter(ana)
    assert "failed_attempts" not in log.entries[-1].change.after


def test_flood_of_unknown_addresses_leaves_one_entry(users: UserService, log: AuditLog, database: Database) -> None:
    for number in range(15):
        assert users.sign_in(f"my secret password {number}", "x", ClientOrigin(f"198.51.100.{number}")) is None
    assert log.lines == ["sign-in page sign-in failed unknown account"]
    assert log.entries[0].change.subject_id == ""
    assert "my secret" not in str(database.fetch("SELECT audit_log::text AS row FROM audit_log"))


def test_new_session_locks_its_user_first(
    *,
    database: Database,
    database_url: str,
    users: UserService,
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
) -> None:
    """As every change of a user that ends sessions does: in the other order, the two would wait for each other."""
    old = enter(ana)
    signed_in = users.sign_in(ana.email, WORDS)
    assert isinstance(signed_in, SignedIn)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT FROM users WHERE user_id = %s FOR UPDATE", (ana.user_id,))
        started = pool.submit(sessions.start, signed_in, PHONE, replaces=old)
        until_a_session_waits(database_url)
        other.execute("UPDATE user_sessions SET ended_at = NOW() WHERE user_id = %s", (ana.user_id,))
        other.commit()
        assert found(sessions, started.result(HANG_S)) == ana
    assert sessions.viewer(old) is None
    assert database.fetch("SELECT COUNT(*) AS valid FROM user_sessions WHERE ended_at IS NULL") == [{"valid": 1}]
