"""Find, export and delete the data of one person, for admins."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from peterental.access import Viewer, require_admin
from peterental.agents.lookup import LOCK_AGENTS
from peterental.agents.personal_data_repository import NotePersonalDataRepository
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.personal_data_repository import BookingPersonalDataRepository
from peterental.appointments.repository import AppointmentRepository
from peterental.audit.model import Change
from peterental.audit.personal_data_repository import AuditPersonalDataRepository
from peterental.audit.service import AuditService
from peterental.calls.personal_data_repository import CallPersonalDataRepository
from peterental.clock import utc_now
from peterental.database.connect import Connection, DatabaseBusy, DatabaseTooSlow, allow_long_reads
from peterental.database.pool import Database
from peterental.jobs.personal_data_repository import JobPersonalDataRepository
from peterental.messages.personal_data_repository import MessagePersonalDataRepository
from peterental.notices.personal_data_repository import NoticePersonalDataRepository
from peterental.plural import counted
from peterental.privacy.export import (
    Section,
    audit_record,
    booking_record,
    call_record,
    consent_record,
    json_document,
    mention_records,
    message_record,
    notice_record,
    text_record,
    tool_call_record,
    waitlist_record,
)
from peterental.privacy.model import (
    ANONYMOUS,
    Holdings,
    SearchTooSlow,
    UpcomingChanged,
    held_bookings,
    held_calls,
    held_messages,
)
from peterental.privacy.person import REMOVED, Person, PersonUnknown
from peterental.users.repository import UserRepository
from peterental.users.tokens.personal_data_repository import RequestPersonalDataRepository
from peterental.webhooks.personal_data_repository import WebhookPersonalDataRepository

PAGE_TIMEOUT_S = 25
"""How long a page may search. Every text that is stored is read."""

COMMAND_TIMEOUT_S = 1800
"""How long a command may search."""

Records = Iterator[Mapping[str, Any]]


class PersonService:
    """The data of single persons in one database; every method raises AdminsOnly for a viewer who is not an admin.

    Args:
        database: where it is stored.
        audit: records exports and deletions, without the number or the address.
        now: returns the current time, aware.
        pseudonym_key: of the hash by which the audit log identifies a person; a random one by default.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
        *,
        pseudonym_key: bytes | None = None,
    ) -> None:
        self._database = database
        self._audit = audit
        self._now = now
        self._key = pseudonym_key or secrets.token_bytes(32)
        self._bookings = BookingPersonalDataRepository()
        self._calls = CallPersonalDataRepository()
        self._messages = MessagePersonalDataRepository()
        self._entries = AuditPersonalDataRepository()
        self._notes = NotePersonalDataRepository()
        self._notices = NoticePersonalDataRepository()
        self._users = UserRepository(database)
        self._webhooks = WebhookPersonalDataRepository()
        self._requests = RequestPersonalDataRepository()
        self._jobs = JobPersonalDataRepository()
        self._manual = ManualBookingRepository(database)
        self._appointments = AppointmentRepository(database)

    def find(self, person: Person, viewer: Viewer, *, timeout_s: float = PAGE_TIMEOUT_S) -> Holdings:
        """Return what is stored about a person; it may be nothing.

        Args:
            person: whose data.
            viewer: an admin.
            timeout_s: how long each query may take.

        Raises SearchTooSlow.
        """
        require_admin(viewer)
        is_user = person.kind == "email" and self._users.account(person.value) is not None
        with self._searching("flask person-export", timeout_s) as connection:
            return replace(self._search(connection, person), is_user=is_user)

    def export(self, person: Person, viewer: Viewer, *, timeout_s: float = PAGE_TIMEOUT_S) -> Iterator[str]:
        """Return the text of a JSON document with everything that is stored about a person, piece by piece.

        The search and the entry in the audit log are done before this returns; the records are read as the document is
        consumed. Arguments as for `find`.

        Raises PersonUnknown, SearchTooSlow.
        """
        require_admin(viewer)
        with self._searching("flask person-export", timeout_s) as connection:
            holdings = self._search(connection, person)
            if holdings.is_empty:
                raise PersonUnknown(person=person.value)
            self._record(connection, viewer, "data exported", person, holdings.counts)
        return json_document(
            person,
            holdings.found_at,
            holdings.notes,
            [
                ("bookings", self._booking_records(holdings)),
                ("calls", self._call_records(holdings)),
                ("further_tool_calls", self._tool_call_records(holdings)),
                ("messages", self._message_records(holdings)),
                *self._notice_sections(holdings),
                ("named_by_others", mention_records(holdings)),
                ("audit_log", map(audit_record, holdings.audit_entries)),
            ],
        )

    def delete(
        self, person: Person, viewer: Viewer, confirmed: Collection[int], *, timeout_s: float = PAGE_TIMEOUT_S
    ) -> Holdings:
        """Delete what is stored about a person, in one transaction, and return what it was.

        Upcoming viewings are cancelled. Bookings stay without the visitor, calls are reduced, messages are deleted, and
        in what others said, in the audit log and in notes the number or the address is replaced. Notices, texts,
        consents and places on the waitlist are deleted; a stop stays.

        Args:
            person: whose data.
            viewer: an admin.
            confirmed: the ids of the upcoming viewings that the viewer agreed to cancel.
            timeout_s: how long each query may take.

        Raises PersonUnknown, SearchTooSlow, UpcomingChanged if there are other upcoming viewings.
        """
        require_admin(viewer)
        now = self._now()
        with self._searching("flask person-delete", timeout_s) as connection:
            holdings = self._search(connection, person)
            if holdings.is_empty:
                raise PersonUnknown(person=person.value)
            if not {booking.appointment_id for booking in holdings.upcoming} <= set(confirmed):
                raise UpcomingChanged
            cancelled = self._cancel_upcoming(connection, holdings, viewer, now)
            self._remove(connection, holdings, now)
            counts = {**holdings.counts, "cancelled": cancelled}
            self._record(connection, viewer, "data deleted", person, counts)
        return holdings

    def _search(self, connection: Connection, person: Person) -> Holdings:
        pattern = person.pattern
        bookings = self._bookings.search(connection, pattern)
        calls = self._search_calls(connection, pattern, bookings)
        own_call_ids = [row["vapi_call_id"] for row in calls if row["is_own"]]
        booking_ids = [row["appointment_id"] for row in bookings]
        messages = self._messages.search(connection, pattern, call_ids=own_call_ids, appointment_ids=booking_ids)
        own_message_ids = [row["message_id"] for row in messages if row["is_own"]]
        tool_call_ids = self._calls.search_tool_calls(
            connection, pattern, call_ids=own_call_ids, appointment_ids=booking_ids
        )
        audit_entries = self._entries.search(
            connection, pattern, appointment_ids=booking_ids, message_ids=own_message_ids
        )
        notices = self._notices.search(
            connection, pattern, appointment_ids=booking_ids, call_ids=own_call_ids, message_ids=own_message_ids
        )
        notes = self._notes.count(connection, pattern)
        notes += self._bookings.count_mentions(connection, pattern, ids=booking_ids)
        return Holdings(
            person=person,
            found_at=self._now(),
            bookings=held_bookings(bookings),
            calls=held_calls(calls, own=True),
            messages=held_messages(messages, own=True),
            mentioning_calls=held_calls(calls, own=False),
            mentioning_messages=held_messages(messages, own=False),
            tool_call_ids=tuple(tool_call_ids),
            audit_entries=tuple(audit_entries),
            notes=notes,
            notices=notices,
        )

    def _search_calls(
        self, connection: Connection, pattern: str, bookings: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the calls that mention a person; those in which the person booked or left a message are its own."""
        left = [row for row in self._messages.search(connection, pattern) if row["is_own"]]
        made_in = {row["vapi_call_id"] for row in (*bookings, *left) if row["vapi_call_id"]}
        return self._calls.search(connection, pattern, call_ids=sorted(made_in))

    def _cancel_upcoming(self, connection: Connection, holdings: Holdings, viewer: Viewer, now: datetime) -> int:
        """Cancel the upcoming viewings, and return how many were cancelled.

        As every change of bookings does, this locks their agents first; in one order, so that two of these cannot wait
        for each other.
        """
        agent_ids = list({booking.agent_id for booking in holdings.upcoming})
        connection.execute(LOCK_AGENTS.encode(), {"agent_ids": agent_ids})
        cancelled = 0
        for booking in holdings.upcoming:
            current = self._manual.get(connection, booking.appointment_id, None)
            if current is None or current.status != "confirmed":  # changed while the locks were awaited
                continue
            cancelled += 1
            self._appointments.set_status(
                connection, current, "cancelled", kind="cancelled", now=now, actor=viewer.email
            )
            change = Change(
                action="cancelled",
                subject_kind="appointment",
                subject_id=str(current.appointment_id),
                subject_name=f"appointment {current.appointment_id}",
                before={"status": "confirmed"},
                after={"status": "cancelled"},
            )
            self._audit.record(connection, viewer, change)
        return cancelled

    def _remove(self, connection: Connection, holdings: Holdings, now: datetime) -> None:
        person, pattern = holdings.person, holdings.person.pattern
        booking_ids = [booking.appointment_id for booking in holdings.bookings]
        self._notices.delete(
            connection, holdings.notices, appointment_ids=booking_ids, pattern=pattern, removed=REMOVED
        )
        self._bookings.anonymise(connection, booking_ids, pattern=pattern, removed=REMOVED, name=ANONYMOUS, now=now)
        self._bookings.remove_mentions(
            connection, pattern=pattern, removed=REMOVED, remove=person.removed_from, now=now
        )
        self._remove_conversations(connection, holdings, now)
        self._entries.remove_person(connection, holdings.audit_entries, person.removed_from)
        self._notes.remove(connection, pattern=pattern, removed=REMOVED)
        self._webhooks.remove(connection, booking_ids, pattern)
        self._requests.remove(connection, pattern=pattern)
        self._jobs.remove(connection, pattern=pattern, removed=REMOVED)

    def _remove_conversations(self, connection: Connection, holdings: Holdings, now: datetime) -> None:
        """Reduce the person's calls, delete their messages, and remove them from those of others."""
        person = holdings.person
        own_calls = [call.vapi_call_id for call in holdings.calls]
        self._calls.reduce(connection, call_ids=own_calls, tool_call_ids=holdings.tool_call_ids, now=now)
        for call in holdings.mentioning_calls:
            self._calls.rewrite(connection, call.vapi_call_id, person.removed_from)
        self._messages.delete(connection, [message.message_id for message in holdings.messages])
        mentioning = [message.message_id for message in holdings.mentioning_messages]
        self._messages.remove_text(connection, mentioning, pattern=person.pattern, removed=REMOVED)

    def _record(
        self, connection: Connection, viewer: Viewer, action: str, person: Person, counts: Mapping[str, int]
    ) -> None:
        change = Change(
            action=action,
            subject_kind="person",
            subject_id=person.pseudonym(self._key),
            subject_name=person.label,
            after={name: number for name, number in counts.items() if number},
        )
        self._audit.record(connection, viewer, change)

    @contextmanager
    def _searching(self, command: str, timeout_s: float) -> Iterator[Connection]:
        """Yield a transaction whose statements may take longer than others."""
        try:
            with self._database.transaction() as connection:
                allow_long_reads(connection, timeout_s)
                yield connection
        except DatabaseBusy:
            raise
        except DatabaseTooSlow as fault:
            raise SearchTooSlow(wait=counted(round(timeout_s), "second"), command=command) from fault

    def _booking_records(self, holdings: Holdings) -> Records:
        for booking in holdings.bookings:
            with self._database.transaction() as connection:
                rows = self._bookings.read(connection, [booking.appointment_id])
            yield from map(booking_record, rows)

    def _call_records(self, holdings: Holdings) -> Records:
        for call in holdings.calls:
            with self._database.transaction() as connection:
                row = self._calls.read(connection, call.vapi_call_id)
                tool_calls = self._calls.read_tool_calls(connection, vapi_call_id=call.vapi_call_id)
            if row is not None:
                yield call_record(row, tool_calls)

    def _tool_call_records(self, holdings: Holdings) -> Records:
        with self._database.transaction() as connection:
            rows = self._calls.read_tool_calls(connection, ids=holdings.tool_call_ids)
        return iter([tool_call_record(row, ZoneInfo("UTC")) for row in rows])

    def _message_records(self, holdings: Holdings) -> Records:
        with self._database.transaction() as connection:
            rows = self._messages.read(connection, [message.message_id for message in holdings.messages])
        return map(message_record, rows)

    def _notice_sections(self, holdings: Holdings) -> list[Section]:
        held = holdings.notices
        with self._database.transaction() as connection:
            notices = self._notices.read_notices(connection, held.notices)
            texts = self._notices.read_texts(connection, held.texts)
            consents = self._notices.read_consents(connection, held.consents)
            waitlist = self._notices.read_waitlist(connection, held.waitlist)
        return [
            ("notices", map(notice_record, notices)),
            ("texts", map(text_record, texts)),
            ("consents", map(consent_record, consents)),
            ("waitlist", map(waitlist_record, waitlist)),
        ]
