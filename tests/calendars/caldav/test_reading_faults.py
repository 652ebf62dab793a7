"""Reading from servers that cut off, forget, lie and fail: nothing of that ever reads as free."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from peterental.calendars.caldav import collection
from peterental.calendars.caldav.account import CaldavAccount
from peterental.calendars.caldav.collection import Resource
from peterental.calendars.caldav.cursor import MOST_ETAGS, Cursor
from peterental.calendars.caldav.events import EventReader
from peterental.calendars.http import HttpClient
from peterental.calendars.icalendar_data.limits import USUAL_LIMITS
from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    Reading,
)
from tests.calendars.caldav.samples import NAMESPACE, WINDOW, account, lunch, times, utc, viewing
from tests.calendars.caldav.server_programs import USER, WORD
from tests.calendars.caldav.shapes import (
    CALENDAR,
    Route,
    ShapedServer,
    closing,
    error,
    event_at,
    found,
    multistatus,
    status_of,
    token,
)
from tests.calendars.loopback import Exchange, redirect
from tests.servers import HANG_S

HERE = "/c/work/"
LUNCH = event_at("/c/work/1.ics", lunch())
CURSOR = Cursor(addresses=(), token="t1", etags={}, renamed=()).text()
OWN = f"pr{NAMESPACE}v7r0.ics"


def state(*properties: str, sync: str = "<D:sync-token>t1</D:sync-token>") -> bytes:
    return multistatus(found(HERE, CALENDAR, sync, *properties))


class Script:
    """The answers to each kind of report, in turn; the last is repeated."""

    def __init__(self, **reports: bytes | list[bytes]) -> None:
        self._reports = {name: answers if isinstance(answers, list) else [answers] for name, answers in reports.items()}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, exchange: Exchange) -> bytes:
        body = exchange.body.decode()
        [name] = re.findall(r"<[DC]:(calendar-query|calendar-multiget|sync-collection) ", body)
        self.asked.append((name, body))
        answers = self._reports[name.rpartition("-")[2]]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def count(self, name: str) -> int:
        """Return how many reports of a name were asked for."""
        return sum(asked.endswith(name) for asked, _ in self.asked)


LISTED = multistatus(found("/c/work/1.ics", '<D:getetag>"1"</D:getetag>'))


def server_with(script: Script, **routes: Route | list[Route]) -> ShapedServer:
    return ShapedServer({f"PROPFIND {HERE}": state(), f"REPORT {HERE}": script, **routes})


def read(server: ShapedServer, cursor: str | None = None) -> Reading:
    return account(server.url()).read(server.url(HERE), WINDOW, cursor)


def fault_of(server: ShapedServer, cursor: str | None = None) -> CalendarFault:
    with server, pytest.raises(CalendarFault) as caught:
        read(server, cursor)
    return caught.value


# --- what is cut off -------------------------------------------------------------------------------------------------


def test_truncated_changes_are_continued() -> None:
    first = multistatus(status_of("/c/work/2.ics", 404), found("/c/work/1.ics"), status_of(HERE, 507), token("t2"))
    last = multistatus(status_of("/c/work/3.ics", 404), found("/c/work/2.ics"), token("t3"))
    both = multistatus(LUNCH, event_at("/c/work/2.ics", lunch(3)))
    script = Script(sync=[], collection=[first, last], multiget=both)
    with server_with(script) as server:
        reading = read(server, CURSOR)
    assert not reading.is_whole
    assert times(reading) == {(utc(12, 2, 18), utc(12, 2, 19)), (utc(12, 3, 18), utc(12, 3, 19))}
    assert reading.removed == {"/c/work/3.ics"}, "2.ics came back"
    assert json.loads(reading.cursor or "")["token"] == "t3"
    assert [re.findall("<D:sync-token>(.*)</D:sync-token>", body) for _, body in script.asked[:2]] == [["t1"], ["t2"]]


@pytest.mark.parametrize(
    "odd",
    [
        error("D:valid-sync-token"),
        error("D:valid-sync-token", "412 Precondition Failed"),
        closing(status="410 Gone"),
        closing(status="404 Not Found"),
        closing(status="418 I'm a teapot"),
        closing(status="500 Internal Server Error"),
        closing(status="507 Insufficient Storage"),
        closing(b"<html>"),
        closing(b"nonsense", status="207 Multi-Status"),
        multistatus(found("/c/work/1.ics")),
        multistatus(status_of("/c/work/1.ics", 418), token("t2")),
        multistatus(status_of(HERE, 507), token("t1")),
    ],
    ids=["403", "412", "410", "404", "418", "500", "507", "page", "not XML", "no token", "odd member", "no progress"],
)
def test_odd_changes_lead_to_a_whole_reading(odd: bytes) -> None:
    script = Script(collection=odd, query=LISTED, multiget=multistatus(LUNCH))
    with server_with(script) as server:
        reading = read(server, CURSOR)
    assert reading.is_whole
    assert len(times(reading)) == 1


def test_endless_parts_lead_to_a_whole_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_ROUNDS", 3)
    parts = [multistatus(status_of(HERE, 507), token(f"x{number}")) for number in range(9)]
    script = Script(collection=parts, query=LISTED, multiget=multistatus(LUNCH))
    with server_with(script) as server:
        assert read(server, CURSOR).is_whole
    assert script.count("collection") == 3


def test_very_many_changes_lead_to_a_whole_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_CHANGES", 2)
    many = multistatus(*(found(f"/c/work/{number}.ics") for number in range(3)), token("t2"))
    with server_with(Script(collection=many, query=LISTED, multiget=multistatus(LUNCH))) as server:
        assert read(server, CURSOR).is_whole


@pytest.mark.parametrize(
    "cut_off",
    [
        multistatus(found("/c/work/1.ics"), status_of(HERE, 507)),
        closing(status="507 Insufficient Storage"),
        error("D:number-of-matches-within-limits"),
    ],
    ids=["in the list", "507", "403"],
)
def test_too_many_events_are_listed_by_halves(cut_off: bytes) -> None:
    two = multistatus(found("/c/work/2.ics"))
    script = Script(query=[cut_off, LISTED, two], multiget=multistatus(LUNCH, event_at("/c/work/2.ics", lunch(3))))
    with server_with(script) as server:
        assert len(times(read(server))) == 2
    ranges = [re.findall(r'start="(\w+)" end="(\w+)"', body)[0] for name, body in script.asked if "query" in name]
    whole, first, second = ranges
    assert (first[0], first[1], second[1]) == (whole[0], second[0], whole[1])


def test_list_that_stays_cut_off_is_a_fault() -> None:
    cut_off = closing(status="507 Insufficient Storage")
    assert isinstance(fault_of(server_with(Script(query=cut_off))), CalendarNonsense)


def test_too_many_events_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_EVENTS", 1)
    two = multistatus(found("/c/work/1.ics"), found("/c/work/2.ics"))
    assert isinstance(fault_of(server_with(Script(query=two))), CalendarNonsense)


# --- events that are left out ----------------------------------------------------------------------------------------


def test_event_left_out_of_an_answer_is_asked_for_alone() -> None:
    got = closing(lunch().encode(), Content_Type="text/calendar", ETag='"1"')
    script = Script(query=LISTED, multiget=multistatus())
    with server_with(script, **{"GET /c/work/1.ics": got}) as server:
        assert len(times(read(server))) == 1


@pytest.mark.parametrize(
    "status", ["501 Not Implemented", "405 Method Not Allowed", "403 Forbidden", "400 Bad Request"]
)
def test_server_without_multiget_is_asked_for_each_event(status: str) -> None:
    got = closing(lunch().encode(), Content_Type="text/calendar", ETag='"1"')
    script = Script(query=LISTED, multiget=closing(b"<html>No such report</html>", status=status))
    with server_with(script, **{"GET /c/work/1.ics": got}) as server:
        assert len(times(read(server))) == 1
    assert fault_of(server_with(script, **{"GET /c/work/1.ics": closing(status=status)}))


def test_event_without_data_is_asked_for_alone() -> None:
    got = closing(lunch().encode(), Content_Type="text/calendar")
    script = Script(query=LISTED, multiget=multistatus(found("/c/work/1.ics", '<D:getetag>"1"</D:getetag>')))
    with server_with(script, **{"GET /c/work/1.ics": got}) as server:
        assert len(times(read(server))) == 1


def test_event_that_was_deleted_between_requests_is_not_there() -> None:
    for answer in (multistatus(), multistatus(status_of("/c/work/1.ics", 404))):
        with server_with(Script(query=LISTED, multiget=answer)) as server:
            reading = read(server)
        assert (reading.is_whole, reading.busy, reading.removed) == (True, {}, frozenset())


def test_event_changed_and_deleted_is_removed() -> None:
    changes = multistatus(found("/c/work/1.ics"), found(f"/c/work/{OWN}"), token("t2"))
    with server_with(Script(collection=changes, multiget=multistatus())) as server:
        reading = read(server, CURSOR)
        assert reading.removed == {"/c/work/1.ics", f"/c/work/{OWN}"}
        assert reading.removed_own == {server.url(f"/c/work/{OWN}")}


@pytest.mark.parametrize(("code", "fault"), [(403, CalendarAccessLost), (500, CalendarUnreachable)])
def test_event_that_cannot_be_fetched_is_a_fault(code: int, fault: type[CalendarFault]) -> None:
    script = Script(query=LISTED, multiget=multistatus(status_of("/c/work/1.ics", code)))
    server = server_with(script, **{"GET /c/work/1.ics": closing(status=f"{code} Whatever")})
    assert isinstance(fault_of(server), fault)


PRIVATE = status_of("/c/work/private.ics", 403)
REFUSED = {"GET /c/work/private.ics": closing(status="403 Forbidden")}


def test_event_that_is_refused_hides_no_other() -> None:
    """A private event in a shared calendar: the access to the others is not lost."""
    both = multistatus(found("/c/work/1.ics"), found("/c/work/private.ics"))
    with server_with(Script(query=both, multiget=multistatus(LUNCH, PRIVATE)), **REFUSED) as server:
        reading = read(server)
    assert len(times(reading)) == 1
    assert reading.notes == ("An event that cannot be read does not block: private.ics.",)
    changed = multistatus(found("/c/work/private.ics"), token("t2"))
    with server_with(Script(collection=changed, multiget=multistatus(PRIVATE)), **REFUSED) as server:
        assert read(server, CURSOR).busy == {"/c/work/private.ics": ()}


def test_access_is_lost_if_every_event_is_refused() -> None:
    query, multiget = multistatus(found("/c/work/private.ics")), multistatus(PRIVATE)
    assert isinstance(fault_of(server_with(Script(query=query, multiget=multiget), **REFUSED)), CalendarAccessLost)


def test_unreadable_event_is_noted_and_hides_no_other() -> None:
    both = multistatus(found("/c/work/1.ics"), found("/c/work/bad%20one.ics"))
    data = multistatus(LUNCH, event_at("/c/work/bad%20one.ics", "nonsense"))
    with server_with(Script(query=both, multiget=data)) as server:
        reading = read(server)
    assert len(times(reading)) == 1
    [note] = reading.notes
    assert "bad one.ics" in note


def test_event_whose_end_is_missing_blocks() -> None:
    cut_off = lunch().partition("END:VEVENT")[0]
    with server_with(Script(query=LISTED, multiget=multistatus(event_at("/c/work/1.ics", cut_off)))) as server:
        reading = read(server)
    assert (times(reading), reading.notes) == ({(utc(12, 2, 18), utc(12, 2, 19))}, ())


def test_limits_count_for_all_events_together() -> None:
    """What is beyond them is not free."""
    limits = replace(USUAL_LIMITS, max_instances=2)
    reader = EventReader(WINDOW, namespace=NAMESPACE, owner=(), host="h", limits=limits)
    for day in (1, 2):
        assert reader.read(Resource(f"/c/{day}.ics", None, lunch(day).encode()), url="").busy
    with pytest.raises(CalendarNonsense):
        reader.read(Resource("/c/3.ics", None, lunch(3).encode()), url="")


def test_fetching_and_reading_have_one_time_limit() -> None:
    """A caller waits two seconds for a calendar, however many events a server sends in the last of them."""
    left_s = iter([HANG_S, 0.0])
    reader = EventReader(WINDOW, namespace=NAMESPACE, owner=(), host="h", time_left_s=lambda: next(left_s))
    resource = Resource("/c/1.ics", None, lunch().encode())
    assert reader.read(resource, url="https://h/c/1.ics").busy
    with pytest.raises(CalendarNonsense, match="it takes longer than 0 seconds to read"):
        reader.read(resource, url="https://h/c/1.ics")


def test_readings_of_an_account_end_with_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpClient, "time_left_s", 0.0)
    fault = fault_of(server_with(Script(query=LISTED, multiget=multistatus(LUNCH))))
    assert "it takes longer than 0 seconds to read" in str(fault)


def test_control_characters_do_not_make_a_calendar_unreadable() -> None:
    odd = event_at("/c/work/1.ics", lunch().replace("Lunch", "Lu\x0bn\x00ch"))
    with server_with(Script(query=LISTED, multiget=multistatus(odd))) as server:
        assert [busy.title for [busy] in read(server).busy.values()] == ["Lunch"]


def test_paths_are_compared_however_they_are_written() -> None:
    listed = multistatus(found("/c/work/a%40b.ics"), found("http://elsewhere.example/c/work/c%2fd.ics"))
    data = multistatus(event_at("/c/work/a@b.ics", lunch()), event_at("c%2Fd.ics", lunch(3)))
    with server_with(Script(query=listed, multiget=data)) as server:
        assert len(times(read(server))) == 2


def test_hrefs_cannot_extend_the_host() -> None:
    listed = multistatus(found("@127.0.0.2/1.ics"), found("http://[::1"))
    with server_with(Script(query=listed, multiget=multistatus())) as server:
        assert times(read(server)) == set()
        gets = [line for line in server.lines() if line.startswith("GET")]
    assert gets == ["GET /c/work/@127.0.0.2/1.ics", "GET /http://%5B::1"]


def test_events_of_other_hosts_are_asked_of_the_calendars_own() -> None:
    """A server cannot make the credentials go elsewhere by naming an event there."""
    with ShapedServer({}) as other:
        listed = multistatus(found(other.url("/c/work/1.ics")))
        got = closing(lunch().encode(), Content_Type="text/calendar")
        with server_with(Script(query=listed, multiget=multistatus()), **{"GET /c/work/1.ics": got}) as server:
            assert len(times(read(server))) == 1
        assert other.exchanges == []


# --- servers without tokens ------------------------------------------------------------------------------------------


def test_token_that_is_no_property_is_asked_for() -> None:
    reports = (
        "<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
        "</D:supported-report-set>"
    )
    first = [multistatus(status_of(HERE, 507), token("a")), multistatus(token("b"))]
    script = Script(collection=first, query=LISTED, multiget=multistatus(LUNCH))
    with server_with(script, **{f"PROPFIND {HERE}": state(reports, sync="")}) as server:
        assert json.loads(read(server).cursor or "")["token"] == "b"
    for odd in (closing(status="500 Oh"), multistatus(token("")), multistatus(status_of(HERE, 507), token(""))):
        script = Script(collection=odd, query=LISTED, multiget=multistatus(LUNCH))
        with server_with(script, **{f"PROPFIND {HERE}": state(reports, sync="")}) as server:
            assert json.loads(read(server).cursor or "")["token"] is None


def test_endless_first_token_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_ROUNDS", 2)
    reports = "<D:supported-report-set><D:sync-collection/></D:supported-report-set>"
    parts = [multistatus(status_of(HERE, 507), token(f"x{number}")) for number in range(9)]
    script = Script(collection=parts, query=LISTED, multiget=multistatus(LUNCH))
    with server_with(script, **{f"PROPFIND {HERE}": state(reports, sync="")}) as server:
        assert json.loads(read(server).cursor or "")["token"] is None


def test_events_without_etags_are_read_each_time() -> None:
    listed = multistatus(found("/c/work/1.ics"))
    script = Script(query=listed, multiget=multistatus(LUNCH))
    with server_with(script, **{f"PROPFIND {HERE}": state(sync="")}) as server:
        whole = read(server)
        again = read(server, whole.cursor)
    assert (again.is_whole, times(again)) == (False, times(whole))


def test_cursor_that_would_be_too_large_is_left_out() -> None:
    etags = {str(number): None for number in range(MOST_ETAGS + 1)}
    assert Cursor(addresses=(), etags=etags, renamed=()).text() is None
    kept = Cursor(addresses=("a@b",), token="t", etags={}, renamed=("/c/x.ics",))
    assert Cursor.parse(kept.text()) == kept


# --- the owner's addresses -------------------------------------------------------------------------------------------

INVITATION = lunch(2, "ATTENDEE;PARTSTAT=DECLINED:mailto:rosa@work.example.com", "ORGANIZER:mailto:b@example.com")
PRINCIPAL = "<D:current-user-principal><D:href>/p/rosa/</D:href></D:current-user-principal>"


@pytest.mark.parametrize("is_known", [True, False])
def test_declined_is_known_by_the_addresses_of_the_principal(*, is_known: bool) -> None:
    addresses = (
        "<C:calendar-user-address-set><D:href>/p/rosa/</D:href><D:href>mailto:Rosa@Work.example.com</D:href>"
        "</C:calendar-user-address-set>"
    )
    unknown = [closing(status="403 Forbidden"), closing(b"nonsense", status="207 Multi-Status")]
    principal: Route | list[Route] = multistatus(found("/p/rosa/", addresses)) if is_known else [*unknown]
    changes = multistatus(found("/c/work/1.ics"), token("t2"))
    script = Script(query=LISTED, multiget=multistatus(event_at("/c/work/1.ics", INVITATION)), collection=changes)
    with server_with(script, **{f"PROPFIND {HERE}": state(PRINCIPAL), "PROPFIND /p/rosa/": principal}) as server:
        read(server)
        whole = read(server)
        since = read(server, whole.cursor)
    assert (len(times(whole)), len(times(since))) == ((0, 0) if is_known else (1, 1))


# --- faults ----------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[bytes, type[CalendarFault]]] = [
    (closing(status="401 Unauthorized"), CalendarAccessLost),
    (closing(status="403 Forbidden"), CalendarAccessLost),
    (closing(status="404 Not Found"), CalendarGone),
    (closing(status="410 Gone"), CalendarGone),
    (multistatus(status_of(HERE, 404)), CalendarGone),
    (closing(status="429 Too Many", Retry_After="7"), CalendarThrottled),
    (closing(status="503 Away", Retry_After="7"), CalendarThrottled),
    (closing(status="500 Oh"), CalendarUnreachable),
    (closing(status="503 Away"), CalendarUnreachable),
    (redirect("ftp://elsewhere/"), CalendarNonsense),
    (closing(b"<html>Sign in</html>"), CalendarNonsense),
    (closing(b"<html>Sign in</html>", status="207 Multi-Status"), CalendarNonsense),
    (closing(b"\xff\x00nonsense", status="207 Multi-Status"), CalendarNonsense),
    (multistatus(), CalendarNonsense),
    (multistatus(found(HERE, "<D:resourcetype><D:collection/></D:resourcetype>")), CalendarNonsense),
    (b"", CalendarUnreachable),
]


@pytest.mark.parametrize(("answer", "fault"), FAULTS)
def test_each_fault_of_the_calendar_is_named(answer: bytes, fault: type[CalendarFault]) -> None:
    server = server_with(Script(), **{f"PROPFIND {HERE}": answer})
    caught = fault_of(server)
    assert type(caught) is fault
    assert HERE not in str(caught)


@pytest.mark.parametrize("report", ["query", "multiget"])
@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("401 No", CalendarAccessLost),
        ("404 No", CalendarGone),
        ("500 Oh", CalendarUnreachable),
        ("200 OK", CalendarNonsense),
    ],
)
def test_each_fault_of_a_report_is_named(report: str, status: str, fault: type[CalendarFault]) -> None:
    script = Script(**{"query": LISTED, "multiget": multistatus(LUNCH), report: closing(b"<html>", status=status)})
    assert type(fault_of(server_with(script))) is fault


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("401 No", CalendarAccessLost),
        ("429 Slow down", CalendarThrottled),
        ("503 Away", CalendarUnreachable),
    ],
)
def test_faults_since_a_cursor_do_not_start_a_whole_reading(status: str, fault: type[CalendarFault]) -> None:
    server = server_with(Script(collection=closing(status=status)))
    assert type(fault_of(server, CURSOR)) is fault
    assert len(server.exchanges) == 1


def test_answer_that_breaks_off_is_a_fault() -> None:
    def break_off(exchange: Exchange) -> None:
        exchange.connection.sendall(LISTED[:-40])

    assert isinstance(fault_of(server_with(Script(), **{f"REPORT {HERE}": break_off})), CalendarFault)


def test_address_that_is_refused_by_now_is_a_fault() -> None:
    """The name of a calendar's host may resolve to a private address one day. No person has typed it just then."""
    mine = CaldavAccount(HttpClient(timeout_s=HANG_S), address="", username=USER, password=WORD, namespace=NAMESPACE)
    url = "https://127.0.0.1/c/work/"
    for use in (
        lambda: mine.read(url, WINDOW, None),
        lambda: mine.write(url, viewing()),
        lambda: mine.delete(url, f"{url}1.ics"),
        lambda: mine.find(url, viewing()),
    ):
        with pytest.raises(CalendarUnreachable):
            use()
