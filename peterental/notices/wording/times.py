"""Days and times as notices write them, in English and Spanish. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.clock import zone_abbreviation
from peterental.notices.model import Channel, Language
from peterental.plural import counted

NOON = 12

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
}  # fmt: skip
_PLAIN = str.maketrans("áéíóú", "aeiou")
"""GSM-7 lacks most of them: one would make a text message twice as long."""


def format_day(moment: datetime, zone: ZoneInfo, language: Language, channel: Channel) -> str:
    """Return a local day: `Tue, Dec 1` or `mar 1 dic` in a text, `Tuesday, December 1` or `martes 1 de diciembre`."""
    local = moment.astimezone(zone)
    if channel == "text":
        return _short_day(local, language).translate(_PLAIN)
    weekday, month = _DAYS[language][local.weekday()], _MONTHS[language][local.month - 1]
    return f"{weekday}, {month} {local.day}" if language == "en" else f"{weekday} {local.day} de {month}"


def format_time(moment: datetime, zone: ZoneInfo, channel: Channel) -> str:
    """Return a local time: `2:30 PM` in a text, `2:30 PM CST` in an e-mail, which may be read in another zone."""
    local = moment.astimezone(zone)
    clock = f"{local.hour % NOON or NOON}:{local.minute:02} {'AM' if local.hour < NOON else 'PM'}"
    return clock if channel == "text" else f"{clock} {zone_abbreviation(local)}"


def moment_fields(
    moment: datetime, zone: ZoneInfo, language: Language, channel: Channel, prefix: str = ""
) -> dict[str, str]:
    """Return the fields `day` and `time` of a moment, and their short forms, which the subjects of e-mails have.

    Args:
        moment: aware.
        zone: on whose clock.
        language: of the recipient.
        channel: of the notice.
        prefix: of the fields' names, such as `old_`.
    """
    return {
        f"{prefix}day": format_day(moment, zone, language, channel),
        f"{prefix}time": format_time(moment, zone, channel),
        f"short_{prefix}day": _short_day(moment.astimezone(zone), language),
        f"short_{prefix}time": format_time(moment, zone, "text"),
    }


def _short_day(local: datetime, language: Language) -> str:
    weekday, month = _DAYS[language][local.weekday()][:3], _MONTHS[language][local.month - 1][:3]
    return f"{weekday}, {month} {local.day}" if language == "en" else f"{weekday} {local.day} {month}"


def format_span(span: timedelta, language: Language) -> str:
    """Return a span of time: `2 hours`, `1 hora`, `45 minutes`; empty if it is not positive."""
    minutes = round(span.total_seconds() / 60)
    if minutes <= 0:
        return ""
    hours = round(minutes / 60)
    if hours:
        return counted(hours, "hour") if language == "en" else counted(hours, "hora")
    return counted(minutes, "minute") if language == "en" else counted(minutes, "minuto")
