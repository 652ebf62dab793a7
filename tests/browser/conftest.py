"""A real Chromium in front of a real server: what people see, at a desk and on a phone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from peterental.admin.setup import setup_token
from peterental.app import create_app
from peterental.config import Config

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = PROJECT_DIR / "instance" / "screenshots"

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
KEY = "a session key for tests, long enough"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
"""CSS pixels: a desk, and a phone in one hand."""


@dataclass(frozen=True)
class Site:
    """A running PeteRental."""

    address: str
    app: Flask

    @property
    def set_up_link(self) -> str:
        """Where the first user is made."""
        return f"{self.address}/setup?token={setup_token(KEY)}"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's name for it
        """Say nothing about requests that went well."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    assert program, "the browser journeys need chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """PeteRental on an empty, migrated database, on a port of its own."""
    app = create_app(Config(database_url=database_url, secret_key=KEY, instance_dir=tmp_path))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.port}", app)
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["peterental.database"].close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """A desk or a phone."""
    return str(request.param)


@pytest.fixture
def page(chromium: Browser, size: str) -> Iterator[Page]:
    """A browser window of that size, with scripts switched off: nothing may need them."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
    context.set_default_timeout(10_000)
    window = context.new_page()
    failures: list[str] = []
    window.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    yield window
    context.close()
    refused = [text for text in failures if "Content Security Policy" in text]
    assert not refused, refused


@pytest.fixture
def snap(page: Page, size: str) -> Callable[[str], None]:
    """A function that keeps a picture of the page under `instance/screenshots/`."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def snap(name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}-{size}.png", full_page=True)

    return snap
