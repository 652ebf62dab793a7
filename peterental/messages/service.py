"""The inbox: who may read which messages, and who has seen to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from peterental.access import Viewer
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.messages.model import MIN_SEARCH_CHARS, Message, MessageFilter, MessagePage, MessageUnknown
from peterental.messages.repository import MessageRepository

PAGE_SIZE = 25
MAX_BIGINT = 2**63 - 1
MAX_SUBJECT_CHARS = 80


class MessageService:
    """The messages of one database.

    Args:
        database: where they are kept.
        audit: keeps who ticked what off.
        now: gives the time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._messages = MessageRepository(database)
        self._audit = audit
        self._now = now

    def listing(self, viewer: Viewer, wanted: MessageFilter, *, page: int = 1) -> MessagePage:
        """Give one page of the messages for the viewer's agents. One round trip.

        Args:
            viewer: who looks.
            wanted: which messages; a text that is too short to be looked for does not narrow.
            page: from 1.
        """
        text = wanted.text.replace("\x00", "").strip()
        wanted = replace(wanted, text=text if len(text) >= MIN_SEARCH_CHARS else "")
        first = (page - 1) * PAGE_SIZE
        places = slice(first, first + PAGE_SIZE + 1)
        found, open_count, is_truncated = self._messages.listing(_only_of(viewer), wanted, places)
        return MessagePage(
            messages=tuple(found[:PAGE_SIZE]),
            has_more=len(found) > PAGE_SIZE,
            open_count=open_count,
            is_truncated=is_truncated,
        )

    def get(self, message_id: int, viewer: Viewer) -> Message:
        """Give one message. One round trip. Raises MessageUnknown, also where it is for another's agent."""
        message = self._messages.get(message_id, _only_of(viewer)) if 0 < message_id <= MAX_BIGINT else None
        if message is None:
            raise MessageUnknown
        return message

    def set_done(self, message_id: int, viewer: Viewer, *, done: bool) -> Message:
        """Tick a message off, or open it again; nothing happens where it is so already. Gives it as it was.

        Raises MessageUnknown, also where it is for another's agent.
        """
        if not 0 < message_id <= MAX_BIGINT:
            raise MessageUnknown
        with self._database.transaction() as connection:
            message = self._messages.lock(connection, message_id, _only_of(viewer))
            if message is None:
                raise MessageUnknown
            if message.is_done != done:
                done_at, done_by = (self._now(), viewer.email) if done else (None, None)
                self._messages.set_done(connection, message_id, done_at, done_by)
                change = Change(
                    action="ticked off" if done else "reopened",
                    subject_kind="message",
                    subject_id=str(message_id),
                    subject_name=f"{message.sender}: {message.body}"[:MAX_SUBJECT_CHARS],
                    before={"done_at": message.done_at, "done_by": message.done_by},
                    after={"done_at": done_at, "done_by": done_by},
                )
                self._audit.record(connection, viewer.email, change)
        return message


def _only_of(viewer: Viewer) -> int | None:
    """Give whose messages a viewer sees: None is everybody's."""
    return None if viewer.is_admin else viewer.user_id
