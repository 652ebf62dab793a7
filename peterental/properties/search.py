"""What homes a caller looks for: bedrooms, rent and area, as assistants send them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peterental.folding import fold, word_set
from peterental.matching import number_words, parse_address
from peterental.properties.keys import area_keys
from peterental.properties.model import Property

MAX_BEDROOMS = 20
MAX_RENT = 1_000_000
LONGEST_ARGUMENT = 200
_LEAST_RENT = 100
_THOUSANDS_UP_TO = 20

_SPANISH = {
    "uno": 1,
    "una": 1,
    "un": 1,
    "dos": 2,
    "tres": 3,
    "cuatro": 4,
    "cinco": 5,
    "seis": 6,
    "siete": 7,
    "ocho": 8,
    "nueve": 9,
}
_STUDIO = word_set("studio efficiency estudio")
_AT_LEAST = re.compile(r"\+|at least|or more|minimum|or bigger|or larger|al menos|o mas|minimo|como minimo")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(k\b)?")
_GROUPED = re.compile(r"(?<=\d)[,.](?=\d{3}(?!\d))")
_WORD = re.compile(r"[a-z]+|\d+")

NOT_KNOWN = word_set("""
    pet pets dog dogs cat cats animal animals parking garage pool laundry washer dryer yard garden balcony furnished
    gym elevator utilities smoking mascota mascotas perro perros gato gatos animales estacionamiento garaje piscina
    lavanderia lavadora patio jardin balcon amueblado amueblada ascensor servicios
""")
"""Wishes about what the catalogue does not have."""
_FILLERS = word_set("""
    with that allow allows allowed ok okay friendly and a an the in on near around of by for i we my want need have
    has is are any anywhere area part side town please something home homes house houses apartment apartments property
    properties con que en cerca calle avenida de del la el los las zona una un por permite permiten acepta aceptan y
    somewhere anything no preference whatever cualquier lugar parte ciudad
""")


@dataclass(frozen=True, kw_only=True)
class HomeSearch:
    """What a caller looks for; None where it does not matter.

    Args:
        bedrooms: how many; 0 is a studio.
        or_more: whether more bedrooms suit, too.
        max_rent: a month, in whole dollars.
        area: the words of a street or a city.
        not_known: wishes about what the catalogue does not have ("pets"), as said.
    """

    bedrooms: int | None = None
    or_more: bool = False
    max_rent: int | None = None
    area: str | None = None
    not_known: tuple[str, ...] = ()

    @property
    def street_and_city(self) -> tuple[list[str], list[str]] | None:
        """The keys of homes of a street by that name, and of those in a city by that name."""
        return area_keys(self.area) if self.area else None


@dataclass(frozen=True)
class HomesFound:
    """The homes that a search found.

    Args:
        homes: the first ones, cheapest first; where none fits, the nearest.
        total: how many fit.
        offered: how many homes are offered at all.
    """

    homes: tuple[Property, ...]
    total: int
    offered: int


def home_search(bedrooms: object, max_rent: object, area: object) -> HomeSearch:
    """Return what the arguments of `find_property` mean. What is not understood is left out.

    Args:
        bedrooms: "two", "2BR", "a studio", "at least three", 2.
        max_rent: "fifteen hundred", "$1,500", "1.5k", 1500.
        area: a street or a city; words about other features, such as pets, are noted as not known.
    """
    said_area, not_known = _area(_text(area))
    said_bedrooms = _text(bedrooms)
    return HomeSearch(
        bedrooms=bedrooms_in(said_bedrooms),
        or_more=bool(_AT_LEAST.search(said_bedrooms)),
        max_rent=rent_in(_text(max_rent)),
        area=said_area,
        not_known=not_known,
    )


def bedrooms_in(text: str) -> int | None:
    """Return the number of bedrooms in a folded text; 0 for a studio, None where there is none."""
    if not _STUDIO.isdisjoint(_WORD.findall(text)):
        return 0
    words = [str(_SPANISH.get(word, word)) for word in _digits(text)]
    numbers = [int(word) for word in (word.removesuffix(".0") for word in words) if word.isdecimal()]
    return next((number for number in numbers if number <= MAX_BEDROOMS), None)


def rent_in(text: str) -> int | None:
    """Return the whole dollars in a folded text; None where there is no sum that is a rent."""
    for digits, thousands in _AMOUNT.findall(" ".join(_digits(_GROUPED.sub("", text.replace("$", " "))))):
        amount = float(digits) * (1000 if thousands else 1)
        if amount < _THOUSANDS_UP_TO and re.search(r"\b(?:grand|thousand|mil)\b", text):
            amount *= 1000
        if _LEAST_RENT <= amount <= MAX_RENT:
            return int(amount)
    return None


def _digits(text: str) -> list[str]:
    """Return the words of a text with numbers in digits."""
    return number_words(re.findall(r"[a-z]+|\d+(?:\.\d+)?", text))


def _area(text: str) -> tuple[str | None, tuple[str, ...]]:
    """Return a street or a city, and the wishes that nothing is known about."""
    words = _WORD.findall(text)
    not_known = tuple(dict.fromkeys(word for word in words if word in NOT_KNOWN))
    rest = [word for word in words if word not in NOT_KNOWN and word not in _FILLERS]
    is_place = bool(rest) and not parse_address(" ".join(rest)).is_empty
    return " ".join(rest) if is_place else None, not_known


def _text(value: object) -> str:
    """Return an argument as folded text, empty if it is no text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return fold(str(value)[:LONGEST_ARGUMENT])
