"""What Twilio reports on texts: late, twice, out of order, before its own answer, on unknown texts, and forged."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bench.chaos.notices.deck import Deck
from bench.chaos.notices.journal import Journal
from bench.chaos.notices.texts import TakenText
from bench.chaos.notices.web import STATUS_PATH, Web
from tests.notices.twilio_server import ACCOUNT, OFFICE, TOKEN

Plan = tuple[tuple[str, str], ...]
"""Statuses, each with an error code or empty."""

USUAL: Plan = (("queued", ""), ("sent", ""), ("delivered", ""))
PLANS: Final[dict[str, Plan]] = {
    "reports out of order": (("delivered", ""), ("sent", ""), ("queued", "")),
    "reports twice": (("sent", ""), ("sent", ""), ("delivered", ""), ("delivered", "")),
    "report before the answer": (("delivered", ""),),
    "queued, then undelivered 30003": (("queued", ""), ("undelivered", "30003")),
    "undelivered, then queued": (("undelivered", "30003"), ("queued", "")),
    "undelivered 21610": (("sent", ""), ("undelivered", "21610")),
    "report on an unknown text": USUAL,
    "forged report": USUAL,
    "no report": (),
}
"""The reports on a text, by what is wrong with them."""

FORGER = "not Twilio"
"""Who signs forged reports."""

LONGEST_DELAY_S = 0.4
SENDERS = 4
FORBIDDEN = 403


@dataclass(frozen=True)
class Report:
    """A report, and how it was answered.

    Args:
        sid: of the text.
        status: what is reported.
        code: the error code; empty for none.
        answered: the status of the answer; 0 without one.
        is_forged: whether Twilio did not sign it.
    """

    sid: str
    status: str
    code: str
    answered: int
    is_forged: bool = False


class Reports:
    """Sends the reports.

    Args:
        web: where to.
        deck: deals what is wrong with the reports on each text.
        journal: is told of them.
        chance: makes the random choices.

    Attributes:
        sent: all reports.
    """

    def __init__(self, web: Web, deck: Deck, journal: Journal, chance: random.Random) -> None:
        self.sent: list[Report] = []
        self._web = web
        self._deck = deck
        self._journal = journal
        self._chance = chance
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._waiting: list[Future[None]] = []

    def about(self, text: TakenText) -> None:
        """Report on a text that was taken. Returns before its answer is sent; most reports follow."""
        name = self._deck.deal()
        plan = USUAL if name is None else PLANS[name]
        if name == "report before the answer":
            self._report(text, *plan[0])
            return
        self._waiting.append(self._pool.submit(self._report_all, text, plan, name))

    def wait(self) -> None:
        """Wait until everything is reported. Raises what went wrong."""
        for each in self._waiting:
            each.result()

    def close(self) -> None:
        """Stop reporting."""
        self._over.set()
        self._pool.shutdown(cancel_futures=True)

    def _report_all(self, text: TakenText, plan: Plan, name: str | None) -> None:
        if name == "report on an unknown text":
            self._report(TakenText(text.at, text.sid[::-1], text.recipient, text.body, None), "delivered", "")
        if name == "forged report":
            self._report(text, "undelivered", "30005", is_forged=True)
        for status, code in plan:
            self._over.wait(self._chance.uniform(0, LONGEST_DELAY_S))
            self._report(text, status, code)

    def _report(self, text: TakenText, status: str, code: str, *, is_forged: bool = False) -> None:
        form = {
            "AccountSid": ACCOUNT, "MessageSid": text.sid, "SmsSid": text.sid, "To": text.recipient, "From": OFFICE,
            "MessageStatus": status, "SmsStatus": status,
        }  # fmt: skip
        if code:
            form["ErrorCode"] = code
        answered = self._web.post_signed(STATUS_PATH, form, secret=FORGER if is_forged else TOKEN)
        self.sent.append(Report(text.sid, status, code, answered, is_forged=is_forged))
        shown = f"{'forged ' if is_forged else ''}report on {text.sid}: {status} {code}".rstrip()
        self._journal.add("Twilio", text.recipient, f"{shown}, answered {answered}", text.body)
