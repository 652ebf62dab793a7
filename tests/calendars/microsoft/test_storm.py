"""Faults in any order, and answers of any shape: no event is lost or doubled, and nothing but a fault escapes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.calendars.http import HttpAnswer
from peterental.calendars.microsoft import MicrosoftAccount
from peterental.calendars.model import CalendarFault, EventMissing, ViewingEvent
from peterental.calendars.oauth import AuthorizedHttp
from tests.calendars.microsoft.fake import FakeGraph, failure, throttled
from tests.calendars.microsoft.office import MARKER, NAMESPACE, WINDOW, Cache, account, hours, viewing
from tests.calendars.provider_server import HTML, Drop

# --- faults in any order ---------------------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[FakeGraph], object]] = {
    "lose": lambda fake: setattr(fake, "lost_answers", 1),
    "drop": lambda fake: fake.fail(Drop()),
    "throttle": lambda fake: fake.fail(throttled()),
    "outage": lambda fake: fake.fail(failure(500, "InternalServerError")),
    "login page": lambda fake: fake.fail(HTML),
    "expire": lambda fake: fake.login.expire(),
    "forget feeds": lambda fake: fake.forget_feeds(),
    "forget transactions": lambda fake: setattr(fake, "remembers_transactions", False),
    "conflict": lambda fake: setattr(fake, "conflicts_on_repeat", True),
}

STEPS = st.lists(st.tuples(st.sampled_from(["write", "move", "sync", *FAULTS]), st.integers(2, 12)), max_size=25)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_viewing_is_one_event_after_any_faults(steps: list[tuple[str, int]]) -> None:
    """The caller keeps trying with the present state, as the job does, and knows an id only if it was returned."""
    with FakeGraph(clock_s=1_796_000_000) as fake:
        busy = fake.mailbox.add(*hours(3, 9))
        cache, event = Cache(fake), viewing()
        for step, day in steps:
            if step == "move":
                start, end = hours(day, 10)
                event = replace(event, start=start, end=end)
            elif step == "write":
                event = attempt(fake, event)
            elif step == "sync":
                with contextlib.suppress(CalendarFault):
                    cache.sync()
                assert cache.times in (set(), {hours(3, 9)})
            else:
                FAULTS[step](fake)
        fake.hooks.clear()
        fake.lost_answers = 0
        event = attempt(fake, event)
        reading = cache.sync()
        ours = [each for each in fake.mailbox.of(fake.mailbox.default) if each.content["id"] != busy]
        assert [(each.content["id"], each.begins, each.ends) for each in ours] == [
            (event.event_id, event.start, event.end)
        ]
        assert cache.times == {hours(3, 9)}
        assert {own.marker for own in reading.own} <= {MARKER}
        assert fake.problems == []


def attempt(fake: FakeGraph, event: ViewingEvent) -> ViewingEvent:
    """Write an event once, and return it with its id if it was written."""
    try:
        return replace(event, event_id=account(fake).write(fake.mailbox.default, event).event_id)
    except EventMissing as error:
        raise AssertionError("the event was never deleted") from error
    except CalendarFault:
        return event


# --- answers of any shape --------------------------------------------------------------------------------------------

BASE = "https://graph.example"

TEXTS = st.sampled_from(
    ["", "UTC", "2026-12-03T15:00:00", "occurrence", "seriesMaster", str(MARKER), "0001-01-01", "é\x00"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.text(max_size=5)
MOMENTS = st.fixed_dictionaries({}, optional={"dateTime": SCALARS, "timeZone": SCALARS}) | SCALARS
ITEMS = SCALARS | st.fixed_dictionaries(
    {},
    optional={
        "id": TEXTS | SCALARS,
        "name": SCALARS,
        "start": MOMENTS,
        "end": MOMENTS,
        "isAllDay": SCALARS,
        "isCancelled": SCALARS,
        "showAs": SCALARS,
        "responseStatus": MOMENTS,
        "type": TEXTS,
        "seriesMasterId": SCALARS,
        "transactionId": SCALARS,
        "subject": SCALARS,
        "@removed": SCALARS,
    },
)
LINKS = st.sampled_from([f"{BASE}/v1.0/me/a", f"{BASE}/v1.0/me/b", "https://other.example/", None, 7])
CONTENTS = ITEMS | st.fixed_dictionaries(
    {},
    optional={
        "value": st.lists(ITEMS, max_size=3) | SCALARS,
        "@odata.nextLink": LINKS,
        "@odata.deltaLink": LINKS,
        "error": st.fixed_dictionaries({}, optional={"code": SCALARS}) | SCALARS,
    },
)
ANSWERS = st.tuples(
    st.sampled_from([200, 200, 200, 201, 204, 304, 400, 401, 403, 404, 409, 410, 429, 500, 503]),
    CONTENTS.map(lambda content: json.dumps(content).encode()) | st.binary(max_size=5),
    st.dictionaries(st.just("Retry-After"), st.sampled_from(["5", "-1", "x", "9" * 400])),
)


class Scripted:
    """Answers each request with the next of some answers, and the last one again and again."""

    host = "Microsoft 365"

    def __init__(self, answers: list[tuple[int, bytes, dict[str, str]]]) -> None:
        self._answers = list(answers)

    def request(self, method: str, url: str, **_: Any) -> HttpAnswer:
        assert url.startswith(f"{BASE}/v1.0/me"), method
        status, body, headers = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return HttpAnswer(status, headers, body, url)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(answers=st.lists(ANSWERS, min_size=1, max_size=6), number=st.integers(0, 6))
def test_nothing_but_a_fault_escapes(answers: list[tuple[int, bytes, dict[str, str]]], number: int) -> None:
    one = MicrosoftAccount(cast("AuthorizedHttp", Scripted(answers)), graph_url=BASE, namespace=NAMESPACE)
    calls: list[Callable[[], object]] = [
        one.calendars,
        lambda: one.read("c", WINDOW, None),
        lambda: one.read("c", WINDOW, f"{BASE}/v1.0/me/c"),
        lambda: one.write("c", viewing()),
        lambda: one.write("c", viewing(event_id="e")),
        lambda: one.find("c", viewing(event_id="e")),
        lambda: one.delete("c", "e"),
    ]
    with contextlib.suppress(CalendarFault):
        calls[number]()
