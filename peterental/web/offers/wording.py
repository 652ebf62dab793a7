"""What the page of an offer says beside the words of the visitors' pages, in English and Spanish. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from peterental.agents.model import Language


@dataclass(frozen=True, kw_only=True)
class OfferWording:
    """The sentences of a language. `{time}` is until when the time is held."""

    title: str
    held: str
    take: str
    ended: str
    waiting: str
    unavailable: str
    over: str


OFFERS: Mapping[Language, OfferWording] = MappingProxyType(
    {
        "en": OfferWording(
            title="This time is free now",
            held="It is held for you until {time}.",
            take="Take it",
            ended="This time is no longer held",
            waiting="You are still on the waiting list. If another time frees up, you will get a text.",
            unavailable="You are still on the waiting list, but this home cannot be viewed at present. Please call us.",
            over="You are not on the waiting list any more. Please call to book a viewing.",
        ),
        "es": OfferWording(
            title="Esta hora quedó libre",
            held="Se la guardamos hasta {time}.",
            take="Reservarla",
            ended="Esta hora ya no está guardada",
            waiting="Sigue en la lista de espera. Si queda libre otra hora, recibirá un mensaje.",
            unavailable="Sigue en la lista de espera, pero esta vivienda no se puede visitar por ahora. Llámenos.",
            over="Ya no está en la lista de espera. Llame para reservar una visita.",
        ),
    }
)
