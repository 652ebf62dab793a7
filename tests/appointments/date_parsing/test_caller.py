"""The caller's own lines against what the model sends: weekdays, offsets, past years."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from peterental.appointments.date_parsing import Asked, CurrentBooking, explain
from tests.appointments.date_parsing.table import CHICAGO, context

THURSDAY = "2026-12-03T14:00"
OFFER = (datetime(2026, 12, 3, 14, tzinfo=CHICAGO),)
MISMATCH = "weekday-mismatch options=Thu 2026-12-03 14:00,Fri 2026-12-04 14:00"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["Could I come on Friday at two in the afternoon?"], MISMATCH),
        (["Friday the fourth at two"], MISMATCH),
        (["Thursday?", "No, Friday please."], MISMATCH),
        (["December fourth at two"], MISMATCH),
        (["I can't do Thursday"], "confirm-day option=Thu 2026-12-03 14:00 reason=other-days"),
        (["Thursday at two"], "exactly Thu 2026-12-03 14:00"),
        (["Friday?", "Thursday then"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday or Friday"], "exactly Thu 2026-12-03 14:00"),
        (["the third at two"], "exactly Thu 2026-12-03 14:00"),
        (["next Thursday at two"], "weekday-mismatch options=Thu 2026-12-03 14:00,Thu 2026-12-10 14:00"),
        (["next Thursday at two", "yes, that one"], "exactly Thu 2026-12-03 14:00"),
        (["some day next week, please"], "exactly Thu 2026-12-03 14:00"),
        (["any weekday"], "exactly Thu 2026-12-03 14:00"),
        (["two o'clock"], "exactly Thu 2026-12-03 14:00"),
        ([], "exactly Thu 2026-12-03 14:00"),
        (["tomorrow at two"], "weekday-mismatch options=Thu 2026-12-03 14:00,Mon 2026-11-30 14:00"),
    ],
)
def test_weekday_is_checked_against_the_callers_words(said: list[str], answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == answer


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["I called yesterday at five."], "exactly Thu 2026-12-03 14:00"),
        (["I was there last Tuesday in the morning."], "exactly Thu 2026-12-03 14:00"),
        (["We moved here in October."], "exactly Thu 2026-12-03 14:00"),
        (["I saw it on the 24th of November."], "exactly Thu 2026-12-03 14:00"),
        (["Llamé ayer a las cinco.", "fui el martes pasado"], "exactly Thu 2026-12-03 14:00"),
        (["I asked yesterday about Friday."], MISMATCH),
        (["Friday at two.", "I called yesterday."], MISMATCH),
        (["In January, at two."], "confirm-day option=Thu 2026-12-03 14:00 reason=other-days"),
    ],
)
def test_days_in_the_past_name_no_viewing(said: list[str], answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == answer


@pytest.mark.parametrize(
    "line",
    [
        "My lease ends on Friday.",
        "We want to move in on January first.",
        "My birthday is March third.",
        "I have to be back at three.",
        "I called on Monday and nobody answered.",
        "Nos mudamos en enero.",
        "Have a good weekend.",
        "Buenas noches.",
        "What time do you close on Saturdays?",
        "Today is Tuesday, right?",
        "He'll call you on Monday.",
    ],
)
def test_days_and_times_of_other_events_name_no_viewing(line: str) -> None:
    assert (
        explain(THURSDAY, context(said=lambda: ["Thursday at two.", line])).decision == "exactly Thu 2026-12-03 14:00"
    )


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("I have a flight then, so Friday at two.", MISMATCH),
        ("Oh, that's my flight day. Friday then.", MISMATCH),
        ("Hmm, make it the fourth.", MISMATCH),
        ("I have the dentist on Thursday, so Friday.", MISMATCH),
        ("I get off at two, so Thursday at three.", "which-time day=2026-12-03 options=840,900"),
        ("My dentist can't, Friday would be better.", MISMATCH),
        ("Sorry, two won't work, three.", "which-time day=2026-12-03 options=840,900"),
        ("Thursday, not at two, at three.", "which-time day=2026-12-03 options=840,900"),
    ],
)
def test_other_event_that_changes_the_viewing_is_asked_about(line: str, answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: ["Thursday at two.", line])).decision == answer


NINE_NOON_TWO = tuple(datetime(2026, 12, 3, hour, tzinfo=CHICAGO) for hour in (9, 12, 14))
NINE_OR_TWO = "which-time day=2026-12-03 options=540,840"
NOON_OR_TWO = "which-time day=2026-12-03 options=720,840"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("Nine.", NINE_OR_TWO),
        ("I'll take nine.", NINE_OR_TWO),
        ("Las nueve.", NINE_OR_TWO),
        ("The earliest.", NINE_OR_TWO),
        ("The morning one.", NINE_OR_TWO),
        ("The noon one.", NOON_OR_TWO),
        ("Twelve.", NOON_OR_TWO),
        ("La de las doce.", NOON_OR_TWO),
        ("In the morning, please.", "time-needed search=(search days=Thu 2026-12-03 ranges=00:00-12:00 part=morning)"),
        ("Not the last one.", "which-offer options=Thu 2026-12-03 09:00,Thu 2026-12-03 12:00"),
        ("Two.", "exactly Thu 2026-12-03 14:00"),
        ("The last one.", "exactly Thu 2026-12-03 14:00"),
        ("La de la tarde.", "exactly Thu 2026-12-03 14:00"),
        ("Not the first one.", "exactly Thu 2026-12-03 14:00"),
        ("In the afternoon, please.", "exactly Thu 2026-12-03 14:00"),
        ("Dolores Park.", "exactly Thu 2026-12-03 14:00"),
    ],
)
def test_other_time_of_the_offer_is_asked_about(line: str, answer: str) -> None:
    offer = context(offered=NINE_NOON_TWO, last_offer=NINE_NOON_TWO, offered_last=True, said=lambda: [line])
    assert explain(THURSDAY, offer).decision == answer


@pytest.mark.parametrize(("sent", "is_exact"), [("2026-12-10T15:00", True), ("2026-12-08T10:00", False)])
def test_day_that_names_the_booking_is_not_the_new_one(sent: str, *, is_exact: bool) -> None:
    booking = CurrentBooking(datetime(2026, 12, 8, 15, tzinfo=CHICAGO))
    moved = explain(sent, context(current=booking, said=lambda: ["Move my Tuesday one to Thursday."]), "change")
    assert moved.decision.startswith("exactly") is is_exact


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("Thursday, but not at two.", "time-needed search=(search days=Thu 2026-12-03 excluded_ranges=14:00-14:01)"),
        ("A las dos no puedo.", "time-needed search=(search days=Thu 2026-12-03 excluded_ranges=14:00-14:01)"),
        (
            "Anything but two on Thursday.",
            "time-needed search=(search days=Thu 2026-12-03 excluded_ranges=14:00-14:01)",
        ),
        ("Thursday works but four is better.", "which-time day=2026-12-03 options=840,960"),
        ("Four would be better.", "which-time day=2026-12-03 options=840,960"),
        ("Could we do four instead of two?", "which-time day=2026-12-03 options=840,960"),
        ("El jueves no puedo, ¿el viernes a las dos?", MISMATCH),
        ("El jueves no puedo. El viernes a las dos.", MISMATCH),
        ("El viernes no puedo, el jueves a las dos.", "exactly Thu 2026-12-03 14:00"),
        ("Thursday, not at three.", "exactly Thu 2026-12-03 14:00"),
        ("Not at three, at two.", "exactly Thu 2026-12-03 14:00"),
        ("Thursday three.", "exactly Thu 2026-12-03 14:00"),  # the third
    ],
)
def test_time_that_is_turned_down_is_not_booked(line: str, answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: [line])).decision == answer


def test_words_are_checked_against_the_callers_words_too() -> None:
    assert explain("Thursday at 2 pm", context(said=lambda: ["Friday at two"])).decision == MISMATCH


def test_date_alone_is_checked_against_the_callers_words() -> None:
    decision = explain("2026-12-03", context(said=lambda: ["Friday at two"])).decision
    assert decision == "weekday-mismatch options=Thu 2026-12-03,Fri 2026-12-04"


def test_same_again_after_the_mismatch_is_an_answer() -> None:
    asked = (Asked("weekday-mismatch", THURSDAY),)
    decision = explain(THURSDAY, context(asked=asked, said=lambda: ["Friday at two", "yes"])).decision
    assert decision == "exactly Thu 2026-12-03 14:00"


@pytest.mark.parametrize(
    ("said", "is_exact"),
    [(["Friday?", "ok, that works"], True), (["Friday?", "the first one"], True), (["Thursday", "Friday?"], False)],
)
def test_offer_that_the_caller_agreed_to_needs_no_question(said: list[str], *, is_exact: bool) -> None:
    decision = explain(THURSDAY, context(offered=OFFER, last_offer=OFFER, said=lambda: said)).decision
    assert decision.startswith("exactly") == is_exact


def test_a_name_after_the_day_is_no_agreement() -> None:
    decision = explain(THURSDAY, context(offered=OFFER, said=lambda: ["Friday at two", "Ada Lovelace"])).decision
    assert decision == MISMATCH


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["The second at two, please."], "confirm-day option=Wed 2026-12-02 14:00 reason=past"),
        (["Wednesday at two"], "exactly Wed 2026-12-02 14:00"),
        (["Tuesday at two"], "weekday-mismatch options=Wed 2026-12-02 14:00,Tue 2026-12-01 14:00"),
    ],
)
def test_past_year_needs_the_callers_weekday(said: list[str], answer: str) -> None:
    assert explain("2025-12-02T14:00", context(said=lambda: said)).decision == answer


def test_past_date_alone_needs_the_callers_weekday() -> None:
    assert explain("2025-12-02", context()).decision == "confirm-day option=Wed 2026-12-02 reason=past"
    found = explain("2025-12-02", context(said=lambda: ["Wednesday"]))
    assert found.decision == "time-needed search=(search days=Wed 2026-12-02)"
    again = explain("2025-12-02", context(asked=(Asked("confirm-day", "2025-12-02"),)))
    assert again.decision == "time-needed search=(search days=Wed 2026-12-02)"


@pytest.mark.parametrize(
    ("raw", "said", "offered", "answer"),
    [
        ("2026-12-02T16:00:00Z", ["Wednesday at four p m"], (), "exactly Wed 2026-12-02 16:00 (offset-ignored)"),
        ("2026-12-02T16:00:00Z", ["Wednesday at ten"], (), "exactly Wed 2026-12-02 10:00"),
        ("2026-12-02T16:00:00Z", [], (16,), "exactly Wed 2026-12-02 16:00 (offset-ignored)"),
        ("2026-12-02T16:00:00Z", [], (10,), "exactly Wed 2026-12-02 10:00"),
        ("2026-12-02T16:00:00Z", [], (), "offset-unclear own=Wed 2026-12-02 16:00 converted=Wed 2026-12-02 10:00"),
        (
            "2026-12-02T16:00:00Z",
            ["noon"],
            (),
            "offset-unclear own=Wed 2026-12-02 16:00 converted=Wed 2026-12-02 10:00",
        ),
        (
            "2026-12-02T16:00:00Z",
            [],
            (10, 16),
            "offset-unclear own=Wed 2026-12-02 16:00 converted=Wed 2026-12-02 10:00",
        ),
        (
            "2026-12-02T16:00:00Z",
            ["at four"],
            (10,),
            "offset-unclear own=Wed 2026-12-02 16:00 converted=Wed 2026-12-02 10:00",
        ),
        ("2026-12-02T22:00:00Z", [], (), "exactly Wed 2026-12-02 16:00 (offset-used)"),
        ("2026-12-02T08:30:00Z", [], (), "exactly Wed 2026-12-02 08:30 (offset-ignored)"),
        ("2026-12-02T02:00:00Z", [], (), "exactly Tue 2026-12-01 20:00 (offset-used)"),
        (
            "2026-12-10T14:00:00-05:00",
            ["the tenth at two in the afternoon"],
            (),
            "exactly Thu 2026-12-10 14:00 (offset-ignored)",
        ),
        ("2026-12-10T14:00:00-06:00", ["three"], (), "exactly Thu 2026-12-10 14:00"),
        ("2025-12-02T16:00:00Z", ["at four"], (), "confirm-day option=Wed 2026-12-02 16:00 reason=past"),
    ],
)
def test_wrong_offset_is_settled_by_words_and_offers(
    raw: str, said: list[str], offered: tuple[int, ...], answer: str
) -> None:
    times = tuple(datetime(2026, 12, 2, hour, tzinfo=CHICAGO) for hour in offered)
    assert explain(raw, context(said=lambda: said, offered=times)).decision == answer


def test_lines_that_are_no_text_are_passed_over() -> None:
    assert explain(THURSDAY, context(said=lambda: [None, "Friday at two"])).decision == MISMATCH


def test_lines_are_read_only_where_they_matter() -> None:
    def refuse() -> list[str]:
        raise AssertionError

    assert explain("banana", context(said=refuse)).decision.startswith("not-understood")
    assert explain("tomorrow afternoon", context(said=refuse)).decision.startswith("search")


def test_today_said_after_midnight_may_be_the_evening_before() -> None:
    now = datetime(2026, 12, 3, 0, 20, tzinfo=CHICAGO)
    said = ["tomorrow at two"]
    assert explain("2026-12-03T14:00", context(now, said=lambda: said)).decision == "exactly Thu 2026-12-03 14:00"


TWO_OR_FOUR = "which-time day=2026-12-03 options=840,960"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["Thursday at four"], TWO_OR_FOUR),
        (["Thursday at four", "Ada Test, T E S T"], TWO_OR_FOUR),
        (["tomorrow at two", "Thursday at four please"], TWO_OR_FOUR),
        (["Thursday at four", "no, two is better"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at four", "yes, that works"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at four", "the first one"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at four", "an hour earlier"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday around four"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at two or later"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday", "at four"], TWO_OR_FOUR),
        (["Thursday", "at 1420"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday", "the house at 305 Oak"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at two", "actually four"], TWO_OR_FOUR),
        (["Thursday at two", "no wait, four o'clock"], TWO_OR_FOUR),
        (["Thursday at two or four"], "exactly Thu 2026-12-03 14:00"),
        (["I pick up my kids on Thursday at four"], "exactly Thu 2026-12-03 14:00"),
        (["four"], "exactly Thu 2026-12-03 14:00"),
        (["405 555 0100"], "exactly Thu 2026-12-03 14:00"),
        (["Thursday at two"], "exactly Thu 2026-12-03 14:00"),
    ],
)
def test_time_of_day_is_checked_against_the_callers_words(said: list[str], answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == answer


@pytest.mark.parametrize(
    ("said", "ranges"),
    [
        (["Thursday after four"], "ranges=16:00-24:00"),
        (["Thursday morning"], "ranges=00:00-12:00 part=morning"),
        (["el jueves por la mañana"], "ranges=00:00-12:00 part=morning"),
        (["Thursday, but not before three"], "excluded_ranges=00:00-15:00"),
        (["not in the afternoon"], "excluded_ranges=12:00-17:00"),
        (["Thursday evening", "Ada Test"], "ranges=17:00-24:00 part=evening"),
    ],
)
def test_limits_in_the_callers_words_are_asked_about_once(said: list[str], ranges: str) -> None:
    found = explain(THURSDAY, context(said=lambda: said))
    assert found.decision == f"time-needed search=(search days=Thu 2026-12-03 {ranges})"
    asked = (Asked("time-needed", THURSDAY),)
    for known in ({"asked": asked}, {"offered": OFFER}):
        assert explain(THURSDAY, context(said=lambda: said, **known)).decision == "exactly Thu 2026-12-03 14:00"


@pytest.mark.parametrize(
    "said",
    [["Thursday afternoon"], ["Thursday morning", "yes"], ["Thursday morning", "two is better"], ["before work or so"]],
)
def test_time_inside_the_callers_limits_is_taken(said: list[str]) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == "exactly Thu 2026-12-03 14:00"


OFFERS = tuple(datetime(2026, 12, 3, hour, tzinfo=CHICAGO) for hour in (9, 12, 14))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["the second one"], "which-time day=2026-12-03 options=720,840"),
        (["la segunda"], "which-time day=2026-12-03 options=720,840"),
        (["option one please", "Ada Test"], "which-time day=2026-12-03 options=540,840"),
        (["the last one"], "exactly Thu 2026-12-03 14:00"),
        (["the fourth one"], "exactly Thu 2026-12-03 14:00"),
        (["yes"], "exactly Thu 2026-12-03 14:00"),
    ],
)
def test_choice_from_the_latest_offer_is_checked(said: list[str], answer: str) -> None:
    offer = context(said=lambda: said, offered=OFFERS, last_offer=OFFERS, offered_last=True)
    assert explain(THURSDAY, offer).decision == answer
    asked = replace(offer, asked=(Asked("which-time", THURSDAY),))
    for known in (asked, replace(offer, offered_last=False)):  # "the second one" may be of homes
        assert explain(THURSDAY, known).decision == "exactly Thu 2026-12-03 14:00"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["an hour later"], "which-time day=2026-12-03 options=660,840"),
        (["a day later"], "which-day options=Thu 2026-12-03 14:00,Fri 2026-12-04 10:00"),
        (["same time on Thursday"], "which-time day=2026-12-03 options=600,840"),
        (["four hours later"], "exactly Thu 2026-12-03 14:00"),
        (["an hour later", "two"], "exactly Thu 2026-12-03 14:00"),
        (["back an hour"], "exactly Thu 2026-12-03 14:00"),
    ],
)
def test_change_in_the_callers_words_is_checked(said: list[str], answer: str) -> None:
    booked = CurrentBooking(datetime(2026, 12, 3, 10, tzinfo=CHICAGO))
    assert explain(THURSDAY, context(said=lambda: said, current=booked), "change").decision == answer
    moved = CurrentBooking(datetime(2026, 12, 3, 14, tzinfo=CHICAGO))
    decision = explain(THURSDAY, context(said=lambda: said, current=moved), "change").decision
    assert decision == "exactly Thu 2026-12-03 14:00"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["Thursday the tenth at two"], "weekday-mismatch options=Thu 2026-12-03 14:00,Thu 2026-12-10 14:00"),
        (["Thursday the third at two"], "exactly Thu 2026-12-03 14:00"),
        (["any day but Thursday"], "confirm-day option=Thu 2026-12-03 14:00 reason=other-days"),
        (["this weekend"], "confirm-day option=Thu 2026-12-03 14:00 reason=other-days"),
    ],
)
def test_other_days_of_the_caller_are_asked_about(said: list[str], answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == answer
    asked = (Asked("confirm-day", THURSDAY), Asked("weekday-mismatch", THURSDAY))
    again = explain(THURSDAY, context(said=lambda: said, asked=asked)).decision
    assert again == "exactly Thu 2026-12-03 14:00"


def test_offered_time_is_taken_unless_the_callers_was_offered_too() -> None:
    said = ["Thursday at four"]
    offers = (*OFFER, datetime(2026, 12, 3, 16, tzinfo=CHICAGO))
    assert explain(THURSDAY, context(said=lambda: said, offered=OFFER)).decision == "exactly Thu 2026-12-03 14:00"
    assert explain(THURSDAY, context(said=lambda: said, offered=offers)).decision == TWO_OR_FOUR


def test_time_of_the_booking_is_no_other_time() -> None:
    booked = CurrentBooking(datetime(2026, 12, 3, 16, tzinfo=CHICAGO))
    decision = explain(THURSDAY, context(said=lambda: ["I have Thursday at four"], current=booked), "change").decision
    assert decision == "exactly Thu 2026-12-03 14:00"


def test_time_sent_again_after_the_question_is_an_answer() -> None:
    asked = (Asked("which-time", THURSDAY),)
    said = ["Thursday at four", "two"]
    assert explain(THURSDAY, context(asked=asked, said=lambda: said)).decision == "exactly Thu 2026-12-03 14:00"
    assert explain("four", context(asked=asked, said=lambda: said)).decision == "exactly Thu 2026-12-03 16:00"


@pytest.mark.parametrize(
    ("said", "decision"),
    [
        (["Thursday at two"], "exactly Thu 2026-12-03 14:00"),
        (["at nine"], "which-time day=2026-12-03 options=120,540"),
        ([], "exactly Thu 2026-12-03 02:00"),
    ],
)
def test_lost_afternoon_is_taken_from_the_callers_words(said: list[str], decision: str) -> None:
    assert explain("2026-12-03T02:00:00", context(said=lambda: said)).decision == decision


NEXT_WEEK = "2026-12-10T14:00"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["Thursday at two"], "weekday-mismatch options=Thu 2026-12-10 14:00,Thu 2026-12-03 14:00"),
        (["this Thursday at two"], "weekday-mismatch options=Thu 2026-12-10 14:00,Thu 2026-12-03 14:00"),
        (["a week from Thursday at two"], "exactly Thu 2026-12-10 14:00"),
        (["Thursday next week at two"], "exactly Thu 2026-12-10 14:00"),
        (["next Thursday at two"], "weekday-mismatch options=Thu 2026-12-10 14:00,Thu 2026-12-03 14:00"),
        (["some time next week", "Thursday at two"], "exactly Thu 2026-12-10 14:00"),
        (["the tenth", "Thursday at two"], "exactly Thu 2026-12-10 14:00"),
        (["two o'clock"], "exactly Thu 2026-12-10 14:00"),
    ],
)
def test_week_is_checked_against_the_callers_words(said: list[str], answer: str) -> None:
    assert explain(NEXT_WEEK, context(said=lambda: said)).decision == answer
    offered = (datetime(2026, 12, 10, 9, tzinfo=CHICAGO),)
    assert explain(NEXT_WEEK, context(said=lambda: said, offered=offered)).decision == "exactly Thu 2026-12-10 14:00"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["the fourth at two"], MISMATCH),
        (["a week from Thursday at two"], "weekday-mismatch options=Thu 2026-12-03 14:00,Thu 2026-12-10 14:00"),
        (["the fourth"], MISMATCH),
        (["the second"], "exactly Thu 2026-12-03 14:00"),
    ],
)
def test_date_is_checked_against_the_callers_words(said: list[str], answer: str) -> None:
    assert explain(THURSDAY, context(said=lambda: said)).decision == answer


def test_week_is_asked_about_once() -> None:
    asked = (Asked("weekday-mismatch", THURSDAY),)
    said = ["next Thursday at two", "the tenth"]
    assert explain(NEXT_WEEK, context(asked=asked, said=lambda: said)).decision == "exactly Thu 2026-12-10 14:00"
    assert explain(THURSDAY, context(asked=asked, said=lambda: said[:1])).decision == "exactly Thu 2026-12-03 14:00"
