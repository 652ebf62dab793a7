"""The letters of answers to texts, which were composed when they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.model import Letter

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.notices.model import Kind, Notice


class ReplyLetters:
    """Sends the text that was written into the outbox. An answer stays true."""

    kinds: frozenset[Kind] = frozenset({"reply"})

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of an answer."""
        return Letter(channel=notice.channel, recipient=notice.recipient, body=notice.body or "")

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Accept every answer."""
