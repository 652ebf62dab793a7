"""Every page, in light and dark, at a desk and on a phone: axe finds nothing, and nothing sticks out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe

from tests.browser.household import fill
from tests.browser.site import SIZES
from tests.browser.steps import sign_in
from tests.browser.tour import Stop, stops
from tests.servers import HANG_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

LARGEST_PAGE_BYTES = 60 * 1024

COLOURS = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
"""The rules that another colour scheme can break; the others look at the same page."""


def trouble_at(stop: Stop, page: Page, site: Site) -> list[str]:
    """Go to a stop; give what is wrong there."""
    response = page.goto(site.address + stop.path)
    assert response is not None
    trouble = [] if response.status == stop.status else [f"status {response.status}"]
    size = len(response.body())
    if size > LARGEST_PAGE_BYTES:
        trouble.append(f"{size} bytes")
    if stop.then is not None:
        stop.then(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > page.evaluate("window.innerWidth"):
        trouble.append(f"{width} pixels wide")
    page.emulate_media(color_scheme="light")
    light = Axe().run(page)
    page.emulate_media(color_scheme="dark")
    dark = AxeResults(page.evaluate("options => axe.run(options)", COLOURS))  # which is in the page since the first run
    trouble += [found.generate_report() for found in (light, dark) if found.violations_count]
    return [f"{stop.name}: {text}" for text in trouble]


@pytest.mark.long
def test_axe_finds_nothing_on_any_page_in_light_and_dark_and_nothing_sticks_out(
    chromium: Browser, site: Site, size: str
) -> None:
    household = fill(site)
    width, height = SIZES[size]
    windows: dict[str | None, Page] = {}
    trouble = []
    for stop in stops(site, household):
        if stop.viewer not in windows:
            context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
            context.set_default_timeout(HANG_S * 1000)
            windows[stop.viewer] = context.new_page()
            if stop.viewer is not None:
                sign_in(windows[stop.viewer], site, stop.viewer)
        trouble += trouble_at(stop, windows[stop.viewer], site)
    for window in windows.values():
        window.context.close()
    assert not trouble, "\n".join(trouble)


def test_axe_would_find_what_is_too_faint_in_the_dark_only(chromium: Browser) -> None:
    page = chromium.new_page()
    style = ":root{color-scheme:light dark} p{color:light-dark(#000,#333);background:light-dark(#fff,#222)}"
    page.set_content(f"<html lang=en><title>x</title><style>{style}</style><main><h1>x</h1><p>words</p></main>")
    assert not Axe().run(page, options=COLOURS).violations_count
    page.emulate_media(color_scheme="dark")
    assert {found["id"] for found in Axe().run(page, options=COLOURS).response["violations"]} == {"color-contrast"}
    page.close()


def test_axe_would_find_a_picture_without_words(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main>")
    assert "image-alt" in {found["id"] for found in Axe().run(page).response["violations"]}
    page.close()
