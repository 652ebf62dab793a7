"""What fails is a fault: never free time, never a lost event. Each fault comes in a whole and in a later reading."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peterental.calendars.http import HttpClient
from peterental.calendars.microsoft import MicrosoftAccount, microsoft_provider
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
)
from peterental.calendars.oauth import AuthorizedHttp
from tests.calendars.login import CLIENT_ID, CLIENT_SECRET, Store
from tests.calendars.microsoft.fake import FakeGraph, failure, throttled
from tests.calendars.microsoft.office import NAMESPACE, WINDOW, Cache, account, hours, read, times, viewing
from tests.calendars.provider_server import HTML, Answer, Drop, Hang, Reply

FAULTS: dict[str, tuple[Reply, type[CalendarFault], str]] = {
    "too many requests": (throttled(), CalendarThrottled, "Microsoft 365"),
    "too many at once for the mailbox": (
        throttled(None, code="MailboxConcurrency"),
        CalendarThrottled,
        "Microsoft 365",
    ),
    "too busy": (throttled("120", status=503, code="ServiceUnavailable"), CalendarThrottled, "Microsoft 365"),
    "an outage": (failure(503, "ServiceUnavailable"), CalendarUnreachable, "Microsoft 365"),
    "an error of the server": (failure(500, "InternalServerError"), CalendarUnreachable, "it answers 500"),
    "a bad gateway": (Answer(502, b"<html>Bad gateway</html>"), CalendarUnreachable, "it answers 502"),
    "no answer": (Drop(), CalendarUnreachable, ""),
    "a login page": (HTML, CalendarNonsense, ""),
    "an empty answer": (Answer(200), CalendarNonsense, ""),
    "a list in place of an object": (Answer.of_json([]), CalendarNonsense, "not an object"),
    "an object without a list": (Answer.of_json({"error": None}), CalendarNonsense, "a list has no items"),
    "a list that is text": (Answer.of_json({"value": "none"}), CalendarNonsense, "a list has no items"),
    "broken JSON": (Answer(200, b'{"value": ['), CalendarNonsense, ""),
    "a redirect": (Answer(302, headers={"Location": "http://169.254.169.254/"}), CalendarUnreachable, "it answers 302"),
    "nothing changed": (Answer(304), CalendarUnreachable, "it answers 304"),
    "the mailbox is not there": (
        failure(404, "MailboxNotEnabledForRESTAPI"),
        CalendarUnreachable,
        "MailboxNotEnabledForRESTAPI",
    ),
    "a proxy that knows nothing": (Answer(404, b"<html>Not found</html>"), CalendarUnreachable, "it answers 404"),
    "a request that was refused": (failure(400, "ErrorInvalidRequest"), CalendarUnreachable, "400 ErrorInvalidRequest"),
    "an error without a code": (Answer.of_json({"error": "no"}, 400), CalendarUnreachable, "it answers 400"),
    "a code with markup": (failure(400, "<b>no</b>"), CalendarUnreachable, "it answers 400."),
    "access withdrawn": (failure(403, "ErrorAccessDenied"), CalendarAccessLost, "Microsoft 365"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_fault_of_the_view_is_raised(case: str, fake: FakeGraph) -> None:
    """Pitfall 9: the feed was read well, then the view fails on its second page."""
    reply, fault, words = FAULTS[case]
    fake.page_size = 2
    for day in range(2, 8):
        fake.mailbox.add(*hours(day, 9))
    fake.before(5, lambda: fake.fail(reply))
    with pytest.raises(fault) as caught:
        read(fake)
    assert words in str(caught.value)
    assert "127.0.0.1/" not in str(caught.value)


@pytest.mark.parametrize("case", FAULTS)
def test_fault_leaves_what_was_read(case: str, fake: FakeGraph) -> None:
    """Pitfall 9: whether the feed fails in a later reading, or what is read in its place."""
    reply, fault, _ = FAULTS[case]
    fake.mailbox.add(*hours(3, 9))
    cache = Cache(fake)
    cache.sync()
    cursor = cache.cursor
    fake.fail(*[reply] * 3)
    with pytest.raises(fault):
        cache.sync()
    assert (cache.times, cache.cursor) == ({hours(3, 9)}, cursor)
    fake.hooks.clear()
    fake.mailbox.add(*hours(4, 9))
    cache.sync()
    assert cache.times == {hours(3, 9), hours(4, 9)}


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_fault_of_a_change_is_raised(method: str, case: str, fake: FakeGraph) -> None:
    """No answer but the right one counts as done."""
    reply, _, _ = FAULTS[case]
    one, calendar = account(fake), fake.mailbox.default
    event_id = "AAkA" if method == "POST" else one.write(calendar, viewing()).event_id
    fake.fail(reply, method=method)
    with pytest.raises(CalendarFault):
        if method == "DELETE":
            one.delete(calendar, event_id)
        else:
            one.write(calendar, viewing(event_id=None if method == "POST" else event_id))


@pytest.mark.parametrize("case", FAULTS)
def test_fault_of_a_search_is_not_an_event_that_is_gone(case: str, fake: FakeGraph) -> None:
    reply, fault, _ = FAULTS[case]
    fake.fail(reply)
    with pytest.raises(fault):
        account(fake).find(fake.mailbox.default, viewing(event_id="AAkA"))


@pytest.mark.parametrize("case", [case for case in FAULTS if case != "access withdrawn"])
def test_fault_of_the_list_of_calendars_is_raised(case: str, fake: FakeGraph) -> None:
    reply, fault, _ = FAULTS[case]
    fake.fail(reply)
    with pytest.raises(fault):
        account(fake).calendars()


@pytest.mark.parametrize(("seconds", "expected_s"), [("7", 7), (None, 60), ("soon", 60), ("99999", 3600)])
def test_requested_pause_is_reported(seconds: str | None, expected_s: float, fake: FakeGraph) -> None:
    fake.fail(throttled(seconds))
    with pytest.raises(CalendarThrottled) as caught:
        read(fake)
    assert caught.value.retry_after_s == expected_s


def test_throttled_feed_is_not_read_whole(fake: FakeGraph) -> None:
    """That would be one more request, to a server that asks for fewer."""
    cache = Cache(fake)
    cache.sync()
    before = len(fake.asked)
    fake.fail(throttled("5", status=403))
    with pytest.raises(CalendarThrottled):
        cache.sync()
    assert len(fake.asked) == before + 1


def test_server_that_hangs_ends_with_the_time_limit(fake: FakeGraph) -> None:
    fake.fail(Hang())
    with pytest.raises(CalendarUnreachable):
        account(fake, timeout_s=1).read(fake.mailbox.default, WINDOW, None)


def test_endless_list_is_refused(fake: FakeGraph) -> None:
    fake.empty_pages = 10**9
    with pytest.raises(CalendarNonsense, match="does not end"):
        account(fake).calendars()


def test_list_that_goes_in_circles_is_refused(fake: FakeGraph) -> None:
    link = f"{fake.url}/v1.0/me/calendars?$skiptoken=1"
    fake.fail(*[Answer.of_json({"value": [], "@odata.nextLink": link})] * 3)
    with pytest.raises(CalendarNonsense, match="does not end"):
        account(fake).calendars()


# --- calendars and access that go away -------------------------------------------------------------------------------


def test_deleted_calendar_is_gone(fake: FakeGraph) -> None:
    family = fake.mailbox.add_calendar("Family")
    fake.mailbox.add(*hours(3, 9), family)
    cache = Cache(fake, family)
    cache.sync()
    fake.mailbox.delete_calendar(family)
    with pytest.raises(CalendarGone):
        cache.sync()
    with pytest.raises(CalendarGone):
        read(fake, calendar=family)
    with pytest.raises(CalendarGone):
        account(fake).write(family, viewing())
    assert cache.times == {hours(3, 9)}


def test_calendar_deleted_between_two_pages_is_gone(fake: FakeGraph) -> None:
    family = fake.mailbox.add_calendar("Family")
    fake.mailbox.add_series([hours(3, 9), hours(4, 9)], family)
    cache = Cache(fake, family)
    cache.sync()
    fake.mailbox.change(next(iter(fake.mailbox.events)), subject="Another")
    fake.before(2, lambda: fake.mailbox.delete_calendar(family))
    with pytest.raises(CalendarGone):
        cache.sync()


def test_calendar_that_is_no_longer_shared_loses_access(fake: FakeGraph) -> None:
    shared = fake.mailbox.add_calendar("Front desk")
    cache = Cache(fake, shared)
    cache.sync()
    fake.mailbox.calendars[shared].is_readable = False
    with pytest.raises(CalendarAccessLost):
        cache.sync()
    assert read(fake).is_whole


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_grant_revoked_in_the_middle_of_a_reading(number: int, fake: FakeGraph) -> None:
    """Pitfall 9: neither what was read before nor what is stored is free."""
    fake.page_size = 1
    for day in (3, 4):
        fake.mailbox.add(*hours(day, 9))
    cache = Cache(fake)
    cache.sync()
    fake.before(number, fake.login.revoke)
    with pytest.raises(CalendarAccessLost, match="Microsoft 365 no longer accepts the sign-in"):
        read(fake)
    with pytest.raises(CalendarAccessLost):
        cache.sync()
    assert cache.times == {hours(3, 9), hours(4, 9)}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_token_that_expires_in_the_middle_is_refreshed(number: int, fake: FakeGraph) -> None:
    """Pitfall 10: its successor is stored, and the reading goes on."""
    fake.page_size = 1
    for day in (3, 4):
        fake.mailbox.add(*hours(day, 9))
    store = Store(fake.login.tokens())
    fake.before(number, fake.login.expire)
    reading = account(fake, store=store).read(fake.mailbox.default, WINDOW, None)
    assert times(reading) == {hours(3, 9), hours(4, 9)}
    assert len(store.saved) == 1


@pytest.mark.parametrize("off_s", [-600.0, 600.0])
def test_clock_of_the_provider_may_be_off(off_s: float, fake: FakeGraph) -> None:
    fake.mailbox.add(*hours(3, 9))
    reader = account(fake)
    reader.read(fake.mailbox.default, WINDOW, None)
    fake.login.clock_s += off_s
    assert times(reader.read(fake.mailbox.default, WINDOW, None)) == {hours(3, 9)}


def test_api_in_a_private_network_is_a_fault(fake: FakeGraph) -> None:
    """Pitfall 16: the address of Graph is a setting, not typed by a person."""
    http = HttpClient(timeout_s=10)
    authorized = AuthorizedHttp(
        http, microsoft_provider(fake.url, CLIENT_ID, CLIENT_SECRET), Store(fake.login.tokens())
    )
    with pytest.raises(CalendarUnreachable):
        MicrosoftAccount(authorized, graph_url=fake.url, namespace=NAMESPACE).calendars()
    assert fake.asked == []


CHANGES: dict[str, Callable[[FakeGraph, MicrosoftAccount], object]] = {
    "read": lambda fake, one: one.read(fake.mailbox.default, WINDOW, None),
    "write": lambda fake, one: one.write(fake.mailbox.default, viewing()),
    "delete": lambda fake, one: one.delete(fake.mailbox.default, "AAkA"),
    "find": lambda fake, one: one.find(fake.mailbox.default, viewing()),
    "calendars": lambda _, one: one.calendars(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_revoked_grant_is_the_same_fault_everywhere(name: str, fake: FakeGraph) -> None:
    fake.login.revoke()
    with pytest.raises(CalendarAccessLost, match="Microsoft 365 no longer accepts the sign-in"):
        CHANGES[name](fake, account(fake))
