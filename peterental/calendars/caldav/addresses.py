"""Addresses: the one that a person types, and those that a server names."""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

from peterental.calendars.model import AddressNotAllowed, CalendarNonsense

_PROVIDERS = {
    "https://caldav.icloud.com/": ("icloud.com", "www.icloud.com", "me.com", "mac.com"),
    "https://caldav.fastmail.com/": ("fastmail.com", "www.fastmail.com", "app.fastmail.com", "fastmail.fm"),
    "https://dav.mailbox.org/": ("mailbox.org", "www.mailbox.org"),
}
_KNOWN = {domain: url for url, domains in _PROVIDERS.items() for domain in domains}
"""Domains of providers whose calendars are on another host that /.well-known/caldav of the domain does not name."""

_SCHEMES = {"https": "https", "http": "http", "caldavs": "https", "caldav": "https"}
_PATH_CHARS = "@:!$&'()*+,;=~-._"
WELL_KNOWN = "/.well-known/caldav"
_NEXTCLOUD = "remote.php/dav/"


def places_to_ask(address: str, username: str) -> list[str]:
    """Return the URLs at which the calendars of a typed address may be found, the most likely one first.

    Args:
        address: a host, a URL of a server, principal or calendar, or an e-mail address. If it is empty, the user name
            has to be an e-mail address.
        username: of the account.

    Raises:
        AddressNotAllowed: it is none of these.
    """
    typed = address.strip() or username.strip()
    if "://" not in typed and "/" not in typed:
        typed = typed.rpartition("@")[2]
    scheme, separator, rest = typed.rpartition("://")
    if separator and scheme.lower() not in _SCHEMES:
        raise AddressNotAllowed(reason="it has to begin with https://")
    url = f"{_SCHEMES.get(scheme.lower(), 'https')}://{rest}"
    host = _host_of_typed(url)
    parts = urlsplit(url)
    if host in _KNOWN and parts.path in {"", "/"}:
        url = _KNOWN[host]
        parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    path = normal_path(parts.path)
    if path in {"", "/"}:
        return [root + WELL_KNOWN, f"{root}/", f"{root}/{_NEXTCLOUD}"]
    return [root + path, f"{root}{path.removesuffix('/')}/{_NEXTCLOUD}", root + WELL_KNOWN]


def _host_of_typed(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url:
        raise AddressNotAllowed(reason="it is not the address of a server")
    if "@" in parts.netloc:
        raise AddressNotAllowed(reason="the user name and the password belong into their own fields")
    return host


def host_of(url: str) -> str:
    """Return the host of a URL, for sentences."""
    return urlsplit(url).hostname or ""


def origin_of(url: str) -> str:
    """Return a URL's scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def path_of(href: str, base: str = "https://host/") -> str:
    """Return the path of a URL or an href, with one spelling of its percent-encoding. It begins with a slash.

    Args:
        href: as a server wrote it.
        base: the URL that a relative href is relative to.
    """
    try:
        path = urlsplit(urljoin(base, href.strip())).path
    except ValueError:
        path = quote(href)
    return "/" + normal_path(path).removeprefix("/")


def normal_path(path: str) -> str:
    """Return a path with one spelling of its percent-encoding: servers write `@` and `%40` for the same.

    An encoded slash is part of a name, and stays.
    """
    return "/".join(
        quote(unquote(part, errors="surrogateescape"), safe=_PATH_CHARS, errors="surrogateescape")
        for part in path.split("/")
    )


def named_url(base: str, href: str) -> str:
    """Return the URL that a server names in an answer or a redirect.

    The credentials are sent to it, so it must be as well protected as the answer that names it. Another host is
    allowed: iCloud keeps each person's calendars on one of many.

    Args:
        base: the URL that answered.
        href: as the server wrote it.

    Raises:
        CalendarNonsense: it is not an address, or is one without encryption.
    """
    try:
        parts = urlsplit(urljoin(base, href.strip()))
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise CalendarNonsense(host=host_of(base), reason="it names something that is not an address")
    if parts.scheme == "http" and urlsplit(base).scheme == "https":
        raise CalendarNonsense(host=host_of(base), reason="it names an address without encryption")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{normal_path(parts.path) or '/'}{query}"


def collection_url(url: str) -> str:
    """Return the URL of a collection, which ends with a slash."""
    return url if url.endswith("/") else f"{url}/"
