"""Accessibility and size of every page, light and dark, desktop and phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe

from tests.browser.layout import layout_problems, raw_values
from tests.browser.page_states import PageState, page_states
from tests.browser.sample_data import fill
from tests.browser.site import SIZES
from tests.browser.steps import sign_in
from tests.servers import HANG_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

LARGEST_PAGE_BYTES = 60 * 1024

VIOLATIONS = {"resultTypes": ["violations"]}
"""Options that leave out what passed: its report is large, and takes a third of the time."""

COLOURS = VIOLATIONS | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
"""The axe rules that depend on the colour scheme; the others are checked once."""

TARGETS = VIOLATIONS | {"rules": {"target-size": {"enabled": True}}}
"""Every rule, and that a target is at least 24 by 24 pixels or has as much room, which axe leaves out by default."""


def problems_of(state: PageState, page: Page, site: Site) -> list[str]:
    """Open a page state; return its problems."""
    response = page.goto(site.address + state.path)
    assert response is not None
    problems = [] if response.status == state.status else [f"status {response.status}"]
    size = len(response.body())
    if size > LARGEST_PAGE_BYTES:
        problems.append(f"{size} bytes")
    if state.then is not None:
        state.then(page)
    problems += layout_problems(page) + raw_values(page)
    page.emulate_media(color_scheme="light")
    light = Axe().run(page, options=TARGETS)
    page.emulate_media(color_scheme="dark")
    dark = AxeResults(
        page.evaluate("options => axe.run(options)", COLOURS)
    )  # the first run has loaded axe into the page
    problems += [found.generate_report() for found in (light, dark) if found.violations_count]
    return [f"{state.name}: {text}" for text in problems]


PARTS = 3
"""How many tests share the states of each size, so that no worker has all of them."""

TOGETHER = 40
"""States in a row that one test opens: some follow from the one before."""


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_has_axe_violations_or_overflows(chromium: Browser, site: Site, size: str, part: int) -> None:
    sample = fill(site)
    width, height = SIZES[size]
    windows: dict[str | None, Page] = {}
    problems = []
    for number, state in enumerate(page_states(site, sample)):
        if number // TOGETHER % PARTS != part:
            continue
        if state.viewer not in windows:
            context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
            context.set_default_timeout(HANG_S * 1000)
            windows[state.viewer] = context.new_page()
            if state.viewer is not None:
                sign_in(windows[state.viewer], site, state.viewer)
        problems += problems_of(state, windows[state.viewer], site)
    for window in windows.values():
        window.context.close()
    assert not problems, "\n".join(problems)


def test_axe_finds_low_contrast_in_the_dark(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_default_timeout(HANG_S * 1000)
    style = ":root{color-scheme:light dark} p{color:light-dark(#000,#333);background:light-dark(#fff,#222)}"
    page.set_content(f"<html lang=en><title>x</title><style>{style}</style><main><h1>x</h1><p>words</p></main>")
    assert not Axe().run(page, options=COLOURS).violations_count
    page.emulate_media(color_scheme="dark")
    assert {found["id"] for found in Axe().run(page, options=COLOURS).response["violations"]} == {"color-contrast"}
    page.close()


def test_axe_finds_a_missing_alt_text(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_default_timeout(HANG_S * 1000)
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main>")
    assert "image-alt" in {found["id"] for found in Axe().run(page).response["violations"]}
    page.close()
