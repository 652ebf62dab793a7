"""Forms that no browser sends are refused with a page, on every address, signed in or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.web.shell.form_parsing import MAX_FIELDS

if TYPE_CHECKING:
    from tests.web.conftest import Browser

MULTIPART = "multipart/form-data; boundary=x"
URL_ENCODED = "application/x-www-form-urlencoded"
PARAMETER = re.compile(r"<[^>]*>")


def part(disposition: bytes) -> bytes:
    """Return a multipart body with one part."""
    return b"--x\r\nContent-Disposition: " + disposition + b"\r\n\r\nb\r\n--x--\r\n"


FORMS = {
    "part without a name": (part(b"form-data"), MULTIPART, 400),
    "part with another parameter": (part(b"form-data; a=b"), MULTIPART, 400),
    "part with an empty name": (part(b"form-data; name="), MULTIPART, 400),
    "part with an empty disposition": (part(b""), MULTIPART, 400),
    "file without a name": (part(b"form-data; filename=x"), MULTIPART, 400),
    "token that is a file": (part(b"form-data; name=csrf_token; filename=x"), MULTIPART, 400),
    "part without a disposition": (b"--x\r\n\r\nb\r\n--x--\r\n", MULTIPART, 400),
    "no boundary": (b"x", "multipart/form-data", 400),
    "unknown charset": (b"a=%ff%00", f"{URL_ENCODED}; charset=utf-99", 400),
    "many fields": (b"a&" * MAX_FIELDS, URL_ENCODED, 413),
    "many parts": (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n" * 2_000 + b"--x--\r\n", MULTIPART, 413),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.usefixtures("admin")
def test_malformed_form_is_refused(name: str, app: Flask) -> None:
    body, content_type, status = FORMS[name]
    for path in ("/login", "/forgot"):
        response = app.test_client().post(path, data=body, content_type=content_type)
        assert (path, response.status_code) == (path, status)
        assert response.mimetype == "text/html"


@pytest.mark.untraced
def test_no_address_fails_at_a_malformed_form(app: Flask, office: Browser, open_browser: Callable[[], Browser]) -> None:
    body, content_type, _ = FORMS["part without a name"]
    for browser in (office, open_browser()):
        for rule in app.url_map.iter_rules():
            if "POST" in (rule.methods or set()):
                path = PARAMETER.sub("1", rule.rule)
                response = browser._client.post(path, data=body, content_type=content_type)
                assert response.status_code < 500, path


def test_many_fields_are_read(office: Browser) -> None:
    """As many as a form may have, with those that count at its end."""
    fields = "&".join(["agent=a"] * (MAX_FIELDS - 10))
    token = office.token("/account")
    response = office._client.post("/logout", data=f"{fields}&csrf_token={token}", content_type=URL_ENCODED)
    assert response.headers["Location"] == "/login"
