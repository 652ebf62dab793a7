"""Clients that send or read slowly, or not at all, until they are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, cycle

from bench.attack.attacker import Attacker, Behaviour
from bench.attack.wire import Wire, request

Run = Callable[[Attacker], Awaitable[None]]

LINGER_S = 3.0
"""How long a lingering client keeps its socket open after the end of the answer."""

DRIP_S = 0.5
"""The pause between two bytes, or two chunks, of a slow client."""

_SLOW_BODY_BYTES = 100_000
_SMALL_BUFFER_BYTES = 2048
_NONSENSE_BYTES = 64
_TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256)) * 2
_EXPORT = "/appointments.csv?status=completed"


def lingering(clients: int, data: bytes) -> Run:
    """Return an attack whose clients leave the socket open after the answer to `data`."""

    async def behave(wire: Wire) -> None:
        await wire.send(data)
        await wire.until_closed()
        await asyncio.sleep(LINGER_S)

    return _kept(clients, behave)


def nonsense(clients: int) -> Run:
    """Return an attack whose clients send random bytes and leave the socket open."""

    async def run(attacker: Attacker) -> None:
        async def behave(wire: Wire) -> None:
            await wire.send(attacker.chance.randbytes(_NONSENSE_BYTES) + b"\r\n\r\n")
            await wire.until_closed()
            await asyncio.sleep(LINGER_S)

        await attacker.keep(clients, behave)

    return run


def tls_hello(clients: int) -> Run:
    """Return an attack whose clients speak TLS to the plain port and linger."""
    return lingering(clients, _TLS_HELLO)


def idle(clients: int) -> Run:
    """Return an attack whose clients connect and send nothing."""
    return _kept(clients, Wire.until_closed)


def idle_after_an_answer(clients: int) -> Run:
    """Return an attack whose clients keep the connection alive after one request."""

    async def behave(wire: Wire) -> None:
        await wire.send(request("GET", "/login"))
        await wire.until_closed()

    return _kept(clients, behave)


def half_heads(clients: int) -> Run:
    """Return an attack whose clients send half a head."""
    return _started(clients, b"POST /vapi/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fil")


def trickled_heads(clients: int) -> Run:
    """Return an attack whose clients send a head byte by byte."""

    async def behave(wire: Wire) -> None:
        for byte in chain(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n", cycle(b"X-Filler: 1\r\n")):
            await wire.send(bytes([byte]))
            await asyncio.sleep(DRIP_S)

    return _kept(clients, behave)


def slow_bodies(clients: int, path: str, content_type: str) -> Run:
    """Return an attack whose clients send a body byte by byte."""
    headers = {"Content-Type": content_type, "Content-Length": str(_SLOW_BODY_BYTES)}

    async def behave(wire: Wire) -> None:
        await wire.send(request("POST", path, headers))
        for _ in range(_SLOW_BODY_BYTES):
            await wire.send(b"a")
            await asyncio.sleep(DRIP_S)

    return _kept(clients, behave)


def endless_chunks(clients: int, path: str, *, with_secret: bool = False) -> Run:
    """Return an attack whose clients send chunk after chunk.

    Args:
        clients: number of connections.
        path: what they request.
        with_secret: whether they know the webhook's secret.
    """

    async def run(attacker: Attacker) -> None:
        secret = f"X-Vapi-Secret: {attacker.secret}\r\n" if with_secret else ""
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{secret}Transfer-Encoding: chunked\r\n\r\n"

        async def behave(wire: Wire) -> None:
            await wire.send(head.encode())
            while True:
                await wire.send(b"400\r\n" + b" " * 1024 + b"\r\n")
                await asyncio.sleep(DRIP_S)

        await attacker.keep(clients, behave)

    return run


def slow_readers(clients: int) -> Run:
    """Return an attack whose signed-in clients ask for an export and hardly read it."""

    async def run(attacker: Attacker) -> None:
        data = request("GET", _EXPORT, attacker.browser.headers)

        async def behave(wire: Wire) -> None:
            await wire.send(data)
            while await wire.receive(1):  # noqa: ASYNC110  # the pause is what makes it slow
                await asyncio.sleep(DRIP_S)

        await attacker.keep(clients, behave, _SMALL_BUFFER_BYTES)

    return run


def together(*runs: Run) -> Run:
    """Return an attack that does all of these at once."""

    async def run(attacker: Attacker) -> None:
        await asyncio.gather(*(one(attacker) for one in runs))

    return run


def _started(clients: int, data: bytes) -> Run:
    """Return an attack whose clients send `data` and then wait."""

    async def behave(wire: Wire) -> None:
        await wire.send(data)
        await wire.until_closed()

    return _kept(clients, behave)


def _kept(clients: int, behave: Behaviour) -> Run:
    async def run(attacker: Attacker) -> None:
        await attacker.keep(clients, behave)

    return run
