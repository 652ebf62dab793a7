"""No page is too wide, cuts its text or shows raw values: in an empty office, and in a crowded one with long names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.browser import crowded_office
from tests.browser.layout import layout_problems, raw_values
from tests.browser.page_states import PARAMETER, page_rules
from tests.browser.sample_data import ANA, OFFICE
from tests.browser.site import WORDS
from tests.browser.steps import sign_in
from tests.servers import HANG_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page

    from peterental.access import Viewer
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

WORDING = {"kind": "booked", "channel": "text", "language": "es"}
"""The parameters of pages that every office has."""


WIDTHS = (1280, 1120, 960, 720, 390, 320)
"""Widths of a window in CSS pixels: a desktop, where the layout changes, a tablet or 200 %, a phone, 400 %."""


def problems_of_all_pages(page: Page, site: Site, examples: Mapping[str, str]) -> list[str]:
    """Open every page whose parameters have examples; return what is wrong with any at each width."""
    problems: list[str] = []
    titles: dict[str, str] = {}
    for endpoint, rule in page_rules():
        if not examples.keys() >= set(PARAMETER.findall(rule)):
            continue
        response = page.goto(site.address + PARAMETER.sub(lambda found: quote(examples[found.group(1)]), rule))
        assert response is not None
        if response.request.redirected_from:
            continue  # to a page that has its turn
        found = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            found += [f"{width}: {text}" for text in layout_problems(page)]
        found += raw_values(page)
        if response.status != 200:
            found.append(f"status {response.status}")
        if page.title() in titles:
            found.append(f"has the title of {titles[page.title()]}: {page.title()}")
        titles[page.title()] = endpoint
        problems += [f"{endpoint}: {text}" for text in found]
    assert len(titles) > len(examples)
    return problems


@pytest.fixture
def admin(site: Site) -> Viewer:
    """The only user of the installation."""
    return site.services.users.create(OFFICE, WORDS, "admin", "Olga Office")


@pytest.fixture
def window(chromium: Browser, site: Site, admin: Viewer) -> Iterator[Page]:
    """A window of the admin, with a session."""
    del admin
    page = chromium.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(HANG_S * 1000)
    sign_in(page, site)
    yield page
    page.context.close()


def test_pages_of_an_empty_office_have_no_layout_problems(window: Page, site: Site) -> None:
    problems = problems_of_all_pages(window, site, WORDING)
    assert not problems, "\n".join(problems)


def test_pages_of_a_crowded_office_have_no_layout_problems(window: Page, site: Site, admin: Viewer) -> None:
    owner = site.services.users.create(ANA, WORDS, "agent", crowded_office.long_name(0))
    problems = problems_of_all_pages(window, site, {**WORDING, **crowded_office.fill(site, admin, owner)})
    assert not problems, "\n".join(problems)


def test_layout_problems_are_found(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content(
        "<main><h2>2</h2><p style='overflow:hidden; width:50px'>Llanfairpwllgwyngyll</p>"
        "<p style='overflow:auto; width:50px'>Llanfairpwllgwyngyll</p><p style='width:5000px'>x</p><p style='width:10px; overflow-wrap:anywhere'><a href='/'>Cancel</a></p>"
        "<div tabindex='0' style='overflow:auto; width:100px'><table><tbody><tr><th>Unbreakable<td>1</table></div></main>"
    )
    found = layout_problems(page)
    page.close()
    assert [text.partition(":")[0] for text in found] == [
        "5008 pixels wide", "0 first headings", "begins with h2", "cut", "cannot be scrolled with the keyboard",
        "broken word", "the name of a row leaves no room for its cells",
    ]  # fmt: skip


def test_raw_values_are_found(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<main><p>2026-11-30 at 15:00: True, +14055550142, 1 viewings<pre>2026-11-29</pre></main>")
    found = raw_values(page)
    page.close()
    assert [text.rpartition(": ")[2] for text in found] == [
        "2026-11-30", "15:00", "True", "+14055550142", "1 viewings",
    ]  # fmt: skip
