"""Authentication of the webhook by secret, signature or loopback address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from peterental.config import Config
from peterental.trusted_proxies import TrustedProxies
from peterental.web.client_address import ClientAddress
from tests.voice.phone import SUNDAY_MORNING, Clock, webhook

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from peterental.services import Services

SECRET = "a secret with ünicode"
KEY = "an HMAC key"
BODY = json.dumps({"message": {"type": "unknown"}}).encode()
NOW_S = int(SUNDAY_MORNING.timestamp())

WITH_SECRET = Config(environment="production", vapi_webhook_secret=SECRET)
WITH_BOTH = Config(environment="production", vapi_webhook_secret=SECRET, vapi_hmac_secret=KEY)
OPEN = Config(environment="development")


def wire(secret: str) -> str:
    """Return a secret as WSGI decodes its bytes."""
    return secret.encode().decode("latin-1")


def post(client: FlaskClient, headers: dict[str, str], peer: str | None = "203.0.113.7", body: bytes = BODY) -> int:
    environ: dict[str, Any] = {"REMOTE_ADDR": peer} if peer is not None else {}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return client.post("/vapi/webhook", data=body, environ_overrides=environ).status_code


def signature(timestamp: str, body: bytes = BODY, key: str = KEY) -> bytes:
    return hmac.digest(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Vapi-Secret": wire(SECRET)},
        {"Authorization": "Bearer " + wire(SECRET)},
        {"Authorization": "bearer  " + wire(SECRET)},
        {"X-Vapi-Secret": "wrong", "Authorization": "Bearer " + wire(SECRET)},
    ],
)
def test_secret_is_accepted_in_either_header(services: Services, clock: Clock, headers: dict[str, str]) -> None:
    assert post(webhook(services, clock, WITH_SECRET), headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Vapi-Secret": ""},
        {"X-Vapi-Secret": "wrong"},
        {"X-Vapi-Secret": wire(SECRET) + " "[:0] + "x"},
        {"X-Vapi-Secret": wire(SECRET)[:-1]},
        {"Authorization": wire(SECRET)},
        {"Authorization": "Basic " + wire(SECRET)},
        {"Authorization": "Bearer"},
        {"X-Signature": signature(str(NOW_S)).hex(), "X-Timestamp": str(NOW_S)},
    ],
)
def test_missing_or_wrong_secret_returns_401(services: Services, clock: Clock, headers: dict[str, str]) -> None:
    assert post(webhook(services, clock, WITH_SECRET), headers, peer="127.0.0.1") == 401


def test_unauthenticated_body_is_not_read(services: Services, clock: Clock) -> None:
    class Unread:
        def read(self, *_: object) -> bytes:
            raise AssertionError

        readline = readlines = readinto = read

    client = webhook(services, clock, WITH_SECRET)
    response = client.post(
        "/vapi/webhook", environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": "10", "REMOTE_ADDR": "127.0.0.1"}
    )
    assert response.status_code == 401
    assert response.json == {"error": "Not authorised."}


@pytest.mark.parametrize("timestamp", [str(NOW_S), f"{NOW_S}.5", str(NOW_S * 1000), str(NOW_S - 299), str(NOW_S + 299)])
@pytest.mark.parametrize("encode", [bytes.hex, lambda d: d.hex().upper(), lambda d: base64.b64encode(d).decode()])
def test_fresh_signature_is_accepted(services: Services, clock: Clock, timestamp: str, encode: Any) -> None:
    headers = {"X-Signature": encode(signature(timestamp)), "X-Timestamp": timestamp}
    assert post(webhook(services, clock, WITH_BOTH), headers) == 200


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "nan", "inf", "-inf", "1e400", str(NOW_S - 301), str(NOW_S + 301), str(-NOW_S), "0x10"]
)
def test_stale_or_invalid_timestamp_returns_401(services: Services, clock: Clock, timestamp: str) -> None:
    headers = {"X-Signature": signature(timestamp).hex(), "X-Timestamp": timestamp}
    assert post(webhook(services, clock, WITH_BOTH), headers) == 401


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "z" * 64,
        "not base64!",
        signature(str(NOW_S), key="another key").hex(),
        signature(str(NOW_S), body=BODY + b" ").hex(),
        signature(str(NOW_S + 1)).hex(),
        signature(str(NOW_S)).hex()[:-2],
    ],
)
def test_wrong_signature_returns_401(services: Services, clock: Clock, wrong: str) -> None:
    assert post(webhook(services, clock, WITH_BOTH), {"X-Signature": wrong, "X-Timestamp": str(NOW_S)}) == 401


def test_secret_is_accepted_beside_a_signing_key(services: Services, clock: Clock) -> None:
    assert post(webhook(services, clock, WITH_BOTH), {"X-Vapi-Secret": wire(SECRET)}) == 200


def test_loopback_must_sign_if_a_key_is_set(services: Services, clock: Clock) -> None:
    client = webhook(services, clock, Config(vapi_hmac_secret=KEY))
    assert post(client, {}, peer="127.0.0.1") == 401
    headers = {"X-Signature": signature(str(NOW_S)).hex(), "X-Timestamp": str(NOW_S)}
    assert post(client, headers, peer="127.0.0.1") == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_development_without_secret_allows_loopback(services: Services, clock: Clock, peer: str) -> None:
    assert post(webhook(services, clock, OPEN), {}, peer=peer) == 200


@pytest.mark.parametrize("peer", ["203.0.113.7", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "", "unix:"])
def test_development_without_secret_rejects_others(services: Services, clock: Clock, peer: str) -> None:
    assert post(webhook(services, clock, OPEN), {}, peer=peer) == 401


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-host", "Forwarded", "Via", "CF-Connecting-IP", "CF-Ray", "X-Real-IP", "True-Client-IP", "Fly-Client-IP", "X-Original-Host", "Ngrok-Skip-Browser-Warning"],
)  # fmt: skip
def test_proxied_request_is_not_loopback(services: Services, clock: Clock, name: str) -> None:
    assert post(webhook(services, clock, OPEN), {name: "127.0.0.1"}, peer="127.0.0.1") == 401


@pytest.mark.parametrize("proxies", ["0", "1", "3", "127.0.0.1,10.0.0.0/8"])
@pytest.mark.parametrize("forwarded", ["127.0.0.1", "::1", "127.0.0.1, 127.0.0.1, 127.0.0.1", "", "unknown"])
def test_forwarded_address_is_never_loopback(services: Services, clock: Clock, proxies: str, forwarded: str) -> None:
    client = webhook(services, clock, OPEN)
    app = client.application
    app.wsgi_app = ClientAddress(app.wsgi_app, TrustedProxies.parse(proxies))  # type: ignore[method-assign]  # Flask's documented way
    for peer in ("127.0.0.1", "10.0.0.1", "203.0.113.7", ""):
        assert post(client, {"X-Forwarded-For": forwarded}, peer=peer) == 401
    assert post(client, {}, peer="127.0.0.1") == 200
    assert post(client, {}, peer="10.0.0.1") == 401


def test_production_without_secret_rejects_all(services: Services, clock: Clock) -> None:
    assert post(webhook(services, clock, Config(environment="production")), {}, peer="127.0.0.1") == 401
