"""Connect calendars to agents, choose what they are for, and disconnect them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from peterental.access import Viewer, require_admin
from peterental.agents.service import agent_change
from peterental.calendars.account import (
    KIND_NAMES,
    Account,
    AccountUnknown,
    Calendar,
    CalendarUnknown,
    KeyMissing,
    KindNotOffered,
    NotWritable,
    SignInExpired,
    SyncResult,
)
from peterental.calendars.credentials import (
    AddressCredentials,
    CredentialsUnreadable,
    DemoCredentials,
    PasswordCredentials,
)
from peterental.calendars.model import CalendarGone, RemoteCalendar
from peterental.database.column_limits import MAX_BIGINT

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.audit.service import AuditService
    from peterental.calendars.account import CalendarAge
    from peterental.calendars.credentials import Credentials, CredentialsStore
    from peterental.calendars.model import CalendarKind
    from peterental.calendars.providers import Providers
    from peterental.calendars.repository import CalendarRepository
    from peterental.calendars.sync_service import SyncService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

CONNECT_TIMEOUT_S = 15.0
"""How long a person waits for a provider, in seconds."""


class ViewingQueue(Protocol):
    """Queues what has to be written into a calendar that begins to receive viewings."""

    def queue_upcoming(self, connection: Connection, agent_id: str) -> None:
        """Queue writing all upcoming viewings of an agent that have no event in a calendar."""
        ...


@dataclass(frozen=True, kw_only=True)
class ConnectedAccount:
    """An account with its calendars, for a page.

    Args:
        busy_times: how many are stored.
    """

    account: Account
    calendars: tuple[Calendar, ...]
    busy_times: int


@dataclass(frozen=True, kw_only=True)
class AgentCalendars:
    """The calendars of an agent, for a page.

    Args:
        offered: the kinds of calendars that can be connected.
        may_connect: whether credentials may be stored; connecting raises KeyMissing otherwise.
        max_age_s: the greatest age of busy times that callers are offered times by, in seconds.
        trusts_stale: whether times are offered while a calendar cannot be read.
    """

    agent: Agent
    accounts: tuple[ConnectedAccount, ...]
    offered: tuple[CalendarKind, ...]
    may_connect: bool
    max_age_s: float
    trusts_stale: bool

    @property
    def blocking(self) -> tuple[Calendar, ...]:
        """The calendars whose events take the agent's time."""
        return tuple(calendar for each in self.accounts for calendar in each.calendars if calendar.blocks)

    @property
    def receiving(self) -> Calendar | None:
        """The calendar into which viewings are written."""
        found = (calendar for each in self.accounts for calendar in each.calendars if calendar.receives_viewings)
        return next(found, None)

    @property
    def stale(self) -> tuple[Calendar, ...]:
        """The blocking calendars that were read too long ago to offer times by."""
        return tuple(c for c in self.blocking if c.age_s is None or c.age_s > self.max_age_s)

    @property
    def is_phone_closed(self) -> bool:
        """Whether callers are offered no times until the calendars are read again."""
        return bool(self.stale) and not self.trusts_stale


class ConnectionService:
    """The connected calendars of one database.

    Args:
        database: where they are stored.
        calendars: their repository.
        agents: who may see which agent.
        sync: reads what was connected.
        providers: opens accounts.
        credentials: encrypts what accounts sign in with.
        viewings: queues the viewings of a calendar that begins to receive them.
        audit: records the changes.
        may_store: whether credentials may be stored: with a key of their own, or in development.
    """

    def __init__(  # noqa: PLR0917  # passed once, by name, in services.py
        self,
        database: Database,
        calendars: CalendarRepository,
        agents: AgentService,
        sync: SyncService,
        providers: Providers,
        credentials: CredentialsStore,
        viewings: ViewingQueue,
        audit: AuditService,
        *,
        may_store: bool,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._agents = agents
        self._sync = sync
        self._providers = providers
        self._credentials = credentials
        self._viewings = viewings
        self._audit = audit
        self._may_store = may_store

    def overview(self, agent_id: str, viewer: Viewer) -> AgentCalendars:
        """Return the calendars of an agent. Raises AgentUnknown. Four queries."""
        agent = self._agents.get(agent_id, viewer)
        calendars = self._calendars.calendars(agent_id)
        counts = self._calendars.busy_counts(agent_id)
        return AgentCalendars(
            agent=agent,
            accounts=tuple(
                ConnectedAccount(
                    account=account,
                    calendars=tuple(c for c in calendars if c.account_id == account.account_id),
                    busy_times=sum(
                        counts.get(c.calendar_id, 0) for c in calendars if c.account_id == account.account_id
                    ),
                )
                for account in self._calendars.accounts(agent_id)
            ),
            offered=self._providers.offered,
            may_connect=self._may_store,
            max_age_s=self._sync.max_age_s,
            trusts_stale=self._calendars.trusts_stale(agent_id),
        )

    def age(self, agent_id: str) -> CalendarAge | None:
        """Return how old the busy times of an agent are that the viewer may see; None without a calendar. One query."""
        return self._calendars.age(agent_id)

    def account(self, account_id: int, viewer: Viewer) -> Account:
        """Return one account. Raises AccountUnknown, and AgentUnknown for one that the viewer may not see."""
        return self._visible(account_id, viewer)[0]

    def all_accounts(self, viewer: Viewer, agent_id: str | None = None) -> list[Account]:
        """Return the accounts of one agent, or of all, which only admins may see. Raises AgentUnknown, AdminsOnly."""
        if agent_id is None:
            require_admin(viewer)
            return self._calendars.all_accounts()
        self._agents.get(agent_id, viewer)
        return self._calendars.accounts(agent_id)

    # --- connecting --------------------------------------------------------------------------------------------------

    def connect_address(self, agent_id: str, address: str, viewer: Viewer) -> SyncResult:
        """Connect the secret address of an .ics file, and read it.

        Raises AgentUnknown, KeyMissing, AddressNotAllowed and CalendarFault; nothing is stored then.
        """
        return self._connect(agent_id, "ics", AddressCredentials(address.strip()), viewer)

    def connect_caldav(self, agent_id: str, address: str, user_name: str, password: str, viewer: Viewer) -> SyncResult:
        """Connect a CalDAV account, and read its default calendar. Raises as `connect_address` does.

        Args:
            agent_id: whose.
            address: of the server, or an e-mail address.
            user_name: of the account.
            password: an app password.
            viewer: who connects it.
        """
        credentials = PasswordCredentials(address.strip(), user_name.strip(), password)
        return self._connect(agent_id, "caldav", credentials, viewer)

    def connect_demo(self, agent_id: str, viewer: Viewer) -> SyncResult:
        """Connect a calendar that exists nowhere, for a first look."""
        return self._connect(agent_id, "demo", DemoCredentials(), viewer)

    def begin_sign_in(self, agent_id: str, kind: CalendarKind, redirect_uri: str, viewer: Viewer) -> str:
        """Return the address at which a person signs in at a provider, who then sends the browser to `redirect_uri`.

        Raises AgentUnknown, KeyMissing, KindNotOffered.
        """
        agent = self._agents.get(agent_id, viewer)
        self._require_storage()
        self._require_offered(kind)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        encrypted = self._credentials.encrypt_text(agent.agent_id, verifier)
        self._calendars.begin_sign_in(_hash(state), viewer.user_id, agent.agent_id, kind, encrypted)
        return self._providers.authorization_url(kind, redirect_uri=redirect_uri, state=state, verifier=verifier)

    def agent_of_sign_in(self, kind: CalendarKind, state: str, viewer: Viewer) -> str | None:
        """Return whose calendar a user began to connect; None if it was long ago, another user, or never. One query.

        Args:
            kind: of the provider.
            state: as the provider sent it.
            viewer: who comes back.
        """
        return self._calendars.agent_of_sign_in(_hash(state), viewer.user_id, kind)

    def finish_sign_in(
        self, kind: CalendarKind, state: str, code: str, redirect_uri: str, viewer: Viewer
    ) -> SyncResult:
        """Connect the account of a person who comes back from a provider, and read its default calendar.

        Each sign-in is finished once, and only by the user who began it.

        Raises SignInExpired, ScopesMissing, AgentUnknown and CalendarFault.

        Args:
            kind: of the provider.
            state: as the provider sent it.
            code: likewise.
            redirect_uri: as it was given to `begin_sign_in`.
            viewer: who comes back.
        """
        begun = self._calendars.end_sign_in(_hash(state), viewer.user_id, kind)
        verifier = self._credentials.decrypt_text(begun[0], begun[1]) if begun else None
        if begun is None or verifier is None:
            raise SignInExpired
        self._agents.get(begun[0], viewer)
        tokens = self._providers.exchange_code(
            kind, code=code, verifier=verifier, redirect_uri=redirect_uri, timeout_s=CONNECT_TIMEOUT_S
        )
        return self._connect(begun[0], kind, tokens, viewer)

    def _connect(self, agent_id: str, kind: CalendarKind, credentials: Credentials, viewer: Viewer) -> SyncResult:
        """Sign in, store the account with its calendars, and read it."""
        agent = self._agents.get(agent_id, viewer)
        self._require_storage()
        with self._providers.try_out(kind, agent, credentials, CONNECT_TIMEOUT_S) as trial:
            found = trial.account.calendars()
            if not found:
                raise CalendarGone(name=KIND_NAMES[kind])
            credentials = trial.credentials  # its tokens may have been renewed
        account_id = self._store(agent, kind, credentials, found, viewer)
        result = self._sync.sync(account_id, timeout_s=CONNECT_TIMEOUT_S)
        if result is None:
            raise AccountUnknown
        return result

    def _store(
        self,
        agent: Agent,
        kind: CalendarKind,
        credentials: Credentials,
        found: Sequence[RemoteCalendar],
        viewer: Viewer,
    ) -> int:
        name = self._providers.name_of(kind, credentials, found)
        encrypted = self._credentials.encrypt(agent.agent_id, credentials)
        with self._database.transaction() as connection:
            self._calendars.lock_agent_calendars(connection, agent.agent_id)
            accounts = self._calendars.read_accounts(connection, agent.agent_id)
            of_kind = [account for account in accounts if account.kind == kind]
            known = next((each for each in of_kind if self._is_same(connection, each, name, credentials, found)), None)
            if known is None:
                row = self._calendars.add_account(
                    connection, agent.agent_id, kind=kind, name=name, credentials=encrypted, actor=viewer.email
                ).fetchone()
                account_id = int(row["account_id"]) if row else 0
            else:
                account_id = known.account_id
                name = known.name if name == KIND_NAMES[kind] else name
                self._calendars.reconnect(connection, account_id, name, encrypted, viewer.email)
            self._calendars.set_calendars(connection, account_id, agent.agent_id, found)
            if known is None:
                self._use_default(connection, account_id, found)
            self._viewings.queue_upcoming(connection, agent.agent_id)
            action = "calendar connected" if known is None else "calendar reconnected"
            change = agent_change(agent, action, after={"calendar": f"{KIND_NAMES[kind]} {name}"})
            self._audit.record(connection, viewer, change)
        return account_id

    def _use_default(self, connection: Connection, account_id: int, found: Sequence[RemoteCalendar]) -> None:
        """Let the default calendar of a new account take the agent's time, and receive viewings if none does."""
        default = next((each for each in found if each.is_default), found[0])
        self._calendars.choose_blocking(connection, account_id, [default.remote_id])
        self._calendars.receive_by_default(connection, account_id, default.remote_id)

    def _is_same(
        self,
        connection: Connection,
        account: Account,
        name: str,
        credentials: Credentials,
        found: Sequence[RemoteCalendar],
    ) -> bool:
        """Return whether it is this account, of the same kind, that is connected again.

        Another person's is another one, and so is one of the same user name at another server: its password must not
        be sent to the first server, nor read the first person's calendars in the other's name.
        """
        if isinstance(credentials, AddressCredentials):
            return self._credentials.are(account.agent_id, account.kind, account.credentials, credentials)
        names = {name, account.name}
        is_named = KIND_NAMES[account.kind] not in names
        if is_named and len(names) > 1:
            return False
        if is_named and not isinstance(credentials, PasswordCredentials):
            return True  # the e-mail address of an account at the provider
        stored = {calendar.remote_id for calendar in self._calendars.read_calendars_of(connection, account.account_id)}
        return not stored.isdisjoint(each.remote_id for each in found) or self._has_address(account, credentials)

    def _has_address(self, account: Account, credentials: Credentials) -> bool:
        """Return whether an account was connected by the same address of a server."""
        if not isinstance(credentials, PasswordCredentials):
            return False
        try:
            stored = self._credentials.of(account)
        except CredentialsUnreadable:
            return False
        return isinstance(stored, PasswordCredentials) and stored.address == credentials.address

    # --- choosing ----------------------------------------------------------------------------------------------------

    def choose(
        self,
        account_id: int,
        *,
        blocking: Sequence[int],
        receiving: int | None,
        keeps_titles: bool,
        viewer: Viewer,
    ) -> None:
        """Choose what the calendars of an account are for.

        Raises AccountUnknown, CalendarUnknown, NotWritable.

        Args:
            account_id: which account.
            blocking: the ids of those of its calendars whose events take the agent's time.
            receiving: the id of its calendar that receives the agent's viewings, instead of any other account's; None
                for none of this account.
            keeps_titles: whether titles of events are stored.
            viewer: who chooses.
        """
        _, agent = self._visible(account_id, viewer)
        with self._database.transaction() as connection:
            account = self._locked(connection, account_id, agent)
            calendars = {each.calendar_id: each for each in self._calendars.read_calendars_of(connection, account_id)}
            _require_choosable(calendars, blocking, receiving)
            self._choose_blocking(connection, account_id, calendars, blocking)
            self._choose_receiving(connection, account, receiving)
            if keeps_titles != account.keeps_titles:
                self._calendars.set_keeps_titles(connection, account_id, list(calendars), keeps_titles=keeps_titles)
            before = _chosen(calendars.values(), keeps_titles=account.keeps_titles)
            after = {
                "blocking_calendars": ", ".join(calendars[each].name for each in sorted(blocking)),
                "receiving_calendar": calendars[receiving].name if receiving is not None else "",
                "keeps_titles": keeps_titles,
            }
            if after != before:
                self._audit.record(connection, viewer, agent_change(agent, "calendar chosen", before, after))

    def _choose_blocking(
        self, connection: Connection, account_id: int, calendars: Mapping[int, Calendar], blocking: Sequence[int]
    ) -> None:
        chosen = [calendars[calendar_id].remote_id for calendar_id in blocking]
        ignored = [calendar_id for calendar_id in calendars if calendar_id not in blocking]
        self._calendars.choose_blocking(connection, account_id, chosen, ignored)

    def _choose_receiving(self, connection: Connection, account: Account, receiving: int | None) -> None:
        if receiving is None:
            self._calendars.receive_nothing(connection, account.account_id)
        else:
            self._calendars.choose_receiving(connection, account.agent_id, receiving)
            self._viewings.queue_upcoming(connection, account.agent_id)

    def set_trusts_stale(self, agent_id: str, viewer: Viewer, *, trusts_stale: bool) -> None:
        """Choose whether times are offered by phone while a calendar cannot be read. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        with self._database.transaction() as connection:
            if self._calendars.set_trusts_stale(connection, agent_id, trusts_stale=trusts_stale):
                before, after = {"trusts_stale": not trusts_stale}, {"trusts_stale": trusts_stale}
                self._audit.record(connection, viewer, agent_change(agent, "calendar chosen", before, after))

    def disconnect(self, account_id: int, viewer: Viewer) -> Account:
        """Disconnect an account: its busy times are deleted. Events in the calendar stay there. Raises AccountUnknown.

        Works without the provider, so also when its sign-in was revoked.
        """
        _, agent = self._visible(account_id, viewer)
        with self._database.transaction() as connection:
            account = self._locked(connection, account_id, agent)
            self._calendars.remove_account(connection, account_id)
            change = agent_change(agent, "calendar disconnected", before={"calendar": account.label})
            self._audit.record(connection, viewer, change)
        return account

    def sync_now(self, account_id: int, viewer: Viewer) -> SyncResult:
        """Read an account at once. Raises AccountUnknown."""
        self._visible(account_id, viewer)
        result = self._sync.sync(account_id, timeout_s=CONNECT_TIMEOUT_S)
        if result is None:
            raise AccountUnknown
        return result

    def _visible(self, account_id: int, viewer: Viewer) -> tuple[Account, Agent]:
        """Return an account and its agent. Raises AccountUnknown, also for one that the viewer may not see."""
        account = self._calendars.account(account_id) if 0 < account_id <= MAX_BIGINT else None
        if account is None:
            raise AccountUnknown
        return account, self._agents.get(account.agent_id, viewer)

    def _locked(self, connection: Connection, account_id: int, agent: Agent) -> Account:
        """Lock the calendars of an agent, and return one of its accounts. Raises AccountUnknown if it was removed."""
        self._calendars.lock_agent_calendars(connection, agent.agent_id)
        account = self._calendars.read_account(connection, account_id)
        if account is None:
            raise AccountUnknown
        return account

    def _require_storage(self) -> None:
        if not self._may_store:
            raise KeyMissing

    def _require_offered(self, kind: CalendarKind) -> None:
        if kind not in self._providers.offered:
            raise KindNotOffered(kind=KIND_NAMES[kind])


def _require_choosable(calendars: Mapping[int, Calendar], blocking: Iterable[int], receiving: int | None) -> None:
    """Raise CalendarUnknown for a calendar of another account, NotWritable for one that cannot receive viewings."""
    if not {*blocking, *((receiving,) if receiving is not None else ())} <= calendars.keys():
        raise CalendarUnknown
    if receiving is not None and not calendars[receiving].is_writable:
        raise NotWritable


def _chosen(calendars: Iterable[Calendar], *, keeps_titles: bool) -> dict[str, object]:
    """Return what was chosen, for the audit log."""
    ordered = sorted(calendars, key=lambda calendar: calendar.calendar_id)
    return {
        "blocking_calendars": ", ".join(calendar.name for calendar in ordered if calendar.blocks),
        "receiving_calendar": ", ".join(calendar.name for calendar in ordered if calendar.receives_viewings),
        "keeps_titles": keeps_titles,
    }


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode(errors="replace")).digest()
