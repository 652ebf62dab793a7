"""Every client of one attack."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.attack.browser import Browser
from bench.attack.wire import Wire, connection

MIN_RECONNECT_S = 0.2
RECONNECTS_PER_S = 100
"""Clients whose connections the server closes open others, at most this many a second: slow clients are no flood."""

Behaviour = Callable[[Wire], Awaitable[None]]
"""What a client does on one connection; it returns when the client would open another."""


@dataclass
class Attacker:
    """The clients of one attack, and what they count.

    Args:
        port: of the server.
        secret: of the webhook; only attacks that say so use it.
        browser: signed in as an admin.
        chance: makes the random choices, repeatable by its seed.
        statuses: number of answers by status.
        opened: number of connections.
        complaints: what this attack itself found, as sentences.
        remark: added to what was sent.
    """

    port: int
    secret: str
    browser: Browser
    chance: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    opened: int = 0
    complaints: list[str] = field(default_factory=list)
    remark: str = ""

    async def keep(self, clients: int, behave: Behaviour, receive_buffer_bytes: int | None = None) -> None:
        """Keep `clients` connections busy until cancelled.

        A client whose connection ends opens another.

        Args:
            clients: number of connections at a time.
            behave: runs on each connection.
            receive_buffer_bytes: of the client's kernel.
        """
        pause_s = max(MIN_RECONNECT_S, clients / RECONNECTS_PER_S)

        async def client() -> None:
            while True:
                await self.once(behave, receive_buffer_bytes)
                await asyncio.sleep(pause_s)

        await asyncio.gather(*(client() for _ in range(clients)))

    async def once(self, behave: Behaviour, receive_buffer_bytes: int | None = None) -> None:
        """Run `behave` on one new connection, which the server may close at any time."""
        with contextlib.suppress(OSError), connection(self.port, receive_buffer_bytes) as wire:
            self.opened += 1
            await wire.connect()
            await behave(wire)

    async def ask(self, data: bytes, timeout_s: float = 10.0) -> int:
        """Send bytes on a new connection; return the status of the answer, 0 without one."""
        status = 0

        async def exchange(wire: Wire) -> None:
            nonlocal status
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await wire.send(data)
                    status = (await wire.answer()).status

        await self.once(exchange)
        self.statuses[status] += 1
        return status
