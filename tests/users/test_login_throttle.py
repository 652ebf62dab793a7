"""Throttling of password guesses, across workers and without lockouts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from peterental.access import Viewer
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.users import login_throttle
from peterental.users.login_throttle import (
    FREE_ATTEMPTS_PER_ACCOUNT,
    FREE_ATTEMPTS_PER_NETWORK,
    MAX_WAIT_S,
    ClientOrigin,
)
from peterental.users.model import PasswordWrong, SignInBusy, TooManyAttempts
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.users.service import UserService
from tests.servers import HANG_S

if TYPE_CHECKING:
    from tests.users.conftest import Clock

PASSWORD = "correct horse battery"
HERE = ClientOrigin("203.0.113.7")


def guess(users: UserService, times: int, email: str = "ana@example.com", origin: ClientOrigin = HERE) -> None:
    for _ in range(times):
        assert users.sign_in(email, "a wrong password", origin) is None


def required_wait_s(
    users: UserService, email: str = "ana@example.com", origin: ClientOrigin = HERE, password: str = PASSWORD
) -> int:
    with pytest.raises(TooManyAttempts) as refused:
        users.sign_in(email, password, origin)
    return int(str(refused.value.values["wait_s"]))


def failure_counts(database: Database) -> dict[str, int]:
    rows = database.fetch("SELECT subject, failures FROM sign_in_failures")
    counts = {row["subject"].partition(":")[0]: row["failures"] for row in rows}
    counts.pop("log", None)  # counted for the audit log, not for the throttle
    return counts


@pytest.mark.usefixtures("ana")
def test_sixth_attempt_waits_even_if_correct(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    with pytest.raises(TooManyAttempts, match=r"^Too many failed attempts\. Wait 30 seconds, then try again\.$"):
        users.sign_in("ANA@example.com ", PASSWORD, HERE)
    clock.advance_s(29)
    assert required_wait_s(users) == 1
    clock.advance_s(1)
    assert users.sign_in("ana@example.com", PASSWORD, HERE) is not None


@pytest.mark.usefixtures("ana")
def test_wait_doubles_up_to_fifteen_minutes(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    waits = []
    for _ in range(8):
        waits.append(required_wait_s(users))
        clock.advance_s(waits[-1])
        guess(users, 1)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert max(waits) == MAX_WAIT_S


@pytest.mark.usefixtures("ana")
def test_refused_attempt_is_not_counted(users: UserService, database: Database) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    before = failure_counts(database)
    for _ in range(3):
        assert required_wait_s(users) == 30
    assert failure_counts(database) == before == {"account": 5, "address": 5}


@pytest.mark.usefixtures("ana")
def test_success_clears_account_refunds_network(users: UserService, database: Database) -> None:
    guess(users, 4)
    assert users.sign_in("ana@example.com", PASSWORD, HERE) is not None
    assert failure_counts(database) == {"account": 0, "address": 4}
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    assert required_wait_s(users) == 30


@pytest.mark.usefixtures("ana")
def test_trusted_browser_ignores_strangers_failures(users: UserService) -> None:
    for number in range(FREE_ATTEMPTS_PER_ACCOUNT):
        guess(users, 1, origin=ClientOrigin(f"198.51.100.{number}"))
    assert required_wait_s(users, origin=ClientOrigin("192.0.2.1")) == 30
    assert users.sign_in("ana@example.com", PASSWORD, ClientOrigin("192.0.2.1", device="her laptop")) is not None
    assert required_wait_s(users, origin=ClientOrigin("192.0.2.1")) == 30


@pytest.mark.usefixtures("ana")
def test_trusted_browser_is_throttled_itself(users: UserService) -> None:
    known = ClientOrigin("192.0.2.1", device="her laptop")
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT, origin=known)
    assert required_wait_s(users, origin=known) == 30
    assert users.sign_in("ana@example.com", PASSWORD, HERE) is not None


def test_unknown_email_is_throttled_the_same(users: UserService) -> None:
    for email in ("unknown@example.com", "no address at all", "x" * 10_000):
        guess(users, FREE_ATTEMPTS_PER_ACCOUNT, email, ClientOrigin())
        assert required_wait_s(users, email, ClientOrigin()) == 30


def test_network_is_throttled_across_accounts(users: UserService, ana: Viewer) -> None:
    for number in range(FREE_ATTEMPTS_PER_NETWORK):
        guess(users, 1, f"user{number}@example.com", ClientOrigin(f"2001:db8:1:2::{number:x}"))
    assert required_wait_s(users, ana.email, ClientOrigin("2001:db8:1:2:ffff::1")) == 30
    assert users.sign_in(ana.email, PASSWORD, ClientOrigin("2001:db8:1:3::1")) is not None


@pytest.mark.usefixtures("ana")
def test_concurrent_guesses_stay_within_limit(
    database: Database, audit: AuditService, fast_passwords: Passwords, clock: Clock
) -> None:
    tried: list[str] = []
    barrier = threading.Barrier(50)

    class RecordingPasswords(Passwords):
        def verify(self, password: str, password_hash: str | None) -> bool:
            tried.append(password)
            return fast_passwords.verify(password, password_hash)

    workers = [
        UserService(
            Database(database.url, pool_size=5), audit, clock, RecordingPasswords(limits=PasswordLimits(2, 100))
        )
        for _ in range(2)
    ]

    def guess_once(number: int) -> None:
        barrier.wait(timeout=HANG_S)
        with pytest.raises(TooManyAttempts):
            assert workers[number % 2].sign_in("ana@example.com", f"guess {number}", HERE) is None
            raise TooManyAttempts(wait="", wait_s=0)  # this attempt was allowed

    try:
        with ThreadPoolExecutor(50) as pool:
            for done in [pool.submit(guess_once, number) for number in range(50)]:
                done.result(timeout=HANG_S)
    finally:
        for worker in workers:
            worker._database.close()
    assert len(tried) == FREE_ATTEMPTS_PER_ACCOUNT
    assert failure_counts(database)["account"] == FREE_ATTEMPTS_PER_ACCOUNT


@pytest.mark.usefixtures("ana")
def test_failures_expire_after_a_day(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    clock.advance_s(86_401)
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    assert required_wait_s(users) == 30


def test_expired_rows_are_purged_by_attempts(users: UserService, database: Database, clock: Clock) -> None:
    database.fetch(
        """
        INSERT INTO sign_in_failures (subject, failures, last_failed_at)
        SELECT 'address:' || number, 9, %s FROM GENERATE_SERIES(1, 150) AS number
        """,
        (clock(),),
    )
    clock.advance_s(86_401)
    guess(users, 2)
    assert database.fetch("SELECT COUNT(*) AS rows FROM sign_in_failures WHERE failures = 9") == [{"rows": 0}]


def test_busy_hasher_counts_no_attempt(database: Database, audit: AuditService, clock: Clock, ana: Viewer) -> None:
    users = UserService(database, audit, clock, Passwords(slot_timeout_s=0.01))
    with users.passwords.hashing_slot(), users.passwords.hashing_slot():
        with pytest.raises(SignInBusy):
            users.sign_in(ana.email, PASSWORD, HERE)
        with pytest.raises(SignInBusy):
            users.change_password(ana, PASSWORD, "another password")
    assert set(failure_counts(database).values()) == {0}


def test_password_confirmation_counts_separately(users: UserService, ana: Viewer, clock: Clock) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        with pytest.raises(PasswordWrong, match="not your current password"):
            users.change_password(ana, "a wrong password", "another password")
    with pytest.raises(TooManyAttempts, match="30 seconds"):
        users.change_password(ana, PASSWORD, "another password")
    assert users.sign_in(ana.email, PASSWORD, HERE) is not None
    clock.advance_s(30)
    users.change_password(ana, PASSWORD, "another password")


def test_password_reset_clears_failures(users: UserService, ana: Viewer) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT, origin=ClientOrigin())
    assert required_wait_s(users, origin=ClientOrigin()) == 30
    users.set_password(ana.email, "another password")
    assert users.sign_in(ana.email, "another password") is not None


def test_setup_link_is_throttled_by_network(users: UserService, clock: Clock) -> None:
    calls: list[bool] = []

    def link_check(*, right: bool) -> Callable[[], bool]:
        def matches() -> bool:
            calls.append(right)
            return right

        return matches

    for _ in range(30):
        assert users.check_setup_link("203.0.113.7", link_check(right=True))
    for _ in range(FREE_ATTEMPTS_PER_NETWORK):
        assert not users.check_setup_link("203.0.113.7", link_check(right=False))
    with pytest.raises(TooManyAttempts, match="30 seconds"):
        users.check_setup_link("203.0.113.7", link_check(right=True))
    assert len(calls) == 30 + FREE_ATTEMPTS_PER_NETWORK
    clock.advance_s(30)
    assert users.check_setup_link("203.0.113.7", link_check(right=True))


def test_successful_sign_in_takes_three_queries(
    users: UserService, ana: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fetch = Database.fetch

    def counted(self: Database, query: str, params: Any = None) -> Any:
        seen.append(query)
        return fetch(self, query, params)

    monkeypatch.setattr(Database, "fetch", counted)
    assert users.sign_in(ana.email, PASSWORD, HERE) is not None
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("example.com", "unknown"),
    ],
)
def test_network_of_ipv6_is_the_slash_64(address: str, network: str) -> None:
    assert login_throttle.network_of(address) == network


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 second"),
        (0.2, "1 second"),
        (30, "30 seconds"),
        (60, "60 seconds"),
        (61, "2 minutes"),
        (900, "15 minutes"),
    ],
)
def test_wait_is_formatted_rounded_up(seconds: float, words: str) -> None:
    assert login_throttle.format_wait(seconds) == words


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("set_back_s", [16 * 60, 86_400, 400 * 86_400])
def test_clock_set_back_locks_nobody_out(users: UserService, clock: Clock, set_back_s: int) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    assert required_wait_s(users) == 30
    clock.advance_s(-set_back_s)
    assert users.sign_in("ana@example.com", PASSWORD, HERE) is not None


@pytest.mark.usefixtures("ana")
def test_clock_set_back_gives_one_attempt_only(users: UserService, clock: Clock, database: Database) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    clock.advance_s(-86_400)
    guess(users, 1)
    assert required_wait_s(users) == 60, "the failures are still counted"
    assert failure_counts(database)["account"] == FREE_ATTEMPTS_PER_ACCOUNT + 1


@pytest.mark.usefixtures("ana")
def test_slower_clock_of_a_worker_shortens_no_wait(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    clock.advance_s(-120)
    assert required_wait_s(users) == 150
    clock.advance_s(-MAX_WAIT_S + 120)
    assert required_wait_s(users) == MAX_WAIT_S + 30, "the longest wait of all"
