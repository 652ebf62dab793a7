"""Later readings take the changes from the feed: what is added, changed, moved, removed, and a feed that was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.calendars.microsoft.account import MAX_SERIES
from peterental.calendars.microsoft.graph import MAX_FEED_PAGES, Graph
from peterental.calendars.model import CalendarNonsense, OwnEvent, Reading
from tests.calendars.microsoft.fake import FakeGraph, failure
from tests.calendars.microsoft.mailbox import moment
from tests.calendars.microsoft.office import MARKER, WINDOW, Cache, hours, on, read, signed_in, times
from tests.calendars.provider_server import Answer

LATER = datetime(2027, 6, 1, 15, tzinfo=UTC)


@pytest.fixture
def cache(fake: FakeGraph) -> Cache:
    return Cache(fake)


def test_nothing_changed_costs_one_request(fake: FakeGraph, cache: Cache) -> None:
    fake.mailbox.add(*hours(3, 9))
    cache.sync()
    before = len(fake.asked)
    reading = cache.sync()
    assert not reading.is_whole
    assert (reading.busy, reading.removed, reading.own) == ({}, frozenset(), ())
    assert len(fake.asked) == before + 1
    assert cache.times == {hours(3, 9)}


def test_added_and_changed_events_are_reported(fake: FakeGraph, cache: Cache) -> None:
    kept = fake.mailbox.add(*hours(3, 9))
    moved = fake.mailbox.add(*hours(4, 9))
    cache.sync()
    fake.mailbox.change(moved, *hours(4, 16))
    added = fake.mailbox.add(*hours(5, 9))
    reading = cache.sync()
    assert not reading.is_whole
    assert set(reading.busy) == {moved, added}
    assert kept not in reading.busy
    assert cache.times == {hours(3, 9), hours(4, 16), hours(5, 9)}


def test_cursor_is_the_whole_link(fake: FakeGraph) -> None:
    cursor = read(fake).cursor
    assert cursor is not None
    assert cursor.startswith(f"{fake.url}/v1.0/me/calendars/")
    assert "$deltatoken=" in cursor


@pytest.mark.parametrize("empty_pages", [0, 1, 2])
def test_changes_of_every_page_are_read(empty_pages: int, fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 1, in an incremental reading."""
    cache.sync()
    fake.page_size, fake.empty_pages = 2, empty_pages
    expected = {hours(day, 9) for day in range(2, 9)}
    for start, end in expected:
        fake.mailbox.add(start, end)
    assert not cache.sync().is_whole
    assert cache.times == expected


@pytest.mark.parametrize(
    "change", [{"showAs": "free"}, {"isCancelled": True}, {"responseStatus": {"response": "declined", "time": None}}]
)
def test_event_that_stops_blocking_frees_its_time(change: dict[str, object], fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 3."""
    event_id = fake.mailbox.add(*hours(3, 9))
    cache.sync()
    fake.mailbox.change(event_id, None, None, **change)
    assert cache.sync().busy == {event_id: ()}
    assert cache.times == set()


def test_removed_event_frees_its_time(fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 3: it comes without dates and blocks nothing."""
    event_id = fake.mailbox.add(*hours(3, 9))
    cache.sync()
    fake.mailbox.remove(event_id)
    reading = cache.sync()
    assert reading.busy == {}
    assert reading.removed == reading.removed_own == {event_id}
    assert cache.times == set()


def test_event_moved_out_of_the_window_frees_its_time(fake: FakeGraph, cache: Cache) -> None:
    event_id = fake.mailbox.add(*hours(3, 9))
    cache.sync()
    fake.mailbox.change(event_id, LATER, LATER + timedelta(hours=1))
    assert cache.sync().removed == {event_id}
    fake.mailbox.change(event_id, *hours(6, 9))
    cache.sync()
    assert cache.times == {hours(6, 9)}


def test_new_event_beside_the_window_comes_as_removed(fake: FakeGraph, cache: Cache) -> None:
    """Graph says `@removed` of an event that never was in the window. It blocks nothing."""
    cache.sync()
    event_id = fake.mailbox.add(LATER, LATER + timedelta(hours=1))
    reading = cache.sync()
    assert reading.removed == {event_id}
    assert (reading.busy, cache.times) == ({}, set())


def test_event_moved_into_another_calendar_frees_its_time(fake: FakeGraph, cache: Cache) -> None:
    family = fake.mailbox.add_calendar("Family")
    event_id = fake.mailbox.add(*hours(3, 9))
    cache.sync()
    other = Cache(fake, family)
    other.sync()
    fake.mailbox.move(event_id, family)
    cache.sync()
    other.sync()
    assert (cache.times, other.times) == (set(), {hours(3, 9)})


def test_change_during_a_whole_reading_is_not_lost(fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 2: what changes after the feed was read and before, or after, the view was."""
    fake.mailbox.add(*hours(3, 9))
    gone = fake.mailbox.add(*hours(4, 9))
    fake.before(2, lambda: fake.mailbox.remove(gone))
    fake.before(2, lambda: fake.mailbox.add(*hours(5, 9)))
    cache.sync()
    fake.mailbox.add(*hours(6, 9))
    cache.sync()
    assert cache.times == {hours(3, 9), hours(5, 9), hours(6, 9)}


# --- our own events --------------------------------------------------------------------------------------------------


def test_own_event_that_a_person_moved_is_reported(fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 14."""
    event_id = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    cache.sync()
    fake.mailbox.change(event_id, *hours(3, 15))
    reading = cache.sync()
    start, end = hours(3, 15)
    assert reading.own == (OwnEvent(marker=MARKER, event_id=event_id, start=start, end=end, is_original=True),)
    assert (reading.busy, cache.times) == ({}, set())


def test_own_event_that_a_person_deleted_is_reported(fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 14."""
    event_id = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    cache.sync()
    fake.mailbox.remove(event_id)
    reading = cache.sync()
    assert reading.own == ()
    assert reading.removed_own == {event_id}


def test_own_event_that_left_the_window_may_be_removed(fake: FakeGraph, cache: Cache) -> None:
    """The caller looks it up: it was only moved."""
    event_id = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    cache.sync()
    fake.mailbox.change(event_id, LATER, LATER + timedelta(hours=1))
    assert cache.sync().removed_own == {event_id}


# --- series ----------------------------------------------------------------------------------------------------------


def test_deleted_instance_frees_its_time(fake: FakeGraph, cache: Cache) -> None:
    """The feed reports the series without a word of the instance."""
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    fake.mailbox.remove(fake.mailbox.instances(master)[0])
    reading = cache.sync()
    assert not reading.is_whole
    assert list(reading.busy) == [master]
    assert cache.times == {hours(9, 9)}


def test_moved_instance_blocks_where_it_is(fake: FakeGraph, cache: Cache) -> None:
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    fake.mailbox.change(fake.mailbox.instances(master)[0], *hours(4, 16))
    cache.sync()
    assert cache.times == {hours(4, 16), hours(9, 9)}


def test_declined_instance_frees_its_time_only(fake: FakeGraph, cache: Cache) -> None:
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    declined = {"response": "declined", "time": None}
    fake.mailbox.change(fake.mailbox.instances(master)[0], responseStatus=declined)
    cache.sync()
    assert cache.times == {hours(9, 9)}


def test_series_that_becomes_free_frees_its_times(fake: FakeGraph, cache: Cache) -> None:
    """The bare instances of the feed do not have the status."""
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    fake.mailbox.change(master, showAs="free")
    assert cache.sync().busy == {master: ()}
    assert cache.times == set()


def test_new_free_series_does_not_block(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    fake.mailbox.add_series([hours(2, 9), hours(9, 9)], showAs="workingElsewhere")
    cache.sync()
    assert cache.times == set()


def test_rescheduled_series_leaves_no_old_instances(fake: FakeGraph, cache: Cache) -> None:
    """Its instances get new ids: the old ones are never mentioned."""
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    replacement = fake.mailbox.add_series([hours(3, 16), hours(10, 16)])
    events = fake.mailbox.events
    events[master].instances = events.pop(replacement).instances
    for instance in events[master].instances.values():
        instance.content["seriesMasterId"] = master
    fake.mailbox.change(master)
    cache.sync()
    assert cache.times == {hours(3, 16), hours(10, 16)}


def test_deleted_series_frees_its_times(fake: FakeGraph, cache: Cache) -> None:
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    fake.mailbox.remove(master)
    cache.sync()
    assert cache.times == set()


def test_series_deleted_during_the_reading_frees_its_times(fake: FakeGraph, cache: Cache) -> None:
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    fake.mailbox.add(*hours(5, 9))
    cache.sync()
    fake.mailbox.change(master, subject="Another")
    fake.before(2, lambda: fake.mailbox.remove(master))
    cache.sync()
    assert cache.times == {hours(5, 9)}


def test_instances_of_every_page_are_read(fake: FakeGraph, cache: Cache) -> None:
    expected = {hours(day, 9) for day in range(2, 14)}
    cache.sync()
    fake.page_size, fake.empty_pages = 5, 1
    fake.mailbox.add_series(sorted(expected))
    assert not cache.sync().is_whole
    assert cache.times == expected


def test_many_changed_series_lead_to_a_whole_reading(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    for minute in range(MAX_SERIES + 1):
        fake.mailbox.add_series([(on(2, 9, minute), on(2, 9, minute + 1))])
    assert cache.sync().is_whole
    assert len(cache.times) == MAX_SERIES + 1


def test_single_event_that_becomes_a_series_blocks_each_instance(fake: FakeGraph, cache: Cache) -> None:
    """It keeps its id, so its old time is replaced."""
    single = fake.mailbox.add(*hours(2, 9))
    cache.sync()
    events = fake.mailbox.events
    series = events.pop(fake.mailbox.add_series([hours(2, 9), hours(9, 9)]))
    series.content["id"] = single
    for instance in series.instances.values():
        instance.content["seriesMasterId"] = single
    events[single] = series
    cache.sync()
    assert cache.times == {hours(2, 9), hours(9, 9)}


# --- a feed that does not say enough ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 410, 412])
def test_forgotten_state_leads_to_a_whole_reading(status: int, fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 2."""
    gone = fake.mailbox.add(*hours(3, 9))
    cache.sync()
    fake.mailbox.remove(gone)
    fake.mailbox.add(*hours(4, 9))
    fake.fail(failure(status, "SyncStateNotFound"), path="delta")
    reading = cache.sync()
    assert reading.is_whole
    assert reading.cursor is not None
    assert cache.times == {hours(4, 9)}
    assert not cache.sync().is_whole


def test_state_forgotten_between_two_pages_leads_to_a_whole_reading(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    fake.page_size = 2
    for day in range(2, 9):
        fake.mailbox.add(*hours(day, 9))
    fake.before(3, fake.forget_feeds)
    assert cache.sync().is_whole
    assert cache.times == {hours(day, 9) for day in range(2, 9)}


def test_feed_that_fails_at_once_again_leaves_no_cursor(fake: FakeGraph, cache: Cache) -> None:
    fake.mailbox.add(*hours(3, 9))
    cache.sync()
    fake.fail(failure(410, "SyncStateNotFound"), failure(410, "SyncStateNotFound"), path="delta")
    reading = cache.sync()
    assert (reading.is_whole, reading.cursor) == (True, None)
    assert cache.times == {hours(3, 9)}


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "https://graph.evil.example/v1.0/me/x", "http://[", "/v1.0/me", "x" * 9000]
)
def test_cursor_of_another_server_is_not_followed(cursor: str, fake: FakeGraph) -> None:
    """The base address was changed, or the cursor is damaged."""
    fake.mailbox.add(*hours(3, 9))
    reading = read(fake, cursor)
    assert reading.is_whole
    assert times(reading) == {hours(3, 9)}


Incomplete = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    "incomplete",
    [
        lambda event: {**event, "showAs": None},
        lambda event: {name: value for name, value in event.items() if name != "start"},
        lambda event: {name: value for name, value in event.items() if name != "id"},
        lambda _: {"id": 7, "@removed": {"reason": "deleted"}},
        lambda _: 7,
        lambda _: None,
    ],
)
def test_incomplete_change_leads_to_a_whole_reading(incomplete: Incomplete, fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    cursor = cache.cursor
    event_id = fake.mailbox.add(*hours(3, 9))
    change = incomplete(fake.mailbox.events[event_id].content)
    fake.fail(Answer.of_json({"value": [change], "@odata.deltaLink": cursor}), path="delta")
    assert cache.sync().is_whole
    assert cache.times == {hours(3, 9)}


def test_feed_without_a_last_link_leads_to_a_whole_reading(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    fake.mailbox.add(*hours(3, 9))
    fake.fail(Answer.of_json({"value": []}), path="delta")
    assert cache.sync().is_whole
    assert cache.times == {hours(3, 9)}


def test_feed_that_goes_in_circles_leads_to_a_whole_reading(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    fake.mailbox.add(*hours(3, 9))
    fake.fail(Answer.of_json({"value": [], "@odata.nextLink": cache.cursor}), path="delta")
    assert cache.sync().is_whole
    assert cache.times == {hours(3, 9)}


def test_very_long_feed_is_not_followed(fake: FakeGraph, cache: Cache) -> None:
    fake.empty_pages = MAX_FEED_PAGES
    fake.mailbox.add(*hours(3, 9))
    reading = cache.sync()
    assert (reading.is_whole, reading.cursor) == (True, None)
    assert cache.times == {hours(3, 9)}


FOREIGN = [
    "https://graph.evil.example",
    "https://127.0.0.1",
    "http://127.0.0.1:1",
    "ftp://127.0.0.1",
    "//127.0.0.1",
    "http://[",
    "http://user@127.0.0.1",
]


@pytest.mark.parametrize("base", FOREIGN)
@pytest.mark.parametrize("pages", ["next", "delta"])
def test_link_to_another_server_is_refused(base: str, pages: str, fake: FakeGraph, cache: Cache) -> None:
    """Pitfall 16: the token is not sent there."""
    for day in range(2, 6):
        fake.mailbox.add(*hours(day, 9))
    cache.sync()
    before = cache.times
    fake.page_size = 1 if pages == "next" else 100
    fake.link_base = base
    with pytest.raises(CalendarNonsense, match="continues on another server"):
        read(fake)
    fake.mailbox.add(*hours(8, 9))
    with pytest.raises(CalendarNonsense, match="continues on another server"):
        cache.sync()
    assert cache.times == before


@pytest.mark.parametrize("path", ["/login/v1.0/x", "/v1.0", "/beta/me", "/v1.0/../x\r\nX: y", "/v1.0/é"])
def test_link_beside_the_api_is_refused(path: str, fake: FakeGraph) -> None:
    fake.fail(Answer.of_json({"value": [], "@odata.nextLink": fake.url + path}), path="delta")
    with pytest.raises(CalendarNonsense, match="continues on another server"):
        read(fake)


@pytest.mark.parametrize("link", [7, [], {}])
def test_link_that_is_no_text_is_refused(link: object, fake: FakeGraph) -> None:
    fake.fail(Answer.of_json({"value": [], "@odata.nextLink": link}), path="delta")
    with pytest.raises(CalendarNonsense):
        read(fake)


def test_link_to_another_scheme_is_refused(fake: FakeGraph) -> None:
    fake.link_base = fake.url.replace("http:", "https:")
    with pytest.raises(CalendarNonsense, match="continues on another server"):
        read(fake)


def test_link_of_absurd_length_is_refused(fake: FakeGraph) -> None:
    link = f"{fake.url}/v1.0/me?$skiptoken={'x' * 7500}"
    fake.fail(Answer.of_json({"value": [], "@odata.nextLink": link}), path="delta")
    with pytest.raises(CalendarNonsense, match="continues on another server"):
        read(fake)


# --- one round that reports an event more than once ------------------------------------------------------------------


def changed(fake: FakeGraph, cache: Cache, *items: object) -> Reading:
    """Read a round of the feed with these items."""
    fake.fail(Answer.of_json({"value": items, "@odata.deltaLink": cache.cursor}), path="delta")
    reading = cache.sync()
    assert not reading.is_whole
    return reading


def test_last_report_of_an_event_counts(fake: FakeGraph, cache: Cache) -> None:
    event_id = fake.mailbox.add(*hours(3, 9))
    own_id = fake.mailbox.add(*hours(3, 14), transactionId=str(MARKER))
    cache.sync()
    for name, key in ((event_id, "busy"), (own_id, "own")):
        content, removed = fake.mailbox.events[name].content, {"id": name, "@removed": {"reason": "deleted"}}
        reading = changed(fake, cache, removed, content)
        assert (len(reading.busy), len(reading.own), reading.removed) == (key == "busy", key == "own", frozenset())
        reading = changed(fake, cache, content, removed)
        assert (len(reading.busy), len(reading.own), reading.removed) == (0, 0, frozenset({name}))
        reading = changed(fake, cache, content, content)
        assert (len(reading.busy), len(reading.own), reading.removed) == (key == "busy", key == "own", frozenset())


def test_last_report_of_a_series_counts(fake: FakeGraph, cache: Cache) -> None:
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    cache.sync()
    content, removed = fake.mailbox.events[master].content, {"id": master, "@removed": {"reason": "deleted"}}
    reading = changed(fake, cache, removed, content)
    assert times(reading) == {hours(2, 9), hours(9, 9)}
    assert reading.removed == frozenset()
    before = len(fake.asked)
    reading = changed(fake, cache, content, removed)
    assert reading.busy == {}
    assert reading.removed == {master}
    assert len(fake.asked) == before + 1


@pytest.mark.parametrize("transaction_id", [None, str(MARKER)])
def test_single_event_reported_before_its_series_is_forgotten(
    transaction_id: str | None, fake: FakeGraph, cache: Cache
) -> None:
    cache.sync()
    master = fake.mailbox.add_series([hours(2, 9), hours(9, 9)])
    content = fake.mailbox.events[master].content
    start, end = moment(hours(5, 9)[0]), moment(hours(5, 9)[1])
    single = {**content, "type": "singleInstance", "transactionId": transaction_id, "start": start, "end": end}
    reading = changed(fake, cache, single, content)
    assert times(reading) == {hours(2, 9), hours(9, 9)}
    assert reading.own == ()


def test_event_that_stops_being_ours_blocks(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    content = fake.mailbox.events[fake.mailbox.add(*hours(5, 9))].content
    reading = changed(fake, cache, {**content, "transactionId": str(MARKER)}, content)
    assert (times(reading), reading.own) == ({hours(5, 9)}, ())
    reading = changed(fake, cache, content, {**content, "transactionId": str(MARKER)})
    assert (reading.busy, len(reading.own)) == ({}, 1)


def test_event_beside_the_window_in_a_feed_does_not_block(fake: FakeGraph, cache: Cache) -> None:
    cache.sync()
    event_id = fake.mailbox.add(LATER, LATER + timedelta(hours=1))
    before = fake.mailbox.add(on(1, 0) - timedelta(hours=2), on(1, 0))
    contents = [fake.mailbox.events[each].content for each in (event_id, before)]
    assert changed(fake, cache, *contents).busy == {event_id: (), before: ()}


def test_feed_keeps_no_bodies(fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9), body={"contentType": "text", "content": "x" * 100_000})
    window = {"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2026-12-15T00:00:00Z"}
    graph = Graph(signed_in(fake), fake.url)
    feed = graph.feed(graph.url("calendars", fake.mailbox.default, "calendarView", "delta", query=window))
    assert feed is not None
    assert len(repr(feed)) < 2000


# --- any order of changes --------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "all-day", "series", "move", "out", "free", "remove", "forget", "sync"]),
        st.integers(0, 30),
    ),
    max_size=20,
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, page_size=st.integers(1, 4), empty_pages=st.integers(0, 1))
def test_partial_readings_lead_to_what_a_whole_one_says(
    steps: list[tuple[str, int]], page_size: int, empty_pages: int
) -> None:
    with FakeGraph(clock_s=1_796_000_000) as fake:
        fake.page_size, fake.empty_pages = page_size, empty_pages
        cache = Cache(fake)
        cache.sync()
        for step, number in steps:
            _do(fake, cache, step, number)
        cache.sync()
        shown = fake.mailbox.view(fake.mailbox.default, WINDOW.start, WINDOW.end)
        expected = {(event.begins, event.ends) for event in shown if event.content["showAs"] == "busy"}
        assert cache.times == times(read(fake)) == expected
        assert fake.problems == []


def _do(fake: FakeGraph, cache: Cache, step: str, number: int) -> None:
    """Do one thing that a person or the server does."""
    mailbox = fake.mailbox
    slot = hours(2 + number % 12, 8 + number % 9)
    existing = [name for event in mailbox.of(mailbox.default) for name in (event.content["id"], *event.instances)]
    chosen = existing[number % len(existing)] if existing else None
    if step == "add":
        mailbox.add(*slot)
    elif step == "all-day":
        mailbox.add_days(date(2026, 12, 2 + number % 12))
    elif step == "series":
        mailbox.add_series([(slot[0] + timedelta(days=day), slot[1] + timedelta(days=day)) for day in (-30, 0, 1, 40)])
    elif step == "forget":
        fake.forget_feeds()
    elif step == "sync":
        cache.sync()
    elif chosen is not None and step == "remove":
        mailbox.remove(chosen)
    elif chosen is not None and step == "free":
        mailbox.change(chosen, showAs="free")
    elif chosen is not None and chosen not in {e.content["id"] for e in mailbox.of(mailbox.default) if e.is_series}:
        mailbox.change(chosen, *(slot if step == "move" else (LATER, LATER + timedelta(hours=1))))
