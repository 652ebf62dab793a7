"""What notices of agents say beside their wordings, in English and Spanish. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from peterental.agents.model import Language
from peterental.calls.model import Flag
from peterental.notices.letters import format_phone
from peterental.notices.model import AgentKind, Channel
from peterental.notices.wording.times import format_day, format_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from peterental.notices.agent_choices.model import ListedChange, ListedViewing

FLAGS: Mapping[Language, Mapping[Flag, str]] = MappingProxyType(
    {
        "en": {
            "fault": "Something went wrong while the caller was answered.",
            "unbooked": "The caller agreed to a viewing, but none was booked.",
        },
        "es": {
            "fault": "Hubo un error al atender la llamada.",
            "unbooked": "La persona que llamó quería una visita, pero no se reservó ninguna.",
        },
    }
)
"""Why a call has to be checked."""

RECONNECT: Mapping[Language, str] = MappingProxyType(
    {"en": "Connect it again.", "es": "Vuelva a conectarlo."},
)


@dataclass(frozen=True, kw_only=True)
class ListWords:
    """The headings of a morning list, what happened to a viewing, and what its visitor said."""

    viewings: str
    changes: str
    messages: str
    calls: str
    calendars: str
    confirmed: str
    happened: Mapping[AgentKind, str]


LISTS: Mapping[Language, ListWords] = MappingProxyType(
    {
        "en": ListWords(
            viewings="Today's viewings",
            changes="Changed since the last list",
            messages="Urgent messages",
            calls="Calls to check",
            calendars="Calendars that cannot be read",
            confirmed="confirmed",
            happened={
                "agent_booked": "Booked",
                "agent_moved": "Moved",
                "agent_changed": "Changed",
                "agent_reassigned": "Now with another agent",
                "agent_cancelled": "Cancelled",
                "agent_released": "Released, not confirmed",
            },
        ),
        "es": ListWords(
            viewings="Visitas de hoy",
            changes="Cambios desde la última lista",
            messages="Mensajes urgentes",
            calls="Llamadas por revisar",
            calendars="Calendarios que no se pueden leer",
            confirmed="confirmada",
            happened={
                "agent_booked": "Reservada",
                "agent_moved": "Cambiada",
                "agent_changed": "Modificada",
                "agent_reassigned": "Ahora con otro agente",
                "agent_cancelled": "Cancelada",
                "agent_released": "Liberada, sin confirmar",
            },
        ),
    }
)


def viewing_line(viewing: ListedViewing, zone: ZoneInfo, channel: Channel, language: Language) -> str:
    """Return the line of a viewing: time, home, visitor, number, and whether the visitor confirmed."""
    confirmed = LISTS[language].confirmed if viewing.is_confirmed else ""
    parts = (viewing.property_address, viewing.attendee_name, format_phone(viewing.phone), confirmed)
    return f"{format_time(viewing.start, zone, channel)} {', '.join(filter(None, parts))}"


def change_line(change: ListedChange, zone: ZoneInfo, channel: Channel, language: Language) -> str:
    """Return the line of a change: what happened, to which viewing, and when that is."""
    day, time = format_day(change.start, zone, language, channel), format_time(change.start, zone, channel)
    happened = LISTS[language].happened[change.kind]
    return f"{happened}: {change.property_address}, {change.attendee_name}, {day}, {time}"


def call_line(call: tuple[datetime, str, str], zone: ZoneInfo, channel: Channel, language: Language) -> str:
    """Return the line of a call: when, from which number, and why it has to be checked."""
    began_at, number, why = call
    day, time = format_day(began_at, zone, language, channel), format_time(began_at, zone, channel)
    return f"{', '.join(filter(None, (day, time, number)))}: {why}"
