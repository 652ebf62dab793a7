"""The services about users, on a database of the test's own, going by a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from peterental.access import Viewer
from peterental.audit.model import AuditEntry, LogFilter
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.users.admin_service import UserAdminService
from peterental.users.passwords import Passwords
from peterental.users.service import UserService
from tests.servers import HANG_S

WORDS = "correct horse battery"


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The services' clock."""
    return Clock()


@pytest.fixture
def quick() -> Passwords:
    """Passwords that are hashed in no time, for tests that try many."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), slot_timeout_s=HANG_S)


@pytest.fixture
def audit(database: Database) -> AuditService:
    """The audit log."""
    return AuditService(database)


@pytest.fixture
def users(database: Database, audit: AuditService, clock: Clock, quick: Passwords) -> UserService:
    """The users."""
    return UserService(database, audit, clock, quick)


@pytest.fixture
def members(database: Database, audit: AuditService) -> UserAdminService:
    """The users, for admins."""
    return UserAdminService(database, audit)


@pytest.fixture
def office(users: UserService) -> Viewer:
    """The office manager."""
    return users.create("office@example.com", WORDS, "admin", "Olga Office")


@pytest.fixture
def ana(users: UserService) -> Viewer:
    """A user who is no admin."""
    return users.create("ana@example.com", WORDS, "agent", "Ana Lima")


@pytest.fixture
def log(audit: AuditService) -> Log:
    """What the audit log says."""
    return Log(audit)


class Log:
    """Reads the audit log about users, oldest first."""

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    @property
    def entries(self) -> list[AuditEntry]:
        """Every line."""
        page = self._audit.listing(Viewer(0, "reader", is_admin=True), LogFilter(subject_kind="user"))
        return list(reversed(page.entries))

    @property
    def lines(self) -> list[str]:
        """Every line as `actor action subject`."""
        return [f"{entry.actor} {entry.change.action} {entry.change.subject_name}" for entry in self.entries]
