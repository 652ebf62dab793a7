"""Phone calls, one after the other on every line, and what each caller heard."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bench.chaos.phone import Phone, Tally
from peterental.voice.responses import APOLOGY

HOME, VISITOR = "12 Elm Street", "Robin Vale"
ATTEMPTS = 4
"""So often a caller asks for something that was met with an apology."""

# How often each thing happens, of one.
LATE_STATUS, TWICE, MOVES, CANCELS = 0.2, 0.15, 0.25, 0.15


@dataclass
class Heard:
    """What one caller knows after the call.

    Args:
        call_id: the call.
        start: when the caller was last told to have a viewing, on the agent's wall clock; None: never.
        cancelled: whether the caller was told that it is cancelled.
        unsure: whether the last word on some wish was an apology: it may have been done or not.
        contradictions: a request that was delivered twice and answered in two ways.
    """

    call_id: str
    start: datetime | None = None
    cancelled: bool = False
    unsure: bool = False
    contradictions: list[tuple[str, str]] = field(default_factory=list)


class Callers:
    """Keeps lines busy until told to stop.

    Args:
        port: where the webhook is.
        assistants: whom to call.
        slots: starting times on the agents' wall clock, without offset.
        lines: how many calls go on at a time.
        seed: the same seed makes the same callers.
    """

    def __init__(self, port: int, assistants: list[str], slots: list[datetime], *, lines: int, seed: int) -> None:
        self.tally = Tally()
        self.heard: list[Heard] = []
        self._port = port
        self._assistants = assistants
        self._slots = slots
        self._seed = seed
        self._over = threading.Event()
        self._twins = ThreadPoolExecutor(lines)
        self._lines = [threading.Thread(target=self._line, args=(number,)) for number in range(lines)]

    def start(self) -> None:
        """Begin."""
        for line in self._lines:
            line.start()

    def stop(self) -> None:
        """Let every caller finish."""
        self._over.set()
        for line in self._lines:
            line.join()
        self._twins.shutdown()

    def _line(self, line: int) -> None:
        chance = random.Random(f"{self._seed} {line}")  # noqa: S311  # repeatable, not secret
        with Phone(self._port, self.tally) as phone, Phone(self._port, self.tally) as second_phone:
            count = 0
            while not self._over.is_set():
                count += 1
                call = Call(
                    Heard(f"chaos-{line}-{count}"),
                    f"+1555{line:03}{count:04}",
                    chance.choice(self._assistants),
                    self._slots,
                    chance,
                    phone,
                    lambda message, second_phone=second_phone: self._twins.submit(second_phone.deliver, message),
                )
                self.heard.append(call.heard)
                call.talk()


@dataclass
class Call:
    """One conversation.

    Args:
        heard: what comes of it.
        number: the caller's.
        assistant: who is rung.
        slots: the times to choose from.
        chance: decides what the caller wants.
        phone: where messages go.
        deliver_again: delivers a message a second time, at the same moment; gives a future of the answer.
    """

    heard: Heard
    number: str
    assistant: str
    slots: list[datetime]
    chance: random.Random
    phone: Phone
    deliver_again: Any
    _asked: int = 0

    def talk(self) -> None:
        """Ring, ask, book, perhaps think again, hang up."""
        is_late = self._happens(LATE_STATUS)
        if not is_late:
            self.phone.deliver(self._message("status-update", status="in-progress"))
        self._ask("get_availability", property_address=HOME)
        self._book()
        if self.heard.start and not self.heard.unsure:
            if self._happens(MOVES):
                self._move()
            elif self._happens(CANCELS):
                self._cancel()
        self.phone.deliver(self._message("end-of-call-report", endedReason="customer-ended-call", cost=0.1))
        if is_late:
            self.phone.deliver(self._message("status-update", status="in-progress"))

    def _book(self) -> None:
        for _ in range(3):  # until one of three times is free
            start = self.chance.choice(self.slots)
            answer = self._insist(
                "set_appointment", property_address=HOME, attendee_name=VISITOR, start_time=start.isoformat()
            )
            if answer.startswith("You're booked to see "):
                self.heard.start = start
            if self.heard.start or self.heard.unsure:
                return

    def _move(self) -> None:
        start = self.chance.choice(self.slots)
        answer = self._insist("reschedule_appointment", start_time=start.isoformat(), attendee_name=VISITOR)
        if answer.startswith("Your viewing of ") and " is now " in answer:
            self.heard.start = start

    def _cancel(self) -> None:
        self.heard.cancelled = self._insist("cancel_appointment", attendee_name=VISITOR).endswith(" is cancelled.")

    def _insist(self, tool: str, **arguments: str) -> str:
        """Ask, and ask again under a new id, as robots do, while there is only an apology to be had."""
        for _ in range(ATTEMPTS):
            answer = self._ask(tool, **arguments)
            if answer != APOLOGY:
                return answer
        self.heard.unsure = True
        return APOLOGY

    def _ask(self, tool: str, **arguments: str) -> str:
        """Have the robot ask; now and then the request is delivered twice."""
        self._asked += 1
        function = {"name": tool, "arguments": arguments}
        message = self._message(
            "tool-calls", toolCallList=[{"id": f"tool-{self._asked}", "type": "function", "function": function}]
        )
        twin = self.deliver_again(message) if self._happens(TWICE) else None
        answers = {_sentence(self.phone.deliver(message))} | ({_sentence(twin.result())} if twin else set())
        told = sorted(answers - {APOLOGY})
        if len(told) > 1 and tool != "get_availability":  # which may differ: somebody else has booked in between
            self.heard.contradictions.append((told[0], told[1]))
        return told[0] if told else APOLOGY

    def _message(self, kind: str, **fields: object) -> dict[str, Any]:
        call = {"id": self.heard.call_id, "assistantId": self.assistant, "customer": {"number": self.number}}
        return {"type": kind, "call": call, **fields}

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share


def half_hours(first: datetime, days: int) -> list[datetime]:
    """Give half hours from nine to five on `days` days from that of `first` on, without zone: an agent's wall clock."""
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return [midnight + timedelta(days=day, hours=9, minutes=30 * half) for day in range(days) for half in range(16)]


def _sentence(reply: Any) -> str:
    """Give the one answer in a reply; without a reply the caller is as wise as after an apology."""
    return str(reply["results"][0]["result"]) if reply and reply.get("results") else APOLOGY
