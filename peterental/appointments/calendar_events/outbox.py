"""What readings of a calendar say about our own events, and the jobs that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.jobs.model import JobRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peterental.appointments.calendar_events.model import EventState, RemoteChange
    from peterental.appointments.calendar_events.repository import CalendarEventRepository
    from peterental.calendars.account import Calendar
    from peterental.calendars.model import OwnEvent, Reading, ReadWindow
    from peterental.database.connect import Connection
    from peterental.jobs.service import JobService

WRITE_VIEWING = "write_viewing"
"""The task that writes the event of one viewing. The triggers of `appointments` defer it by this name."""
CHECK_VIEWING = "check_viewing"
WRITE_VIEWINGS = "write_viewings"
DELETE_STRAY_EVENT = "delete_stray_event"


class CalendarOutbox:
    """Compares readings with what was written. Part of the transaction that stores a reading.

    What is certain is recorded at once. Everything else is queued: a job looks at the event under the account's lease.
    """

    def __init__(self, events: CalendarEventRepository, jobs: JobService) -> None:
        self._events = events
        self._jobs = jobs

    def observe(self, connection: Connection, calendar: Calendar, window: ReadWindow, reading: Reading) -> None:
        """Note events that differ from what was written, that seem to be gone, and that should not exist."""
        if not (reading.own or reading.removed_own or reading.is_whole):
            return
        found: dict[int, list[OwnEvent]] = {}
        for event in reading.own:
            found.setdefault(event.marker.appointment_id, []).append(event)
        written = self._events.written_in(
            connection,
            calendar.calendar_id,
            appointment_ids=list(found),
            event_ids=list(reading.removed_own),
            span=(window.start, window.end) if reading.is_whole else None,
        )
        for state in written:
            present = _event_of(state, found.get(state.appointment_id, ()))
            if present is not None and present.start is not None:
                self._compare(connection, state, present)
            elif state.appointment_id in found or _may_be_gone(state, window, reading):
                self._queue_check(connection, state)
        if calendar.is_writable and found:
            for state in self._events.states(connection, list(found)):
                self._queue_strays(connection, calendar, state, found[state.appointment_id])

    def _compare(self, connection: Connection, state: EventState, event: OwnEvent) -> None:
        change = remote_change(state, event)
        is_known = change == state.remote_change and (change is None or event.start == state.remote_start)
        if may_be_ours(state, event):
            self._queue_check(connection, state)
        elif is_known:
            return
        elif change is None or (event.stamp is not None and event.stamp.version == state.written_version):
            self._events.record_remote_change(connection, state, change, event if change else None)
        else:
            self._queue_check(connection, state)

    def _queue_check(self, connection: Connection, state: EventState) -> None:
        request = JobRequest(task=CHECK_VIEWING, args={"appointment_id": state.appointment_id})
        self._jobs.defer(connection, request)

    def _queue_strays(
        self, connection: Connection, calendar: Calendar, state: EventState, events: Iterable[OwnEvent]
    ) -> None:
        """Queue deleting events of a viewing that its state does not know, if the provider confirms that."""
        for event in events:
            if (
                event.is_original
                and event.start is not None
                and may_be_stray(state, event.marker.revision, event.event_id)
            ):
                args = {
                    "calendar_id": calendar.calendar_id,
                    "event_id": event.event_id,
                    "appointment_id": state.appointment_id,
                    "revision": event.marker.revision,
                }
                self._jobs.defer(connection, JobRequest(task=DELETE_STRAY_EVENT, args=args))

    def queue_upcoming(self, connection: Connection, agent_id: str) -> None:
        """Queue writing all upcoming viewings of an agent that have no event in a calendar."""
        self._events.queue_upcoming(connection, agent_id)
        self._jobs.defer(connection, JobRequest(task=WRITE_VIEWINGS, args={"agent_id": agent_id}))


def remote_change(state: EventState, event: OwnEvent | None) -> RemoteChange | None:
    """Return how an event differs from what was written, from how it is now; None if it is gone."""
    if event is None:
        return "deleted"
    return None if (event.start, event.end) == (state.written_start, state.written_end) else "moved"


def may_be_ours(state: EventState, event: OwnEvent) -> bool:
    """Return whether a request of ours that took effect late made an event what it is, and no person did.

    A report that is open stays open: a late request may have undone what a person did, which the person then decides.
    An event that the provider refused was not written, so it cannot show the last version.
    """
    return state.remote_change is None and state.problem is None and event.is_overtaken(state.written_version)


def may_be_stray(state: EventState, revision: int, event_id: str) -> bool:
    """Return whether an event of a viewing is one that a request created late.

    Each deletion and each creation that failed uses a revision up, so an event of an earlier one should not exist.
    Microsoft may create two events of one revision.
    """
    return revision < state.revision or (revision == state.revision and state.event_id not in {None, event_id})


def _event_of(state: EventState, events: Iterable[OwnEvent]) -> OwnEvent | None:
    """Return the event of a viewing: the one with its id, or else one with its revision that a program has renamed."""
    same = [event for event in events if event.marker.revision == state.revision]
    same.sort(key=lambda event: (event.event_id != state.event_id, event.start is None))
    return same[0] if same else None


def _may_be_gone(state: EventState, window: ReadWindow, reading: Reading) -> bool:
    """Return whether an event that a reading does not show should have been in it, or was reported as removed."""
    if state.event_id in reading.removed_own:
        return True
    start = state.remote_start if state.remote_change else state.written_start
    return reading.is_whole and start is not None and window.start <= start < window.end
