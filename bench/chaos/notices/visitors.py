"""The visitors: they book by phone, move and cancel by phone and by link, answer texts, and say stop and start."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from bench.chaos.notices.texts import LabTwilio, TakenText
from bench.chaos.notices.web import SMS_PATH, Page, Web
from bench.chaos.phone import Phone, Tally
from tests.notices.twilio_server import incoming

Command = Literal["stop", "start"]

PAUSE_S = 0.25
SEES_OTHER = 303
OK = 200
STOPS = ("STOP", "stop please", "Unsubscribe")
ANSWERS = ("C", "yes", "HELP", "Can we reschedule?", "cancel my viewing", "Is there parking?", "sí")

_LINK = re.compile(r"https://[^/\s]+(?P<path>/v/[\w-]+)")
_SEEN = re.compile(r'name="seen" value="(?P<seen>[^"]+)"')
_START = re.compile(r'name="start" value="(?P<start>[^"]+)"')


@dataclass(frozen=True)
class Said:
    """That a visitor said stop or start, and heard that it arrived.

    Args:
        command: which.
        asked_at: when it was sent first, UTC.
        answered_at: when PeteRental had answered, UTC.
    """

    command: Command
    asked_at: datetime
    answered_at: datetime


@dataclass
class Visitor:
    """One visitor.

    Args:
        number: of the phone, in E.164.
        email: the address.
        home: what is viewed.

    Attributes:
        said: the stops and starts that arrived, in their order.
    """

    number: str
    email: str
    home: str
    said: list[Said] = field(default_factory=list)
    has_booked: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_stopped(self) -> bool:
        """Whether the last word was stop."""
        return bool(self.said) and self.said[-1].command == "stop"


class Visitors:
    """All visitors, who act on several lines until `stop`.

    Args:
        port: of PeteRental.
        twilio: what they are texted.
        assistants: the assistants to call.
        slots: start times on the agents' wall clock, without offset.
        number: how many visitors.
        lines: how many act at once.
        seed: of their choices.

    Attributes:
        visitors: by number.
        done: how often each action was done.
        tally: counts the answers to phone calls.
    """

    def __init__(
        self,
        port: int,
        twilio: LabTwilio,
        assistants: list[str],
        slots: list[datetime],
        *,
        number: int,
        lines: int,
        seed: int,
    ) -> None:
        people = [
            Visitor(f"+1405555{n:04}", f"visitor-{n}@example.com", f"{n} Elm Street")
            for n in range(1000, 1000 + number)
        ]
        self.visitors = {each.number: each for each in people}
        self.done: Counter[str] = Counter()
        self.tally = Tally()
        self.fault: Exception | None = None
        self.web = Web(port)
        self._port = port
        self._twilio = twilio
        self.assistants = assistants
        self.slots = slots
        self._over = threading.Event()
        self._sids = 0
        self._lock = threading.Lock()
        self._lines = [
            threading.Thread(
                target=self._line,
                args=(line, people[line::lines], random.Random(f"{seed} visitors {line}")),  # noqa: S311  # repeatable
            )
            for line in range(lines)
        ]

    def start(self) -> None:
        """Start acting."""
        for line in self._lines:
            line.start()

    def stop(self) -> None:
        """Stop after the running actions. Raises what went wrong."""
        self._over.set()
        for line in self._lines:
            line.join()
        if self.fault is not None:
            raise self.fault

    def while_taking(self, number: str, what: str) -> None:
        """Let a visitor say stop, or cancel, while Twilio takes a text to that number."""
        visitor = self.visitors.get(number)
        if visitor is not None and what == "STOP":
            self.say(visitor, "stop", "STOP")
        elif visitor is not None:
            self.text(visitor, "cancel my viewing")

    def _line(self, line: int, people: list[Visitor], chance: random.Random) -> None:
        try:
            with Phone(self._port, self.tally) as phone:
                count = 0
                while not self._over.wait(PAUSE_S):
                    count += 1
                    _Turn(self, chance.choice(people), chance, phone, f"notices-{line}-{count}").act()
        except Exception as error:  # noqa: BLE001  # raised by `stop`
            self.fault = error

    # --- what a turn uses --------------------------------------------------------------------------------------------

    def count(self, what: str) -> None:
        """Count an action."""
        with self._lock:
            self.done[what] += 1

    def text(self, visitor: Visitor, body: str, *, twice: bool = False) -> bool:
        """Send a text, and return whether it was taken."""
        with self._lock:
            self._sids += 1
            sid = f"SM{self._sids:030x}ff"
        form = incoming(body, sender=visitor.number, sid=sid)
        answers = [self.web.post_signed(SMS_PATH, form) for _ in range(1 + twice)]
        return answers[0] == OK

    def say(self, visitor: Visitor, command: Command, body: str, *, twice: bool = False) -> None:
        """Say stop or start. One after the other: who says both at once does not know what holds."""
        with visitor.lock:
            if command == "start":
                self._twilio.start(visitor.number)
            asked_at = datetime.now(UTC)
            if self.text(visitor, body, twice=twice):
                visitor.said.append(Said(command, asked_at, datetime.now(UTC)))
        self.count(command)

    def link_of(self, visitor: Visitor) -> str | None:
        """Return the path of the newest link that a visitor was texted."""
        texts: list[TakenText] = list(self._twilio.taken)
        for text in reversed(texts):
            found = _LINK.search(text.body) if text.recipient == visitor.number else None
            if found:
                return found["path"]
        return None


@dataclass
class _Turn:
    """One action of one visitor."""

    all: Visitors
    visitor: Visitor
    chance: random.Random
    phone: Phone
    call_id: str

    def act(self) -> None:
        """Do something."""
        if not self.visitor.has_booked:
            self._book()
            return
        if self.visitor.is_stopped and self.chance.random() < 0.4:  # noqa: PLR2004  # else the run falls silent
            self.all.say(self.visitor, "start", "START", twice=self._happens())
            return
        actions: list[tuple[Callable[[], None], int]] = [
            (self._book, 4),
            (self._move_by_phone, 3),
            (self._cancel_by_phone, 2),
            (self._confirm_by_link, 2),
            (self._move_by_link, 4),
            (self._cancel_by_link, 1),
            (self._answer, 4),
            (self._stop, 2),
        ]
        self.chance.choices([action for action, _ in actions], [weight for _, weight in actions])[0]()

    # --- by phone ----------------------------------------------------------------------------------------------------

    def _book(self) -> None:
        answer = self._ask(
            "set_appointment",
            property_address=self.visitor.home,
            attendee_name="Robin Vale",
            attendee_email=self.visitor.email,
            start_time=self._some_time(),
        )
        if answer.startswith("You're booked"):
            self.visitor.has_booked = True
            self.all.count("booked by phone")

    def _move_by_phone(self) -> None:
        answer = self._ask("reschedule_appointment", start_time=self._some_time(), attendee_name="Robin Vale")
        if " is now " in answer:
            self.all.count("moved by phone")

    def _cancel_by_phone(self) -> None:
        if " is cancelled" in self._ask("cancel_appointment", attendee_name="Robin Vale"):
            self.all.count("cancelled by phone")

    def _ask(self, tool: str, **arguments: str) -> str:
        call = {
            "id": self.call_id,
            "assistantId": self.chance.choice(self.all.assistants),
            "customer": {"number": self.visitor.number},
        }
        function = {"name": tool, "arguments": arguments}
        calls = [{"id": "tool-1", "type": "function", "function": function}]
        reply: Any = self.phone.deliver({"type": "tool-calls", "call": call, "toolCallList": calls})
        return str(reply["results"][0]["result"]) if reply and reply.get("results") else ""

    def _some_time(self) -> str:
        return self.chance.choice(self.all.slots).isoformat()

    # --- by link -----------------------------------------------------------------------------------------------------

    def _confirm_by_link(self) -> None:
        path, page = self._open("")
        if page is not None:
            self._send(f"{path}/confirm", page, "confirmed by link")

    def _cancel_by_link(self) -> None:
        path, page = self._open("/cancel")
        if page is not None:
            self._send(f"{path}/cancel", page, "cancelled by link")

    def _move_by_link(self) -> None:
        path, page = self._open("/move")
        starts = _START.findall(page.text) if page is not None else []
        if page is not None and starts:
            self._send(f"{path}/move", page, "moved by link", start=self.chance.choice(starts))

    def _open(self, what: str) -> tuple[str, Page | None]:
        path = self.all.link_of(self.visitor)
        return path or "", None if path is None else self.all.web.get(path + what)

    def _send(self, path: str, page: Page, what: str, **more: str) -> None:
        seen = _SEEN.search(page.text)
        if seen is None:  # it has ended, or is confirmed
            return
        answer = self.all.web.post(path, {"seen": seen["seen"].replace("&#43;", "+"), **more})
        if answer is not None and answer.status == SEES_OTHER:
            self.all.count(what)

    # --- by text -----------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        body = self.chance.choice(ANSWERS)
        self.all.text(self.visitor, body, twice=self._happens())
        if body == "HELP" and self._happens():
            time.sleep(PAUSE_S)
            self.all.text(self.visitor, body)  # the same question once more, which gets the same answer
        self.all.count("texts")

    def _stop(self) -> None:
        self.all.say(self.visitor, "stop", self.chance.choice(STOPS), twice=self._happens())

    def _happens(self) -> bool:
        return self.chance.random() < 0.3  # noqa: PLR2004  # about every third time
