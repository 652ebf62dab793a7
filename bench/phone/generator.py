"""Send requests over kept-alive connections as fast as they are answered: `python -m bench.phone.generator PLAN.json`.

One thread and one selector: a connection sends its next request when it has its answer. Prints a line `RESULT`.
"""

from __future__ import annotations

import json
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"
_MIN_ANSWERS = 2  # the minimum for a median, however slow the machine is


class Line:
    """One connection and the answer it has received so far."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.sent_s = 0.0

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._received = b""
        self.sent_s = time.perf_counter()
        self.socket.sendall(request)

    def status(self) -> int | None:
        """Receive; return the status once the answer is complete. Raises ConnectionError if the connection breaks."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self._received += data
        head, found, body = self._received.partition(_END_OF_HEAD)
        if not found:
            return None
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        return int(head.split(b" ", 2)[1]) if len(body) >= length else None


def requests(plan: dict[str, Any]) -> Iterator[bytes]:
    """Yield the requests."""
    parts = urlsplit(plan["url"])
    number = plan["first"]
    while True:
        start = plan["starts"][number // plan["agents"] % len(plan["starts"])] if plan["starts"] else ""
        body = plan["body"].replace("@NUMBER@", f"{number:08}").replace("@START@", start)
        data = body.replace("@AGENT@", str(number % plan["agents"] + 1)).encode()
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"X-Vapi-Secret: {plan['secret']}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        yield head.encode() + data
        number += 1


def run(plan: dict[str, Any]) -> str:
    """Send the planned requests, and return the line with the result."""
    parts = urlsplit(plan["url"])
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    bodies = requests(plan)
    took_ms: list[float] = []
    failed = 0
    with selectors.DefaultSelector() as selector:

        def start() -> None:
            line = Line(address)
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.send(next(bodies))

        for _ in range(plan["connections"]):
            start()
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < plan["seconds"] or len(took_ms) < _MIN_ANSWERS:
            for key, _ in selector.select(timeout=1):
                line: Line = key.data
                try:
                    status = line.status()
                except OSError:
                    failed += 1
                    selector.unregister(line.socket)
                    line.socket.close()
                    start()
                    continue
                if status is not None:
                    took_ms.append((time.perf_counter() - line.sent_s) * 1000)
                    failed += status != 200  # noqa: PLR2004  # HTTP OK
                    line.send(next(bodies))
        seconds = time.perf_counter() - began_s
    cuts = statistics.quantiles(took_ms, n=100) if len(took_ms) > 1 else [0.0] * 99
    return f"RESULT {json.dumps([len(took_ms), failed, seconds, cuts[49], cuts[98]])}"


if __name__ == "__main__":
    print(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
