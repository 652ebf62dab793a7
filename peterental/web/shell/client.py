"""The browser and the address of a request, for the user's list of sessions."""

from __future__ import annotations

from ipaddress import ip_address

from flask import Request

from peterental.users.model import Client

UNKNOWN = "unknown"

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Marks in the User-Agent header, in the order in which they are looked for: most browsers also claim to be others."""

SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def client_of(request: Request) -> Client:
    """Return the browser of a request. No text of the request is taken over as it is."""
    return Client(address=_address(request.remote_addr), browser=browser_name(request.headers.get("User-Agent", "")))


def browser_name(user_agent: str) -> str:
    """Return a short name for a User-Agent header: `Firefox on Windows`."""
    browser = _first(BROWSERS, user_agent) or "Unknown browser"
    system = _first(SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first(marks: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for mark, name in marks if mark in text), None)


def _address(remote: str | None) -> str:
    try:
        return str(ip_address(remote or ""))
    except ValueError:
        return UNKNOWN
