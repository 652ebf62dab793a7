"""Bytes, headers, paths and fields that no honest client sends.

Each attack ends by itself; none may lead to a 500.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.attack.attacker import Attacker
from bench.attack.browser import Form
from bench.attack.line import sentence_of
from bench.attack.target import CSV_ROWS
from bench.attack.wire import connection, request
from peterental.voice.tool_registry import TOOLS

Run = Callable[[Attacker], Awaitable[None]]

MAX_FIELD_S = 0.1
"""How long the answer to a field of 20 KB may take; the fastest of `_TRIES` counts, as the machine may be busy."""

LONG_CHARS = 20_000
OK, BAD_REQUEST, NOT_FOUND, FAULT = 200, 400, 404, 500
_TRIES = 4
_MAX_PAGES = 60
_SIDE_BY_SIDE = 4

_VIEWING = re.compile(r"/appointments/(\d+)/")

HEADERS = (
    "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded", "X-Real-IP",
    "Cookie", "Referer", "Origin", "User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Content-Type",
    "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "Range",
    "If-None-Match", "If-Modified-Since", "Authorization", "X-Vapi-Secret", "X-Signature", "X-Timestamp",
    "Sec-Fetch-Site", "X-HTTP-Method-Override",
)  # fmt: skip

BYTES = (
    b"", b" ", b"\xff\xfe", b"\x00", b"\x1b[31mred\x1b[0m", b"\x07\x08\x7f", b"\xc2\x85\xe2\x80\xa8", b"a\rb", b"a\nb",
    b"%0d%0aforged", b"\"'<>&;--", b"9" * 30, b"-1", b"1e309", b"NaN", "\u0663".encode(), b"\xed\xa0\x80",
    b"{{7*7}}%s{0}", b"../" * 20 + b"etc/passwd", b"a" * 4000, b"[::1", b"a:b:c:99999", b"exa mple.com",
    b"evil.example.com", b"127.0.0.1, 10.0.0.1,,, fe80::1%eth0", b'for="[";proto=x', b"null",
    b"\xf0\x9f\x92\xa9", b"=?utf-8?b?AA==?=",
)  # fmt: skip

PATHS = (
    b"/%00", b"/%0aforged", b"/%0d%0aX-Forged:%201", b"/%1b%5b31m", b"/%7f%85%c2%85", b"/%ff%fe", b"/\xff\xfe",
    b"/\xc2\x85", b"//evil.example.com/", b"/\\evil.example.com", b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd",
    b"/assets/%00/x", b"/assets/../../wsgi.py", b"/agents/%00", b"/agents/%ed%a0%80", b"/agents/" + b"a" * 3000,
    b"/appointments/99999999999999999999999", b"/appointments/-1", b"/calls/%e2%80%a8", b"/users/00000000000000001",
    b"/messages/9223372036854775808", b"http://evil.example.com/login", b"*", b"evil.example.com:443", b"/login;a=b",
    b"/login?next=//evil.example.com", b"/login?next=%0d%0aX:%201", b"/appointments?q=%00&page=999999999999999999999",
    b"/appointments?from=0000-00-00&to=99999-99-99&sort=%ff", b"/appointments?page=-1&page=%d9%a3&status=%00",
    b"/audit?page=1e9&q=%ed%a0%80", b"/calls?page=%00&flag=%ff", b"/schema?x=%00", b"/?%00=%00&" + b"a=b&" * 1500,
    b"/join?token=%00%ff", b"/setup?token=" + b"a" * 5000, b"/healthz?x=%1b", b"/readyz?%0a", b"/vapi/webhook",
)  # fmt: skip

METHODS = ("GET", "POST", "HEAD", "PUT", "TRACE", "OPTIONS", "CONNECT", "get", "\u00c4", "A" * 100)

TEXTS = (
    "\x00", "\x1b[31m\x07", "\u0085\u2028", "\ud800", "\u202e\ufeff\u200b", "' OR 1=1 --", "<script>alert(1)</script>",
    "{{7*7}}${7*7}%s{0}", "=1+1", "9" * 40, "-1", "NaN", "\u0663:\u0660\u0660", "99999-99-99", "a@b@c",
    "\r\nBcc: x@example.com", "None", "[]", "💩" * 50,
)  # fmt: skip

_VALUES: tuple[Any, ...] = (None, 7, [], {}, [["a"]])

FILLS = ("a", "9", " ", "(", "1-", "a.", "a@", "é", "\n", "-", "one ", "12 Elm ", "@a.", "to ", "3pm ", "+1 555 ")
"""What a long field is filled with; each may be the worst case of some regular expression."""

_INNER = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_SHAPES = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer_Encoding: chunked\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
    b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    b"Content-Length: 0, 44\r\n\r\n",
    b"Content-Length: +0\r\n\r\n",
    b"Content-Length: -0\r\n\r\n",
    b"Content-Length: 0x0\r\n\r\n",
    b"Content-Length: 0_0\r\n\r\n",
    b"Content-Length : 0\r\n\r\n",
    b"Content-Length: \xd9\xa0\r\n\r\n",
    b" Content-Length: 0\r\n\r\n",
    b"X: a\r\n Content-Length: 0\r\n\r\n",
    b"Content-Length: 0\r\nX\r\n\r\n",
    b"Content-Length: 0\r\nX: a\x00b\r\n\r\n",
    b"Content-Length: 0\nX: a\n\n",
    b"Content-Length: 0\r\nX: a\rX: b\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n1\r\naX\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0;a=\n\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n00000000000000000\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
)
"""Requests whose end two servers may see at different places, each followed by another request."""


async def odd_headers(attacker: Attacker) -> None:
    """Send each odd value in each header, to a page and to the webhook."""
    secret = f"X-Vapi-Secret: {attacker.secret}\r\n".encode()
    body = b'{"message": {"type": "status-update"}}'
    sent = []
    for name in HEADERS:
        for value in BYTES:
            odd = name.encode() + b": " + value + b"\r\n"
            host = b"" if name == "Host" else b"Host: 127.0.0.1\r\n"
            close = b"" if name == "Connection" else b"Connection: close\r\n"
            length = b"" if name == "Content-Length" else f"Content-Length: {len(body)}\r\n".encode()
            sent.append(b"GET /login HTTP/1.1\r\n" + host + odd + close + b"\r\n")
            sent.append(b"POST /vapi/webhook HTTP/1.1\r\n" + host + odd + secret + length + close + b"\r\n" + body)
    await _all(attacker, sent)


async def odd_paths(attacker: Attacker) -> None:
    """Send odd paths and methods, as a stranger and signed in."""
    cookie = f"Cookie: {attacker.browser.headers['Cookie']}\r\n".encode()
    end = b"Host: 127.0.0.1\r\nConnection: close\r\n"
    sent = [b"GET " + path + b" HTTP/1.1\r\n" + end + more + b"\r\n" for path in PATHS for more in (b"", cookie)]
    sent += [f"{method} {path} HTTP/1.1\r\n".encode() + end + b"\r\n" for method in METHODS for path in ("/login", "*")]
    await _all(attacker, sent)


async def odd_fields(attacker: Attacker) -> None:
    """Send odd texts in every form of every page, and in every argument of every tool."""
    forms = await _forms(attacker)
    for form in forms:
        for text in TEXTS:
            await _send(attacker, form, dict.fromkeys(form.free, text))
    for tool, name in _arguments():
        for value in (*TEXTS, *_VALUES):
            await _call(attacker, tool, {name: value})
    attacker.remark = f"{len(forms)} forms, {len(_arguments())} arguments of tools"


async def long_fields(attacker: Attacker) -> None:
    """Send 20 KB in each field of each form and each argument of each tool."""
    forms = await _forms(attacker)
    slowest: tuple[float, str] = (0.0, "")
    for form in forms:
        for number, name in enumerate(form.free):
            fills = FILLS if "/rehearsal" in form.action else (FILLS[number % len(FILLS)], "a", "9")
            for fill in fills:
                took_s = await _fastest(lambda: _send(attacker, form, {name: _long(fill)}))  # noqa: B023  # runs at once
                slowest = max(slowest, (took_s, f"{form.action}, {name}: {fill!r}"))
    for tool, name in _arguments():
        for fill in FILLS:
            took_s = await _fastest(lambda: _call(attacker, tool, {name: _long(fill)}))  # noqa: B023  # runs at once
            slowest = max(slowest, (took_s, f"{tool}, {name}: {fill!r}"))
    attacker.remark = f"slowest {1000 * slowest[0]:.0f} ms ({slowest[1]})"
    if slowest[0] > MAX_FIELD_S:
        attacker.complaints.append(f"a field of 20 KB took {1000 * slowest[0]:.0f} ms: {slowest[1]}")


async def smuggling(attacker: Attacker) -> None:
    """Send requests with an ambiguous end; what follows them must not be answered."""
    for shape in _SHAPES:
        statuses: list[int] = []
        with connection(attacker.port) as wire:
            attacker.opened += 1
            try:
                async with asyncio.timeout(5):
                    await wire.connect()
                    await wire.send(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n" + shape + _INNER)
                    while len(statuses) < 2:  # noqa: PLR2004  # as many as there are requests
                        statuses.append((await wire.answer()).status)
            except (OSError, TimeoutError, ValueError):
                pass
        attacker.statuses.update(statuses)
        # What follows an invalid body may be refused as well, before the connection is closed; it must not be served.
        if any(status < BAD_REQUEST or status == NOT_FOUND for status in statuses):
            attacker.complaints.append(f"a second request was served in {shape[:60]!r}: {statuses}")


async def _all(attacker: Attacker, sent: list[bytes]) -> None:
    """Send requests on new connections, a few at a time."""
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def send(data: bytes) -> None:
        async with gate:
            # Some announce a longer body than they send, and are closed by the server's deadline or by us.
            status = await attacker.ask(data, timeout_s=0.5)
            if status == FAULT:
                attacker.complaints.append(f"500 for {data[:120]!r}")

    await asyncio.gather(*map(send, sent))


async def _forms(attacker: Attacker) -> list[Form]:
    forms = await attacker.browser.forms(_MAX_PAGES)
    return [form for form in forms if form.free and not _is_spared(form.action)]


def _is_spared(action: str) -> bool:
    """Return whether a form would end the session, or change a viewing that a measured caller booked."""
    viewing = _VIEWING.match(action)
    return "out" in action.rsplit("/", 1)[-1] or (viewing is not None and int(viewing.group(1)) > CSV_ROWS)


async def _send(attacker: Attacker, form: Form, fields: dict[str, str]) -> None:
    answer = await attacker.browser.send(form, form.fields | fields)
    attacker.statuses[answer.status] += 1
    if answer.status >= FAULT:
        attacker.complaints.append(f"{answer.status} for {form.action} with {str(fields)[:80]}")


def _arguments() -> list[tuple[str, str]]:
    """Return the name of each tool with the name of each of its arguments."""
    return [(tool.name, argument.name) for tool in TOOLS for argument in tool.arguments]


async def _call(attacker: Attacker, tool: str, arguments: dict[str, Any]) -> None:
    """Call a tool with odd arguments; it answers with 200 and a sentence."""
    function = {"name": tool, "arguments": arguments}
    call = {"id": "attack-odd", "assistantId": "00000000-0000-4000-8000-000000000000"}
    message = {
        "type": "tool-calls",
        "call": call,
        "toolCallList": [{"id": attacker.chance.random(), "function": function}],
    }
    headers = attacker.browser.headers | {"Content-Type": "application/json", "X-Vapi-Secret": attacker.secret}
    with connection(attacker.port) as wire:
        await wire.connect()
        await wire.send(request("POST", "/vapi/webhook", headers, json.dumps({"message": message}).encode()))
        answer = await wire.answer()
    attacker.opened += 1
    attacker.statuses[answer.status] += 1
    if answer.status != OK or not sentence_of(answer.body):
        attacker.complaints.append(f"{answer.status} for {tool} with {str(arguments)[:80]}")


async def _fastest(work: Callable[[], Awaitable[None]]) -> float:
    """Run it, again if it took too long, and return the shortest time in seconds."""
    fastest_s = MAX_FIELD_S + 1
    for _ in range(_TRIES):
        began_s = time.monotonic()
        await work()
        fastest_s = min(fastest_s, time.monotonic() - began_s)
        if fastest_s <= MAX_FIELD_S:
            break
    return fastest_s


def _long(fill: str) -> str:
    return (fill * LONG_CHARS)[: LONG_CHARS - 1] + "!"
