"""Delivers messages to the webhook as Vapi does: what gets no answer is delivered again under the same id."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.chaos.release import SECRET

TIMEOUT_S = 20.0
"""What Vapi gives a tool."""

DELIVER_FOR_S = 60.0
PAUSE_S = 0.05


@dataclass
class Tally:
    """What all callers together saw.

    Args:
        answers: how many of each HTTP status.
        cut_off: deliveries that broke off without an answer.
        lost: messages that were never answered, however often they were delivered.
        silences_s: from a message's first delivery to its answer, in seconds.
    """

    answers: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    lost: int = 0
    silences_s: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_answer(self, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.answers[status] += 1
            self.silences_s.append(seconds)

    def note_no_answer(self, *, for_good: bool) -> None:
        """Count a delivery without one."""
        with self._lock:
            self.lost += for_good
            self.cut_off += not for_good


class Phone:
    """One connection that is kept alive, and made anew where it broke.

    Args:
        port: where the webhook is.
        tally: takes note.
    """

    def __init__(self, port: int, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._hang_up()

    def deliver(self, message: dict[str, Any]) -> Any:
        """Deliver a message until it is answered, and give the JSON of the answer; None where it never was."""
        body = json.dumps({"message": message})
        began = time.monotonic()
        while time.monotonic() - began < DELIVER_FOR_S:
            answer = self._once(body)
            if answer is not None:
                status, text = answer
                self._tally.note_answer(status, time.monotonic() - began)
                return json.loads(text) if status == http.HTTPStatus.OK else None
            self._tally.note_no_answer(for_good=False)
            time.sleep(PAUSE_S)
        self._tally.note_no_answer(for_good=True)
        return None

    def _once(self, body: str) -> tuple[int, bytes] | None:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json", "X-Vapi-Secret": SECRET}
        try:
            self._connection.request("POST", "/vapi/webhook", body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return None

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
