"""The letter that tells admins that a webhook was turned off, because its tool accepted nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.notices.model import Letter, NewNotice, NoLongerTrue
from peterental.users.repository import UserRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import Kind, Notice
    from peterental.notices.outbox import Outbox

_ON_AGAIN = "a person has settled what to do with the webhook"
_NO_ADMIN = "the recipient is not an active admin any more"

_TEXT = """\
Hello,

PeteRental turned off the webhook to {host}. {reason}

Nothing is delivered to it until an admin turns it on again. Deliveries that failed can be repeated
on its page:

{link}
"""


@dataclass(frozen=True)
class TurnedOff:
    """A webhook that PeteRental turned off.

    Args:
        host: of its address; the path may be a secret.
        reason: why, in sentences.
    """

    host: str
    reason: str


class WebhookNotices:
    """Writes the notices for admins.

    Args:
        database: has the users.
        outbox: sends notices.
    """

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._users = UserRepository(database)
        self._outbox = outbox

    def notify_turned_off(self, connection: Connection, endpoint_id: int, now: datetime) -> None:
        """Write one e-mail to every active admin, in the transaction that turns a webhook off. Waits for the server.

        Args:
            connection: of the transaction.
            endpoint_id: which webhook.
            now: the present moment, aware: a webhook that is turned off again later is reported again.
        """
        for email in self._users.admin_addresses(connection):
            notice = NewNotice(
                kind="webhook_off",
                channel="email",
                audience="user",
                recipient=email,
                about=f"webhook:{endpoint_id}:{int(now.timestamp())}",
                is_answer=True,
            )
            self._outbox.add(connection, notice)


class WebhookLetters:
    """Writes the letters about webhooks from their present state.

    Args:
        database: has the users.
        turned_off: returns a webhook as long as it is off and no person has decided about it, in a transaction if one
            is given.
        address: where the pages are reached: scheme, host and port.
        office_name: returns who writes.
        namespace: returns the namespace of this installation.
    """

    kinds: frozenset[Kind] = frozenset({"webhook_off"})

    def __init__(
        self,
        database: Database,
        *,
        turned_off: Callable[[int, Connection | None], TurnedOff | None],
        address: str,
        office_name: Callable[[], str],
        namespace: Callable[[], str],
    ) -> None:
        self._users = UserRepository(database)
        self._turned_off = turned_off
        self._address = address.rstrip("/")
        self._office_name = office_name
        self._namespace = namespace

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue."""
        endpoint_id = _endpoint_of(notice)
        found = _require(self._turned_off(endpoint_id, None))
        return Letter(
            channel="email",
            recipient=notice.recipient,
            subject=f"The webhook to {found.host} was turned off",
            body=_TEXT.format(host=found.host, reason=found.reason, link=f"{self._address}/webhooks/{endpoint_id}"),
            message_id=f"notice-{notice.notice_id}.{self._namespace()}@users.peterental",
            sender_name=self._office_name(),
        )

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if the webhook is on again, or the recipient no admin. Two round trips."""
        _require(self._turned_off(_endpoint_of(notice), connection))
        if notice.recipient not in self._users.admin_addresses(connection):
            raise NoLongerTrue(reason=_NO_ADMIN)


def _endpoint_of(notice: Notice) -> int:
    return int(notice.about.split(":")[1])


def _require(found: TurnedOff | None) -> TurnedOff:
    if found is None:
        raise NoLongerTrue(reason=_ON_AGAIN)
    return found
