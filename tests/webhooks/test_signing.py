"""Signatures, compared with the reference implementation of Standard Webhooks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from peterental.webhooks.signing import new_secret, signature_header

IDS = st.from_regex(r"\Amsg_[0-9a-f]{32}\Z")
TIMES = st.integers(min_value=0, max_value=4_000_000_000)
SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


@given(secret=SECRETS, message_id=IDS, timestamp=TIMES, body=st.text(st.characters(codec="utf-8")))
def test_signature_is_that_of_the_reference(secret: str, message_id: str, timestamp: int, body: str) -> None:
    moment = datetime.fromtimestamp(timestamp, UTC)
    expected = Webhook(secret).sign(message_id, moment, body)
    assert signature_header([secret], message_id, timestamp, body.encode()) == expected


def test_reference_verifies_both_secrets_of_a_rotation() -> None:
    old, new, body = new_secret(), new_secret(), b'{"type":"webhook.test"}'
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": signature_header([new, old], "msg_1", now, body),
    }
    for secret in (old, new):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_secrets_have_32_random_bytes() -> None:
    secret = new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret != new_secret()
