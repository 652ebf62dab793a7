"""Writing to servers that refuse, forget and fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    EventRefused,
)
from tests.calendars.caldav.samples import account, lunch, moved, viewing
from tests.calendars.caldav.shapes import CALENDAR, Route, ShapedServer, closing, error, event_at, found, multistatus
from tests.calendars.loopback import redirect

HERE = "/c/work/"
NAME = f"{viewing().marker}.ics"
PUT = f"PUT {HERE}{NAME}"
DELETE = f"DELETE {HERE}{NAME}"
THERE = f"PROPFIND {HERE}"
NOTHING = multistatus()


def server_with(routes: dict[str, Route | list[Route]]) -> ShapedServer:
    """Return a server whose calendar is empty unless `routes` say otherwise."""
    return ShapedServer({THERE: multistatus(found(HERE, CALENDAR)), f"REPORT {HERE}": NOTHING, **routes})


def written_text() -> str:
    """Return our event as it is stored."""
    kept: list[str] = []

    def keep(exchange: object) -> bytes:
        kept.append(exchange.body.decode())  # type: ignore[attr-defined]
        return closing(status="201 Created")

    with server_with({PUT: keep}) as server:
        account(server.url()).write(server.url(HERE), viewing())
    return kept[0]


def fault_of(routes: dict[str, Route | list[Route]], *, is_change: bool = False) -> CalendarFault:
    with server_with(routes) as server, pytest.raises(CalendarFault) as caught:
        event = moved(viewing(), server.url(HERE + NAME)) if is_change else viewing()
        account(server.url()).write(server.url(HERE), event)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (closing(status="401 No"), CalendarAccessLost),
        (closing(status="403 No"), CalendarAccessLost),
        (error("D:need-privileges"), EventRefused),
        (error("C:valid-calendar-data"), EventRefused),
        (error("C:max-resource-size", "507 Full"), EventRefused),
        (closing(status="400 Bad"), EventRefused),
        (closing(status="404 No"), EventRefused),
        (closing(status="405 No"), EventRefused),
        (closing(status="409 No"), EventRefused),
        (error("C:no-uid-conflict", "409 Conflict"), EventRefused),
        (closing(status="412 No"), CalendarUnreachable),
        (closing(status="413 Too large"), EventRefused),
        (closing(status="415 No"), EventRefused),
        (closing(status="429 Slow", Retry_After="9"), CalendarThrottled),
        (closing(status="500 Oh"), CalendarUnreachable),
        (closing(status="503 Away", Retry_After="9"), CalendarThrottled),
        (closing(status="507 Full"), CalendarUnreachable),
        (redirect("/elsewhere/"), CalendarUnreachable),
        (b"", CalendarUnreachable),
    ],
    ids=lambda value: value.partition(b"\r")[0].decode() if isinstance(value, bytes) else value.__name__,
)
@pytest.mark.parametrize("is_change", [False, True])
def test_each_fault_of_a_write_is_named(answer: bytes, fault: type[CalendarFault], *, is_change: bool) -> None:
    routes: dict[str, Route | list[Route]] = {PUT: answer}
    if is_change:
        routes[f"REPORT {HERE}"] = multistatus(event_at(HERE + NAME, written_text()))
    is_overtaken = is_change and b" 404 " in answer
    assert type(fault_of(routes, is_change=is_change)) is (CalendarUnreachable if is_overtaken else fault)


def test_read_only_calendar_is_said() -> None:
    assert "read-only" in str(fault_of({PUT: error("D:need-privileges")}))


def test_write_into_a_deleted_calendar_says_so() -> None:
    gone = closing(status="404 Not Found")
    for status in ("404 Not Found", "409 Conflict"):
        fault = fault_of({PUT: closing(status=status), THERE: gone, f"REPORT {HERE}": gone})
        assert isinstance(fault, CalendarGone)


def test_uid_conflict_leads_to_the_event_that_exists() -> None:
    """Nextcloud answers 400 to a second resource with a UID, others 409 or 403."""
    there = multistatus(event_at(f"{HERE}renamed.ics", written_text()))
    for conflict in (
        error("C:no-uid-conflict", "409 Conflict"),
        error("C:no-uid-conflict"),
        closing(b"already exists", status="400 Bad Request"),
    ):
        with server_with({PUT: conflict, f"REPORT {HERE}": [NOTHING, there]}) as server:
            written = account(server.url()).write(server.url(HERE), viewing())
            assert written.event_id == server.url(f"{HERE}renamed.ics")


def test_event_of_another_uid_is_never_taken_for_ours() -> None:
    """Some servers find a UID loosely."""
    other = written_text().replace(viewing().marker.uid, f"x{viewing().marker.uid}")
    there = multistatus(event_at(f"{HERE}other.ics", other), found(f"{HERE}no-data.ics"))
    with server_with({f"REPORT {HERE}": there}) as server:
        assert account(server.url()).find(server.url(HERE), viewing()) is None


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "501 No"])
def test_server_that_cannot_search_for_a_uid_finds_none(status: str) -> None:
    with server_with({f"REPORT {HERE}": [NOTHING, closing(status=status)]}) as server:
        assert account(server.url()).find(server.url(HERE), viewing()) is None


def test_search_that_fails_does_not_mean_deleted() -> None:
    with (
        server_with({f"REPORT {HERE}": [NOTHING, closing(status="500 Oh")]}) as server,
        pytest.raises(CalendarUnreachable),
    ):
        account(server.url()).write(server.url(HERE), moved(viewing(), server.url(HERE + NAME)))


def test_change_is_not_written_twice_when_it_is_there() -> None:
    """The answer to it was lost. Without a PUT the answer cannot be lost again."""
    there = multistatus(event_at(HERE + NAME, written_text()))
    with server_with({f"REPORT {HERE}": there}) as server:
        event = replace(viewing(), event_id=server.url(HERE + NAME))
        assert account(server.url()).write(server.url(HERE), event).event_id == event.event_id
        assert not any(line.startswith("PUT") for line in server.lines())


@pytest.mark.parametrize(
    ("etag", "condition"),
    [('<D:getetag>"7"</D:getetag>', '"7"'), ('<D:getetag>W/"7"</D:getetag>', "*"), ("", "*")],
)
def test_change_names_the_version_it_was_made_from(etag: str, condition: str) -> None:
    data = f"<C:calendar-data>{written_text()}</C:calendar-data>"
    there = multistatus(found(HERE + NAME, etag, data))
    with server_with({f"REPORT {HERE}": there, PUT: closing(status="204 No Content")}) as server:
        account(server.url()).write(server.url(HERE), moved(viewing(), server.url(HERE + NAME)))
        [put] = [exchange for exchange in server.exchanges if exchange.line.startswith("PUT")]
        assert put.header("If-Match") == condition


def test_event_id_of_another_host_stays_on_the_calendars_own() -> None:
    """ICloud moves an account from one partition to another; and no stored id can lead the credentials away."""
    there = multistatus(event_at(HERE + NAME, written_text()))
    with ShapedServer({}) as other, server_with({f"REPORT {HERE}": there, DELETE: closing()}) as server:
        mine = account(server.url())
        event = replace(viewing(), event_id=other.url(HERE + NAME))
        assert mine.write(server.url(HERE), event).event_id == server.url(HERE + NAME)
        mine.delete(server.url(HERE), other.url(HERE + NAME))
        assert other.exchanges == []


@pytest.mark.parametrize(
    ("status", "fault"),
    [("401 No", CalendarAccessLost), ("500 Oh", CalendarUnreachable), ("423 Locked", CalendarUnreachable)],
)
def test_deletion_that_fails_is_a_fault(status: str, fault: type[CalendarFault]) -> None:
    with server_with({DELETE: closing(status=status)}) as server, pytest.raises(fault):
        account(server.url()).delete(server.url(HERE), server.url(HERE + NAME))


PAGE = closing(b"<html>Sign in</html>", status="200 OK", Content_Type="text/html; charset=utf-8")
"""A login page in place of an answer."""


def test_web_page_in_place_of_a_deletion_is_no_success() -> None:
    with server_with({DELETE: PAGE}) as server, pytest.raises(CalendarNonsense, match="with a web page"):
        account(server.url()).delete(server.url(HERE), server.url(HERE + NAME))


@pytest.mark.parametrize("is_change", [False, True])
def test_web_page_in_place_of_a_change_is_no_success(*, is_change: bool) -> None:
    there = {f"REPORT {HERE}": multistatus(event_at(HERE + NAME, written_text()))} if is_change else {}
    assert isinstance(fault_of({PUT: PAGE, **there}, is_change=is_change), CalendarNonsense)


def test_created_resource_may_be_answered_with_a_page() -> None:
    page = closing(b"<html>Created</html>", status="201 Created", Content_Type="text/html")
    with server_with({PUT: page}) as server:
        assert account(server.url()).write(server.url(HERE), viewing()).event_id == server.url(HERE + NAME)


def test_deletion_of_one_name_leaves_the_event_under_another() -> None:
    there = multistatus(event_at(f"{HERE}renamed.ics", written_text()))
    with server_with({f"REPORT {HERE}": there, DELETE: closing(status="404 Gone")}) as server:
        account(server.url()).delete(server.url(HERE), server.url(HERE + NAME), follow=False)
        assert server.lines() == [DELETE]


def test_deleting_what_is_not_named_by_us_looks_nowhere_else() -> None:
    with server_with({}) as server:
        account(server.url()).delete(server.url(HERE), server.url(f"{HERE}renamed.ics"))
        assert server.lines() == [f"DELETE {HERE}renamed.ics"]


def test_find_without_our_event_in_the_resource_is_none() -> None:
    there = multistatus(event_at(HERE + NAME, lunch()))
    with server_with({f"REPORT {HERE}": there}) as server:
        assert account(server.url()).find(server.url(HERE), viewing()) is None
