"""Send requests over kept-alive connections as fast as they are answered: `python -m bench.load.generator PLAN.json`.

One thread and one epoll: a connection sends its next request when it has its answer. Prints a line `RESULT`.
"""

from __future__ import annotations

import json
import re
import select
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.load.spread import Connections

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = b" 200 "
_MIN_ANSWERS = 2  # the minimum for a median, however slow the machine is


class Line:
    """One connection and the answer it has received so far.

    Args:
        connected: a connected socket.
        worker: the process id of the worker that serves it; 0 where that is unknown.
    """

    def __init__(self, connected: socket.socket, worker: int) -> None:
        self.socket = connected
        self.worker = worker
        self._received = b""
        self.sent_s = 0.0

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._received = b""
        self.sent_s = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool | None:
        """Receive; once the answer is complete, return whether its status is 200. Raises ConnectionError."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError
        if self._received:
            data = self._received + data
        end = data.find(_END_OF_HEAD)
        length = _LENGTH.search(data, 0, end + 2) if end >= 0 else None
        if length is None or len(data) < end + len(_END_OF_HEAD) + int(length[1]):
            self._received = data
            return None
        return data[8:13] == _OK


def requests(plan: dict[str, Any]) -> Iterator[bytes]:
    """Yield the requests."""
    parts = urlsplit(plan["url"])
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"X-Vapi-Secret: {plan['secret']}\r\nContent-Length: "
    ).encode()
    pieces = re.split("(@NUMBER@|@AGENT@|@START@)", plan["body"])
    encoded = [piece.encode() for piece in pieces]
    places = {name: [at for at, piece in enumerate(pieces) if piece == name] for name in set(pieces[1::2])}
    starts = [start.encode() for start in plan["starts"]] or [b""]
    agents = plan["agents"]
    number = plan["first"]
    while True:
        values = {
            "@NUMBER@": b"%08d" % number,
            "@AGENT@": b"%d" % (number % agents + 1),
            "@START@": starts[number // agents % len(starts)],
        }
        for name, at in places.items():
            for place in at:
                encoded[place] = values[name]
        data = b"".join(encoded)
        yield b"%b%d\r\n\r\n%b" % (head, len(data), data)
        number += 1


def run(plan: dict[str, Any]) -> str:
    """Send the planned requests, and return the line with the result."""
    parts = urlsplit(plan["url"])
    connections = Connections((parts.hostname or "127.0.0.1", parts.port or 80), plan["workers"])
    bodies = requests(plan)
    took_ms: list[float] = []
    answered: Counter[int] = Counter()
    failed = 0
    lines: dict[int, Line] = {}
    with select.epoll() as poller:

        def start(line: Line) -> None:
            lines[line.socket.fileno()] = line
            poller.register(line.socket.fileno(), select.EPOLLIN)
            line.send(next(bodies))

        opened = [Line(*found) for found in connections.open(plan["connections"])]
        began_s = time.perf_counter()
        for line in opened:
            start(line)
        while time.perf_counter() - began_s < plan["seconds"] or len(took_ms) < _MIN_ANSWERS:
            for descriptor, _ in poller.poll(1):
                line = lines[descriptor]
                try:
                    is_ok = line.receive()
                except OSError:
                    failed += 1
                    del lines[descriptor]
                    poller.unregister(descriptor)
                    line.socket.close()
                    start(Line(connections.open_one(), 0))
                    continue
                if is_ok is not None:
                    took_ms.append((time.perf_counter() - line.sent_s) * 1000)
                    answered[line.worker] += 1
                    failed += not is_ok
                    line.send(next(bodies))
        seconds = time.perf_counter() - began_s
    for line in lines.values():
        line.socket.close()
    cuts = statistics.quantiles(took_ms, n=100)
    per_worker = [answered[worker] for worker in plan["workers"]] or [len(took_ms)]
    result = [len(took_ms), failed, seconds, cuts[49], cuts[98], per_worker]
    return f"RESULT {json.dumps(result)}"


if __name__ == "__main__":
    print(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
