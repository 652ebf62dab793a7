"""Spanish numbers, days and times of day, to be spoken. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.voice.speech.renderer import by_day

_NUMBERS = (
    "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece",
    "catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós",
    "veintitrés", "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve",
)  # fmt: skip
_TENS = {30: "treinta", 40: "cuarenta", 50: "cincuenta", 60: "sesenta", 70: "setenta", 80: "ochenta", 90: "noventa"}
_WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
    "diciembre",
)  # fmt: skip
_UNITS = {
    "day": ("día", "días"),
    "bedroom": ("dormitorio", "dormitorios"),
    "hour": ("hora", "horas"),
    "minute": ("minuto", "minutos"),
}

MORNING_HOUR = 6
NOON_HOUR = 12
EVENING_HOUR = 20
HUNDRED = 100
WITHOUT_MONTH = timedelta(days=7)
"""A day no further ahead is said without its month."""


def number(value: int) -> str:
    """Format an integer: `veintiuno`, `treinta y cinco`; from a hundred on, in digits."""
    if not 0 <= value < HUNDRED:
        return str(value)
    if value < len(_NUMBERS):
        return _NUMBERS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens * 10] + (f" y {_NUMBERS[ones]}" if ones else "")


def clock(hour: int, minute: int) -> str:
    """Format a time of day: `las dos y media de la tarde`, `la una de la tarde`, `el mediodía`."""
    if (hour, minute) == (NOON_HOUR, 0):
        return "el mediodía"
    if (hour, minute) == (0, 0):
        return "la medianoche"
    on_dial = hour % NOON_HOUR or NOON_HOUR
    said_hour = "la una" if on_dial == 1 else f"las {_NUMBERS[on_dial]}"
    minutes = {0: "", 15: " y cuarto", 30: " y media"}.get(minute, f" y {number(minute)}")
    return f"{said_hour}{minutes} {_part(hour)}"


def at(said_clock: str) -> str:
    """Put `a` before a time of day: `a las dos`, `al mediodía`."""
    return f"a {said_clock}".replace("a el ", "al ")


def day(value: date, today: date) -> str:
    """Format a day: `hoy, domingo veintidós`; `martes veinticuatro`; `martes primero de diciembre`."""
    weekday, month_day = _WEEKDAYS[value.weekday()], "primero" if value.day == 1 else number(value.day)
    if value.year != today.year:
        return f"{weekday} {month_day} de {_MONTHS[value.month - 1]} de {_year(value.year)}"
    if not timedelta() <= value - today <= WITHOUT_MONTH:
        return f"{weekday} {month_day} de {_MONTHS[value.month - 1]}"
    near = {0: "hoy, ", 1: "mañana, "}.get((value - today).days, "")
    return f"{near}{weekday} {month_day}"


def on(said_day: str) -> str:
    """Put `el` before a day, unless it is today or tomorrow."""
    return said_day if said_day.startswith(("hoy", "mañana")) else f"el {said_day}"


def times(starts: list[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Format several starts, each day once: `el martes catorce a las tres o a las cuatro de la tarde`."""
    today = now.astimezone(zone).date()
    days = []
    for local_day, group in by_day(starts, zone):
        said = on(day(local_day, today))
        comma = "," if "," in said else ""
        days.append(f"{said}{comma} {alternatives(clocks(group))}")
    return ", o ".join(days)


def alternatives(choices: list[str]) -> str:
    """Join choices: `lunes`, `lunes o martes`, `lunes, martes o jueves`."""
    if any("," in choice for choice in choices):
        return ", o ".join(choices)
    last = choices[-1] if choices else ""
    conjunction = " u " if last.startswith(("o", "ho")) and not last.startswith("hoy") else " o "
    return conjunction.join(filter(None, [", ".join(choices[:-1]), last]))


def length(minutes: int) -> str:
    """Format a duration: `dos horas`, `un día`, `cuarenta y cinco minutos`."""
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= size and minutes % size == 0:
            return count(minutes // size, unit)
    return count(minutes, "minute")


def count(value: int, unit: str) -> str:
    """Format a number with its unit, which is `day`, `hour` or `minute`: `un día`, `veintiún minutos`, `una hora`."""
    singular, several = _UNITS[unit]
    said = number(value)
    if said.endswith("uno"):
        stem = said.removesuffix("uno")
        said = stem + ("una" if unit == "hour" else "ún" if stem == "veinti" else "un")
    return f"{said} {singular if value == 1 else several}"


def bedrooms(value: int) -> str:
    """Format a number of bedrooms: `dos dormitorios`; a studio has none."""
    return count(value, "bedroom") if value else "ningún dormitorio aparte"


def clocks(starts: list[datetime]) -> list[str]:
    """Format the times of one day; a part of the day that the next time shares is said once, after the last."""
    said = [at(clock(start.hour, start.minute)) for start in starts]
    parts = [_part(start.hour) for start in starts]
    return [
        text.removesuffix(f" {part}") if part == following and said[place + 1].endswith(part) else text
        for place, (text, part, following) in enumerate(zip(said, parts, [*parts[1:], ""], strict=True))
    ]


def _part(hour: int) -> str:
    """Return the part of the day of an hour: half past midnight is "de la noche", as "de la mañana" may be noon."""
    if hour < MORNING_HOUR:
        return "de la madrugada" if hour else "de la noche"
    if hour < NOON_HOUR:
        return "de la mañana"
    return "de la tarde" if hour < EVENING_HOUR else "de la noche"


def _year(year: int) -> str:
    thousands, rest = divmod(year, 1000)
    said = "mil" if thousands == 1 else f"{number(thousands)} mil"
    return said if not rest else f"{said} {number(rest)}"
