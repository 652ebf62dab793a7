"""Spanish sentences for callers. They promise only what was done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.appointments import date_parsing, model
from peterental.appointments.date_parsing import Clarification, DayRange, MinuteRange
from peterental.calls.model import MessageMissing, Outcome
from peterental.errors import Refusal
from peterental.notices.waitlist.model import OnWaitlist, WaitlistUnavailable
from peterental.voice.speech import spanish_words
from peterental.voice.speech.lines import ClosedLine, FixedLines, HomeLine, HomesLine
from peterental.voice.speech.renderer import (
    DAY_MIN,
    MAX_NAMED,
    Renderer,
    Words,
    last_minute,
    spoken_address,
    without_shared_half,
)
from peterental.voice.speech.spoken_homes import SPANISH_UNITS, Units

FIXED = FixedLines(
    apology="Lo siento, ahora mismo no puedo consultar el calendario. ¿Quiere que alguien le devuelva la llamada?",
    unknown_tool="Lo siento, eso no puedo hacerlo en esta línea.",
    no_person="Lo siento, no hay nadie con quien pueda comunicarle. Puedo tomar un recado.",
    no_handoff="Lo siento, no puedo pasarle con otra persona. Puedo tomar un recado.",
    no_assistant="Lo siento, este número no está en servicio en este momento.",
)

_NOT_FOUND = "No encuentro ninguna visita próxima que coincida."

_WHICH_NUMBER = "¿A qué número podemos llamarle?"


class SpanishRenderer(Renderer):
    """The sentences in Spanish."""

    units: ClassVar[Units] = SPANISH_UNITS
    words: ClassVar[Words] = spanish_words
    plain: ClassVar[Mapping[type[Refusal | Outcome], str]] = {
        AgentUnknown: "Lo siento, esta línea no está conectada a ningún calendario; no puedo buscar ni reservar.",
        AgentInactive: "Lo siento, por el momento no se reservan visitas en esta línea. Puedo tomar un recado.",
        MessageMissing: "¿Qué recado quiere dejar?",
        model.AddressMissing: "¿Qué vivienda le gustaría ver?",
        model.NameMissing: "¿A nombre de quién hago la reserva?",
        model.NumberMissing: "¿En qué número podemos localizarle?",
        model.CallerUnknown: "No puedo buscar reservas sin el número con que se hicieron. ¿Quiere dejar un recado?",
        model.NoBooking: _NOT_FOUND,
        model.IdentityMismatch: _NOT_FOUND,
        model.UnderAnotherName: (
            "Con este número hay una visita a otro nombre. ¿A qué nombre está, o para qué dirección es?"
        ),
        model.IdentityUnconfirmed: "Veo una reserva con este número. ¿A qué nombre está, o para qué dirección es?",
        WaitlistUnavailable: (
            "Lo siento, no puedo enviarle un mensaje si esa hora queda libre. Puedo tomar un recado para el agente."
        ),
        model.CallEnded: "Esta llamada ha terminado y no se ha cambiado nada. Por favor, llame de nuevo.",
    }
    part_names: ClassVar[Mapping[str, str]] = {
        "morning": "por la mañana",
        "early morning": "a primera hora de la mañana",
        "late morning": "al final de la mañana",
        "afternoon": "por la tarde",
        "early afternoon": "a primera hora de la tarde",
        "late afternoon": "a última hora de la tarde",
        "evening": "por la noche",
        "early evening": "al anochecer",
        "late evening": "tarde por la noche",
        "night": "por la noche",
        "lunchtime": "a la hora de comer",
        "midday": "hacia el mediodía",
        "end of the day": "al final del día",
        "first thing": "a primera hora",
        "after work": "después del trabajo",
        "before work": "antes del trabajo",
    }

    home_lines: ClassVar[Mapping[HomeLine, str]] = {
        HomeLine.UNIT: "En {place}, ¿quiere decir {choices}?",
        HomeLine.BEDROOMS: "En {place}, ¿quiere decir la que tiene {choices}?",
        HomeLine.CITY: "¿Quiere decir {place} en {choices}?",
        HomeLine.CHOICE: "¿Quiere decir {choices}?",
        HomeLine.MISHEARD: "¿Quiso decir {choices}?",
        HomeLine.WHICH_UNIT: "Hay varias viviendas en {place}. ¿Qué unidad quiere decir?",
        HomeLine.WHICH_NUMBER: "Hay varias, por ejemplo {choices}. ¿Cuál es el número de la casa?",
        HomeLine.WHICH_ADDRESS: "Hay varias, por ejemplo {choices}. ¿Cuál es la dirección de la que quiere?",
        HomeLine.UNKNOWN: "No encuentro {place} en nuestra lista de viviendas. ¿Es correcta la dirección?",
        HomeLine.RETIRED: "Lo siento, {place} ya no está disponible. ¿Le gustaría ver otra vivienda?",
        HomeLine.COLLEAGUE: "Otro colega enseña {place} y no puedo reservarla aquí. ¿Quiere dejar un recado?",
    }

    then: ClassVar[str] = "entonces"
    closed_lines: ClassVar[Mapping[ClosedLine, str]] = {
        ClosedLine.NAMED: "La oficina está cerrada {when}{comma} por {name}.",
        ClosedLine.OFFICE: "La oficina está cerrada {when}.",
        ClosedLine.AGENT: "{agent} no está disponible {when}.",
        ClosedLine.TEAM: "No hay nadie disponible {when}.",
    }

    homes_lines: ClassVar[Mapping[HomesLine, str]] = {
        HomesLine.FOUND: "Tengo {homes}. ¿Cuál le gustaría ver?",
        HomesLine.MORE: "Tengo {homes}; y {more} más. ¿Cuál le gustaría ver?",
        HomesLine.NEAREST: "No tengo nada así. Lo más parecido que tengo: {homes}. ¿Le gustaría ver alguna?",
        HomesLine.NONE: "No tengo aquí una lista de viviendas. ¿Cuál es la dirección de la que le gustaría ver?",
    }
    studio: ClassVar[str] = "un estudio"

    def rent(self, dollars: int) -> str:
        return f"{dollars} dólares al mes"  # a comma is read as a decimal one

    def available_from(self, said_day: str) -> str:
        return f"disponible desde {self.words.on(said_day)}"

    def not_known(self, wishes: tuple[str, ...]) -> str:
        return f"De {self.words.alternatives(list(wishes))} no sé nada; el agente se lo puede decir."

    def times_offered(self, home: str | None, times: str) -> str:
        what = f"Para {home}, tengo" if home else "Tengo"
        return f"{what} {times}. ¿Cuál prefiere?"

    def none_available(self, result: model.NoneAvailable) -> str:
        home = f" para {self.home_name(result.home)}" if result.home else ""
        line = f"No tengo nada libre{home} {self.asked_for(result.search) or 'entonces'}"
        if result.latest is not None:
            return f"{line}; la última visita es {spanish_words.at(self.clock_of(result.latest))}."
        if result.earliest is not None:
            return f"{line}; la primera visita es {spanish_words.at(self.clock_of(result.earliest))}."
        return f"{line}."

    def booked(self, booking: model.Appointment) -> str:
        return f"Tiene reservada la visita de {self.viewing(booking)}."

    def moved(self, booking: model.Appointment) -> str:
        return f"Su visita de {self.home_of(booking)} es ahora {self.on_moment(booking.start)}."

    def cancelled(self, booking: model.Appointment) -> str:
        return f"Su visita de {self.viewing(booking)}, está cancelada."

    def text_follows(self) -> str:
        return "Le enviaré la confirmación por mensaje de texto."

    def text_of_move(self) -> str:
        return "Le enviaré la nueva hora por mensaje de texto."

    def found(self, bookings: tuple[model.Appointment, ...]) -> str:
        return f"Tiene una visita de {self._viewings(bookings)}."

    def message_taken(self, *, can_call_back: bool) -> str:
        if can_call_back:
            return "He anotado su recado, y alguien le devolverá la llamada."
        return f"He anotado su recado. {_WHICH_NUMBER}"

    def calendar_unavailable(self, *, can_call_back: bool) -> str:
        start = (
            "Lo siento, ahora mismo no puedo consultar el calendario, así que no puedo reservar una hora."
            " He anotado lo que quiere"
        )
        return f"{start} y alguien le devolverá la llamada." if can_call_back else f"{start}. {_WHICH_NUMBER}"

    def on_waitlist(self, result: OnWaitlist) -> str:
        when = self.asked_for(result.search)
        line = f"Está en la lista de espera para ver {self.home_name(result.home)}{', ' * bool(when)}{when}."
        return f"{line} Si queda libre una hora para usted, le enviaré un mensaje y se la guardaré quince minutos."

    def done(self) -> str:
        return "De acuerdo."

    def refusal(self, refusal: Refusal) -> str:
        match refusal:
            case model.WhichBooking(proven=False):
                return "Hay más de una visita reservada. ¿Cuál es la dirección de la que quiere?"
            case model.WhichBooking(appointments=bookings, differences=differences):
                named = [self.home_difference(said) for said in differences]
                choices = f": {self.words.alternatives(named)}" if 1 < len(named) <= MAX_NAMED else ""
                return f"Tiene {self._viewings_to_choose(bookings)}. ¿A cuál se refiere{choices}?"
            case model.BookingUnconfirmed(appointment=booking):
                return f"Hay una visita de {self.viewing(booking)}. ¿Se refiere a esa?"
            case model.AlreadyBooked(appointment=booking):
                return f"Ya tiene una visita de {self.viewing(booking)}. ¿La cambio?"
            case _:
                return "Lo siento, eso no es posible."

    def home_difference(self, said: str) -> str:
        for english, spanish in (("unit ", "la unidad "), ("building ", "el edificio "), ("floor ", "el piso ")):
            said = said.replace(english, spanish)
        return said

    def booked_for_another(self, refusal: model.BookedForAnother) -> str:
        booking, name = refusal.appointment, refusal.attendee_name
        line = f"Hay una visita para {booking.attendee_name} de {self.viewing(booking)}."
        if not refusal.nearest:
            return f"{line} ¿Reservo otra para {name}?"
        nearest = self.nearest_after(line, refusal.nearest)
        return f"{line} Para {name}, {nearest[:1].lower()}{nearest[1:]} ¿Cuál prefiere?"

    def unavailable(self, refusal: model.SlotUnavailable) -> str:  # noqa: PLR0911  # one sentence for each reason
        start = refusal.start
        when = self.times((start,)) if start else "entonces"
        match refusal:
            case model.SlotTaken():
                return (
                    f"Lo siento, {self.subject(when)} ya está ocupado."
                    if start
                    else "Lo siento, esa hora ya está ocupada."
                )
            case model.TimePast():
                return f"Lo siento, {self.subject(when)} ya ha pasado." if start else "Esa hora ya ha pasado."
            case model.TooSoon(notice_minutes=minutes):
                ahead = f"Las visitas se reservan con {spanish_words.length(minutes)} de antelación"
                return f"{ahead}; {self.subject(when)} es demasiado pronto." if start else f"{ahead}."
            case model.TooFar(horizon_days=days):
                ahead = f"as visitas se reservan con {spanish_words.count(days, 'day')} de antelación como máximo."
                return f"Falta demasiado para {self.words.on(self.day_of(start))}: l{ahead}" if start else f"L{ahead}"
            case model.OutsideHours():
                return self._outside_hours(refusal, when)
            case model.NotASlotStart():
                at = spanish_words.at(self.clock_of(start)) if start else "a esa hora"
                return f"Las visitas no empiezan {at}."
            case model.DayFull():
                day = self.words.on(self.day_of(start)) if start else "ese día"
                return f"No caben más visitas {day}."
            case _:
                return "Lo siento, esa hora no es posible."

    def _outside_hours(self, refusal: model.OutsideHours, when: str) -> str:
        start, first, last = refusal.start, refusal.first, refusal.last
        if start is None:
            return "No hay visitas entonces."
        day = self.words.on(self.day_of(start))
        if last is None:
            return f"No hay visitas {day}."
        if start > last:
            return f"La última visita empieza {spanish_words.at(self.clock_of(last))} {day}."
        if first is not None and start < first:
            return f"La primera visita empieza {spanish_words.at(self.clock_of(first))} {day}."
        return f"No hay visitas {when}."

    def question(self, question: Clarification) -> str:  # noqa: C901, PLR0911  # one sentence for each kind of question
        match question:
            case date_parsing.DayNeeded(search=search):
                return f"¿Qué día le gustaría venir {self.search_time(search)}?".replace(" ?", "?")
            case date_parsing.TimeNeeded(search=search):
                return f"¿A qué hora le gustaría venir {self.asked_for(search)}?".replace(" ?", "?")
            case date_parsing.WhichDay(options=options, ranges=ranges):
                return f"¿Quiere decir {self.joined(self.options(options), self.ranges(ranges))}?"
            case date_parsing.WeekdayMismatch(options=options):
                return f"¿Quiere decir {self.options(options)}?"
            case date_parsing.WhichTime(day=None, options=minutes):
                return f"¿Quiere decir {self.words.alternatives([self.clock(at) for at in minutes[:MAX_NAMED]])}?"
            case date_parsing.WhichTime(day=date() as day, options=minutes):
                return f"¿Quiere decir {self.words.on(self.day(day))}, {self._clocks(minutes)}?"
            case date_parsing.ConfirmDay(option=option, ranges=ranges):
                said = self.joined(self.option(option), self.ranges(ranges))
                return f"Para estar seguros: ¿quiere decir {said}?"
            case date_parsing.WhichOffer(options=options) if options:
                clock = self.shared_clock(options)
                return (
                    f"¿Qué día le gustaría venir {spanish_words.at(clock)}?" if clock else "¿Cuál de las horas quiere?"
                )
            case date_parsing.SkippedByDst(day=day, clock_min=minutes):
                then = self.subject(self.words.on(self.day(day)))
                return f"El reloj cambia {then} y se salta {self.clock(minutes)}. ¿Qué otra hora le viene bien?"
            case date_parsing.ZoneUnclear(own=own, converted=converted):
                return f"¿Quiere decir, hora de aquí, {self.times((own, converted))}?"
            case _:
                return "¿Qué día y a qué hora le gustaría venir?"

    def have(self, times: str) -> str:
        return f"Tengo {times}."

    def have_at(self, clocks: str) -> str:
        return f"Tengo libre {clocks}."

    def nearest(self, times: str) -> str:
        return f"Lo más cercano que tengo: {times}."

    def nearest_that_day(self, clocks: str) -> str:
        return f"Lo más cercano que tengo ese día es {clocks}."

    def offer_message(self) -> str:
        return "¿Quiere dejar un recado?"

    def with_agent(self, name: str) -> str:
        return f"con {spoken_address(name)}"

    def minute_range(self, range_: MinuteRange) -> str:
        if range_.until_min >= DAY_MIN:
            return _contracted(f"después de {self.clock(range_.from_min)}")
        last = self.clock(last_minute(range_))
        if range_.from_min <= 0:
            is_left_in = last_minute(range_) < range_.until_min
            return f"a más tardar {spanish_words.at(last)}" if is_left_in else _contracted(f"antes de {last}")
        if range_.until_min - range_.from_min == 1:
            return spanish_words.at(self.clock(range_.from_min))
        return f"entre {without_shared_half(self.clock(range_.from_min), last, _PARTS_OF_DAY)} y {last}"

    def at_clock(self, said_clock: str, *, approximate: bool = False) -> str:
        return f"hacia {said_clock}" if approximate else spanish_words.at(said_clock)

    def day_range(self, days: DayRange) -> str:
        return _contracted(f"de {self.words.on(self.day(days.first))} a {self.words.on(self.day(days.last))}")

    def on_moment(self, start: datetime) -> str:
        return self.times((start,))

    def choice_day(self, value: date) -> str:
        return self.words.on(self.day(value))

    def _clocks(self, options: tuple[int, ...]) -> str:
        said = [spanish_words.at(self.clock(minutes)) for minutes in options[:MAX_NAMED]]
        following = [*said[1:], ""]
        return self.words.alternatives(
            [without_shared_half(one, other, _PARTS_OF_DAY) for one, other in zip(said, following, strict=True)]
        )

    def _viewings(self, bookings: tuple[model.Appointment, ...]) -> str:
        some = [self.viewing(booking) for booking in bookings[:MAX_NAMED]]
        return ", y de ".join(some) + (", y otras después" if len(bookings) > len(some) else "")

    def _viewings_to_choose(self, bookings: tuple[model.Appointment, ...]) -> str:
        """Return the viewings to choose from: the homes of many, whose times would be too long to hear."""
        homes = self.homes_of_many(bookings)
        if not homes:
            return f"una visita de {self._viewings(bookings)}"
        return f"visitas de {', de '.join(homes[:-1])}, y {'otras' if len(bookings) > MAX_NAMED else 'de ' + homes[-1]}"


_PARTS_OF_DAY = (" de la mañana", " de la tarde", " de la noche", " de la madrugada")


def _contracted(text: str) -> str:
    """Contract `de el` and `a el`."""
    return text.replace("de el ", "del ").replace(" a el ", " al ")
