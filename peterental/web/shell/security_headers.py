"""Security headers of every response."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, after_this_request

from peterental.config import Config
from peterental.web.shell.access_control import is_machine_request

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
ONE_YEAR_S = 365 * 24 * 60 * 60


def for_environment(config: Config) -> Callable[[Response], Response]:
    """Return the `after_request` function of the configured environment."""
    transport_security = f"max-age={ONE_YEAR_S}" + ("; includeSubDomains" if config.hsts_subdomains else "")

    def protect(response: Response) -> Response:
        """Add the headers; pages contain personal data and so must not be cached."""
        response.headers["X-Content-Type-Options"] = "nosniff"
        if config.is_production:
            response.headers["Strict-Transport-Security"] = transport_security
        if not is_machine_request():
            for name, value in PAGE_HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return protect


def send_no_referrer() -> None:
    """Send `Referrer-Policy: no-referrer`: the URL contains a secret token."""

    @after_this_request
    def protect(response: Response) -> Response:
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
