"""Twilio's signatures."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from peterental.notices.texts.signature import is_signed, signature_of

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),  # pragma: allowlist secret
    ("Caller", "+12349013030"),
    ("Digits", "1234"),
    ("From", "+12349013030"),
    ("To", "+18005551212"),
]
TOKEN = "12345"
PUBLISHED = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="  # pragma: allowlist secret
"""Twilio's example: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""


def check(signature: str | None, settings: str | None = None, **changes: Any) -> bool:
    arguments: dict[str, Any] = {"url": URL, "parameters": FORM, "auth_token": TOKEN, "shared_key": None}
    return is_signed(signature, settings, **(arguments | changes))


def test_published_vectors_are_accepted() -> None:
    """The present one, and the one of the tests of Twilio's own libraries."""
    assert check(PUBLISHED)
    older = [(name, value.replace("+12349013030", "+14158675309")) for name, value in FORM]
    assert check("RSOYDt4T1cUTdK1PDd93/VVr8B8=", parameters=older)


@pytest.mark.parametrize(
    ("signature", "changes"),
    [
        (None, {}),
        ("", {}),
        ("not base64!", {}),
        ("0/KCTR6DLpKmkAf8muzZqo1nDgA=", {}),  # pragma: allowlist secret
        ("ÿ" * 28, {}),
        (PUBLISHED, {"auth_token": "1234"}),
        (PUBLISHED, {"auth_token": None}),
        (PUBLISHED, {"auth_token": ""}),
        (PUBLISHED, {"url": URL.replace("https", "http")}),
        (PUBLISHED, {"parameters": FORM[:-1]}),
        (PUBLISHED, {"parameters": [*FORM, ("Body", "yes")]}),
    ],
)
def test_anything_else_is_refused(signature: str | None, changes: dict[str, Any]) -> None:
    assert not check(signature, **changes)


def test_the_order_of_parameters_does_not_matter() -> None:
    assert check(PUBLISHED, parameters=[*reversed(FORM), FORM[0]])


def test_a_shared_key_signs_with_sha256() -> None:
    key = "key=CS1,algorithm=HMAC_SHA256"
    signature = base64.b64encode(signature_of("shared", URL, FORM, algorithm="sha256")).decode()
    assert check(signature, key, shared_key="shared")
    assert check(signature, "algorithm=HMAC_SHA256, key=CS1", shared_key="shared")
    assert not check(signature, key)
    assert not check(signature, None, auth_token="shared")
    assert not check(signature, "key=CS1,algorithm=HMAC_MD5", shared_key="shared")
    assert not check(signature, "", shared_key="shared")


def test_the_auth_token_does_not_sign_for_the_shared_key() -> None:
    """The token of the account does not replace the key that a rule names."""
    assert not check(PUBLISHED, "key=CS1,algorithm=HMAC_SHA1", shared_key="shared")
