"""Fixtures: Chromium and gunicorn, at desktop and phone size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import servers
from tests.browser.site import CHROMIUM_ARGS, SIZES, Site, running_site
from tests.servers import HANG_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count no coverage: the server runs without it, too."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("untraced")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=HANG_S * 1000)
    program = servers.chromium()
    assert program, "the browser journeys need Chromium: apt-get install chromium-headless-shell"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS, timeout=HANG_S * 1000)
        yield browser
        browser.close()


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """PeteRental on an empty, migrated database."""
    with running_site(database_url, tmp_path / "gunicorn.log") as site:
        yield site


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """Desktop or phone."""
    return str(request.param)


@pytest.fixture
def page(chromium: Browser, size: str) -> Iterator[Page]:
    """A browser window of that size without JavaScript, which no page may need."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
    context.set_default_timeout(HANG_S * 1000)
    window = context.new_page()
    failures: list[str] = []
    window.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    yield window
    context.close()
    refused = [text for text in failures if "Content Security Policy" in text]
    assert not refused, refused
