"""Recognise the words around an address: "el de 1420 Elm", "I'm calling about 1420 Elm, thanks". Pure and linear.

Many of them begin the names of streets, too ("Casa de Oro", "La Cienega", "Calle Real", "Looking Glass Lane").
`certain_lead` ends before those; `plain` leaves them out as well, for a second reading where the first one leads to no
home.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from peterental.folding import word_set
from peterental.matching.spanish_numbers import is_spanish_number
from peterental.matching.spoken_numbers import is_number, ordinal
from peterental.matching.usps import NUMBER_WORDS, UNIT_WORDS

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

_ENDS = word_set("""
    por favor gracias porfavor please thanks thank you online right if its is available still i think guess
""")
_ENGLISH_WISHES = word_set("""
    i im ive id ill am was you your we were my me would like love want wanna see seeing saw found interested in looking
    look calling call about regarding okay ok well so yes yeah yep hi hello hey think guess believe maybe probably
    actually just question questions is book booking schedule scheduling to a an know mean that it its can could may
    for on with and have had has been please set up tour view um uh
""")
_ENGLISH_STARTS = word_set("the that this those these one at on in for of your our a an")
_ENGLISH_HINTS = word_set("""
    im ive id ill am saw see interested looking calling about regarding okay ok well yes yeah yep hi hello hey think
    guess maybe probably actually just question book schedule know thanks thank online right if available
""")
_SPANISH_HINTS = (_WISHES | _ARTICLES | _HOMES | _CLAUSES | _LINKS | frozenset(_STREETS) | {"favor", "gracias"}) - {
    "a", "me", "lo", "los", "condo", "duplex", "em", "eh", "ah", "si",
}  # fmt: skip

WORDS = _ENGLISH_HINTS | _SPANISH_HINTS
"""An address without any of these words has nothing to leave out."""


def certain_lead(words: Sequence[str]) -> int:
    """Return how many words in front of an address belong to no name of a street.

    "el de", "la que está en", "quiero ver la casa en"; "la casa de" only before a house number or a word for a street.
    """
    lead = _lead(words)
    if lead.end == len(words):
        return 0
    if _ends_before_number(words, lead):
        return lead.end
    if not lead.links:
        return 0
    is_pronoun = lead.has_head and _HOMES.isdisjoint(words[: lead.end])
    names_street = not {words[lead.end], *words[lead.end + 1 : lead.end + 2]}.isdisjoint(_STREETS)
    if is_pronoun or names_street or not _NEVER_OF_A_NAME.isdisjoint(lead.links):
        return lead.end
    return _skip(words, lead.head, _ARTICLES)  # "la casa de oro" may be Casa de Oro


def plain(words: Sequence[str], *, keeps_articles: bool) -> tuple[list[str], str | None]:
    """Return an address without every word around it, and the type of street that one of them names.

    "la casa de oro" is "oro"; "1420 de la calle elm" is "1420 elm", a street.

    Args:
        words: of one part of it.
        keeps_articles: whether articles in front of the street stay: "la cienega".
    """
    around = _LINKS if keeps_articles else _ARTICLES | _LINKS
    words = _without_end(words)
    start = _start(words)
    rest = words[start:]
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
        elif may_link and not is_last and word in around:
            continue
        else:
            kept.append(_preposition(kept) if word == "en" and kept and not is_last else word)
        may_link = word in _STREETS or _is_number(word)
    return _with_number_first(kept, street_type), street_type


def _with_number_first(words: list[str], street_type: str | None) -> list[str]:
    """Return "elm 1420 in moore", said of "calle", with the number before the street."""
    end = next((at for at, word in enumerate(words) if word in {"in", "at"}), len(words))
    if street_type is None or end < 2 or not words[end - 1].isdecimal() or _is_number(words[0]):  # noqa: PLR2004 - name and number
        return words
    return [words[end - 1], *words[: end - 1], *words[end:]]


def _start(words: Sequence[str]) -> int:
    """Return where an address without the words in front of it begins."""
    lead = _lead(words)
    if lead.links or _ends_before_number(words, lead):
        return lead.end
    if lead.head > 1 or (words[lead.head : lead.head + 1] and words[lead.head] in _ARTICLES):
        return lead.head
    wishes = _skip(words, 0, _ENGLISH_WISHES)
    # What follows must show that the address begins there: "Looking Glass Lane" is one.
    while wishes and not _number_at(words, wishes) and words[wishes - 1] not in _ENGLISH_STARTS:
        if wishes < len(words) and words[wishes] in _ENGLISH_STARTS:
            break
        wishes -= 1
    return wishes


def is_only_around(words: Sequence[str]) -> bool:
    """Return whether words say nothing of an address: "hola", "you know"."""
    return all(word in _WISHES or word in _ENGLISH_WISHES or word in _ENDS for word in words)


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


def _without_end(words: Sequence[str]) -> list[str]:
    """Return words without "por favor", "if it's available" at their end."""
    end = len(words)
    while end and words[end - 1] in _ENDS:
        end -= 1
    return list(words[:end])


def _without_links(words: list[str]) -> list[str]:
    """Return words without the articles and prepositions at their end."""
    end = len(words)
    while end and (words[end - 1] in _ARTICLES or words[end - 1] in _LINKS or words[end - 1] in {"in", "at"}):
        end -= 1
    return words[:end]


def _ends_before_number(words: Sequence[str], lead: _Lead) -> bool:
    """Return whether a house number follows, and no unit as in "departamento 3"."""
    names_unit = not lead.links and words[lead.end - 1 : lead.end] and words[lead.end - 1] in UNIT_WORDS
    return _number_at(words, lead.end) and not names_unit


def _number_at(words: Sequence[str], at: int) -> bool:
    return at < len(words) and _is_number(words[at])


def _is_number(word: str) -> bool:
    return is_number(word) or is_spanish_number(word) or word in NUMBER_WORDS
