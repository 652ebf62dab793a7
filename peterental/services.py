"""The composition root: build the services of an application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from peterental.agents.service import AgentService
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.appointments.calendar.service import CalendarService
from peterental.appointments.listing.service import ListingService
from peterental.appointments.manual.service import ManualBookingService
from peterental.appointments.phone_service import PhoneBookingService
from peterental.audit.service import AuditService
from peterental.calls.service import CallService
from peterental.clock import utc_now
from peterental.database import Database
from peterental.jobs.service import JobService
from peterental.messages.service import MessageService
from peterental.users.admin_service import UserAdminService
from peterental.users.service import UserService

EXTENSION = "peterental"


@dataclass(frozen=True)
class Services:
    """All services of one application."""

    agents: AgentService
    appointments: PhoneBookingService
    audit: AuditService
    manual: ManualBookingService
    calls: CallService
    calendar: CalendarService
    hours: WorkingHoursService
    jobs: JobService
    listing: ListingService
    user_admin: UserAdminService
    messages: MessageService
    users: UserService


class Application(Protocol):
    """The part of a Flask application that is used here."""

    extensions: dict[str, Any]


def build_services(database: Database, clock: Callable[[], datetime] | None = None) -> Services:
    """Build the services and pass each the services it depends on.

    Args:
        database: used by all of them.
        clock: returns the current time, aware; the system clock by default.
    """
    clock = clock or utc_now
    audit = AuditService(database)
    agents = AgentService(database, audit, clock)
    calls = CallService(database, clock)
    hours = WorkingHoursService(database, agents, audit, clock)
    return Services(
        agents=agents,
        appointments=PhoneBookingService(database, calls, clock),
        audit=audit,
        manual=ManualBookingService(database, audit, clock),
        calls=calls,
        calendar=CalendarService(database, agents, hours, calls, clock),
        hours=hours,
        jobs=JobService(database, audit),
        listing=ListingService(database, clock),
        user_admin=UserAdminService(database, audit),
        messages=MessageService(database, audit, clock),
        users=UserService(database, audit, clock),
    )


def services_of(app: Application) -> Services:
    """Return the services that `create_app` built for `app`."""
    services = app.extensions[EXTENSION]
    assert isinstance(services, Services)  # noqa: S101  # tells mypy; create_app put it there
    return services
