"""Database URLs: what is wrong with one, what of it may be shown, and whether its connections need TLS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

HIDDEN = "***"

EXAMPLE = "postgresql://user:password@host:5432/name"

_SCHEME = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)

_WELL_FORMED = re.compile(
    r"(?P<scheme>postgres(?:ql)?://)"
    r"(?:(?P<user>[\w.~%+-]*)(?P<password>:.*)?@)?"  # as far as the last @, so that it hides every other one
    r"(?P<hosts>HOST(?:,HOST)*)"
    r"(?P<name>/[\w.~%+-]*)?"
    r"(?:\?(?P<query>[^\s?#@]*))?".replace("HOST", r"(?:\[[\w:.%]*\]|[\w.%~-]*)(?::[0-9]*)?"),
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
"""A URL of which it is certain which part is the password."""

_SHOWN_OPTIONS = frozenset(
    {"application_name", "connect_timeout", "dbname", "host", "port", "sslmode", "target_session_attrs", "user"}
)
"""Options in the query whose values are no secrets."""

# Bounded, so that the time for a line does not grow with the square of its length: strangers write parts of log lines.
_URL_IN_TEXT = re.compile(r"(postgres(?:ql)?://)[^\n]{0,1000}@", re.IGNORECASE)
_USERINFO_IN_TEXT = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/@:]*:)[^\s/@]*@", re.IGNORECASE)
_OPTION_IN_TEXT = re.compile(r"(password\s{0,3}=\s{0,3})(?:'(?:[^'\\]|\\.){0,1000}'|[^\s'\"]+)", re.IGNORECASE)

_HOST = re.compile(r"[A-Za-z0-9._:%-]*|[/@][^@]*", re.ASCII)
_PORT = re.compile(r"[0-9]{0,5}", re.ASCII)
_MAX_PORT = 65_535

_LABEL = re.compile(r"[a-z_][a-z0-9_-]*", re.ASCII)
_PRIVATE_SUFFIXES = (".internal", ".local", ".localhost")
_PRIVATE_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
            "::1/128", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip
"""Loopback, the private networks of RFC 1918 and RFC 4193, and link-local addresses."""


def masked(url: str) -> str:
    """Return a database URL for display: passwords, and values of uncommon options, become `***`.

    A text that is no well-formed URL becomes `***` completely: which part of it is the password is uncertain.
    """
    found = _WELL_FORMED.fullmatch(url)
    if found is None:
        return HIDDEN
    user, password, query = found.group("user", "password", "query")
    userinfo = "" if user is None else user + ("" if password is None else f":{HIDDEN}") + "@"
    options = "" if query is None else "?" + "&".join(map(_masked_option, query.split("&")))
    return f"{found['scheme']}{userinfo}{found['hosts']}{found['name'] or ''}{options}"


def _masked_option(option: str) -> str:
    name, _, _ = option.partition("=")
    if name in _SHOWN_OPTIONS:
        return option
    return f"{name}={HIDDEN}" if name.endswith("password") and _LABEL.fullmatch(name) else HIDDEN


def mask_passwords(text: str) -> str:
    """Return a text, such as a log line, with the passwords of URLs and of `password=…` replaced by `***`.

    It errs on the safe side: of a database URL, everything up to the last `@` of the line is replaced.
    """
    if "://" in text:
        text = _URL_IN_TEXT.sub(rf"\1{HIDDEN}@", text)
        text = _USERINFO_IN_TEXT.sub(rf"\1{HIDDEN}@", text)
    return _OPTION_IN_TEXT.sub(rf"\1{HIDDEN}", text) if "password" in text.lower() else text


def is_well_formed(url: str) -> bool:
    """Return whether libpq reads a URL as it was meant: a password with `@` or `/` would become a part of the host.

    So libpq and the resolver never get to quote a part of a password in a message.
    """
    if not _SCHEME.match(url):
        return False
    try:
        options = _options_of(url)
    except psycopg.ProgrammingError:
        return False
    hosts = ",".join((options.get("host", ""), options.get("hostaddr", ""))).split(",")
    ports = options.get("port", "").split(",")
    return (
        all(map(_HOST.fullmatch, hosts))
        and all(_PORT.fullmatch(port) and (not port or 0 < int(port) <= _MAX_PORT) for port in ports)
        and "@" not in options.get("dbname", "")
    )


def with_tls(url: str, environ: Mapping[str, str]) -> str:
    """Return a URL that requires TLS, unless it says otherwise or every host in it is private.

    Args:
        url: a well-formed URL.
        environ: libpq's own variables in it count as well, such as PGSSLMODE.
    """
    options = _options_of(url)
    is_chosen = {"sslmode", "service"} & options.keys() or environ.get("PGSSLMODE") or environ.get("PGSERVICE")
    if is_chosen or all(map(_is_private, _hosts(options, environ))):
        return url
    return f"{url}{'&' if '?' in url else '?'}sslmode=require"


def _options_of(url: str) -> dict[str, str]:
    """Return the options in a URL by name. Raises psycopg.ProgrammingError."""
    return {name: str(value) for name, value in conninfo_to_dict(url).items()}


def _hosts(options: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Return the hosts that libpq connects to: an address takes precedence over the name beside it."""
    addresses = (options.get("hostaddr") or environ.get("PGHOSTADDR") or "").split(",")
    names = (options.get("host") or environ.get("PGHOST") or "").split(",")
    if len(addresses) != len(names):  # libpq refuses that, unless one of the lists is empty
        return [host for host in (*addresses, *names) if host]
    return [address or name for address, name in zip(addresses, names, strict=True)]


def _is_private(host: str) -> bool:
    """Return whether a host is reached without crossing a public network, as far as its name shows."""
    if not host or host.startswith(("/", "@")):  # a Unix socket, which is also libpq's default
        return True
    host = host.lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Without a dot: a name of the local network, such as Render's dpg-…-a. A number is an address in another form.
        return bool(_LABEL.fullmatch(host)) or host.endswith(_PRIVATE_SUFFIXES)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address.version == network.version and address in network for network in _PRIVATE_NETWORKS)
