"""The letters of answers to texts, which were composed when they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.model import Letter, NoLongerTrue

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.notices.consents.service import Consents
    from peterental.notices.model import Kind, Notice


class ReplyLetters:
    """Sends the text that was written into the outbox.

    An answer about a viewing is true until that changes, which the sender checks.

    Args:
        consents: knows who said stop.
    """

    kinds: frozenset[Kind] = frozenset({"reply"})

    def __init__(self, consents: Consents) -> None:
        self._consents = consents

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of an answer."""
        return Letter(channel=notice.channel, recipient=notice.recipient, body=notice.body or "")

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue for the confirmation of a stop if the recipient said start since."""
        if notice.confirms_stop and not self._consents.is_stopped(connection, notice.channel, notice.recipient):
            raise NoLongerTrue(reason="The recipient wants texts again")
