"""Twilio on 127.0.0.1, which fails in every way before and after it takes a text, and while it is asked for texts."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

from bench.chaos.notices.deck import Deck
from bench.chaos.notices.journal import Journal
from bench.chaos.notices.periods import EXCHANGE_S, LATE_S, LIST_LAG_S, TWILIO_CLOCK_BEHIND
from bench.chaos.stand_ins import is_closed
from tests.calendars.provider_server import HTML, Answer, Asked, Drop, Reply
from tests.notices.twilio_server import Refused, TwilioServer, refusal

NOT_TAKEN: Final = ("429", "500", "hang", "drop", "refused number", "suspended account", "opted out")
TAKEN: Final = (
    "503 after taking",
    "hang after taking",
    "drop after taking",
    "HTML after taking",
    "no id after taking",
    "JSON cut off after taking",
    "taking after the sender gave up",
    "201 late, but in time",
    "STOP while taking",
    "cancellation while taking",
)
POST_MISHAPS: Final = NOT_TAKEN + TAKEN
"""What goes wrong with a POST."""

LIST_MISHAPS: Final = (
    "list 503",
    "list 429",
    "list hangs",
    "list drops",
    "list is HTML",
    "list without texts",
    "list cut off",
    "list late, but in time",
    "list in pages of one",
    "list with unreadable dates and texts of others",
)
"""What goes wrong with a look-up."""

TRIAL = "Sent from your Twilio trial account - "
TRIAL_SHARE = 0.3
POLL_S = 0.05

_REFUSALS = {
    "429": Refused(429, 20429, "Too many requests"),
    "500": Refused(500),
    "refused number": Refused(400, 21211, "Invalid 'To' phone number"),
    "suspended account": Refused(401, 20003, "Authenticate"),
    "list 503": Refused(503),
    "list 429": Refused(429, 20429, "Too many requests"),
}


@dataclass(frozen=True)
class TakenText:
    """A text that Twilio took.

    Args:
        at: when, UTC.
        sid: its id.
        recipient: its number.
        body: as it was sent.
        mishap: what went wrong then.
    """

    at: datetime
    sid: str
    recipient: str
    body: str
    mishap: str | None


class LabTwilio(TwilioServer):
    """Twilio.

    Args:
        posts: deals what goes wrong with each POST.
        lists: deals what goes wrong with each look-up.
        journal: is told what went wrong.
        chance: makes the random choices.

    Attributes:
        taken: the texts that it took: the truth.
        on_taken: called with each of them, before the answer.
        while_taking: called with the recipient and `STOP` or `cancellation` while a text is taken.
    """

    def __init__(self, posts: Deck, lists: Deck, journal: Journal, chance: random.Random) -> None:
        self.taken: list[TakenText] = []
        self.on_taken: Callable[[TakenText], None] = lambda _: None
        self.while_taking: Callable[[str, str], None] = lambda _, __: None
        self._posts = posts
        self._lists = lists
        self._journal = journal
        self._chance = chance
        self._calmed = threading.Event()
        super().__init__(now=lambda: datetime.now(UTC) - TWILIO_CLOCK_BEHIND, change_body=self._changed)

    def exchange(self, asked: Asked) -> Reply:
        """Answer a request, or let it fail."""
        if asked.method == "POST":
            return self._post_or_fail(asked, self._posts.deal())
        return self._list_or_fail(asked, self._lists.deal())

    def calm(self) -> None:
        """Let nothing go wrong any more, and end requests that hang."""
        self._posts.close()
        self._lists.close()
        self._calmed.set()
        self._calmed = threading.Event()

    def close(self) -> None:
        """End the server."""
        self.calm()
        super().close()

    def start(self, number: str) -> None:
        """Send to a number again that opted out here."""
        with self.lock:
            self.stopped.discard(number)

    # --- texts -------------------------------------------------------------------------------------------------------

    def _post_or_fail(self, asked: Asked, mishap: str | None) -> Reply:
        recipient, body = asked.form["To"], asked.form["Body"]
        if mishap in {"hang", "drop"}:
            self._journal.add("Twilio", recipient, f"did not take it: {mishap}", body)
            self._hang(asked, mishap == "hang")
            return Drop()
        if mishap == "opted out":
            with self.lock:
                self.stopped.add(recipient)
        if mishap in _REFUSALS:
            self._journal.add("Twilio", recipient, f"did not take it: {mishap}", body)
            return refusal(_REFUSALS[mishap])
        if mishap == "taking after the sender gave up":
            self._hang(asked, hangs=True)
            self.closing.wait(self._chance.uniform(0, LATE_S))
        elif mishap in {"STOP while taking", "cancellation while taking"}:
            self.while_taking(recipient, mishap.partition(" ")[0])
        with self.lock:
            answer = super().answer(asked)
            if not isinstance(answer, Answer) or answer.status >= HTML.status + 100:
                self._journal.add("Twilio", recipient, "did not take it: opted out", body)
                return answer
            taken = TakenText(datetime.now(UTC), self.texts[-1].sid, recipient, body, mishap)
            self.taken.append(taken)
        self._journal.add("Twilio", recipient, f"took it as {taken.sid}{f'; {mishap}' if mishap else ''}", body)
        self.on_taken(taken)
        return self._after_taking(asked, answer, mishap)

    def _after_taking(self, asked: Asked, answer: Answer, mishap: str | None) -> Reply:
        if mishap == "hang after taking":
            self._hang(asked, hangs=True)
        if mishap in {"hang after taking", "drop after taking", "taking after the sender gave up"}:
            return Drop()
        if mishap == "201 late, but in time":
            self._calmed.wait(EXCHANGE_S / 2)
        instead: dict[str | None, Reply] = {
            "503 after taking": refusal(Refused(503)),
            "HTML after taking": HTML,
            "no id after taking": Answer.of_json({"status": "queued"}, 201),
            "JSON cut off after taking": replace(answer, body=answer.body[:20]),
        }
        return instead.get(mishap, answer)

    def _changed(self, body: str) -> str:
        """Return a text as Twilio lists it, which may differ from how it was sent."""
        prefix = TRIAL if self._chance.random() < TRIAL_SHARE else ""
        return prefix + body.replace("'", "\u2019").replace(" - ", " \u2013 ")

    # --- look-ups ----------------------------------------------------------------------------------------------------

    def _list_or_fail(self, asked: Asked, mishap: str | None) -> Reply:
        if mishap is not None:
            self._journal.add("Twilio", asked.query.get("To", ""), mishap)
        if mishap in _REFUSALS:
            return refusal(_REFUSALS[mishap])
        if mishap in {"list hangs", "list drops"}:
            self._hang(asked, mishap == "list hangs")
            return Drop()
        if mishap == "list late, but in time":
            self._calmed.wait(EXCHANGE_S / 2)
        with self.lock:
            answer = self._listed(asked, 1 if mishap == "list in pages of one" else 1000)
        instead = {
            "list is HTML": HTML,
            "list without texts": Answer.of_json({"messages": None}),
            "list cut off": replace(answer, body=answer.body[:-10]),
            "list with unreadable dates and texts of others": _with_others(answer, asked.query.get("To", "")),
        }
        return instead.get(mishap or "", answer)

    def _listed(self, asked: Asked, page_size: int) -> Answer:
        """Return a page of the list, in which new texts are missing."""
        texts, self.page_size = self.texts, page_size
        newest = self.now() - timedelta(seconds=LIST_LAG_S)
        self.texts = [text for text in texts if text.created_at <= newest]
        try:
            answer = super().answer(asked)
        finally:
            self.texts = texts
        assert isinstance(answer, Answer)  # noqa: S101  # a look-up has no other
        return answer

    def _hang(self, asked: Asked, hangs: bool) -> None:  # noqa: FBT001  # whether it does
        """Wait until the client has given up, or the server is calmed."""
        calmed = self._calmed
        while hangs and not calmed.wait(POLL_S) and not self.closing.is_set():
            if asked.connection is not None and is_closed(asked.connection):
                return


def _with_others(answer: Answer, recipient: str) -> Answer:
    """Return a list that begins with texts that are not ours, or whose dates say nothing."""
    content = json.loads(answer.body)
    long_ago = format_datetime(datetime.now(UTC) - timedelta(hours=2))
    old = [
        {**message, "sid": f"OLD{number}", "date_created": long_ago}
        for number, message in enumerate(content["messages"])
    ]
    other = {"sid": "SMother", "to": recipient, "body": "Your table is ready", "date_created": "soon"}
    return Answer.of_json({**content, "messages": [other, *old, *content["messages"]]})
