"""A viewing that is booked after a call or a message: the form has what was said already."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from peterental import demo
from peterental.agents.model import Profile
from peterental.properties.model import PropertyDetails
from peterental.voice.tool_registry import ARGUMENT_LABELS

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.database.pool import Database
    from peterental.services import Services
    from tests.web.conftest import Browser

CALL = "demo-nora-castillo-other-2"
"""A caller who agreed, and for whom nothing was booked."""


@pytest.fixture(autouse=True)
def calls(services: Services, database: Database) -> None:
    """The calls and messages of the demo."""
    demo.load_if_empty(services, database)


def fields(page: str) -> dict[str, str]:
    """Return the fields of a page with their values."""
    return {
        name[1]: unescape(value[1])
        for found in re.findall(r"<input[^>]*>", page)
        if (name := re.search(r'name="([^"]*)"', found)) and (value := re.search(r'value="([^"]*)"', found))
    }


def test_open_call_leads_to_a_booking_with_what_was_said(office: Browser) -> None:
    (link,) = re.findall(r'href="(/appointments/new[^"]*)"', office.get(f"/calls/{CALL}").text)
    assert unescape(link) == f"/appointments/new?agent=nora-castillo&call={CALL}", "it names no person"
    page = office.get(unescape(link)).text
    assert (
        fields(page).items()
        >= {
            "attendee_name": "Marta Blum",
            "property_address": "1420 Elm Street, Norman",
            "attendee_phone": "+15550163022",
        }.items()
    )
    assert '<option selected value="nora-castillo">' in page


def test_calls_of_the_demo_have_the_arguments_of_tools(database: Database) -> None:
    found = {name for row in database.fetch("SELECT arguments FROM tool_calls") for name in row["arguments"]}
    assert found
    assert found <= ARGUMENT_LABELS.keys()


def test_message_leads_to_a_booking_with_its_sender(office: Browser, database: Database) -> None:
    (row,) = database.fetch(
        """
        INSERT INTO messages (agent_id, body, attendee_name, caller_number)
        VALUES ('nora-castillo', 'May I come?', 'Zoë <b>', '+14055550123') RETURNING message_id
        """
    )
    link = f"/appointments/new?agent=nora-castillo&message={row['message_id']}"
    assert link in unescape(office.get(f"/messages/{row['message_id']}").text)
    shown = fields(office.get(link).text)
    assert (shown["attendee_name"], shown["attendee_phone"]) == ("Zoë <b>", "+14055550123")
    assert fields(office.get(f"{link}&attendee_name=Ana").text)["attendee_name"] == "Ana", "the address comes first"


@pytest.mark.parametrize(
    "query", ["call=unknown", f"call={CALL}", "message=1", "message=99999999999999999999", "message=x"]
)
def test_what_a_user_may_not_see_fills_in_nothing(
    anas: Browser, ana: Viewer, services: Services, admin: Viewer, query: str
) -> None:
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id), admin)
    answer = anas.get(f"/appointments/new?{query}")
    assert answer.status_code == 200
    assert not {"attendee_name", "attendee_phone", "property_address"} & {
        name for name, value in fields(answer.text).items() if value
    }


def test_booked_call_offers_no_second_booking(office: Browser, database: Database) -> None:
    (row,) = database.fetch("SELECT vapi_call_id FROM calls WHERE 'booked' = ANY (outcomes) LIMIT 1")
    assert "/appointments/new" not in office.get(f"/calls/{row['vapi_call_id']}").text


def test_home_leads_to_a_booking_of_it(office: Browser, services: Services, admin: Viewer) -> None:
    details = PropertyDetails(line1="1420 Elm & <b> Street", shown_by=frozenset({"nora-castillo"}))
    home = services.properties.add(details, admin)
    twins = [services.properties.add(PropertyDetails(line1="7 Oak Ave", city=city), admin) for city in ("Ada", "Enid")]
    (link,) = re.findall(r'href="(/appointments/new[^"]*)"', office.get(f"/homes/{home}").text)
    page = office.get(unescape(link)).text
    assert fields(page)["property_address"] == "1420 Elm & <b> Street"
    assert '<option selected value="nora-castillo">' in page
    for number in twins:
        (link,) = re.findall(r'href="(/appointments/new[^"]*)"', office.get(f"/homes/{number}").text)
        page = office.get(unescape(link)).text
        assert fields(page)["property_address"] == f"7 Oak Ave (home {number})", "the form tells twins apart"
        assert '<option selected value="">' in page or "selected" not in page
    services.properties.retire(home, admin)
    assert "/appointments/new" not in office.get(f"/homes/{home}").text
    for odd in (home, "x", "9" * 30, ""):
        assert fields(office.get(f"/appointments/new?home={odd}").text)["property_address"] == ""
