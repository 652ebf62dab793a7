"""Conversations in which an answer comes back in the next tool call: "the second one", "later", "no, the other one"."""

from __future__ import annotations

from tests.voice.talks import Says, Talk, ask, book, cancel, move

# fmt: off
FOLLOW_UP_TALKS = [
    Talk(
        "the other one of three is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("no the other"), "Which of the times do you mean? I have Friday the fourth at nine AM, noon or two PM."),
        ), booked=[]),
    Talk(
        "later books none of three offers", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday", time_of_day="afternoon"), "I have Friday the fourth at noon, two PM or four PM. Which would you like?"),
            (book("later"), "Which of the times do you mean? I have Friday the fourth at noon, two PM or four PM."),
        ), booked=[]),
    Talk(
        "earlier that day is offered on the day of the offer", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday", time_of_day="afternoon"), "I have Friday the fourth at noon, two PM or four PM. Which would you like?"),
            (book("earlier that day"), "For 1420 Elm Street, I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "a search without a day stays on the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="what about the afternoon"), "I have Friday the fourth at noon, two PM or four PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "a part of the day is searched on the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(time_of_day="afternoon"), "I have Friday the fourth at noon, two PM or four PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "later is searched after the last time that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="later"), "I have Friday the fourth at two thirty PM or four thirty PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "earlier is searched before the first time that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday", time_of_day="afternoon"), "I have Friday the fourth at noon, two PM or four PM. Which would you like?"),
            (ask(date="earlier that day"), "I have Friday the fourth at nine AM or eleven AM. Which would you like?"),
        ), booked=[]),
    Talk(
        "that day is the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="that day", time_of_day="evening"), "I have nothing free on Friday the fourth in the evening; the latest is four thirty PM. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
        ), booked=[]),
    Talk(
        "the next day follows the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="the next day"), "I have nothing free on Saturday the fifth. The nearest I have: Friday the fourth at three thirty PM, four PM or four thirty PM."),
        ), booked=[]),
    Talk(
        "the week after follows the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="the week after"), "I have Monday the seventh at nine AM or noon, or Tuesday the eighth at nine AM. Which would you like?"),
        ), booked=[]),
    Talk(
        "the following day follows tomorrow", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="tomorrow"), "I have tomorrow, Thursday the third, at nine AM, noon or two PM. Which would you like?"),
            (ask(date="the following day"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "no and another time keeps the day of the question", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at half two"), "Just to be sure: do you mean Friday the fourth at two thirty PM?"),
            (book("no, half past one"), "You're booked to see 1420 Elm Street, on Friday the fourth at one thirty PM."),
        ), booked=["Fri 12-04 13:30 -0600"]),
    Talk(
        "the second of two days is taken with its time", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 3"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
            (book("the second one"), "You're booked to see 1420 Elm Street, on Friday, December eleventh, at three PM."),
        ), booked=["Fri 12-11 15:00 -0600"]),
    Talk(
        "yes leaves two days open", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 3"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
            (book("yes"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
        ), booked=[]),
    Talk(
        "the other of two days is not guessed", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 3"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
            (book("no, the other one"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
        ), booked=[]),
    Talk(
        "the one next week is the later of two days", "America/Chicago", "2026-12-02T10:00",
        (
            (book("next Friday at 3"), "Do you mean Friday the fourth, or Friday, December eleventh, at three PM?"),
            (book("the one next week"), "You're booked to see 1420 Elm Street, on Friday, December eleventh, at three PM."),
        ), booked=["Fri 12-11 15:00 -0600"]),
    Talk(
        "a time completes a day", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday"), "At what time would you like to come on Friday the fourth? I have nine AM, noon or two PM."),
            (book("three"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "a vague time completes a day", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday"), "At what time would you like to come on Friday the fourth? I have nine AM, noon or two PM."),
            (book("after lunch"), "For 1420 Elm Street, I have Friday the fourth at one PM or three PM. Which would you like?"),
        ), booked=[]),
    Talk(
        "two days, then one of them, complete a time", "America/Chicago", "2026-12-02T10:00",
        (
            (book("three o'clock"), "On which day would you like to come at three PM? I have today, Wednesday the second, or tomorrow, Thursday the third, or Friday the fourth."),
            (book("tomorrow or Friday"), "Do you mean tomorrow, Thursday the third, or Friday the fourth, at three PM?"),
            (book("Friday"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "later that day is offered, and the first one taken", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
            (move("later that day"), "For 1420 Elm Street, I have Friday the fourth at three thirty PM or four thirty PM. Which would you like?"),
            (move("the first one"), "Your viewing of 1420 Elm Street is now on Friday the fourth at three thirty PM."),
        ), booked=["Fri 12-04 15:30 -0600"]),
    Talk(
        "the Monday one is cancelled after the question which", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
            (book("Monday at 3", property_address="33 Boyd Street"), "You're booked to see 33 Boyd Street, on Monday the seventh at three PM."),
            (cancel(), "There is more than one viewing booked. What is the address of the one you mean?"),
            (cancel(property_address="the Monday one"), "Your viewing of 33 Boyd Street, on Monday the seventh at three PM, is cancelled."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "a street says which viewing is moved", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
            (book("Monday at 3", property_address="33 Boyd Street"), "You're booked to see 33 Boyd Street, on Monday the seventh at three PM."),
            (move("Tuesday at 3"), "There is more than one viewing booked. What is the address of the one you mean?"),
            (move("Tuesday at 3", property_address="the Boyd one"), "Your viewing of 33 Boyd Street is now on Tuesday the eighth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600", "Tue 12-08 15:00 -0600"]),
    Talk(
        "not the first one leaves the others", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("not the first, the one after"), "Which of the times do you mean? I have Friday the fourth at noon or two PM."),
        ), booked=[]),
    Talk(
        "the noon one on another day is confirmed", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("the noon one but on Monday"), "Just to be sure: do you mean Monday the seventh at noon?"),
        ), booked=[]),
    Talk(
        "the last time of a day is taken after the refusal of a later one", "America/Chicago", "2026-12-02T10:00",
        (
            (book("tomorrow at 5"), "The last viewing starts at four thirty PM tomorrow, Thursday the third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            (book("ok four thirty then"), "You're booked to see 1420 Elm Street, tomorrow, Thursday the third, at four thirty PM."),
        ), booked=["Thu 12-03 16:30 -0600"]),
    Talk(
        "neither of the offers books nothing", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("neither of those"), "Which day and time would you like? I have today, Wednesday the second, at noon, or tomorrow, Thursday the third, at nine AM, or Friday the fourth at nine AM."),
        ), booked=[]),
    Talk(
        "any of the offers is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("any of them"), "For 1420 Elm Street, I have today, Wednesday the second, at noon, or tomorrow, Thursday the third, at nine AM, or Friday the fourth at nine AM. Which would you like?"),
        ), booked=[]),
    Talk(
        "the one in the middle is the second of three", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("the one in the middle"), "You're booked to see 1420 Elm Street, on Friday the fourth at noon."),
        ), booked=["Fri 12-04 12:00 -0600"]),
    Talk(
        "two offers that are turned down are no date", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("the first two are too early"), "On which day would you like to come before eleven AM? I have tomorrow, Thursday the third, at nine AM, or Friday the fourth at nine AM, or Monday the seventh at nine AM."),
        ), booked=[]),
    Talk(
        "noon, no, two is two", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("noon, no, two"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
        ), booked=["Fri 12-04 14:00 -0600"]),
    Talk(
        "half an hour after an offer is confirmed on its day", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (book("half an hour after noon"), "Just to be sure: do you mean Friday the fourth at twelve thirty PM?"),
        ), booked=[]),
    Talk(
        "the second one in Spanish is the one at noon", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="el viernes"), "Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde. ¿Cuál prefiere?"),
            (book("la segunda"), "Tiene reservada la visita de 1420 Elm Street, el viernes cuatro al mediodía."),
        ), booked=["Fri 12-04 12:00 -0600"], language="es"),
    Talk(
        "the other one in Spanish is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="el viernes"), "Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde. ¿Cuál prefiere?"),
            (book("no, la otra"), "¿Cuál de las horas quiere? Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde."),
        ), booked=[], language="es"),
    Talk(
        "a search in Spanish stays on the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="el viernes"), "Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde. ¿Cuál prefiere?"),
            (ask(date="¿y en la tarde?"), "Tengo el viernes cuatro al mediodía, a las dos o a las cuatro de la tarde. ¿Cuál prefiere?"),
        ), booked=[], language="es"),
    Talk(
        "a number in Spanish that is one of two dates is confirmed", "America/Chicago", "2026-12-02T10:00",
        (
            (book("el próximo viernes a las tres"), "¿Quiere decir el viernes cuatro o el viernes once de diciembre a las tres de la tarde?"),
            (book("el once"), "Para estar seguros: ¿quiere decir el viernes once de diciembre a las tres de la tarde?"),
        ), booked=[], language="es"),
    Talk(
        "a time in Spanish completes a day", "America/Chicago", "2026-12-02T10:00",
        (
            (book("el viernes"), "¿A qué hora le gustaría venir el viernes cuatro? Tengo libre a las nueve de la mañana, al mediodía o a las dos de la tarde."),
            (book("a las tres"), "Tiene reservada la visita de 1420 Elm Street, el viernes cuatro a las tres de la tarde."),
        ), booked=["Fri 12-04 15:00 -0600"], language="es"),
    Talk(
        "that day is the day of the newest offer", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            (ask(date="Monday"), "I have Monday the seventh at nine AM, noon or two PM. Which would you like?"),
            (book("that day at three"), "You're booked to see 1420 Elm Street, on Monday the seventh at three PM."),
        ), booked=["Mon 12-07 15:00 -0600"]),
    Talk(
        "no and another day asks for the time", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at half two"), "Just to be sure: do you mean Friday the fourth at two thirty PM?"),
            (book("no, Monday"), "At what time would you like to come on Monday the seventh? I have nine AM, noon or two PM."),
        ), booked=[]),
    Talk(
        "a vague time and a choice complete a day", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday"), "At what time would you like to come on Friday the fourth? I have nine AM, noon or two PM."),
            (book("after lunch"), "For 1420 Elm Street, I have Friday the fourth at one PM or three PM. Which would you like?"),
            (book("two"), "You're booked to see 1420 Elm Street, on Friday the fourth at two PM."),
        ), booked=["Fri 12-04 14:00 -0600"]),
    Talk(
        "next Friday that the model resolved alone is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            Says(["next Friday at 3"]),
            (book("2026-12-11T15:00"), "Do you mean Friday, December eleventh, or Friday the fourth, at three PM?"),
            Says(["next Friday at 3", "the eleventh"]),
            (book("2026-12-11T15:00"), "You're booked to see 1420 Elm Street, on Friday, December eleventh, at three PM."),
        ), booked=["Fri 12-11 15:00 -0600"]),
    Talk(
        "the caller takes the other Friday than the model", "America/Chicago", "2026-12-02T10:00",
        (
            Says(["next Friday at 3"]),
            (book("2026-12-11T15:00"), "Do you mean Friday, December eleventh, or Friday the fourth, at three PM?"),
            Says(["next Friday at 3", "this Friday"]),
            (book("2026-12-04T15:00"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "a time that is not the caller's is asked about once", "America/Chicago", "2026-12-02T10:00",
        (
            Says(["Friday at four"]),
            (book("2026-12-04T14:00"), "Do you mean two PM or four PM, on Friday the fourth?"),
            Says(["Friday at four", "four"]),
            (book("2026-12-04T16:00"), "You're booked to see 1420 Elm Street, on Friday the fourth at four PM."),
        ), booked=["Fri 12-04 16:00 -0600"]),
    Talk(
        "an offered time that is not the one the caller chose is asked about", "America/Chicago", "2026-12-02T10:00",
        (
            Says(["Friday"]),
            (ask(date="Friday"), "I have Friday the fourth at nine AM, noon or two PM. Which would you like?"),
            Says(["Friday", "Friday at noon"]),
            (book("2026-12-04T14:00"), "Do you mean noon or two PM, on Friday the fourth?"),
        ), booked=[]),
    Talk(
        "an offered time is taken after the caller's was refused", "America/Chicago", "2026-12-02T10:00",
        (
            Says(["tomorrow at five"]),
            (book("2026-12-03T17:00"), "The last viewing starts at four thirty PM tomorrow, Thursday the third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
            Says(["tomorrow at five", "Ada Test"]),
            (book("2026-12-03T16:30"), "You're booked to see 1420 Elm Street, tomorrow, Thursday the third, at four thirty PM."),
        ), booked=["Thu 12-03 16:30 -0600"]),
    Talk(
        "the second of the viewings in the question is cancelled", "America/Chicago", "2026-12-02T10:00",
        (
            (book("Friday at 3"), "You're booked to see 1420 Elm Street, on Friday the fourth at three PM."),
            (book("Monday at 3", property_address="33 Boyd Street"), "You're booked to see 33 Boyd Street, on Monday the seventh at three PM."),
            (cancel(attendee_name="Dolores Whitcomb"), "You have a viewing of 1420 Elm Street, on Friday the fourth at three PM, and of 33 Boyd Street, on Monday the seventh at three PM. Which one do you mean?"),
            (cancel(property_address="the second"), "Your viewing of 33 Boyd Street, on Monday the seventh at three PM, is cancelled."),
        ), booked=["Fri 12-04 15:00 -0600"]),
    Talk(
        "that same day in Spanish is the day that was offered", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="el viernes"), "Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde. ¿Cuál prefiere?"),
            (book("ese mismo día a las tres"), "Tiene reservada la visita de 1420 Elm Street, el viernes cuatro a las tres de la tarde."),
        ), booked=["Fri 12-04 15:00 -0600"], language="es"),
    Talk(
        "later in Spanish is searched after the last offer", "America/Chicago", "2026-12-02T10:00",
        (
            (ask(date="el viernes"), "Tengo el viernes cuatro a las nueve de la mañana, al mediodía o a las dos de la tarde. ¿Cuál prefiere?"),
            (ask(date="más tarde"), "Tengo el viernes cuatro a las dos y media o a las cuatro y media de la tarde. ¿Cuál prefiere?"),
        ), booked=[], language="es"),
]
# fmt: on
