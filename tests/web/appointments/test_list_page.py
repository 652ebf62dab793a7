"""The list of viewings: filters in the query string, and the CSV export."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.listing import service as listing_service
from peterental.appointments.listing.model import LAST_PAGE, PAGE_SIZE, Filter, Sort
from peterental.appointments.model import Status
from peterental.database.pool import Database
from peterental.services import Services
from peterental.web.appointments.csv_export import COLUMNS, _to_csv, escape_formula
from peterental.web.appointments.list_filter import SORTS, STATUSES, parse_list_query

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)


def rows(page: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.data.decode("utf-8-sig"), newline="")))


def test_every_status_and_order_has_a_label() -> None:
    assert set(STATUSES) == set(get_args(Status))
    assert set(SORTS) == set(get_args(Sort))


def test_list_query_round_trips() -> None:
    address = {
        "q": "elm",
        "agent": "ana",
        "status": "no_show",
        "from": "2026-11-01",
        "to": "2026-11-30",
        "home": "unknown",
        "sort": "name",
    }
    query = parse_list_query({**address, "page": "7"})
    assert query.url_params() == address
    assert (query.page, query.warnings) == (7, ())
    assert query.url_params(q=None, status=None) == {n: v for n, v in address.items() if n not in {"q", "status"}}
    assert parse_list_query({"q": " \x00 ", "status": "", "from": "", "sort": "", "page": ""}).wanted == Filter()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"status": "gone"}, "There is no status “gone”"),
        ({"sort": "price"}, "There is no order “price”"),
        ({"from": "30.11.2026"}, "“30.11.2026” is not a valid date"),
        ({"to": "0001-01-01"}, "“0001-01-01” is not a valid date"),
        ({"from": "2026-11-30", "to": "2026-11-01"}, "The last day was ignored"),
        ({"page": "0"}, "There is no page “0”"),
        ({"page": str(LAST_PAGE + 1)}, f"the last possible page is {LAST_PAGE}."),
        ({"page": "9" * 30}, "There is no page"),
        ({"page": "٣"}, "There is no page"),
        ({"q": "x" * 101}, "The search text is too long"),
        ({"q": "a b c d e f g"}, "“a b c d e f” was searched."),
        ({"agent": "unknown"}, "There is no agent “unknown”"),
        ({"agent": "\x00ana-lima"}, None),
    ],
)
@pytest.mark.usefixtures("agents")
def test_invalid_param_is_ignored_with_warning(
    office: Browser, book: Callable[..., int], address: dict[str, str], expected: str | None
) -> None:
    book("ana-lima", NOW + timedelta(days=1), attendee_name="x" * 101 + " a b c d e f")
    page = office.get(f"/appointments?{urlencode(address)}")
    assert page.status_code == 200
    if expected is None:
        assert "There is no" not in page.text
    else:
        assert expected in unescape(page.text)
    assert "12 Elm Street" in page.text or address.keys() & {"from", "to"}


@pytest.mark.usefixtures("agents")
def test_filters_can_be_removed_one_by_one(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", NOW + timedelta(days=1), property_address="1 Oak", status="cancelled")
    book("ben", NOW + timedelta(days=1), property_address="2 Oak")
    text = office.get("/appointments?q=oak&status=cancelled&agent=ana-lima&from=2020-01-01").text
    assert "1 Oak" in text
    assert "2 Oak" not in text
    assert '<option value="ana-lima" selected>' in text
    assert '<option value="cancelled" selected>' in text
    assert 'href="/appointments?q=oak&amp;agent=ana-lima&amp;from=2020-01-01"' in text, "without the status"
    assert 'href="/appointments.csv?q=oak&amp;agent=ana-lima&amp;status=cancelled&amp;from=2020-01-01"' in text
    assert 'href="/appointments">Clear all</a>' in text


@pytest.mark.usefixtures("agents")
def test_no_match_links_to_all_viewings(office: Browser, book: Callable[..., int]) -> None:
    assert "No viewings yet" in office.get("/appointments").text
    book("ana-lima", NOW + timedelta(days=1))
    text = office.get("/appointments?q=unknown").text
    assert "No viewings found" in text
    assert "Every word must occur" in text
    assert 'href="/appointments">Show all appointments</a>' in text


@pytest.mark.usefixtures("agents")
def test_short_search_text_shows_a_note(office: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", NOW + timedelta(days=1))
    assert "closest to today were searched" in office.get("/appointments?q=12").text
    assert "closest to today" not in office.get("/appointments?q=elm").text


@pytest.mark.parametrize("sort", ["booked", "name"])
@pytest.mark.usefixtures("agents")
def test_other_orders_show_the_day_in_each_row(office: Browser, book: Callable[..., int], sort: str) -> None:
    start = NOW.replace(year=NOW.year - 1, month=5, day=6, hour=15)
    book("ana-lima", start)
    assert f"{start:%a}, May 6, {start.year}" in office.get(f"/appointments?sort={sort}").text


@pytest.mark.usefixtures("agents")
def test_latest_first_separates_upcoming_and_past(office: Browser, book: Callable[..., int]) -> None:
    now = datetime.now(UTC)  # not when the file was imported: midnight may have passed since
    book("ana-lima", now - timedelta(days=1))
    book("ana-lima", now + timedelta(days=1))
    text = office.get("/appointments?sort=latest").text
    assert text.index("Upcoming") < text.index("Tomorrow") < text.index(">Past</h2>") < text.index("Yesterday")


@pytest.mark.usefixtures("agents")
def test_filter_stays_while_paging(
    office: Browser, services: Services, admin: Viewer, book: Callable[..., int], statements: list[str]
) -> None:
    for number in range(110):
        services.agents.create(Profile(agent_name=f"Agent {number} " + "of a long name " * 3), admin)
    for hour in range(PAGE_SIZE + 1):
        book(
            "ana-lima",
            NOW + timedelta(days=1, hours=hour),
            property_address="1420 North Elm Street, Apt 12, Norman, OK",
        )
    statements.clear()
    page = office.get("/appointments?q=elm&status=confirmed&agent=ana-lima")
    assert len(statements) == 3, "the sign-in check, and two"
    assert 'href="/appointments?page=2&amp;q=elm&amp;agent=ana-lima&amp;status=confirmed"' in page.text
    assert "Only 100 agents are listed here" in page.text
    assert len(page.data) < 60_000


@pytest.mark.usefixtures("agents")
def test_last_page_explains_that_there_is_more(office: Browser, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, overlap_allowed)
        SELECT 'ana-lima', 'x', NOW() + n * INTERVAL '1 hour', NOW() + (n + 1) * INTERVAL '1 hour', 'y', TRUE
        FROM generate_series(1, %s) n
        """,
        [LAST_PAGE * PAGE_SIZE + 1],
    )
    text = office.get(f"/appointments?page={LAST_PAGE}").text
    assert "the pages end after 5,000" in text
    assert "Next →" not in text
    assert "closest to today" in office.get("/appointments?sort=name").text


@pytest.mark.usefixtures("agents")
def test_csv_has_every_filtered_row(office: Browser, book: Callable[..., int]) -> None:
    start = datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    number = book(
        "ben",
        start,
        attendee_name='Zoë, "Z"\nLi',
        attendee_email="z@example.com",
        attendee_phone="312 555 0199",
        caller_number="+13125550100",
        vapi_call_id="call-1",
        created_at=start - timedelta(days=30 * 6),
    )
    for hour in range(PAGE_SIZE + 1):
        book("ana-lima", start + timedelta(hours=hour + 1), status="completed")
    page = office.get("/appointments.csv")
    assert page.data.startswith(b"\xef\xbb\xbfNumber,Agent,")
    assert page.content_type == "text/csv; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Content-Disposition"] == 'attachment; filename="appointments-all.csv"'
    found = rows(page)
    assert len(found) == PAGE_SIZE + 2
    assert found[0] == dict(
        zip(
            COLUMNS,
            (
                str(number), "Ben", "ben", "2026-07-01T17:00:00+01:00", "2026-07-01T17:30:00+01:00", "Europe/Lisbon",
                "confirmed", "12 Elm Street", 'Zoë, "Z"\nLi', "z@example.com", "312 555 0199", "'+13125550100",
                "2026-01-02T16:00:00+00:00", "phone", "call-1", "no",
            ),
            strict=True,
        )
    )  # fmt: skip
    assert [row["Number"] for row in rows(office.get("/appointments.csv?status=confirmed&page=9&sort=name"))] == [
        str(number)
    ]
    assert rows(office.get("/appointments.csv?q=nothing+like+it")) == []


@pytest.mark.usefixtures("agents")
def test_booked_by_comes_from_the_history(office: Browser, book: Callable[..., int], database: Database) -> None:
    recorded = [("", "phone"), (None, "phone"), ("call-1", "phone"), ("call-2", "ana@example.com"), (None, "x@y.com")]
    for hour, (call_id, actor) in enumerate(recorded):
        number = book("ben", NOW + timedelta(hours=hour), vapi_call_id=call_id)
        for kind, by in (("booked", actor), ("moved", "office@example.com")):
            database.fetch(
                "INSERT INTO appointment_events (appointment_id, kind, actor) VALUES (%s, %s, %s)", [number, kind, by]
            )
    # Viewings older than the history have only the call id, which is empty for a manual booking (migration 001).
    for hour, call_id in enumerate(("call-3", None), start=len(recorded)):
        book("ben", NOW + timedelta(hours=hour), vapi_call_id=call_id)
    expected = [row["Booked by"] for row in rows(office.get("/appointments.csv"))]
    assert expected == ["phone", "phone", "phone", "manual", "manual", "phone", "manual"]
    pages = [office.get(f"/appointments/{row['Number']}").text for row in rows(office.get("/appointments.csv"))]
    assert ["<dd>by phone" in page for page in pages] == [one == "phone" for one in expected]
    assert ["<dd>manually" in page for page in pages] == [one == "manual" for one in expected]


@pytest.mark.usefixtures("agents")
def test_csv_with_semicolons_has_the_same_cells(office: Browser, book: Callable[..., int]) -> None:
    book("ben", NOW, attendee_name='Zoë; "Z", =1+1', property_address="=9;Elm")
    shown = unescape(office.get("/appointments?status=confirmed").text)
    assert 'href="/appointments.csv?separator=semicolon&status=confirmed"' in shown
    page = office.get("/appointments.csv?separator=semicolon&status=confirmed")
    text = page.data.decode("utf-8-sig")
    assert text.startswith("Number;Agent;")
    assert list(csv.DictReader(text.splitlines(), delimiter=";")) == rows(office.get("/appointments.csv"))
    assert office.get("/appointments.csv?separator=tab").data.decode("utf-8-sig").startswith("Number,Agent,")


@pytest.mark.usefixtures("agents")
def test_csv_has_own_viewings_only(anas: Browser, book: Callable[..., int]) -> None:
    book("ana-lima", NOW, attendee_name="Hers")
    book("ben", NOW, attendee_name="Secret")
    assert [row["Visitor"] for row in rows(anas.get("/appointments.csv"))] == ["Hers"]
    assert [row["Visitor"] for row in rows(anas.get("/appointments.csv?agent=ben"))] == ["Hers"]


@pytest.mark.usefixtures("agents")
def test_csv_has_one_header_for_all_batches(
    office: Browser, book: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_service, "BATCH_SIZE", 2)
    numbers = [book("ben", NOW + timedelta(days=1, hours=hour)) for hour in range(5)]
    page = office.get("/appointments.csv")
    assert [row["Number"] for row in rows(page)] == [str(number) for number in numbers]
    assert page.data.count(b"Number,Agent,") == 1


@pytest.mark.usefixtures("agents")
def test_head_request_reads_no_viewings(app_client: Callable[[], TestResponse], statements: list[str]) -> None:
    statements.clear()
    answer = app_client()
    assert answer.status_code == 200
    assert answer.data == b""
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(statements) == 1, "the sign-in check"


@pytest.fixture
def app_client(office: Browser) -> Callable[[], TestResponse]:
    """A function that sends a HEAD request for the CSV export."""
    return lambda: office._client.head("/appointments.csv")


def test_csv_requires_sign_in(stranger: Browser) -> None:
    assert stranger.get("/appointments.csv").status_code == 303


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("  =1", "'  =1"),
        ("12 Elm = home", "12 Elm = home"),
        ("Ann;=1+1", "Ann;'=1+1"),
        ('Ann, "-1', "Ann, \"'-1"),
        ("", ""),
    ],
)
def test_formulas_are_escaped(cell: str, shown: str) -> None:
    assert escape_formula(cell) == shown


@given(
    cells=st.lists(st.text(st.sampled_from("ab =+-@;,\t\"'")), min_size=2, max_size=4), separator=st.sampled_from(",;")
)
def test_no_separator_makes_a_formula(cells: list[str], separator: str) -> None:
    """Excel separates columns by what the computer's region has, whatever the file was made for."""
    text = _to_csv([["7", *cells]], separator)
    for other in ",;\t":
        for row in csv.reader([text], delimiter=other):
            assert not [cell for cell in row if cell.lstrip(" ").startswith(("=", "+", "-", "@"))], text


def test_unknown_homes_are_listed_alone(
    office: Browser, services: Services, admin: Viewer, book: Callable[..., int]
) -> None:
    services.agents.create(Profile(agent_name="Ana Lima"), admin)
    unknown = book("ana-lima", NOW + timedelta(days=1), is_home_unknown=True)
    known = book("ana-lima", NOW + timedelta(days=2))
    page = office.get("/appointments?home=unknown").text
    assert f'href="/appointments/{unknown}"' in page
    assert f'href="/appointments/{known}"' not in page
    assert "<bdi>Unknown home</bdi><span" in page, "the active filter"
    assert '<option value="unknown" selected>' in page
    assert len(rows(office.get("/appointments.csv?home=unknown"))) == 1
    assert "Only homes that are not in the catalogue" in office.get("/audit").text
    ignored = office.get("/appointments?home=elm").text
    assert "There is no filter of homes “elm”. It was ignored." in ignored
    assert f'href="/appointments/{known}"' in ignored
