"""Conversations about who calls, for which home, and in which language."""

from __future__ import annotations

from tests.voice.talks import CALLS_AGAIN, From, Talk, ask, book, cancel, find, leave, move

# fmt: off
PEOPLE_TALKS = [
    Talk(
        "an agent whose language is Spanish answers in Spanish", "America/Chicago", "2026-11-22T09:00",
        (
            (ask(date="mañana", time_of_day="por la tarde"), "Tengo mañana, lunes veintitrés, al mediodía, a las dos o a las cuatro de la tarde. ¿Cuál prefiere?"),
            (ask(date="mañana", time_of_day="después de las cinco"), "No tengo nada libre mañana, lunes veintitrés, después de las cinco de la tarde; la última visita es a las cuatro y media de la tarde. Lo más cercano que tengo ese día es a las tres y media, a las cuatro o a las cuatro y media de la tarde."),
            (book("mañana a las ocho de la noche"), "La última visita empieza a las cuatro y media de la tarde mañana, lunes veintitrés. Lo más cercano que tengo ese día es a las tres y media, a las cuatro o a las cuatro y media de la tarde."),
            (book("el sábado a las dos de la tarde"), "No hay visitas el sábado veintiocho. Lo más cercano que tengo: el viernes veintisiete a las tres y media, a las cuatro o a las cuatro y media de la tarde."),
            (book("el martes"), "¿A qué hora le gustaría venir el martes veinticuatro? Tengo libre a las nueve de la mañana, al mediodía o a las dos de la tarde."),
            (book("a las tres de la tarde"), "Tiene reservada la visita de 1420 Elm Street, el martes veinticuatro a las tres de la tarde."),
            (book("mañana a las tres de la tarde", attendee_name="el cliente"), "¿A nombre de quién hago la reserva?"),
            (book("mañana a las tres de la tarde"), "Ya tiene una visita de 1420 Elm Street, el martes veinticuatro a las tres de la tarde. ¿La cambio?"),
            (book("mañana a las cuatro de la tarde"), "Ya tiene una visita de 1420 Elm Street, el martes veinticuatro a las tres de la tarde. ¿La cambio?"),
            (move("el miércoles a las diez de la mañana"), "Su visita de 1420 Elm Street es ahora el miércoles veinticinco a las diez de la mañana."),
            (find(attendee_name="Dolores"), "Tiene una visita de 1420 Elm Street, el miércoles veinticinco a las diez de la mañana."),
            (leave("Llámeme, por favor"), "He anotado su recado, y alguien le devolverá la llamada."),
            (cancel(), "Su visita de 1420 Elm Street, el miércoles veinticinco a las diez de la mañana, está cancelada."),
            (cancel(attendee_name="Otilia"), "No encuentro ninguna visita próxima que coincida."),
        ), booked=[], language="es"),
    Talk(
        "placeholders for home and name are asked for again", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm", property_address="{{property}}"), "Which home would you like to see?"),
            (book("tomorrow 3 pm", property_address="any of them"), "Which home would you like to see?"),
            (book("tomorrow 3 pm", attendee_name="the customer"), "May I have your name for the booking?"),
            (book("tomorrow 3 pm", attendee_name="[name]"), "May I have your name for the booking?"),
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (cancel(property_address="TBD", attendee_name="caller"), "Your viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM, is cancelled."),
        ), booked=[]),
    Talk(
        "one home however it is said, and another unit is another home", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Tuesday 10 am", property_address="77 Lindsey Court, Norman"), "You're booked to see 77 Lindsey Court, Norman, on Tuesday the twenty-fourth at ten AM."),
            (book("Tuesday 10 am", property_address="seventy-seven Lindsey Ct, Norman OK 73069"), "You're booked to see 77 Lindsey Court, Norman, on Tuesday the twenty-fourth at ten AM."),
            (book("Tuesday 11 am", property_address="77 Lindsey Court Unit 2"), "There is a viewing of 77 Lindsey Court, Norman, on Tuesday the twenty-fourth at ten AM. Is that the one you mean?"),
            (book("Tuesday 11 am", property_address="77 Lindsey Court Unit 2"), "You're booked to see 77 Lindsey Court Unit 2, on Tuesday the twenty-fourth at eleven AM."),
            (book("Wednesday 10 am", property_address="79 Lindsey Court, Norman"), "You're booked to see 79 Lindsey Court, Norman, on Wednesday the twenty-fifth at ten AM."),
            (cancel(property_address="Lindsey Court"), "You have viewings of 77 Lindsey Court, Norman, of 77 Lindsey Court Unit 2, and of 79 Lindsey Court, Norman. Which one do you mean?"),
            (cancel(property_address="79 Lindsey Ct"), "Your viewing of 79 Lindsey Court, Norman, on Wednesday the twenty-fifth at ten AM, is cancelled."),
            (cancel(property_address="77 Lindsay Court"), "You have a viewing of 77 Lindsey Court, Norman, on Tuesday the twenty-fourth at ten AM, and of 77 Lindsey Court Unit 2, on Tuesday the twenty-fourth at eleven AM. Which one do you mean?"),
            (cancel(property_address="77 Lindsay Court"), "You have a viewing of 77 Lindsey Court, Norman, on Tuesday the twenty-fourth at ten AM, and of 77 Lindsey Court Unit 2, on Tuesday the twenty-fourth at eleven AM. Which one do you mean?"),
        ), booked=["Tue 11-24 10:00 -0600", "Tue 11-24 11:00 -0600"]),
    Talk(
        "two people on one phone have viewings of their own", "America/Chicago", "2026-11-22T09:00",
        (
            (book("Tuesday 10 am", attendee_name="Ana Ruiz"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at ten AM."),
            CALLS_AGAIN,
            (book("Tuesday 2 pm", attendee_name="Ben Cole"), "There is a viewing for Ana Ruiz of 1420 Elm Street, on Tuesday the twenty-fourth at ten AM. Shall I book one for Ben Cole too?"),
            (book("Tuesday 2 pm", attendee_name="Ben Cole"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at two PM."),
            (cancel(), "Your viewing of 1420 Elm Street, on Tuesday the twenty-fourth at two PM, is cancelled."),
            CALLS_AGAIN,
            (book("Tuesday 10 am", attendee_name="Carl Moss"), "There is a viewing for Ana Ruiz of 1420 Elm Street, on Tuesday the twenty-fourth at ten AM. For Carl Moss, the nearest I have that day: nine AM, nine thirty AM or ten thirty AM. Which would you like?"),
            (cancel(), "There is a viewing under another name for this number. What name is it under, or which address is it for?"),
            (cancel(attendee_name="Carl Moss"), "I don't find an upcoming viewing that matches."),
            (cancel(property_address="1420 Elm Street"), "Your viewing of 1420 Elm Street, on Tuesday the twenty-fourth at ten AM, is cancelled."),
            CALLS_AGAIN,
            (book("Tuesday 10 am", attendee_name="Anna Ruiz"), "You're booked to see 1420 Elm Street, on Tuesday the twenty-fourth at ten AM."),
        ), booked=["Tue 11-24 10:00 -0600"]),
    Talk(
        "a withheld number is asked for once, and its call may undo what it did", "America/Chicago", "2026-11-22T09:00",
        (
            From("anonymous"),
            (find(attendee_name="Dolores"), "I can't look up bookings without the number they were made from. May I take a message?"),
            (book("tomorrow 3 pm"), "What number can we reach you on?"),
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (move("tomorrow 4 pm"), "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at four PM."),
            (leave("Please call me", attendee_phone="the number I am calling from"), "I've noted your message. What number can we call you back on?"),
            (leave("Please call me back", attendee_phone="405 555 0100"), "I've noted your message, and someone will call you back."),
            (cancel(), "Your viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at four PM, is cancelled."),
            (book("tomorrow 3 pm", attendee_phone="(405) 555-0100"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            CALLS_AGAIN,
            (find(attendee_name="Dolores"), "I can't look up bookings without the number they were made from. May I take a message?"),
            (move("tomorrow 4 pm"), "I can't look up bookings without the number they were made from. May I take a message?"),
            (cancel(), "I can't look up bookings without the number they were made from. May I take a message?"),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "the named one of two viewings is cancelled", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (book("tomorrow 4 pm", property_address="33 Boyd Street"), "You're booked to see 33 Boyd Street, tomorrow, Monday the twenty-third, at four PM."),
            (cancel(), "There is more than one viewing booked. What is the address of the one you mean?"),
            (cancel(property_address="33 Boyd St."), "Your viewing of 33 Boyd Street, tomorrow, Monday the twenty-third, at four PM, is cancelled."),
            (find(attendee_name="Dolores"), "You have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (cancel(), "Your viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM, is cancelled."),
            (find(attendee_name="Dolores"), "I don't find an upcoming viewing that matches."),
        ), booked=[]),
    Talk(
        "a second caller gets the next time and no details of the first", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            From("+15550142199"),
            CALLS_AGAIN,
            (book("tomorrow 3 pm", attendee_name="Ignacio Brandt"), "I'm sorry, tomorrow, Monday the twenty-third, at three PM, is taken. The nearest I have that day: two PM, two thirty PM or three thirty PM."),
            (book("tomorrow 3:30 pm", attendee_name="Ignacio Brandt"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three thirty PM."),
            (find(attendee_name="Dolores"), "I don't find an upcoming viewing that matches."),
        ), booked=["Mon 11-23 15:00 -0600", "Mon 11-23 15:30 -0600"]),
    Talk(
        "two units of a house are two homes", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm", property_address="12 Main St Apt 3"), "You're booked to see 12 Main Street apartment 3, tomorrow, Monday the twenty-third, at three PM."),
            (book("tomorrow 4 pm", property_address="12 Main St Apt 4"), "You're booked to see 12 Main Street apartment 4, tomorrow, Monday the twenty-third, at four PM."),
            (find(property_address="12 Main Street"), "You have a viewing of 12 Main Street apartment 3, tomorrow, Monday the twenty-third, at three PM, and of 12 Main Street apartment 4, tomorrow, Monday the twenty-third, at four PM."),
            (cancel(property_address="12 Main Street apt 3"), "Your viewing of 12 Main Street apartment 3, tomorrow, Monday the twenty-third, at three PM, is cancelled."),
        ), booked=["Mon 11-23 16:00 -0600"]),
    Talk(
        "a message repeated in a call is stored once", "America/Chicago", "2026-11-22T09:00",
        (
            (leave("Call me"), "I've noted your message, and someone will call you back."),
            (leave("Call me"), "I've noted your message, and someone will call you back."),
            CALLS_AGAIN,
            (leave("Call me"), "I've noted your message, and someone will call you back."),
            (leave(""), "What would you like me to pass on?"),
        ), booked=[]),
    Talk(
        "missing arguments are asked for one at a time", "America/Chicago", "2026-11-22T09:00",
        (
            (("set_appointment", {"start_time": "tomorrow 3 pm"}), "Which home would you like to see?"),
            (("set_appointment", {"start_time": "tomorrow 3 pm", "property_address": "1420 Elm Street"}), "May I have your name for the booking?"),
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "a changed mind leaves one viewing, at the last time said", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (move("tomorrow 4 pm"), "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at four PM."),
            (move("Wednesday at noon"), "Your viewing of 1420 Elm Street is now on Wednesday the twenty-fifth at noon."),
            (move("tomorrow 3 pm"), "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at three PM."),
            (cancel(), "Your viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM, is cancelled."),
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (find(attendee_name="Dolores"), "You have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
        ), booked=["Mon 11-23 15:00 -0600"]),
    Talk(
        "a caller who is cut off and calls again has booked once", "America/Chicago", "2026-11-22T09:00",
        (
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            CALLS_AGAIN,
            (book("tomorrow 3 pm"), "You're booked to see 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            (find(property_address="elm street"), "You have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM."),
            CALLS_AGAIN,
            (book("tomorrow 4 pm"), "You already have a viewing of 1420 Elm Street, tomorrow, Monday the twenty-third, at three PM. Shall I move it?"),
            (move("tomorrow 4 pm"), "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at four PM."),
            (move("tomorrow 4 pm"), "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at four PM."),
        ), booked=["Mon 11-23 16:00 -0600"]),
]
# fmt: on
