"""The composition root: build the services of an application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from peterental.agents.repository import AgentRepository
from peterental.agents.service import AgentService
from peterental.agents.shared_lines.service import SharedLineService
from peterental.agents.time_off.closure_service import ClosureService
from peterental.agents.time_off.listing import TimeOffListing
from peterental.agents.time_off.repeating_service import RepeatingBlockService
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.appointments.calendar.office_service import OfficeCalendarService
from peterental.appointments.calendar.service import CalendarService
from peterental.appointments.calendar.time_off import TimeOffViewings
from peterental.appointments.calendar_events.feed_repository import FeedRepository
from peterental.appointments.calendar_events.feed_service import FeedService
from peterental.appointments.calendar_events.outbox import CalendarOutbox
from peterental.appointments.calendar_events.repository import CalendarEventRepository
from peterental.appointments.calendar_events.service import CalendarEventService
from peterental.appointments.line_bookings.service import LineBookingService
from peterental.appointments.listing.service import ListingService
from peterental.appointments.manual.free_times import FreeTimes
from peterental.appointments.manual.service import ManualBookingService
from peterental.appointments.phone_service import PhoneBookingService
from peterental.appointments.visitors.links import VisitorLinks
from peterental.appointments.visitors.service import VisitorService
from peterental.audit.service import AuditService
from peterental.calendars.connection_service import ConnectionService
from peterental.calendars.credentials import CredentialsStore
from peterental.calendars.providers import Providers
from peterental.calendars.repository import CalendarRepository
from peterental.calendars.sync_service import SyncService
from peterental.calls.review_service import CallReviewService
from peterental.calls.service import CallService
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database import Database
from peterental.encryption import Keyring
from peterental.jobs.service import JobService
from peterental.messages.service import MessageService
from peterental.notices.agent_choices.morning_list import MorningLists
from peterental.notices.agent_choices.planner import AgentNoticePlanner
from peterental.notices.agent_choices.service import AgentChoicesService
from peterental.notices.agent_letters import AgentLetters
from peterental.notices.channels import Channels
from peterental.notices.consents.service import Consents
from peterental.notices.letters import ViewingLetters
from peterental.notices.listing import NoticeListing
from peterental.notices.outbox import Outbox
from peterental.notices.release.service import ReleaseService
from peterental.notices.reminder_repository import ReminderRepository
from peterental.notices.reminders import ReminderService
from peterental.notices.replies.letters import ReplyLetters
from peterental.notices.replies.service import ReplyService
from peterental.notices.repository import OutboxRepository
from peterental.notices.samples import WordingSamples
from peterental.notices.sending import Sender
from peterental.notices.sending_repository import SendingRepository
from peterental.notices.settings import NoticeSettingsService
from peterental.notices.settings_repository import NoticeSettingsRepository
from peterental.notices.transports import transports
from peterental.notices.user_letters import UserLetters
from peterental.notices.user_notices import UserNotices
from peterental.notices.viewing_repository import ViewingRepository
from peterental.notices.waitlist.letters import OfferLetters
from peterental.notices.waitlist.links import OfferLinks
from peterental.notices.waitlist.service import WaitlistService
from peterental.notices.webhook_letters import TurnedOff, WebhookLetters, WebhookNotices
from peterental.notices.wording.service import WordingService
from peterental.phone_numbers import region_of
from peterental.privacy.retention import RetentionService
from peterental.privacy.service import PersonService
from peterental.properties.importing.service import ImportService
from peterental.properties.service import PropertyService
from peterental.today.service import TodayService
from peterental.users.admin_service import UserAdminService
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.users.repository import UserRepository
from peterental.users.second_factor_service import SecondFactorService
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from peterental.users.tokens.requests import RequestCounter
from peterental.users.tokens.service import TokenService
from peterental.webhooks.repository import EndpointRepository
from peterental.webhooks.sending import WebhookSender
from peterental.webhooks.service import WebhookService, host_of

if TYPE_CHECKING:
    from peterental.database.connect import Connection

EXTENSION = "peterental"


@dataclass(frozen=True)
class Services:
    """All services of one application."""

    agent_notices: AgentChoicesService
    agent_notice_planner: AgentNoticePlanner
    agents: AgentService
    api_requests: RequestCounter
    api_tokens: TokenService
    appointments: PhoneBookingService
    audit: AuditService
    manual: ManualBookingService
    free_times: FreeTimes
    calls: CallService
    call_reviews: CallReviewService
    calendar: CalendarService
    calendar_events: CalendarEventService
    calendar_sync: SyncService
    calendars: ConnectionService
    closures: ClosureService
    consents: Consents
    feeds: FeedService
    hours: WorkingHoursService
    jobs: JobService
    line_bookings: LineBookingService
    listing: ListingService
    user_admin: UserAdminService
    messages: MessageService
    notice_channels: Channels
    notice_listing: NoticeListing
    notice_sender: Sender
    notice_settings: NoticeSettingsService
    office_calendar: OfficeCalendarService
    offer_links: OfferLinks
    outbox: Outbox
    persons: PersonService
    properties: PropertyService
    property_imports: ImportService
    releases: ReleaseService
    reminders: ReminderService
    repeating_blocks: RepeatingBlockService
    replies: ReplyService
    retention: RetentionService
    second_factor: SecondFactorService
    sessions: SessionService
    time_off: TimeOffListing
    time_off_viewings: TimeOffViewings
    shared_lines: SharedLineService
    today: TodayService
    user_notices: UserNotices
    users: UserService
    waitlist: WaitlistService
    visitor_links: VisitorLinks
    visitors: VisitorService
    webhook_sender: WebhookSender
    webhooks: WebhookService
    wording_samples: WordingSamples
    wordings: WordingService


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
    promises_texts: bool = True,
) -> Services:
    """Build the services and pass each the services it depends on.

    Args:
        database: used by all of them.
        clock: returns the current time, aware; the system clock by default.
        config: the settings of sign-in; the defaults if it is left out.
        pseudonym_key: of the hash by which the audit log identifies a person; a random one by default.
        reads_calendars: whether calendars that were read too long ago are read again for a caller.
        promises_texts: whether callers are told of the text that they will get.
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
    calendar_outbox = CalendarOutbox(events, jobs)
    sync = SyncService(
        database,
        calendars,
        agent_repository,
        providers,
        config.calendar_max_age_minutes * 60.0,
        calendar_outbox,
        is_online=reads_calendars,
        waiting_pages=max(1, config.web_threads // 4),
    )
    hours = WorkingHoursService(database, agents, audit, clock)
    visitors = VisitorService(database, audit, sync, lambda: providers.namespace, clock)
    sessions = SessionService(database, audit, config.require_second_factor)
    links = VisitorLinks(config.session_key, config.address)
    consents, wordings = Consents(database), WordingService(database, audit, clock)
    office = NoticeSettingsRepository(database)
    viewing_letters = ViewingLetters(
        ViewingRepository(database),
        wordings,
        settings=office.get,
        namespace=lambda: providers.namespace,
        visitor_link=links.url if config.link_address else lambda _: None,
        public_url=config.link_address,
        now=clock,
    )
    lists, offer_links = MorningLists(database), OfferLinks(config.session_key, config.address)
    agent_letters = AgentLetters(
        database,
        wordings,
        lists,
        settings=office.get,
        namespace=lambda: providers.namespace,
        public_url=config.public_url,
        now=clock,
    )
    offer_letters = OfferLetters(database, wordings, settings=office.get, link=offer_links.url, now=clock)
    channels, outbox = Channels(office), Outbox(database, OutboxRepository(database), audit, clock)
    notice_settings = NoticeSettingsService(database, office, audit)
    waitlist = WaitlistService(database, calls, sync, outbox, notice_settings, audit, clock)
    samples = WordingSamples(
        database,
        wordings,
        notice_settings,
        outbox,
        channels,
        config.address,
        region_of(config.default_time_zone),
        clock,
    )
    user_notices = UserNotices(database, outbox, channels, jobs, clock)
    user_letters = UserLetters(
        UserRepository(database),
        key=config.session_key,
        address=config.address,
        office_name=lambda: office.get().office_name,
        namespace=lambda: providers.namespace,
        now=clock,
    )
    webhook_letters = WebhookLetters(
        database,
        turned_off=partial(_turned_off, EndpointRepository(database)),
        address=config.address,
        office_name=lambda: office.get().office_name,
        namespace=lambda: providers.namespace,
    )
    listing = ListingService(database, audit, clock)
    manual = ManualBookingService(database, audit, sync, clock)
    return Services(
        agent_notices=AgentChoicesService(database, agents, audit),
        agent_notice_planner=AgentNoticePlanner(database, lists, clock),
        agents=agents,
        api_requests=RequestCounter(database, clock),
        api_tokens=TokenService(database, audit, clock),
        appointments=PhoneBookingService(database, calls, sync, clock, promises_texts=promises_texts),
        audit=audit,
        manual=manual,
        free_times=manual.free_times,
        calls=calls,
        call_reviews=CallReviewService(database, audit, clock),
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
            calendar_outbox,
            audit,
            may_store=bool(config.credentials_keys) or not config.is_production,
        ),
        closures=ClosureService(database, audit, clock),
        consents=consents,
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
        line_bookings=LineBookingService(database, audit, sync, clock),
        listing=listing,
        user_admin=UserAdminService(database, audit, user_notices.invite),
        messages=MessageService(database, audit, clock),
        notice_channels=channels,
        notice_listing=NoticeListing(database),
        notice_sender=Sender(
            database,
            SendingRepository(database),
            lambda: transports(config, clock),
            (
                viewing_letters,
                agent_letters,
                offer_letters,
                user_letters,
                webhook_letters,
                samples,
                ReplyLetters(consents),
            ),
            consents,
            clock,
        ),
        notice_settings=notice_settings,
        office_calendar=OfficeCalendarService(database, listing, ZoneInfo(config.default_time_zone), clock),
        offer_links=offer_links,
        outbox=outbox,
        persons=PersonService(database, audit, clock, pseudonym_key=pseudonym_key),
        properties=PropertyService(database, audit),
        property_imports=ImportService(database, audit, clock),
        releases=ReleaseService(database, visitors, clock),
        reminders=ReminderService(ReminderRepository(database), clock),
        repeating_blocks=RepeatingBlockService(database, audit, clock),
        replies=ReplyService(
            database,
            visitors=visitors,
            waitlist=waitlist,
            consents=consents,
            outbox=outbox,
            settings=notice_settings,
            link_of=links.url if config.link_address else lambda _: "",
            now=clock,
        ),
        retention=RetentionService(database, clock),
        second_factor=SecondFactorService(database, audit, sessions, passwords=passwords, keyring=keyring, now=clock),
        sessions=sessions,
        time_off=TimeOffListing(database, clock),
        time_off_viewings=TimeOffViewings(database, clock),
        shared_lines=SharedLineService(database, agents, audit),
        today=TodayService(database, listing, clock),
        user_notices=user_notices,
        users=UserService(database, audit, clock, passwords, keyring),
        visitor_links=links,
        visitors=visitors,
        waitlist=waitlist,
        webhook_sender=WebhookSender(
            database,
            keyring,
            jobs,
            clock,
            allow_private=config.allow_private_addresses,
            tell_turned_off=WebhookNotices(database, outbox).tell_turned_off,
        ),
        webhooks=WebhookService(
            database,
            keyring,
            jobs,
            audit,
            clock,
            may_store=bool(config.credentials_keys) or not config.is_production,
            allow_private=config.allow_private_addresses,
        ),
        wording_samples=samples,
        wordings=wordings,
    )


def _turned_off(endpoints: EndpointRepository, endpoint_id: int, connection: Connection | None) -> TurnedOff | None:
    """Return a webhook that PeteRental turned off and about which no person has decided."""
    endpoint = endpoints.get(endpoint_id) if connection is None else endpoints.read(connection, endpoint_id)
    if endpoint is None or endpoint.is_active or endpoint.off_reason is None:
        return None
    return TurnedOff(host_of(endpoint.url), endpoint.off_reason)


def services_of(app: Application) -> Services:
    """Return the services that `create_app` built for `app`."""
    services = app.extensions[EXTENSION]
    assert isinstance(services, Services)  # noqa: S101  # tells mypy; create_app put it there
    return services
