"""What the visitors' pages say, in English and Spanish. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from peterental.agents.model import AgentInactive, Language
from peterental.appointments.model import (
    CalendarUnavailable,
    SlotUnavailable,
    TooFar,
    TooSoon,
)
from peterental.appointments.visitors.model import ViewingChanged, ViewingEnded
from peterental.errors import Refusal

NOON_HOUR = 12


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The sentences of a language. `{…}` are filled in.

    Args:
        weekdays: from Monday.
        months: from January.
        dates: the format of a day, from `weekday`, `month` and `number`.
        halves: before and after noon, after a time of day.
        articles: before a time of day in a sentence, of one o'clock and of any other: "a la 1:00", "a las 2:00".
        refusals: why a change was not made, by its type; a type stands for those derived from it.
    """

    title: str
    skip: str
    your_viewing: str
    home: str
    agent: str
    phone: str
    zone: str
    map: str
    calendar: str
    confirmed: str
    confirm_hint: str
    follow_up: str
    confirm: str
    move: str
    cancel: str
    begun: str
    move_title: str
    move_current: str
    move_choose: str
    move_colleagues: str
    move_submit: str
    move_none: str
    more_days: str
    earlier_days: str
    back: str
    cancel_title: str
    cancel_hint: str
    cancel_submit: str
    keep: str
    cancelled: str
    cancelled_hint: str
    released: str
    released_hint: str
    reinstate: str
    over: str
    over_hint: str
    call: str
    reach: str
    unknown: str
    unknown_hint: str
    unavailable: str
    unavailable_hint: str
    done_confirmed: str
    done_moved: str
    done_reinstated: str
    choose_time: str
    event_title: str
    event_link: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    dates: str
    halves: tuple[str, str]
    articles: tuple[str, str]
    refusals: Mapping[type[Refusal], str]

    def day(self, value: date) -> str:
        """Format a day: `Tuesday, December 1`."""
        return self.dates.format(
            weekday=self.weekdays[value.weekday()], month=self.months[value.month - 1], number=value.day
        )

    def day_of(self, moment: datetime, zone: ZoneInfo) -> str:
        """Format the day of a moment in a zone."""
        return self.day(moment.astimezone(zone).date())

    def clock(self, moment: datetime, zone: ZoneInfo) -> str:
        """Format the time of day of a moment in a zone: `2:30 pm`."""
        local = moment.astimezone(zone)
        half = self.halves[0 if local.hour < NOON_HOUR else 1]
        return f"{local.hour % NOON_HOUR or NOON_HOUR}:{local.minute:02} {half}"

    def hour(self, moment: datetime, zone: ZoneInfo) -> str:
        """Format the time of day as a sentence has it: `2:30 pm`, `las 2:30 p. m.`."""
        is_one = moment.astimezone(zone).hour % NOON_HOUR == 1
        return f"{self.articles[0 if is_one else 1]}{self.clock(moment, zone)}"

    def refusal(self, refusal: Refusal) -> str:
        """Return why a change was not made."""
        kind = next(kind for kind in type(refusal).__mro__ if kind in self.refusals)
        return self.refusals[kind].format_map(refusal.values)


ENGLISH = Wording(
    title="Your viewing",
    skip="Skip to content",
    your_viewing="Your viewing",
    home="Home",
    agent="With",
    phone="Phone",
    zone="Time at the home: {zone}",
    map="Show on a map",
    calendar="Add to my calendar",
    confirmed="You confirmed that you will come.",
    confirm_hint="Please confirm that you will come.",
    follow_up="If we miss each other, write to me once about another time",
    confirm="I will come",
    move="Choose another time",
    cancel="Cancel the viewing…",
    begun="Your viewing has begun. It can no longer be changed here.",
    move_title="Choose another time",
    move_current="Your viewing stays at {time} on {day} unless you choose another time.",
    move_choose="Free times",
    move_colleagues="At some of these times, a colleague of {agent} will meet you.",
    move_submit="Move my viewing",
    move_none="There are no free times.",
    more_days="Later days",
    earlier_days="Earlier days",
    back="Back to your viewing",
    cancel_title="Cancel your viewing?",
    cancel_hint="The time becomes free for others at once. This cannot be undone here.",
    cancel_submit="Cancel my viewing",
    keep="Keep my viewing",
    cancelled="Your viewing is cancelled",
    cancelled_hint="This link can no longer be used.",
    released="Your viewing was cancelled",
    released_hint="Nobody confirmed that you will come. You can take it back until {time}, if the time is still free.",
    reinstate="I will come",
    over="This viewing is over",
    over_hint="This link can no longer be used.",
    reach="Call {agent}:",
    call="To ask for another viewing, call {agent}:",
    unknown="There is no such viewing",
    unknown_hint="Check that you have copied the whole link from the message.",
    unavailable="Not available at the moment",
    unavailable_hint="Your viewing may not have been changed. Wait a minute, then open the link in the message again.",
    done_confirmed="Thank you. Your viewing is confirmed.",
    done_moved="Your viewing was moved.",
    done_reinstated="Your viewing takes place.",
    choose_time="Nothing was changed. Choose one of the times.",
    event_title="Viewing: {home}",
    event_link="To change or cancel it: {link}",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    dates="{weekday}, {month} {number}",
    halves=("am", "pm"),
    articles=("", ""),
    refusals={
        ViewingEnded: "Nothing was changed: the viewing has begun, is over or was cancelled.",
        ViewingChanged: "Nothing was changed: your viewing was changed after you opened this page.",
        AgentInactive: "Nothing was changed: {agent_name} takes no viewings at present. Please call.",
        CalendarUnavailable: "No times can be offered at the moment. Try again in a few minutes, or call.",
        TooSoon: "That time is too soon. Choose another one.",
        TooFar: "That time is too far ahead. Choose another one.",
        SlotUnavailable: "That time is no longer free. Choose another one.",
    },
)  # fmt: skip

SPANISH = Wording(
    title="Su visita",
    skip="Ir al contenido",
    your_viewing="Su visita",
    home="Vivienda",
    agent="Con",
    phone="Teléfono",
    zone="Hora de la vivienda: {zone}",
    map="Ver en un mapa",
    calendar="Añadir a mi calendario",
    confirmed="Usted confirmó que vendrá.",
    confirm_hint="Por favor, confirme que vendrá.",
    follow_up="Si no nos encontramos, escríbanme una vez para buscar otra hora",
    confirm="Sí, vendré",
    move="Elegir otra hora",
    cancel="Cancelar la visita…",
    begun="Su visita ya empezó. Aquí ya no se puede cambiar.",
    move_title="Elegir otra hora",
    move_current="Su visita sigue siendo a {time} el {day} si no elige otra hora.",
    move_choose="Horas libres",
    move_colleagues="A algunas de estas horas le recibirá un colega de {agent}.",
    move_submit="Cambiar mi visita",
    move_none="No hay horas libres.",
    more_days="Días siguientes",
    earlier_days="Días anteriores",
    back="Volver a su visita",
    cancel_title="¿Cancelar su visita?",
    cancel_hint="La hora queda libre para otros de inmediato. Aquí no se puede deshacer.",
    cancel_submit="Cancelar mi visita",
    keep="Conservar mi visita",
    cancelled="Su visita está cancelada",
    cancelled_hint="Este enlace ya no sirve.",
    released="Su visita fue cancelada",
    released_hint="Nadie confirmó que usted vendrá. Puede recuperarla hasta {time}, si la hora sigue libre.",
    reinstate="Sí, vendré",
    over="Esta visita ya terminó",
    over_hint="Este enlace ya no sirve.",
    reach="Llame a {agent}:",
    call="Para pedir otra visita, llame a {agent}:",
    unknown="No existe esa visita",
    unknown_hint="Compruebe que ha copiado el enlace completo del mensaje.",
    unavailable="No disponible en este momento",
    unavailable_hint="Es posible que su visita no haya cambiado. Espere un minuto y abra el enlace otra vez.",
    done_confirmed="Gracias. Su visita está confirmada.",
    done_moved="Su visita tiene otra hora.",
    done_reinstated="Su visita se mantiene.",
    choose_time="No se cambió nada. Elija una de las horas.",
    event_title="Visita: {home}",
    event_link="Para cambiarla o cancelarla: {link}",
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    months=(
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
    dates="{weekday} {number} de {month}",
    halves=("a. m.", "p. m."),
    articles=("la ", "las "),
    refusals={
        ViewingEnded: "No se cambió nada: la visita ya empezó, ya terminó o fue cancelada.",
        ViewingChanged: "No se cambió nada: su visita cambió después de que usted abrió esta página.",
        AgentInactive: "No se cambió nada: {agent_name} no recibe visitas por ahora. Por favor, llame.",
        CalendarUnavailable: "Ahora no se pueden ofrecer horas. Inténtelo en unos minutos, o llame.",
        TooSoon: "Esa hora es demasiado pronto. Elija otra.",
        TooFar: "Esa hora es demasiado lejana. Elija otra.",
        SlotUnavailable: "Esa hora ya no está libre. Elija otra.",
    },
)  # fmt: skip

WORDINGS: Mapping[Language, Wording] = {"en": ENGLISH, "es": SPANISH}
