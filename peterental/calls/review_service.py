"""Calls with a problem, which a user looks at and marks as handled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from peterental.access import owner_filter
from peterental.audit.model import Change
from peterental.calls.model import MAX_HANDLED_NOTE_CHARS, CallUnknown, HandledNoteTooLong
from peterental.calls.queries import CallQueries
from peterental.calls.repository import CallRepository
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.audit.service import AuditService
    from peterental.calls.model import CallSummary
    from peterental.database.pool import Database


class CallReviewService:
    """The calls of one database, as users handle their problems.

    Args:
        database: where they are stored.
        audit: records who handled what.
        now: returns the current time, aware.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._audit = audit
        self._now = now
        self._queries = CallQueries(database)
        self._calls = CallRepository(database)

    def set_handled(self, vapi_call_id: str, viewer: Viewer, *, handled: bool, note: str = "") -> CallSummary:
        """Mark the problems of a call as handled or as open again, and return it as it is then.

        If it already is, nothing is changed.

        Args:
            vapi_call_id: which call.
            viewer: who handled it.
            handled: False to undo.
            note: what was done; kept as long as what was said in the call, and so not in the audit log.

        Raises CallUnknown, also for a call that the viewer may not see; HandledNoteTooLong.
        """
        note = note.replace("\x00", "").strip()
        if len(note) > MAX_HANDLED_NOTE_CHARS:
            raise HandledNoteTooLong
        with self._database.transaction() as connection:
            known = "\x00" not in vapi_call_id
            old = self._queries.lock(connection, vapi_call_id, owner_filter(viewer)) if known else None
            if old is None:
                raise CallUnknown
            if (old.handled_at is not None) == handled:
                return old
            at, by, kept = (self._now(), viewer.email, note or None) if handled else (None, None, None)
            new = replace(old, handled_at=at, handled_by=by, handled_note=kept)
            self._calls.set_handled(connection, vapi_call_id, at, by, kept)
            change = Change(
                action="marked as handled" if handled else "reopened",
                subject_kind="call",
                subject_id=vapi_call_id,
                subject_name=f"call {vapi_call_id}",
                before={"handled_at": old.handled_at},
                after={"handled_at": at},
            )
            self._audit.record(connection, viewer, change)
            return new
