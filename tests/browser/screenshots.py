"""`make screenshots`: every page, desktop and phone, light and dark.

The images are written to instance/screenshots.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from peterental.database.dev_server import join
from peterental.database.migrations import MigrationRunner
from tests.browser.page_states import page_states
from tests.browser.sample_data import SampleData, fill
from tests.browser.site import CHROMIUM_ARGS, SIZES, Site, running_site
from tests.browser.steps import sign_in
from tests.conftest import PROJECT_DIR, TEST_SERVER_SETTINGS, Databases
from tests.servers import chromium

FOLDER = PROJECT_DIR / "instance" / "screenshots"


def main() -> int:
    """Take all screenshots; return the exit code."""
    program = chromium()
    if program is None:
        print("make screenshots needs Chromium (Debian: apt-get install chromium-headless-shell)", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with (
        join(PROJECT_DIR / "instance" / "test-postgres", settings=TEST_SERVER_SETTINGS) as lease,
        closing(Databases(lease.url)) as databases,
    ):
        url = databases.create()
        MigrationRunner(url).run_migrations()
        with running_site(url, FOLDER / "gunicorn.log") as site, sync_playwright() as playwright:
            sample = fill(site)
            browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
            for size in SIZES:
                for scheme in ("light", "dark"):
                    _take(browser, site, sample, size, "light" if scheme == "light" else "dark")
            browser.close()
        databases.drop_all()
    print(f"{len(list(FOLDER.glob('*.png')))} screenshots are in {FOLDER.relative_to(PROJECT_DIR)}/")
    return 0


def _take(browser: Browser, site: Site, sample: SampleData, size: str, scheme: Literal["light", "dark"]) -> None:
    width, height = SIZES[size]
    windows: dict[str | None, Page] = {}
    for state in page_states(site, sample):
        if state.viewer not in windows:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            windows[state.viewer] = context.new_page()
            if state.viewer is not None:
                sign_in(windows[state.viewer], site, state.viewer)
        page = windows[state.viewer]
        page.goto(site.address + state.path)
        if state.then is not None:
            state.then(page)
        page.screenshot(path=FOLDER / f"{state.name}-{size}-{scheme}.png", full_page=state.name != "more")
    for window in windows.values():
        window.context.close()


if __name__ == "__main__":
    sys.exit(main())
