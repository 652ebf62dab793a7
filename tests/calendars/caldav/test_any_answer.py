"""Whatever a server answers, nothing but a fault of calendars is raised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from peterental.calendars.caldav.account import CaldavAccount
from peterental.calendars.caldav.cursor import Cursor
from peterental.calendars.http import HttpAnswer, HttpClient, RequestBody
from peterental.calendars.model import AddressNotAllowed, CalendarFault
from tests.calendars.caldav.samples import NAMESPACE, WINDOW, lunch, moved, viewing
from tests.calendars.caldav.server_programs import USER, WORD
from tests.calendars.caldav.shapes import CALENDAR, NAMESPACES, event_at, found, status_of, token
from tests.servers import HANG_S

URL = "https://cal.example.com/c/work/"
NAME = f"{viewing().marker}.ics"

HREFS = st.sampled_from(
    [
        "/c/work/",
        "/c/work",
        "/c/work/1.ics",
        f"/c/work/{NAME}",
        "",
        "@evil",
        "http://[::1",
        "https://p42.example.com/c/",
        "\u00e9%ff%zz",
    ]
) | st.text(max_size=8).map(lambda text: "".join(char for char in text if char.isprintable() and char not in "<>&"))

PROPERTIES = st.sampled_from(
    [
        CALENDAR,
        "<D:getetag>\u00e9&#10;X: y</D:getetag>",
        "<D:getetag/>",
        "<D:sync-token>t</D:sync-token>",
        "<S:getctag>1</S:getctag>",
        "<D:displayname/>",
        "<D:current-user-principal><D:href>/p/</D:href></D:current-user-principal>",
        "<D:current-user-principal><D:unauthenticated/></D:current-user-principal>",
        "<C:calendar-home-set><D:href>c/</D:href><D:href>http://[::1</D:href></C:calendar-home-set>",
        "<C:schedule-inbox-URL><D:href>/in/</D:href></C:schedule-inbox-URL>",
        "<C:schedule-default-calendar-URL><D:href>/c/work</D:href></C:schedule-default-calendar-URL>",
        "<C:calendar-user-address-set><D:href>mailto:</D:href></C:calendar-user-address-set>",
        "<D:supported-report-set><D:sync-collection/></D:supported-report-set>",
        "<C:calendar-data/>",
        f"<C:calendar-data>{lunch()}</C:calendar-data>",
        f"<C:calendar-data>{lunch(2, 'RRULE:FREQ=SECONDLY', uid=viewing().marker.uid)}</C:calendar-data>",
        f"<C:calendar-data>{lunch(2, 'SEQUENCE:x', 'RRULE:nonsense')}</C:calendar-data>",
        "<C:calendar-data>BEGIN:VCALENDAR BEGIN:VEVENT</C:calendar-data>",
    ]
)

PARTS = st.one_of(
    st.builds(lambda href, properties: found(href, *properties), HREFS, st.lists(PROPERTIES, max_size=4)),
    st.builds(status_of, st.sampled_from(["/c/work/", "/c/work/1.ics"]), st.sampled_from([0, 200, 403, 404, 507])),
    st.builds(event_at, HREFS, st.just(lunch())),
    st.builds(token, st.sampled_from(["t1", "t2", ""])),
    st.sampled_from(["<D:response/>", "<D:error><C:no-uid-conflict/></D:error>", "<", "<!DOCTYPE a>"]),
)
BODIES = st.one_of(
    st.lists(PARTS, max_size=4).map(
        lambda parts: f"<D:multistatus {NAMESPACES}>{''.join(parts)}</D:multistatus>".encode()
    ),
    st.just(f"<D:error {NAMESPACES}><C:no-uid-conflict/></D:error>".encode()),
    st.binary(max_size=20),
)
STATUSES = st.sampled_from([207] * 8 + [200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 412, 429, 500, 503, 507])
HEADERS = st.sampled_from(
    [{}, {"Location": "/c/work/"}, {"Location": "http://[::1"}, {"ETag": "x"}, {"Retry-After": "?"}]
)
ANSWERS = st.lists(st.tuples(STATUSES, HEADERS, BODIES), min_size=1, max_size=8)

Said = tuple[int, dict[str, str], bytes]


class Scripted(HttpClient):
    """Answers from a list, over and over, without a network."""

    def __init__(self, answers: list[Said]) -> None:
        super().__init__(timeout_s=HANG_S)
        self._said: Iterator[Said] = iter(answers * 40)

    def request(
        self,
        method: str,  # noqa: ARG002  # as HttpClient has them
        url: str,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        body: bytes | RequestBody | None = None,  # noqa: ARG002
        auth: tuple[str, str] | None = None,
        follow: bool = True,  # noqa: ARG002
    ) -> HttpAnswer:
        assert auth == (USER, WORD)
        assert url.startswith(("https://cal.example.com/", "https://p42.example.com/"))
        status, said_headers, said_body = next(self._said, (500, {}, b""))
        return HttpAnswer(status, CaseInsensitiveDict(said_headers), said_body, url)


@given(ANSWERS)
def test_only_faults_of_calendars_are_raised(answers: list[Said]) -> None:
    def mine() -> CaldavAccount:
        return CaldavAccount(
            Scripted(answers), address="cal.example.com", username=USER, password=WORD, namespace=NAMESPACE
        )

    with contextlib.suppress(CalendarFault, AddressNotAllowed):
        mine().calendars()
    for cursor in (
        None,
        Cursor(addresses=(), token="t1", etags={}, renamed=()).text(),
        Cursor(addresses=(), etags={"/": "1"}, renamed=()).text(),
    ):
        with contextlib.suppress(CalendarFault):
            mine().read(URL, WINDOW, cursor)
    for event in (viewing(), moved(viewing(), URL + NAME)):
        with contextlib.suppress(CalendarFault):
            mine().write(URL, event)
        with contextlib.suppress(CalendarFault):
            mine().find(URL, event)
    with contextlib.suppress(CalendarFault):
        mine().delete(URL, URL + NAME)
