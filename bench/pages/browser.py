"""A signed-in HTTP client that requests pages."""

from __future__ import annotations

import http.client
import re
import statistics
import time
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class PageFailed(Exception):
    """A request for a page failed."""


class Browser:
    """Signs in, and keeps one connection and its cookies.

    Args:
        port: of PeteRental.
        email, password: of the user.

    Attributes:
        heaviest_bytes: the maximum size of each path's page.
    """

    def __init__(self, port: int, email: str, password: str) -> None:
        self.heaviest_bytes: dict[str, int] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies = SimpleCookie()
        found = _TOKEN.search(self._ask("GET", "/login")[1].decode())
        form = {"csrf_token": found[1] if found else "", "email": email, "password": password}
        status, _ = self._ask("POST", "/login", urlencode(form))
        if status != http.HTTPStatus.SEE_OTHER:
            raise PageFailed(f"signing in as {email} was answered {status}")

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def median_ms(self, path: str, requests: int) -> float:
        """Request a page several times and return the median time in milliseconds. Raises PageFailed."""
        times = []
        for _ in range(requests):
            began = time.perf_counter()
            status, body = self._ask("GET", path)
            times.append((time.perf_counter() - began) * 1000)
            if status != http.HTTPStatus.OK:
                raise PageFailed(f"{path} was answered {status}")
            self.heaviest_bytes[path] = max(self.heaviest_bytes.get(path, 0), len(body))
        return statistics.median(times)

    def _ask(self, method: str, path: str, form: str | None = None) -> tuple[int, bytes]:
        headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, form, headers)
        response = self._connection.getresponse()
        body = response.read()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            self._cookies.load(cookie)
        return response.status, body
