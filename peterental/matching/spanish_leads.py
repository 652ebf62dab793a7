"""Recognise the Spanish words around an address: "el de 1420 Elm", "la casa que está en la calle Elm". Pure and linear.

Some of them begin the names of streets, too ("Casa de Oro", "La Cienega", "Calle Real"). `certain_lead` ends before
those; `plain` leaves them out as well, for a second reading where the first one leads to no home.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from peterental.folding import word_set
from peterental.matching.spanish_numbers import is_spanish_number
from peterental.matching.spoken_numbers import is_number, ordinal
from peterental.matching.usps import NUMBER_WORDS

_WISHES = word_set("""
    quiero quisiera queria quisieramos queremos ver visitar conocer me nos interesa interesan interesado interesada
    gustaria busco buscando buscamos estoy hola si pues bueno eh em mire oiga es seria para a por llamo llamando
    pregunto preguntando acerca cita visita digo creo ay ah
""")
_ARTICLES = word_set("el la los las lo ese esa esos esas este esta aquel aquella")
_HOMES = word_set("""
    casa casas casita apartamento apartamentos apto departamento departamentos depa depto vivienda propiedad condominio
    condo duplex estudio residencia lugar inmueble anuncio renta
""")
_CLAUSES = word_set("""
    que esta estan queda quedan ubicada ubicado situada situado tienen tiene hay vi rentan renta anuncian anunciada
    anunciado ofrecen se alla ahi
""")
_LINKS = word_set("de del en sobre")
_NEVER_OF_A_NAME = frozenset(("en", "sobre"))
_STREETS = {"calle": "street", "avenida": "avenue"}
_LEAST_DIGITS_OF_NUMBER = 3
"""A shorter number behind "calle" is the street's."""

_THANKS = frozenset(("por", "favor", "gracias", "porfavor"))
_ENGLISH_TOO = frozenset(("a", "me", "lo", "los", "condo", "duplex", "em", "eh", "ah", "si"))

WORDS = (
    _WISHES | _ARTICLES | _HOMES | _CLAUSES | _LINKS | frozenset(_STREETS) | frozenset(("favor", "gracias"))
) - _ENGLISH_TOO
"""An address without any of these words has nothing to leave out."""


def certain_lead(words: Sequence[str]) -> int:
    """Return how many words in front of an address belong to no name of a street.

    "el de", "la que está en", "quiero ver la casa en"; "la casa de" only before a house number or a word for a street.
    """
    lead = _lead(words)
    if lead.end == len(words):
        return 0
    if _is_number(words[lead.end]):
        return lead.end
    if not lead.links:
        return 0
    is_pronoun = lead.has_head and _HOMES.isdisjoint(words[: lead.end])
    names_street = not {words[lead.end], *words[lead.end + 1 : lead.end + 2]}.isdisjoint(_STREETS)
    return lead.end if is_pronoun or names_street or not _NEVER_OF_A_NAME.isdisjoint(lead.links) else 0


def plain(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Return an address without every word around it, and the type of street that one of them names.

    "la casa de oro" is "oro"; "1420 de la calle elm" is "1420 elm", a street.
    """
    words = _without_thanks(words)
    lead = _lead(words)
    begins_with_number = lead.end < len(words) and _is_number(words[lead.end])
    start = lead.end if lead.links or begins_with_number else lead.head
    rest = words[start if start < len(words) else 0 :]
    kept: list[str] = []
    street_type: str | None = None
    may_link = start > 0
    for place, word in enumerate(rest):
        is_last = place + 1 == len(rest)
        if word in _STREETS and not is_last:
            street_type = street_type or _STREETS[word]
            kept = _without_links(kept)
        elif place > 0 and rest[place - 1] in _STREETS and word.isdecimal() and len(word) < _LEAST_DIGITS_OF_NUMBER:
            kept.append(ordinal(int(word)))  # "calle 5"
        elif may_link and not is_last and word in _ARTICLES | _LINKS:
            continue
        else:
            kept.append(_preposition(kept) if word == "en" and kept and not is_last else word)
        may_link = word in _STREETS or _is_number(word)
    return kept, street_type


class _Lead(NamedTuple):
    """The words in front of an address.

    Args:
        head: where the words end that only say what the caller wants.
        end: where all of them end.
        has_head: whether some of them name a home, or point at one.
        links: those that link it to the address.
    """

    head: int
    end: int
    has_head: bool
    links: frozenset[str]


def _lead(words: Sequence[str]) -> _Lead:
    start = _skip(words, 0, _WISHES)
    if words[start : start + 1] in (["un"], ["una"]) and not _HOMES.isdisjoint(words[start + 1 : start + 2]):
        start += 1
    head = _skip(words, _skip(words, start, _ARTICLES), _HOMES)
    end = _skip(words, head, _CLAUSES | _LINKS)
    links = _LINKS.intersection(words[head:end])
    if not links:
        end = head
    if links == {"de"} and end == 1:  # "De Soto Avenue"
        return _Lead(0, 0, has_head=False, links=frozenset())
    return _Lead(start, end, has_head=head > start, links=links)


def _skip(words: Sequence[str], at: int, group: frozenset[str]) -> int:
    while at < len(words) and words[at] in group:
        at += 1
    return at


def _preposition(before: Sequence[str]) -> str:
    """Return what "en" is in English: "in" before a city, behind the street; "at" before a street."""
    return "in" if any(map(_is_number, before)) else "at"


def _without_thanks(words: Sequence[str]) -> list[str]:
    """Return words without "por favor" at their end."""
    end = len(words)
    while end and words[end - 1] in _THANKS:
        end -= 1
    return list(words[:end])


def _without_links(words: list[str]) -> list[str]:
    """Return words without the articles and prepositions at their end."""
    end = len(words)
    while end and (words[end - 1] in _ARTICLES or words[end - 1] in _LINKS or words[end - 1] in {"in", "at"}):
        end -= 1
    return words[:end]


def _is_number(word: str) -> bool:
    return is_number(word) or is_spanish_number(word) or word in NUMBER_WORDS
