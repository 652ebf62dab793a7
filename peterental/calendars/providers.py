"""Open an account at its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from peterental.calendars.account import KIND_NAMES
from peterental.calendars.credentials import AddressCredentials, PasswordCredentials
from peterental.calendars.model import CalendarFault
from peterental.calendars.source import Tokens
from peterental.clock import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.agents.model import Agent
    from peterental.calendars.credentials import Credentials, CredentialsStore
    from peterental.calendars.http import HttpClient
    from peterental.calendars.model import CalendarKind, RemoteCalendar
    from peterental.calendars.repository import CalendarRepository, Lease
    from peterental.calendars.source import CalendarAccount, TokenStore, ViewingCalendar
    from peterental.config import Config


class LeaseLost(CalendarFault):
    """Another process has taken over {host}."""


@dataclass(frozen=True)
class Trial:
    """An account that is tried out before it is stored.

    Args:
        account: signed in.
        kept: where its tokens are kept.
    """

    account: CalendarAccount
    kept: TokensInMemory

    @property
    def credentials(self) -> Credentials:
        """What to store: renewed tokens instead of those it was tried with."""
        return self.kept.credentials


class TokensInMemory:
    """A `TokenStore` for an account that is not stored yet."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def load(self) -> Tokens:
        """Return the tokens."""
        return cast("Tokens", self.credentials)

    def save(self, tokens: Tokens) -> None:
        """Keep renewed tokens."""
        self.credentials = tokens


class TokensInDatabase:
    """A `TokenStore` for the account of a lease.

    Args:
        calendars: stores them, as long as the lease is held.
        credentials: encrypts them.
        lease: of the account.
    """

    def __init__(self, calendars: CalendarRepository, credentials: CredentialsStore, lease: Lease) -> None:
        self._calendars = calendars
        self._credentials = credentials
        self._lease = lease

    def load(self) -> Tokens:
        """Return the stored tokens. Raises CredentialsUnreadable, LeaseLost."""
        account = self._calendars.account(self._lease.account.account_id)
        if account is None:
            raise LeaseLost(host=self._lease.account.label)
        return cast("Tokens", self._credentials.of(account))

    def save(self, tokens: Tokens) -> None:
        """Store renewed tokens. Raises LeaseLost."""
        account = self._lease.account
        encrypted = self._credentials.encrypt(account.agent_id, tokens)
        if not self._calendars.save_credentials(self._lease, encrypted):
            raise LeaseLost(host=account.label)


class Providers:
    """Opens accounts, with the settings of this installation.

    Args:
        calendars: stores renewed tokens.
        credentials: decrypts what accounts sign in with.
        config: addresses and client ids of the providers.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        calendars: CalendarRepository,
        credentials: CredentialsStore,
        config: Config,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._calendars = calendars
        self._credentials = credentials
        self._config = config
        self._now = now
        self._namespace: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace of this installation's events; read once."""
        if self._namespace is None:
            self._namespace = self._calendars.namespace()
        return self._namespace

    @property
    def offered(self) -> tuple[CalendarKind, ...]:
        """The kinds of calendars that can be connected, in the order in which they are shown."""
        config = self._config
        kinds: list[CalendarKind] = []
        if config.google_client_id and config.google_client_secret:
            kinds.append("google")
        if config.microsoft_client_id and config.microsoft_client_secret:
            kinds.append("microsoft")
        return (*kinds, "caldav", "ics")

    # --- accounts ----------------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, lease: Lease, agent: Agent, timeout_s: float) -> Iterator[CalendarAccount]:
        """Yield the account of a lease, signed in.

        Raises CredentialsUnreadable.

        Args:
            lease: held until the end of the block.
            agent: whose account it is.
            timeout_s: how long all requests may take together, in seconds.
        """
        account = lease.account
        credentials = self._credentials.of(account)
        store = TokensInDatabase(self._calendars, self._credentials, lease)
        owner = _addresses(agent, account.name)
        with self._http(timeout_s) as http:
            yield self._opened(account.kind, credentials, http, store, seed=account.account_id, owner=owner)

    @contextmanager
    def open_for_viewings(self, lease: Lease, agent: Agent, timeout_s: float) -> Iterator[ViewingCalendar]:
        """Yield the account of a lease as one in whose calendars events can be written."""
        with self.open(lease, agent, timeout_s) as account:
            yield cast("ViewingCalendar", account)

    @contextmanager
    def try_out(self, kind: CalendarKind, agent: Agent, credentials: Credentials, timeout_s: float) -> Iterator[Trial]:
        """Yield an account that is not stored, signed in.

        Args:
            kind: of the account.
            agent: who is to have it.
            credentials: what it signs in with.
            timeout_s: how long all requests may take together, in seconds.
        """
        kept = TokensInMemory(credentials)
        with self._http(timeout_s) as http:
            yield Trial(self._opened(kind, credentials, http, kept, seed=0, owner=_addresses(agent)), kept)

    def name_of(self, kind: CalendarKind, credentials: Credentials, found: Sequence[RemoteCalendar]) -> str:
        """Return what an account is called: its e-mail address, user name or host."""
        if isinstance(credentials, PasswordCredentials):
            return credentials.user_name
        if isinstance(credentials, AddressCredentials):
            _, _, rest = credentials.address.rpartition("://")
            return urlsplit(f"//{rest}").hostname or KIND_NAMES[kind]
        return next((each.owner for each in found if each.is_default and each.owner), KIND_NAMES[kind])

    def _opened(
        self,
        kind: CalendarKind,
        credentials: Credentials,
        http: HttpClient,
        store: TokenStore,
        *,
        seed: int,
        owner: frozenset[str],
    ) -> CalendarAccount:
        from peterental.calendars import opening  # noqa: PLC0415  # loads the providers' libraries

        return opening.open_account(
            kind,
            credentials,
            http,
            store,
            config=self._config,
            namespace=self.namespace,
            owner=owner,
            seed=seed,
            now=self._now,
        )

    def _http(self, timeout_s: float) -> AbstractContextManager[HttpClient]:
        from peterental.calendars import opening  # noqa: PLC0415  # see above

        return closing(opening.http_client(self._config, timeout_s))

    # --- signing in at a provider ------------------------------------------------------------------------------------

    def authorization_url(self, kind: CalendarKind, *, redirect_uri: str, state: str, verifier: str) -> str:
        """Return the address where a person signs in at a provider that is offered.

        Args:
            kind: of the provider.
            redirect_uri: where the provider sends the browser then.
            state: comes back with it.
            verifier: of PKCE.
        """
        from peterental.calendars import oauth, opening  # noqa: PLC0415  # see above

        provider = opening.oauth_provider(kind, self._config)
        return oauth.authorization_url(provider, redirect_uri=redirect_uri, state=state, verifier=verifier)

    def exchange_code(
        self, kind: CalendarKind, *, code: str, verifier: str, redirect_uri: str, timeout_s: float
    ) -> Tokens:
        """Return the tokens for the code that a provider sent. Raises ScopesMissing and CalendarFault."""
        from peterental.calendars import oauth, opening  # noqa: PLC0415  # see above

        provider = opening.oauth_provider(kind, self._config)
        with self._http(timeout_s) as http:
            return oauth.exchange_code(
                provider, http, code=code, verifier=verifier, redirect_uri=redirect_uri, now=self._now
            )


def _addresses(agent: Agent, *names: str) -> frozenset[str]:
    """Return the e-mail addresses by which an agent's answers to invitations are recognised."""
    return frozenset(text.casefold() for text in (agent.calendar_user_id, *names) if text and "@" in text)
