"""HttpClient against servers that hang, lie, redirect and send bombs."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from peterental.calendars import http, public_addresses, transport
from peterental.calendars.http import HttpAnswer, HttpClient, host_of, raise_for_status, retry_after_s
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarFault,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
)
from tests.calendars.loopback import Exchange, LoopbackServer, Script, answer, redirect
from tests.servers import HANG_S

SHORT_S = 0.25
"""The time of a client whose server never finishes."""


@pytest.fixture
def client() -> Iterator[HttpClient]:
    """Build a client that may use loopback."""
    built = HttpClient(timeout_s=HANG_S, allow_private=True, max_bytes=100_000)
    yield built
    built.close()


def fault_of(*scripts: Script, timeout_s: float = HANG_S, max_bytes: int = 100_000) -> CalendarFault:
    """Return the fault that a server's answers lead to."""
    with LoopbackServer(*scripts) as server:
        client = HttpClient(timeout_s=timeout_s, allow_private=True, max_bytes=max_bytes)
        with pytest.raises(CalendarFault) as caught:
            client.request("GET", server.url("/private-0123abcd/basic.ics?key=hush"))
        client.close()
    shown = f"{caught.value} {caught.value.values} {caught.value.__cause__} {caught.value.__context__}"
    assert "0123abcd" not in shown
    assert "hush" not in shown
    return caught.value


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Make every name resolve to these addresses: the first list the first time; the last is repeated."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def treat_as_public(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Make addresses of this machine stand for public ones."""
    public = {ip_address(address) for address in addresses}
    monkeypatch.setattr(
        transport, "is_public", lambda address: address in public or public_addresses.is_public(address)
    )


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_comes_with_headers_and_body(client: HttpClient) -> None:
    with LoopbackServer(answer(b"hello", headers={"ETag": '"1"'})) as server:
        got = client.request("GET", server.url("/a"), headers={"If-None-Match": '"0"'})
    assert (got.status, got.body, got.headers["etag"], got.url) == (200, b"hello", '"1"', server.url("/a"))
    assert server.exchanges[0].line == "GET /a"
    assert server.exchanges[0].header("If-None-Match") == '"0"'
    assert server.exchanges[0].header("Host") == f"127.0.0.1:{server.port}"
    assert server.exchanges[0].header("User-Agent") == "PeteRental"


@pytest.mark.parametrize("status", ["201 Created", "304 Not Modified", "404 Not Found", "500 Oops", "599 Odd"])
def test_every_status_is_returned(client: HttpClient, status: str) -> None:
    with LoopbackServer(answer(status=status)) as server:
        assert client.request("GET", server.url()).status == int(status[:3])


def test_any_method_sends_its_body(client: HttpClient) -> None:
    with LoopbackServer(answer(status="207 Multi-Status")) as server:
        client.request("PROPFIND", server.url(), headers={"Depth": "1"}, body=b"<x/>")
    assert (server.exchanges[0].line, server.exchanges[0].body) == ("PROPFIND /", b"<x/>")


def test_requests_share_a_connection(client: HttpClient) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with LoopbackServer(answer(b"1"), chunked, answer(status="204 No Content"), answer(b"4")) as server:
        bodies = [client.request("GET", server.url()).body for _ in range(4)]
        assert (bodies, server.connections) == ([b"1", b"hello", b"", b"4"], 1)


def test_a_connection_that_the_server_closed_is_not_used_again(client: HttpClient) -> None:
    def answer_and_leave(exchange: Exchange) -> None:
        exchange.connection.sendall(answer(b"1"))
        exchange.connection.shutdown(socket.SHUT_RDWR)
        exchange.left.set()

    with LoopbackServer(answer_and_leave, answer(b"2")) as server:
        assert client.request("GET", server.url()).body == b"1"
        assert server.exchanges[0].left.wait(HANG_S)
        assert client.request("GET", server.url()).body == b"2"
        assert server.connections == 2


def test_a_body_without_length_ends_with_the_connection(client: HttpClient) -> None:
    def send_and_close(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")

    with LoopbackServer(send_and_close) as server:
        assert client.request("GET", server.url()).body == b"hello"


def test_ipv6_is_reached_by_its_address(client: HttpClient) -> None:
    with LoopbackServer(answer(b"six"), host="::1") as server:
        assert client.request("GET", server.url(host="[::1]")).body == b"six"
    assert server.exchanges[0].header("Host") == f"[::1]:{server.port}"


def test_a_second_address_is_tried(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    with LoopbackServer(answer(b"here")) as server:
        assert client.request("GET", server.url(host="two.example")).body == b"here"
    assert server.exchanges[0].header("Host") == f"two.example:{server.port}"


def test_proxies_of_the_environment_are_ignored(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with LoopbackServer(answer(b"direct")) as server:
        assert client.request("GET", server.url()).body == b"direct"


# --- compression -----------------------------------------------------------------------------------------------------

RAW = zlib.compressobj(wbits=-15)
TEXT = b"BEGIN:VCALENDAR" * 100


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", RAW.compress(TEXT) + RAW.flush()),
        ("identity", TEXT),
    ],
    ids=["gzip", "x-gzip", "two members", "deflate", "raw deflate", "identity"],
)
def test_compressed_bodies_are_read(client: HttpClient, encoding: str, body: bytes) -> None:
    with LoopbackServer(answer(body, headers={"Content-Encoding": encoding})) as server:
        assert client.request("GET", server.url()).body == TEXT


@pytest.mark.parametrize("beyond", [0, 1, 2, 100, 258, 300])
@pytest.mark.parametrize("window_bits", [-15, 15, 31], ids=["raw deflate", "zlib", "gzip"])
def test_the_end_of_a_compressed_body_is_read(client: HttpClient, window_bits: int, beyond: int) -> None:
    """The decompressor may have read all input while a few bytes of its output are not returned yet."""
    body = b"a" * (65_536 + beyond)
    compressor = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    sent = compressor.compress(body) + compressor.flush()
    with LoopbackServer(answer(sent, headers={"Content-Encoding": "deflate"})) as server:
        assert client.request("GET", server.url()).body == body


def test_zeros_after_a_compressed_body_are_ignored(client: HttpClient) -> None:
    with LoopbackServer(answer(gzip.compress(TEXT) + bytes(512), headers={"Content-Encoding": "gzip"})) as server:
        assert client.request("GET", server.url()).body == TEXT


def test_an_empty_compressed_body_is_empty(client: HttpClient) -> None:
    with LoopbackServer(answer(headers={"Content-Encoding": "gzip"})) as server:
        assert client.request("GET", server.url()).body == b""


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: gzip.compress(bytes(200_000_000)),
        lambda: zlib.compress(bytes(200_000_000)),
        lambda: gzip.compress(bytes(60_000)) * 300,
    ],
    ids=["gzip", "deflate", "many members"],
)
def test_a_bomb_is_noticed_while_it_unpacks(bomb: Callable[[], bytes]) -> None:
    fault = fault_of(answer(bomb(), headers={"Content-Encoding": "gzip"}), max_bytes=1_000_000)
    assert isinstance(fault, CalendarNonsense)
    assert str(fault).startswith("127.0.0.1 sent something that is not a calendar: the answer is larger than 1 MB")


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("gzip", b"no gzip at all", "the compressed answer is broken"),
        ("gzip", gzip.compress(TEXT) + b"rubbish", "the compressed answer is broken"),
        ("gzip", gzip.compress(TEXT)[:-9], "the answer is cut off"),
        ("br", b"?", "its compression is not known"),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), "its compression is not known"),
    ],
    ids=["no gzip", "rubbish after it", "cut off", "unknown", "twice"],
)
def test_broken_compression_is_nonsense(encoding: str, body: bytes, reason: str) -> None:
    fault = fault_of(answer(body, headers={"Content-Encoding": encoding}))
    assert isinstance(fault, CalendarNonsense)
    assert fault.values["reason"] == reason


# --- sizes and times -------------------------------------------------------------------------------------------------


def endless(start: bytes, more: bytes) -> Callable[[Exchange], None]:
    """Return a script that goes on sending."""

    def send(exchange: Exchange) -> None:
        exchange.connection.sendall(start)
        while not exchange.stop.is_set():
            exchange.connection.sendall(more)

    return send


@pytest.mark.parametrize(
    "script",
    [
        answer(bytes(100_001)),
        answer(bytes(1_000_000), length=10**15),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(10_000)),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + bytes(1024) + b"\r\n"),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    ],
    ids=["too large", "lies", "endless", "endless chunks", "endless 100"],
)
def test_too_much_is_nonsense(script: Script) -> None:
    fault = fault_of(script)
    assert isinstance(fault, CalendarNonsense)
    assert "larger than" in str(fault)


@pytest.mark.parametrize(
    "script",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"X-Header: 1\r\n" * 50),
        endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000),
        endless(b"", b"x" * 10_000),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1" * 10_000),
        answer(b"short", length=100)[:-1] + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
    ],
    ids=["headers", "one header", "status", "length of a chunk", "cut off", "SSH", "no chunk", "odd status"],
)
def test_no_http_is_a_failed_connection(script: Script) -> None:
    def send_and_close(exchange: Exchange) -> None:
        exchange.connection.sendall(script) if isinstance(script, bytes) else script(exchange)

    assert isinstance(fault_of(send_and_close), CalendarUnreachable)


@pytest.mark.parametrize(
    "script",
    [
        Exchange.hang,
        lambda exchange: exchange.trickle(b"H"),
        lambda exchange: (exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nX: "), exchange.trickle(b"y")),
        lambda exchange: (exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), exchange.trickle(b"y")),
        lambda exchange: (exchange.connection.sendall(answer(b"", length=9)), exchange.hang()),
        lambda exchange: exchange.trickle(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["hangs", "slow status", "slow header", "slow body", "body hangs", "slow 100"],
)
def test_a_slow_server_ends_with_the_time(script: Script) -> None:
    fault = fault_of(script, timeout_s=SHORT_S)
    assert isinstance(fault, CalendarUnreachable)
    assert str(fault) == "127.0.0.1 cannot be reached: no answer within 0.25 seconds."


def test_a_server_that_never_accepts_ends_too() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        client = HttpClient(timeout_s=SHORT_S, allow_private=True)
        with pytest.raises(CalendarUnreachable):
            client.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/")


def test_a_server_that_does_not_read_ends_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(timeout_s=SHORT_S, allow_private=True)
        with pytest.raises(CalendarUnreachable):
            client.request("PUT", f"http://127.0.0.1:{listener.getsockname()[1]}/", body=bytes(20_000_000))


def test_a_name_server_that_hangs_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait() and [])
    with pytest.raises(CalendarUnreachable, match=r"no answer within 0.25 seconds"):
        HttpClient(timeout_s=SHORT_S, allow_private=True).request("GET", "http://slow.example/")
    over.set()


def test_the_time_is_for_all_requests_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(transport, "monotonic", lambda: now[0])
    client = HttpClient(timeout_s=60, allow_private=True)
    with LoopbackServer(answer(b"1")) as server:
        assert client.request("GET", server.url()).body == b"1"
        now[0] = 60.0
        with pytest.raises(CalendarUnreachable, match=r"no answer within 60 seconds"):
            client.request("GET", server.url())
        assert len(server.exchanges) == 1


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CalendarUnreachable, match=r"127.0.0.1 cannot be reached: the connection failed"):
        HttpClient(timeout_s=HANG_S, allow_private=True).request("GET", f"http://127.0.0.1:{port}/secret")


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'x' * 64}.example", "*.example"])
def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(name: str, port: int, **kinds: Any) -> Any:
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(name, port, **kinds)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(CalendarUnreachable, match=r"there is no such name"):
        HttpClient(timeout_s=HANG_S).request("GET", f"https://{host}/")


# --- where a request may go ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://calendar.example/a.ics", "it does not begin with https://"),
        ("file:///etc/passwd", "it is not a web address"),
        ("gopher://calendar.example/", "it does not begin with https://"),
        ("calendar.example/a.ics", "it does not begin with https://"),
        ("https://", "it is not a web address"),
        ("https:///a.ics", "it is not a web address"),
        ("https://[::1/", "it is not a web address"),
        ("https://calendar.example:99999/", "it is not a web address"),
        ("https://calendar.example/a\r\nX: y", "it is not a web address"),
        ("https://calendar.example/" + "a" * 9000, "it is too long"),
        ("", "it is not a web address"),
    ],
)
def test_an_odd_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(AddressNotAllowed) as caught:
        HttpClient(timeout_s=HANG_S).request("GET", url)
    assert str(caught.value) == f"That address cannot be used: {reason}."


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "localhost",
     "169.254.169.254", "[fd00::1]", "[fe80::1]"],
)  # fmt: skip
def test_an_address_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressNotAllowed, match=r"is not on the public internet"):
        HttpClient(timeout_s=HANG_S).request("GET", f"https://{host}/latest/meta-data/")


@pytest.mark.parametrize("private", ["127.0.0.1", "169.254.169.254", "100.64.1.1", "::ffff:10.1.1.1", "2002:a00:1::"])
def test_one_private_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch, private: str) -> None:
    resolve(monkeypatch, ["93.184.215.14", private])
    with pytest.raises(AddressNotAllowed, match=r"mixed.example is not on the public internet"):
        HttpClient(timeout_s=HANG_S).request("GET", "https://mixed.example/")


def test_metadata_is_refused_even_where_private_is_allowed(client: HttpClient) -> None:
    with pytest.raises(AddressNotAllowed):
        client.request("GET", "http://169.254.169.254/latest/meta-data/")


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer would be private."""
    treat_as_public(monkeypatch, "127.0.0.2")
    asked = resolve(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    with LoopbackServer(answer(b"public"), host="127.0.0.2") as server:
        monkeypatch.setattr(HttpClient, "_checked", lambda _, url: parse_url(url))  # allows plain http
        client = HttpClient(timeout_s=HANG_S)
        assert client.request("GET", server.url(host="rebinding.example")).body == b"public"
        client.close()
        with pytest.raises(AddressNotAllowed):
            HttpClient(timeout_s=HANG_S).request("GET", server.url(host="rebinding.example"))
    assert asked == ["rebinding.example"] * 2


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/", "//169.254.169.254/", "http://[fe80::1]/"])
def test_a_redirect_to_a_metadata_service_is_refused(client: HttpClient, target: str) -> None:
    with LoopbackServer(redirect(target)) as server, pytest.raises(AddressNotAllowed):
        client.request("GET", server.url())


@pytest.mark.parametrize("target", ["ftp://calendar.example/", "file:///etc/passwd", "https://[broken"])
def test_a_redirect_to_no_web_address_is_refused(client: HttpClient, target: str) -> None:
    with LoopbackServer(redirect(target)) as server, pytest.raises(AddressNotAllowed):
        client.request("GET", server.url())


# --- redirects and credentials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("method", ["GET", "PROPFIND", "REPORT", "OPTIONS"])
def test_a_redirect_is_followed(client: HttpClient, method: str, status: str) -> None:
    with LoopbackServer(redirect("/b?x=1#part", status), answer(b"there")) as server:
        got = client.request(method, server.url("/a"), body=b"<x/>", auth=("dana", "secret"))
    assert (got.body, got.url) == (b"there", server.url("/b?x=1"))
    assert [(e.line, e.body) for e in server.exchanges] == [(f"{method} /a", b"<x/>"), (f"{method} /b?x=1", b"<x/>")]
    assert server.exchanges[1].header("Authorization") == server.exchanges[0].header("Authorization")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_change_is_not_redirected(client: HttpClient, method: str) -> None:
    with LoopbackServer(redirect("/b")) as server:
        assert client.request(method, server.url("/a")).status == 302
    assert len(server.exchanges) == 1


def test_a_redirect_can_be_left_to_the_caller(client: HttpClient) -> None:
    with LoopbackServer(redirect("/b")) as server:
        got = client.request("GET", server.url("/a"), follow=False)
    assert (got.status, got.headers["Location"]) == (302, "/b")


def test_a_redirect_without_a_target_is_an_answer(client: HttpClient) -> None:
    with LoopbackServer(answer(status="301 Moved")) as server:
        assert client.request("GET", server.url()).status == 301


def test_redirects_in_a_circle_end() -> None:
    fault = fault_of(redirect("/again"))
    assert str(fault) == "127.0.0.1 sent something that is not a calendar: it redirects more than 5 times."


def test_credentials_stay_with_their_host(client: HttpClient) -> None:
    with LoopbackServer(answer(b"other")) as other, LoopbackServer(redirect(other.url("/b"))) as server:
        client.request("GET", server.url(), headers={"Cookie": "a=b", "Depth": "1"}, auth=("dana", "secret"))
    assert server.exchanges[0].header("Authorization") is not None
    assert other.exchanges[0].header("Authorization") is None
    assert other.exchanges[0].header("Cookie") is None
    assert other.exchanges[0].header("Depth") == "1"


@pytest.mark.parametrize(
    ("origin", "target", "shared"),
    [
        ("https://a.example/x", "https://a.example/y", True),
        ("https://a.example/x", "https://a.example:443/y", True),
        ("http://a.example/x", "http://a.example:80/y", True),
        ("https://a.example/x", "http://a.example:443/y", False),
        ("https://a.example/x", "http://a.example/y", False),
        ("http://a.example:443/x", "https://a.example/y", True),
        ("https://a.example/x", "https://a.example:8443/y", False),
        ("https://a.example/x", "https://b.example/y", False),
    ],
)
def test_credentials_leave_neither_server_nor_tls(origin: str, target: str, shared: bool) -> None:  # noqa: FBT001  # expected
    assert http._may_share_credentials(parse_url(origin), parse_url(target)) is shared


def test_credentials_in_a_url_are_sent_and_hidden(client: HttpClient) -> None:
    with LoopbackServer(answer(b"in")) as server:
        got = client.request("GET", server.url("/a").replace("http://", "http://da%20na:s%C3%A9cret@"))
        assert got.url == server.url("/a")
    assert server.exchanges[0].header("Authorization") == http.basic_authorization("da na", "sécret")


def test_credentials_in_a_redirect_are_dropped(client: HttpClient) -> None:
    with LoopbackServer(redirect("/b"), answer(b"in")) as server:
        server.scripts[0] = redirect(server.url("/b").replace("http://", "http://a:b@"))
        assert client.request("GET", server.url("/a")).url == server.url("/b")
    assert server.exchanges[1].header("Authorization") is None


def test_a_redirect_in_utf_8_is_understood(client: HttpClient) -> None:
    with LoopbackServer(redirect("/b\u00e9").replace(b"\xc3\xa9", "\u00e9".encode()), answer(b"in")) as server:
        client.request("GET", server.url("/a"))
    assert server.exchanges[1].line == "GET /b%C3%A9"


def test_no_log_line_has_the_address(client: HttpClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    odd = b"HTTP/1.1 200 OK\r\n: no name\r\nContent-Length: 0\r\n\r\n"
    with LoopbackServer(odd) as server:
        client.request("GET", server.url("/private-0123abcd/basic.ics"))
    assert "0123abcd" not in caplog.text


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "fault"),
    [
        (401, {}, CalendarAccessLost),
        (403, {}, CalendarAccessLost),
        (403, {"Retry-After": "5"}, CalendarThrottled),
        (429, {}, CalendarThrottled),
        (503, {"Retry-After": "5"}, CalendarThrottled),
        (503, {}, CalendarUnreachable),
        (500, {}, CalendarUnreachable),
        (302, {}, CalendarUnreachable),
        (404, {}, CalendarUnreachable),
        (418, {}, CalendarUnreachable),
    ],
)
def test_a_status_means_a_fault(status: int, headers: dict[str, str], fault: type[CalendarFault]) -> None:
    with pytest.raises(fault, match=r"calendar\.example"):
        raise_for_status(HttpAnswer(status, headers, b"", "https://calendar.example/"), host="calendar.example")


@pytest.mark.parametrize("status", [200, 201, 204, 207, 304])
def test_success_is_no_fault(status: int) -> None:
    raise_for_status(HttpAnswer(status, {}, b"", "https://calendar.example/"), host="calendar.example")


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("120", 120), ("1.5", 1.5), ("0", 1), ("999999", 3600), ("9" * 400, 3600), ("", 60), ("soon", 60), ("-5", 60),
        ("Sun, 29 Nov 2026 12:01:30 GMT", 90), ("Sun, 29 Nov 2026 12:01:30", 90), ("Sun, 29 Nov 2020 12:00:00 GMT", 1),
        ("Sun, 29 Nov 2027 12:00:00 GMT", 3600), ("Sun, 99 Nov 2027 12:00:00 GMT", 60),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(monkeypatch: pytest.MonkeyPatch, text: str, expected_s: float) -> None:
    monkeypatch.setattr(http, "utc_now", lambda: datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert retry_after_s({"Retry-After": text}) == expected_s


def test_json_is_read_or_nonsense() -> None:
    assert HttpAnswer(200, {}, b'{"a": 1}', "https://a.example/x").json() == {"a": 1}
    for body in (b"<html>", b"", b"\xff", b"[" * 100_000):
        with pytest.raises(CalendarNonsense, match=r"a\.example sent something that is not a calendar: it is not JSON"):
            HttpAnswer(200, {}, body, "https://a.example/secret").json()


@pytest.mark.parametrize(("url", "host"), [("https://a.example/x", "a.example"), ("https://[", "The address"), ("", "The address")])  # fmt: skip
def test_only_the_host_of_a_url_is_named(url: str, host: str) -> None:
    assert host_of(url) == host


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(alphabet=st.sampled_from("ab\0\ud83d\ude00\xe9"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(content=JSON, is_escaped=st.booleans())
@example(content="cut \ud83d", is_escaped=True)
@example(content={"\udc00": ["a\0b"]}, is_escaped=False)
@example(content="\U0001f600", is_escaped=True)
def test_texts_of_json_can_be_stored(*, content: Any, is_escaped: bool) -> None:
    """PostgreSQL stores no NUL, and no half of a surrogate pair, which JSON may have."""
    body = json.dumps(content, ensure_ascii=is_escaped).encode("utf-8", "surrogatepass")
    read = HttpAnswer(200, {}, body, "https://a.example/").json()
    text = json.dumps(read, ensure_ascii=False)
    assert text.encode()
    assert "\\u0000" not in text
    if "\\u0000" not in json.dumps(content) and is_storable(content):
        assert read == content


def is_storable(content: Any) -> bool:
    """Return whether JSON has no half of a surrogate pair."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
