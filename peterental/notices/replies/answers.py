"""What visitors are answered by text, in English and Spanish. Pure.

One segment of GSM-7 where it can be: no accents that GSM-7 lacks, no quotes. Never "reply CANCEL".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from peterental.notices.letters import format_phone
from peterental.notices.wording.rendering import clean
from peterental.notices.wording.times import format_day, format_time

if TYPE_CHECKING:
    from peterental.notices.model import Language
    from peterental.notices.replies.model import TextedViewing

MAX_VIEWINGS_NAMED = 3
_MAX_HOME_CHARS = 60

TEXTS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "confirm": "{office}: Thank you. You are expected: {viewing}.[ Change: {link}]",
            "cancel": "{office}: Your viewing is cancelled: {viewing}.[ To book again, call {phone}.]",
            "take_offer": "{office}: It is yours: {viewing}.[ Change: {link}]",
            "which": "{office}: Which viewing do you mean? Please open its link.{viewings}",
            "no_viewing": "{office}: There is no upcoming viewing to change.[ {agent} gets your text.][ Call {phone}.]",
            "offer_ended": "{office}: Sorry, that time is no longer held.[ {agent} gets your text.][ Call {phone}.]",
            "released": "{office}: That time was released: {viewing}.[ To keep it: {link}]",
            "move": "{office}: {agent} gets your text.[ Or choose another time: {link}]",
            "message": "{office}: Thank you.[ {agent} gets your text.][ Change your viewing: {link}]",
            "help": "{office}: We text you about your viewing[: {viewing}].[ Change: {link}][ Call {phone}.]"
            " Reply STOP to end texts.",
            "start": "{office}: You get texts about your viewings again. Reply STOP to end them.",
            "stop": "{office}: You get no more texts from us. Reply START to get them again.",
            "stop_booked": "{office}: You get no more texts from us. Your viewing is still booked.[ Cancel it: {link}]",
            "wrong_person": "{office}: Sorry. You get no more texts from us.",
        },
        "es": {
            "confirm": "{office}: Gracias. Le esperamos: {viewing}.[ Cambiar: {link}]",
            "cancel": "{office}: Su visita queda cancelada: {viewing}.[ Para otra, llame al {phone}.]",
            "take_offer": "{office}: Es suya: {viewing}.[ Cambiar: {link}]",
            "which": "{office}: ¿De qué visita se trata? Abra su enlace.{viewings}",
            "no_viewing": "{office}: No hay ninguna visita pendiente.[ {agent} recibe su mensaje.][ Llame al {phone}.]",
            "offer_ended": "{office}: Esa hora ya no se guarda.[ {agent} recibe su mensaje.][ Llame al {phone}.]",
            "released": "{office}: Esa hora ya no se guarda: {viewing}.[ Para recuperarla: {link}]",
            "move": "{office}: {agent} recibe su mensaje.[ O elija otra hora: {link}]",
            "message": "{office}: Gracias.[ {agent} recibe su mensaje.][ Cambiar la visita: {link}]",
            "help": "{office}: Le escribimos por su visita[: {viewing}].[ Cambiar: {link}][ Llame al {phone}.]"
            " Responda STOP para no recibirlos.",
            "start": "{office}: Vuelve a recibir mensajes sobre sus visitas. Responda STOP para no recibirlos.",
            "stop": "{office}: No le enviaremos mensajes. Responda START para recibirlos.",
            "stop_booked": "{office}: No le enviaremos mensajes. Su visita sigue reservada.[ Cancelarla: {link}]",
            "wrong_person": "{office}: Disculpe. No le enviaremos mensajes.",
        },
    }
)
"""The wordings. What is in brackets is left out where a field in it is missing."""


def answer(
    name: str, language: Language, office: str, viewings: Sequence[TextedViewing], link_of: Callable[[int], str]
) -> str:
    """Return an answer.

    Args:
        name: of the wording.
        language: of the visitor.
        office: who writes.
        viewings: what it is about, the most likely first; may be empty.
        link_of: returns the visitor's link of a viewing.
    """
    first = next(iter(viewings), None)
    fields = {
        "office": clean("office", office, "text"),
        "viewing": "",
        "viewings": "",
        "link": "",
        "agent": "",
        "phone": "",
    }
    if first is not None:
        fields |= {
            "viewing": _viewing(first, language),
            "viewings": "".join(
                "\n" + ": ".join(filter(None, (_viewing(viewing, language), link_of(viewing.appointment_id))))
                for viewing in viewings[:MAX_VIEWINGS_NAMED]
            ),
            "link": link_of(first.appointment_id),
            "agent": clean("agent", first.agent_name, "text"),
            "phone": format_phone(first.handover_number),
        }
    return _filled(TEXTS[language][name], fields)


def _viewing(viewing: TextedViewing, language: Language) -> str:
    home = clean("home", viewing.property_address[:_MAX_HOME_CHARS], "text")
    day = format_day(viewing.start, viewing.zone, language, "text")
    return f"{home}, {day}{' at ' if language == 'en' else ', '}{format_time(viewing.start, viewing.zone, 'text')}"


def _filled(wording: str, fields: Mapping[str, str]) -> str:
    """Fill in the fields, and leave out what is in brackets and lacks one."""
    text = ""
    for part in wording.replace("]", "[").split("["):
        is_complete = all(value for name, value in fields.items() if f"{{{name}}}" in part)
        text += part.format_map(fields) if is_complete else ""
    return text
