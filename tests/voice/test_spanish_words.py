"""Spanish numbers, days and times of day, as they are spoken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.voice.speech import spanish_words as words


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "cero"), (16, "dieciséis"), (21, "veintiuno"), (30, "treinta"), (31, "treinta y uno"), (99, "noventa y nueve"), (365, "365"), (-1, "-1")],
)  # fmt: skip
def test_numbers_below_a_hundred_are_words(value: int, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [(9, 0, "las nueve de la mañana"), (12, 0, "el mediodía"), (0, 0, "la medianoche"), (13, 0, "la una de la tarde"), (14, 30, "las dos y media de la tarde"), (20, 15, "las ocho y cuarto de la noche"), (14, 5, "las dos y cinco de la tarde"), (0, 20, "las doce y veinte de la noche"), (5, 30, "las cinco y media de la madrugada"), (12, 45, "las doce y cuarenta y cinco de la tarde")],
)  # fmt: skip
def test_time_of_day_has_its_part_of_the_day(hour: int, minute: int, said: str) -> None:
    assert words.clock(hour, minute) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 7, 8), "hoy, miércoles ocho"),
        (date(2026, 7, 9), "mañana, jueves nueve"),
        (date(2026, 7, 14), "martes catorce"),
        (date(2026, 7, 16), "jueves dieciséis de julio"),
        (date(2026, 12, 1), "martes primero de diciembre"),
        (date(2027, 1, 2), "sábado dos de enero de dos mil veintisiete"),
        (date(2000, 1, 1), "sábado primero de enero de dos mil"),
        (date(1999, 1, 2), "sábado dos de enero de mil 999"),
    ],
)
def test_day_is_no_longer_than_necessary(day: date, said: str) -> None:
    assert words.day(day, date(2026, 7, 8)) == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(1, "un minuto"), (45, "cuarenta y cinco minutos"), (60, "una hora"), (120, "dos horas"), (1440, "un día"), (31, "treinta y un minutos"), (1260, "veintiuna horas")],
)  # fmt: skip
def test_duration_agrees_with_its_unit(minutes: int, said: str) -> None:
    assert words.length(minutes) == said


@pytest.mark.parametrize(
    ("choices", "said"),
    [([], ""), (["lunes"], "lunes"), (["lunes", "martes"], "lunes o martes"), (["siete", "ocho"], "siete u ocho"), (["a, b", "c"], "a, b, o c")],
)  # fmt: skip
def test_choices_are_joined(choices: list[str], said: str) -> None:
    assert words.alternatives(choices) == said


def test_shared_part_of_the_day_is_said_once() -> None:
    starts = [datetime(2026, 7, 14, hour, tzinfo=UTC) for hour in (9, 10, 12, 15, 16)]
    assert words.times(starts, ZoneInfo("UTC"), datetime(2026, 7, 8, tzinfo=UTC)) == (
        "el martes catorce a las nueve, a las diez de la mañana, al mediodía, a las tres o a las cuatro de la tarde"
    )
