"""The page on which an admin chooses the agents of a line, and the pages that say who shares one."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.services import Services
from tests.web.agents.test_calendar_pages import next_weekday

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.web.conftest import Browser

LINE = "/agents/ana-lima/line"
PAGE = f"{LINE}/sharing"
LATER = {"choice": "round_robin", "order-ben": "1"}

pytestmark = pytest.mark.usefixtures("agents")


def ticked(page: str) -> list[str]:
    """Return the agents that are ticked, in the order of the list."""
    return re.findall(r'name="books" value="([^"]*)" checked', page)


def save(office: Browser, *books: str, seen: str | None = None, **fields: str) -> TestResponse:
    """Save these agents as the page shows the form."""
    if seen is None:
        found = re.search(r'name="seen"[^>]*value="([^"]*)"', office.get(PAGE).text)
        seen = unescape(found[1]) if found else ""
    values = {"seen": seen, "choice": "first_free", "csrf_token": office.token(PAGE), **fields}
    return office.post(PAGE, {**values, "books": list(books)}, follow=True)


def test_line_is_shared_after_four_clicks(office: Browser, database: Database) -> None:
    """Share this line; an agent; the way of choosing; Save."""
    page = office.get(LINE).text
    assert "<bdi>Ana Lima</bdi> only." in page
    assert f'href="{PAGE}">Share this line' in page
    form = office.get(PAGE).text
    assert ticked(form) == ["ana-lima"]
    saved = save(office, "ana-lima", "ben", choice="round_robin").text
    assert "The line books for Ana Lima, Ben." in saved
    assert "In turn: of those who are free, the one booked longest ago" in saved
    assert "Change who it books for" in saved
    assert database.fetch("SELECT choice FROM shared_lines") == [{"choice": "round_robin"}]


def test_typed_order_is_the_order(office: Browser) -> None:
    saved = save(office, "ana-lima", "ben", **LATER).text
    assert "The line books for Ben, Ana Lima." in saved
    form = office.get(PAGE).text
    assert ticked(form) == ["ben", "ana-lima"]
    assert re.findall(r'name="order-[^"]*" value="([^"]*)"', form)[:2] == ["1", "2"]
    assert "Not yet" in form


def test_own_agent_alone_is_not_shared(office: Browser) -> None:
    save(office, "ben")
    assert "<bdi>Ben</bdi></a>" in office.get(LINE).text
    for books in (("ana-lima",), ()):
        assert "The line books for Ana Lima only." in save(office, *books).text


def test_other_users_change_is_not_overwritten(office: Browser) -> None:
    save(office, "ben")
    page = save(office, "ana-lima", "ben", seen="")
    assert page.status_code == 400
    assert "Another user changed who shares this line" in page.text
    assert ticked(page.text) == ["ben"]
    assert "The line books for Ana Lima only." in save(office, "ana-lima").text


def test_refused_choice_stays_in_the_form(office: Browser, services: Services, admin: Viewer) -> None:
    page = save(office, "ben", "nobody", **{"order-ben": "seven"})
    assert page.status_code == 400
    assert "One of the agents no longer exists." in page.text
    assert ticked(page.text) == ["ben"]
    assert 'value="seve"' in page.text
    assert "Choose one of the options." in save(office, "ben", choice="best").text
    services.agents.set_active("ben", admin, active=False)
    assert "Ben is deactivated." in save(office, "ben").text
    assert 'value="ben"' not in office.get(PAGE).text


def test_deactivated_agent_of_a_line_is_marked(office: Browser, services: Services, admin: Viewer) -> None:
    save(office, "ana-lima", "ben")
    services.agents.set_active("ben", admin, active=False)
    assert "<bdi>Ben</bdi></a> (deactivated)" in office.get(LINE).text
    assert '<span class="chip chip-off">Off</span>' in office.get(PAGE).text


def test_other_time_zones_are_named(office: Browser) -> None:
    assert "Works in Lisbon" in office.get(PAGE).text
    save(office, "ana-lima", "ben")
    assert "Callers hear all times in that of <bdi>Ana Lima</bdi>." in office.get(LINE).text


def test_list_of_agents_says_who_shares(office: Browser) -> None:
    save(office, "ana-lima", "ben", **LATER)
    page = office.get("/agents").text
    assert "Line books for <bdi>Ben, Ana Lima</bdi>" in page
    assert "Booked by the line of <bdi>Ana Lima</bdi>" in page


def test_slot_check_says_whom_the_line_can_book(office: Browser) -> None:
    save(office, "ben")
    monday = next_weekday(1)
    page = office.get(f"/agents/ana-lima?on={monday}&at=10:00").text
    assert "own line does not book it." in page
    assert "The line can book <bdi>Ben</bdi> then." in page
    assert "Callers are offered this time." not in page
    assert "The line can book no agent then." in office.get(f"/agents/ana-lima?on={monday}&at=18:00").text


def test_only_admins_open_the_page(anas: Browser) -> None:
    assert anas.get(PAGE).status_code == 403
    page = anas.get(LINE).text
    assert "<bdi>Ana Lima</bdi> only." in page
    assert "Share this line" not in page


def test_unknown_agent_has_no_page(office: Browser) -> None:
    assert office.get("/agents/nobody/line/sharing").status_code == 404


def test_sharing_is_in_the_audit_log(office: Browser) -> None:
    save(office, "ana-lima", "ben", **LATER)
    page = office.get("/audit").text
    assert "Sharing changed" in page
    assert "Line books for" in page
    assert "<ins><bdi>in turn</bdi></ins>" in page
