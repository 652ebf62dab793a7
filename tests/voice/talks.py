"""Conversations: tool calls, and the sentences that the caller must hear."""

from __future__ import annotations

from dataclasses import dataclass, field

Asked = tuple[str, dict[str, object]]

ELM: dict[str, object] = {"property_address": "1420 Elm Street", "attendee_name": "Dolores Whitcomb"}


@dataclass(frozen=True)
class Later:
    """Time passes; arguments as for timedelta."""

    by: dict[str, float]


@dataclass(frozen=True)
class From:
    """The next turns come from another number."""

    number: str


@dataclass(frozen=True)
class Says:
    """What the caller has said so far, for the history of the next messages."""

    lines: list[str]


CALLS_AGAIN = "calls again"


@dataclass(frozen=True)
class Talk:
    """One conversation.

    Args:
        title: the behaviour it shows.
        zone: of the agent.
        now: when it starts, on the agent's clock.
        turns: tool calls with the expected sentences, and what happens between them.
        booked: the starts that are booked at its end.
        hours: the agent's working hours.
        daily_cap: the agent's.
        language: the agent's.
    """

    title: str
    zone: str
    now: str
    turns: tuple[tuple[Asked, str] | Later | From | Says | str, ...]
    booked: list[str] = field(default_factory=list)
    hours: str = "nine to five"
    daily_cap: int | None = None
    language: str = "en"


def ask(**arguments: object) -> Asked:
    return "get_availability", arguments


def book(start_time: object, **more: object) -> Asked:
    return "set_appointment", ELM | {"start_time": start_time} | more


def move(start_time: object, **more: object) -> Asked:
    return "reschedule_appointment", {"start_time": start_time} | more


def cancel(**arguments: object) -> Asked:
    return "cancel_appointment", arguments


def find(**arguments: object) -> Asked:
    return "find_appointment", arguments


def leave(message: str, **more: object) -> Asked:
    return "take_message", {"message": message} | more


# fmt: off
TALKS = [
    Talk(
        "filler words are ignored, and too little is asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="um, tomorrow"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (book("uh tomorrow at like three"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (book("tomorrow maybe"), "At what time would you like to come tomorrow, Monday the twenty-third? I have nine AM, noon or two PM."),
            (book("three"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (book("tomorrow at three"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "first thing Monday means the morning, not a minute", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="first thing Monday"), "I have tomorrow, Monday the twenty-third, at nine AM or eleven AM. Which would you like?"),
            (ask(date="any day", time_of_day="first thing in the morning"), "I have tomorrow, Monday the twenty-third, at nine AM, or Tuesday the twenty-fourth at nine AM, or Wednesday the twenty-fifth at nine AM. Which would you like?"),
            (book("first thing Monday"), "For 1420 Elm Street, I have tomorrow, Monday the twenty-third, at nine AM or eleven AM. Which would you like?"),
            (book("Monday at nine"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at nine AM."),
        ), booked=["Mon 11-23 09:00 -0600"]),
    Talk(
        "in an hour counts from now and respects the notice", "America/Chicago", "2026-11-23T09:00",
        (
            (book("in an hour"), "Viewings have to be booked two hours ahead, so today, Monday the twenty-third, at ten AM, is too soon. The nearest I have that day: eleven AM, eleven thirty AM or noon."),
            (book("in 3 hours"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at noon."),
            (book("in half an hour"), "You already have a viewing of 1420 Elm Street, today, Monday the twenty-third, at noon. Shall I move it?"),
            (book("in thirty minutes"), "You already have a viewing of 1420 Elm Street, today, Monday the twenty-third, at noon. Shall I move it?"),
            (ask(date="in two hours"), "I have today, Monday the twenty-third, at eleven AM, eleven thirty AM or twelve thirty PM. Which would you like?"),
        ), booked=["Mon 11-23 12:00 -0600"]),
    Talk(
        "this afternoon asks for a time and offers the afternoon's", "America/Chicago", "2026-11-23T09:00",
        (
            (ask(date="this afternoon"), "I have today, Monday the twenty-third, at noon, two PM or four PM. Which would you like?"),
            (book("this afternoon"), "For 1420 Elm Street, I have today, Monday the twenty-third, at noon, two PM or four PM. Which would you like?"),
            (book("this afternoon at three"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "the fourteenth is the next one, even if too far ahead", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="the 14th"), "Monday, December fourteenth, is too far ahead: viewings can be booked fourteen days ahead at most. The nearest I have: Friday, December fourth, at three thirty PM, four PM or four thirty PM."),
            (book("the 14th at two"), "Monday, December fourteenth, is too far ahead: viewings can be booked fourteen days ahead at most. The nearest I have: Friday, December fourth, at three thirty PM, four PM or four thirty PM."),
            (book("the 30th at two"), "You're booked to see 1420 Elm Street, on Monday, November thirtieth, at two PM."),
        ), booked=["Mon 11-30 14:00 -0600"]),
    Talk(
        "noon needs a day", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(time_of_day="noon"), "I have tomorrow, Monday the twenty-third, at noon, or Tuesday the twenty-fourth at noon, or Wednesday the twenty-fifth at noon. Which would you like?"),
            (book("noon"), "On which day would you like to come at noon? I have tomorrow, Monday the twenty-third, or Tuesday the twenty-fourth, or Wednesday the twenty-fifth."),
            (book("noon tomorrow"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at noon."),
        ), booked=["Mon 11-23 12:00 -0600"]),
    Talk(
        "half past two needs a day, and half two is asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (book("half past two"), "On which day would you like to come at two thirty PM? I have tomorrow, Monday the twenty-third, or Tuesday the twenty-fourth, or Wednesday the twenty-fifth."),
            (book("tomorrow at half past two"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at two thirty PM."),
            (book("half two tomorrow"), "Just to be sure: do you mean tomorrow, Monday the twenty-third, at two thirty PM?"),
        ), booked=["Mon 11-23 14:30 -0600"]),
    Talk(
        "the day after tomorrow is two days ahead", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="day after tomorrow"), "I have Tuesday the twenty-fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="the day after tomorrow in the morning"), "I have Tuesday the twenty-fourth at nine AM or eleven AM. Which would you like?"),
            (book("day after tomorrow at 10"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at ten AM."),
        ), booked=["Tue 11-24 10:00 -0600"]),
    Talk(
        "Spanish is understood and answered in the agent's language", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="mañana"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (book("mañana a las tres y media de la tarde"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three thirty PM."),
            (move("el martes a las 3 pm"), "Your viewing of 1420 Elm Street is now on Tuesday the twenty-fourth at three PM."),
            (move("pasado mañana a las diez de la mañana"), "Your viewing of 1420 Elm Street is now on Tuesday the twenty-fourth at ten AM."),
            (move("martes 11 am"), "Your viewing of 1420 Elm Street is now on Tuesday the twenty-fourth at eleven AM."),
        ), booked=["Tue 11-24 11:00 -0600"]),
    Talk(
        "another language is asked about, not guessed", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="demain"), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
            (book("demain à trois heures"), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
            (book("Dienstag um drei"), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
        ), booked=[]),
    Talk(
        "a choice from the offer books the time that was offered", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="Thursday"), "I have Thursday the twenty-sixth at nine AM, noon or two PM. Which would you like?"),
            (book("the second one"), "You're booked to see 1420 Elm Street, on Thursday the twenty-sixth at noon."),
            (ask(date="Friday", time_of_day="afternoon"), "I have Friday the twenty-seventh at noon, two PM or four PM. Which would you like?"),
            (move("the last one"), "Your viewing of 1420 Elm Street is now on Friday the twenty-seventh at four PM."),
            (move("the one at nine"), "On which day would you like to come at nine AM? I have tomorrow, Monday the twenty-third, or Tuesday the twenty-fourth, or Wednesday the twenty-fifth."),
        ), booked=["Fri 11-27 16:00 -0600"]),
    Talk(
        "a vague time is an offer inside it", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Thursday after 3"), "For 1420 Elm Street, I have Thursday the twenty-sixth at three PM or four PM. Which would you like?"),
            (book("around two on Thursday"), "For 1420 Elm Street, I have Thursday the twenty-sixth at one thirty PM, two PM or two thirty PM. Which would you like?"),
            (book("tomorrow after six"), "I have nothing free for 1420 Elm Street tomorrow, Monday the twenty-third, after six PM; the latest is four thirty PM. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("tomorrow before eight"), "I have nothing free for 1420 Elm Street tomorrow, Monday the twenty-third, before eight AM; the earliest is nine AM. The nearest I have that day: nine AM, nine thirty AM or ten AM."),
            (book("this weekend"), "I have nothing free for 1420 Elm Street today, Sunday the twenty-second, or from Saturday the twenty-eighth to Sunday the twenty-ninth. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
            (book("three"), "Do you mean tomorrow, Monday the twenty-third, or Thursday the twenty-sixth, at three PM?"),
            (book("Thursday the 26th at 3 pm"), "You're booked to see 1420 Elm Street, on Thursday the twenty-sixth at three PM."),
        ), booked=["Thu 11-26 15:00 -0600"]),
    Talk(
        "an answer completes the question before it", "America/Chicago", "2026-11-22T09:00",
        (
            (book("next Tuesday at 3 pm"), "Do you mean Tuesday the twenty-fourth, or Tuesday, December first, at three PM?"),
            (book("the first"), "You're booked to see 1420 Elm Street, on Tuesday, December first, at three PM."),
            CALLS_AGAIN,
            (book("Thursday", property_address="33 Boyd Street"), "At what time would you like to come on Thursday the twenty-sixth? I have nine AM, noon or two PM."),
            (book("half past three", property_address="33 Boyd Street"), "You're booked to see 33 Boyd Street, on Thursday the twenty-sixth at three thirty PM."),
            CALLS_AGAIN,
            (book("Friday at 1 or 2", property_address="9 Oak Lane"), "Do you mean one PM or two PM, on Friday the twenty-seventh?"),
            (book("the later one", property_address="9 Oak Lane"), "You're booked to see 9 Oak Lane, on Friday the twenty-seventh at two PM."),
            CALLS_AGAIN,
            (book("Wednesday, November 24th at 10", property_address="5 Pine Road"), "Do you mean Tuesday the twenty-fourth or Wednesday the twenty-fifth at ten AM?"),
            (book("Wednesday", property_address="5 Pine Road"), "You're booked to see 5 Pine Road, on Wednesday the twenty-fifth at ten AM."),
            CALLS_AGAIN,
            (book("tomorrow half two", property_address="77 Lindsey Court"), "Just to be sure: do you mean tomorrow, Monday the twenty-third, at two thirty PM?"),
            (book("yes", property_address="77 Lindsey Court"), "You're booked to see 77 Lindsey Court, tomorrow, Monday the twenty-third, at two thirty PM."),
        ), booked=["Tue 12-01 15:00 -0600", "Thu 11-26 15:30 -0600", "Fri 11-27 14:00 -0600", "Wed 11-25 10:00 -0600", "Mon 11-23 14:30 -0600"]),
    Talk(
        "the same past date after its question is the answer", "America/Chicago", "2026-11-22T09:00",
        (
            (book("2025-11-25T14:00"), "Just to be sure: do you mean Wednesday the twenty-fifth at two PM?"),
            (book("2025-11-25T14:00"), "You're booked to see 1420 Elm Street, on Wednesday the twenty-fifth at two PM."),
        ), booked=["Wed 11-25 14:00 -0600"]),
    Talk(
        "a move relative to the viewing starts from it", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Tuesday 3 pm"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at three PM."),
            (move("an hour later"), "Your viewing of 1420 Elm Street is now on Tuesday the twenty-fourth at four PM."),
            (move("same time on Wednesday"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at four PM."),
            (move("the day after"), "Just to be sure: do you mean Thursday the twenty-sixth at four PM?"),
            (move("2 pm"), "Just to be sure: do you mean Wednesday the twenty-fifth at two PM?"),
            (move("2 pm"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at two PM."),
        ), booked=["Wed 11-25 14:00 -0600"]),
    Talk(
        "midnight may belong to two days and is asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (book("2026-11-23T24:00:00"), "At what time would you like to come tomorrow, Monday the twenty-third? I have nine AM, noon or two PM."),
            (book("tomorrow 24:00"), "At what time would you like to come tomorrow, Monday the twenty-third? I have nine AM, noon or two PM."),
            (book("tomorrow at midnight"), "Just to be sure: do you mean tomorrow, Monday the twenty-third, at twelve AM?"),
        ), booked=[]),
    Talk(
        "next Tuesday, said on a Sunday, is booked as it was offered", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="next Tuesday"), "I have Tuesday, December first, at nine AM, noon or two PM. Which would you like?"),
            (book("next Tuesday at 2 pm"), "You're booked to see 1420 Elm Street, on Tuesday, December first, at two PM."),
        ), booked=["Tue 12-01 14:00 -0600"]),
    Talk(
        "next Tuesday, said on a Monday, is booked as it was offered", "America/Chicago", "2026-11-23T09:00",
        (
            (ask(date="next Tuesday"), "I have Tuesday, December first, at nine AM, noon or two PM. Which would you like?"),
            (book("next Tuesday at 2 pm"), "You're booked to see 1420 Elm Street, on Tuesday, December first, at two PM."),
            (book("Tuesday December 1 at 2 pm"), "You're booked to see 1420 Elm Street, on Tuesday, December first, at two PM."),
        ), booked=["Tue 12-01 14:00 -0600"]),
    Talk(
        "next Tuesday, said on a Tuesday, is in a week", "America/Chicago", "2026-11-24T09:00",
        (
            (ask(date="next Tuesday"), "I have Tuesday the first at nine AM, noon or two PM. Which would you like?"),
            (book("next Tuesday at 2 pm"), "You're booked to see 1420 Elm Street, on Tuesday the first at two PM."),
            (ask(date="Tuesday"), "I have Tuesday the first at nine AM, noon or two thirty PM. Which would you like?"),
        ), booked=["Tue 12-01 14:00 -0600"]),
    Talk(
        "Tuesday, said on a Tuesday, may be today", "America/Chicago", "2026-11-24T09:00",
        (
            (book("Tuesday at 2 pm"), "Do you mean today, Tuesday the twenty-fourth, or Tuesday the first, at two PM?"),
            (book("this Tuesday at 2 pm"), "You're booked to see 1420 Elm Street, today, Tuesday the twenty-fourth, at two PM."),
        ), booked=["Tue 11-24 14:00 -0600"]),
    Talk(
        "on the next day, tomorrow has become today", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            CALLS_AGAIN,
            Later({"days": 1}),
            (book("today at 3 pm"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at three PM."),
            (book("tomorrow 3 pm"), "You already have a viewing of 1420 Elm Street, today, Monday the twenty-third, at three PM. Shall I move it?"),
            (find(attendee_name="whitcomb"), "You have a viewing of 1420 Elm Street, today, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "a wrong Z is ignored for an offered time", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="tomorrow", time_of_day="3 pm"), "I have tomorrow, Monday the twenty-third, at two thirty PM, three PM or three thirty PM. Which would you like?"),
            (book("2026-11-23T15:00:00Z"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            CALLS_AGAIN,
            (find(attendee_name="Dolores"), "You have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "a Z is asked about where both readings are in working hours", "America/Chicago", "2026-11-22T09:00",
        (
            (book("2026-11-23T15:00:00.000Z"), "Do you mean nine AM or three PM, tomorrow, Monday the twenty-third?"),
            (book("2026-11-23T04:00:00Z", property_address="9 Oak"), "There are no viewings today, Sunday the twenty-second. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ), booked=[]),
    Talk(
        "last year's date is booked if the caller has said the weekday", "America/Chicago", "2026-11-22T09:00",
        (
            (book("2025-11-24T14:00:00"), "Just to be sure: do you mean Tuesday the twenty-fourth at two PM?"),
            Says(["Tuesday at two"]),
            (book("2025-11-24T14:00:00"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at two PM."),
        ), booked=["Tue 11-24 14:00 -0600"]),
    Talk(
        "last year's date is asked about if the caller named two days", "America/Chicago", "2026-11-22T09:00",
        (
            Says(["I can do Tuesday", "actually Wednesday"]),
            (book("2024-11-24T14:00:00-06:00"), "Do you mean Tuesday the twenty-fourth or Wednesday the twenty-fifth at two PM?"),
            (book("Wednesday at 2"), "You're booked to see 1420 Elm Street, on Wednesday the twenty-fifth at two PM."),
        ), booked=["Wed 11-25 14:00 -0600"]),
    Talk(
        "the year is named if it changes", "America/Chicago", "2026-12-28T09:00",
        (
            (ask(date="Friday"), "I have Friday, January first, twenty twenty-seven, at nine AM, noon or two PM. Which would you like?"),
            (book("Friday at 10 am"), "You're booked to see 1420 Elm Street, on Friday, January first, twenty twenty-seven, at ten AM."),
            (book("January 4 at 10 am"), "You already have a viewing of 1420 Elm Street, on Friday, January first, twenty twenty-seven, at ten AM. Shall I move it?"),
            (book("2026-01-04T10:00", property_address="9 Oak Lane"), "Just to be sure: do you mean Monday, January fourth, twenty twenty-seven, at ten AM?"),
        ), booked=["Fri 01-01 10:00 -0600"]),
    Talk(
        "a repeated hour is booked at its first occurrence", "America/Chicago", "2026-10-31T12:00",
        (
            (ask(date="tomorrow", time_of_day="1:30 am"), "I have tomorrow, Sunday the first, at twelve thirty AM, one AM or one thirty AM. Which would you like?"),
            (book("tomorrow at 1:30 am"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the first, at one thirty AM."),
            From("+15550142199"),
            CALLS_AGAIN,
            (book("2026-11-01T01:30:00-06:00"), "I'm sorry, tomorrow, Sunday the first, at one thirty AM, is taken. The nearest I have that day: twelve AM, twelve thirty AM or one AM."),
            (book("2026-11-01T02:00:00"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the first, at two AM."),
        ), booked=["Sun 11-01 01:30 -0500", "Sun 11-01 02:00 -0600"], hours="round the clock"),
    Talk(
        "a skipped hour is explained, with the nearest times", "America/Chicago", "2027-03-13T12:00",
        (
            (book("tomorrow at 2:30 am"), "The clocks change tomorrow, Sunday the fourteenth, and skip two thirty AM. What other time suits you? I have three AM, three thirty AM or four AM."),
            (ask(date="tomorrow", time_of_day="2:30 am"), "I have nothing free tomorrow, Sunday the fourteenth, at two thirty AM. The nearest I have that day: three AM, three thirty AM or four AM."),
            (book("2027-03-14T03:00:00-05:00"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the fourteenth, at three AM."),
        ), booked=["Sun 03-14 03:00 -0500"], hours="round the clock"),
    Talk(
        "without clock changes, that hour exists", "America/Phoenix", "2027-03-13T12:00",
        (
            (book("tomorrow at 2:30 am"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the fourteenth, at two thirty AM."),
            (move("2027-03-14T04:30:00-07:00"), "Your viewing of 1420 Elm Street is now tomorrow, Sunday the fourteenth, at four thirty AM."),
            (move("2027-03-14T04:30:00-06:00"), "Do you mean three thirty AM or four thirty AM, tomorrow, Sunday the fourteenth?"),
        ), booked=["Sun 03-14 04:30 -0700"], hours="round the clock"),
    Talk(
        "a skipped half hour is explained, with the nearest times", "Australia/Lord_Howe", "2026-10-03T12:00",
        (
            (book("tomorrow at 2:15 am"), "The clocks change tomorrow, Sunday the fourth, and skip two fifteen AM. What other time suits you? I have one thirty AM, two thirty AM or three AM."),
            (ask(date="tomorrow", time_of_day="2 am"), "I have nothing free tomorrow, Sunday the fourth, at two AM. The nearest I have that day: one thirty AM, two thirty AM or three AM."),
            (book("tomorrow at 2:30 am"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the fourth, at two thirty AM."),
            (move("2026-10-04T03:00:00+11:00"), "Your viewing of 1420 Elm Street is now tomorrow, Sunday the fourth, at three AM."),
        ), booked=["Sun 10-04 03:00 +1100"], hours="round the clock"),
    Talk(
        "a repeated half hour is booked once", "Australia/Lord_Howe", "2027-04-03T12:00",
        (
            (ask(date="tomorrow", time_of_day="1:30 am"), "I have tomorrow, Sunday the fourth, at twelve thirty AM, one AM or one thirty AM. Which would you like?"),
            (book("tomorrow at 1:30 am"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the fourth, at one thirty AM."),
            From("+15550142199"),
            CALLS_AGAIN,
            (book("2027-04-04T01:30:00+10:30"), "I'm sorry, tomorrow, Sunday the fourth, at one thirty AM, is taken. The nearest I have that day: twelve thirty AM, one AM or two AM."),
            (book("2027-04-04T02:00"), "You're booked to see 1420 Elm Street, tomorrow, Sunday the fourth, at two AM."),
        ), booked=["Sun 04-04 01:30 +1100", "Sun 04-04 02:00 +1030"], hours="round the clock"),
    Talk(
        "a wall-clock time stays the same across a clock change", "America/Chicago", "2026-10-30T09:00",
        (
            (ask(date="Monday"), "I have Monday the second at nine AM, noon or two PM. Which would you like?"),
            (book("Monday at 10 am"), "You're booked to see 1420 Elm Street, on Monday the second at ten AM."),
            (move("2026-11-03T10:00:00-06:00"), "Your viewing of 1420 Elm Street is now on Tuesday the third at ten AM."),
            (move("2026-11-03T10:00:00-05:00"), "Do you mean nine AM or ten AM, on Tuesday the third?"),
        ), booked=["Tue 11-03 10:00 -0600"]),
    Talk(
        "European dates across a European clock change", "Europe/Berlin", "2026-10-23T16:00",
        (
            (ask(date="Montag"), "Which day and time would you like? I have Monday the twenty-sixth at nine AM or noon, or Tuesday the twenty-seventh at nine AM."),
            (book("26.10. 10:00"), "You're booked to see 1420 Elm Street, on Monday the twenty-sixth at ten AM."),
            (move("2026-10-26T09:00:00Z"), "Your viewing of 1420 Elm Street is now on Monday the twenty-sixth at nine AM."),
            (move("Tuesday 14:30"), "Your viewing of 1420 Elm Street is now on Tuesday the twenty-seventh at two thirty PM."),
        ), booked=["Tue 10-27 14:30 +0100"]),
    Talk(
        "tomorrow follows the agent's clock, not the server's", "America/Chicago", "2026-11-22T23:50",
        (
            (ask(date="tomorrow"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (book("tomorrow at 9 am"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at nine AM."),
            Later({"minutes": 15}),
            (find(attendee_name="Dolores"), "You have a viewing of 1420 Elm Street, today, Monday the twenty-third, at nine AM."),
            (book("tomorrow at 9 am"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at nine AM."),
        ), booked=["Mon 11-23 09:00 -0600"]),
    Talk(
        "tomorrow is asked about after midnight", "America/Chicago", "2026-11-23T00:20",
        (
            (book("tomorrow at 9 am"), "Do you mean today, Monday the twenty-third, or tomorrow, Tuesday the twenty-fourth, at nine AM?"),
            (book("today"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at nine AM."),
        ), booked=["Mon 11-23 09:00 -0600"]),
    Talk(
        "two days or none are asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Tuesday or Wednesday at 2"), "Do you mean Tuesday the twenty-fourth or Wednesday the twenty-fifth at two PM?"),
            (book("not Monday"), "For 1420 Elm Street, I have Tuesday the twenty-fourth at nine AM or noon, or Wednesday the twenty-fifth at nine AM. Which would you like?"),
            (book("any day but Monday at 3"), "On which day would you like to come at three PM? I have Tuesday the twenty-fourth, Wednesday the twenty-fifth or Thursday the twenty-sixth."),
            (book("Tuesday at 2 or 3"), "Do you mean two PM or three PM, on Tuesday the twenty-fourth?"),
        ), booked=[]),
    Talk(
        "past times and too short notice are explained", "America/Chicago", "2026-11-23T10:10",
        (
            (book("today at 9 am"), "Today, Monday the twenty-third, at nine AM, is already past. The nearest I have: today, Monday the twenty-third, at twelve thirty PM, one PM or one thirty PM."),
            (book("today at 11 am"), "Viewings have to be booked two hours ahead, so today, Monday the twenty-third, at eleven AM, is too soon. The nearest I have that day: twelve thirty PM, one PM or one thirty PM."),
            (book("today at 12:30 pm"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at twelve thirty PM."),
        ), booked=["Mon 11-23 12:30 -0600"]),
    Talk(
        "outside the hours the nearest times are offered", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow at 8 pm"), "The last viewing starts at four thirty PM tomorrow, Monday the twenty-third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("Saturday at 2 pm"), "There are no viewings on Saturday the twenty-eighth. The nearest I have: Friday the twenty-seventh at three thirty PM, four PM or four thirty PM."),
            (ask(date="Saturday"), "I have nothing free on Saturday the twenty-eighth. The nearest I have: Friday the twenty-seventh at three thirty PM, four PM or four thirty PM."),
            (ask(date="this weekend"), "I have nothing free today, Sunday the twenty-second, or from Saturday the twenty-eighth to Sunday the twenty-ninth. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
            (book("tomorrow 2:10 pm"), "Viewings don't start at two ten PM. The nearest I have: tomorrow, Monday the twenty-third, at one thirty PM, two PM or two thirty PM."),
            (book("tomorrow at quarter to five"), "The last viewing starts at four thirty PM tomorrow, Monday the twenty-third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("tomorrow at 4:30 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at four thirty PM."),
        ), booked=["Mon 11-23 16:30 -0600"]),
    Talk(
        "a day without a time is asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (book("2026-11-24"), "At what time would you like to come on Tuesday the twenty-fourth? I have nine AM, noon or two PM."),
            (ask(date="2026-11-24", time_of_day="morning"), "I have Tuesday the twenty-fourth at nine AM or eleven AM. Which would you like?"),
            (book("2026-11-24 11:00"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at eleven AM."),
        ), booked=["Tue 11-24 11:00 -0600"]),
    Talk(
        "hour ranges: after three, before noon, between one and three", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="tomorrow", time_of_day="after 3 pm"), "I have tomorrow, Monday the twenty-third, at three PM or four PM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="before noon"), "I have tomorrow, Monday the twenty-third, at nine AM or eleven AM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="late afternoon"), "I have tomorrow, Monday the twenty-third, at three PM or four PM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="between 1 and 3"), "I have tomorrow, Monday the twenty-third, at one PM or two PM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="early morning"), "I have tomorrow, Monday the twenty-third, at nine AM. Which would you like?"),
            (ask(date="tomorrow after 3"), "I have tomorrow, Monday the twenty-third, at three PM or four PM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="asap"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (ask(date="asap"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="as soon as possible"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="earliest"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ), booked=[]),
    Talk(
        "times as language models write them", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tmrw 3pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (book("tomorrow @ 3 P M"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (move("Weds. 10 a.m."), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at ten AM."),
            (move("Thurs 2:30pm"), "Your viewing of 1420 Elm Street is now on Thursday the twenty-sixth at two thirty PM."),
            (move("wed at 3p"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
            (move("Wednesday 15h"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
            (move("Wednesday 1500"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
            (move("Wednesday 3:00 PM CST"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
            (move("Wednesday, Nov. 25, 2026 at 3:00 PM"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
        ), booked=["Wed 11-25 15:00 -0600"]),
    Talk(
        "weeks and vague days", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="a week from Tuesday"), "I have Tuesday, December first, at nine AM, noon or two PM. Which would you like?"),
            (ask(date="Tuesday week"), "I have Tuesday, December first, at nine AM, noon or two PM. Which would you like?"),
            (ask(date="end of the week"), "I have Thursday the twenty-sixth at nine AM or noon, or Friday the twenty-seventh at nine AM. Which would you like?"),
            (ask(date="next month"), "I have Tuesday, December first, at nine AM or noon, or Wednesday, December second, at nine AM. Which would you like?"),
            (ask(date="in a week"), "I have nothing free on Sunday the twenty-ninth. The nearest I have: Monday, November thirtieth, at nine AM, nine thirty AM or ten AM."),
            (ask(date="within the next few days"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="this week"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="next week"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="anytime"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="any time tomorrow"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (ask(date="tomorrow any time"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "a leap day", "America/Chicago", "2028-02-25T09:00",
        (
            (book("Feb 29 at 10 am"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-ninth at ten AM."),
            (move("2027-02-29T10:00"), "On which day would you like to come at ten AM? I have Monday the twenty-eighth, Tuesday the twenty-ninth or Wednesday the first."),
            (move("March 1 at 10"), "Your viewing of 1420 Elm Street is now on Wednesday the first at ten AM."),
        ), booked=["Wed 03-01 10:00 -0600"]),
    Talk(
        "a value that is no time is asked for", "America/Chicago", "2026-11-22T09:00",
        (
            (book(None), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
            (book(["tomorrow"]), "At what time would you like to come tomorrow, Monday the twenty-third? I have nine AM, noon or two PM."),
            (book({"a": 1}), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
            (book(1795445435), "Just to be sure: do you mean tomorrow, Monday the twenty-third, at two fifty PM?"),
            (book("tomorrow 3 pm" * 50), "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
            (book("\u202etomorrow\n3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "a time off the grid is refused, one on it is booked", "America/Chicago", "2026-11-23T09:07",
        (
            (book("in 4 hours"), "Viewings don't start at one oh seven PM. The nearest I have: today, Monday the twenty-third, at twelve thirty PM, one PM or one thirty PM."),
            (book("today at one"), "You're booked to see 1420 Elm Street, today, Monday the twenty-third, at one PM."),
            (ask(date="today", time_of_day="after 3"), "I have today, Monday the twenty-third, at three PM or four PM. Which would you like?"),
            (move("today at 3:30"), "Your viewing of 1420 Elm Street is now today, Monday the twenty-third, at three thirty PM."),
        ), booked=["Mon 11-23 15:30 -0600"]),
    Talk(
        "as soon as possible is the next free time", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="as soon as possible"), "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
            (ask(date="tomorrow", time_of_day="asap"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (book("tomorrow at nine"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at nine AM."),
            (ask(date="earliest"), "I have tomorrow, Monday the twenty-third, at nine thirty AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ), booked=["Mon 11-23 09:00 -0600"]),
    Talk(
        "a full range of hours offers the nearest times", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 4:30 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at four thirty PM."),
            (ask(date="tomorrow", time_of_day="after 4:30 pm"), "I have nothing free tomorrow, Monday the twenty-third, after four thirty PM; the latest is four PM. The nearest I have that day: three PM, three thirty PM or four PM."),
            (ask(date="tomorrow", time_of_day="before 9 am"), "I have nothing free tomorrow, Monday the twenty-third, before nine AM; the earliest is nine AM. The nearest I have that day: nine AM, nine thirty AM or ten AM."),
            (ask(date="tomorrow", time_of_day="between 7 and 8 pm"), "I have nothing free tomorrow, Monday the twenty-third, between seven and eight PM; the latest is four PM. The nearest I have that day: three PM, three thirty PM or four PM."),
        ), booked=["Mon 11-23 16:30 -0600"]),
    Talk(
        "a closed evening offers the nearest times", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="tomorrow", time_of_day="evening"), "I have nothing free tomorrow, Monday the twenty-third, in the evening; the latest is four thirty PM. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (ask(date="tomorrow evening"), "I have nothing free tomorrow, Monday the twenty-third, in the evening; the latest is four thirty PM. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("tomorrow evening at 6"), "The last viewing starts at four thirty PM tomorrow, Monday the twenty-third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("tonight at 8"), "There are no viewings today, Sunday the twenty-second. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
            (book("tomorrow at 4:30 in the afternoon"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at four thirty PM."),
        ), booked=["Mon 11-23 16:30 -0600"]),
    Talk(
        "a time zone with a half-hour offset", "Asia/Kolkata", "2026-11-22T09:00",
        (
            (ask(date="tomorrow", time_of_day="after 2"), "I have tomorrow, Monday the twenty-third, at two PM or four PM. Which would you like?"),
            (book("2026-11-23T09:30:00Z"), "Do you mean three PM or nine thirty AM, tomorrow, Monday the twenty-third?"),
            (book("2026-11-23T15:00:00+05:30"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (find(attendee_name="Dolores Whitcomb"), "You have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 +0530"]),
    Talk(
        "a day at its cap offers other days", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="tomorrow"), "I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM. Which would you like?"),
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            From("+15550142199"),
            CALLS_AGAIN,
            (book("tomorrow 4 pm", attendee_name="Ignacio"), "There is no room for more viewings tomorrow, Monday the twenty-third. The nearest I have: Tuesday the twenty-fourth at nine AM, nine thirty AM or ten AM."),
            (ask(date="tomorrow"), "I have nothing free tomorrow, Monday the twenty-third. The nearest I have: Tuesday the twenty-fourth at nine AM, nine thirty AM or ten AM."),
            (book("Tuesday 4 pm", attendee_name="Ignacio"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at four PM."),
        ), booked=["Mon 11-23 15:00 -0600", "Tue 11-24 16:00 -0600"], daily_cap=1),
    Talk(
        "a weekday that contradicts its date is asked about", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Wednesday the 24th at 3"), "Do you mean Tuesday the twenty-fourth or Wednesday the twenty-fifth at three PM?"),
            (book("Tuesday the 24th at 3"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at three PM."),
            (move("Monday, November 24 at 3 pm"), "Do you mean Tuesday the twenty-fourth, or tomorrow, Monday the twenty-third, at three PM?"),
            (move("Wednesday the 25th at 3"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at three PM."),
        ), booked=["Wed 11-25 15:00 -0600"]),
]
# fmt: on
