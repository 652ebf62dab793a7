"""Accounts, passwords and sessions."""

from __future__ import annotations

import threading
from typing import Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from peterental.access import Viewer
from peterental.audit.service import AuditService
from peterental.database.constraints import ConstraintViolated
from peterental.database.pool import Database
from peterental.users import passwords
from peterental.users.model import (
    AlreadySetUp,
    EmailInvalid,
    EmailTaken,
    EmailUnknown,
    PasswordTooLong,
    PasswordTooShort,
    SignedIn,
    SignInBusy,
)
from peterental.users.passwords import HASHER, PasswordLimits, Passwords
from peterental.users.repository import UserRepository
from peterental.users.service import UserService
from tests.servers import HANG_S

PASSWORD = "correct horse battery"
READER = Viewer(0, "reader@example.com", is_admin=True)


@pytest.fixture
def users(database: Database) -> UserService:
    """The service under test."""
    return service(database)


def service(database: Database, passwords: Passwords | None = None) -> UserService:
    return UserService(database, AuditService(database), passwords=passwords)


def stored_hash(database: Database, email: str) -> str:
    return str(database.fetch("SELECT password_hash FROM users WHERE email = %s", (email,))[0]["password_hash"])


def test_created_user_can_sign_in(users: UserService) -> None:
    created = users.create("ana@example.com", PASSWORD, "agent", "Ana Lima")
    assert users.sign_in("ana@example.com", PASSWORD) == SignedIn(viewer=created, session_epoch=0)
    assert not created.is_admin
    assert [person.label for person in users.active_users(READER)] == ["Ana Lima (ana@example.com)"]


def test_email_ignores_case_and_spaces(users: UserService) -> None:
    users.create("Ana@Example.com", PASSWORD, "admin")
    assert users.sign_in(" ana@EXAMPLE.com ", PASSWORD) is not None
    with pytest.raises(EmailTaken, match="already a user"):
        users.create("ANA@example.com", PASSWORD, "agent")
    assert [person.label for person in users.active_users(READER)] == ["Ana@Example.com"]


@pytest.mark.parametrize(
    "email", ["ana", "ana@example", "ana@example.com\x00", "a" * 250 + "@example.com", "ána@x.com", ""]
)
def test_invalid_email_is_refused(users: UserService, email: str) -> None:
    with pytest.raises(EmailInvalid, match="should look like"):
        users.create(email, PASSWORD, "agent")
    assert users.sign_in(email, PASSWORD) is None


def test_column_check_raises_email_invalid(database: Database) -> None:
    users, unused = UserRepository(database), "-"
    with pytest.raises(EmailInvalid), database.transaction() as connection:
        users.insert(connection, email="not an address", password_hash=unused, role="agent", full_name=None)
    assert not users.has_passwords()


@pytest.mark.parametrize("constraint", ["UNIQUE (full_name)", "CHECK (email <> 'ana@example.com')"])
def test_unknown_users_constraint_is_a_fault(users: UserService, database: Database, constraint: str) -> None:
    users.create("ben@example.com", PASSWORD, "agent", "Ana Lima")
    database.fetch(f"ALTER TABLE users ADD CONSTRAINT operators_own {constraint}")
    with pytest.raises(ConstraintViolated, match="operators_own of table users"):
        users.create("ana@example.com", PASSWORD, "agent", "Ana Lima")


def test_unknown_constraint_at_setup_is_a_fault(users: UserService, database: Database) -> None:
    database.fetch("ALTER TABLE users ADD CONSTRAINT operators_own CHECK (full_name IS NOT NULL)")
    with pytest.raises(ConstraintViolated, match="operators_own"):
        users.create_first_admin("ana@example.com", PASSWORD)


def test_password_needs_twelve_characters(users: UserService) -> None:
    with pytest.raises(PasswordTooShort, match="at least 12 characters"):
        users.create("ana@example.com", "eleven char", "agent")
    users.create("ana@example.com", "twelve chars", "agent")


def test_password_has_at_most_1024_bytes(users: UserService) -> None:
    longest = PASSWORD + "é" * 501 + "x"
    users.create("ana@example.com", longest, "agent")
    assert users.sign_in("ana@example.com", longest) is not None
    with pytest.raises(PasswordTooLong, match="1024 bytes"):
        users.set_password("ana@example.com", longest + "x")


def test_composed_and_decomposed_accents_match(users: UserService) -> None:
    users.create("ana@example.com", "caf\u00e9 au lait please", "agent")
    assert users.sign_in("ana@example.com", "cafe\u0301 au lait please") is not None


def test_wrong_credentials_cannot_sign_in(users: UserService) -> None:
    users.create("ana@example.com", PASSWORD, "agent")
    assert users.sign_in("ana@example.com", PASSWORD + "!") is None
    assert users.sign_in("ben@example.com", PASSWORD) is None
    assert users.sign_in("ana@example.com", "x" * 100_000) is None


def test_deactivated_user_cannot_sign_in(users: UserService, database: Database) -> None:
    users.create("ana@example.com", PASSWORD, "agent")
    database.fetch("UPDATE users SET is_active = FALSE")
    assert users.sign_in("ana@example.com", PASSWORD) is None
    assert users.active_users(READER) == []


def test_malformed_hash_matches_no_password(users: UserService, database: Database) -> None:
    users.create("ana@example.com", PASSWORD, "agent")
    database.fetch("UPDATE users SET password_hash = 'plain'")
    assert users.sign_in("ana@example.com", "plain") is None


def test_unknown_user_costs_same_hashing(database: Database) -> None:
    checked: list[tuple[Parameters, int]] = []

    class RecordingHasher(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # argon2's name
            checked.append((extract_parameters(str(hash)), len(password)))
            return super().verify(hash, password)

    users = service(database, Passwords(RecordingHasher.from_parameters(extract_parameters(HASHER.hash(PASSWORD)))))
    users.create("ana@example.com", PASSWORD, "agent")
    for email in ("ana@example.com", "unknown@example.com", "unknown"):
        assert users.sign_in(email, "wrong password!") is None
    assert checked == [checked[0]] * 3, "the same work each time"


def test_sign_in_flood_is_refused_quickly(database: Database) -> None:
    users = service(database, Passwords(slot_timeout_s=0.01))
    with users.passwords.hashing_slot(), users.passwords.hashing_slot(), pytest.raises(SignInBusy, match="try again"):
        users.sign_in("ana@example.com", PASSWORD)
    assert users.sign_in("ana@example.com", PASSWORD) is None


def test_password_change_raises_the_epoch(users: UserService) -> None:
    viewer = users.create("ana@example.com", PASSWORD, "admin")
    epoch = users.set_password("ANA@example.com", "another password")
    assert epoch == 1
    assert users.sign_in("ana@example.com", PASSWORD) is None
    signed_in = users.sign_in("ana@example.com", "another password")
    assert signed_in == SignedIn(viewer=viewer, session_epoch=epoch)


@pytest.mark.parametrize("email", ["unknown@example.com", "no address"])
def test_unknown_user_password_cannot_be_set(users: UserService, email: str) -> None:
    with pytest.raises(EmailUnknown, match="No user has"):
        users.set_password(email, PASSWORD)


def test_weak_hash_is_renewed_at_sign_in(users: UserService, database: Database) -> None:
    weaker = service(database, Passwords(PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)))
    weaker.create("ana@example.com", PASSWORD, "agent")
    before = stored_hash(database, "ana@example.com")
    assert users.sign_in("ana@example.com", PASSWORD) is not None
    after = stored_hash(database, "ana@example.com")
    assert before != after
    assert not passwords.HASHER.check_needs_rehash(after)
    assert after.startswith("$argon2id$")
    assert users.sign_in("ana@example.com", PASSWORD) is not None
    assert stored_hash(database, "ana@example.com") == after


def test_sign_in_time_is_recorded(users: UserService, database: Database) -> None:
    users.create("ana@example.com", PASSWORD, "agent")
    assert database.fetch("SELECT last_sign_in_at FROM users")[0]["last_sign_in_at"] is None
    users.sign_in("ana@example.com", PASSWORD)
    assert database.fetch("SELECT last_sign_in_at FROM users")[0]["last_sign_in_at"] is not None


def test_first_user_is_admin_and_only_one(users: UserService) -> None:
    assert not users.is_set_up()
    signed_in = users.create_first_admin("ana@example.com", PASSWORD)
    assert signed_in.viewer.is_admin
    assert users.is_set_up()
    with pytest.raises(AlreadySetUp, match="already set up"):
        users.create_first_admin("ben@example.com", PASSWORD)


def test_concurrent_setup_creates_one_user(database: Database) -> None:
    all_see_no_user = threading.Barrier(4)

    class SynchronizedService(UserService):
        def is_set_up(self) -> bool:
            found = super().is_set_up()
            all_see_no_user.wait(timeout=HANG_S)
            return found

    users = SynchronizedService(
        database, AuditService(database), passwords=Passwords(slot_timeout_s=HANG_S, limits=PasswordLimits(2, 100))
    )
    outcomes: list[str] = []

    def set_up(number: int) -> None:
        try:
            users.create_first_admin(f"user{number}@example.com", PASSWORD)
            outcomes.append("made")
        except AlreadySetUp:
            outcomes.append("refused")

    threads = [threading.Thread(target=set_up, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert len(service(database).active_users(READER)) == 1


def test_first_password_on_the_command_line_makes_one_admin(database: Database) -> None:
    database.fetch(
        "INSERT INTO users (email, password_hash) SELECT n || '@example.com', '' FROM generate_series(1, 4) n"
    )
    users = UserService(
        database, AuditService(database), passwords=Passwords(slot_timeout_s=HANG_S, limits=PasswordLimits(2, 100))
    )
    promoted: list[bool] = []

    def set_password(number: int) -> None:
        promoted.append(users.set_up_password(f"{number}@example.com", PASSWORD).became_admin)

    threads = [threading.Thread(target=set_password, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(promoted) == [False, False, False, True]
    assert database.fetch("SELECT count(*) AS n FROM users WHERE role = 'admin'") == [{"n": 1}]


def test_password_of_an_admin_promotes_nothing(users: UserService, database: Database) -> None:
    database.fetch("INSERT INTO users (email, password_hash, role) VALUES ('ana@example.com', '', 'admin')")
    done = users.set_up_password("ana@example.com", PASSWORD)
    assert (done.became_admin, done.before.role, done.session_epoch) == (False, "admin", 1)
