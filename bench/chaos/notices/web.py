"""Requests to PeteRental, as Twilio and browsers send them: repeated while the connection breaks."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.notices.twilio_server import TOKEN, signed

TIMEOUT_S = 15.0
"""How long Twilio waits for an answer."""

ANSWERED_FOR_S = 30.0
PAUSE_S = 0.1
UNAVAILABLE = 503

SMS_PATH, STATUS_PATH = "/twilio/sms", "/twilio/status"


@dataclass(frozen=True)
class Page:
    """An answer: its status, and its text."""

    status: int
    text: str


class Web:
    """Sends requests to one port.

    Args:
        port: of PeteRental.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str) -> Page | None:
        """Return a page; None if there is no answer."""
        return self._once("GET", path, "", {})

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Page | None:
        """Send a form once, and return the answer; None if there is none."""
        return self._once("POST", path, urlencode(form), {**(headers or {}), **_FORM})

    def post_signed(self, path: str, form: dict[str, str], *, secret: str = TOKEN, insists: bool = True) -> int:
        """Send a form with Twilio's signature, and return the status of the answer; 0 without one.

        Args:
            path: of the webhook.
            form: what Twilio says.
            secret: that signs it.
            insists: whether it is sent again while no answer comes, or 503.
        """
        headers, deadline_s = signed(path, form, secret=secret), time.monotonic() + ANSWERED_FOR_S
        while True:
            page = self.post(path, form, headers)
            if not insists or time.monotonic() > deadline_s or (page is not None and page.status != UNAVAILABLE):
                return 0 if page is None else page.status
            time.sleep(PAUSE_S)

    def _once(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Page | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Page(response.status, response.read().decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
