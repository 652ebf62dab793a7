"""The composition root: build the services of an application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from peterental.agents.repository import AgentRepository
from peterental.agents.service import AgentService
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.appointments.calendar.service import CalendarService
from peterental.appointments.calendar_events.feed_repository import FeedRepository
from peterental.appointments.calendar_events.feed_service import FeedService
from peterental.appointments.calendar_events.outbox import CalendarOutbox
from peterental.appointments.calendar_events.repository import CalendarEventRepository
from peterental.appointments.calendar_events.service import CalendarEventService
from peterental.appointments.listing.service import ListingService
from peterental.appointments.manual.service import ManualBookingService
from peterental.appointments.phone_service import PhoneBookingService
from peterental.audit.service import AuditService
from peterental.calendars.connection_service import ConnectionService
from peterental.calendars.credentials import CredentialsStore
from peterental.calendars.providers import Providers
from peterental.calendars.repository import CalendarRepository
from peterental.calendars.sync_service import SyncService
from peterental.calls.service import CallService
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database import Database
from peterental.encryption import Keyring
from peterental.jobs.service import JobService
from peterental.messages.service import MessageService
from peterental.privacy.retention import RetentionService
from peterental.privacy.service import PersonService
from peterental.users.admin_service import UserAdminService
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.users.second_factor_service import SecondFactorService
from peterental.users.service import UserService
from peterental.users.session_service import SessionService

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
    calendar_events: CalendarEventService
    calendar_sync: SyncService
    calendars: ConnectionService
    feeds: FeedService
    hours: WorkingHoursService
    jobs: JobService
    listing: ListingService
    user_admin: UserAdminService
    messages: MessageService
    persons: PersonService
    retention: RetentionService
    second_factor: SecondFactorService
    sessions: SessionService
    users: UserService


class Application(Protocol):
    """The part of a Flask application that is used here."""

    extensions: dict[str, Any]


def build_services(
    database: Database,
    clock: Callable[[], datetime] | None = None,
    config: Config | None = None,
    *,
    pseudonym_key: bytes | None = None,
    buffers_records: bool = False,
    reads_calendars: bool = True,
) -> Services:
    """Build the services and pass each the services it depends on.

    Args:
        database: used by all of them.
        clock: returns the current time, aware; the system clock by default.
        config: the settings of sign-in; the defaults if it is left out.
        pseudonym_key: of the hash by which the audit log identifies a person; a random one by default.
        reads_calendars: whether calendars that were read too long ago are read again for a caller.
        buffers_records: whether tool calls that changed nothing are recorded in batches, see `CallService`.
    """
    clock, config = clock or utc_now, config or Config()
    keyring = Keyring(config.encryption_keys)
    passwords = Passwords(limits=PasswordLimits.for_threads(config.web_threads))
    audit = AuditService(database)
    agents = AgentService(database, audit, clock)
    calls = CallService(database, clock, buffers_records=buffers_records)
    calendars = CalendarRepository(database)
    agent_repository, credentials = AgentRepository(database), CredentialsStore(keyring)
    providers = Providers(calendars, credentials, config, clock)
    events, jobs = CalendarEventRepository(database), JobService(database, audit)
    outbox = CalendarOutbox(events, jobs)
    sync = SyncService(
        database,
        calendars,
        agent_repository,
        providers,
        config.calendar_max_age_minutes * 60.0,
        outbox,
        is_online=reads_calendars,
    )
    hours = WorkingHoursService(database, agents, audit, clock)
    sessions = SessionService(database, audit, config.require_second_factor)
    return Services(
        agents=agents,
        appointments=PhoneBookingService(database, calls, sync, clock),
        audit=audit,
        manual=ManualBookingService(database, audit, sync, clock),
        calls=calls,
        calendar=CalendarService(database, agents, hours, calls, clock),
        calendar_events=CalendarEventService(
            database,
            events,
            calendars,
            agent_repository,
            agents,
            sync,
            providers,
            jobs,
            audit,
            config.public_url,
            clock,
        ),
        calendar_sync=sync,
        calendars=ConnectionService(
            database,
            calendars,
            agents,
            sync,
            providers,
            credentials,
            outbox,
            audit,
            may_store=bool(config.credentials_keys) or not config.is_production,
        ),
        feeds=FeedService(
            database,
            FeedRepository(database),
            events,
            agents,
            credentials,
            lambda: providers.namespace,
            audit,
            config.public_url,
            clock,
        ),
        hours=hours,
        jobs=jobs,
        listing=ListingService(database, audit, clock),
        user_admin=UserAdminService(database, audit),
        messages=MessageService(database, audit, clock),
        persons=PersonService(database, audit, clock, pseudonym_key=pseudonym_key),
        retention=RetentionService(database, clock),
        second_factor=SecondFactorService(database, audit, sessions, passwords=passwords, keyring=keyring, now=clock),
        sessions=sessions,
        users=UserService(database, audit, clock, passwords, keyring),
    )


def services_of(app: Application) -> Services:
    """Return the services that `create_app` built for `app`."""
    services = app.extensions[EXTENSION]
    assert isinstance(services, Services)  # noqa: S101  # tells mypy; create_app put it there
    return services
