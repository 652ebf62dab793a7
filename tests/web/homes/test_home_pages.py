"""The pages of homes: list, one home, forms, edit conflicts, retiring, settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Window
from peterental.database.pool import Database
from peterental.properties.model import Property, PropertyDetails, PropertySettings
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

HOSTILE = "<script>alert(1)</script>"
ELM = PropertyDetails(line1="1420 Elm Street", unit="2B", city="Norman", state="OK", zip_code="73069", bedrooms=2)
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
MAX_PAGE_BYTES = 60 * 1024


@pytest.fixture
def elm(services: Services, admin: Viewer) -> int:
    """The number of a home."""
    return services.properties.add(ELM, admin)


def home_of(services: Services, admin: Viewer, property_id: int) -> Property:
    return services.properties.get(property_id, admin)


def fields(page: TestResponse) -> dict[str, str]:
    """Return the values in the text fields of a page's last form."""
    found = re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', page.text)
    return {name: value for name, value in found if name not in {"csrf_token", "q", "shown_by"}}


def test_empty_list_says_what_to_do(office: Browser, anas: Browser) -> None:
    text = office.get("/homes").text
    assert "No homes yet" in text
    assert 'href="/homes/new"' in text
    assert 'href="/homes/import"' in text
    assert "An admin of your office can add them." in anas.get("/homes").text


@pytest.mark.usefixtures("agents")
def test_list_shows_homes_with_facts(office: Browser, services: Services, admin: Viewer, queries: list[str]) -> None:
    home = replace(ELM, bathrooms=1.5, rent=1450, available_on=date(2999, 12, 1), shown_by=frozenset({"ana-lima"}))
    services.properties.add(home, admin)
    services.properties.add(PropertyDetails(line1="9 Ash St", bedrooms=0), admin)
    services.properties.retire(services.properties.add(PropertyDetails(line1="7 Oak St"), admin), admin)
    queries.clear()
    text = office.get("/homes").text
    assert len(queries) == 3  # one is of the sign-in
    assert "1420 Elm Street, Unit 2B" in text
    for fact in ("2 / 1.5", "$1,450", "Dec 1, 2999", "Ana Lima", "Studio", "Every agent"):
        assert fact in text
    assert re.search(r'Homes <span class="count">2</span>', text)
    assert "7 Oak St" not in text


def test_list_is_filtered_and_searched(office: Browser, services: Services, admin: Viewer, elm: int) -> None:
    services.properties.add(PropertyDetails(line1="9 Ash St", bedrooms=5), admin)
    services.properties.retire(elm, admin)
    assert "1420 Elm" in office.get("/homes?status=inactive").text
    assert "Retired" in office.get("/homes?status=all").text
    assert "9 Ash St" in office.get("/homes?bedrooms=4").text
    assert "No homes found" in office.get("/homes?bedrooms=1").text
    assert "No homes found" in office.get("/homes?q=maple").text
    assert "9 Ash St" in office.get("/homes?q=ash+street").text
    assert "There is no status “x”" in office.get("/homes?status=x").text
    assert "This page is empty" in office.get("/homes?page=2").text
    services.properties.retire(2, admin)
    assert "No active homes" in office.get("/homes").text


def test_list_has_pages_of_bounded_size(office: Browser, services: Services, admin: Viewer) -> None:
    for number in range(1, 53):
        services.properties.add(PropertyDetails(line1=f"{number} {'Elm ' * 40}St", city="x" * 80), admin)
    first = office.get("/homes")
    assert first.content_length is not None
    assert first.content_length < MAX_PAGE_BYTES
    assert "page=2" in first.text
    assert "52 Elm" in office.get("/homes?page=2").text


def test_home_is_added(office: Browser, services: Services, admin: Viewer, agents: None) -> None:
    del agents
    page = office.send(
        "/homes/new",
        line1="1420 Elm Street",
        unit="2B",
        city="Norman",
        said_as="The Gables\n\nCorner flat",
        bedrooms="2",
        bathrooms="1.5",
        rent="1450",
        available_on="2026-12-01",
        showing_minutes="45",
        notice_minutes="240",
        monday="9-12, 1-5",
        saturday="10 am to noon",
        shown_by="ana-lima",
        follow=True,
    )
    assert "1420 Elm Street, Unit 2B was added." in page.text
    assert home_of(services, admin, 1).details == PropertyDetails(
        line1="1420 Elm Street",
        unit="2B",
        city="Norman",
        said_as=("The Gables", "Corner flat"),
        bedrooms=2,
        bathrooms=1.5,
        rent=1450,
        available_on=date(2026, 12, 1),
        showing_minutes=45,
        notice_minutes=240,
        windows=((1, Window(540, 720)), (1, Window(780, 1020)), (6, Window(600, 720))),
        shown_by=frozenset({"ana-lima"}),
    )
    for fact in ("Monday 9 am–12 pm, 1 pm–5 pm", "Saturday 10 am–12 pm", "45 min", "4 h", "The Gables", "Ana Lima"):
        assert fact in page.text


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"line1": ""}, "Enter the house number and the street."),
        ({"line1": "TBD"}, "Enter the house number and the street."),
        ({"line1": "1" * 201}, "At most 200 characters."),
        ({"bedrooms": "21"}, "Enter a whole number from 0 to 20."),
        ({"bedrooms": "two"}, "Enter a whole number."),
        ({"bathrooms": "one"}, "Enter a number such as 1 or 1.5."),
        ({"bathrooms": "1.3"}, "Enter a number such as 1 or 1.5."),
        ({"bathrooms": "Infinity"}, "Enter a number such as 1 or 1.5."),
        ({"bathrooms": "NaN"}, "Enter a number such as 1 or 1.5."),
        ({"bathrooms": "99"}, "Bathrooms must be from 0 to 20."),
        ({"rent": "1000001"}, "Enter a whole number from 0 to 1,000,000."),
        ({"available_on": "tomorrow"}, "Enter a date such as 2026-12-24."),
        ({"monday": "late"}, "is not a range of hours"),
        ({"said_as": "\n".join("abcdefghijk")}, "At most 10 other names."),
        ({"said_as": "x" * 81}, "Each name can have at most 80 characters."),
    ],
)
def test_wrong_entries_are_shown_at_the_field(office: Browser, entry: dict[str, str], message: str) -> None:
    page = office.send("/homes/new", {"line1": "9 Ash St", **entry})
    assert page.status_code == 400
    assert message in page.text
    assert "No homes yet" in office.get("/homes").text


def test_same_address_is_refused_with_a_link(office: Browser, elm: int) -> None:
    page = office.send("/homes/new", line1="1420 elm st", unit="Apt 2b")
    assert page.status_code == 400
    assert f'<a href="/homes/{elm}"><bdi>1420 Elm Street, Unit 2B, Norman, OK 73069</bdi></a> is already' in page.text
    assert 'value="1420 elm st"' in page.text


@pytest.mark.usefixtures("agents")
def test_home_is_edited(office: Browser, services: Services, admin: Viewer) -> None:
    home = replace(
        ELM, bathrooms=2, said_as=("The Gables",), windows=((2, Window(540, 1020)),), shown_by=frozenset({"ben"})
    )
    property_id = services.properties.add(home, admin)
    opened = office.get(f"/homes/{property_id}/edit")
    entries = fields(opened)
    assert (entries["bathrooms"], entries["tuesday"]) == ("2", "9 am–5 pm")
    assert re.search(r'value="ben"[^>]*checked|checked[^>]*value="ben"', opened.text)
    entries |= {"said_as": "The Gables", "shown_by": "ben", "rent": "1500", "tuesday": ""}
    page = office.send(f"/homes/{property_id}/edit", entries, follow=True)
    assert "was saved" in page.text
    assert home_of(services, admin, property_id).details == replace(home, rent=1500, windows=())


@pytest.mark.usefixtures("agents")
def test_edit_conflict_shows_what_was_saved(office: Browser, services: Services, admin: Viewer, elm: int) -> None:
    entries = fields(office.get(f"/homes/{elm}/edit"))
    changed = replace(
        ELM,
        rent=1500,
        bathrooms=1.5,
        said_as=("The Gables",),
        windows=((1, Window(540, 720)),),
        shown_by=frozenset({"ben"}),
    )
    services.properties.change(elm, changed, admin)
    page = office.send(f"/homes/{elm}/edit", {**entries, "rent": "1600"})
    assert page.status_code == 400
    assert "changed 1420 Elm Street, Unit 2B at" in page.text
    for words in ("1500", "1.5", "The Gables", "09:00–12:00", "Ben"):
        assert f"Now saved by office@example.com: {words}." in page.text
    assert 'value="1600"' in page.text
    assert home_of(services, admin, elm).rent == 1500
    again = {**fields(page), "rent": "1600"}
    assert office.send(f"/homes/{elm}/edit", again).status_code == 303
    assert home_of(services, admin, elm).rent == 1600


def test_agents_who_are_not_offered_keep_showing_a_home(
    office: Browser, services: Services, admin: Viewer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent_id in ("ana", "ben"):
        database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)", (agent_id, agent_id.title()))
    property_id = services.properties.add(replace(ELM, shown_by=frozenset({"ana", "ben"})), admin)
    monkeypatch.setattr("peterental.agents.service.MAX_CHOICES", 1)
    entries = fields(office.get(f"/homes/{property_id}/edit"))
    office.send(f"/homes/{property_id}/edit", entries)
    assert home_of(services, admin, property_id).shown_by == {"ben"}
    assert "1 agent" in office.get(f"/homes/{property_id}").text


@pytest.mark.usefixtures("agents")
def test_home_shows_viewings_and_words(office: Browser, anas: Browser, elm: int, book: Callable[..., int]) -> None:
    book("ana-lima", SOON, property_id=elm, property_address="the one on Elm")
    book("ben", SOON, property_id=elm, property_address="fourteen twenty Elm", attendee_name="Mia Castellanos")
    book("ben", SOON - timedelta(days=9), property_id=elm, property_address="fourteen twenty Elm")
    book("ben", SOON + timedelta(days=1), property_id=elm, status="cancelled", property_address="Elm?")
    text = office.get(f"/homes/{elm}").text
    assert len(re.findall(r'href="/appointments/\d', text)) == 2
    assert '“<bdi>fourteen twenty Elm</bdi>” <span class="home">2 viewings</span>' in text
    assert "Mia Castellanos" in text
    own = anas.get(f"/homes/{elm}").text
    assert "the one on Elm" in own
    assert "fourteen twenty" not in own
    assert "Castellanos" not in own
    for hour in range(10):
        book("ana-lima", SOON + timedelta(hours=1 + hour), property_id=elm)
    assert "and more" in office.get(f"/homes/{elm}").text
    assert "11 or more upcoming" not in office.get(f"/homes/{elm}/retire").text
    assert "10 or more upcoming viewings stay booked" in office.get(f"/homes/{elm}/retire").text


def test_page_of_a_home_runs_four_queries(office: Browser, elm: int, queries: list[str]) -> None:
    queries.clear()
    assert office.get(f"/homes/{elm}").status_code == 200
    assert len(queries) == 5  # one is of the sign-in


def test_home_is_retired_and_restored(office: Browser, services: Services, admin: Viewer, elm: int) -> None:
    assert "No upcoming viewings are affected." in office.get(f"/homes/{elm}/retire").text
    text = office.send(f"/homes/{elm}/retire", follow=True).text
    assert "was retired" in text
    assert "retired this home" in text
    twin = services.properties.add(ELM, admin)
    text = office.send(f"/homes/{elm}/restore", at=f"/homes/{elm}", follow=True).text
    assert "is already in the list of homes. Retire that one first." in text
    services.properties.retire(twin, admin)
    assert "is offered again" in office.send(f"/homes/{elm}/restore", at=f"/homes/{elm}", follow=True).text
    assert home_of(services, admin, elm).is_active


def test_agents_users_see_and_do_not_change(anas: Browser, elm: int) -> None:
    text = anas.get(f"/homes/{elm}").text
    assert "1420 Elm Street" in text
    assert "Edit" not in text
    assert "1420 Elm Street" in anas.get("/homes").text
    for path in ("/homes/new", f"/homes/{elm}/edit", f"/homes/{elm}/retire", "/homes/settings", "/homes/import"):
        assert anas.get(path).status_code == 403
    token = anas.token("/account")
    assert anas.post(f"/homes/{elm}/restore", csrf_token=token).status_code == 403
    assert anas.post(f"/homes/{elm}/retire", csrf_token=token).status_code == 403


def test_unknown_home_is_not_found(office: Browser) -> None:
    for path in ("/homes/7", "/homes/7/edit", "/homes/7/retire", f"/homes/{2**70}"):
        assert office.get(path).status_code == 404


def test_settings_are_changed(office: Browser, services: Services) -> None:
    page = office.send("/homes/settings", one_viewing_at_a_time="y", follow=True)
    assert "The settings were saved." in page.text
    assert services.properties.settings().one_viewing_at_a_time
    assert "checked" in office.get("/homes/settings").text
    office.send("/homes/settings")
    assert not services.properties.settings().one_viewing_at_a_time


def test_page_says_that_a_job_collects_many_viewings(
    office: Browser, services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peterental.properties.service.COLLECTED_AT_ONCE", 1)
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('eve', 'Eve')")
    database.fetch("INSERT INTO properties (line1) VALUES ('1 Elm')")
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_id, property_address, attendee_name, start_time, end_time)
        SELECT 'eve', property_id, 'x', 'y', NOW() + n * INTERVAL '1 hour', NOW() + n * INTERVAL '1 hour 10 minutes'
        FROM properties CROSS JOIN generate_series(1, 2) AS n
        """
    )
    page = office.send("/homes/settings", one_viewing_at_a_time="y", follow=True).text
    assert "The settings were saved." in page
    assert "upcoming viewings are being collected in the background" in page
    assert "checked" in page
    assert services.properties.collect_viewings()
    page = office.get("/homes/settings").text
    assert "being collected" not in page
    assert "checked" in page


def test_settings_that_another_admin_saved_are_not_undone(office: Browser, services: Services, admin: Viewer) -> None:
    assert 'name="seen" type="hidden" value="off"' in office.get("/homes/settings").text
    services.properties.change_settings(PropertySettings(one_viewing_at_a_time=True), admin)
    page = office.send("/homes/settings", seen="off")
    assert page.status_code == 400
    assert "Another admin changed the settings after you opened this page." in page.text
    assert "checked" in page.text
    assert 'name="seen" type="hidden" value="on"' in page.text
    assert services.properties.settings().one_viewing_at_a_time
    assert office.send("/homes/settings", seen="off", one_viewing_at_a_time="y").status_code == 303, "they agree"
    assert office.send("/homes/settings", seen="on").status_code == 303
    assert not services.properties.settings().one_viewing_at_a_time


def test_names_are_text(office: Browser, services: Services, admin: Viewer) -> None:
    property_id = services.properties.add(
        PropertyDetails(line1=f"1 {HOSTILE}", unit=HOSTILE[:40], city=HOSTILE, said_as=(HOSTILE,)), admin
    )
    for path in ("/homes", f"/homes/{property_id}", f"/homes/{property_id}/edit", f"/homes/{property_id}/retire"):
        assert HOSTILE not in office.get(path).text


def test_audit_log_leads_to_the_home(office: Browser, services: Services, admin: Viewer, elm: int) -> None:
    services.properties.change(elm, replace(ELM, rent=1500), admin)
    office.send("/homes/settings", one_viewing_at_a_time="y")
    text = office.get("/audit?kind=home").text
    assert f'<a href="/homes/{elm}">' in text
    assert "<dt>Rent</dt>" in text
    assert "how homes are shown" in text


def test_home_of_a_form_that_was_sent_twice_is_added_once(office: Browser, services: Services, admin: Viewer) -> None:
    form = {"line1": " 9 Ash  Street", "bedrooms": "2", "said_as": "the yellow one", "monday": "9-12"}
    first, second = (office.send("/homes/new", form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert "9 Ash Street" in office.get("/homes").text
    other = office.send("/homes/new", {**form, "bedrooms": "3"})
    assert other.status_code == 400
    assert "is already in the list of homes" in other.text
    assert services.properties.get(int(first.headers["Location"].rpartition("/")[2]), admin).bedrooms == 2
