"""Deliver messages to the webhook as Vapi does: a message without an answer is repeated under the same id."""

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
"""Vapi's time limit for a tool call."""

DELIVER_FOR_S = 60.0
PAUSE_S = 0.05


@dataclass
class Tally:
    """Counts of all answers.

    Args:
        answers: number of answers by HTTP status.
        cut_off: number of deliveries that were cut off without an answer.
        lost: number of messages that were never answered, after all deliveries.
        response_times_s: from the first delivery of a message to its answer, in seconds.
    """

    answers: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    lost: int = 0
    response_times_s: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_answer(self, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.answers[status] += 1
            self.response_times_s.append(seconds)

    def add_missing_answer(self, *, final: bool) -> None:
        """Count a delivery without an answer; `final` if the message is given up."""
        with self._lock:
            self.lost += final
            self.cut_off += not final


class Phone:
    """One kept-alive connection, replaced when it breaks.

    Args:
        port: of the webhook.
        tally: counts the answers.
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
        """Deliver a message until it is answered, and return the JSON of the answer; None without one."""
        body = json.dumps({"message": message})
        began = time.monotonic()
        while time.monotonic() - began < DELIVER_FOR_S:
            answer = self._deliver_once(body)
            if answer is not None:
                status, text = answer
                self._tally.add_answer(status, time.monotonic() - began)
                return json.loads(text) if status == http.HTTPStatus.OK else None
            self._tally.add_missing_answer(final=False)
            time.sleep(PAUSE_S)
        self._tally.add_missing_answer(final=True)
        return None

    def _deliver_once(self, body: str) -> tuple[int, bytes] | None:
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
