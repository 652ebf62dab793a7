"""Set the address of the client, as trusted proxies report it, before anything reads it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from peterental.trusted_proxies import TrustedProxies, is_private

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

SCHEMES = frozenset({"http", "https"})


class ClientAddress:
    """WSGI middleware that replaces REMOTE_ADDR by the client's address, and the scheme by the client's.

    Throttling and the access log read REMOTE_ADDR. X-Forwarded-Host and X-Forwarded-Prefix are never read. Headers that
    do not fit the setting are logged once per process: then sign-in attempts are counted for a proxy.

    Args:
        app: the application.
        proxies: who may report the address.
    """

    def __init__(self, app: WSGIApplication, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies
        self._has_warned = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        peer = environ.get("REMOTE_ADDR") or ""
        forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
        if self._proxies.trusts(peer):
            if forwarded_for is not None:
                self._read(environ, peer, forwarded_for)
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        elif forwarded_for is not None and is_private(peer):
            self._warn(
                "%s sends X-Forwarded-For but is not trusted: sign-in attempts of everyone behind it are counted"
                " together. If it is a proxy of yours, set TRUSTED_PROXIES (docs/deploy-render.md)",
                peer,
            )
        return self._app(environ, start_response)

    def _read(self, environ: WSGIEnvironment, peer: str, forwarded_for: str) -> None:
        address = self._proxies.client_address(peer, forwarded_for)
        if address is not None:
            environ["REMOTE_ADDR"] = address
            return
        self._warn(
            "X-Forwarded-For of %s does not have the client's address where TRUSTED_PROXIES expects it (%s): sign-in"
            " attempts of everyone behind it are counted together (docs/deploy-render.md)",
            peer or "a UNIX socket",
            self._proxies,
        )

    def _warn(self, message: str, *args: object) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning(message, *args)
