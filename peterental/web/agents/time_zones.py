"""The time zones that forms suggest, and how a typed one is understood. Any IANA name is accepted. Pure."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from peterental.web.shell.template_filters import zone_city

_UNITED_STATES = {
    "America/New_York": "New York (Eastern)",
    "America/Chicago": "Chicago (Central)",
    "America/Denver": "Denver (Mountain)",
    "America/Phoenix": "Phoenix (Arizona)",
    "America/Los_Angeles": "Los Angeles (Pacific)",
    "America/Anchorage": "Anchorage (Alaska)",
    "Pacific/Honolulu": "Honolulu (Hawaii)",
    "America/Detroit": "Detroit",
    "America/Indiana/Indianapolis": "Indianapolis",
    "America/Boise": "Boise",
    "America/Puerto_Rico": "Puerto Rico",
}
_OTHERS = """
    America/Toronto America/Vancouver America/Winnipeg America/Halifax
    America/Mexico_City America/Tijuana America/Bogota America/Lima America/Santiago America/Sao_Paulo
    Europe/London Europe/Lisbon Europe/Madrid Europe/Paris Europe/Berlin Europe/Rome Europe/Stockholm Europe/Warsaw
    Europe/Athens Europe/Istanbul
    Africa/Lagos Africa/Cairo Africa/Nairobi Africa/Johannesburg
    Asia/Jerusalem Asia/Dubai Asia/Karachi Asia/Kolkata Asia/Bangkok Asia/Singapore Asia/Shanghai Asia/Manila Asia/Tokyo
    Australia/Perth Australia/Brisbane Australia/Sydney Pacific/Auckland
    UTC
"""

SUGGESTED_ZONES = {**_UNITED_STATES, **{zone: zone_city(zone) for zone in _OTHERS.split()}}
"""The names that forms suggest, by zone: the United States first, then by region from west to east."""


def named_zone(text: str | None) -> str | None:
    """Return the IANA name of a typed time zone; text that names none is returned as it is.

    Case and blanks do not matter, and a suggested zone is found by its city: `new york`, `Phoenix (Arizona)`.
    """
    key = _key(text or "")
    return _zones_by_key().get(key, text)


def _key(text: str) -> str:
    return "_".join(text.casefold().split())


@cache
def _zones_by_key() -> dict[str, str]:
    cities = {_key(zone_city(zone)): zone for zone in reversed(SUGGESTED_ZONES)}
    names = {_key(name): zone for zone, name in SUGGESTED_ZONES.items()}
    return {**cities, **names, **{_key(zone): zone for zone in available_timezones()}}
