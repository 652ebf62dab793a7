"""Twilio on 127.0.0.1: takes texts, lists them, signs its requests, and can be told to fail in every way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, urlencode

from peterental.config import Config
from tests.calendars.provider_server import HTML, Answer, Asked, Drop, Hang, Loopback, Reply

ACCOUNT = "AC" + "1" * 32
TOKEN = "a token of the tests"
SHARED_KEY = "a shared key of the tests"
OFFICE = "+14055550100"
VISITOR = "+14055550123"
PUBLIC_URL = "https://rent.example.com"
NOON = datetime(2027, 3, 1, 18, tzinfo=UTC)
"""Noon in Norman, Oklahoma."""

Trouble = Literal["hang before", "hang after", "drop after", "html after", "no sid after"]
"""What goes wrong with a POST, before or after its text was taken."""


@dataclass(frozen=True)
class Refused:
    """An answer to a POST that is not a success."""

    status: int
    code: int | None = None
    message: str = "Twilio's own words."


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A text that was taken."""

    sid: str
    to: str
    sender: str
    body: str
    created_at: datetime
    status: str = "queued"
    status_callback: str | None = None


@dataclass
class TwilioServer(Loopback):
    """Twilio's Messages resource for one account.

    Args:
        now: returns the present moment, aware.
        latency_s: how long each answer takes, in seconds.

    Attributes:
        texts: what was taken, oldest first.
        troubles: what happens to the next POSTs; without any they succeed.
        is_away: whether the list answers 503.
        page_size: the most texts of one page.
        stopped: numbers that opted out at Twilio.
        change_body: what Twilio does to texts, as with trial accounts.
    """

    now: Callable[[], datetime] = lambda: NOON
    latency_s: float = 0
    texts: list[Taken] = field(default_factory=list)
    troubles: list[Trouble | Refused] = field(default_factory=list)
    is_away: bool = False
    page_size: int = 1000
    stopped: set[str] = field(default_factory=set)
    change_body: Callable[[str], str] = str

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        super().__init__(latency_s=self.latency_s)

    def config(self, **changes: Any) -> Config:
        """Return settings that send through this server."""
        settings: dict[str, Any] = {
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "twilio_from": OFFICE,
            "twilio_url": self.url,
            "public_url": PUBLIC_URL,
        }
        return Config(**(settings | changes))

    def bodies(self, to: str = VISITOR) -> list[str]:
        """Return what a number was texted, oldest first."""
        with self.lock:
            return [text.body for text in self.texts if text.to == to]

    def reports(self, sid: str, *statuses: str, error_code: int | None = None) -> list[dict[str, str]]:
        """Return the forms of the delivery reports of a text, in this order."""
        taken = next(text for text in self.texts if text.sid == sid)
        form = {"AccountSid": ACCOUNT, "MessageSid": sid, "SmsSid": sid, "To": taken.to, "From": taken.sender}
        forms = [form | {"MessageStatus": status, "SmsStatus": status} for status in statuses]
        if error_code is not None:
            forms[-1]["ErrorCode"] = str(error_code)
        return forms

    def answer(self, asked: Asked) -> Reply:
        """Answer one request."""
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {credentials}":
            return refusal(Refused(401, 20003, "Authenticate"))
        if asked.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return refusal(Refused(404, 20404, "The requested resource was not found"))
        return self._post(asked) if asked.method == "POST" else self._list(asked)

    def _post(self, asked: Asked) -> Reply:
        form = dict(parse_qsl(asked.body.decode("ascii"), strict_parsing=True))
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, Refused):
            return refusal(trouble)
        if trouble == "hang before":
            return Hang()
        if form["To"] in self.stopped:
            return refusal(Refused(400, 21610, "Attempt to send to unsubscribed recipient"))
        taken = Taken(
            sid=f"SM{next(self._numbers):032x}",
            to=form["To"],
            sender=form.get("From") or form["MessagingServiceSid"],
            body=self.change_body(form["Body"]),
            created_at=self.now(),
            status_callback=form.get("StatusCallback"),
        )
        self.texts.append(taken)
        instead: dict[Trouble | None, Reply] = {
            "hang after": Hang(),
            "drop after": Drop(),
            "html after": HTML,
            "no sid after": Answer.of_json({"status": "queued"}, 201),
        }
        return instead.get(trouble) or Answer.of_json(_resource(taken), 201)

    def _list(self, asked: Asked) -> Reply:
        if self.is_away:
            return refusal(Refused(503))
        page, size = int(asked.query.get("Page", "0")), min(int(asked.query["PageSize"]), self.page_size)
        matching = [text for text in reversed(self.texts) if text.to == asked.query["To"]]
        shown, rest = matching[page * size : (page + 1) * size], matching[(page + 1) * size :]
        query = urlencode({"To": asked.query["To"], "PageSize": size, "Page": page + 1})
        following = f"{asked.path}?{query}" if rest else None
        return Answer.of_json({"messages": [_resource(text) for text in shown], "next_page_uri": following})

    def add(self, body: str, *, to: str = VISITOR, age: timedelta = timedelta()) -> Taken:
        """Add a text that was taken some time ago."""
        taken = Taken(sid=f"SM{next(self._numbers):032x}", to=to, sender=OFFICE, body=body, created_at=self.now() - age)
        self.texts.append(taken)
        return taken

    def set_status(self, sid: str, status: str) -> None:
        """Change what the list says about a text."""
        self.texts = [replace(text, status=status) if text.sid == sid else text for text in self.texts]


def incoming(body: str, *, sender: str = VISITOR, sid: str = "SM" + "a" * 32, **more: str) -> dict[str, str]:
    """Return the form of a text that a visitor sent."""
    return {
        "ToCountry": "US", "SmsMessageSid": sid, "NumMedia": "0", "SmsSid": sid, "SmsStatus": "received", "Body": body,
        "To": OFFICE, "NumSegments": "1", "MessageSid": sid, "AccountSid": ACCOUNT, "From": sender,
        "ApiVersion": "2010-04-01",
    } | more  # fmt: skip


def signed(
    path: str, form: dict[str, str] | Sequence[tuple[str, str]], *, secret: str = TOKEN, algorithm: str = "sha1"
) -> dict[str, str]:
    """Return the headers by which Twilio signs a request. Computed here as its documents describe it."""
    pairs = list(form.items()) if isinstance(form, dict) else list(form)
    fields = parse_qs(urlencode(pairs), keep_blank_values=True)
    text = PUBLIC_URL + path + "".join(f"{name}{value}" for name in sorted(fields) for value in sorted(fields[name]))
    digest = hmac.new(secret.encode(), text.encode(), {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[algorithm])
    headers = {"X-Twilio-Signature": base64.b64encode(digest.digest()).decode()}
    if algorithm == "sha256":
        headers["X-Twilio-Webhooks-Signature-Settings"] = "key=CS1,algorithm=HMAC_SHA256"
    return headers


def _resource(text: Taken) -> dict[str, object]:
    return {
        "sid": text.sid,
        "to": text.to,
        "from": text.sender,
        "body": text.body,
        "status": text.status,
        "direction": "outbound-api",
        "date_created": format_datetime(text.created_at),
        "date_sent": None if text.status == "queued" else format_datetime(text.created_at),
        "error_code": None,
    }


def refusal(refused: Refused) -> Answer:
    """Return the answer to a request that is refused."""
    if refused.code is None:
        return Answer(refused.status, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
    content = {"code": refused.code, "message": refused.message, "status": refused.status}
    return Answer.of_json(content, refused.status)
