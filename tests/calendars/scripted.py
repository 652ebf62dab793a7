"""A provider of calendars in memory, which a test fills with events and faults."""

# ruff: noqa: ARG002 - the arguments are those of the classes that it stands for

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import NoReturn

from peterental.agents.model import Agent
from peterental.calendars.credentials import Credentials
from peterental.calendars.model import (
    BusyTime,
    CalendarFault,
    CalendarKind,
    CalendarUnreachable,
    EventIdSpent,
    EventMissing,
    OwnEvent,
    Reading,
    ReadWindow,
    RemoteCalendar,
    Stamp,
    ViewingEvent,
)
from peterental.calendars.providers import Providers, TokensInMemory, Trial
from peterental.calendars.repository import Lease
from peterental.calendars.source import CalendarAccount, ViewingCalendar, WrittenEvent

WORK = RemoteCalendar(remote_id="work", name="Work", is_writable=True, is_default=True, owner="ana@example.com")
LOST = CalendarUnreachable(host="dav.example.com", reason="no answer within 30 seconds")
HOLIDAYS = RemoteCalendar(remote_id="holidays", name="Holidays")


@dataclass
class ScriptedCalendar:
    """The provider: what is in the calendars of its one account, and what it does wrong.

    Args:
        found: the calendars of the account.
        busy: the busy times of each calendar, by event.
        events: our own events, by id.
        fault: raised by every request, once it is set.
        lose_answers: after so many writes the answer is lost: the event is there, and a fault is raised.
        reads: the cursors that were asked with.
        before_answer: called while a request is under way.
        holds: the next write or deletion is held: its answer is lost, and it takes effect at `release`.
        stamps: of our own events, which a person's change keeps.
        broken: calendars in which no event can be looked for.
        moved_to: the calendars of those events that a person moved out of "work".
    """

    found: list[RemoteCalendar] = field(default_factory=lambda: [WORK, HOLIDAYS])
    busy: dict[str, dict[str, tuple[BusyTime, ...]]] = field(default_factory=lambda: {"work": {}, "holidays": {}})
    events: dict[str, tuple[ViewingEvent, bool]] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    fault: Exception | None = None
    fault_after_write: BaseException | None = None
    increments: list[Reading] = field(default_factory=list)
    reads: list[tuple[str, str | None]] = field(default_factory=list)
    windows: list[ReadWindow] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None
    holds: bool = False
    held: list[Callable[[], object]] = field(default_factory=list)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    moved_to: dict[str, str] = field(default_factory=dict)
    broken: dict[str, CalendarFault] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    together: threading.Lock = field(default_factory=threading.Lock)

    def _answer(self) -> None:
        assert self.together.acquire(blocking=False), "two requests at once"
        try:
            self.before_answer()
            if self.fault is not None:
                raise self.fault
        finally:
            self.together.release()

    def calendars(self) -> Sequence[RemoteCalendar]:
        self._answer()
        return self.found

    def read(self, remote_id: str, window: ReadWindow, cursor: str | None) -> Reading:
        self.reads.append((remote_id, cursor))
        self.windows.append(window)
        self._answer()
        if cursor is not None and self.increments:
            return self.increments.pop(0)
        return Reading(
            is_whole=True,
            busy=self.busy[remote_id],
            own=tuple(self.own_events(remote_id)),
            cursor=f"cursor {next(self.ids)}",
            notes=self.notes,
        )

    def own_events(self, remote_id: str = "work") -> Iterator[OwnEvent]:
        """Our events in a calendar as they are now."""
        for event_id, (event, _) in self.events.items():
            if self.moved_to.get(event_id, "work") != remote_id:
                continue
            yield OwnEvent(
                marker=event.marker,
                event_id=event_id,
                start=event.start,
                end=event.end,
                stamp=self.stamps.get(event_id),
                is_original=event_id.startswith("id-of-"),
            )

    def write(self, remote_id: str, event: ViewingEvent) -> WrittenEvent:
        assert remote_id == self.moved_to.get(event.event_id or "", "work")
        self._answer()
        if self.holds:
            self._hold(lambda: self._write(event))
        event_id = self._write(event)
        if self.fault_after_write is not None:
            fault, self.fault_after_write = self.fault_after_write, None
            raise fault
        return WrittenEvent(event_id)

    def _write(self, event: ViewingEvent) -> str:
        if event.event_id is not None and event.event_id not in self.events:
            raise EventMissing
        event_id = event.event_id or f"id-of-{event.marker}"
        if event_id in self.spent:
            raise EventIdSpent(host="dav.example.com")
        self.events[event_id] = (event, True)
        if event.stamp is not None:
            self.stamps[event_id] = event.stamp
        self.written.append(event.title)
        return event_id

    def delete(self, remote_id: str, event_id: str, *, follow: bool = True) -> bool:
        assert remote_id == self.moved_to.get(event_id, "work")
        self._answer()
        if self.holds:
            self._hold(lambda: self._delete(event_id))
        return self._delete(event_id)

    def _delete(self, event_id: str) -> bool:
        was_there = self.events.pop(event_id, None) is not None
        if was_there:
            self.spent.add(event_id)
        return was_there

    def _hold(self, request: Callable[[], object]) -> NoReturn:
        self.holds = False
        self.held.append(request)
        raise LOST

    def release(self) -> None:
        """Carry out the requests that were held; those that fail by now change nothing."""
        for request in self.held:
            with suppress(EventMissing, EventIdSpent):
                request()
        self.held.clear()

    def find(self, remote_id: str, event: ViewingEvent) -> OwnEvent | None:
        self._answer()
        if remote_id in self.broken:
            raise self.broken[remote_id]
        return next((own for own in self.own_events(remote_id) if own.marker == event.marker), None)

    # --- what a person does ------------------------------------------------------------------------------------------

    def person_moves(self, start: datetime, end: datetime) -> None:
        """Move the only event of ours."""
        ((event_id, (event, _)),) = self.events.items()
        self.events[event_id] = (replace(event, start=start, end=end), True)

    def person_moves_to(self, remote_id: str, start: datetime, end: datetime) -> None:
        """Move the only event of ours into another calendar, where it has another id, and to a time."""
        ((event_id, (event, _)),) = self.events.items()
        moved_id = f"{remote_id}/{event_id}"
        self.events = {moved_id: (replace(event, start=start, end=end), True)}
        self.moved_to = {moved_id: remote_id}
        self.stamps[moved_id] = self.stamps[event_id]

    def person_deletes(self) -> None:
        """Delete the only event of ours."""
        ((event_id, _),) = self.events.items()
        del self.events[event_id]
        self.spent.add(event_id)


class ScriptedProviders(Providers):
    """Opens the scripted calendar in place of every provider's."""

    remote: ScriptedCalendar

    @contextmanager
    def open(self, lease: Lease, agent: Agent, timeout_s: float) -> Iterator[CalendarAccount]:
        self._credentials.of(lease.account)
        yield self.remote

    @contextmanager
    def open_for_viewings(self, lease: Lease, agent: Agent, timeout_s: float) -> Iterator[ViewingCalendar]:
        self._credentials.of(lease.account)
        yield self.remote

    @contextmanager
    def try_out(self, kind: CalendarKind, agent: Agent, credentials: Credentials, timeout_s: float) -> Iterator[Trial]:
        yield Trial(self.remote, TokensInMemory(credentials))


def providers_of(remote: ScriptedCalendar) -> type[ScriptedProviders]:
    """Return the class of providers that open `remote`; for `peterental.services.Providers`."""
    return type("ScriptedProvidersOfTest", (ScriptedProviders,), {"remote": remote})
