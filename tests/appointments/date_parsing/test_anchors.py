"""Times that are named by another time: by the present moment, by an offer, by the booking that is moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import CurrentBooking, ExactTime, explain, parse_start
from tests.appointments.date_parsing.table import CHICAGO, context


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=CHICAGO)


WEDNESDAY = at(2, 10)
FRIDAY_AT_TWO = CurrentBooking(at(4, 14))


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("this time tomorrow", "exactly Thu 2026-12-03 10:00"),
        ("tomorrow at this time", "exactly Thu 2026-12-03 10:00"),
        ("this time next week", "exactly Wed 2026-12-09 10:00"),
        ("around this time tomorrow", "search days=Thu 2026-12-03 clock_min=600 approximate=True"),
        ("mañana a esta hora", "exactly Thu 2026-12-03 10:00"),
        ("a esta misma hora la semana que viene", "exactly Wed 2026-12-09 10:00"),
        ("let's say Friday this time", "confirm-day option=Fri 2026-12-04 10:00 reason=vague"),
        ("this time let's do Friday", "confirm-day option=Fri 2026-12-04 10:00 reason=vague"),
        ("this time I'd like Friday", "confirm-day option=Fri 2026-12-04 10:00 reason=vague"),
        ("this time let's do Friday at three", "exactly Fri 2026-12-04 15:00"),
        ("Friday this time at three", "exactly Fri 2026-12-04 15:00"),
        ("this time of the month", "not-understood unknown=month"),
        ("same time tomorrow", "time-needed search=(search days=Thu 2026-12-03)"),
        ("a la misma hora el jueves", "time-needed search=(search days=Thu 2026-12-03)"),
    ],
)
def test_this_time_is_the_present_clock_time(phrase: str, answer: str) -> None:
    assert explain(phrase, context(WEDNESDAY)).decision == answer


def test_this_time_between_two_slots_is_offered_near_it() -> None:
    decision = explain("this time tomorrow", context(at(2, 10, 7))).decision
    assert decision == "search days=Thu 2026-12-03 clock_min=600 approximate=True"


def test_this_time_outside_the_working_hours_is_asked() -> None:
    decision = explain("this time tomorrow", context(at(2, 22))).decision
    assert decision == "time-needed search=(search days=Thu 2026-12-03)"


def test_this_time_after_another_offer_is_confirmed() -> None:
    offer = (at(3, 15).astimezone(UTC),)
    decision = explain("this time on Friday", context(WEDNESDAY, offered=offer, last_offer=offer)).decision
    assert decision == "confirm-day option=Fri 2026-12-04 10:00 reason=vague"


def test_same_time_as_the_one_offered_is_confirmed() -> None:
    offer = (at(3, 15).astimezone(UTC),)
    decision = explain("same time on Friday", context(WEDNESDAY, offered=offer, last_offer=offer)).decision
    assert decision == "confirm-day option=Fri 2026-12-04 15:00 reason=same-time"


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("this time next week", "which-day options=Wed 2026-12-09 10:00,Fri 2026-12-11 14:00"),
        ("this time tomorrow", "which-time day=2026-12-03 options=600,840"),
        ("mañana a esta hora", "which-time day=2026-12-03 options=600,840"),
        ("the Friday one", "not-understood"),
        ("la del viernes", "not-understood"),
        ("the Friday one to Monday at three", "exactly Mon 2026-12-07 15:00"),
        ("la del viernes al lunes a las tres", "exactly Mon 2026-12-07 15:00"),
        ("la de las dos a las cinco", "confirm-day option=Fri 2026-12-04 17:00 reason=same-day"),
        ("from Friday to Saturday, same time", "exactly Sat 2026-12-05 14:00"),
        ("del viernes al sábado a la misma hora", "exactly Sat 2026-12-05 14:00"),
        ("from two to three", "confirm-day option=Fri 2026-12-04 15:00 reason=same-day"),
        ("same day next week, same time", "exactly Fri 2026-12-11 14:00"),
        ("el mismo día de la semana que viene a las tres", "exactly Fri 2026-12-11 15:00"),
        ("un día después a la misma hora", "exactly Sat 2026-12-05 14:00"),
        ("la del lunes a las tres", "exactly Mon 2026-12-07 15:00"),
    ],
)
def test_words_for_the_booking_are_no_new_time(phrase: str, answer: str) -> None:
    assert explain(phrase, context(WEDNESDAY, current=FRIDAY_AT_TWO), "change").decision == answer


def test_this_time_while_the_office_is_closed_is_that_of_the_booking() -> None:
    decision = explain("this time tomorrow", context(at(2, 22), current=FRIDAY_AT_TWO), "change").decision
    assert decision == "exactly Thu 2026-12-03 14:00"


def test_ten_to_three_of_a_booking_at_ten_is_confirmed() -> None:
    booked_at_ten = context(WEDNESDAY, current=CurrentBooking(at(4, 10)))
    decision = explain("move my ten to three", booked_at_ten, "change").decision
    assert decision == "confirm-day option=Fri 2026-12-04 14:50 reason=vague"


OFFERS = tuple(start.astimezone(UTC) for start in (at(3, 14, 30), at(4, 10), at(7, 16)))


@pytest.mark.parametrize(
    ("phrase", "start"),
    [
        ("la del viernes", at(4, 10)),
        ("la del lunes siete", at(7, 16)),
        ("la de mañana", at(3, 14, 30)),
        ("la de la mañana", at(4, 10)),
        ("la del 4", at(4, 10)),
        ("la de las cuatro", at(7, 16)),
        ("la cita del lunes", at(7, 16)),
        ("la tercera opción", at(7, 16)),
        ("la de en medio", at(4, 10)),
        ("the morning one", at(4, 10)),
    ],
)
def test_one_of_the_offers_is_named(phrase: str, start: datetime) -> None:
    assert parse_start(phrase, context(WEDNESDAY, offered=OFFERS, last_offer=OFFERS)) == ExactTime(start=start)


@pytest.mark.parametrize(
    "phrase",
    ["la de la tarde", "the afternoon one", "la del martes", "la del viernes a las tres", "the Friday one at 3"],
)
def test_name_that_fits_no_offer_or_several_books_nothing(phrase: str) -> None:
    found = parse_start(phrase, context(WEDNESDAY, offered=OFFERS, last_offer=OFFERS))
    assert not isinstance(found, ExactTime)


HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
HORAS = ("la una", "las dos", "las tres", "las cuatro", "las cinco", "las seis", "las siete", "las ocho", "las nueve",
         "las diez", "las once", "las doce")  # fmt: skip
BEFORE = {5: ("five to", "cinco"), 10: ("ten to", "diez"), 15: ("a quarter to", "cuarto"), 20: ("twenty to", "veinte")}


@given(hour=st.integers(1, 12), minutes=st.sampled_from(sorted(BEFORE)), opens=st.integers(6, 10))
def test_minutes_before_an_hour_lie_in_the_only_open_half(hour: int, minutes: int, opens: int) -> None:
    """With twelve open hours, exactly one half of the day is open, in English and in both kinds of Spanish."""
    week = tuple((weekday, Window(opens * 60, (opens + 12) * 60)) for weekday in range(1, 8))
    rules = Rules(week=week, notice_minutes=0, horizon_days=60, slot_minutes=5)
    said = (hour * 60 - minutes) % 720
    wanted = at(3, 0).replace(hour=(said if said >= opens * 60 else said + 720) // 60, minute=said % 60)
    english, spanish = BEFORE[minutes]
    for phrase in (
        f"tomorrow {english} {HOURS[hour - 1]}",
        f"mañana a {HORAS[hour - 1]} menos {spanish}",
        f"mañana a {spanish} para {HORAS[hour - 1]}",
    ):
        assert parse_start(phrase, context(WEDNESDAY, rules=rules)) == ExactTime(start=wanted), phrase


def test_both_halves_are_asked_only_where_a_viewing_fits_into_both() -> None:
    open_long = Rules(week=tuple((day, Window(480, 1215)) for day in range(1, 8)), notice_minutes=0, horizon_days=60)
    assert explain("tomorrow at eight", context(WEDNESDAY, rules=open_long)).decision == "exactly Thu 2026-12-03 08:00"
    longer = Rules(week=tuple((day, Window(480, 1230)) for day in range(1, 8)), notice_minutes=0, horizon_days=60)
    assert explain("tomorrow at eight", context(WEDNESDAY, rules=longer)).decision.startswith("am-or-pm")
