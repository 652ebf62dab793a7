"""The pages of an import: upload, columns, preview, confirm; roles, limits and hostile files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.properties.importing.model import MAX_COLUMNS, MAX_FILE_BYTES
from peterental.properties.model import PropertyDetails, PropertyFilter
from peterental.services import Services
from peterental.web.homes.import_pages import MAX_UPLOAD_BYTES, SHOWN
from peterental.web.shell.access_control import MAX_FORM_BYTES

if TYPE_CHECKING:
    from tests.web.conftest import Browser

HEADER = "Id,Street,Unit,Rent\n"
FOUR = f"{HEADER}A,1420 Elm St,2B,1450\nB,9 Ash St,,900\nC,7 Oak St,,800\nD,5 Fir St,,700\n"
CHOSEN = {"column-0": "source_id", "column-1": "line1", "column-2": "unit", "column-3": "rent"}
HOTPADS = "<hotPadsItems><Listing id='1'><street>9 Ash St</street><price>900</price></Listing></hotPadsItems>"
MAX_PAGE_BYTES = 60 * 1024


def upload(browser: Browser, content: str | bytes, source: str = "AppFolio", *, follow: bool = False) -> TestResponse:
    """Send a file in the form of the import page."""
    data = content.encode() if isinstance(content, str) else content
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("csrf_token", browser.token("/homes/import")), ("source", source))
    ]
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="homes.csv"\r\n\r\n'
    return browser._client.post(
        "/homes/import",
        data="".join([*parts, head]).encode() + data + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        follow_redirects=follow,
    )


def preview(browser: Browser, content: str) -> tuple[str, TestResponse]:
    """Upload a file and choose its columns; return the address of the preview, and the preview."""
    columns = upload(browser, content).location
    path = browser.send(columns, CHOSEN).location
    return path, browser.get(path)


def confirm(browser: Browser, path: str, **more: str) -> TestResponse:
    digest = re.search(r'name="digest"[^>]*value="(\w+)"', browser.get(path).text)
    assert digest
    return browser.send(path, {"digest": digest[1], **more}, follow=True)


def active(services: Services, admin: Viewer) -> list[str]:
    return [home.label for home in services.properties.list_page(admin, PropertyFilter()).homes]


def test_list_is_imported(office: Browser, services: Services, admin: Viewer) -> None:
    page = upload(office, FOUR, follow=True)
    assert "4 rows" in page.text
    assert "1420 Elm St · 9 Ash St · 7 Oak St" in page.text
    assert re.findall(r'value="(\w+)" selected', page.text) == ["source_id", "line1", "unit", "rent"]
    path, shown = preview(office, FOUR)
    assert "Import: 4 added." in shown.text
    assert active(services, admin) == []
    page = confirm(office, path)
    assert "The list was imported: 4 added." in page.text
    assert len(active(services, admin)) == 4
    assert "4 active homes" in office.get("/homes/import").text
    assert office.get(path).status_code == 404


def test_preview_shows_changes_before_and_after(office: Browser, services: Services, admin: Viewer) -> None:
    confirm(office, preview(office, FOUR)[0])
    services.properties.add(PropertyDetails(line1="1 Yew St"), admin)
    path, shown = preview(office, f"{HEADER}A,1420 Elm St,2B,1500\nB,9 Ash St,,call\nC,7 Oak St,,800\nE,1 Yew St,,1\n")
    assert "Rent: <del><bdi>1450</bdi></del>" in shown.text
    assert "<ins><bdi>1500</bdi></ins>" in shown.text
    assert "Line 3, <bdi>9 Ash St</bdi>: Rent: “call” is not a rent in dollars." in shown.text
    assert 'Line 5, <bdi>1 Yew St</bdi>: 1 Yew St is already in the list. <a href="/homes/5">' in shown.text
    assert "1 changed, 1 now inactive, 2 rows left out" in shown.text
    confirm(office, path)
    path, shown = preview(office, FOUR)
    assert "Active again" in shown.text
    confirm(office, path)
    assert len(active(services, admin)) == 5
    services.properties.retire(4, admin)
    assert "Stay retired" in preview(office, FOUR)[1].text


def test_feed_that_shrinks_is_stopped_until_its_box_is_ticked(
    office: Browser, services: Services, admin: Viewer
) -> None:
    confirm(office, preview(office, FOUR)[0])
    path, shown = preview(office, f"{HEADER}A,1420 Elm St,2B,1450\n")
    assert "The file lacks 3 of the 4 active homes" in shown.text
    refused = confirm(office, path)
    assert refused.status_code == 400
    assert "Confirm that they are to become inactive" in refused.text
    assert len(active(services, admin)) == 4
    assert "3 now inactive" in confirm(office, path, accepts_shrinking="y").text
    assert active(services, admin) == ["1420 Elm St, Unit 2B"]


def test_stale_preview_shows_a_new_one(office: Browser, services: Services, admin: Viewer) -> None:
    path, shown = preview(office, FOUR)
    digest = re.search(r'name="digest"[^>]*value="(\w+)"', shown.text)
    assert digest
    services.properties.add(PropertyDetails(line1="9 Ash St"), admin)
    page = office.send(path, digest=digest[1])
    assert page.status_code == 400
    assert "The list of homes changed after this preview was made" in page.text
    assert "3 added, 1 row left out" in page.text
    assert active(services, admin) == ["9 Ash St"]
    assert "3 added" in confirm(office, path).text


def test_second_click_says_that_the_import_is_finished(office: Browser, services: Services, admin: Viewer) -> None:
    path, shown = preview(office, FOUR)
    digest = re.search(r'name="digest"[^>]*value="(\w+)"', shown.text)
    assert digest
    sent = {"digest": digest[1], "csrf_token": office.token(path)}
    assert office.post(path, sent).status_code == 303
    assert "it was finished" in office.post(path, sent, follow=True).text
    assert len(active(services, admin)) == 4


def test_nothing_to_import_has_no_button(office: Browser) -> None:
    confirm(office, preview(office, FOUR)[0])
    shown = preview(office, FOUR)[1].text
    assert "There is nothing to import: no home changed." in shown
    assert ">Import</button>" not in shown


def test_hotpads_leads_to_the_preview(office: Browser, services: Services, admin: Viewer) -> None:
    page = upload(office, HOTPADS, "HotPads", follow=True)
    assert "Import: 1 added." in page.text
    confirm(office, page.request.path)
    assert active(services, admin) == ["9 Ash St"]


def test_preview_without_columns_leads_to_them(office: Browser) -> None:
    columns = upload(office, "foo,bar\n1,9 Ash St\n").location
    path = columns.removesuffix("/columns")
    assert office.get(path).location == columns
    refused = office.send(columns, {"column-0": "source_id", "column-1": "nonsense"})
    assert refused.status_code == 400
    assert "Choose which column has the street" in refused.text
    twice = office.send(columns, {"column-0": "line1", "column-1": "line1"})
    assert "Two columns are marked as “Street”" in twice.text
    assert twice.text.count('value="line1" selected') == 2


def test_duplicate_ids_are_refused_with_their_lines(office: Browser) -> None:
    columns = upload(office, f"{HEADER}A,1 Elm St,,1\nB,2 Elm St,,1\nA,3 Elm St,,1\n").location
    refused = office.send(columns, CHOSEN)
    assert refused.status_code == 400
    assert "Lines 2 and 4 have the id “A” both." in refused.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"Id,Street\n1,9\x00Ash", "NUL bytes"),
        (b"Id,Street", "there is no row below"),
        (b"PK\x03\x04", "Excel workbook"),
        (b",".join(b"c%d" % at for at in range(100_000)) + b"\n1", "100,000 columns"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type declaration"),
        (b"Id,Street\n" + b"x" * MAX_FILE_BYTES, "larger than 2 MB"),
    ],
    ids=["empty", "nul", "one-line", "excel", "wide", "entities", "large"],
)
def test_hostile_file_is_refused_at_its_field(
    office: Browser, database: Database, content: bytes, message: str
) -> None:
    page = upload(office, content)
    assert page.status_code == 400
    error = re.search(r'id="file-error">([^<]*)<', page.text)
    assert error
    assert message in error[1]
    assert database.fetch("SELECT COUNT(*) AS files FROM property_imports") == [{"files": 0}]


def test_file_and_source_are_required(office: Browser) -> None:
    page = office.send("/homes/import")
    assert "Enter where the file comes from." in page.text
    assert "Choose a file." in page.text
    assert "Enter the name of the system" in upload(office, FOUR, "manual").text


def test_only_the_upload_may_be_large(office: Browser) -> None:
    assert upload(office, b"x" * (MAX_UPLOAD_BYTES + 1)).status_code == 413
    large = {"line1": "x" * (MAX_FORM_BYTES + 1)}
    assert office.send("/homes/new", large).status_code == 413


def test_discarded_file_is_gone(office: Browser, database: Database) -> None:
    path, _ = preview(office, FOUR)
    page = office.send(f"{path}/discard", at=path, follow=True)
    assert "Nothing was changed." in page.text
    assert office.get(path).status_code == 404
    assert database.fetch("SELECT COUNT(*) AS files FROM property_imports") == [{"files": 0}]


def test_users_see_no_import(office: Browser, anas: Browser) -> None:
    path, _ = preview(office, FOUR)
    token = anas.token("/account")
    for get in ("/homes/import", path, f"{path}/columns"):
        assert anas.get(get).status_code == 403
    for post in ("/homes/import", path, f"{path}/columns", f"{path}/discard"):
        assert anas.post(post, csrf_token=token).status_code == 403
    assert office.get(path).status_code == 200


def test_expired_form_changes_nothing(office: Browser, services: Services, admin: Viewer) -> None:
    path, _ = preview(office, FOUR)
    page = office.post(path, csrf_token="old")
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert active(services, admin) == []


def test_pages_are_of_bounded_size(office: Browser) -> None:
    names = ["Id", "Street", *(f"{'c' * 40}{at}" for at in range(MAX_COLUMNS - 2))]
    rows = [
        ",".join([str(line), f"{line} {'Elm' * 20} St", *(["v" * 40 + str(line)] * (MAX_COLUMNS - 2))])
        for line in (1, 2, 3)
    ]
    wide = office.get(upload(office, "\n".join([",".join(names), *rows])).location)
    assert len(wide.data) < MAX_PAGE_BYTES
    many = HEADER + "".join(f"{at},{at} {'Elm' * 20} St,{'&' * 40},{at % 9 or 'x'}\n" for at in range(1, 1001))
    shown = preview(office, many)[1]
    assert len(shown.data) < MAX_PAGE_BYTES
    assert f"and {1000 - 111 - SHOWN} more" in shown.text
    assert f"and {111 - SHOWN} more" in shown.text


def test_cells_are_text(office: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    columns = upload(office, f"Id,Street,{hostile}\n1,9 {hostile} St,{hostile}\n2,,{hostile}\n").location
    assert hostile not in office.get(columns).text
    path = office.send(columns, {"column-0": "source_id", "column-1": "line1", "column-2": "rent"}).location
    assert hostile not in office.get(path).text


def test_pages_run_few_queries(office: Browser, queries: list[str]) -> None:
    path, _ = preview(office, FOUR)
    for page, own in ((path, 2), (f"{path}/columns", 2), ("/homes/import", 1), ("/homes/settings", 1)):
        queries.clear()
        assert office.get(page).status_code == 200
        assert len(queries) == own + 1, page


def test_restored_home_is_named_in_the_preview(office: Browser, services: Services, admin: Viewer) -> None:
    one = f"{HEADER}A,1420 Elm St,,1450\n"
    both = f"{one}B,9 Ash St,,900\n"
    confirm(office, preview(office, both)[0])
    confirm(office, preview(office, one)[0])
    (home,) = services.properties.list_page(admin, PropertyFilter(status="inactive")).homes
    shown = f"/homes/{home.property_id}"
    office.send(f"{shown}/restore", at=shown)
    assert "A person restored this home." in office.get(shown).text
    path, page = preview(office, one.replace("1450", "1460"))
    assert "Stay, because a person restored them" in page.text
    assert "1 changed, 1 kept although the list lacks it." in page.text
    confirm(office, path)
    assert active(services, admin) == ["9 Ash St", "1420 Elm St"]
    path, page = preview(office, both.replace("1450", "1460"))
    assert "Listed again" in page.text
    confirm(office, path)
    assert "A person restored this home." not in office.get(shown).text
    assert "Kept, because a person restored them" in office.get("/audit").text


@pytest.mark.parametrize(
    ("file", "columns", "shows_id"),
    [
        ("Id,Street\nA7,9 Ash St\n", ("source_id", "line1"), True),
        ("Street,Rent\n9 Ash St,900\n", ("line1", "rent"), False),
    ],
)
def test_id_of_the_file_is_shown_where_it_has_one(
    office: Browser, services: Services, admin: Viewer, file: str, columns: tuple[str, ...], *, shows_id: bool
) -> None:
    chosen = {f"column-{at}": field for at, field in enumerate(columns)}
    confirm(office, office.send(upload(office, file).location, chosen).location)
    (home,) = services.properties.list_page(admin, PropertyFilter()).homes
    page = office.get(f"/homes/{home.property_id}").text
    assert (", id <bdi>" in page) is shows_id
