"""The addresses of .ics files, as people type and paste them. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WEBCAL = re.compile(r"webcals?://", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}://", re.IGNORECASE)
_PORTS = {"https": 443, "http": 80}


def ics_url(typed: str) -> str:
    """Return the URL that a person typed or pasted: webcal:// becomes https://, and a missing scheme is added.

    Whether it may be used is decided by HttpClient.
    """
    url = _WEBCAL.sub("https://", typed.strip(), count=1)
    return url if _SCHEME.match(url) else f"https://{url}"


def is_same_address(one: str, other: str) -> bool:
    """Return whether two typed addresses are one: however the scheme and the host are written, with any fragment."""
    return _parts(one) == _parts(other)


def _parts(typed: str) -> tuple[object, ...]:
    url = ics_url(typed)
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    return parts.scheme, parts.username, parts.password, parts.hostname, port, parts.path or "/", parts.query
