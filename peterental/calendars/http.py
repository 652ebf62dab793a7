"""HTTP as calendars need it: bounded in time and size, and never into a private network.

Addresses may be secret (a private .ics address is one), so an error names the host only: no path, no query, no
credentials. No exception of `requests` is chained to it, since their messages have whole URLs.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import unquote, urljoin

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from urllib3.util import Url, parse_url

from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarFault,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
)
from peterental.calendars.transport import Deadline, NameUnknown, Route, TooManyBytes, guarded_adapter
from peterental.clock import utc_now

USER_AGENT = "PeteRental"

LONGEST_URL = 8_000
"""The longest URL, in characters."""

MAX_REDIRECTS = 5
_FOLLOWED_METHODS = frozenset({"GET", "PROPFIND", "REPORT", "OPTIONS"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_CHUNK_BYTES = 65_536

LONGEST_PAUSE_S = 3600.0
"""The longest pause that a provider can ask for, in seconds."""

_PERHAPS_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""How JSON escapes what PostgreSQL cannot store: NUL, and half of a surrogate pair. Whole pairs are found as well."""

_HALF_OF_A_PAIR = re.compile(r"[\ud800-\udfff]")

USUAL_PAUSE_S = 60.0
"""The pause after an answer of 429 that does not name one, in seconds."""


@dataclass(frozen=True)
class HttpAnswer:
    """What a server answered.

    Args:
        status: of whatever kind; none is an exception.
        headers: their names are case-insensitive.
        body: decompressed.
        url: where it came from in the end, after redirects, without credentials.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """Return the body as JSON, whose texts a database can store. Raises CalendarNonsense."""
        try:
            text, is_strict = self._text()
            content = json.loads(text)
            return content if is_strict and not _PERHAPS_UNSTORABLE.search(text) else _storable(content)
        except (ValueError, RecursionError):
            pass
        raise CalendarNonsense(host=host_of(self.url), reason="it is not JSON")

    def _text(self) -> tuple[str, bool]:
        """Return the body as text, and whether its encoding is valid. Raises UnicodeDecodeError."""
        encoding = json.detect_encoding(self.body)
        try:
            return self.body.decode(encoding), True
        except UnicodeDecodeError:
            return self.body.decode(encoding, "surrogatepass"), False


class RequestBody(Protocol):
    """The bytes of a request's body, produced when the connection is open and the head of the request is sent.

    What producing them raises ends the request and passes through, except errors that mean trouble of the connection.
    """

    def __len__(self) -> int:
        """Return the number of bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield them in pieces."""


class HttpClient:
    """Sends HTTP requests. It is built for one piece of work, and used by one thread.

    Args:
        timeout_s: the time for all requests together, from now on, in seconds.
        allow_private: whether loopback, private networks and plain HTTP are allowed.
        max_bytes: of one answer's body, decompressed.
        cuts_off: whether the rest of a larger body is left unread; else it is an error.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        allow_private: bool = False,
        max_bytes: int = 20_000_000,
        cuts_off: bool = False,
    ) -> None:
        self._timeout_s = timeout_s
        self._deadline = Deadline(timeout_s)
        self._allow_private = allow_private
        self._max_bytes = max_bytes
        self._cuts_off = cuts_off
        self._adapter = guarded_adapter(Route(self._deadline, allow_private=allow_private, max_bytes=max_bytes))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | RequestBody | None = None,
        auth: tuple[str, str] | None = None,
        follow: bool = True,
    ) -> HttpAnswer:
        """Send a request and return the answer, whatever its status.

        Args:
            method: the HTTP method.
            url: an https URL. A user name and a password in it are sent as `auth`.
            headers: to send.
            body: to send.
            auth: user name and password, sent at once (Basic).
            follow: whether redirects are followed, five at most and only for GET, PROPFIND, REPORT and OPTIONS. Every
                one is checked like the first URL. Credentials are sent on to the same host only.

        Raises:
            AddressNotAllowed: the address, or one it redirects to, is not https or not on the public internet.
            CalendarUnreachable: no connection, no such name, a certificate that is not valid, the time is over.
            CalendarNonsense: the answer is too large or broken.
        """
        target = self._checked(url)
        sent = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate", **(headers or {})})
        credentials = auth or _credentials_in(target)
        if credentials is not None:
            sent["Authorization"] = basic_authorization(*credentials)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._send(method, target, sent, body)
            location = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if not follow or location is None or method not in _FOLLOWED_METHODS:
                return answer
            origin, target = target, self._checked(_joined(target, location))
            if not _may_share_credentials(origin, target):
                sent = CaseInsensitiveDict({k: v for k, v in sent.items() if k.lower() not in _CREDENTIAL_HEADERS})
        raise CalendarNonsense(host=target.host, reason=f"it redirects more than {MAX_REDIRECTS} times")

    @property
    def time_left_s(self) -> float:
        """The time that is left for the whole piece of work, also for reading what was answered, in seconds."""
        return self._deadline.left_s

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _checked(self, url: str) -> Url:
        """Parse a URL. Raises AddressNotAllowed."""
        if len(url) > LONGEST_URL:
            raise AddressNotAllowed(reason="it is too long")
        parsed = _parsed(url)
        if parsed is None or not parsed.host or re.search(r"[\x00-\x20\x7f]", url):
            raise AddressNotAllowed(reason="it is not a web address")
        if parsed.scheme != "https" and not (parsed.scheme == "http" and self._allow_private):
            raise AddressNotAllowed(reason="it does not begin with https://")
        return parsed

    def _send(
        self, method: str, target: Url, headers: Mapping[str, str], body: bytes | RequestBody | None
    ) -> HttpAnswer:
        host = str(target.host)
        try:
            return self._exchange(method, target, headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, zlib.error) as error:
            fault = self._fault(host, list(_causes(error)))
        # Raised out here, it has no context: the messages of these errors have the whole URL.
        raise fault

    def _exchange(
        self, method: str, target: Url, headers: Mapping[str, str], body: bytes | RequestBody | None
    ) -> HttpAnswer:
        url = target._replace(auth=None, fragment=None).url
        prepared = requests.Request(method, url, headers=dict(headers), data=body).prepare()
        response = self._adapter.send(prepared, stream=True, timeout=self._deadline.remaining_s())
        try:
            is_redirect = response.status_code in _REDIRECTS
            content = b"" if is_redirect else self._body(str(target.host), response)
            return HttpAnswer(response.status_code, response.headers, content, url)
        finally:
            # This closes the connection too, unless the body was read to its end and has released it.
            response.raw.close()

    def _body(self, host: str, response: requests.Response) -> bytes:
        """Read the body within the limits, decompressing as it comes."""
        decoder = _decoder(response.headers.get("Content-Encoding", ""))
        if decoder is None:
            raise CalendarNonsense(host=host, reason="its compression is not known")
        body = bytearray()
        for chunk in _chunks(response):
            for part in decoder.decode(chunk):
                body += part
                if len(body) > self._max_bytes:
                    if self._cuts_off:
                        return bytes(body[: self._max_bytes])
                    raise self._too_large(host)
            self._deadline.remaining_s()
        response.raw.release_conn()
        if not decoder.is_complete:
            raise CalendarNonsense(host=host, reason="the answer is cut off")
        return bytes(body)

    def _too_large(self, host: str) -> CalendarNonsense:
        return CalendarNonsense(host=host, reason=f"the answer is larger than {self._max_bytes / 1e6:.0f} MB")

    def _fault(self, host: str, causes: list[BaseException]) -> CalendarFault:
        """Return what an error and its causes mean."""

        def is_any(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        if is_any(TooManyBytes):
            return self._too_large(host)
        if is_any(zlib.error):
            return CalendarNonsense(host=host, reason="the compressed answer is broken")
        if is_any(NameUnknown, requests.exceptions.InvalidURL):
            return CalendarUnreachable(host=host, reason="there is no such name")
        if is_any(ssl.SSLError):
            return CalendarUnreachable(host=host, reason="its certificate or its encryption is not valid")
        if self._deadline.is_over or is_any(TimeoutError):
            return CalendarUnreachable(host=host, reason=f"no answer within {self._timeout_s:g} seconds")
        return CalendarUnreachable(host=host, reason="the connection failed")


def host_of(url: str) -> str:
    """Return the host of a URL, the only part of it that errors may name."""
    parsed = _parsed(url)
    return (parsed.host if parsed else None) or "The address"


def basic_authorization(user_name: str, password: str) -> str:
    """Return the Authorization header of a user name and a password, RFC 7617 in UTF-8."""
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode()).decode("ascii")


def raise_for_status(answer: HttpAnswer, *, host: str) -> None:
    """Raise the fault that a status means; return for 2xx and 304.

    What 404, 410 or 412 mean depends on the request: look at them first.

    Raises:
        CalendarAccessLost: 401, or 403.
        CalendarThrottled: 429, or 403 or 503 with Retry-After.
        CalendarUnreachable: every other one.
    """
    status = answer.status
    if 200 <= status < 300 or status == 304:  # noqa: PLR2004 - the statuses of RFC 9110
        return
    if status == 429 or (status in {403, 503} and "Retry-After" in answer.headers):  # noqa: PLR2004 - see above
        raise CalendarThrottled(host=host, retry_after_s=retry_after_s(answer.headers))
    if status in {401, 403}:
        raise CalendarAccessLost(host=host)
    raise CalendarUnreachable(host=host, reason=f"it answers {status}")


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Return for how long a server asks to be left alone, in seconds: a minute by default, an hour at most."""
    text = headers.get("Retry-After", "").strip()
    try:
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, re.ASCII):
            pause_s = float(text)
        else:
            moment = parsedate_to_datetime(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            pause_s = (moment - utc_now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return USUAL_PAUSE_S
    return min(max(pause_s, 1.0), LONGEST_PAUSE_S)


def _storable(value: Any) -> Any:
    """Return decoded JSON without NUL, and with U+FFFD in place of half a surrogate pair.

    Programs that cut a text after so many UTF-16 units cut an emoji in two.
    """
    if isinstance(value, str):
        return _HALF_OF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", value.replace("\0", ""))
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value


# --- URLs ------------------------------------------------------------------------------------------------------------


def _parsed(url: str) -> Url | None:
    try:
        return parse_url(url)
    except (urllib3.exceptions.LocationValueError, ValueError):
        return None


def _joined(base: Url, location: str) -> str:
    """Return the URL that a Location header means, without credentials."""
    try:
        # http.client decodes headers as Latin-1; servers send UTF-8.
        text = location.encode("latin-1").decode("utf-8", "replace")
        joined = urljoin(base._replace(auth=None, fragment=None).url, text.strip())
    except ValueError:
        raise AddressNotAllowed(reason=f"{base.host} redirects to something that is not a web address") from None
    parsed = _parsed(joined)
    return parsed._replace(auth=None).url if parsed else joined


def _credentials_in(url: Url) -> tuple[str, str] | None:
    if not url.auth:
        return None
    user_name, _, password = url.auth.partition(":")
    return unquote(user_name), unquote(password)


def _may_share_credentials(origin: Url, target: Url) -> bool:
    """Return whether a redirect stays with the same server, and does not leave TLS."""
    is_downgrade = origin.scheme == "https" and target.scheme != "https"
    return origin.host == target.host and _port(origin) == _port(target) and not is_downgrade


def _port(url: Url) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


# --- bodies ----------------------------------------------------------------------------------------------------------


class _Identity:
    is_complete = True

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk


class _Inflater:
    """Decompresses gzip and deflate in pieces of bounded size, so that a bomb is noticed before it is in memory."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)  # the header says whether it is gzip or zlib
        self._is_started = False

    @property
    def is_complete(self) -> bool:
        """Whether the data were not cut off."""
        return self._decompressor.eof or not self._is_started

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk decompresses to."""
        data, is_more_due = chunk, False
        while data or is_more_due:
            if self._decompressor.eof:  # gzip may have several members, and zeros after the last one
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)
            piece = self._inflated(data)
            yield piece
            data = self._decompressor.unconsumed_tail or self._decompressor.unused_data
            # All input may be read while some of its output, beyond the size of a piece, is not yet returned.
            is_more_due = len(piece) == _CHUNK_BYTES and not self._decompressor.eof
            self._is_started = True

    def _inflated(self, data: bytes) -> bytes:
        try:
            return self._decompressor.decompress(data, _CHUNK_BYTES)
        except zlib.error:
            if self._is_started:
                raise
        # Some servers send deflate without zlib's header.
        self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._decompressor.decompress(data, _CHUNK_BYTES)


def _decoder(encoding: str) -> _Identity | _Inflater | None:
    match encoding.strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip" | "deflate":
            return _Inflater()
        case _:
            return None


def _chunks(response: requests.Response) -> Iterator[bytes]:
    yield from response.raw.stream(_CHUNK_BYTES, decode_content=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, also where urllib3 keeps that in an attribute or an argument."""
    pending = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
        pending += [argument for argument in cause.args if isinstance(argument, BaseException)]
