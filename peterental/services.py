"""The composition root: build the services of an application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

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
from peterental.config import Application, Config
from peterental.database import Database
from peterental.encryption import Keyring
from peterental.jobs.service import JobService
from peterental.messages.service import MessageService
from peterental.notices.agent_choices.morning_list import MorningLists
from peterental.notices.agent_choices.planner import AgentNoticePlanner
from peterental.notices.agent_choices.service import AgentChoicesService
from peterental.notices.channels import Channels
from peterental.notices.composers import ComposerFactory
from peterental.notices.consents.service import Consents
from peterental.notices.listing import NoticeListing
from peterental.notices.outbox import Outbox
from peterental.notices.release.service import ReleaseService
from peterental.notices.reminder_repository import ReminderRepository
from peterental.notices.reminders import ReminderService
from peterental.notices.replies.service import ReplyService
from peterental.notices.repository import OutboxRepository
from peterental.notices.samples import WordingSamples
from peterental.notices.sending import Sender
from peterental.notices.sending_repository import SendingRepository
from peterental.notices.settings import NoticeSettingsService
from peterental.notices.settings_repository import NoticeSettingsRepository
from peterental.notices.transports import transports
from peterental.notices.user_notices import UserNotices
from peterental.notices.waitlist.links import OfferLinks
from peterental.notices.waitlist.service import WaitlistService
from peterental.notices.webhook_letters import TurnedOff, WebhookNotices
from peterental.notices.wording.service import WordingService
from peterental.phone_numbers import region_of
from peterental.privacy.retention import RetentionService
from peterental.privacy.service import PersonService
from peterental.properties.importing.service import ImportService
from peterental.properties.service import PropertyService
from peterental.today.service import TodayService
from peterental.users.admin_service import UserAdminService
from peterental.users.passwords import PasswordLimits, Passwords
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


class Services:
    """All services of one application, and what several of them share, each built once. See `build_services`."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        config: Config,
        *,
        pseudonym_key: bytes | None,
        buffers_records: bool,
        reads_calendars: bool,
        promises_texts: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._config = config
        self._pseudonym_key = pseudonym_key
        self._buffers_records = buffers_records
        self._reads_calendars = reads_calendars
        self._promises_texts = promises_texts

    @cached_property
    def _keyring(self) -> Keyring:
        return Keyring(self._config.encryption_keys)

    @cached_property
    def _passwords(self) -> Passwords:
        return Passwords(limits=PasswordLimits.for_threads(self._config.web_threads))

    @cached_property
    def _credentials(self) -> CredentialsStore:
        return CredentialsStore(self._keyring)

    @cached_property
    def _agent_rows(self) -> AgentRepository:
        return AgentRepository(self._database)

    @cached_property
    def _calendar_rows(self) -> CalendarRepository:
        return CalendarRepository(self._database)

    @cached_property
    def _event_rows(self) -> CalendarEventRepository:
        return CalendarEventRepository(self._database)

    @cached_property
    def _settings_rows(self) -> NoticeSettingsRepository:
        return NoticeSettingsRepository(self._database)

    @cached_property
    def _providers(self) -> Providers:
        return Providers(self._calendar_rows, self._credentials, self._config, self._clock)

    @cached_property
    def _calendar_outbox(self) -> CalendarOutbox:
        return CalendarOutbox(self._event_rows, self.jobs)

    @property
    def _may_store_secrets(self) -> bool:
        """Whether secrets of others may be stored: with a key of their own to encrypt them, or in development."""
        return bool(self._config.credentials_keys) or not self._config.is_production

    def _namespace(self) -> str:
        return self._providers.namespace

    # --- agents, calls and messages ---

    @cached_property
    def audit(self) -> AuditService:
        return AuditService(self._database)

    @cached_property
    def jobs(self) -> JobService:
        return JobService(self._database, self.audit)

    @cached_property
    def agents(self) -> AgentService:
        return AgentService(self._database, self.audit, self._clock)

    @cached_property
    def hours(self) -> WorkingHoursService:
        return WorkingHoursService(self._database, self.agents, self.audit, self._clock)

    @cached_property
    def closures(self) -> ClosureService:
        return ClosureService(self._database, self.audit, self._clock)

    @cached_property
    def repeating_blocks(self) -> RepeatingBlockService:
        return RepeatingBlockService(self._database, self.audit, self._clock)

    @cached_property
    def time_off(self) -> TimeOffListing:
        return TimeOffListing(self._database, self._clock)

    @cached_property
    def time_off_viewings(self) -> TimeOffViewings:
        return TimeOffViewings(self._database, self._clock)

    @cached_property
    def shared_lines(self) -> SharedLineService:
        return SharedLineService(self._database, self.agents, self.audit)

    @cached_property
    def calls(self) -> CallService:
        return CallService(self._database, self._clock, buffers_records=self._buffers_records)

    @cached_property
    def call_reviews(self) -> CallReviewService:
        return CallReviewService(self._database, self.audit, self._clock)

    @cached_property
    def messages(self) -> MessageService:
        return MessageService(self._database, self.audit, self._clock)

    @cached_property
    def properties(self) -> PropertyService:
        return PropertyService(self._database, self.audit)

    @cached_property
    def property_imports(self) -> ImportService:
        return ImportService(self._database, self.audit, self._clock)

    # --- viewings ---

    @cached_property
    def appointments(self) -> PhoneBookingService:
        return PhoneBookingService(
            self._database, self.calls, self.calendar_sync, self._clock, promises_texts=self._promises_texts
        )

    @cached_property
    def manual(self) -> ManualBookingService:
        return ManualBookingService(self._database, self.audit, self.calendar_sync, self._clock)

    @cached_property
    def free_times(self) -> FreeTimes:
        return self.manual.free_times

    @cached_property
    def line_bookings(self) -> LineBookingService:
        return LineBookingService(self._database, self.audit, self.calendar_sync, self._clock)

    @cached_property
    def listing(self) -> ListingService:
        return ListingService(self._database, self.audit, self._clock)

    @cached_property
    def calendar(self) -> CalendarService:
        return CalendarService(self._database, self.agents, self.hours, self.calls, self._clock)

    @cached_property
    def office_calendar(self) -> OfficeCalendarService:
        return OfficeCalendarService(self._database, self.listing, self._config.office_zone, self._clock)

    @cached_property
    def today(self) -> TodayService:
        return TodayService(self._database, self.listing, self._clock)

    @cached_property
    def visitor_links(self) -> VisitorLinks:
        return VisitorLinks(self._config.session_key, self._config.address)

    @cached_property
    def visitors(self) -> VisitorService:
        return VisitorService(self._database, self.audit, self.calendar_sync, self._namespace, self._clock)

    @cached_property
    def persons(self) -> PersonService:
        return PersonService(self._database, self.audit, self._clock, pseudonym_key=self._pseudonym_key)

    @cached_property
    def retention(self) -> RetentionService:
        return RetentionService(self._database, self._clock)

    # --- calendars of the agents ---

    @cached_property
    def calendar_sync(self) -> SyncService:
        return SyncService(
            self._database,
            self._calendar_rows,
            self._agent_rows,
            self._providers,
            self._config.calendar_max_age_minutes * 60.0,
            self._calendar_outbox,
            is_online=self._reads_calendars,
            waiting_pages=self._config.waiting_pages,
        )

    @cached_property
    def calendars(self) -> ConnectionService:
        return ConnectionService(
            self._database,
            self._calendar_rows,
            self.agents,
            self.calendar_sync,
            self._providers,
            self._credentials,
            self._calendar_outbox,
            self.audit,
            may_store=self._may_store_secrets,
        )

    @cached_property
    def calendar_events(self) -> CalendarEventService:
        return CalendarEventService(
            self._database,
            self._event_rows,
            self._calendar_rows,
            self._agent_rows,
            self.agents,
            self.calendar_sync,
            self._providers,
            self.jobs,
            self.audit,
            self._config.public_url,
            self._clock,
        )

    @cached_property
    def feeds(self) -> FeedService:
        return FeedService(
            self._database,
            FeedRepository(self._database),
            self._event_rows,
            self.agents,
            self._credentials,
            self._namespace,
            self.audit,
            self._config.public_url,
            self._clock,
        )

    # --- notices ---

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self._database, OutboxRepository(self._database), self.audit, self._clock)

    @cached_property
    def consents(self) -> Consents:
        return Consents(self._database)

    @cached_property
    def wordings(self) -> WordingService:
        return WordingService(self._database, self.audit, self._clock)

    @cached_property
    def wording_samples(self) -> WordingSamples:
        return WordingSamples(
            self._database,
            self.wordings,
            self.notice_settings,
            self.outbox,
            self.notice_channels,
            self._config.address,
            region_of(self._config.default_time_zone),
            self._clock,
        )

    @cached_property
    def notice_channels(self) -> Channels:
        return Channels(self._settings_rows)

    @cached_property
    def notice_listing(self) -> NoticeListing:
        return NoticeListing(self._database)

    @cached_property
    def notice_settings(self) -> NoticeSettingsService:
        return NoticeSettingsService(self._database, self._settings_rows, self.audit)

    @cached_property
    def notice_sender(self) -> Sender:
        letters = ComposerFactory(
            database=self._database,
            config=self._config,
            wordings=self.wordings,
            consents=self.consents,
            settings=self._settings_rows.get,
            namespace=self._namespace,
            visitor_link=self.visitor_links.url,
            offer_link=self.offer_links.url,
            turned_off=partial(_turned_off, EndpointRepository(self._database)),
            now=self._clock,
        )
        return Sender(
            self._database,
            SendingRepository(self._database),
            lambda: transports(self._config, self._clock),
            (*letters.build(), self.wording_samples),
            self.consents,
            self._clock,
        )

    @cached_property
    def agent_notices(self) -> AgentChoicesService:
        return AgentChoicesService(self._database, self.agents, self.audit)

    @cached_property
    def agent_notice_planner(self) -> AgentNoticePlanner:
        return AgentNoticePlanner(self._database, MorningLists(self._database), self._clock)

    @cached_property
    def user_notices(self) -> UserNotices:
        return UserNotices(self._database, self.outbox, self.notice_channels, self.jobs, self._clock)

    @cached_property
    def reminders(self) -> ReminderService:
        return ReminderService(ReminderRepository(self._database), self._clock)

    @cached_property
    def releases(self) -> ReleaseService:
        return ReleaseService(self._database, self.visitors, self._clock)

    @cached_property
    def offer_links(self) -> OfferLinks:
        return OfferLinks(self._config.session_key, self._config.address)

    @cached_property
    def waitlist(self) -> WaitlistService:
        return WaitlistService(
            self._database, self.calls, self.calendar_sync, self.outbox, self.notice_settings, self.audit, self._clock
        )

    @cached_property
    def replies(self) -> ReplyService:
        return ReplyService(
            self._database,
            visitors=self.visitors,
            waitlist=self.waitlist,
            consents=self.consents,
            outbox=self.outbox,
            settings=self.notice_settings,
            link_of=self.visitor_links.url if self._config.link_address else lambda *_: "",
            now=self._clock,
        )

    # --- users, and the office's own tools ---

    @cached_property
    def sessions(self) -> SessionService:
        return SessionService(self._database, self.audit, self._config.require_second_factor)

    @cached_property
    def second_factor(self) -> SecondFactorService:
        return SecondFactorService(
            self._database, self.audit, self.sessions, passwords=self._passwords, keyring=self._keyring, now=self._clock
        )

    @cached_property
    def users(self) -> UserService:
        return UserService(self._database, self.audit, self._clock, self._passwords, self._keyring)

    @cached_property
    def user_admin(self) -> UserAdminService:
        return UserAdminService(self._database, self.audit, self.user_notices.invite)

    @cached_property
    def api_tokens(self) -> TokenService:
        return TokenService(self._database, self.audit, self._keyring, self._clock)

    @cached_property
    def api_requests(self) -> RequestCounter:
        return RequestCounter(self._database, self._clock)

    @cached_property
    def webhooks(self) -> WebhookService:
        return WebhookService(
            self._database,
            self._keyring,
            self.jobs,
            self.audit,
            self._clock,
            may_store=self._may_store_secrets,
            allow_private=self._config.allow_private_addresses,
        )

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        return WebhookSender(
            self._database,
            self._keyring,
            self.jobs,
            self._clock,
            allow_private=self._config.allow_private_addresses,
            notify_turned_off=WebhookNotices(self._database, self.outbox).notify_turned_off,
        )


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
        promises_texts: whether callers are promised the text that they will get.
        buffers_records: whether tool calls that changed nothing are recorded in batches, see `CallService`.
    """
    services = Services(
        database,
        clock or utc_now,
        config or Config(),
        pseudonym_key=pseudonym_key,
        buffers_records=buffers_records,
        reads_calendars=reads_calendars,
        promises_texts=promises_texts,
    )
    # All of them now: threads share the services, and a cached property of Python 3.12 takes no lock.
    for name, member in vars(Services).items():
        if isinstance(member, cached_property):
            getattr(services, name)
    return services


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
