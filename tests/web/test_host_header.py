"""The Host header decides nothing: any value gets an answer, and links start with the public address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from peterental.access import Viewer
from peterental.config import Config
from peterental.web.host_header import is_host

VALID = [
    "rent.example.com", "RENT.example.com:443", "a", "a.", "a:", "a:1", "a:65535", "127.0.0.1:8000", "[::1]", "[::1]:80",
    "[2001:db8::ffff:1.2.3.4]:1", "xn--caf-dma.example", "under_score.example", "0x7f.1", "-a",
]  # fmt: skip
INVALID = [
    "", " ", "a,b", "a, b", "a b", " a", "a ", "caf\xe9", "\xe2\x80\xae", "x" * 10_240, "a." * 5_000, "a:0", "a:99999",
    "a:-1", "a:b", "a:1:2", "a:٣", "[::1", "::1]", "[::1]x", "[zz]", "[]", "::1", "a\x00b", "a\tb", "a\r\nb", "a\x7f",
    "a\x1b[2J", "a..b", ".", "..", ".a", "l" * 64, "l" * 64 + ".com", "xn--a", "xn--zzzzzz", "a/b", "a?b", "a#b", "a@b",
    "user:pass@a:80", "%41", "a%00", ":80", "[v1.x]", "[::1%25eth0]", "a\\b", "a;b", "'\"<>", "*", "http://a",
]  # fmt: skip

PATHS = ["/login", "/nothing", "/agents", "//agents", "/agents//new", "/readyz", "/assets/none", "/?x=1"]


def ask(app: Flask, path: str, host: str | None, method: str = "GET") -> tuple[int, dict[str, str], str]:
    """Send a request as a WSGI server does; the test client refuses most hosts itself."""
    environ = EnvironBuilder("/", method=method).get_environ()
    environ["PATH_INFO"], _, environ["QUERY_STRING"] = path.partition("?")
    del environ["HTTP_HOST"]
    if host is not None:
        environ["HTTP_HOST"] = host
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    return int(status[:3]), dict(headers), b"".join(body).decode()


@pytest.mark.parametrize("host", VALID)
def test_valid_hosts_are_accepted(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize("host", INVALID, ids=repr)
def test_invalid_hosts_get_a_400_page(app: Flask, host: str) -> None:
    for path in PATHS:
        for method in ("GET", "POST"):
            assert ask(app, path, host, method)[0] == 400
    _, headers, page = ask(app, "/login", host)
    assert "The browser sent a request that PeteRental cannot read." in page
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert host.strip() == "" or len(host) < 3 or host not in page


@pytest.mark.parametrize("host", [*VALID, None])
def test_valid_hosts_get_a_page(app: Flask, host: str | None) -> None:
    assert [ask(app, path, host)[0] for path in PATHS] == [200, 404, 303, 303, 308, 200, 404, 303]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(st.characters(max_codepoint=255), max_size=300),
        st.from_regex(r"[a-z0-9.\-_xn\[\]:%@,]{1,80}", fullmatch=True),
    )
)
def test_no_host_is_an_error(app: Flask, host: str) -> None:
    assert ask(app, "/login", host)[0] in {200, 400}
    assert ask(app, "/agents//new", host)[0] in {308, 400}


@pytest.mark.parametrize(
    "path", ["/agents", "//agents", "/agents//new", "/appointments///new?x=http://evil.example:8", "/"]
)
def test_redirects_are_relative(app: Flask, path: str) -> None:
    status, headers, _ = ask(app, path, "evil.example:81")
    assert status in {303, 308}
    assert re.match(r"/(?!/)", headers["Location"])
    assert ":81" not in headers["Location"]


def test_links_start_with_the_public_address(
    make_app: Callable[[Config], Flask], config: Config, admin: Viewer
) -> None:
    client = make_app(replace(config, public_url="https://rent.example.com")).test_client()
    base = "http://evil.example"

    def send(path: str, **fields: str) -> str:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path, base_url=base).text)
        assert token
        response = client.post(path, data={"csrf_token": token.group(1), **fields}, base_url=base)
        assert response.status_code == 303
        return response.headers["Location"]

    send("/login", email=admin.email, password="correct horse battery")
    page = client.get(send("/users/invite", email="ben@example.com", full_name="Ben", role="agent"), base_url=base).text
    assert 'value="https://rent.example.com/join?token=' in page
    assert "evil.example" not in page


@pytest.mark.parametrize("subdomains", [False, True])
def test_hsts_covers_subdomains_on_request(
    make_app: Callable[[Config], Flask], config: Config, *, subdomains: bool
) -> None:
    production = replace(config, environment="production", vapi_webhook_secret="x" * 32, hsts_subdomains=subdomains)
    header = ask(make_app(production), "/login", "rent.example.com")[1]["Strict-Transport-Security"]
    assert header == "max-age=31536000" + ("; includeSubDomains" if subdomains else "")
