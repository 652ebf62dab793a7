"""Phone calls, one after the other on each line, and the answers that each caller heard."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.chaos.phone import Phone, Tally
from peterental.voice.speech import APOLOGY

CLOSED = "I can't reach the calendar just now"
"""Part of the answer when the agent's calendar cannot be relied on."""

HOME, VISITOR = "12 Elm Street", "Robin Vale"
ATTEMPTS = 4
"""How often a caller repeats a request that is answered with an apology."""

# Probabilities.
LATE_STATUS, TWICE, MOVES, CANCELS = 0.2, 0.15, 0.25, 0.15


@dataclass(frozen=True)
class Refused:
    """That a caller heard the calendar cannot be reached.

    Args:
        agent: the index of the called agent.
        asked_at, answered_at: first delivery of the request, and its answer; UTC.
    """

    agent: int
    asked_at: datetime
    answered_at: datetime


@dataclass
class Heard:
    """The answers that one caller heard.

    Args:
        call_id: the call.
        start: the start of the viewing that was confirmed last, on the agent's wall clock; None without one.
        cancelled: whether its cancellation was confirmed.
        unsure: whether a request ended with an apology, so that it may have been done or not.
        contradictions: pairs of different answers to a request that was delivered twice.
        refused: the requests that were not granted because the calendar could not be reached.
    """

    call_id: str
    start: datetime | None = None
    cancelled: bool = False
    unsure: bool = False
    contradictions: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Callers:
    """Keeps all lines busy until `stop`.

    Args:
        port: of the webhook.
        assistants: the assistants to call.
        slots: start times on the agents' wall clock, without offset.
        lines: number of concurrent calls.
        seed: of the random choices.
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
        """Start calling."""
        for line in self._lines:
            line.start()

    def stop(self) -> None:
        """Stop after the running calls."""
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
                agent = chance.randrange(len(self._assistants))
                call = Call(
                    Heard(f"chaos-{line}-{count}"),
                    f"+1555{line:03}{count:04}",
                    agent,
                    self._assistants[agent],
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
        heard: records the answers.
        number: the caller's phone number.
        agent: the index of the called agent.
        assistant: the called assistant.
        slots: the times to choose from.
        chance: makes the random choices.
        phone: delivers the messages.
        deliver_again: delivers a message a second time, concurrently; returns a future of the answer.
    """

    heard: Heard
    number: str
    agent: int
    assistant: str
    slots: list[datetime]
    chance: random.Random
    phone: Phone
    deliver_again: Any
    _asked: int = 0

    def talk(self) -> None:
        """Call, ask for times, book, perhaps move or cancel, hang up."""
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
        """Call a tool, and repeat it under a new id, as assistants do, while it is answered with an apology."""
        for _ in range(ATTEMPTS):
            answer = self._ask(tool, **arguments)
            if answer != APOLOGY:
                return answer
        self.heard.unsure = True
        return APOLOGY

    def _ask(self, tool: str, **arguments: str) -> str:
        """Call a tool; some requests are delivered twice."""
        self._asked += 1
        asked_at = datetime.now(UTC)
        function = {"name": tool, "arguments": arguments}
        message = self._message(
            "tool-calls", toolCallList=[{"id": f"tool-{self._asked}", "type": "function", "function": function}]
        )
        twin = self.deliver_again(message) if self._happens(TWICE) else None
        answers = {_sentence(self.phone.deliver(message))} | ({_sentence(twin.result())} if twin else set())
        sentences = sorted(answers - {APOLOGY})
        if len(sentences) > 1 and tool != "get_availability":  # free times may change between two deliveries
            self.heard.contradictions.append((sentences[0], sentences[1]))
        if any(CLOSED in sentence for sentence in sentences):
            self.heard.refused.append(Refused(self.agent, asked_at, datetime.now(UTC)))
        return sentences[0] if sentences else APOLOGY

    def _message(self, kind: str, **fields: object) -> dict[str, Any]:
        call = {"id": self.heard.call_id, "assistantId": self.assistant, "customer": {"number": self.number}}
        return {"type": kind, "call": call, **fields}

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share


def half_hours(first: datetime, days: int) -> list[datetime]:
    """Return the half hours from nine to five on `days` days starting with `first`, as wall-clock times."""
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return [midnight + timedelta(days=day, hours=9, minutes=30 * half) for day in range(days) for half in range(16)]


def _sentence(reply: Any) -> str:
    """Return the answer in a reply; a missing reply counts as an apology."""
    return str(reply["results"][0]["result"]) if reply and reply.get("results") else APOLOGY
