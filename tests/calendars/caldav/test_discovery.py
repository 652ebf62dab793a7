"""From what a person types to her calendars."""

from __future__ import annotations

import pytest

from peterental.calendars.caldav.account import CaldavAccount
from peterental.calendars.http import HttpClient, basic_authorization
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarFault,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    RemoteCalendar,
)
from tests.calendars.caldav.samples import NAMESPACE, account
from tests.calendars.caldav.server_programs import USER, WORD, Server
from tests.calendars.caldav.shapes import CALENDAR, Route, ShapedServer, closing, found, multistatus
from tests.calendars.loopback import Exchange, redirect
from tests.servers import HANG_S

TASKS_ONLY = (
    b'<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    b'<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>'
    b"</D:prop></D:set></C:mkcalendar>"
)
NAMED = (
    b'<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    b"<D:displayname>Rosa &amp; family</D:displayname></D:prop></D:set></C:mkcalendar>"
)
PRINCIPAL = "<D:current-user-principal><D:href>/p/rosa/</D:href></D:current-user-principal>"
HOME = "<C:calendar-home-set><D:href>/c/rosa/</D:href></C:calendar-home-set>"
READ_ONLY = "<D:current-user-privilege-set><D:privilege><D:read/></D:privilege></D:current-user-privilege-set>"
CREATES = (
    "<D:current-user-privilege-set><D:privilege><D:bind/></D:privilege>"
    "<D:privilege><D:write-content/></D:privilege></D:current-user-privilege-set>"
)
EVENTS = '<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set>'
TASKS = '<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>'


def named(name: str) -> str:
    return f"<D:displayname>{name}</D:displayname>"


def routes(**extra: Route | list[Route]) -> dict[str, Route | list[Route]]:
    """Return a server with one calendar, as Fastmail has it: the well-known address redirects."""
    return {
        "PROPFIND /.well-known/caldav": redirect("/dav/", "301 Moved Permanently"),
        "PROPFIND /dav/": multistatus(found("/dav/", PRINCIPAL)),
        "PROPFIND /p/rosa/": multistatus(found("/p/rosa/", HOME)),
        "PROPFIND /c/rosa/": multistatus(
            found("/c/rosa/", "<D:resourcetype><D:collection/></D:resourcetype>"),
            found("/c/rosa/work/", CALENDAR, named("Work"), EVENTS, CREATES),
        ),
        **extra,
    }


def calendars_at(server: ShapedServer, path: str = "") -> list[RemoteCalendar]:
    return list(account(server.url(path)).calendars())


def fault_at(server: ShapedServer, path: str = "") -> CalendarFault:
    with pytest.raises(CalendarFault) as caught:
        calendars_at(server, path)
    return caught.value


# --- real servers ----------------------------------------------------------------------------------------------------


@pytest.mark.needs("caldav")
@pytest.mark.parametrize("typed", ["server", "home", "calendar", "without a slash"])
def test_calendars_are_found_from_each_address(server: Server, typed: str) -> None:
    calendar = server.new_calendar(NAMED)
    typed_url = {
        "server": server.root,
        "home": server.root + server.home,
        "calendar": calendar.url,
        "without a slash": calendar.url.rstrip("/"),
    }[typed]
    calendars = {found.remote_id: found for found in account(typed_url).calendars()}
    assert calendars[calendar.url].name == "Rosa & family"
    assert calendars[calendar.url].is_writable


@pytest.mark.needs("caldav")
def test_calendars_for_tasks_are_left_out(server: Server) -> None:
    calendar, tasks = server.new_calendar(), server.new_calendar(TASKS_ONLY)
    offered = {found.remote_id for found in account(server.root).calendars()}
    assert calendar.url in offered
    assert tasks.url not in offered


@pytest.mark.needs("caldav")
def test_wrong_password_is_access_lost(radicale: Server) -> None:
    with pytest.raises(CalendarAccessLost):
        account(radicale.root, word="wrong").calendars()


# --- shapes of other servers -----------------------------------------------------------------------------------------


def test_well_known_address_leads_to_the_calendars() -> None:
    with ShapedServer(routes()) as server:
        [calendar] = calendars_at(server)
        assert calendar == RemoteCalendar(
            remote_id=server.url("/c/rosa/work/"), name="Work", is_writable=True, is_default=True
        )
        assert server.lines()[0] == "PROPFIND /.well-known/caldav"


def test_calendars_on_a_partition_host_are_found() -> None:
    """Each person's calendars at iCloud are on one of many hosts, which the principal names."""
    with ShapedServer(routes()) as partition:
        home = f"<C:calendar-home-set><D:href>{partition.url('/c/rosa/')}</D:href></C:calendar-home-set>"
        first = routes(**{"PROPFIND /p/rosa/": multistatus(found("/p/rosa/", home))})
        with ShapedServer(first) as server:
            [calendar] = calendars_at(server)
        assert calendar.remote_id == partition.url("/c/rosa/work/")
        assert partition.exchanges[0].header("Authorization") == basic_authorization(USER, WORD)


def test_redirect_to_another_host_keeps_the_credentials() -> None:
    with ShapedServer(routes()) as real:
        with ShapedServer({"PROPFIND /.well-known/caldav": redirect(real.url("/dav/"))}) as server:
            [calendar] = calendars_at(server)
        assert calendar.remote_id == real.url("/c/rosa/work/")


def test_endless_redirects_end() -> None:
    with ShapedServer({"PROPFIND /dav/": redirect("/dav/")}) as server:
        assert isinstance(fault_at(server, "/dav/"), CalendarNonsense)
        assert len(server.exchanges) < 20


def test_redirect_to_nowhere_is_no_calendar() -> None:
    with ShapedServer({"PROPFIND /dav/": redirect("mailto:rosa@example.com")}) as server:
        assert isinstance(fault_at(server, "/dav/"), CalendarNonsense)


def test_nextcloud_in_a_folder_is_found() -> None:
    moved = {f"PROPFIND /cloud/remote.php{path.partition(' ')[2]}": answer for path, answer in routes().items()}
    moved["PROPFIND /cloud"] = closing(b"<html>", status="405 Method Not Allowed")
    moved["PROPFIND /p/rosa/"] = multistatus(found("/p/rosa/", HOME))
    moved["PROPFIND /c/rosa/"] = routes()["PROPFIND /c/rosa/"]
    with ShapedServer(moved) as server:
        [calendar] = calendars_at(server, "/cloud")
        assert calendar.name == "Work"


def test_deleted_and_subscribed_calendars_are_left_out() -> None:
    """Nextcloud lists its bin, and calendars that it only subscribes to, beside the others."""
    deleted = '<D:resourcetype><C:calendar/><n:deleted-calendar xmlns:n="http://nextcloud.com/ns"/></D:resourcetype>'
    listed = multistatus(
        found("/c/rosa/", "<D:resourcetype><D:collection/></D:resourcetype>"),
        found("/c/rosa/inbox/", "<D:resourcetype><D:collection/><C:schedule-inbox/></D:resourcetype>"),
        found("/c/rosa/bin/", deleted),
        found("/c/rosa/holidays/", "<D:resourcetype><D:collection/><S:subscribed/></D:resourcetype>"),
        found("/c/rosa/todo/", CALENDAR, TASKS),
        found("/c/rosa/team/", CALENDAR, READ_ONLY),
        found("/c/rosa/own%20one", CALENDAR),
    )
    with ShapedServer(routes(**{"PROPFIND /c/rosa/": listed})) as server:
        team, own = calendars_at(server)
        assert (team.name, team.is_writable, team.is_default) == ("team", False, False)
        assert (own.remote_id, own.is_writable, own.is_default) == (server.url("/c/rosa/own%20one/"), True, True)


def test_default_calendar_is_the_servers() -> None:
    inbox = "<C:schedule-inbox-URL><D:href>/c/rosa/inbox/</D:href></C:schedule-inbox-URL>"
    default = "<C:schedule-default-calendar-URL><D:href>/c/rosa/b%40/</D:href></C:schedule-default-calendar-URL>"
    both = multistatus(found("/c/rosa/a/", CALENDAR), found("/c/rosa/b@/", CALENDAR))
    described = {"PROPFIND /p/rosa/": multistatus(found("/p/rosa/", HOME, inbox)), "PROPFIND /c/rosa/": both}
    with ShapedServer(routes(**described, **{"PROPFIND /c/rosa/inbox/": multistatus(found("/x", default))})) as server:
        assert [calendar.is_default for calendar in calendars_at(server)] == [False, True]
    with ShapedServer(routes(**described)) as server:
        assert [calendar.is_default for calendar in calendars_at(server)] == [False, False]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "500 Oh", "207 Multi-Status"])
def test_one_of_several_homes_is_enough(status: str) -> None:
    """A principal may name the home of a colleague, which is not shared any more."""
    hrefs = "".join(f"<D:href>/c/{name}/</D:href>" for name in ("old", "rosa", "boss"))
    homes = f"<C:calendar-home-set>{hrefs}</C:calendar-home-set>"
    broken = closing(b"<html>Oh</html>", status=status)
    more = {"PROPFIND /p/rosa/": multistatus(found("/p/rosa/", homes))}
    with ShapedServer(routes(**more) | dict.fromkeys(("PROPFIND /c/boss/", "PROPFIND /c/old/"), broken)) as server:
        assert [calendar.name for calendar in calendars_at(server)] == ["Work"]
    throttled = closing(status="429 Slow down")
    with ShapedServer(routes(**more) | {"PROPFIND /c/boss/": throttled}) as server:
        assert isinstance(fault_at(server), CalendarThrottled)


def test_home_without_a_principal_is_looked_into() -> None:
    listed = routes()["PROPFIND /c/rosa/"]
    with ShapedServer({"PROPFIND /c/rosa/": listed}) as server:
        assert [calendar.name for calendar in calendars_at(server, "/c/rosa/")] == ["Work"]


def test_single_calendar_without_a_principal_is_enough() -> None:
    with ShapedServer({"PROPFIND /cal/": multistatus(found("/cal/", CALENDAR, named("Mine")))}) as server:
        [calendar] = calendars_at(server, "/cal/")
        assert (calendar.name, calendar.remote_id) == ("Mine", server.url("/cal/"))
        assert [exchange.header("Depth") for exchange in server.exchanges] == ["0", "0"]


# --- faults ----------------------------------------------------------------------------------------------------------


def test_web_site_without_calendars_is_named() -> None:
    with ShapedServer({"PROPFIND /": closing(b"<html>Welcome</html>")}) as server:
        fault = fault_at(server)
    assert isinstance(fault, CalendarNonsense)
    assert "127.0.0.1" in str(fault)


def test_empty_lists_are_no_calendars() -> None:
    with ShapedServer({"PROPFIND /dav/": multistatus()}) as server:
        assert "no calendar" in str(fault_at(server, "/dav/"))
    with ShapedServer(routes(**{"PROPFIND /p/rosa/": multistatus()})) as server:
        assert "no calendar" in str(fault_at(server))


def test_wrong_password_is_tried_once() -> None:
    """More attempts would lock the account at some providers."""
    with ShapedServer({"PROPFIND /.well-known/caldav": closing(status="401 Unauthorized")}) as server:
        assert isinstance(fault_at(server), CalendarAccessLost)
        assert len(server.exchanges) == 1


def test_forbidden_everywhere_is_access_lost() -> None:
    forbidden = closing(status="403 Forbidden")
    paths = ("/.well-known/caldav", "/", "/remote.php/dav/")
    with ShapedServer({f"PROPFIND {path}": forbidden for path in paths}) as server:
        assert isinstance(fault_at(server), CalendarAccessLost)


def test_server_error_is_unreachable() -> None:
    with ShapedServer({"PROPFIND /.well-known/caldav": closing(status="502 Bad Gateway")}) as server:
        assert isinstance(fault_at(server), CalendarUnreachable)


def test_throttled_discovery_stops() -> None:
    busy = closing(status="503 Service Unavailable", Retry_After="30")
    with ShapedServer({"PROPFIND /.well-known/caldav": busy}) as server:
        fault = fault_at(server)
        assert isinstance(fault, CalendarThrottled)
        assert (fault.retry_after_s, len(server.exchanges)) == (30, 1)


def test_hanging_server_is_given_up() -> None:
    def hang(exchange: Exchange) -> None:
        exchange.hang()

    with ShapedServer({"PROPFIND /.well-known/caldav": hang}) as server, pytest.raises(CalendarUnreachable):
        account(server.url(), timeout_s=0.2).calendars()


@pytest.mark.parametrize("typed", ["http://127.0.0.1/", "https://127.0.0.1/", "https://10.0.0.7/dav/", "localhost"])
def test_private_addresses_are_refused(typed: str) -> None:
    http = HttpClient(timeout_s=HANG_S)
    mine = CaldavAccount(http, address=typed, username=USER, password=WORD, namespace=NAMESPACE)
    with pytest.raises(AddressNotAllowed):
        mine.calendars()
