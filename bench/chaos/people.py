"""People who use their calendars while callers call: they add, move and delete events, our own ones too."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bench.chaos.stand_ins import StandIns
from peterental.calendars.model import Marker

FIRST_EVENTS = 40
"""The events of a calendar at the start: about every fifth half hour is busy."""

MAX_EVENTS = 60
PAUSE_S = 0.05
HALF_HOUR = timedelta(minutes=30)

# Probabilities.
ADDS, MOVES, TOUCHES_OURS = 0.4, 0.6, 0.05


@dataclass(frozen=True)
class OurEvent:
    """An event of a viewing, as it is at the provider. Times are UTC."""

    marker: Marker
    event_id: str
    start: datetime
    end: datetime


@dataclass
class Stay:
    """That an event was at one time in a calendar. Times are UTC.

    Args:
        start, end: of the event.
        since: a moment when it was there already.
        until: a moment when it was still there; None if it is there now.
    """

    start: datetime
    end: datetime
    since: datetime
    until: datetime | None = None

    def was_there(self, first: datetime, last: datetime) -> bool:
        """Return whether it was there at every moment between two."""
        return self.since <= first and (self.until is None or self.until >= last)


class PersonsCalendar(Protocol):
    """A calendar at a provider, as its owner and its servers see it."""

    def put(self, event_id: str | None, start: datetime, end: datetime) -> str:
        """Add an event, or move one; return its id."""
        ...

    def delete(self, event_id: str) -> None:
        """Delete an event."""
        ...

    def ours(self, namespace: str) -> list[OurEvent]:
        """Return the events of viewings."""
        ...


class GoogleCalendar:
    """A primary calendar at the stand-in for Google."""

    def __init__(self, stand_ins: StandIns, email: str) -> None:
        self._google = stand_ins.google
        self._calendar = self._google.add_account(email)

    def put(self, event_id: str | None, start: datetime, end: datetime) -> str:
        """Add an event, or move one; return its id."""
        with self._google.lock:
            if event_id is None:
                return self._calendar.put(summary="Dentist", start=start, end=end)
            self._calendar.change(event_id, start=start, end=end)
            return event_id

    def delete(self, event_id: str) -> None:
        """Delete an event."""
        with self._google.lock:
            self._calendar.cancel(event_id)

    def ours(self, namespace: str) -> list[OurEvent]:
        """Return the events of viewings."""
        with self._google.lock:
            return [
                OurEvent(marker, event_id, *(moment.astimezone(UTC) for moment in self._calendar.span(event)))
                for event_id, event in self._calendar.events.items()
                if event["status"] != "cancelled" and (marker := Marker.parse(event_id, namespace))
            ]


class MicrosoftCalendar:
    """The default calendar of the stand-in for Microsoft Graph."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._graph = stand_ins.graph
        self._mailbox = self._graph.mailbox

    def put(self, event_id: str | None, start: datetime, end: datetime) -> str:
        """Add an event, or move one; return its id."""
        with self._graph.lock:
            if event_id is None:
                return self._mailbox.add(start, end)
            self._mailbox.change(event_id, start, end)
            return event_id

    def delete(self, event_id: str) -> None:
        """Delete an event."""
        with self._graph.lock:
            self._mailbox.remove(event_id)

    def ours(self, namespace: str) -> list[OurEvent]:
        """Return the events of viewings."""
        with self._graph.lock:
            return [
                OurEvent(marker, event_id, event.begins, event.ends)
                for event_id, event in self._mailbox.events.items()
                if event.calendar is not None
                and (marker := Marker.parse(event.content.get("transactionId"), namespace))
            ]


@dataclass
class Owner:
    """The owner of one calendar.

    Args:
        agent_id: who.
        calendar: at a provider.
        slots: the starts of half hours to choose from, UTC.
        chance: makes the random choices.
        namespace: of the installation's events.

    Attributes:
        stays: where events were, and when.
        touched: how often the owner moved or deleted an event of a viewing.
    """

    agent_id: str
    calendar: PersonsCalendar
    slots: list[datetime]
    chance: random.Random
    namespace: str
    stays: list[Stay] = field(default_factory=list)
    touched: int = 0
    _present: dict[str, Stay] = field(default_factory=dict)

    def fill(self) -> None:
        """Add the events of the start."""
        for _ in range(FIRST_EVENTS):
            self._put(None)

    def act(self) -> None:
        """Add, move or delete one event."""
        if self._happens(TOUCHES_OURS):
            self._touch_ours()
        elif not self._present or (self._happens(ADDS) and len(self._present) < MAX_EVENTS):
            self._put(None)
        else:
            event_id = self.chance.choice(sorted(self._present))
            if self._happens(MOVES):
                self._put(event_id)
            else:
                self._leave(event_id)
                self.calendar.delete(event_id)

    def _put(self, event_id: str | None) -> None:
        start = self.chance.choice(self.slots)
        end = start + self.chance.choice([1, 2, 3]) * HALF_HOUR
        if event_id is not None:
            self._leave(event_id)
        event_id = self.calendar.put(event_id, start, end)
        self._present[event_id] = Stay(start, end, datetime.now(UTC))
        self.stays.append(self._present[event_id])

    def _leave(self, event_id: str) -> None:
        self._present.pop(event_id).until = datetime.now(UTC)

    def _touch_ours(self) -> None:
        """Move or delete the event of a viewing. One that we delete at the same moment stays deleted."""
        found = self.calendar.ours(self.namespace)
        if not found:
            return
        event = self.chance.choice(found)
        start = self.chance.choice(self.slots)
        if self._happens(MOVES):
            self.calendar.put(event.event_id, start, start + HALF_HOUR)
        else:
            self.calendar.delete(event.event_id)
        self.touched += 1

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share


class People:
    """All owners, each acting in turn until `stop`."""

    def __init__(self, owners: list[Owner]) -> None:
        self.owners = owners
        self.fault: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live)

    def start(self) -> None:
        """Start acting."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. Raises what went wrong."""
        self._over.set()
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    def _live(self) -> None:
        try:
            while not self._over.is_set():
                for owner in self.owners:
                    owner.act()
                time.sleep(PAUSE_S)
        except Exception as error:  # noqa: BLE001  # raised by `stop`
            self.fault = error
