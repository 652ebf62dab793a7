"""Conversations with callers who change their mind, answer late, or take back what they said."""

from __future__ import annotations

from tests.voice.talks import CALLS_AGAIN, From, Says, Talk, ask, book, cancel, find, move

# fmt: off
HEARD_TALKS = [
    Talk(
        "a day that was turned down is not booked", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Thursday doesn't work, how about Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
            (move("Friday at 3 doesn't work, 4 does"), "Your viewing of 1420 Elm Street is now on Friday the fourth at four PM."),
        ), booked=["Fri 12-04 16:00 -0600"]),
    Talk(
        "a correction counts, and what is not said again stays", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Tuesday, no, Thursday", time_of_day="afternoon"), "I have tomorrow, Thursday the third, at noon, two PM or four PM. Which would you like?"),
            (book("Tuesday at 4, no wait, make that Thursday"), "You're booked to see 1420 Elm Street, tomorrow, Thursday the third, at four PM."),
            (move("Friday at 2, I mean 2:30"), "Your viewing of 1420 Elm Street is now on Friday the fourth at two thirty PM."),
            (move("el viernes a las tres, digo, a las cuatro"), "Your viewing of 1420 Elm Street is now on Friday the fourth at four PM."),
        ), booked=["Fri 12-04 16:00 -0600"]),
    Talk(
        "a second choice is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 3 and if that's not possible Monday at 3"), "Do you mean Friday the fourth or Monday the seventh at three PM?"),
            (book("Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "a caller who says no has confirmed nothing", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at half two"), "Just to be sure: do you mean Friday the fourth at two thirty PM?"),
            Says(["Friday at half two", "no"]),
            (book("Friday at half two"), "Just to be sure: do you mean Friday the fourth at two thirty PM?"),
            Says(["Friday at half two", "no", "half past one"]),
            (book("Friday at half past one"), "You're booked to see 1420 Elm Street, on Friday the fourth at one thirty PM."),
        ), booked=["Fri 12-04 13:30 -0600"]),
    Talk(
        "a yes to a question books what it named", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at half two"), "Just to be sure: do you mean Friday the fourth at two thirty PM?"),
            Says(["Friday at half two", "yes"]),
            (book("Friday at half two"), "You're booked to see 1420 Elm Street, on Friday the fourth at two thirty PM."),
        ), booked=["Fri 12-04 14:30 -0600"]),
    Talk(
        "the first one on a day is one of the offers for that day", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="Monday"), "I have Monday the seventh at nine AM, noon or two PM. Which would you like?"),
            (book("the one at nine"), "You're booked to see 1420 Elm Street, on Monday the seventh at nine AM."),
            (move("the first one on Friday"), "Your viewing of 1420 Elm Street is now on Friday the fourth at nine AM."),
            (move("the last one on Monday"), "Your viewing of 1420 Elm Street is now on Monday the seventh at two PM."),
        ), booked=["Mon 12-07 14:00 -0600"]),
    Talk(
        "the caller takes an offer from two turns ago", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday", time_of_day="morning"), "I have Friday the fourth at nine AM or eleven AM. Which would you like?"),
            (ask(date="Monday"), "I have Monday the seventh at nine AM, noon or two PM. Which would you like?"),
            Says(["Friday morning?", "what about Monday", "no, the nine o'clock on Friday is fine"]),
            (book("the nine o'clock on Friday"), "You're booked to see 1420 Elm Street, on Friday the fourth at nine AM."),
        ), booked=["Fri 12-04 09:00 -0600"]),
    Talk(
        "the name comes last, with the words around it", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 2 pm", attendee_name=None), "May I have your name for the booking?"),
            (book("Friday at 2 pm", attendee_name="unknown"), "May I have your name for the booking?"),
            (book("Friday at 2 pm", attendee_name="hi, this is Jon Whitcomb, W-H-I-T-C-O-M-B"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
            (find(attendee_name="Jon Whitcomb"), "You have a viewing of 1420 Elm Street, on Friday the fourth at two PM."),
            (cancel(attendee_name="my name is Jon Whitcomb"), "Your viewing of 1420 Elm Street, on Friday the fourth at two PM, is cancelled."),
        ), booked=[]),
    Talk(
        "the same caller calls twice and changes their mind", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 2 pm"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
            CALLS_AGAIN,
            (book("Friday at 2 pm"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
            (book("Friday at 3 pm"), "You already have a viewing of 1420 Elm Street, on Friday the fourth at two PM. Shall I move it?"),
            (move("Friday at 3 pm"), "Your viewing of 1420 Elm Street is now on Friday the fourth at three PM."),
            CALLS_AGAIN,
            (move("the same time next week"), "Your viewing of 1420 Elm Street is now on Friday, December eleventh, at three PM."),
            (move("una hora después"), "Your viewing of 1420 Elm Street is now on Friday, December eleventh, at four PM."),
            (move("half an hour before"), "Your viewing of 1420 Elm Street is now on Friday, December eleventh, at three thirty PM."),
        ), booked=["Fri 12-11 15:30 -0600"]),
    Talk(
        "a question is left for another wish", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 2"), "Do you mean Friday the fourth, or Friday, December eleventh, at two PM?"),
            (book("actually Monday at 10"), "You're booked to see 1420 Elm Street, on Monday the seventh at ten AM."),
            (move("not this Friday but the next at 2"), "Your viewing of 1420 Elm Street is now on Friday, December eleventh, at two PM."),
        ), booked=["Fri 12-11 14:00 -0600"]),
    Talk(
        "which of two Fridays is answered in several ways", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 2"), "Do you mean Friday the fourth, or Friday, December eleventh, at two PM?"),
            (book("the later one"), "You're booked to see 1420 Elm Street, on Friday, December eleventh, at two PM."),
            (move("next Friday at 3"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
            (move("not the eleventh, the fourth"), "Your viewing of 1420 Elm Street is now on Friday the fourth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "a taken time and the last of the others", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 2 pm"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
            From("+15550142199"),
            CALLS_AGAIN,
            (book("Friday at 2 pm", attendee_name="Ignacio Brandt"), "I'm sorry, Friday the fourth at two PM is taken. The nearest I have that day: one PM, one thirty PM or two thirty PM."),
            (book("not the first, the last", attendee_name="Ignacio Brandt"), "You're booked to see 1420 Elm Street, on Friday the fourth at two thirty PM."),
        ), booked=["Fri 12-04 14:00 -0600", "Fri 12-04 14:30 -0600"]),
    Talk(
        "cancelled, and wanted back", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 2 pm"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
            (cancel(), "Your viewing of 1420 Elm Street, on Friday the fourth at two PM, is cancelled."),
            (book("Friday at 2 pm"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
        ), booked=["Fri 12-04 14:00 -0600"]),
    Talk(
        "a number that is spelt in words is a number", "America/Chicago", "2026-12-02T10:00",
        (
            From("anonymous"),
            (book("Friday at 2 pm"), "What number can we reach you on?"),
            (book("Friday at 2 pm", attendee_phone="four oh five, five five five, oh one twenty three"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
        ), booked=["Fri 12-04 14:00 -0600"]),
    Talk(
        "an e-mail address that cannot be read does not count as one", "America/Chicago", "2026-12-02T10:00",
        (
            From("anonymous"),
            (book("Friday at 2 pm", attendee_email="the usual one"), "What number can we reach you on?"),
            (book("Friday at 2 pm", attendee_email="ana dot ruiz at gmail dot com"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
        ), booked=["Fri 12-04 14:00 -0600"]),
    Talk(
        "two languages in one sentence", "America/Chicago", "2026-12-02T10:00",
        (
            (book("tomorrow a las tres"), "You're booked to see 1420 Elm Street, tomorrow, Thursday the third, at three PM."),
            (move("el Friday at 3"), "Your viewing of 1420 Elm Street is now on Friday the fourth at three PM."),
            (move("el viernes no puedo, mejor el lunes a las tres"), "Your viewing of 1420 Elm Street is now on Monday the seventh at three PM."),
        ), booked=["Mon 12-07 15:00 -0600"]),
]
