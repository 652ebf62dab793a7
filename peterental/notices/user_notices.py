"""What users are sent by e-mail: that they were invited, and how to choose a new password."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.jobs.model import JobRequest
from peterental.notices.model import NewNotice
from peterental.notices.user_letters import AboutUser
from peterental.users.login_throttle import email_digest, reset_keys
from peterental.users.model import PasswordGrant, TooManyAttempts, TooManyResets
from peterental.users.password_links import RESET_LIFETIME
from peterental.users.repository import UserRepository
from peterental.users.throttle import Throttle

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.jobs.service import JobService
    from peterental.notices.channels import Channels
    from peterental.notices.model import ChannelState, Kind
    from peterental.notices.outbox import Outbox

RESET_TASK = "write_password_reset"
"""The task that writes the notice of a request (`account`, `asked_at`), if its account exists."""

_log = logging.getLogger("peterental.users")


class MailOff(Refusal):
    """PeteRental cannot send e-mail here. Ask an admin of your office for a link to choose a new password."""


class UserNotices:
    """The notices of users.

    Args:
        database: where they are queued.
        outbox: queues them.
        channels: know whether e-mail can be sent.
        jobs: queues looking for an account.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        channels: Channels,
        jobs: JobService,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._throttle = Throttle(self._users, now)
        self._outbox = outbox
        self._channels = channels
        self._jobs = jobs
        self._now = now

    def mail(self) -> ChannelState | None:
        """Return how e-mail is sent; None if it is off. One round trip."""
        return self._channels.ready().get("email")

    def request_reset(self, email: str, address: str) -> None:
        """Send a link to choose a new password, if the address is that of an active user.

        Whether it is, a background job looks up: the answer, and how long it takes, are the same for every address.

        Args:
            email: as typed.
            address: the IP address of the client.

        Raises MailOff, TooManyResets.
        """
        if self.mail() is None:
            raise MailOff
        try:
            self._throttle.consume(reset_keys(email, address))
        except TooManyAttempts as refusal:
            raise TooManyResets(**refusal.values) from refusal
        args = {"account": email_digest(email), "asked_at": self._now().isoformat()}
        with self._database.transaction() as connection:
            self._jobs.defer(connection, JobRequest(task=RESET_TASK, args=args))

    def write_reset(self, account: str, asked_at: datetime) -> None:
        """Queue the letter with a link to choose a password. Doing it again changes nothing.

        Args:
            account: the digest of the e-mail address that was typed.
            asked_at: when, aware. What was asked for longer ago than a link lives is left.
        """
        user = self._users.by_email_digest(account)
        expires_at = asked_at + RESET_LIFETIME
        if user is None or not user.is_active or expires_at <= self._now():
            return
        grant = PasswordGrant(user.user_id, user.session_epoch, user.links_made)
        about = AboutUser(grant, int(asked_at.timestamp()))
        with self._database.transaction() as connection:
            self._add(connection, "password_reset", user.email, about, expires_at)
        _log.info("Password link asked for: %s", user.email)

    def invite(self, connection: Connection, email: str, grant: PasswordGrant) -> None:
        """Queue the letter of an invitation, in the transaction that makes the link. It is not sent if e-mail is off.

        Args:
            connection: of the transaction.
            email: the address of the invited user.
            grant: of the link.
        """
        self._add(connection, "invitation", email, AboutUser(grant))

    def _add(
        self, connection: Connection, kind: Kind, email: str, about: AboutUser, expires_at: datetime | None = None
    ) -> None:
        notice = NewNotice(
            kind=kind,
            channel="email",
            audience="user",
            recipient=email,
            about=str(about),
            is_answer=True,
            expires_at=expires_at,
        )
        self._outbox.add(connection, notice)
