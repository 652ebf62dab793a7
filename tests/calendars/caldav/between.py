"""A server between PeteRental and a real one, which loses answers and lets other programs come first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Self

from tests.calendars.caldav.server_programs import Server
from tests.calendars.loopback import Exchange, LoopbackServer, answer

_ETAG = re.compile(rb"(getetag>)(?=[\"&])")

Meddling = Callable[[Exchange], bytes | None]
"""What happens to the next request of a method: returns an answer in place of the real server's, or None to pass it."""


def lose_the_answer(server: Server) -> Meddling:
    """Let a request through, and close the connection in place of answering."""

    def meddle(exchange: Exchange) -> bytes:
        forwarded(server, exchange)
        return b""

    return meddle


def hold(server: Server, held: list[Callable[[], object]]) -> Meddling:
    """Close the connection in place of answering, and add the request to those that the test carries out later."""

    def meddle(exchange: Exchange) -> bytes:
        held.append(lambda: forwarded(server, exchange))
        return b""

    return meddle


def forwarded(server: Server, exchange: Exchange, *, has_weak_etags: bool = False) -> bytes:
    """Pass a request on to the real server and return its answer."""
    method, _, path = exchange.line.partition(" ")
    names = ("Content-Type", "Depth", "If-Match", "If-None-Match", "Authorization")
    headers = {name: value for name in names if (value := exchange.header(name)) is not None}
    status, body, received = server.exchange(method, path, exchange.body, headers)
    if has_weak_etags:
        body = _ETAG.sub(rb"\1W/", body)
    kept = {name: value for name, value in received.items() if name.lower() in {"etag", "content-type", "location"}}
    return answer(body, status=f"{status} Whatever", headers={**kept, "Connection": "close"})


class Between(LoopbackServer):
    """Passes requests on to a real server, unless a test meddles.

    Args:
        server: the real one.
        has_weak_etags: whether every ETag becomes a weak one, which no condition matches.
        meddling: what happens to the next request of each method, in turn.
    """

    def __init__(self, server: Server, *, has_weak_etags: bool = False, **meddling: list[Meddling]) -> None:
        self._server = server
        self._has_weak_etags = has_weak_etags
        self._meddling = meddling
        super().__init__(self._pass_on)

    def __enter__(self) -> Self:
        return self

    def count(self, method: str) -> int:
        """Return how many requests of a method came."""
        return sum(exchange.line.startswith(f"{method} ") for exchange in self.exchanges)

    def _pass_on(self, exchange: Exchange) -> None:
        queue = self._meddling.get(exchange.line.partition(" ")[0], [])
        instead = queue.pop(0)(exchange) if queue else None
        if instead is None:
            instead = forwarded(self._server, exchange, has_weak_etags=self._has_weak_etags)
        exchange.connection.sendall(instead)
