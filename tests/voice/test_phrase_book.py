"""The phrase book: every outcome, refusal and question with its sentence in English and in Spanish."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peterental.agents.model import Agent, AgentInactive, AgentUnknown
from peterental.appointments import date_parsing, model
from peterental.appointments.date_parsing import DayRange, MinuteRange, Option, Search
from peterental.calls.model import MessageMissing, MessageTaken, Outcome
from peterental.errors import Refusal
from peterental.voice import speech
from peterental.voice.speech.english import EnglishRenderer
from peterental.voice.speech.renderer import Renderer

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 7, 8, 15, 0, tzinfo=UTC)
"""Wednesday, July 8, 2026, ten in the morning in Chicago."""
ANA = Agent(agent_id="ana", agent_name="Ana")
SPANISH_ANA = replace(ANA, language="es")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


TEN, NINE, FIVE = at("2026-07-10T10:00"), at("2026-07-10T09:00"), at("2026-07-10T17:00")
NEAR = (at("2026-07-10T10:30"),)
VIEWING = model.Appointment(
    appointment_id=1, agent_id="ana", agent_name="Ana", time_zone="America/Chicago", property_address="5 Oak Lane",
    start=TEN, end=TEN + timedelta(minutes=30), status="confirmed", attendee_name="Dolores",
)  # fmt: skip
OTHER = replace(VIEWING, appointment_id=2, property_address="7 Elm Court, Unit 2", start=at("2026-07-09T15:00"))
THURSDAY, FRIDAY, AUGUST = date(2026, 7, 9), date(2026, 7, 10), date(2026, 8, 1)


def on(*days: date, **limits: object) -> Search:
    return Search(days=tuple(DayRange(day, day) for day in days), **limits)  # type: ignore[arg-type]  # as named


def nothing(search: Search, **more: Any) -> model.NoneAvailable:
    return model.NoneAvailable(home=None, search=search, nearest=(), **more)


def ask(question: date_parsing.Clarification, nearest: tuple[datetime, ...] = ()) -> model.TimeUnclear:
    return model.TimeUnclear(question, nearest)


PHRASES: list[tuple[Outcome | Refusal, str, str]] = [
    (model.TimesOffered("5 Oak Lane", (TEN,)), "For 5 Oak Lane, I have Friday the tenth at ten AM. Which would you like?", "Para 5 Oak Lane, tengo el viernes diez a las diez de la mañana. ¿Cuál prefiere?"),
    (model.TimesOffered(None, (NINE, TEN)), "I have Friday the tenth at nine AM or ten AM. Which would you like?", "Tengo el viernes diez a las nueve o a las diez de la mañana. ¿Cuál prefiere?"),
    (model.NoneAvailable(home="5 Oak Lane", search=on(THURSDAY, part="evening"), nearest=NEAR), "I have nothing free for 5 Oak Lane tomorrow, Thursday the ninth, in the evening. The nearest I have: Friday the tenth at ten thirty AM.", "No tengo nada libre para 5 Oak Lane mañana, jueves nueve, por la noche. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (nothing(on(THURSDAY, ranges=(MinuteRange(900, 1440),)), latest=at("2026-07-09T14:00")), "I have nothing free tomorrow, Thursday the ninth, after three PM; the latest is two PM. Shall I take a message?", "No tengo nada libre mañana, jueves nueve, después de las tres de la tarde; la última visita es a las dos de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(0, 540),)), earliest=NINE), "I have nothing free on Friday the tenth before nine AM; the earliest is nine AM. Shall I take a message?", "No tengo nada libre el viernes diez antes de las nueve de la mañana; la primera visita es a las nueve de la mañana. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(0, 601),))), "I have nothing free on Friday the tenth by ten AM. Shall I take a message?", "No tengo nada libre el viernes diez a más tardar a las diez de la mañana. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(780, 901),))), "I have nothing free on Friday the tenth between one and three PM. Shall I take a message?", "No tengo nada libre el viernes diez entre la una y las tres de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(840, 960),))), "I have nothing free on Friday the tenth between two and four PM. Shall I take a message?", "No tengo nada libre el viernes diez entre las dos y las cuatro de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(840, 841), MinuteRange(900, 901)))), "I have nothing free on Friday the tenth at two PM or at three PM. Shall I take a message?", "No tengo nada libre el viernes diez a las dos de la tarde o a las tres de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, clock_min=900, approximate=True)), "I have nothing free on Friday the tenth around three PM. Shall I take a message?", "No tengo nada libre el viernes diez hacia las tres de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(120, 181), MinuteRange(840, 901)), approximate=True)), "I have nothing free on Friday the tenth around two thirty AM or around two thirty PM. Shall I take a message?", "No tengo nada libre el viernes diez hacia las dos y media de la madrugada o hacia las dos y media de la tarde. ¿Quiere dejar un recado?"),
    (nothing(on(FRIDAY, ranges=(MinuteRange(540, 600), MinuteRange(840, 900)))), "I have nothing free on Friday the tenth. Shall I take a message?", "No tengo nada libre el viernes diez. ¿Quiere dejar un recado?"),
    (nothing(on(THURSDAY, FRIDAY)), "I have nothing free tomorrow, Thursday the ninth, or on Friday the tenth. Shall I take a message?", "No tengo nada libre mañana, jueves nueve, o el viernes diez. ¿Quiere dejar un recado?"),
    (nothing(Search(days=(DayRange(FRIDAY, AUGUST),))), "I have nothing free from Friday the tenth to Saturday, August first. Shall I take a message?", "No tengo nada libre del viernes diez al sábado primero de agosto. ¿Quiere dejar un recado?"),
    (nothing(Search()), "I have nothing free then. Shall I take a message?", "No tengo nada libre entonces. ¿Quiere dejar un recado?"),
    (nothing(Search(part="late morning")), "I have nothing free late in the morning. Shall I take a message?", "No tengo nada libre al final de la mañana. ¿Quiere dejar un recado?"),
    (model.Booked(VIEWING), "You're booked to see 5 Oak Lane, on Friday the tenth at ten AM.", "Tiene reservada la visita de 5 Oak Lane, el viernes diez a las diez de la mañana."),
    (model.Moved(VIEWING), "Your viewing of 5 Oak Lane is now on Friday the tenth at ten AM.", "Su visita de 5 Oak Lane es ahora el viernes diez a las diez de la mañana."),
    (model.Cancelled(VIEWING), "Your viewing of 5 Oak Lane, on Friday the tenth at ten AM, is cancelled.", "Su visita de 5 Oak Lane, el viernes diez a las diez de la mañana, está cancelada."),
    (model.Found((VIEWING, OTHER)), "You have a viewing of 5 Oak Lane, on Friday the tenth at ten AM, and of 7 Elm Court, Unit 2, tomorrow, Thursday the ninth, at three PM.", "Tiene una visita de 5 Oak Lane, el viernes diez a las diez de la mañana, y de 7 Elm Court, unidad 2, mañana, jueves nueve, a las tres de la tarde."),
    (model.Found((VIEWING,) * 4), "You have a viewing of 5 Oak Lane, on Friday the tenth at ten AM, and of 5 Oak Lane, on Friday the tenth at ten AM, and of 5 Oak Lane, on Friday the tenth at ten AM, and more after that.", "Tiene una visita de 5 Oak Lane, el viernes diez a las diez de la mañana, y de 5 Oak Lane, el viernes diez a las diez de la mañana, y de 5 Oak Lane, el viernes diez a las diez de la mañana, y otras después."),
    (model.IdentityUnconfirmed(1), "I see a booking for this number. What name is it under, or which address is it for?", "Veo una reserva con este número. ¿A qué nombre está, o para qué dirección es?"),
    (MessageTaken(can_call_back=True), "I've noted your message, and someone will call you back.", "He anotado su recado, y alguien le devolverá la llamada."),
    (MessageTaken(can_call_back=False), "I've noted your message. What number can we call you back on?", "He anotado su recado. ¿A qué número podemos llamarle?"),
    (Outcome(), "All right.", "De acuerdo."),
    (AgentUnknown(), "I'm sorry, this line is not connected to a calendar, so I can't book or look up viewings.", "Lo siento, esta línea no está conectada a ningún calendario; no puedo buscar ni reservar."),
    (AgentInactive(agent_name="Ana"), "I'm sorry, viewings are not being booked on this line at the moment. I can take a message instead.", "Lo siento, por el momento no se reservan visitas en esta línea. Puedo tomar un recado."),
    (MessageMissing(), "What would you like me to pass on?", "¿Qué recado quiere dejar?"),
    (model.AddressMissing(), "Which home would you like to see?", "¿Qué vivienda le gustaría ver?"),
    (model.NameMissing(), "May I have your name for the booking?", "¿A nombre de quién hago la reserva?"),
    (model.NumberMissing(), "What number can we reach you on?", "¿En qué número podemos localizarle?"),
    (model.CallerUnknown(), "I can't look up bookings without the number they were made from. May I take a message?", "No puedo buscar reservas sin el número con que se hicieron. ¿Quiere dejar un recado?"),
    (model.NoBooking(), "I don't find an upcoming viewing that matches.", "No encuentro ninguna visita próxima que coincida."),
    (model.IdentityMismatch(), "I don't find an upcoming viewing that matches.", "No encuentro ninguna visita próxima que coincida."),
    (model.UnderAnotherName(), "There is a viewing under another name for this number. What name is it under, or which address is it for?", "Con este número hay una visita a otro nombre. ¿A qué nombre está, o para qué dirección es?"),
    (model.CallEnded(), "This call is over, so nothing was changed. Please call again.", "Esta llamada ha terminado y no se ha cambiado nada. Por favor, llame de nuevo."),
    (model.WhichBooking((VIEWING, OTHER), proven=False), "There is more than one viewing booked. What is the address of the one you mean?", "Hay más de una visita reservada. ¿Cuál es la dirección de la que quiere?"),
    (model.WhichBooking((VIEWING, OTHER), proven=True), "You have a viewing of 5 Oak Lane, on Friday the tenth at ten AM, and of 7 Elm Court, Unit 2, tomorrow, Thursday the ninth, at three PM. Which one do you mean?", "Tiene una visita de 5 Oak Lane, el viernes diez a las diez de la mañana, y de 7 Elm Court, unidad 2, mañana, jueves nueve, a las tres de la tarde. ¿A cuál se refiere?"),
    (model.WhichBooking((VIEWING, OTHER), proven=True, differences=("Oak", "Elm")), "You have a viewing of 5 Oak Lane, on Friday the tenth at ten AM, and of 7 Elm Court, Unit 2, tomorrow, Thursday the ninth, at three PM. Which one do you mean: Oak or Elm?", "Tiene una visita de 5 Oak Lane, el viernes diez a las diez de la mañana, y de 7 Elm Court, unidad 2, mañana, jueves nueve, a las tres de la tarde. ¿A cuál se refiere: Oak o Elm?"),
    (model.BookingUnconfirmed(VIEWING), "There is a viewing of 5 Oak Lane, on Friday the tenth at ten AM. Is that the one you mean?", "Hay una visita de 5 Oak Lane, el viernes diez a las diez de la mañana. ¿Se refiere a esa?"),
    (model.AlreadyBooked(VIEWING), "You already have a viewing of 5 Oak Lane, on Friday the tenth at ten AM. Shall I move it?", "Ya tiene una visita de 5 Oak Lane, el viernes diez a las diez de la mañana. ¿La cambio?"),
    (model.BookedForAnother(VIEWING, "Ben Cole"), "There is a viewing for Dolores of 5 Oak Lane, on Friday the tenth at ten AM. Shall I book one for Ben Cole too?", "Hay una visita para Dolores de 5 Oak Lane, el viernes diez a las diez de la mañana. ¿Reservo otra para Ben Cole?"),
    (model.BookedForAnother(VIEWING, "Ben Cole", NEAR), "There is a viewing for Dolores of 5 Oak Lane, on Friday the tenth at ten AM. For Ben Cole, the nearest I have that day: ten thirty AM. Which would you like?", "Hay una visita para Dolores de 5 Oak Lane, el viernes diez a las diez de la mañana. Para Ben Cole, lo más cercano que tengo ese día es a las diez y media de la mañana. ¿Cuál prefiere?"),
    (model.SlotTaken(NEAR, start=TEN), "I'm sorry, Friday the tenth at ten AM is taken. The nearest I have that day: ten thirty AM.", "Lo siento, el viernes diez a las diez de la mañana ya está ocupado. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.SlotTaken(), "I'm sorry, that time is taken. Shall I take a message?", "Lo siento, esa hora ya está ocupada. ¿Quiere dejar un recado?"),
    (model.TimePast(NEAR, start=NINE), "Friday the tenth at nine AM is already past. The nearest I have that day: ten thirty AM.", "Lo siento, el viernes diez a las nueve de la mañana ya ha pasado. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.TimePast(NEAR), "That time is already past. The nearest I have: Friday the tenth at ten thirty AM.", "Esa hora ya ha pasado. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.TooSoon(NEAR, start=TEN, notice_minutes=60), "Viewings have to be booked one hour ahead, so Friday the tenth at ten AM is too soon. The nearest I have that day: ten thirty AM.", "Las visitas se reservan con una hora de antelación; el viernes diez a las diez de la mañana es demasiado pronto. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.TooSoon(NEAR, notice_minutes=2880), "Viewings have to be booked two days ahead. The nearest I have: Friday the tenth at ten thirty AM.", "Las visitas se reservan con dos días de antelación. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.TooFar(NEAR, start=at("2026-08-01T10:00"), horizon_days=1), "Saturday, August first, is too far ahead: viewings can be booked one day ahead at most. The nearest I have: Friday the tenth at ten thirty AM.", "Falta demasiado para el sábado primero de agosto: las visitas se reservan con un día de antelación como máximo. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.TooFar(NEAR, horizon_days=21), "Viewings can be booked twenty-one days ahead at most. The nearest I have: Friday the tenth at ten thirty AM.", "Las visitas se reservan con veintiún días de antelación como máximo. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.OutsideHours(NEAR, start=FIVE, first=NINE, last=TEN), "The last viewing starts at ten AM on Friday the tenth. The nearest I have that day: ten thirty AM.", "La última visita empieza a las diez de la mañana el viernes diez. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.OutsideHours(NEAR, start=NINE, first=TEN, last=FIVE), "The first viewing starts at ten AM on Friday the tenth. The nearest I have that day: ten thirty AM.", "La primera visita empieza a las diez de la mañana el viernes diez. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.OutsideHours(NEAR, start=TEN, first=NINE, last=FIVE), "There are no viewings on Friday the tenth at ten AM. The nearest I have that day: ten thirty AM.", "No hay visitas el viernes diez a las diez de la mañana. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.OutsideHours(NEAR, start=at("2026-07-09T10:00")), "There are no viewings tomorrow, Thursday the ninth. The nearest I have: Friday the tenth at ten thirty AM.", "No hay visitas mañana, jueves nueve. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.OutsideHours(NEAR), "There are no viewings then. The nearest I have: Friday the tenth at ten thirty AM.", "No hay visitas entonces. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.NotASlotStart(NEAR, start=at("2026-07-10T10:05")), "Viewings don't start at ten oh five AM. The nearest I have: Friday the tenth at ten thirty AM.", "Las visitas no empiezan a las diez y cinco de la mañana. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.NotASlotStart(NEAR), "Viewings don't start at that time. The nearest I have: Friday the tenth at ten thirty AM.", "Las visitas no empiezan a esa hora. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.DayFull(NEAR, start=TEN), "There is no room for more viewings on Friday the tenth. The nearest I have that day: ten thirty AM.", "No caben más visitas el viernes diez. Lo más cercano que tengo ese día es a las diez y media de la mañana."),
    (model.DayFull(NEAR), "There is no room for more viewings that day. The nearest I have: Friday the tenth at ten thirty AM.", "No caben más visitas ese día. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.SlotUnavailable(NEAR), "I'm sorry. That time is not available. The nearest I have: Friday the tenth at ten thirty AM.", "Lo siento, esa hora no es posible. Lo más cercano que tengo: el viernes diez a las diez y media de la mañana."),
    (model.AppointmentUnknown(), "I'm sorry. There is no such appointment.", "Lo siento, eso no es posible."),
    (ask(date_parsing.NotUnderstood(), NEAR), "Which day and time would you like? I have Friday the tenth at ten thirty AM.", "¿Qué día y a qué hora le gustaría venir? Tengo el viernes diez a las diez y media de la mañana."),
    (ask(date_parsing.DayNeeded(search=Search(clock_min=870)), NEAR), "On which day would you like to come at two thirty PM? I have Friday the tenth at ten thirty AM.", "¿Qué día le gustaría venir a las dos y media de la tarde? Tengo el viernes diez a las diez y media de la mañana."),
    (ask(date_parsing.DayNeeded(search=Search(clock_min=600)), (at("2026-07-09T10:00"), TEN)), "On which day would you like to come at ten AM? I have tomorrow, Thursday the ninth, or Friday the tenth.", "¿Qué día le gustaría venir a las diez de la mañana? Tengo mañana, jueves nueve, o el viernes diez."),
    (ask(date_parsing.TimeNeeded(search=on(FRIDAY)), (NINE, TEN)), "At what time would you like to come on Friday the tenth? I have nine AM or ten AM.", "¿A qué hora le gustaría venir el viernes diez? Tengo libre a las nueve o a las diez de la mañana."),
    (model.SlotTaken((at("2026-08-31T10:00"),), start=at("2026-08-30T10:00")), "I'm sorry, Sunday, August thirtieth, at ten AM, is taken. The nearest I have: Monday, August thirty-first, at ten AM.", "Lo siento, el domingo treinta de agosto a las diez de la mañana ya está ocupado. Lo más cercano que tengo: el lunes treinta y uno de agosto a las diez de la mañana."),
    (ask(date_parsing.DayNeeded(search=Search(ranges=(MinuteRange(900, 1440),)))), "On which day would you like to come after three PM?", "¿Qué día le gustaría venir después de las tres de la tarde?"),
    (ask(date_parsing.TimeNeeded(search=on(THURSDAY)), NEAR), "At what time would you like to come tomorrow, Thursday the ninth? I have Friday the tenth at ten thirty AM.", "¿A qué hora le gustaría venir mañana, jueves nueve? Tengo el viernes diez a las diez y media de la mañana."),
    (ask(date_parsing.TimeNeeded(search=on(FRIDAY, part="afternoon"))), "At what time would you like to come on Friday the tenth in the afternoon?", "¿A qué hora le gustaría venir el viernes diez por la tarde?"),
    (ask(date_parsing.WhichDay(options=(Option(THURSDAY, 900), Option(AUGUST, 900)))), "Do you mean tomorrow, Thursday the ninth, or Saturday, August first, at three PM?", "¿Quiere decir mañana, jueves nueve, o el sábado primero de agosto, a las tres de la tarde?"),
    (ask(date_parsing.WhichDay(options=(Option(FRIDAY), Option(AUGUST)), ranges=(MinuteRange(0, 720),))), "Do you mean Friday the tenth, or Saturday, August first, before noon?", "¿Quiere decir el viernes diez o el sábado primero de agosto antes del mediodía?"),
    (ask(date_parsing.WhichDay(options=(Option(FRIDAY, 900), Option(AUGUST, 960)))), "Do you mean Friday the tenth at three PM, or Saturday, August first, at four PM?", "¿Quiere decir el viernes diez a las tres de la tarde o el sábado primero de agosto a las cuatro de la tarde?"),
    (ask(date_parsing.WeekdayMismatch(options=(Option(FRIDAY, 900), Option(THURSDAY, 900)))), "Do you mean Friday the tenth, or tomorrow, Thursday the ninth, at three PM?", "¿Quiere decir el viernes diez, o mañana, jueves nueve, a las tres de la tarde?"),
    (ask(date_parsing.WhichTime(day=FRIDAY, options=(840, 900))), "Do you mean two PM or three PM, on Friday the tenth?", "¿Quiere decir el viernes diez, a las dos o a las tres de la tarde?"),
    (ask(date_parsing.WhichTime(day=None, options=(840, 900))), "Do you mean two PM or three PM?", "¿Quiere decir las dos de la tarde o las tres de la tarde?"),
    (ask(date_parsing.AmOrPm(day=FRIDAY, options=(30, 750))), "Do you mean twelve thirty AM or twelve thirty PM, on Friday the tenth?", "¿Quiere decir el viernes diez, a las doce y media de la noche o a las doce y media de la tarde?"),
    (ask(date_parsing.ConfirmDay(option=Option(FRIDAY, 840), reason="past")), "Just to be sure: do you mean Friday the tenth at two PM?", "Para estar seguros: ¿quiere decir el viernes diez a las dos de la tarde?"),
    (ask(date_parsing.ConfirmDay(option=Option(AUGUST), reason="past", ranges=(MinuteRange(900, 1440),))), "Just to be sure: do you mean Saturday, August first, after three PM?", "Para estar seguros: ¿quiere decir el sábado primero de agosto después de las tres de la tarde?"),
    (ask(date_parsing.WhichOffer(options=(NINE, TEN)), (NINE, TEN)), "Which of the times do you mean? I have Friday the tenth at nine AM or ten AM.", "¿Cuál de las horas quiere? Tengo el viernes diez a las nueve o a las diez de la mañana."),
    (ask(date_parsing.WhichOffer(options=(TEN, at("2026-07-13T10:00")))), "On which day would you like to come at ten AM?", "¿Qué día le gustaría venir a las diez de la mañana?"),
    (ask(date_parsing.WhichOffer(), NEAR), "Which day and time would you like? I have Friday the tenth at ten thirty AM.", "¿Qué día y a qué hora le gustaría venir? Tengo el viernes diez a las diez y media de la mañana."),
    (ask(date_parsing.SkippedByDst(day=FRIDAY, clock_min=150), NEAR), "The clocks change on Friday the tenth and skip two thirty AM. What other time suits you? I have ten thirty AM.", "El reloj cambia el viernes diez y se salta las dos y media de la madrugada. ¿Qué otra hora le viene bien? Tengo libre a las diez y media de la mañana."),
    (ask(date_parsing.SkippedByDst(day=THURSDAY, clock_min=150)), "The clocks change tomorrow, Thursday the ninth, and skip two thirty AM. What other time suits you?", "El reloj cambia mañana, jueves nueve, y se salta las dos y media de la madrugada. ¿Qué otra hora le viene bien?"),
    (ask(date_parsing.ZoneUnclear(own=TEN, converted=NINE, zone_name="eastern")), "Do you mean ten AM Eastern, which is nine AM here, or ten AM our time, on Friday the tenth?", "¿Quiere decir, hora de aquí, el viernes diez a las nueve o a las diez de la mañana?"),
    (ask(date_parsing.ZoneUnclear(own=TEN, converted=at("2026-07-09T23:00"))), "Do you mean Friday the tenth at ten AM, or tomorrow, Thursday the ninth, at eleven PM, our time?", "¿Quiere decir, hora de aquí, mañana, jueves nueve, a las once de la noche, o el viernes diez a las diez de la mañana?"),
    (ask(date_parsing.OffsetUnclear(own=TEN, converted=FIVE)), "Do you mean five PM or ten AM, on Friday the tenth?", "¿Quiere decir, hora de aquí, el viernes diez a las diez de la mañana o a las cinco de la tarde?"),
]  # fmt: skip


@pytest.mark.parametrize(("result", "english", "spanish"), PHRASES)
def test_result_has_this_sentence(result: Outcome | Refusal, english: str, spanish: str) -> None:
    assert speech.render(result, ANA, NOW) == english
    assert speech.render(result, SPANISH_ANA, NOW) == spanish


@pytest.mark.parametrize("renderer", speech.RENDERERS.values())
def test_every_language_has_every_plain_sentence(renderer: type[Renderer]) -> None:
    assert set(renderer.plain) == set(EnglishRenderer.plain)
    assert set(renderer.part_names) == set(EnglishRenderer.part_names)


def test_long_address_is_cut_at_a_word() -> None:
    line = speech.render(model.Booked(replace(VIEWING, property_address="Long Street " * 40)), ANA, NOW)
    assert line.startswith("You're booked to see Long Street")
    assert len(line) < 200


def test_times_need_an_agent() -> None:
    assert speech.render(model.SlotTaken(NEAR), None, NOW) == ("I'm sorry, that time is taken. Shall I take a message?")
