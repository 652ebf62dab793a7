"""The inbox: list messages, and mark them as done or open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from peterental.access import Viewer, owner_filter
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.pool import Database
from peterental.messages.model import Message, MessageFilter, MessagePage, MessageUnknown
from peterental.messages.repository import MessageRepository
from peterental.search import MIN_CHARS

PAGE_SIZE = 25
MAX_SUBJECT_CHARS = 80


class MessageService:
    """The messages of one database.

    Args:
        database: where they are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._messages = MessageRepository(database)
        self._audit = audit
        self._now = now

    def listing(self, viewer: Viewer, message_filter: MessageFilter, *, page: int = 1) -> MessagePage:
        """Return one page of the messages for the viewer's agents. One round trip.

        Args:
            viewer: whose agents; an admin sees all messages.
            message_filter: which messages; a text that is too short to be searched is ignored.
            page: from 1.
        """
        text = message_filter.text.replace("\x00", "").strip()
        message_filter = replace(message_filter, text=text if len(text) >= MIN_CHARS else "")
        first = (page - 1) * PAGE_SIZE
        positions = slice(first, first + PAGE_SIZE + 1)
        found, open_count, is_truncated = self._messages.listing(owner_filter(viewer), message_filter, positions)
        return MessagePage(
            messages=tuple(found[:PAGE_SIZE]),
            has_more=len(found) > PAGE_SIZE,
            open_count=open_count,
            is_truncated=is_truncated,
        )

    def get(self, message_id: int, viewer: Viewer) -> Message:
        """Return one message. One round trip.

        Raises MessageUnknown, also if it is for an agent of another user.
        """
        message = self._messages.get(message_id, owner_filter(viewer)) if 0 < message_id <= MAX_BIGINT else None
        if message is None:
            raise MessageUnknown
        return message

    def set_done(self, message_id: int, viewer: Viewer, *, done: bool) -> Message:
        """Mark a message as done or open, and return it as before.

        If it already is, nothing is recorded.

        Raises MessageUnknown, also if it is for an agent of another user.
        """
        if not 0 < message_id <= MAX_BIGINT:
            raise MessageUnknown
        with self._database.transaction() as connection:
            message = self._messages.lock(connection, message_id, owner_filter(viewer))
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
                self._audit.record(connection, viewer, change)
        return message
