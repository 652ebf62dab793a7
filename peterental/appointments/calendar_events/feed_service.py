"""The feed: an agent's viewings under a secret address, to which calendar programs subscribe."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.agents.service import agent_change
from peterental.appointments.calendar_events.event import event_of
from peterental.clock import utc_now
from peterental.errors import NotFound, Refusal

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.appointments.calendar_events.feed_repository import FeedRepository
    from peterental.appointments.calendar_events.repository import CalendarEventRepository
    from peterental.audit.service import AuditService
    from peterental.calendars.credentials import CredentialsStore
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

MAX_EVENTS = 1000
SHOWN_BEFORE = timedelta(days=30)
UNSETTLED = timedelta(seconds=2)

MAX_FETCHES_PER_MINUTE = 20
"""Of one address, in one process. Programs ask every few minutes at most."""
MAX_COUNTED = 10_000

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class FeedUnknown(NotFound):
    """There is no such feed."""


class FetchedTooOften(Refusal):
    """This calendar is fetched too often. Try again in a minute."""


@dataclass(frozen=True)
class FeedAddress:
    """The feed of an agent, for its page.

    Args:
        path: of the address, with the secret; None if the keys have changed since, so that it cannot be shown.
        created_at: when the address was made, UTC.
        fetched_at: when a program last fetched it, UTC; None if none did.
    """

    path: str | None = field(repr=False)
    created_at: datetime
    fetched_at: datetime | None


@dataclass(frozen=True)
class Feed:
    """What a program is sent.

    Args:
        text: iCalendar data.
        etag: identifies the text.
        changed_at: when one of the viewings last changed, cancelled ones too, UTC; None without any, and within the
            seconds after a change: another one may follow in the same second, which is all that HTTP can tell.
    """

    text: bytes
    etag: str
    changed_at: datetime | None


class FetchLimit:
    """Counts fetches by address, in this process.

    Args:
        monotonic: returns seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._counts: OrderedDict[bytes, tuple[int, int]] = OrderedDict()

    def consume(self, token_hash: bytes) -> None:
        """Count a fetch. Raises FetchedTooOften."""
        minute = int(self._monotonic() // 60)
        with self._lock:
            counted_in, count = self._counts.pop(token_hash, (minute, 0))
            count = count + 1 if counted_in == minute else 1
            self._counts[token_hash] = (minute, count)
            if len(self._counts) > MAX_COUNTED:
                self._counts.popitem(last=False)
        if count > MAX_FETCHES_PER_MINUTE:
            raise FetchedTooOften


class FeedService:
    """The feeds of one database.

    Args:
        database: where they are stored.
        feeds: the repository of their addresses.
        events: the repository of what events say.
        agents: knows who may see which agent.
        credentials: encrypts the tokens, so that an address can be shown again.
        namespace: returns the namespace of this installation.
        audit: records who made or removed an address.
        public_url: for the links in events; None leaves them out.
        now: returns the present moment, aware.
    """

    def __init__(  # noqa: PLR0917  # passed once, in services.py
        self,
        database: Database,
        feeds: FeedRepository,
        events: CalendarEventRepository,
        agents: AgentService,
        credentials: CredentialsStore,
        namespace: Callable[[], str],
        audit: AuditService,
        public_url: str | None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._feeds = feeds
        self._events = events
        self._agents = agents
        self._credentials = credentials
        self._namespace = namespace
        self._audit = audit
        self._public_url = public_url
        self._now = now
        self._limit = FetchLimit()

    def address(self, agent_id: str, viewer: Viewer) -> FeedAddress | None:
        """Return the feed of an agent; None if it has none. Raises AgentUnknown. Two queries."""
        agent = self._agents.get(agent_id, viewer)
        stored = self._feeds.of_agent(agent.agent_id)
        if stored is None:
            return None
        token = self._credentials.decrypt_text(agent.agent_id, stored.token)
        return FeedAddress(_path(token) if token else None, stored.created_at, stored.fetched_at)

    def create(self, agent_id: str, viewer: Viewer, replaces: datetime | None = None) -> FeedAddress:
        """Make a new secret address for an agent, and return the one that it has then. Raises AgentUnknown.

        Of two users who do so at once, or of two clicks, the first makes the address. The second gets the same one: it
        may be in a calendar program already.

        Args:
            agent_id: whose viewings.
            viewer: who makes it.
            replaces: when the address was made that it replaces, as the viewer saw it; None for a first one.
        """
        agent = self._agents.get(agent_id, viewer)
        token = secrets.token_urlsafe(32)
        encrypted = self._credentials.encrypt_text(agent.agent_id, token)
        with self._database.transaction() as connection:
            if self._feeds.store(connection, agent.agent_id, _hash(token), encrypted, replaces=replaces):
                self._record(connection, "feed address made", agent, viewer)
        return self.address(agent_id, viewer) or FeedAddress(None, self._now(), None)

    def remove(self, agent_id: str, viewer: Viewer) -> None:
        """End the address of an agent's feed. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        with self._database.transaction() as connection:
            if self._feeds.remove(connection, agent.agent_id):
                self._record(connection, "feed address removed", agent, viewer)

    def fetch(self, token: str) -> Feed:
        """Return the viewings of the agent whose address has a token, from 30 days ago on. Cancelled ones are left out.

        Anyone who knows the address may read them. Three queries.

        Raises FeedUnknown, FetchedTooOften.
        """
        from peterental.calendars.icalendar_data import writer  # noqa: PLC0415  # loads icalendar

        if not _TOKEN.fullmatch(token):
            raise FeedUnknown
        token_hash = _hash(token)
        self._limit.consume(token_hash)
        agent_id = self._feeds.fetched(token_hash)
        if agent_id is None:
            raise FeedUnknown
        since = self._now() - SHOWN_BEFORE
        viewings = self._events.viewings_of(agent_id, since, MAX_EVENTS)
        namespace = self._namespace()
        text = writer.feed(
            (event_of(each, namespace, 0, event_id=None, public_url=self._public_url) for each in viewings),
            "Viewings",
        )
        changed_at = self._events.last_change(agent_id, since)
        if changed_at is not None and self._now() - changed_at < UNSETTLED:
            changed_at = None
        return Feed(text, hashlib.sha256(text).hexdigest()[:32], changed_at)

    def _record(self, connection: Connection, action: str, agent: Agent, viewer: Viewer) -> None:
        self._audit.record(connection, viewer, agent_change(agent, action))


def _path(token: str) -> str:
    return f"/feeds/{token}.ics"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
