"""Many requests at once, or large ones. Each ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from bench.attack.attacker import Attacker
from bench.attack.browser import Browser
from bench.attack.wire import Wire, request
from bench.pages.office import EMAIL, PASSWORD

Run = Callable[[Attacker], Awaitable[None]]

FLOOD_S = 3.0
"""How long a flood of small requests lasts."""

BIG_BODY_BYTES = 4_800_000
SIGN_INS = 24
UNAUTHORIZED = 401
_JSON = {"Content-Type": "application/json"}


def connections(clients: int) -> Run:
    """Return an attack whose clients connect and disconnect as fast as they can."""

    async def run(attacker: Attacker) -> None:
        async def client() -> None:
            while True:
                await attacker.once(_nothing)
                await asyncio.sleep(0)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLOOD_S):
                await asyncio.gather(*(client() for _ in range(clients)))

    return run


def pipelined(clients: int, requests: int) -> Run:
    """Return an attack whose clients send all requests before they read an answer."""

    async def run(attacker: Attacker) -> None:
        data = request("GET", "/login") * requests

        async def behave(wire: Wire) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLOOD_S):
                    await wire.send(data)
                    for _ in range(requests):
                        attacker.statuses[(await wire.answer()).status] += 1

        await asyncio.gather(*(attacker.once(behave) for _ in range(clients)))

    return run


def huge_heads(clients: int) -> Run:
    """Return an attack with heads that are too long in each possible way."""
    heads = [
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Many: a\r\n" * 50_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"a=b; " * 200_000 + b"\r\n\r\n",
        b"a" * 1_000_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 1_000_000,
    ]

    async def run(attacker: Attacker) -> None:
        await _in_parallel(clients, attacker, [head for head in heads for _ in range(clients // 2)])

    return run


def big_bodies(times: int) -> Run:
    """Return an attack with eight large bodies at once, with the webhook's secret."""

    async def run(attacker: Attacker) -> None:
        line = {"role": "user", "message": "Could I come on Tuesday? " * 6, "time": 1795445435022}
        history = [line] * (BIG_BODY_BYTES // (len(json.dumps(line)) + 2))
        body = json.dumps({"message": {"type": "status-update", "artifact": {"messages": history}}}).encode()
        data = request("POST", "/vapi/webhook", _JSON | {"X-Vapi-Secret": attacker.secret}, body)
        for _ in range(times):
            await _in_parallel(8, attacker, [data] * 8)

    return run


def wrong_secrets(clients: int) -> Run:
    """Return an attack whose clients guess the webhook's secret as fast as they can."""

    async def run(attacker: Attacker) -> None:
        async def client(number: int) -> None:
            for guess in range(100_000):
                headers = _JSON | {"X-Vapi-Secret": f"guess {number} {guess}", "X-Signature": "0" * 64}
                status = await attacker.ask(request("POST", "/vapi/webhook", headers, b'{"message": {}}'))
                if status not in {0, UNAUTHORIZED}:
                    attacker.complaints.append(f"a guessed secret was answered with {status}")

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLOOD_S):
                await asyncio.gather(*map(client, range(clients)))

    return run


def sign_ins(times: int, email: str = "", password: str = "") -> Run:
    """Return an attack with 24 sign-ins at once, each from an address of its own.

    Args:
        times: how often.
        email: of the user; empty for a different unknown one each time.
        password: what is tried.
    """

    async def run(attacker: Attacker) -> None:
        browser = Browser(attacker.port)
        form = await browser.sign_in_form()
        browser.close()
        for turn in range(times):
            sent = []
            for number in range(SIGN_INS):
                who = email or f"stranger-{turn}-{number}@example.com"
                fields = form.fields | {"email": who, "password": password or "a wrong password"}
                headers = browser.headers | {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "X-Forwarded-For": f"198.51.{turn}.{number}",
                }
                sent.append(request("POST", "/login", headers, urlencode(fields).encode()))
            await _in_parallel(SIGN_INS, attacker, sent)

    return run


def right_sign_ins(times: int) -> Run:
    """Return an attack with 24 correct sign-ins of one user at once."""
    return sign_ins(times, EMAIL["agent"], PASSWORD)


async def _nothing(_wire: Wire) -> None:
    """Send nothing."""


async def _in_parallel(clients: int, attacker: Attacker, requests: list[bytes]) -> None:
    """Send requests on new connections, `clients` at a time."""
    gate = asyncio.Semaphore(clients)

    async def send(data: bytes) -> None:
        async with gate:
            await attacker.ask(data, timeout_s=20.0)

    await asyncio.gather(*map(send, requests))
