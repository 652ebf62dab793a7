"""Accessibility and size of every page, light and dark, desktop and phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from axe_playwright_python.sync_playwright import Axe

from tests.browser.layout import layout_problems, raw_values
from tests.browser.page_states import PageState, page_states
from tests.browser.sample_data import fill
from tests.browser.site import SIZES
from tests.browser.steps import sign_in
from tests.servers import HANG_S

if TYPE_CHECKING:
    from typing import Literal

    from playwright.sync_api import Browser, Page

    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

LARGEST_PAGE_BYTES = 60 * 1024

VIOLATIONS = {"resultTypes": ["violations"], "preload": False}
"""Options that leave out what passed, whose report is large, and the wait for media, which no page may load."""

TARGETS = VIOLATIONS | {"rules": {"target-size": {"enabled": True}}}
"""Every rule, and that a target is at least 24 by 24 pixels or has as much room, which axe leaves out by default."""

OPENED_IN = "phone"
"""The window size in which a state is opened; then the window takes each of the others."""

SCHEMES: dict[str, Literal["light", "dark"]] = {"phone": "light", "desk": "dark"}
"""The colour scheme in which each size is checked: its colours do not depend on the size."""


def problems_of(state: PageState, page: Page, site: Site) -> list[str]:
    """Open a page state; return its problems in each size of the window."""
    resize(page, OPENED_IN)
    response = page.goto(site.address + state.path)
    assert response is not None
    problems = [] if response.status == state.status else [f"status {response.status}"]
    body_size = len(response.body())
    if body_size > LARGEST_PAGE_BYTES:
        problems.append(f"{body_size} bytes")
    if state.then is not None:
        state.then(page)
    return [f"{state.name}: {text}" for text in problems + problems_in_each_size(page)]


def resize(page: Page, size: str) -> None:
    """Resize the window of a page."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})


def problems_in_each_size(page: Page) -> list[str]:
    """Return the problems of an open page in each size of its window: without scripts, it is what opening it there shows."""
    problems = []
    page.evaluate(AXE_SCRIPT)
    for size in sorted(SIZES, key=lambda name: name != OPENED_IN):
        resize(page, size)
        page.emulate_media(color_scheme=SCHEMES[size])
        found = layout_problems(page) + raw_values(page)
        results = AxeResults(page.evaluate("options => axe.run(options)", TARGETS))
        found += [results.generate_report()] if results.violations_count else []
        problems += [f"{size}: {text}" for text in found]
    return problems


PARTS = 4
"""How many tests share the states, so that no worker has all of them."""

TOGETHER = 20
"""States in a row that one test opens: some follow from the one before."""


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_has_axe_violations_or_overflows(chromium: Browser, site: Site, part: int) -> None:
    sample = fill(site)
    windows: dict[str | None, Page] = {}
    problems = []
    for number, state in enumerate(page_states(site, sample)):
        if number // TOGETHER % PARTS != part:
            continue
        if state.viewer not in windows:
            context = chromium.new_context(reduced_motion="reduce")
            context.set_default_timeout(HANG_S * 1000)
            windows[state.viewer] = context.new_page()
            resize(windows[state.viewer], OPENED_IN)
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
    assert not Axe().run(page, options=VIOLATIONS).violations_count
    page.emulate_media(color_scheme="dark")
    assert {found["id"] for found in Axe().run(page, options=VIOLATIONS).response["violations"]} == {"color-contrast"}
    page.close()


def test_each_size_is_checked(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_default_timeout(HANG_S * 1000)
    dark = ":root { color-scheme: light dark } b { background: light-dark(#fff, #222); color: light-dark(#000, #333) }"
    wide = "@media (min-width: 1000px) { p { width: 3000px } } @media (max-width: 999px) { i { color: #eee } }"
    words = "<p><b>words</b> <i>words</i></p>"
    page.set_content(f"<html lang=en><title>x</title><style>{dark} {wide}</style><main><h1>x</h1>{words}</main>")
    problems = problems_in_each_size(page)
    page.close()
    [in_the_light] = [text for text in problems if text.startswith("phone: ")]
    [size, in_the_dark] = [text for text in problems if text.startswith("desk: ")]
    assert size == "desk: 3008 pixels wide"
    assert ("<i>" in in_the_light, "<b>" in in_the_light) == (True, False)
    assert ("<i>" in in_the_dark, "<b>" in in_the_dark) == (False, True)


def test_axe_finds_a_missing_alt_text(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_default_timeout(HANG_S * 1000)
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'></main>")
    assert "image-alt" in {found["id"] for found in Axe().run(page).response["violations"]}
    page.close()
