"""Build the account of each kind of calendar. Imported when one is opened: it loads the providers' libraries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.calendars.caldav.account import CaldavAccount
from peterental.calendars.credentials import AddressCredentials, PasswordCredentials
from peterental.calendars.demo_source import DemoAccount
from peterental.calendars.google.account import GoogleAccount
from peterental.calendars.google.provider import google_provider
from peterental.calendars.http import HttpClient
from peterental.calendars.ics import IcsAccount
from peterental.calendars.microsoft.account import MicrosoftAccount
from peterental.calendars.microsoft.sign_in import microsoft_provider
from peterental.calendars.oauth import AuthorizedHttp, OAuthProvider
from peterental.calendars.source import Tokens

if TYPE_CHECKING:
    from peterental.calendars.credentials import Credentials
    from peterental.calendars.model import CalendarKind
    from peterental.calendars.source import CalendarAccount, TokenStore
    from peterental.config import Config


def http_client(config: Config, timeout_s: float) -> HttpClient:
    """Return a client for the requests of one exchange.

    Args:
        config: whether private addresses are allowed.
        timeout_s: how long all requests may take together, in seconds.
    """
    return HttpClient(timeout_s=timeout_s, allow_private=config.allow_private_addresses)


def open_account(
    kind: CalendarKind,
    credentials: Credentials,
    http: HttpClient,
    store: TokenStore,
    *,
    config: Config,
    namespace: str,
    owner: frozenset[str],
    seed: int,
    now: Callable[[], datetime],
) -> CalendarAccount:
    """Return an account, signed in.

    Args:
        kind: of the account.
        credentials: what it signs in with.
        http: sends its requests.
        store: where its tokens are kept.
        config: the addresses and client ids of the providers.
        namespace: of this installation's events.
        owner: e-mail addresses of the agent, by which answers to invitations are recognised.
        seed: of the demo calendar.
        now: returns the present moment, aware.
    """
    match credentials:
        case AddressCredentials(address=address):
            return IcsAccount(address, http, namespace=namespace, owner=owner)
        case PasswordCredentials(address=address, user_name=user_name, password=password):
            return CaldavAccount(
                http, address=address, username=user_name, password=password, namespace=namespace, owner=owner
            )
        case Tokens():
            authorized = AuthorizedHttp(http, oauth_provider(kind, config), store, now)
            if kind == "google":
                return GoogleAccount(authorized, api_url=config.google_api_url, namespace=namespace)
            return MicrosoftAccount(authorized, graph_url=config.graph_url, namespace=namespace)
        case _:
            return DemoAccount(seed, now())


def oauth_provider(kind: CalendarKind, config: Config) -> OAuthProvider:
    """Return the login service of Google or Microsoft. Without a registration it refuses every request."""
    if kind == "google":
        return google_provider(
            client_id=config.google_client_id or "",
            client_secret=config.google_client_secret or "",
            login_url=config.google_login_url,
        )
    return microsoft_provider(
        config.microsoft_login_url, config.microsoft_client_id or "", config.microsoft_client_secret or ""
    )
