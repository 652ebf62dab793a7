"""`make screenshots`: a picture of every page, at a desk and on a phone, in light and dark, in instance/screenshots."""

from __future__ import annotations

import shutil
import sys
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from peterental.database.dev_server import join
from peterental.database.migrations import MigrationRunner
from tests.browser.household import Household, fill
from tests.browser.site import CHROMIUM_ARGS, SIZES, Site, running_site
from tests.browser.steps import sign_in
from tests.browser.tour import stops
from tests.conftest import CARELESS, PROJECT_DIR, Databases

FOLDER = PROJECT_DIR / "instance" / "screenshots"


def main() -> int:
    """Take them all; gives the exit code."""
    program = shutil.which("chromium")
    if program is None:
        print("make screenshots needs chromium (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with join(PROJECT_DIR / "instance" / "test-postgres", settings=CARELESS) as lease:
        databases = Databases(lease.url)
        url = databases.create()
        MigrationRunner(url).run_migrations()
        with running_site(url, FOLDER / "gunicorn.log") as site, sync_playwright() as playwright:
            household = fill(site)
            browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
            for size in SIZES:
                for scheme in ("light", "dark"):
                    _take(browser, site, household, size, "light" if scheme == "light" else "dark")
            browser.close()
        databases.drop_all()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER.relative_to(PROJECT_DIR)}/")
    return 0


def _take(browser: Browser, site: Site, household: Household, size: str, scheme: Literal["light", "dark"]) -> None:
    width, height = SIZES[size]
    windows: dict[str | None, Page] = {}
    for stop in stops(site, household):
        if stop.viewer not in windows:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            windows[stop.viewer] = context.new_page()
            if stop.viewer is not None:
                sign_in(windows[stop.viewer], site, stop.viewer)
        page = windows[stop.viewer]
        page.goto(site.address + stop.path)
        if stop.then is not None:
            stop.then(page)
        page.screenshot(path=FOLDER / f"{stop.name}-{size}-{scheme}.png", full_page=stop.name != "more")
    for window in windows.values():
        window.context.close()


if __name__ == "__main__":
    sys.exit(main())
