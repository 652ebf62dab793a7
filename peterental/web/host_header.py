"""Refuse requests whose Host header is no host, and keep the host of a request out of redirects.

URLs with a host are built from PUBLIC_URL: a client chooses its Host header.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from flask import Response, request
from werkzeug.exceptions import BadRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_HOST_CHARS = 255
MAX_PORT = 65535

_HOST = re.compile(r"([a-z0-9_.-]+|\[[0-9a-f:.]{2,45}\])(?::([0-9]{0,5}))?", re.ASCII | re.IGNORECASE)

_IS_INVALID = "peterental.host_is_invalid"


class HostHeader:
    """WSGI middleware that replaces an invalid Host header and marks the request, which `refuse_invalid` then refuses.

    Replaced, so that the error page can be rendered.

    Args:
        app: the application.
        host: the host and port of this service.
    """

    def __init__(self, app: WSGIApplication, host: str) -> None:
        self._app = app
        self._host = host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get("HTTP_HOST")
        if host is not None and (len(host) > MAX_HOST_CHARS or not is_host(host)):
            environ["HTTP_HOST"] = self._host
            environ[_IS_INVALID] = True
        return self._app(environ, start_response)


def refuse_invalid() -> None:
    """Raise BadRequest if the Host header was invalid."""
    if _IS_INVALID in request.environ:
        raise BadRequest


def relative_redirect(response: Response) -> Response:
    """Remove scheme and host from a redirect: routing adds those of the request when it merges slashes."""
    location = response.headers.get("Location")
    if location is None:
        return response
    target = urlsplit(location)
    if target.netloc:
        response.location = urlunsplit(("", "", "/" + target.path.lstrip("/"), target.query, ""))
    return response


@functools.lru_cache(maxsize=256)
def is_host(text: str) -> bool:
    """Return whether a text is `host` or `host:port`, with a name that DNS allows or an IP address."""
    match = _HOST.fullmatch(text)
    if match is None or int(match[2] or 1) not in range(1, MAX_PORT + 1):
        return False
    try:
        match[1].lower().encode("idna").decode("idna")  # as werkzeug does; rejects empty, overlong and malformed labels
    except UnicodeError:
        return False
    return True
