"""Keep the agents' busy times as their calendars say, and know how far they may be relied on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from peterental.calendars.account import (
    READ_AGAIN_WHOLE_AFTER,
    READ_BEFORE,
    READ_BEYOND,
    SyncResult,
)
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarFault,
    CalendarThrottled,
    Reading,
    ReadWindow,
)
from peterental.calendars.repository import CalendarRepository, Lease
from peterental.clock import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.agents.model import Agent
    from peterental.agents.repository import AgentRepository
    from peterental.calendars.account import Account, Calendar, CalendarAge
    from peterental.calendars.providers import Providers
    from peterental.calendars.source import CalendarAccount
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

log = logging.getLogger(__name__)

SYNC_INTERVAL = timedelta(minutes=5)
RETRY_LOST_AFTER = timedelta(hours=1)
SYNC_TIMEOUT_S = 60.0
REFRESH_TIMEOUT_S = 2.0
"""How long a caller waits for a calendar that was read too long ago, in seconds."""

_POLL_S = 0.05


class OwnEventObserver(Protocol):
    """Receives which of our events a reading contains. Runs in the transaction that stores the reading."""

    def observe(self, connection: Connection, calendar: Calendar, window: ReadWindow, reading: Reading) -> None:
        """Note which of our events a person moved or deleted."""
        ...


class SyncService:
    """Reads the calendars of one database.

    Args:
        database: where busy times are stored.
        calendars: the repository of connected calendars.
        agents: the repository of agents.
        providers: opens accounts.
        max_age_s: the greatest age of busy times that callers are offered times by, in seconds.
        observer: receives our own events.
        is_online: False never asks a provider for a caller, as in a rehearsal.
        waiting_pages: how many threads may wait for calendars because of visitors' pages and the office's tools.
    """

    def __init__(  # noqa: PLR0917  # passed once, by name, in services.py
        self,
        database: Database,
        calendars: CalendarRepository,
        agents: AgentRepository,
        providers: Providers,
        max_age_s: float,
        observer: OwnEventObserver,
        *,
        is_online: bool = True,
        waiting_pages: int = 2,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._agents = agents
        self._providers = providers
        self.max_age_s = max_age_s
        self._observer = observer
        self._is_online = is_online
        self._waiting_pages = threading.BoundedSemaphore(waiting_pages)

    # --- relying on what was read ------------------------------------------------------------------------------------

    def is_current(self, age: CalendarAge | None, agent: Agent, now: datetime) -> bool:
        """Return whether callers may be offered times of an agent. No query.

        Args:
            age: of the agent's busy times, as read with them; None without a calendar.
            agent: whose.
            now: the present moment, aware.
        """
        now = now if self._is_online else utc_now()  # a rehearsal may play at another time
        return age is None or age.is_current(self.max_age_s, now + timedelta(days=agent.rules.horizon_days))

    def age_s(self, calendar_id: int) -> float | None:
        """Return the seconds since a calendar was read; None if it never was, or is disconnected. One query."""
        calendar = self._calendars.calendar(calendar_id)
        return calendar.age_s if calendar else None

    def refresh(self, agent_id: str, timeout_s: float = REFRESH_TIMEOUT_S) -> None:
        """Read an agent's calendars, because a caller waits for them. Waits for another process that reads them.

        Whether it helped, the age of the busy times says afterwards. Must not be called within a transaction.

        Args:
            agent_id: whose.
            timeout_s: how long it may take altogether, in seconds.
        """
        ends_s = time.monotonic() + timeout_s
        accounts = self._calendars.accounts(agent_id) if self._is_online else []
        if len(accounts) > 1:  # one that was read a moment ago must not take the time of the others
            accounts.sort(key=self._is_fresh)
        for account in accounts:
            while (left_s := ends_s - time.monotonic()) > 0:
                result = self.sync(account.account_id, timeout_s=left_s)
                if result is None or result.state != "busy" or self._is_fresh(account):
                    break
                threading.Event().wait(min(_POLL_S, left_s))

    def refresh_for_page(self, agent_id: str) -> None:
        """Read an agent's calendars as `refresh` does, because a visitor or a tool of the office waits for them.

        Returns at once if too many of them wait already: phone calls need the threads, and a visitor may open the page
        any number of times.
        """
        if self._waiting_pages.acquire(blocking=False):
            try:
                self.refresh(agent_id)
            finally:
                self._waiting_pages.release()

    def _is_fresh(self, account: Account) -> bool:
        ages = [calendar.age_s for calendar in self._calendars.calendars_of(account.account_id) if calendar.blocks]
        return all(age_s is not None and age_s <= self.max_age_s for age_s in ages)

    # --- reading -----------------------------------------------------------------------------------------------------

    def due(self) -> list[int]:
        """Return the ids of the accounts that have to be read now, those read longest ago first."""
        return self._calendars.due_accounts(SYNC_INTERVAL, RETRY_LOST_AFTER)

    def sync(self, account_id: int, *, timeout_s: float = SYNC_TIMEOUT_S) -> SyncResult | None:
        """Read the calendars of an account, unless another process does or the provider asked to be left alone.

        What cannot be read changes nothing: the busy times stay, and their age grows. The reason is stored for the
        agent's page. Returns None if there is no such account any more.

        Args:
            account_id: which.
            timeout_s: how long the provider may take altogether, in seconds.
        """
        with self.lease(account_id) as lease:
            if lease is None:
                account = self._calendars.account(account_id)
                return SyncResult(account=account, state="busy") if account else None
            if lease.is_throttled:
                return SyncResult(account=lease.account, state="waiting", problem=lease.account.problem)
            return self._sync(lease, timeout_s)

    @contextmanager
    def lease(self, account_id: int) -> Iterator[Lease | None]:
        """Hold an account, so that this process alone speaks to its provider; None if another one does."""
        lease = self._calendars.claim(account_id, uuid4())
        try:
            yield lease
        finally:
            if lease is not None:
                self._calendars.release(lease)

    def _sync(self, lease: Lease, timeout_s: float) -> SyncResult:
        agent = self._agents.get(lease.account.agent_id, None)
        assert agent is not None  # noqa: S101  # tells mypy; the account is deleted with its agent
        broken: CalendarFault | None = None
        try:
            with self._providers.open(lease, agent, timeout_s) as remote:
                for calendar in self._used_calendars(lease.account.account_id):
                    try:
                        self._read(lease, remote, calendar, agent)
                    except (CalendarAccessLost, CalendarThrottled):
                        raise
                    except CalendarFault as fault:  # the others are read even so
                        broken = broken or fault
        except (CalendarFault, AddressNotAllowed) as fault:
            return self.record_failure(lease, fault)
        if broken is not None:
            return self.record_failure(lease, broken)
        self._calendars.record_success(lease)
        if lease.account.problem is not None:
            log.info("%s can be read again", lease.account.label, extra={"agent_id": lease.account.agent_id})
        counts = self._calendars.busy_counts(lease.account.agent_id)
        calendars = self._calendars.calendars_of(lease.account.account_id)
        events = sum(counts.get(calendar.calendar_id, 0) for calendar in calendars)
        return SyncResult(account=lease.account, state="read", events=events)

    def _used_calendars(self, account_id: int) -> list[Calendar]:
        """Return the calendars of an account that are read, those that block first: no time is offered without them."""
        used = [calendar for calendar in self._calendars.calendars_of(account_id) if calendar.is_used]
        return sorted(used, key=lambda calendar: not calendar.blocks)

    def _read(self, lease: Lease, remote: CalendarAccount, calendar: Calendar, agent: Agent) -> None:
        """Read one calendar and store what it said.

        Nothing is stored if the lease ended in between, or if a person chose something else for the calendar: busy
        times of one that does not block any more would stay, and those of one that blocks since would be missing.
        """
        window, cursor = _next_window(calendar, agent, lease.started_at)
        reading = remote.read(calendar.remote_id, window, cursor)
        with self._database.transaction() as connection:
            if not self._calendars.holds(connection, lease):
                return
            if not self._calendars.is_as_chosen(connection, lease, calendar):
                return
            self._calendars.save_reading(connection, lease, calendar, reading, until=window.end, zone=agent.time_zone)
            self._observer.observe(connection, calendar, window, reading)

    def record_failure(self, lease: Lease, fault: CalendarFault | AddressNotAllowed) -> SyncResult:
        """Record why an account could not be used, and log it when it is new."""
        account, problem = lease.account, str(fault)
        retry_after = timedelta(seconds=fault.retry_after_s) if isinstance(fault, CalendarThrottled) else None
        access_lost = isinstance(fault, CalendarAccessLost)
        self._calendars.record_failure(lease, problem, access_lost=access_lost, retry_after=retry_after)
        if account.problem is None or (access_lost and account.state == "connected"):
            log.warning("%s: %s", account.label, problem, extra={"agent_id": account.agent_id})
        return SyncResult(account=account, state="failed", problem=problem)


def _next_window(calendar: Calendar, agent: Agent, now: datetime) -> tuple[ReadWindow, str | None]:
    """Return the window to read, and the cursor to continue from; None reads it whole.

    A cursor is used as long as its window covers the agent's horizon in the agent's time zone.
    """
    zone, horizon = agent.zone, timedelta(days=agent.rules.horizon_days)
    read_whole_at, read_until = calendar.read_whole_at, calendar.read_until
    if (
        calendar.read_cursor is not None
        and read_whole_at is not None
        and read_until is not None
        and calendar.read_zone == agent.time_zone
        and now - read_whole_at < READ_AGAIN_WHOLE_AFTER
        and read_until >= now + horizon
    ):
        return ReadWindow(read_whole_at - READ_BEFORE, read_until, zone), calendar.read_cursor
    return ReadWindow(now - READ_BEFORE, now + horizon + READ_BEYOND, zone), None
