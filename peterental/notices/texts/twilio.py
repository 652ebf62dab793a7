"""Send texts by Twilio's Programmable Messaging API: one form POST each.

Twilio has no idempotency key. A POST without an answer may have sent the text: it is looked up in the account's list
before a second attempt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import quote, urlencode

from peterental.clock import utc_now
from peterental.config import Config
from peterental.notices.model import Delivery, Letter, NotSent, OptedOut, PerhapsSent, of_no_other
from peterental.notices.texts.twilio_errors import OPTED_OUT, is_about_account, meaning_of

if TYPE_CHECKING:
    from peterental.calendars.http import HttpAnswer, HttpClient

SEND_TIMEOUT_S = 20.0
FIND_TIMEOUT_S = 20.0
MAX_ANSWER_BYTES = 2_000_000
STATUS_PATH = "/twilio/status"

LISTED_AFTER = timedelta(minutes=1)
"""A text that Twilio took is in its list after this time at the latest."""
CLOCK_TOLERANCE = timedelta(seconds=30)
"""How much Twilio's clock may be behind ours."""
PAGE_SIZE = 100
MAX_PAGES = 20

_OK, _BAD_REQUEST, _TOO_MANY_REQUESTS, _SERVER_ERROR = range(200, 300), 400, 429, 500
_SERVICE_PREFIX = "MG"


class TwilioTransport:
    """Sends texts from one number or messaging service.

    Args:
        config: has the account, the sender and the address of the API.
        now: returns the present moment, aware.
    """

    is_real = True

    def __init__(self, config: Config, now: Callable[[], datetime] = utc_now) -> None:
        self._account = config.twilio_account_sid or ""
        self._token = config.twilio_auth_token or ""
        self._sender = config.twilio_from or ""
        self._base_url = config.twilio_url
        # Only an operator can set it, for tests or a gateway of the office's own.
        self._allow_private = config.twilio_url != Config.twilio_url
        self._report_url = f"{config.public_url}{STATUS_PATH}" if config.public_url else None
        self._now = now

    @property
    def sender(self) -> str:
        """The number in E.164, or the id of a messaging service."""
        return self._sender

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        """Send one text. `hand_over` is called when the connection is open, before the body of the POST.

        Raises NotSent, OptedOut, PerhapsSent, and what `hand_over` raises.
        """
        body = _HandedOver(urlencode(self._form(letter)).encode("ascii"), hand_over)
        answer = self._exchange(body)
        if answer.status in _OK:
            return _delivery(answer)
        raise _refusal(answer)

    def find(
        self, letter: Letter, since: datetime, is_of_another: Callable[[str], bool] = of_no_other
    ) -> Delivery | None:
        """Look for a text in the account's list; None if it is certainly not there.

        A text that matches was created after `since`, has this recipient and the same letters and digits, and belongs
        to no other notice: Twilio may replace quotes and dashes, and puts words before the texts of trial accounts.

        Raises PerhapsSent while it may not be listed yet, and if Twilio does not answer.
        """
        asked_at = self._now()
        for message in self._listed(letter.recipient, since - CLOCK_TOLERANCE):
            if _is_same(str(message.get("body") or ""), letter.body) and not is_of_another(str(message["sid"])):
                return Delivery(provider_id=str(message["sid"]))
        if asked_at - since < LISTED_AFTER:
            raise PerhapsSent(reason="Twilio has not listed it yet")
        return None

    def _form(self, letter: Letter) -> dict[str, str]:
        sender = "MessagingServiceSid" if self._sender.startswith(_SERVICE_PREFIX) else "From"
        form = {"To": letter.recipient, sender: self._sender, "Body": letter.body}
        return form | ({"StatusCallback": self._report_url} if self._report_url else {})

    def _exchange(self, body: _HandedOver) -> HttpAnswer:
        """POST a text, and return the answer. Raises NotSent, PerhapsSent, and what the hand-over raises."""
        from peterental.calendars.model import AddressNotAllowed, CalendarFault  # noqa: PLC0415 - see _http

        http = self._http(SEND_TIMEOUT_S)
        try:
            return http.request(
                "POST",
                self._url("Messages.json"),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=body,
                auth=(self._account, self._token),
                follow=False,
            )
        except (AddressNotAllowed, CalendarFault) as fault:
            reason = f"Twilio: {fault.values.get('reason')}"
        finally:
            http.close()
        if body.refusal is not None:
            raise body.refusal
        raise PerhapsSent(reason=reason) if body.is_handed_over else NotSent(reason=reason)

    def _listed(self, recipient: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield the texts to a recipient that were created since a moment. Raises PerhapsSent.

        The list is not narrowed by DateSent: a text that still waits at Twilio has none.
        """
        url = self._url(f"Messages.json?{urlencode({'To': recipient, 'PageSize': PAGE_SIZE})}")
        http = self._http(FIND_TIMEOUT_S)
        try:
            for _ in range(MAX_PAGES):
                page = self._page(http, url)
                created = [(_created_at(message), message) for message in page["messages"]]
                yield from (message for moment, message in created if moment >= since)
                path = page.get("next_page_uri")
                # The newest come first, but by the time of sending: one may have waited for a day.
                if not path or (created and all(moment < since - timedelta(days=1) for moment, _ in created)):
                    return
                url = f"{self._base_url}/{str(path).lstrip('/')}"
        finally:
            http.close()
        raise PerhapsSent(reason="Twilio lists too many texts to this number")

    def _page(self, http: HttpClient, url: str) -> Mapping[str, Any]:
        """Return one page of the list. Raises PerhapsSent."""
        from peterental.calendars.model import AddressNotAllowed, CalendarFault  # noqa: PLC0415 - see _http

        try:
            answer = http.request("GET", url, auth=(self._account, self._token), follow=False)
            reason = f"Twilio answered {answer.status}"
            if answer.status in _OK:
                page = answer.json()
                if isinstance(page, dict) and isinstance(page.get("messages"), list):
                    if all(map(_is_readable, page["messages"])):
                        return page
                    reason = "a text in Twilio's list cannot be read"  # it may be the one that is looked for
        except (AddressNotAllowed, CalendarFault) as fault:
            reason = f"Twilio: {fault.values.get('reason')}"
        raise PerhapsSent(reason=f"it cannot be looked up: {reason}")

    def _http(self, timeout_s: float) -> HttpClient:
        """Return a client for one exchange. It is imported here: the web server starts without `requests`."""
        from peterental.calendars.http import HttpClient  # noqa: PLC0415

        return HttpClient(timeout_s=timeout_s, allow_private=self._allow_private, max_bytes=MAX_ANSWER_BYTES)

    def _url(self, resource: str) -> str:
        return f"{self._base_url}/2010-04-01/Accounts/{quote(self._account, safe='')}/{resource}"


class _HandedOver:
    """The body of a POST that is handed over when the connection is open."""

    def __init__(self, data: bytes, hand_over: Callable[[], None]) -> None:
        self._data = data
        self._hand_over = hand_over
        self.is_handed_over = False
        self.refusal: BaseException | None = None

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        try:
            self._hand_over()
        except BaseException as refusal:
            # HttpClient would take an OSError of the database for one of the connection.
            self.refusal = refusal
            raise
        self.is_handed_over = True
        yield self._data


def _delivery(answer: HttpAnswer) -> Delivery:
    """Return what Twilio says about a text that it took. Raises PerhapsSent if that cannot be read."""
    sid = _json(answer).get("sid")
    if _is_sid(sid):
        return Delivery(provider_id=sid)
    raise PerhapsSent(reason=f"Twilio answered {answer.status} without the id of the text")


def _refusal(answer: HttpAnswer) -> NotSent | PerhapsSent:
    """Return what an answer other than success means."""
    content = _json(answer)
    code = content.get("code")
    code = code if isinstance(code, int) else None
    if answer.status >= _SERVER_ERROR:
        # A gateway in front of Twilio says so too when it has passed the text on: it is looked up.
        return PerhapsSent(reason=f"Twilio answered {answer.status}")
    if answer.status == _TOO_MANY_REQUESTS:
        return NotSent(reason=meaning_of(20429))
    message = content.get("message")
    reason = meaning_of(code, message if isinstance(message, str) else f"Twilio answered {answer.status}")
    if code == OPTED_OUT:
        return OptedOut(reason=reason)
    return NotSent(reason=reason, is_final=answer.status == _BAD_REQUEST and not is_about_account(code))


def _json(answer: HttpAnswer) -> dict[str, Any]:
    """Return the object in an answer; an empty one if there is none."""
    from peterental.calendars.model import CalendarNonsense  # noqa: PLC0415 - see _http

    try:
        content = answer.json()
    except CalendarNonsense:
        return {}
    return content if isinstance(content, dict) else {}


def _is_readable(message: object) -> bool:
    """Return whether an entry of the list says which text it is."""
    return isinstance(message, dict) and _is_sid(message.get("sid"))


def _is_sid(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9]{1,64}", value) is not None


def _created_at(message: Mapping[str, Any]) -> datetime:
    """Return when a text was created. One whose date cannot be read counts as new."""
    try:
        moment = parsedate_to_datetime(str(message["date_created"]))
    except (KeyError, ValueError, TypeError):
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_same(listed: str, sent: str) -> bool:
    skeleton = _skeleton(sent)
    return _skeleton(listed).endswith(skeleton) if skeleton else listed.endswith(sent)


def _skeleton(text: str) -> str:
    """Return the letters and digits of a text, without accents."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in folded if character.isalnum())
