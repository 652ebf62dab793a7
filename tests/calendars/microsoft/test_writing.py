"""Viewings in a Microsoft calendar: written once whatever happens, changed, deleted and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peterental.calendars.microsoft.events import MARKER_PROPERTY, id_of, own_event, to_graph
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarNonsense,
    CalendarUnreachable,
    EventIdSpent,
    EventMissing,
    EventRefused,
    Marker,
    OwnEvent,
    Stamp,
    ViewingEvent,
)
from tests.calendars.microsoft.fake import FakeGraph, failure
from tests.calendars.microsoft.mailbox import Event, moment
from tests.calendars.microsoft.office import CHICAGO, MARKER, NAMESPACE, Cache, account, hours, on, read, times, viewing
from tests.calendars.provider_server import Answer, Drop, Reply


def write(fake: FakeGraph, event: ViewingEvent | None = None, calendar: str | None = None) -> str:
    """Write a viewing and return its event's id."""
    return account(fake).write(calendar or fake.mailbox.default, event or viewing()).event_id


def present(fake: FakeGraph) -> list[Event]:
    """Return the events of the default calendar."""
    return fake.mailbox.of(fake.mailbox.default)


def sent(fake: FakeGraph, method: str) -> list[dict[str, Any]]:
    """Return what was sent with a method."""
    return [asked.json for asked in fake.asked if asked.method == method and asked.path.startswith("/v1.0/")]


# --- creating --------------------------------------------------------------------------------------------------------


def test_viewing_becomes_an_event(fake: FakeGraph) -> None:
    event_id = write(fake)
    [content] = sent(fake, "POST")
    assert content == {
        "subject": "Viewing: 1420 Elm Street (Dolores Whitcomb)",
        "body": {
            "contentType": "text",
            "content": "Phone: +1 217 555 0134\nE-mail: dolores@example.com\n\nhttps://office.example/appointments/42",
        },
        "location": {"displayName": "1420 Elm Street, Springfield"},
        "start": {"dateTime": "2026-12-03T14:00:00", "timeZone": "America/Chicago"},
        "end": {"dateTime": "2026-12-03T14:30:00", "timeZone": "America/Chicago"},
        "showAs": "busy",
        "transactionId": str(MARKER),
        "singleValueExtendedProperties": [{"id": MARKER_PROPERTY, "value": str(MARKER)}],
    }
    [event] = present(fake)
    assert event.content["id"] == event_id
    assert (event.begins, event.ends) == (on(3, 14), on(3, 14, 30))


def test_written_event_comes_back_as_our_own(fake: FakeGraph) -> None:
    """Pitfall 13."""
    event_id = write(fake)
    reading = read(fake)
    assert reading.busy == {}
    assert reading.own == (
        OwnEvent(marker=MARKER, event_id=event_id, start=on(3, 14), end=on(3, 14, 30), is_original=True),
    )


@pytest.mark.parametrize(
    ("description", "url", "content"),
    [
        ("Phone: 1", None, "Phone: 1"),
        ("See https://office.example/a/1", "https://office.example/a/1", "See https://office.example/a/1"),
        ("é <b>&\n\u2028", "https://office.example/a/1", "é <b>&\n\u2028\n\nhttps://office.example/a/1"),
    ],
)
def test_description_has_the_link_once(description: str, url: str | None, content: str, fake: FakeGraph) -> None:
    write(fake, viewing(description=description, url=url))
    assert present(fake)[0].content["body"]["content"] == content


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "America/Chicago"),
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "America/Chicago"),
        (datetime(2026, 3, 8, 7, 45, tzinfo=UTC), "America/Chicago"),
        (datetime(2026, 7, 1, 1, 0, tzinfo=UTC), "America/Indiana/Knox"),
        (datetime(2026, 7, 1, 1, 0, tzinfo=UTC), "Asia/Kolkata"),
    ],
)
def test_time_that_clocks_repeat_or_skip_is_kept(start: datetime, zone: str, fake: FakeGraph) -> None:
    """A wall clock that says a time twice would not say which of them is meant."""
    write(fake, viewing(start=start, end=start + timedelta(minutes=30), zone=ZoneInfo(zone)))
    [event] = present(fake)
    assert (event.begins, event.ends) == (start, start + timedelta(minutes=30))


def test_zone_that_the_provider_does_not_know_is_replaced(fake: FakeGraph) -> None:
    fake.knows_zone = lambda name: name == "UTC"
    event_id = write(fake)
    [event] = present(fake)
    assert (event.begins, event.ends) == (on(3, 14), on(3, 14, 30))
    moved = viewing(event_id=event_id, start=on(3, 16), end=on(3, 17))
    assert write(fake, moved) == event_id
    assert event.begins == on(3, 16)


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("conflicts", [True, False])
def test_lost_answer_and_retry_make_one_event(fake: FakeGraph, *, remembers: bool, conflicts: bool) -> None:
    """Pitfall 12, with and without the provider's help."""
    fake.remembers_transactions, fake.conflicts_on_repeat = remembers, conflicts
    fake.lost_answers = 1
    with pytest.raises(CalendarUnreachable):
        write(fake)
    event_id = write(fake)
    assert [event.content["id"] for event in present(fake)] == [event_id]


@pytest.mark.parametrize("conflicts", [True, False])
def test_lost_answer_then_another_time_makes_one_event(fake: FakeGraph, *, conflicts: bool) -> None:
    """The viewing was moved before the retry: the event that exists is changed."""
    fake.conflicts_on_repeat = conflicts
    fake.lost_answers = 1
    with pytest.raises(CalendarUnreachable):
        write(fake)
    write(fake, viewing(start=on(4, 10), end=on(4, 11), title="Viewing: 7 Oak Road"))
    [event] = present(fake)
    assert (event.begins, event.ends, event.content["subject"]) == (on(4, 10), on(4, 11), "Viewing: 7 Oak Road")


def hide_once(fake: FakeGraph) -> None:
    """Let the search by marker find nothing once, as while the first request is still under way."""
    fake.fail(Answer.of_json({"value": []}), method="GET", path="/events")


@pytest.mark.parametrize("conflicts", [True, False])
def test_event_that_the_search_missed_is_not_doubled(fake: FakeGraph, *, conflicts: bool) -> None:
    fake.conflicts_on_repeat = conflicts
    first = write(fake)
    hide_once(fake)
    assert write(fake, viewing(start=on(4, 10), end=on(4, 11))) == first
    [event] = present(fake)
    assert event.begins == on(4, 10)


def test_transaction_of_a_deleted_event_is_spent(fake: FakeGraph) -> None:
    """Its event was deleted, and the transaction id is not accepted again: the next revision has another."""
    fake.conflicts_on_repeat = True
    fake.mailbox.remove(write(fake))
    with pytest.raises(EventIdSpent):
        write(fake)
    again = write(fake, viewing(marker=Marker(NAMESPACE, 42, 1)))
    assert [event.content["id"] for event in present(fake)] == [again]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (failure(400, "ErrorPropertyValidationFailure"), "ErrorPropertyValidationFailure"),
        (Answer(413, b"too large"), "it answers 413"),
        (failure(403, "ErrorAccessDenied"), "ErrorAccessDenied"),
    ],
)
def test_event_that_stays_refused_is_refused(reply: Reply, reason: str, fake: FakeGraph) -> None:
    fake.fail(reply, method="POST")
    with pytest.raises(EventRefused, match=reason):
        write(fake)


def test_calendar_that_cannot_be_written_refuses(fake: FakeGraph) -> None:
    """Signing in again would change nothing, so this is not a lost access."""
    shared = fake.mailbox.add_calendar("Front desk", canEdit=False)
    with pytest.raises(EventRefused):
        write(fake, calendar=shared)
    event_id = fake.mailbox.add(*hours(3, 9), shared)
    with pytest.raises(EventRefused):
        account(fake).delete(shared, event_id)


def test_other_403_is_a_lost_access(fake: FakeGraph) -> None:
    fake.fail(failure(403, "Authorization_RequestDenied"), method="POST")
    with pytest.raises(CalendarAccessLost):
        write(fake)


@pytest.mark.parametrize("content", [{}, {"id": 7}, {"id": ""}])
def test_new_event_without_an_id_is_nonsense(content: dict[str, Any], fake: FakeGraph) -> None:
    fake.fail(Answer.of_json(content, 201), method="POST")
    with pytest.raises(CalendarNonsense):
        write(fake)


def test_new_event_whose_times_cannot_be_read_counts(fake: FakeGraph) -> None:
    fake.fail(Answer.of_json({"id": "AAkA1"}, 201), method="POST")
    assert write(fake) == "AAkA1"


# --- changing --------------------------------------------------------------------------------------------------------


def test_change_keeps_the_event_and_what_a_person_added(fake: FakeGraph) -> None:
    event_id = write(fake)
    fake.mailbox.change(event_id, None, None, categories=["Red"], reminderMinutesBeforeStart=60, showAs="oof")
    changed = viewing(event_id=event_id, start=on(4, 10), end=on(4, 11), title="Viewing: 7 Oak Road")
    assert write(fake, changed) == event_id
    [event] = present(fake)
    assert (event.begins, event.ends) == (on(4, 10), on(4, 11))
    kept = {name: event.content[name] for name in ("subject", "categories", "reminderMinutesBeforeStart", "showAs")}
    assert kept == {
        "subject": "Viewing: 7 Oak Road",
        "categories": ["Red"],
        "reminderMinutesBeforeStart": 60,
        "showAs": "oof",
    }
    [content] = sent(fake, "PATCH")
    assert not {"transactionId", "showAs", "attendees"} & set(content)


def test_change_keeps_the_notes_of_a_person(fake: FakeGraph) -> None:
    event_id = write(fake, viewing(description="Visitor: Ann\nPhone: 1", url=None))
    notes = {"contentType": "text", "content": "Visitor: Ann\r\nPhone: 1\r\n\r\nBring the keys"}
    fake.mailbox.change(event_id, None, None, body=notes)
    write(fake, viewing(event_id=event_id, description="Visitor: Ann\nPhone: 1", url=None, start=on(3, 9)))
    assert "body" not in sent(fake, "PATCH")[-1], "the person may have formatted it"
    write(fake, viewing(event_id=event_id, description="Visitor: Deleted", url=None))
    [event] = present(fake)
    assert event.content["body"] == {"contentType": "text", "content": "Visitor: Deleted\n\nBring the keys"}


@pytest.mark.parametrize("body", [None, {}, {"content": None}])
def test_body_that_cannot_be_read_is_replaced(body: object) -> None:
    content = to_graph(viewing(description="Visitor: Ann", url=None), {"body": body})
    assert content["body"] == {"contentType": "text", "content": "Visitor: Ann"}


def test_lost_answer_of_a_change_is_repeated(fake: FakeGraph) -> None:
    event_id = write(fake)
    fake.lost_answers = 1
    changed = viewing(event_id=event_id, start=on(4, 10), end=on(4, 11))
    with pytest.raises(CalendarUnreachable):
        write(fake, changed)
    assert write(fake, changed) == event_id
    [event] = present(fake)
    assert event.begins == on(4, 10)


@pytest.mark.parametrize("shows_deleted", [False, True])
def test_change_of_a_deleted_event_is_not_made(fake: FakeGraph, *, shows_deleted: bool) -> None:
    """Pitfall 14. An immutable id may lead into the folder of deleted items: a change there would go unseen."""
    fake.shows_deleted = shows_deleted
    event_id = write(fake)
    fake.mailbox.remove(event_id)
    with pytest.raises(EventMissing):
        write(fake, viewing(event_id=event_id, start=on(4, 10), end=on(4, 11)))
    assert present(fake) == []
    assert fake.mailbox.events[event_id].begins == on(3, 14)


def test_change_of_an_event_deleted_just_before(fake: FakeGraph) -> None:
    event_id = write(fake)
    before = len(fake.graph_requests)
    fake.before(2, lambda: fake.mailbox.remove(event_id))
    with pytest.raises(EventMissing):
        write(fake, viewing(event_id=event_id))
    assert len(fake.graph_requests) == before + 2


def test_event_in_another_calendar_is_not_changed(fake: FakeGraph) -> None:
    family = fake.mailbox.add_calendar("Family")
    event_id = write(fake)
    fake.mailbox.move(event_id, family)
    with pytest.raises(EventMissing):
        write(fake, viewing(event_id=event_id, start=on(4, 10), end=on(4, 11)))


def test_event_that_another_program_wrote_is_changed_by_its_id(fake: FakeGraph) -> None:
    """`appointments.calendar_event_id` may come from the predecessor, without our marker."""
    event_id = fake.mailbox.add(*hours(3, 9))
    assert write(fake, viewing(event_id=event_id)) == event_id
    assert present(fake)[0].begins == on(3, 14)


@pytest.mark.parametrize("event_id", ["pr0123456789abv42r0", "https://caldav.example/1.ics", "../../me", "a b", "é"])
def test_id_of_another_provider_is_an_event_that_is_gone(event_id: str, fake: FakeGraph) -> None:
    """The agent had a calendar elsewhere before."""
    assert find(fake, event_id=event_id) is None
    with pytest.raises(EventMissing):
        write(fake, viewing(event_id=event_id))
    account(fake).delete(fake.mailbox.default, event_id)


@pytest.mark.parametrize("year", [1, 9999])
def test_event_on_the_edge_of_time_is_found_by_its_id(year: int, fake: FakeGraph) -> None:
    start = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, tzinfo=UTC)
    event_id = fake.mailbox.add(start, start + timedelta(minutes=59))
    found = find(fake, event_id=event_id)
    assert found is not None
    assert found.start == start


def test_event_of_no_length_is_found_by_its_id(fake: FakeGraph) -> None:
    event_id = fake.mailbox.add(on(3, 9), on(3, 9))
    assert find(fake, event_id=event_id) is not None


def test_series_that_a_person_made_of_it_is_found_by_its_id(fake: FakeGraph) -> None:
    master = fake.mailbox.add_series([hours(3, 9), hours(10, 9)])
    found = account(fake).find(fake.mailbox.default, viewing(event_id=master))
    assert found is not None
    assert found.event_id == master


# --- deleting --------------------------------------------------------------------------------------------------------


def test_event_is_deleted_once_and_again(fake: FakeGraph) -> None:
    event_id = write(fake)
    assert account(fake).delete(fake.mailbox.default, event_id)
    assert present(fake) == []
    assert not account(fake).delete(fake.mailbox.default, event_id)


def test_lost_answer_of_a_deletion_is_repeated(fake: FakeGraph) -> None:
    event_id = write(fake)
    fake.lost_answers = 1
    with pytest.raises(CalendarUnreachable):
        account(fake).delete(fake.mailbox.default, event_id)
    account(fake).delete(fake.mailbox.default, event_id)
    assert present(fake) == []


@pytest.mark.parametrize("reply", [Drop(), failure(500, "InternalServerError"), Answer(404, b"<html>")])
def test_deletion_that_fails_is_not_taken_as_done(reply: Reply, fake: FakeGraph) -> None:
    event_id = write(fake)
    fake.fail(reply, method="DELETE")
    with pytest.raises(CalendarUnreachable):
        account(fake).delete(fake.mailbox.default, event_id)
    assert len(present(fake)) == 1


def test_restored_viewing_gets_a_new_event(fake: FakeGraph) -> None:
    """Pitfall 12: the next revision has a marker and a transaction id of its own."""
    first = write(fake)
    account(fake).delete(fake.mailbox.default, first)
    second = write(fake, viewing(marker=Marker(NAMESPACE, 42, 1)))
    assert second != first
    assert [event.content["id"] for event in present(fake)] == [second]


# --- finding ---------------------------------------------------------------------------------------------------------


def find(fake: FakeGraph, **changes: Any) -> OwnEvent | None:
    return account(fake).find(fake.mailbox.default, viewing(**changes))


def test_event_is_found_with_and_without_its_id(fake: FakeGraph) -> None:
    event_id = write(fake)
    expected = OwnEvent(marker=MARKER, event_id=event_id, start=on(3, 14), end=on(3, 14, 30), is_original=True)
    assert find(fake) == find(fake, event_id=event_id) == find(fake, event_id="AAkA-of-another") == expected


def test_event_is_found_where_a_person_moved_it(fake: FakeGraph) -> None:
    event_id = write(fake)
    later = datetime(2027, 6, 1, 15, tzinfo=UTC)
    fake.mailbox.change(event_id, later, later + timedelta(hours=1))
    found = find(fake, event_id=event_id)
    assert found is not None
    assert (found.start, found.end) == (later, later + timedelta(hours=1))


@pytest.mark.parametrize("shows_deleted", [False, True])
def test_deleted_event_is_not_found(fake: FakeGraph, *, shows_deleted: bool) -> None:
    fake.shows_deleted = shows_deleted
    event_id = write(fake)
    fake.mailbox.remove(event_id)
    assert find(fake, event_id=event_id) is None
    assert find(fake) is None


def test_cancelled_event_is_not_found(fake: FakeGraph) -> None:
    event_id = write(fake)
    fake.mailbox.change(event_id, None, None, isCancelled=True)
    assert find(fake, event_id=event_id) is None


@pytest.mark.parametrize("transaction_id", [None, str(MARKER)])
def test_event_without_readable_times_is_not_gone(transaction_id: str | None, fake: FakeGraph) -> None:
    event_id = write(fake)
    content = fake.mailbox.events[event_id].content | {"transactionId": transaction_id, "start": None}
    answers: list[dict[str, Any]] = [{"value": [content]}, {"value": []}]
    for found in answers:
        fake.fail(Answer.of_json(found), Answer.of_json(content), method="GET")
        with pytest.raises(CalendarNonsense, match="no time that can be read"):
            find(fake, event_id=event_id)
        fake.hooks.clear()


def test_search_by_id_that_is_answered_by_nonsense_is_not_gone(fake: FakeGraph) -> None:
    fake.fail(Answer.of_json({"value": []}), Answer.of_json({"token": "x"}), method="GET")
    with pytest.raises(CalendarNonsense):
        find(fake, event_id="AAkA1")


def test_cancelled_event_without_marker_is_not_found(fake: FakeGraph) -> None:
    assert find(fake, event_id=fake.mailbox.add(*hours(3, 9), isCancelled=True)) is None


def test_original_is_preferred_to_a_copy(fake: FakeGraph) -> None:
    """A copy that a person made has the marker's property too, but not the transaction id."""
    original = write(fake)
    copy = fake.mailbox.copy(original)
    fake.mailbox.change(copy, *hours(5, 9))
    fake.mailbox.events[original] = fake.mailbox.events.pop(original)  # the copy is listed first
    for event_id in (None, original, copy):
        found = find(fake, event_id=event_id)
        assert found is not None
        assert found.event_id == original
    fake.mailbox.remove(original)
    found = find(fake, event_id=original)
    assert found is not None
    assert found.event_id == copy


def test_event_made_an_all_day_one_is_found_with_its_day(fake: FakeGraph) -> None:
    event_id = write(fake)
    day = fake.mailbox.events[event_id]
    midnight = {"dateTime": "2026-12-05T00:00:00.0000000", "timeZone": "UTC"}
    next_day = {"dateTime": "2026-12-06T00:00:00.0000000", "timeZone": "UTC"}
    day.content |= {"isAllDay": True, "start": midnight, "end": next_day}
    found = find(fake, event_id=event_id)
    assert found is not None
    assert (found.start, found.end) == (on(5, 0), on(6, 0))


def test_odd_answers_of_the_search_are_passed_over(fake: FakeGraph) -> None:
    fake.fail(Answer.of_json({"value": [None, 7, {"id": 7}, {}]}), method="GET")
    assert find(fake) is None


def test_two_agents_write_the_same_home_into_two_mailboxes(fake: FakeGraph) -> None:
    """Pitfall 15: events of two viewings at one time do not replace each other."""
    first = write(fake)
    second = write(fake, replace(viewing(), marker=Marker(NAMESPACE, 43)))
    assert first != second
    assert len(present(fake)) == 2


def test_move_onto_itself_blocks_nothing(fake: FakeGraph) -> None:
    """Pitfall 13, with what a later reading says."""
    cache = Cache(fake)
    cache.sync()
    event_id = write(fake)
    reading = cache.sync()
    assert (cache.times, [own.event_id for own in reading.own]) == (set(), [event_id])
    write(fake, viewing(event_id=event_id, start=on(3, 14, 15), end=on(3, 14, 45)))
    cache.sync()
    assert cache.times == set()
    assert times(read(fake)) == set()
    assert CHICAGO.key == "America/Chicago"


# --- stamps ----------------------------------------------------------------------------------------------------------


def test_event_keeps_the_stamp_of_what_was_written(fake: FakeGraph) -> None:
    event_id = write(fake, viewing(version=3))
    write(fake, viewing(version=4, event_id=event_id, start=on(4, 10), end=on(4, 11)))
    fake.mailbox.change(event_id, on(5, 10), on(5, 11))
    found = find(fake)
    assert found is not None
    assert (found.start, found.stamp) == (on(5, 10), Stamp(4, on(4, 10).astimezone(UTC), on(4, 11).astimezone(UTC)))
    [event] = present(fake)
    values = [each["value"] for each in event.content["singleValueExtendedProperties"]]
    assert values[0] == str(MARKER), "what else is there stays"


@pytest.mark.parametrize("properties", [None, ["?"], [{"id": MARKER_PROPERTY, "value": "1"}], [{"value": 7}]])
def test_event_without_a_stamp_has_none(properties: object) -> None:
    item = {"singleValueExtendedProperties": properties, "start": moment(on(3, 14)), "end": moment(on(3, 15))}
    own = own_event(item, MARKER, "1", CHICAGO)
    assert own is not None
    assert (own.stamp, own.is_original) == (None, False)


@pytest.mark.parametrize("event_id", ["", None, 7, "A\0B"])
def test_id_that_cannot_be_stored_is_none(event_id: object) -> None:
    assert id_of({"id": event_id}) is None
