"""What visitors text is on the pages: with the viewing, with the message, or on the outbox page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.notices.replies.model import IncomingText
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

VISITOR = "+14055550142"
STRANGER = "+14055550199"


@pytest.fixture
def viewing(services: Services, admin: Viewer, database: Database) -> int:
    """A viewing that a caller booked."""
    services.agents.create(Profile(agent_name="Ben"), admin)
    start = datetime.now(UTC) + timedelta(days=4)
    (row,) = database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, caller_number)
        VALUES ('ben', '12 Elm Street', %s, %s, 'Robin Vale', %s)
        RETURNING id
        """,
        (start, start + timedelta(minutes=30), VISITOR),
    )
    return int(row["id"])


def text(services: Services, body: str, sender: str = VISITOR) -> None:
    sid = f"SM{abs(hash((body, sender)))}"
    services.replies.receive(IncomingText(provider_id=sid, sender=sender, receiver="+14055550100", body=body))


def test_a_viewing_shows_its_texts(office: Browser, services: Services, viewing: int) -> None:
    assert "Texts from the visitor" not in office.get(f"/appointments/{viewing}").text
    text(services, "Is there <b>parking</b>?")
    page = " ".join(office.get(f"/appointments/{viewing}").text.split())
    assert '<bdi class="lines">Is there &lt;b&gt;parking&lt;/b&gt;?</bdi><span class="home">Message ·' in page
    text(services, "stop")
    assert "Stopped texts ·" in office.get(f"/appointments/{viewing}").text


def test_a_message_by_text_leads_to_its_viewing(office: Browser, services: Services, viewing: int) -> None:
    text(services, "Is there parking?")
    page = office.get("/messages").text
    assert "Is there parking?" in page
    assert f'by text · <a href="/appointments/{viewing}">Show the viewing<' in page
    assert 'href="tel:+14055550142"' in page
    assert "Show the call" not in page


@pytest.mark.usefixtures("viewing")
def test_texts_of_strangers_are_on_the_outbox_page(office: Browser, services: Services) -> None:
    assert "numbers without a viewing" not in office.get("/outbox").text
    text(services, "Is 12 Elm Street free?", STRANGER)
    page = office.get("/outbox").text
    assert "Texts from numbers without a viewing" in page
    assert "Is 12 Elm Street free?" in page
    assert "(405) 555-0199" in page
    assert "numbers without a viewing" not in office.get("/outbox?channel=text").text


@pytest.mark.usefixtures("viewing")
def test_agents_do_not_see_texts_of_strangers(anas: Browser, services: Services) -> None:
    text(services, "Is 12 Elm Street free?", STRANGER)
    page = anas.get("/outbox")
    assert page.status_code == 200
    assert "Is 12 Elm Street free?" not in page.text
