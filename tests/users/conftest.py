"""Fixtures: the user services, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from peterental.access import Viewer
from peterental.audit.model import AuditEntry, LogFilter
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.encryption import Keyring
from peterental.users.admin_service import UserAdminService
from peterental.users.model import Client, SignedIn
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.users.second_factor_service import SecondFactorService
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from tests.servers import HANG_S

PASSWORD = "correct horse battery"
CLIENT = Client("203.0.113.7", "Firefox on Linux")

MANY = PasswordLimits(hashing=2, waiting=100)
"""For tests with many threads."""


class Clock:
    """A clock that only moves when a test advances it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The services' clock."""
    return Clock()


@pytest.fixture
def fast_passwords() -> Passwords:
    """Passwords hashed with cheap parameters, for tests with many attempts."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), slot_timeout_s=HANG_S, limits=MANY)


@pytest.fixture
def audit(database: Database) -> AuditService:
    """The audit log."""
    return AuditService(database)


@pytest.fixture
def keyring() -> Keyring:
    """Encrypts the secrets of second factors."""
    return Keyring(lambda: ("a key for tests, long enough to be one",))


@pytest.fixture
def users(
    database: Database, audit: AuditService, clock: Clock, fast_passwords: Passwords, keyring: Keyring
) -> UserService:
    """The service for a user's own account."""
    return UserService(database, audit, clock, fast_passwords, keyring)


@pytest.fixture
def sessions(database: Database, audit: AuditService) -> SessionService:
    """The sessions, in an office that requires no second factor."""
    return SessionService(database, audit)


@pytest.fixture
def second_factor(
    *,
    database: Database,
    audit: AuditService,
    sessions: SessionService,
    fast_passwords: Passwords,
    keyring: Keyring,
    clock: Clock,
) -> SecondFactorService:
    """The service for second factors."""
    return SecondFactorService(database, audit, sessions, passwords=fast_passwords, keyring=keyring, now=clock)


@pytest.fixture
def enter(users: UserService, sessions: SessionService) -> Callable[..., str]:
    """A function that signs in without a second factor, and returns the token of the session."""

    def enter(viewer: Viewer, password: str = PASSWORD) -> str:
        signed_in = users.sign_in(viewer.email, password)
        assert isinstance(signed_in, SignedIn)
        return sessions.start(signed_in, CLIENT)

    return enter


@pytest.fixture
def user_admin(database: Database, audit: AuditService) -> UserAdminService:
    """The service for admins."""
    return UserAdminService(database, audit)


@pytest.fixture
def admin(users: UserService) -> Viewer:
    """An admin."""
    return users.create("office@example.com", PASSWORD, "admin", "Olga Office")


@pytest.fixture
def ana(users: UserService) -> Viewer:
    """A user who is not an admin."""
    return users.create("ana@example.com", PASSWORD, "agent", "Ana Lima")


@pytest.fixture
def log(audit: AuditService) -> AuditLog:
    """The audit log's entries about users."""
    return AuditLog(audit)


class AuditLog:
    """Reads the audit log's entries about users, oldest first."""

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    @property
    def entries(self) -> list[AuditEntry]:
        """All entries."""
        page = self._audit.listing(Viewer(0, "reader", is_admin=True), LogFilter(subject_kind="user"))
        return list(reversed(page.entries))

    @property
    def lines(self) -> list[str]:
        """All entries as `actor action subject`."""
        return [f"{entry.actor} {entry.change.action} {entry.change.subject_name}" for entry in self.entries]
