"""The built-in wordings in Spanish.

Texts avoid the accented letters that GSM-7 lacks (á, í, ó, ú): one of them would make the message twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from peterental.notices.model import Channel, Kind
from peterental.notices.wording.model import Wording

_WHERE_AND_WHEN = """\
Vivienda: {home}
Cuándo: {day}, {time}
Con: {agent}[, {agent_phone}]
"""

_CHANGE = """[
Para confirmar, cambiar o cancelar la visita:
{link}
]"""

_AGENT_FACTS = """\
Vivienda: {home}
Cuándo: {day}, {time}
[Visitante: {visitor}
][Teléfono: {phone}
][
{link}
]"""

WORDINGS: Mapping[tuple[Kind, Channel], Wording] = MappingProxyType(
    {
        # --- visitors ------------------------------------------------------------------------------------------------
        ("booked", "text"): Wording("{office}: Visita reservada: {home}, {day}, {time}.[ Cambiar: {link}]"),
        ("booked", "email"): Wording(
            f"Hola[ {{visitor}}]:\n\nSu visita está reservada.\n\n{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Reservada: {day}, {time}, visita a {home}",
        ),
        ("moved", "text"): Wording(
            "{office}: Su visita a {home} es ahora el {day}, {time}, con {agent}.[ Cambiar: {link}]"
        ),
        ("moved", "email"): Wording(
            "Hola[ {visitor}]:\n\nSu visita tiene una nueva hora.\n\n"
            f"{_WHERE_AND_WHEN}[Antes: {{old_day}}, {{old_time}}\n]{_CHANGE}\n{{office}}",
            "Nueva hora: {day}, {time}, visita a {home}",
        ),
        ("changed", "text"): Wording(
            "{office}: Su visita ha cambiado: {home}, {day}, {time}, con {agent}.[ Cambiar: {link}]"
        ),
        ("changed", "email"): Wording(
            "Hola[ {visitor}]:\n\nAlgo ha cambiado en su visita. Así es ahora.\n\n"
            f"{_WHERE_AND_WHEN}Hasta: {{until}}\n{_CHANGE}\n{{office}}",
            "Cambiada: {day}, {time}, visita a {home}",
        ),
        ("cancelled", "text"): Wording(
            "{office}: Su visita a {home} del {day}, {time}, queda cancelada.[ Preguntas: {agent_phone}.]"
        ),
        ("cancelled", "email"): Wording(
            "Hola[ {visitor}]:\n\nEsta visita queda cancelada: no hace falta que venga.\n\n"
            f"{_WHERE_AND_WHEN}\n{{office}}",
            "Cancelada: {day}, {time}, visita a {home}",
        ),
        ("reminder_day", "text"): Wording(
            "{office}: Recuerde: {home}, {day}, {time}.[ Responda {confirm} para confirmar.][ Cambiar: {link}]"
        ),
        ("reminder_day", "email"): Wording(
            "Hola[ {visitor}]:\n\nLe recordamos su visita. Por favor, díganos si viene o elija otra hora.\n\n"
            f"{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Visita del {day}, {time}: {home}",
        ),
        ("reminder_hours", "text"): Wording("{office}: {agent} le espera en {home}, {day}, {time}.[ Cambiar: {link}]"),
        ("reminder_hours", "email"): Wording(
            "Hola[ {visitor}]:\n\n{agent} le espera pronto[: dentro de {hours}].\n\n"
            f"{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Su visita, {time}: {home}",
        ),
        ("no_show", "text"): Wording(
            "{office}: Sentimos no haberle visto en {home} el {day}.[ Para otra hora: {agent_phone}.]"
        ),
        ("no_show", "email"): Wording(
            "Hola[ {visitor}]:\n\nSentimos no haberle visto en {home} el {day}, {time}.\n\n"
            "[Si todavía quiere ver la vivienda, llame al {agent_phone} para elegir otra hora.\n\n]{office}",
            "No le vimos el {day}: {home}",
        ),
        ("released", "text"): Wording(
            "{office}: Sin confirmar, ya no reservada: {home}, {day}, {time}.[ Recuperar (30 min): {link}]"
        ),
        ("released", "email"): Wording(
            "Hola[ {visitor}]:\n\nSu visita no fue confirmada y su hora quedó libre para otros.\n\n"
            f"{_WHERE_AND_WHEN}[\nPara recuperarla en los próximos 30 minutos:\n{{link}}\n]\n{{office}}",
            "No confirmada: {day}, {time}, visita a {home}",
        ),
        ("waitlist_offer", "text"): Wording(
            "{office}: Libre: {home}, {day}, {time}.[ Responda {confirm} y es suya.][ Por 15 min: {link}]"
        ),
        ("waitlist_offer", "email"): Wording(
            "Hola[ {visitor}]:\n\nUna hora que usted pidió está libre. Se la guardamos 15 minutos.\n\n"
            f"{_WHERE_AND_WHEN}[\nPara reservarla:\n{{link}}\n]\n{{office}}",
            "Hora libre: {day}, {time}, {home}",
        ),
        # --- agents --------------------------------------------------------------------------------------------------
        ("agent_booked", "text"): Wording(
            "Nueva visita: {home}, {day}, {time}.[ {visitor}.][ Tel.: {phone}.][ {link}]"
        ),
        ("agent_booked", "email"): Wording(
            f"Hola {{agent}}:\n\nSe reservó una visita.\n\n{_AGENT_FACTS}\n{{office}}",
            "Nueva visita: {day}, {time}, {home}",
        ),
        ("agent_moved", "text"): Wording(
            "Visita cambiada: {home}, ahora {day}, {time}.[ Antes: {old_day}, {old_time}.][ {visitor}.][ {link}]"
        ),
        ("agent_moved", "email"): Wording(
            "Hola {agent}:\n\nUna visita cambió de hora.[ Antes era el {old_day}, {old_time}.]\n\n"
            f"{_AGENT_FACTS}\n{{office}}",
            "Nueva hora: {day}, {time}, {home}",
        ),
        ("agent_changed", "text"): Wording(
            "Visita modificada: {home}, {day}, {time}, hasta {until}.[ {visitor}.][ {link}]"
        ),
        ("agent_changed", "email"): Wording(
            f"Hola {{agent}}:\n\nCambiaron la vivienda o la duración de una visita.\n\n{_AGENT_FACTS}\n{{office}}",
            "Modificada: {day}, {time}, hasta {until}, {home}",
        ),
        ("agent_reassigned", "text"): Wording("Visita ahora con {agent}: {home}, {day}, {time}.[ {visitor}.]"),
        ("agent_reassigned", "email"): Wording(
            f"Hola:\n\nUna visita suya es ahora de {{agent}}. La hora queda libre.\n\n{_AGENT_FACTS}\n{{office}}",
            "Reasignada: {day}, {time}, ahora con {agent}, {home}",
        ),
        ("agent_cancelled", "text"): Wording(
            "Visita cancelada: {home}, {day}, {time}.[ {visitor}.][ Tel.: {phone}.][ {link}]"
        ),
        ("agent_cancelled", "email"): Wording(
            f"Hola {{agent}}:\n\nSe canceló una visita. La hora queda libre.\n\n{_AGENT_FACTS}\n{{office}}",
            "Cancelada: {day}, {time}, {home}",
        ),
        ("agent_released", "text"): Wording(
            "Visita sin confirmar, hora libre: {home}, {day}, {time}.[ {visitor}.][ Tel.: {phone}.][ {link}]"
        ),
        ("agent_released", "email"): Wording(
            "Hola {agent}:\n\nEl visitante no confirmó esta visita y la hora quedó libre. Tiene 30 minutos para"
            f" recuperarla.\n\n{_AGENT_FACTS}\n{{office}}",
            "No confirmada: {day}, {time}, {home}",
        ),
        ("agent_urgent_message", "text"): Wording("Mensaje urgente[ de {visitor}][, {phone}]: {message}[ {link}]"),
        ("agent_urgent_message", "email"): Wording(
            "Hola {agent}:\n\nUna persona dejó un mensaje urgente el {day}, {time}.\n\n{message}\n\n"
            "[De: {visitor}\n][Teléfono: {phone}\n][\n{link}\n]\n{office}",
            "Mensaje urgente[ de {visitor}]",
        ),
        ("agent_flagged_call", "text"): Wording(
            "Revise una llamada del {day}, {time}[, de {visitor}][, {phone}]: {message}[ {link}]"
        ),
        ("agent_flagged_call", "email"): Wording(
            "Hola {agent}:\n\nPor favor, revise una llamada del {day}, {time}.\n\n{message}\n\n"
            "[De: {visitor}\n][Teléfono: {phone}\n][\n{link}\n]\n{office}",
            "Revise una llamada[ de {visitor}]: {day}, {time}",
        ),
        ("agent_calendar_trouble", "text"): Wording("No se puede leer su calendario: {message}[ {link}]"),
        ("agent_calendar_trouble", "email"): Wording(
            "Hola {agent}:\n\nNo se puede leer su calendario.\n\n{message}\n\n[{link}\n\n]{office}",
            "No se puede leer su calendario",
        ),
        ("agent_morning_list", "text"): Wording("{day}:\n{message}[\n{link}]"),
        ("agent_morning_list", "email"): Wording(
            "Buenos días, {agent}:\n\n{day}:\n\n{message}\n\n[{link}\n\n]{office}",
            "Sus visitas: {day}",
        ),
    }
)
