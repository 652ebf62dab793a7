"""The pages of webhooks, for admins."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.webhooks import service
from peterental.webhooks.model import EndpointEntry, IssuedSecret, SecretKeyMissing

if TYPE_CHECKING:
    from tests.web.conftest import Browser

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
URL = "https://hooks.example.com/in"


@pytest.fixture
def added(services: Services, admin: Viewer) -> IssuedSecret:
    """An endpoint."""
    return services.webhooks.create(EndpointEntry(url=URL, event_types=("viewing.booked",)), admin)


def test_secret_is_shown_once_and_stored_encrypted(office: Browser, database: Database) -> None:
    assert "No webhooks yet" in office.get("/webhooks").text
    created = office.send("/webhooks/new", url=URL, event_types="viewing.booked")
    secret = SECRET.search(created.text)
    assert secret
    assert created.headers["Cache-Control"] == "no-store"
    assert secret[0] not in str(database.fetch("SELECT * FROM webhook_endpoints, audit_log"))
    number = database.fetch("SELECT endpoint_id FROM webhook_endpoints")[0]["endpoint_id"]
    for path in ("/webhooks", f"/webhooks/{number}"):
        assert secret[0] not in office.get(path).text


def test_form_that_is_sent_twice_adds_one_webhook(office: Browser, services: Services, admin: Viewer) -> None:
    entries = {"url": URL, "event_types": "viewing.booked", "proposed": proposed(office, "/webhooks/new")}
    first, second = (SECRET.findall(office.send("/webhooks/new", entries).text) for _ in range(2))
    assert first == second
    assert len(first) == 1
    assert len(services.webhooks.listing(admin)) == 1
    for changed in ({"url": f"{URL}/2"}, {"event_types": "viewing.moved"}, {"proposed": "x"}):
        assert SECRET.findall(office.send("/webhooks/new", {**entries, **changed}).text) != first
    assert len(services.webhooks.listing(admin)) == 4


def test_secret_is_replaced_once_by_a_form_that_is_sent_twice(
    office: Browser, added: IssuedSecret, services: Services, admin: Viewer, database: Database
) -> None:
    """Replaced twice, the secret that the tool knows would not sign any more."""
    path = f"/webhooks/{added.endpoint.endpoint_id}"
    fields = {"proposed": proposed(office, path)}
    first, second = (SECRET.findall(office.send(f"{path}/rotate", fields, at=path).text) for _ in range(2))
    assert first == second != [added.secret]
    assert services.webhooks.get(added.endpoint.endpoint_id, admin).old_secret == added.endpoint.secret
    database.fetch("UPDATE webhook_endpoints SET old_secret_until = old_secret_until - INTERVAL '11 minutes'")
    assert SECRET.findall(office.send(f"{path}/rotate", fields, at=path).text) != first, "it is meant, later"


def proposed(browser: Browser, path: str) -> str:
    """Return what the form at a path carries."""
    found = re.search(r'name="proposed"[^>]*value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "http://example.com", "ftp://example.com", "https://", "https://127.0.0.1/", "https://10.1.2.3",
     "https://[::1]/", "https://169.254.169.254/latest", "https://ana@example.com/", "https://a b.com/",
     "https://example.com/" + "x" * 2000, "https://[::ffff:10.0.0.1]/"],
)  # fmt: skip
def test_address_is_https_and_public(office: Browser, url: str) -> None:
    refused = office.send("/webhooks/new", url=url, event_types="viewing.booked")
    assert refused.status_code == 400
    assert 'id="url-error"' in refused.text


def test_an_event_is_chosen(office: Browser) -> None:
    assert "Choose at least one event." in office.send("/webhooks/new", url=URL).text


def test_endpoint_is_changed(office: Browser, added: IssuedSecret, services: Services, admin: Viewer) -> None:
    path = f"/webhooks/{added.endpoint.endpoint_id}"
    seen = added.endpoint.updated_at.isoformat()
    saved = office.send(path, url=f"{URL}/2", event_types="viewing.moved", seen=seen, follow=True)
    assert "The webhook was saved." in saved.text
    changed = services.webhooks.get(added.endpoint.endpoint_id, admin)
    assert (changed.url, changed.event_types) == (f"{URL}/2", ("viewing.moved",))
    late = office.send(path, url=URL, event_types="viewing.moved", seen=seen)
    assert "Another admin changed this webhook" in late.text
    assert services.webhooks.get(added.endpoint.endpoint_id, admin).url == f"{URL}/2"
    assert office.send(path, url="x", event_types="viewing.moved", seen="odd").status_code == 400
    unknown = office.send(path, url=URL, event_types="viewing.moved", seen="odd")
    assert "Another admin changed this webhook" in unknown.text
    assert office.get("/webhooks/999").status_code == 404


def test_buttons(office: Browser, added: IssuedSecret, services: Services, admin: Viewer, database: Database) -> None:
    path = f"/webhooks/{added.endpoint.endpoint_id}"
    assert "A test is on its way." in office.send(f"{path}/test", at=path, follow=True).text
    page = " ".join(office.get(path).text.split())
    assert "<strong>Test</strong>" in page
    assert "1 delivery waits." in page
    assert "The webhook is off." in office.send(f"{path}/off", at=path, follow=True).text
    assert "The webhook was turned off." in office.get("/webhooks").text
    assert "This webhook is off. Turn it on first." in office.send(f"{path}/test", at="/tokens", follow=True).text
    number = services.webhooks.deliveries(admin)[0].delivery_id
    again = f"/webhooks/deliveries/{number}/again"
    assert "Turn it on first." in office.send(again, at="/webhooks", follow=True).text
    assert "The webhook is on." in office.send(f"{path}/on", at=path, follow=True).text
    assert "It is delivered again." in office.send(again, at="/webhooks", follow=True).text
    assert "still waiting for its next attempt" in office.send(again, at="/tokens", follow=True).text
    assert office.send("/webhooks/deliveries/999/again", at="/tokens").status_code == 404
    rotated = office.send(f"{path}/rotate", at=path)
    assert SECRET.search(rotated.text)
    assert "The old secret signs too until" in office.get(path).text
    assert "1 delivery that waits is dropped." in " ".join(office.get(f"{path}/remove").text.split())
    assert "The webhook was removed." in office.send(f"{path}/remove", follow=True).text
    assert database.fetch("SELECT delivery_id FROM webhook_deliveries") == []


def test_failures_are_named(office: Browser, added: IssuedSecret, database: Database) -> None:
    database.fetch("UPDATE webhook_endpoints SET failing_since = %s", (datetime.now(UTC) - timedelta(days=1),))
    database.fetch(
        """
        INSERT INTO webhook_deliveries (
            endpoint_id, event_type, happened_at, next_attempt_at, attempts, status, problem, answer, duration_ms,
            state, ended_at
        )
        VALUES (%s, 'viewing.booked', NOW(), NOW(), 12, 500, 'It answered 500.', '<script>', 20, 'failed', NOW())
        """,
        (added.endpoint.endpoint_id,),
    )
    page = " ".join(office.get("/webhooks").text.split())
    assert "Failing" in page
    assert "Nothing was accepted since" in page
    assert "It answered 500." in page
    assert "&lt;script&gt;" in page
    database.fetch("UPDATE webhook_endpoints SET is_active = FALSE, off_reason = 'It answered 410.'")
    assert "PeteRental turned this webhook off. It answered 410." in office.get("/webhooks").text


def test_agents_see_no_webhooks(anas: Browser, added: IssuedSecret) -> None:
    number = added.endpoint.endpoint_id
    for path in ("/webhooks", "/webhooks/new", f"/webhooks/{number}", f"/webhooks/{number}/remove"):
        assert anas.get(path).status_code == 403
    token = anas.token("/account")
    for path in ("rotate", "test", "on", "off", "remove"):
        assert anas.post(f"/webhooks/{number}/{path}", csrf_token=token).status_code == 403
    assert anas.post("/webhooks/deliveries/1/again", csrf_token=token).status_code == 403


def test_number_of_endpoints_is_bounded(office: Browser, added: IssuedSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    assert added.secret
    monkeypatch.setattr(service, "MAX_ENDPOINTS", 1)
    refused = office.send("/webhooks/new", url=URL, event_types="viewing.booked")
    assert "There can be at most 1 webhooks." in refused.text


def test_production_needs_a_key(database: Database, admin: Viewer) -> None:
    config = Config(secret_key="a key for tests, long enough to be one", environment="production")
    entry = EndpointEntry(url=URL, event_types=("viewing.booked",))
    with pytest.raises(SecretKeyMissing):
        build_services(database, config=config).webhooks.create(entry, admin)
    with_key = replace(config, credentials_keys=("another key for tests, long enough",))
    services = build_services(database, config=with_key)
    issued = services.webhooks.create(entry, admin)
    with pytest.raises(SecretKeyMissing):
        build_services(database, config=config).webhooks.rotate(issued.endpoint.endpoint_id, admin)


def test_lists_take_few_queries(office: Browser, added: IssuedSecret, queries: list[str]) -> None:
    for path in ("/webhooks", f"/webhooks/{added.endpoint.endpoint_id}"):
        queries.clear()
        office.get(path)
        assert len(queries) == 3  # the sign-in check, the endpoints, the deliveries
