"""Fixtures: the user services, with a clock that the test moves."""

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

PASSWORD = "correct horse battery"


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
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), slot_timeout_s=HANG_S)


@pytest.fixture
def audit(database: Database) -> AuditService:
    """The audit log."""
    return AuditService(database)


@pytest.fixture
def users(database: Database, audit: AuditService, clock: Clock, fast_passwords: Passwords) -> UserService:
    """The service for a user's own account."""
    return UserService(database, audit, clock, fast_passwords)


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
