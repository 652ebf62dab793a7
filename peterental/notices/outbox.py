"""The outbox: every e-mail and text that was, is or will be sent, with its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.access import Viewer, owner_filter
from peterental.audit.model import Change
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.notices.model import NoticeNotOver, NoticeTooLate, NoticeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.appointments.model import Appointment
    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import NewNotice, Notice
    from peterental.notices.repository import OutboxRepository

MAX_OF_APPOINTMENT = 200


class Outbox:
    """The notices of one database.

    Args:
        database: where they are stored.
        repository: of the notices.
        audit: records who had a notice sent again.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        database: Database,
        repository: OutboxRepository,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._repository = repository
        self._audit = audit
        self._now = now

    def add(self, connection: Connection, notice: NewNotice) -> None:
        """Queue writing a notice and the job that sends it, in the transaction of what it reports.

        Costs no round trip of its own. Nothing is written if it is there already, or if its channel is off.
        """
        self._repository.add(connection, notice, self._now())

    def of_appointment(self, appointment: Appointment) -> list[Notice]:
        """Return the notices of a viewing that the viewer may see, oldest first. One round trip."""
        return self._repository.of_appointment(appointment.appointment_id, MAX_OF_APPOINTMENT)

    def record_delivery(self, provider_id: str, what: str, detail: str, at: datetime) -> bool:
        """Record what a provider reports about a letter. Reports come in any order, also more than once.

        A report may arrive before the answer to the request that it is about: it counts as soon as that is recorded.

        Args:
            provider_id: of the letter.
            what: the provider's word, such as `queued`, `sent`, `delivered`, `failed` or `undelivered`.
            detail: such as an error code; empty for none.
            at: when, aware.

        Returns whether the letter is known.
        """
        with self._database.transaction() as connection:
            return self._repository.record_report(connection, provider_id, what, detail, at)

    def retry(self, notice_id: int, viewer: Viewer) -> None:
        """Send a failed or unknown notice again, because a person says so. It may then arrive twice.

        Raises NoticeUnknown, NoticeNotOver, NoticeTooLate.
        """
        now = self._now()
        with self._database.transaction() as connection:
            notice = (
                self._repository.lock(connection, notice_id, owner_filter(viewer))
                if 0 < notice_id <= MAX_BIGINT
                else None
            )
            if notice is None:
                raise NoticeUnknown
            if notice.state not in {"failed", "unknown"} or notice.ended_at is None:
                raise NoticeNotOver
            if notice.expires_at <= now:
                raise NoticeTooLate
            self._repository.send_again(connection, notice_id, now)
            change = Change(
                action="notice sent again",
                subject_kind="notice",
                subject_id=str(notice_id),
                subject_name=f"{notice.kind} by {notice.channel}",
            )
            self._audit.record(connection, viewer, change)
