"""The measured phone calls, at a fixed pace.

Each is an authenticated webhook message on a new connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, cycle, product
from typing import Any

from bench.attack.cores import OtherPrograms
from bench.attack.wire import connection, request
from bench.chaos.callers import HOME, VISITOR, Heard
from bench.chaos.phone import Tally
from peterental.voice.speech import APOLOGY

PAUSE_S = 0.05
"""The pause between the starts of two calls, whether or not the first is answered."""

BOOK_EVERY = 10
"""One call in this many books a viewing; all others ask for free times."""

TIMEOUT_S = 5.0
"""An answer that takes longer counts as missing."""

_TICK_S = 0.01


@dataclass
class Calls:
    """The calls of one measurement.

    Args:
        response_times_s: of the answered calls, from connecting to the last byte.
        late: number of calls without an answer within `TIMEOUT_S`.
        cut_off: number of calls whose connection was closed or refused before the answer.
        apologies: number of answers that were only an apology.
        lag_s: the longest delay of a timer in this process.
        others: the share of the machine's processor time that other programs used.
    """

    response_times_s: list[float] = field(default_factory=list)
    late: int = 0
    cut_off: int = 0
    apologies: int = 0
    lag_s: float = 0.0
    others: float = 0.0

    @property
    def unanswered(self) -> int:
        """The number of calls without an answer."""
        return self.late + self.cut_off

    @property
    def worst_s(self) -> float:
        """The longest response time; `TIMEOUT_S` if an answer did not arrive within it."""
        return TIMEOUT_S if self.late else max(self.response_times_s, default=0.0)

    def quantile_s(self, share: float) -> float:
        """Return the response time that `share` of the calls do not exceed.

        A missing answer counts as `TIMEOUT_S`.
        """
        times = sorted(self.response_times_s) + [TIMEOUT_S] * self.unanswered
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


class PhoneLine:
    """Places calls and keeps what each caller heard.

    Args:
        port: of the webhook.
        secret: authenticates the calls.
        assistants: the assistants to call.
        slots: free start times of each assistant's agent, on the agent's wall clock.
        timeout_s: an answer that takes longer counts as missing.

    Attributes:
        tally: the statuses of all answers.
        heard: the answers of all callers who booked.
    """

    def __init__(
        self, port: int, secret: str, assistants: list[str], slots: list[datetime], timeout_s: float = TIMEOUT_S
    ) -> None:
        self.tally = Tally()
        self.heard: list[Heard] = []
        self._port = port
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "application/json", "X-Vapi-Secret": secret}
        self._numbers = count(1)
        self._assistants = cycle(assistants)
        self._bookable = iter([(assistant, slot) for slot, assistant in product(slots, assistants)])

    async def during(self, work: Awaitable[None]) -> Calls:
        """Place and measure calls while `work` runs; return when all have ended."""
        calls, is_over, other_programs = Calls(), asyncio.Event(), OtherPrograms()
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(_measure_lag(calls))
            placing = group.create_task(self._place_calls(calls, is_over))
            try:
                await work
            finally:
                is_over.set()
            await placing
            clock.cancel()
        calls.others = other_programs.share()
        return calls

    async def call(self, calls: Calls) -> bool:
        """Place one call; return whether it was answered."""
        number = next(self._numbers)
        booking = next(self._bookable, None) if number % BOOK_EVERY == 0 else None
        heard = Heard(f"attack-{number}")
        if booking is None:
            body = _message(number, next(self._assistants), "get_availability", property_address=HOME)
        else:
            assistant, start = booking
            details = {"attendee_name": VISITOR, "start_time": start.isoformat()}
            body = _message(number, assistant, "set_appointment", property_address=HOME, **details)
            self.heard.append(heard)
        sentence = await self._deliver(body, calls)
        if booking is not None and sentence and sentence.startswith("You're booked to see "):
            heard.start = booking[1]
        heard.unsure = sentence is None
        return sentence is not None

    async def _place_calls(self, calls: Calls, is_over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            while not is_over.is_set():
                group.create_task(self.call(calls))
                await asyncio.sleep(PAUSE_S)

    async def _deliver(self, body: bytes, calls: Calls) -> str | None:
        """Deliver a message once; return the sentence of the answer, None for an apology."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                with connection(self._port) as wire:
                    await wire.connect_at_once()
                    await wire.send(request("POST", "/vapi/webhook", self._headers, body))
                    answer = await wire.answer()
        except (OSError, TimeoutError) as error:
            calls.late += isinstance(error, TimeoutError)
            calls.cut_off += not isinstance(error, TimeoutError)
            self.tally.add_missing_answer(final=True)
            return None
        took_s = time.monotonic() - began_s
        calls.response_times_s.append(took_s)
        self.tally.add_answer(answer.status, took_s)
        sentence = sentence_of(answer.body)
        calls.apologies += sentence == APOLOGY
        return None if sentence == APOLOGY else sentence


def sentence_of(body: bytes) -> str | None:
    """Return the first sentence of a webhook's answer; None without one."""
    try:
        reply: Any = json.loads(body)
        return str(reply["results"][0]["result"])
    except (ValueError, LookupError, TypeError):
        return None


def _message(number: int, assistant: str, tool: str, **arguments: str) -> bytes:
    function = {"name": tool, "arguments": arguments}
    tools = [{"id": f"tool-{number}", "type": "function", "function": function}]
    call = {"id": f"attack-{number}", "assistantId": assistant, "customer": {"number": f"+1555{number:07}"}}
    return json.dumps({"message": {"type": "tool-calls", "call": call, "toolCallList": tools}}).encode()


async def _measure_lag(calls: Calls) -> None:
    """Measure how late a short timer ends.

    The other end of a call may wait as long for a core.
    """
    while True:
        began_s = time.monotonic()
        await asyncio.sleep(_TICK_S)
        calls.lag_s = max(calls.lag_s, time.monotonic() - began_s - _TICK_S)
