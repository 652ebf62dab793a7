"""Vapi's HTTP API: the few requests that lines need, bounded in time, size and number."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from peterental.line.model import (
    Remote,
    VapiGone,
    VapiKeyRefused,
    VapiNonsense,
    VapiRefused,
    VapiThrottled,
    VapiTrouble,
    VapiUnreachable,
)

if TYPE_CHECKING:
    from peterental.calendars.http import HttpAnswer

BASE_URL = "https://api.vapi.ai"
PAGE_TIMEOUT_S = 15.0
"""How long a person waits for Vapi, for all requests of one page."""
JOB_TIMEOUT_S = 240.0

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
CALL_PAGE_SIZE = 50
"""A call has its whole conversation with it."""
MAX_PAGES = 200
MAX_ANSWER_BYTES = 40_000_000

MAX_ATTEMPTS = 3
MAX_PAUSE_S = 5.0
"""A longer pause that Vapi asks for is left to the next click or job."""
RETRY_PAUSE_S = 0.5

MAX_REASON_CHARS = 300
_OK, _SERVER_ERRORS = range(200, 300), range(500, 600)
_BAD_KEY, _NOT_FOUND, _TOO_MANY = (401, 403), 404, 429


class VapiApi:
    """An account at Vapi, for one piece of work in one thread. A context manager.

    Args:
        key: the private key.
        base_url: of the API, without a slash at the end.
        timeout_s: for all requests together, in seconds.
        allow_private: whether loopback and plain HTTP are allowed.
        secrets: texts that no error may repeat, beside the key.
        pause: waits for some seconds.
    """

    def __init__(
        self,
        key: str,
        base_url: str = BASE_URL,
        *,
        timeout_s: float = PAGE_TIMEOUT_S,
        allow_private: bool = False,
        secrets: Sequence[str] = (),
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        from peterental.calendars.http import HttpClient  # noqa: PLC0415  # the web server starts without `requests`

        self._key = key
        self._base_url = base_url
        self._secrets = (key, *secrets)
        self._pause = pause
        self._ends_s = time.monotonic() + timeout_s
        self._http = HttpClient(timeout_s=timeout_s, allow_private=allow_private, max_bytes=MAX_ANSWER_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    def check_key(self) -> None:
        """Raise VapiKeyRefused unless the key may read assistants."""
        self._list("/assistant", {"limit": "1"})

    def assistants(self) -> list[Remote]:
        """Return all assistants of the account."""
        return self._all("/assistant")

    def find_assistant(self, is_wanted: Callable[[Remote], bool]) -> Remote | None:
        """Return the newest assistant that is wanted; None without one. Reads no further than to it."""
        return next(filter(is_wanted, self._each("/assistant")), None)

    def numbers(self) -> list[Remote]:
        """Return all phone numbers of the account."""
        return self._all("/phone-number")

    def tools(self) -> list[Remote]:
        """Return all tools of the account; an assistant refers to them by id."""
        return self._all("/tool")

    def calls(self, since: datetime) -> list[Remote]:
        """Return all calls that were created at `since` or later, which is aware."""
        return self._all("/call", {"createdAtGe": since.isoformat()}, CALL_PAGE_SIZE)

    def assistant(self, assistant_id: str) -> Remote:
        """Return one assistant. Raises VapiGone."""
        return self._one("assistant", "GET", f"/assistant/{quote(assistant_id, safe='')}", assistant_id)

    def number(self, phone_number_id: str) -> Remote:
        """Return one phone number. Raises VapiGone."""
        return self._one("phone number", "GET", f"/phone-number/{quote(phone_number_id, safe='')}", phone_number_id)

    # --- writing -----------------------------------------------------------------------------------------------------

    def create_assistant(self, fields: Mapping[str, Any]) -> Remote:
        """Create an assistant and return it. After VapiUnreachable it may exist."""
        return self._one("assistant", "POST", "/assistant", "", fields)

    def update_assistant(self, assistant_id: str, fields: Mapping[str, Any]) -> Remote:
        """Change fields of an assistant and return it: those that are left out stay. Raises VapiGone."""
        path = f"/assistant/{quote(assistant_id, safe='')}"
        return self._one("assistant", "PATCH", path, assistant_id, fields)

    def update_number(self, phone_number_id: str, fields: Mapping[str, Any]) -> Remote:
        """Change fields of a phone number and return it. Raises VapiGone.

        Vapi refuses a `provider` here, although its SDK sends one.
        """
        path = f"/phone-number/{quote(phone_number_id, safe='')}"
        return self._one("phone number", "PATCH", path, phone_number_id, fields)

    # --- requests ----------------------------------------------------------------------------------------------------

    def _one(
        self, what: str, method: str, path: str, remote_id: str, fields: Mapping[str, Any] | None = None
    ) -> Remote:
        action = {"GET": "show", "POST": "create", "PATCH": "change"}[method]
        answer = self._send(method, path, fields)
        if answer.status == _NOT_FOUND and method != "POST":
            raise VapiGone(what=what, remote_id=remote_id)
        content = self._content(answer, f"{action} the {what}")
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            raise VapiNonsense(reason=f"it is no {what}")
        return content

    def _list(self, path: str, query: Mapping[str, str]) -> list[Remote]:
        content = self._content(self._send("GET", f"{path}?{urlencode(query)}"), f"list {path[1:]}s")
        if not isinstance(content, list):
            raise VapiNonsense(reason="it is no list")
        if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in content):
            raise VapiNonsense(reason="an entry of a list has no id")
        return content

    def _all(self, path: str, query: Mapping[str, str] | None = None, size: int = PAGE_SIZE) -> list[Remote]:
        """Return every entry of a list, newest first, as it was read last."""
        return list({item["id"]: item for item in self._each(path, query, size)}.values())

    def _each(self, path: str, query: Mapping[str, str] | None = None, size: int = PAGE_SIZE) -> Iterator[Remote]:
        """Yield the entries of a list, newest first; some come twice.

        Pages overlap at the time of their oldest entry, so that entries of the same millisecond are not lost; a page
        with nothing else is asked for again, longer.
        """
        found: set[str] = set()
        before: dict[str, str] = {}
        limit = size
        for _ in range(MAX_PAGES):
            page = self._list(path, {**(query or {}), **before, "limit": str(limit)})
            is_new = any(item["id"] not in found for item in page)
            yield from page
            found.update(item["id"] for item in page)
            created = [str(item["createdAt"]) for item in page if item.get("createdAt")]
            if len(page) < size or not created:
                return
            if is_new or limit == MAX_PAGE_SIZE:
                before = {"createdAtLe" if is_new else "createdAtLt": min(created)}
                limit = size
            else:
                limit = min(2 * limit, MAX_PAGE_SIZE)
        raise VapiNonsense(reason=f"a list has more than {MAX_PAGES} pages")

    def _content(self, answer: HttpAnswer, action: str) -> Any:
        """Return the JSON of a successful answer; raise what any other one means."""
        if answer.status in _BAD_KEY:
            raise VapiKeyRefused
        from peterental.calendars.model import CalendarNonsense  # noqa: PLC0415  # see __init__

        try:
            content = answer.json()
        except CalendarNonsense:
            content = None
        if answer.status not in _OK:
            raise VapiRefused(action=action, reason=self._reason(answer.status, content))
        if content is None:
            raise VapiNonsense(reason="it is not JSON")
        return content

    def _reason(self, status: int, content: Any) -> str:
        """Return Vapi's own words about a refusal, without secrets that they may repeat."""
        message = content.get("message") if isinstance(content, dict) else None
        text = "; ".join(map(str, message)) if isinstance(message, list) else str(message or f"status {status}")
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "…")
        text = " ".join(text.split()).rstrip(".")
        return text if len(text) <= MAX_REASON_CHARS else f"{text[:MAX_REASON_CHARS]}…"

    def _send(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> HttpAnswer:
        """Send a request. It is repeated after 429, and after trouble if it only reads."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            answer, trouble = self._try(method, path, fields)
            if answer is not None and answer.status == _TOO_MANY:
                pause_s = _retry_after_s(answer)
                trouble = VapiThrottled(seconds=f"{pause_s:.0f}")
                is_repeated = pause_s <= MAX_PAUSE_S
            else:
                pause_s, is_repeated = RETRY_PAUSE_S, method == "GET"
            if trouble is None and answer is not None:
                return answer
            if not is_repeated or attempt == MAX_ATTEMPTS or time.monotonic() + pause_s >= self._ends_s:
                break
            self._pause(pause_s)
        assert trouble is not None  # noqa: S101  # for mypy: an answer without trouble was returned
        raise trouble

    def _try(
        self, method: str, path: str, fields: Mapping[str, Any] | None
    ) -> tuple[HttpAnswer | None, VapiTrouble | None]:
        """Return the answer to one attempt, or why there is none that can be used."""
        from peterental.calendars.model import AddressNotAllowed, CalendarFault  # noqa: PLC0415  # see __init__

        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        body = None
        if fields is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(fields).encode()
        try:
            answer = self._http.request(method, f"{self._base_url}{path}", headers=headers, body=body, follow=False)
        except (AddressNotAllowed, CalendarFault) as fault:
            return None, VapiUnreachable(reason=fault.values.get("reason", "the request failed"))
        if answer.status in _SERVER_ERRORS:
            return answer, VapiUnreachable(reason=f"it answers {answer.status}")
        return answer, None


def _retry_after_s(answer: HttpAnswer) -> float:
    from peterental.calendars.http import retry_after_s  # noqa: PLC0415  # see VapiApi

    return retry_after_s(answer.headers)
