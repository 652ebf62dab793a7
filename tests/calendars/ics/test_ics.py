"""A private .ics address: whole readings, unchanged ones, and whatever else a server may answer."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from peterental.calendars import ics
from peterental.calendars.http import HttpAnswer, HttpClient
from peterental.calendars.ics import ONLY_FREE_BUSY, REMOTE_ID, IcsAccount
from peterental.calendars.ics_address import ics_url, is_same_address
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    Marker,
    Reading,
)
from peterental.calendars.source import CalendarAccount
from tests.calendars.icalendar_data.samples import NAMESPACE, WINDOW, calendar, event
from tests.calendars.loopback import Exchange, LoopbackServer, Script, answer, redirect
from tests.servers import HANG_S

SECRET = "/calendar/ical/dana/private-0123abcd/basic.ics"
ONE = calendar(event("SUMMARY:One"))


@pytest.fixture
def http() -> Iterator[HttpClient]:
    """Build a client that may use loopback."""
    client = HttpClient(timeout_s=HANG_S, allow_private=True)
    yield client
    client.close()


def account(server: LoopbackServer, http: HttpClient, **changes: Any) -> CalendarAccount:
    """Return the account of a server's address."""
    return IcsAccount(server.url(SECRET), http, **{"namespace": NAMESPACE, "owner": ["dana@example.com"], **changes})


def reading_of(http: HttpClient, *scripts: Script, cursor: str | None = None) -> Reading:
    """Read a calendar of which a server says this."""
    with LoopbackServer(*scripts) as server:
        return account(server, http).read(REMOTE_ID, WINDOW, cursor)


def test_a_calendar_is_read_whole(http: HttpClient) -> None:
    own = Marker(NAMESPACE, 7)
    declined = event("ATTENDEE;PARTSTAT=DECLINED:mailto:dana@example.com", uid="2")
    reading = reading_of(http, answer(calendar(event("SUMMARY:One"), declined, event(uid=own.uid))))
    assert reading.is_whole
    assert list(reading.busy) == ["1"]
    assert [event.marker for event in reading.own] == [own]
    assert (reading.cursor, reading.notes, reading.removed) == (None, (), frozenset())


@pytest.mark.parametrize("path", ["/ical/Dana%40example.com/private-1/basic.ics", "/dana@example.com/a.ics?b=c"])
def test_owner_is_known_from_the_address(http: HttpClient, path: str) -> None:
    declined = event("ATTENDEE;PARTSTAT=DECLINED:mailto:dana@example.com")
    with LoopbackServer(answer(calendar(declined)), answer(calendar(declined))) as server:
        found, other = (
            IcsAccount(server.url(each), http, namespace=NAMESPACE, owner=[]).read(REMOTE_ID, WINDOW, None)
            for each in (path, "/bo@example.com/a.ics?dana@example.com")
        )
    assert (found.busy, len(other.busy)) == ({}, 1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/html"}, {"Content-Type": "application/octet-stream"}, {"Content-Type": "nonsense;;"},
     {"Content-Type": "text/calendar; charset=utf-16"}, {"Content-Disposition": "attachment; filename=a.ics"}],
)  # fmt: skip
def test_the_content_counts_not_its_type(http: HttpClient, headers: dict[str, str]) -> None:
    assert list(reading_of(http, answer(ONE, headers=headers)).busy) == ["1"]


def test_a_compressed_calendar_is_read(http: HttpClient) -> None:
    assert list(reading_of(http, answer(gzip.compress(ONE), headers={"Content-Encoding": "gzip"})).busy) == ["1"]


def test_a_redirect_is_followed(http: HttpClient) -> None:
    assert list(reading_of(http, redirect("/elsewhere.ics"), answer(ONE)).busy) == ["1"]


# --- unchanged -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"ETag": 'W/"1"'}, {"If-None-Match": 'W/"1"'}),
        ({"Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"}, {"If-Modified-Since": "Sun, 29 Nov 2026 12:00:00 GMT"}),
        ({"ETag": '"é"', "Last-Modified": "x"}, {"If-None-Match": '"é"', "If-Modified-Since": "x"}),
    ],
)
def test_an_unchanged_calendar_is_not_sent_again(
    http: HttpClient, headers: dict[str, str], sent: dict[str, str]
) -> None:
    script = answer(ONE, headers=headers).replace("é".encode(), "é".encode("latin-1"))
    with LoopbackServer(script, answer(status="304 Not Modified")) as server:
        source = account(server, http)
        first = source.read(REMOTE_ID, WINDOW, None)
        second = source.read(REMOTE_ID, WINDOW, first.cursor)
    assert second == Reading(is_whole=False, cursor=first.cursor)
    assert {name: server.exchanges[1].header(name) for name in sent} == sent


def test_a_changed_calendar_is_read_whole(http: HttpClient) -> None:
    reading = reading_of(http, answer(ONE, headers={"ETag": '"2"'}), cursor='{"ETag": "\\"1\\""}')
    assert (reading.is_whole, reading.cursor) == (True, '{"ETag": "\\"2\\""}')


def test_a_reading_without_cursor_asks_for_everything(http: HttpClient) -> None:
    with LoopbackServer(answer(ONE)) as server:
        account(server, http).read(REMOTE_ID, WINDOW, None)
    assert server.exchanges[0].header("If-None-Match") is None
    assert server.exchanges[0].header("If-Modified-Since") is None


@pytest.mark.parametrize(
    "cursor", ["", "rubbish", "[]", "7", '{"ETag": 7}', '{"ETag": ""}', '{"ETag": "a\\r\\nX: y"}', "{}"]
)
def test_a_cursor_of_another_kind_reads_everything(http: HttpClient, cursor: str) -> None:
    assert reading_of(http, answer(ONE), cursor=cursor).is_whole


def test_a_long_etag_is_not_kept(http: HttpClient) -> None:
    assert reading_of(http, answer(ONE, headers={"ETag": "x" * 2000})).cursor is None


def test_an_unasked_304_is_nonsense(http: HttpClient) -> None:
    with pytest.raises(CalendarNonsense, match=r"nothing changed, but was not asked"):
        reading_of(http, answer(status="304 Not Modified"))


# --- what else may come ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "fault", "message"),
    [
        (answer(b"<!DOCTYPE html><title>Sign in</title>"), CalendarNonsense, "it is a web page, perhaps one to sign in"),
        (answer(b"\n <HTML>"), CalendarNonsense, "it is a web page"),
        (answer(b""), CalendarNonsense, "it is empty"),
        (answer(b" \r\n"), CalendarNonsense, "it is empty"),
        (answer(b"{}"), CalendarNonsense, "it has no VCALENDAR"),
        (answer(ONE[: len(ONE) // 2]), CalendarNonsense, "it is cut off"),
        (answer(gzip.compress(bytes(100_000_000)), headers={"Content-Encoding": "gzip"}), CalendarNonsense, "larger than 20 MB"),
        (answer(status="404 Not Found"), CalendarGone, "The calendar at 127.0.0.1 does not exist any more"),
        (answer(ONE, status="410 Gone"), CalendarGone, "does not exist any more"),
        (answer(ONE, status="401 Unauthorized"), CalendarAccessLost, "no longer accepts the sign-in"),
        (answer(ONE, status="403 Forbidden"), CalendarAccessLost, "no longer accepts the sign-in"),
        (answer(status="429 Slow down", headers={"Retry-After": "9"}), CalendarThrottled, "asks to be left alone"),
        (answer(ONE, status="500 Oops"), CalendarUnreachable, "it answers 500"),
        (redirect("/again"), CalendarNonsense, "redirects more than 5 times"),
        (redirect("http://169.254.169.254/latest/meta-data/"), CalendarUnreachable, "is not on the public internet"),
        (redirect("ftp://cal.example/a.ics"), CalendarUnreachable, "does not begin with https://"),
    ],
    ids=["page", "HTML", "empty", "blank", "JSON", "cut off", "bomb", "404", "410", "401", "403", "429", "500", "circle",
         "metadata", "ftp"],
)  # fmt: skip
def test_what_is_no_calendar_is_a_fault(
    http: HttpClient, script: Script, fault: type[CalendarFault], message: str
) -> None:
    with pytest.raises(fault) as caught:
        reading_of(http, script)
    assert message in str(caught.value)
    assert "0123abcd" not in f"{caught.value!r} {caught.value.values}"


def test_a_server_that_hangs_is_unreachable() -> None:
    client = HttpClient(timeout_s=0.25, allow_private=True)
    with pytest.raises(CalendarUnreachable, match=r"no answer within 0.25 seconds"):
        reading_of(client, Exchange.hang)


def test_fetching_and_reading_have_one_time_limit(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller waits two seconds for a calendar, however many events a server sends in the last of them."""
    assert 0 < http.time_left_s <= HANG_S
    monkeypatch.setattr(HttpClient, "time_left_s", 0.0)  # it was fetched at the last moment
    with pytest.raises(CalendarNonsense, match="it takes longer than 0 seconds to read"):
        reading_of(http, answer(ONE))
    with LoopbackServer(answer(ONE)) as server, pytest.raises(CalendarNonsense, match="to read"):
        account(server, http).calendars()


def test_a_private_address_is_told_when_it_is_connected() -> None:
    source = IcsAccount("https://127.0.0.1/a.ics", HttpClient(timeout_s=HANG_S), namespace=NAMESPACE, owner=[])
    with pytest.raises(AddressNotAllowed, match=r"127.0.0.1 is not on the public internet"):
        source.calendars()
    with pytest.raises(CalendarUnreachable, match=r"127.0.0.1 is not on the public internet"):
        source.read(REMOTE_ID, WINDOW, None)


def test_a_name_that_leads_into_a_private_network_later_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    source = IcsAccount("https://cal.example/a.ics", HttpClient(timeout_s=HANG_S), namespace=NAMESPACE, owner=[])
    with pytest.raises(CalendarUnreachable, match=r"cal.example is not on the public internet"):
        source.read(REMOTE_ID, WINDOW, None)


# --- the calendar and its address ------------------------------------------------------------------------------------


def test_the_calendar_has_the_name_it_gives_itself(http: HttpClient) -> None:
    with LoopbackServer(answer(calendar(head="X-WR-CALNAME:Dana's work"))) as server:
        (found,) = account(server, http).calendars()
    assert (found.remote_id, found.name, found.is_writable, found.is_default) == ("ics", "Dana's work", False, True)


def test_a_calendar_without_a_name_is_named_by_its_host(http: HttpClient) -> None:
    with LoopbackServer(answer(ONE)) as server:
        assert account(server, http).calendars()[0].name == "127.0.0.1"


@pytest.mark.parametrize("script", [answer(b"<html>"), answer(b""), answer(ONE[:60])], ids=["page", "empty", "cut off"])
def test_only_a_calendar_can_be_connected(http: HttpClient, script: bytes) -> None:
    with LoopbackServer(script) as server, pytest.raises(CalendarNonsense):
        account(server, http).calendars()


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("webcal://cal.example/a.ics", "https://cal.example/a.ics"),
        (" WEBCAL://cal.example/webcal://a\n", "https://cal.example/webcal://a"),
        ("webcals://cal.example/a.ics", "https://cal.example/a.ics"),
        ("https://cal.example/a.ics", "https://cal.example/a.ics"),
        ("http://cal.example/a.ics", "http://cal.example/a.ics"),
        ("cal.example/a.ics", "https://cal.example/a.ics"),
        ("cal.example:8443/a.ics", "https://cal.example:8443/a.ics"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ],
)
def test_a_typed_address_becomes_a_url(typed: str, url: str) -> None:
    assert ics_url(typed) == url


@pytest.mark.parametrize(
    ("typed", "is_same"),
    [
        ("webcal://cal.example/a.ics?key=B", True),
        ("cal.example/a.ics?key=B", True),
        ("HTTPS://Cal.Example:443/a.ics?key=B#month", True),
        ("https://cal.example/a.ics?key=b", False),
        ("https://cal.example/A.ics?key=B", False),
        ("http://cal.example/a.ics?key=B", False),
        ("https://cal.example:8443/a.ics?key=B", False),
        ("https://ana@cal.example/a.ics?key=B", False),
        ("https://cal.example:99999/a.ics?key=B", False),
    ],
)
def test_one_address_is_typed_in_several_ways(typed: str, *, is_same: bool) -> None:
    assert is_same_address("https://cal.example/a.ics?key=B", typed) is is_same


@pytest.mark.parametrize(
    ("host", "product", "title", "notes"),
    [
        ("calendar.google.com", "", "Busy", (ONLY_FREE_BUSY,)),
        ("cal.example", "PRODID:-//Google Inc//Google Calendar 70.9054//EN", "Busy", (ONLY_FREE_BUSY,)),
        ("calendar.google.com", "", "Dentist", ()),
        ("outlook.office365.com", "", "Busy", ()),
    ],
)
def test_an_address_with_free_and_busy_only_is_noted(
    host: str, product: str, title: str, notes: tuple[str, ...]
) -> None:
    class Answering(HttpClient):
        def request(self, *_: object, **__: object) -> HttpAnswer:
            text = calendar(event(f"SUMMARY:{title}"), head=product).replace(b"PRODID:-//Test//EN\r\n", b"")
            return HttpAnswer(200, {}, text, f"https://{host}/")

    source = IcsAccount(f"https://{host}/public/basic.ics", Answering(timeout_s=HANG_S), namespace=NAMESPACE, owner=[])
    assert source.read(REMOTE_ID, WINDOW, None).notes == notes


def test_a_cursor_is_json() -> None:
    got = ics._cursor(HttpAnswer(200, {"ETag": '"1"', "Last-Modified": "then"}, b"", "https://cal.example/"))
    assert json.loads(got or "") == {"ETag": '"1"', "Last-Modified": "then"}
