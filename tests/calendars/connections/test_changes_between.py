"""A viewing that changes between any two steps of writing its event is written as it is, in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from peterental.database.pool import Database
from peterental.services import build_services
from tests.calendars.connections.conftest import CONFIG, Line
from tests.calendars.scripted import ScriptedCalendar

STEPS = 60
"""More uses of the database than writing an event takes."""


class InterruptedDatabase(Database):
    """A database in which something else happens after one of its uses.

    Args:
        url: of the database.
        after: which use, from 0.
        change: what happens.
    """

    def __init__(self, url: str, after: int, change: Callable[[], object]) -> None:
        super().__init__(url)
        self.uses = 0
        self._after = after
        self._change = change

    @contextmanager
    def _borrow(self) -> Iterator[Any]:
        with super()._borrow() as connection:
            yield connection
        use, self.uses = self.uses, self.uses + 1
        if use == self._after:
            self._change()


def interrupted(line: Line, after: int, change: Callable[[], object]) -> bool:
    """Do the waiting work, with a change after one use of the database; return whether there was such a use."""
    database = InterruptedDatabase(line.database.url, after, change)
    Line(build_services(database, config=CONFIG), database, line.remote, line.noon, line.calls).work()
    database.close()
    return database.uses > after


def steps() -> Iterator[int]:
    yield from range(STEPS)
    pytest.fail("the work takes more steps than expected")


def test_a_viewing_cancelled_between_two_steps_has_no_event(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    for after in steps():
        assert line.book(call=f"call-{after}").startswith("You're booked")
        was_cancelled = interrupted(line, after, partial(line.say, "cancel_appointment", f"call-{after}"))
        if not was_cancelled:
            break
        line.work()
        assert not remote.events, after
    assert after > 5


def test_a_viewing_moved_between_two_steps_has_its_event_there(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()

    def move(hours: int) -> None:
        line.database.fetch(
            "UPDATE appointments SET start_time = start_time + %(by)s, end_time = end_time + %(by)s,"
            " blocked_until = blocked_until + %(by)s",
            {"by": timedelta(hours=hours)},
        )

    for after in steps():
        move(1)
        if not interrupted(line, after, partial(move, 24)):
            break
        line.work()
        ((event, _),) = remote.events.values()
        (viewing,) = line.database.fetch("SELECT start_time FROM appointments")
        assert event.start == viewing["start_time"], after
    assert after > 5
