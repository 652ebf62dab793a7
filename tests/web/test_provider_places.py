"""Pages that wait for a provider leave threads for phone calls, however often people reload them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.calendars.sync_service import SyncService
from peterental.config import Config
from peterental.line import api
from peterental.services import Services
from peterental.web.shell.provider_places import EXTENSION
from tests.calendars.provider_server import Asked, Hang, Loopback, Reply
from tests.line.vapi_server import KEY, PUBLIC_URL, SECRET
from tests.servers import HANG_S, until
from tests.together import at_once

if TYPE_CHECKING:
    from tests.web.conftest import Browser

THREADS = 8
PLACES = 2
SENTENCE = "Other pages are waiting for calendars or Vapi to answer. Wait a few seconds, then try again."

pytestmark = pytest.mark.usefixtures("agents")


class HangingProvider(Loopback):
    """Takes every request and answers none until it is closed."""

    def answer(self, asked: Asked) -> Reply:
        """Hang."""
        del asked
        return Hang()


@pytest.fixture
def provider() -> Iterator[HangingProvider]:
    """A provider that hangs."""
    with HangingProvider() as provider:
        yield provider


@pytest.fixture
def config(config: Config, provider: HangingProvider) -> Config:
    """The configuration, with a Vapi that hangs, and calendars on this machine."""
    return replace(
        config,
        web_threads=THREADS,
        public_url=PUBLIC_URL,
        vapi_webhook_secret=SECRET,
        vapi_api_key=KEY,
        vapi_url=provider.url,
        allow_private_addresses=True,
    )


@contextmanager
def waiting(provider: HangingProvider, *visits: Callable[[], object]) -> Iterator[None]:
    """Let threads visit pages until all of them wait for the provider; then end it and them."""
    threads = [threading.Thread(target=visit) for visit in visits]
    for thread in threads:
        thread.start()
    until(lambda: len(provider.asked) >= len(visits), "all pages wait for the provider")
    try:
        yield
    finally:
        provider.closing.set()
        for thread in threads:
            thread.join(HANG_S)


def test_reloading_the_line_page_leaves_threads(
    office: Browser, open_browser: Callable[[], Browser], admin: Viewer, provider: HangingProvider
) -> None:
    """Every further page says why it cannot show the account, at once."""
    impatient = [open_browser() for _ in range(PLACES)]
    for each in impatient:
        each.start_session(admin.email)
    with waiting(provider, *(partial(each.get, "/line") for each in impatient)):
        for _ in range(THREADS):
            page = office.get("/line")
            assert (page.status_code, SENTENCE in page.text) == (200, True)
        assert len(provider.asked) == PLACES, "nothing more is asked"


def test_every_page_that_waits_is_limited(
    app: Flask, office: Browser, services: Services, ana: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that asks a provider without a place would leave none for phone calls."""
    account = services.calendars.connect_demo("ana-lima", ana).account
    taken = app.extensions[EXTENSION]
    for _ in range(PLACES):
        assert taken.acquire(blocking=False)
    asked: list[object] = []
    monkeypatch.setattr(SyncService, "sync", lambda *_, **__: asked.append("calendar"))
    monkeypatch.setattr(api.VapiApi, "_send", lambda *_, **__: asked.append("Vapi"))
    token = office.token("/account")
    page = "/agents/ana-lima"
    for path, fields in (
        (f"{page}/calendars/address", {"address-address": "https://calendar.example.com/a.ics"}),
        (f"{page}/calendars/caldav", {"server": "dav.example.com", "user_name": "ana", "password": "app password"}),
        (f"/calendars/{account.account_id}/sync", {}),
        (f"{page}/line", {"assistant": "new", "name": "Ana", "first_message": "Hello"}),
        (f"{page}/line/compare", {}),
        (f"{page}/line/write", {}),
        (f"{page}/line/resume", {}),
    ):
        answer = office.post(path, fields, csrf_token=token, follow=True)
        assert (path, SENTENCE in answer.text) == (path, True)
    busy = office.post(f"/calendars/{account.account_id}/sync", csrf_token=token)
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
    assert office.get("/oauth/google?state=a&code=b").status_code == 503
    assert asked == []
    for _ in range(PLACES):
        taken.release()


def test_visitors_and_tools_wait_for_few_calendars(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anyone with a visitor's link can open its page as often as they like."""
    entered, leave = threading.Semaphore(0), threading.Event()

    def refresh(_service: SyncService, _agent_id: str) -> None:
        entered.release()
        leave.wait(HANG_S)

    monkeypatch.setattr(SyncService, "refresh", refresh)
    sync = services.calendar_sync
    threads = [threading.Thread(target=sync.refresh_for_page, args=["ana-lima"]) for _ in range(PLACES)]
    for thread in threads:
        thread.start()
        assert entered.acquire(timeout=HANG_S)
    at_once([partial(sync.refresh_for_page, "ana-lima")] * THREADS)
    assert not entered.acquire(blocking=False), "the others return at once"
    leave.set()
    for thread in threads:
        thread.join(HANG_S)
    sync.refresh_for_page("ana-lima")
    assert entered.acquire(blocking=False), "a place is free again"
