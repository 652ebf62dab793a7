"""Connected accounts and their calendars, as stored, and whether what was read from them may be relied on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from peterental.calendars.model import CalendarKind
from peterental.errors import NotFound, Refusal

AccountState = Literal["connected", "reauth_required"]

KIND_NAMES: dict[CalendarKind, str] = {
    "ics": "Calendar address",
    "caldav": "CalDAV",
    "microsoft": "Microsoft 365",
    "google": "Google Calendar",
    "demo": "Demo calendar",
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account at a provider, connected to an agent. Times are UTC.

    Args:
        credentials: encrypted.
        name: what the account is called: an e-mail address, a user name or a host.
        problem: why the last attempt failed, in a sentence; None after one that did not.
        failed_since: when the first of the present failures was.
        failures: how many attempts in a row failed.
        retry_at: before that, nothing is asked of the provider.
    """

    account_id: int
    agent_id: str
    kind: CalendarKind
    name: str
    credentials: str = field(repr=False)
    state: AccountState
    keeps_titles: bool
    problem: str | None
    failed_since: datetime | None
    failures: int
    retry_at: datetime | None
    connected_at: datetime
    connected_by: str | None

    @property
    def kind_name(self) -> str:
        """The kind of calendar, for people."""
        return KIND_NAMES[self.kind]

    @property
    def label(self) -> str:
        """The account's name after its kind, such as "CalDAV dana@example.com"."""
        return self.name if self.name == self.kind_name else f"{self.kind_name} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """A calendar of an account. Times are UTC.

    Args:
        remote_id: the provider's id.
        blocks: whether its events take the agent's time.
        receives_viewings: whether viewings are written into it; at most one calendar of an agent.
        read_at: when it was last read; None if it never was.
        read_whole_at: when its whole window was last read.
        read_until: the end of that window.
        read_zone: the agent's time zone at that time.
        age_s: the seconds since `read_at`, by the database's clock.
        notes: sentences about events that were understood only in part.
    """

    calendar_id: int
    account_id: int
    agent_id: str
    remote_id: str
    name: str
    is_writable: bool
    blocks: bool
    receives_viewings: bool
    read_cursor: str | None = field(repr=False)
    read_at: datetime | None
    read_whole_at: datetime | None
    read_until: datetime | None
    read_zone: str | None
    age_s: float | None
    notes: tuple[str, ...]

    @property
    def is_used(self) -> bool:
        """Whether it is read at all."""
        return self.blocks or self.receives_viewings


@dataclass(frozen=True)
class CalendarAge:
    """How old the busy times of an agent are.

    Args:
        age_s: the seconds since the calendar that was read longest ago was read, by the database's clock; None if one
            was never read.
        read_until: until when all of them were read, UTC.
        trusts_stale: whether the agent offers times while a calendar cannot be read.
    """

    age_s: float | None
    read_until: datetime
    trusts_stale: bool = False

    def is_current(self, max_age_s: float, until: datetime) -> bool:
        """Return whether times up to `until` may be offered.

        Args:
            max_age_s: the greatest age that is relied on, in seconds.
            until: aware.
        """
        return self.trusts_stale or (self.age_s is not None and self.age_s <= max_age_s and self.read_until >= until)


READ_AGAIN_WHOLE_AFTER = timedelta(hours=20)
"""Increments do not follow the horizon as days pass, and heal nothing that a provider forgot to report."""

READ_BEFORE = timedelta(days=1)
READ_BEYOND = timedelta(days=3)
"""How much longer than the horizon is read, so that a day-old reading still covers it."""


class AccountUnknown(NotFound):
    """There is no such calendar account."""


class CalendarUnknown(NotFound):
    """There is no such calendar."""


class NotWritable(Refusal):
    """No events can be written into that calendar. Choose another one for viewings."""


class KeyMissing(Refusal):
    """Calendars cannot be connected yet: an admin has to set CREDENTIALS_KEY, which encrypts their passwords."""


class KindNotOffered(Refusal):
    """{kind} is not offered here: an admin has to register it first, see docs/calendars.md."""


class SignInExpired(Refusal):
    """That sign-in was started too long ago, or by another user. Start it again."""


@dataclass(frozen=True, kw_only=True)
class SyncResult:
    """What became of reading an account.

    Args:
        account: which.
        state: `read`; `busy` if another process is reading it; `waiting` if the provider asked to be left alone;
            `failed`, with the problem.
        events: how many busy times are stored now.
        problem: a sentence; None where there is none.
    """

    account: Account
    state: Literal["read", "busy", "waiting", "failed"]
    events: int = 0
    problem: str | None = None
