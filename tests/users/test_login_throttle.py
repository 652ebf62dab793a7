"""Guessing passwords is slowed down, across workers, without locking out those who know them."""

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
from peterental.users.passwords import Passwords
from peterental.users.service import UserService
from tests.servers import HANG_S

if TYPE_CHECKING:
    from tests.users.conftest import Clock

WORDS = "correct horse battery"
HERE = ClientOrigin("203.0.113.7")


def guess(users: UserService, times: int, email: str = "ana@example.com", place: ClientOrigin = HERE) -> None:
    for _ in range(times):
        assert users.sign_in(email, "a wrong password", place) is None


def wait_of(
    users: UserService, email: str = "ana@example.com", place: ClientOrigin = HERE, password: str = WORDS
) -> int:
    with pytest.raises(TooManyAttempts) as refused:
        users.sign_in(email, password, place)
    return int(str(refused.value.values["wait_s"]))


def subjects(database: Database) -> dict[str, int]:
    rows = database.fetch("SELECT subject, failures FROM sign_in_failures")
    return {row["subject"].partition(":")[0]: row["failures"] for row in rows}


@pytest.mark.usefixtures("ana")
def test_after_five_wrong_passwords_also_the_right_one_waits(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    with pytest.raises(TooManyAttempts, match=r"^Too many wrong tries: wait 30 seconds, then try again\.$"):
        users.sign_in("ANA@example.com ", WORDS, HERE)
    clock.pass_s(29)
    assert wait_of(users) == 1
    clock.pass_s(1)
    assert users.sign_in("ana@example.com", WORDS, HERE) is not None


@pytest.mark.usefixtures("ana")
def test_the_wait_doubles_with_each_wrong_try_up_to_a_quarter_of_an_hour(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    waits = []
    for _ in range(8):
        waits.append(wait_of(users))
        clock.pass_s(waits[-1])
        guess(users, 1)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert max(waits) == MAX_WAIT_S


@pytest.mark.usefixtures("ana")
def test_a_try_that_has_to_wait_is_not_counted_again(users: UserService, database: Database) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    before = subjects(database)
    for _ in range(3):
        assert wait_of(users) == 30
    assert subjects(database) == before == {"account": 5, "address": 5}


@pytest.mark.usefixtures("ana")
def test_a_success_clears_the_account_and_takes_only_itself_back_from_the_address(
    users: UserService, database: Database
) -> None:
    guess(users, 4)
    assert users.sign_in("ana@example.com", WORDS, HERE) is not None
    assert subjects(database) == {"account": 0, "address": 4}
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    assert wait_of(users) == 30


@pytest.mark.usefixtures("ana")
def test_somebody_elses_guesses_do_not_keep_out_a_browser_that_signed_in_before(users: UserService) -> None:
    for number in range(FREE_ATTEMPTS_PER_ACCOUNT):
        guess(users, 1, place=ClientOrigin(f"198.51.100.{number}"))
    assert wait_of(users, place=ClientOrigin("192.0.2.1")) == 30
    assert users.sign_in("ana@example.com", WORDS, ClientOrigin("192.0.2.1", device="her laptop")) is not None
    assert wait_of(users, place=ClientOrigin("192.0.2.1")) == 30


@pytest.mark.usefixtures("ana")
def test_a_known_browser_that_guesses_waits_as_well(users: UserService) -> None:
    known = ClientOrigin("192.0.2.1", device="her laptop")
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT, place=known)
    assert wait_of(users, place=known) == 30
    assert users.sign_in("ana@example.com", WORDS, HERE) is not None


def test_an_unknown_address_waits_just_like_an_account(users: UserService) -> None:
    for email in ("nobody@example.com", "no address at all", "x" * 10_000):
        guess(users, FREE_ATTEMPTS_PER_ACCOUNT, email, ClientOrigin())
        assert wait_of(users, email, ClientOrigin()) == 30


def test_one_network_may_be_wrong_twenty_times_whoever_it_tries(users: UserService, ana: Viewer) -> None:
    for number in range(FREE_ATTEMPTS_PER_NETWORK):
        guess(users, 1, f"user{number}@example.com", ClientOrigin(f"2001:db8:1:2::{number:x}"))
    assert wait_of(users, ana.email, ClientOrigin("2001:db8:1:2:ffff::1")) == 30
    assert users.sign_in(ana.email, WORDS, ClientOrigin("2001:db8:1:3::1")) is not None


@pytest.mark.usefixtures("ana")
def test_fifty_guesses_at_once_get_no_more_tries_than_one_after_the_other(
    database: Database, audit: AuditService, quick: Passwords, clock: Clock
) -> None:
    tried: list[str] = []
    together = threading.Barrier(50)

    class Watched(Passwords):
        def verify(self, password: str, password_hash: str | None) -> bool:
            tried.append(password)
            return quick.verify(password, password_hash)

    workers = [UserService(Database(database.url, pool_size=5), audit, clock, Watched()) for _ in range(2)]

    def guess_once(number: int) -> None:
        together.wait(timeout=HANG_S)
        with pytest.raises(TooManyAttempts):
            assert workers[number % 2].sign_in("ana@example.com", f"guess {number}", HERE) is None
            raise TooManyAttempts(wait="", wait_s=0)  # this one was let through

    try:
        with ThreadPoolExecutor(50) as pool:
            for done in [pool.submit(guess_once, number) for number in range(50)]:
                done.result(timeout=HANG_S)
    finally:
        for worker in workers:
            worker._database.close()
    assert len(tried) == FREE_ATTEMPTS_PER_ACCOUNT
    assert subjects(database)["account"] == FREE_ATTEMPTS_PER_ACCOUNT


@pytest.mark.usefixtures("ana")
def test_whoever_was_not_wrong_for_a_day_begins_anew(users: UserService, clock: Clock) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    clock.pass_s(86_401)
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT)
    assert wait_of(users) == 30


def test_old_rows_are_swept_away_by_later_tries(users: UserService, database: Database, clock: Clock) -> None:
    database.fetch(
        """
        INSERT INTO sign_in_failures (subject, failures, last_failed_at)
        SELECT 'address:' || number, 9, %s FROM GENERATE_SERIES(1, 150) AS number
        """,
        (clock(),),
    )
    clock.pass_s(86_401)
    guess(users, 2)
    assert database.fetch("SELECT COUNT(*) AS rows FROM sign_in_failures WHERE failures = 9") == [{"rows": 0}]


def test_when_the_machine_is_busy_nothing_is_counted(
    database: Database, audit: AuditService, clock: Clock, ana: Viewer
) -> None:
    users = UserService(database, audit, clock, Passwords(slot_timeout_s=0.01))
    with users.passwords.hashing_slot(), users.passwords.hashing_slot():
        with pytest.raises(SignInBusy):
            users.sign_in(ana.email, WORDS, HERE)
        with pytest.raises(SignInBusy):
            users.change_password(ana, WORDS, "another password")
    assert set(subjects(database).values()) == {0}


def test_typing_ones_own_password_again_is_counted_apart_from_signing_in(
    users: UserService, ana: Viewer, clock: Clock
) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        with pytest.raises(PasswordWrong, match="not your password"):
            users.change_password(ana, "a wrong password", "another password")
    with pytest.raises(TooManyAttempts, match="30 seconds"):
        users.change_password(ana, WORDS, "another password")
    assert users.sign_in(ana.email, WORDS, HERE) is not None
    clock.pass_s(30)
    users.change_password(ana, WORDS, "another password")


def test_a_new_password_from_the_office_lets_somebody_in_at_once(users: UserService, ana: Viewer) -> None:
    guess(users, FREE_ATTEMPTS_PER_ACCOUNT, place=ClientOrigin())
    assert wait_of(users, place=ClientOrigin()) == 30
    users.set_password(ana.email, "another password")
    assert users.sign_in(ana.email, "another password") is not None


def test_set_up_links_are_tried_twenty_times_and_the_right_one_waits_too(users: UserService, clock: Clock) -> None:
    looked: list[bool] = []

    def answer(*, right: bool) -> Callable[[], bool]:
        def look() -> bool:
            looked.append(right)
            return right

        return look

    for _ in range(30):
        assert users.check_setup_link("203.0.113.7", answer(right=True))
    for _ in range(FREE_ATTEMPTS_PER_NETWORK):
        assert not users.check_setup_link("203.0.113.7", answer(right=False))
    with pytest.raises(TooManyAttempts, match="30 seconds"):
        users.check_setup_link("203.0.113.7", answer(right=True))
    assert len(looked) == 30 + FREE_ATTEMPTS_PER_NETWORK
    clock.pass_s(30)
    assert users.check_setup_link("203.0.113.7", answer(right=True))


def test_a_sign_in_that_succeeds_costs_one_query_more_than_finding_and_noting_it(
    users: UserService, ana: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fetch = Database.fetch

    def counted(self: Database, query: str, params: Any = None) -> Any:
        seen.append(query)
        return fetch(self, query, params)

    monkeypatch.setattr(Database, "fetch", counted)
    assert users.sign_in(ana.email, WORDS, HERE) is not None
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
def test_an_ipv6_customer_is_one_network(address: str, network: str) -> None:
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
def test_a_wait_is_said_in_words_and_never_too_short(seconds: float, words: str) -> None:
    assert login_throttle.format_wait(seconds) == words
