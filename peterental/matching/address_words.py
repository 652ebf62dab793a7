"""Split what a caller calls a home into words and parts, before they are given meaning. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from peterental.folding import fold, word_set
from peterental.matching.spanish_numbers import is_spanish_number
from peterental.matching.spoken_numbers import CARDINALS, is_number
from peterental.matching.surroundings import WORDS, certain_lead, is_only_around, plain
from peterental.matching.usps import NAMED_FLOORS, NAMED_UNITS, STREET_TYPES

LONGEST_ADDRESS = 500
"""Characters of an address that are read, as many as are stored."""

FILLERS = word_set("""
    a an the one this that these those it its is was on of for to by near off over from with there uh um er i my
    your our we you too mean think want see like please house home homes place property listing rental condo condominium
    townhouse townhome duplex apartment apartments apt unit viewing showing tour visit address located which
""")
"""Words that stand in front of an address."""

_TRAILING_FILLERS = word_set("""
    one house home homes property listing rental condo condominium townhouse townhome duplex apartment apartments
    apt unit viewing please there um uh
""")
_RELATIONS = frozenset(("near", "behind", "across", "beside", "next", "with"))
_DESCRIBED = _TRAILING_FILLERS | {"rent", "place", "units", "apartments"}
_NAMES_OF_STREETS = word_set("a i home house property condo unit tour")
"""Fillers that may be a street's name: "A Street", "Home Avenue"."""

_INNER_FILLERS = frozenset(("the", "on"))
_SEPARATORS = re.compile(r"[,;\n\r\t()\[\]|]+")
_THOUSANDS = re.compile(r"(?<![\d,.])(\d{1,3}),(\d{3})(?=\s+[a-z])")
_INITIALS = re.compile(r"\b(?:[a-z]\.\s?){2,}(?=\s|,|$|[a-z])")
_WORD = re.compile(r"\d+/\d+|\d+\.\d+|\d+(?:-\d+)+|[^\W_]+|#")
_LETTER_AND_DIGITS = re.compile(r"\b(\d+)-([a-z])\b|\b([a-z])-(\d+)\b")
_SPELT_LETTER = re.compile(r"\b([a-z]|ay|[bcdgptz]ee|jay|kay|em|en|eff|cue) (?:as|like) in [a-z]+")
_COUNTY_ROAD = re.compile(r"\b(?:cr|co\.? rd\.?) (?=[0-9])")
_HYPHENED_FRACTION = re.compile(r"(?<=\d)-(?=\d/\d)")
_TENS_AND_UNITS = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(one|two|three|four|five|six|seven|eight|nine|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\b"
)
ROOM_WORDS = word_set("""
    bed beds bedroom bedrooms br brs bd bds bdr bdrm bdrms bath baths bathroom bathrooms ba recamaras habitaciones
""")
_BEDS = word_set("bed beds bedroom bedrooms br brs bd bds bdr bdrm bdrms recamaras habitaciones")
_JOINED_ROOMS = re.compile(r"(\d{1,2}(?:\.5)?)(beds?|bedrooms?|brs?|bds?|bdrms?|baths?|ba)")
_MOST_BEDROOMS = 20


@dataclass(frozen=True)
class AddressPart:
    """The words between two commas.

    Args:
        words: folded words, numbers still as said.
        is_place: whether "in" stood before it ("the one in Norman").
        is_description: whether it describes the home ("the yellow house" on Elm) and names no street.
    """

    words: tuple[str, ...]
    is_place: bool = False
    is_description: bool = False


def split(text: str) -> tuple[list[AddressPart], int | None]:
    """Return the parts of an address that have words, and the number of bedrooms said."""
    parts: list[AddressPart] = []
    bedrooms: int | None = None
    for said in _pieces(text):
        words, beds = _without_rooms(said)
        bedrooms = beds if bedrooms is None else bedrooms
        if not parts:
            words = words[certain_lead(words) :]
        parts += _at_prepositions(_without_surroundings(words, is_first=not parts))
    return parts, bedrooms


def split_plain(text: str, *, keeps_articles: bool) -> tuple[list[AddressPart], str | None]:
    """Return the parts without any words around them, and the type of street that these name.

    Without parts where there are no such words.

    Args:
        text: of the address.
        keeps_articles: as in `plain`.
    """
    pieces = list(_pieces(text))
    if all(map(WORDS.isdisjoint, pieces)):
        return [], None
    parts: list[AddressPart] = []
    street_type: str | None = None
    for said in pieces:
        if is_only_around(said):
            continue
        words, named = plain(_without_rooms(said)[0], keeps_articles=keeps_articles)
        street_type = street_type or named
        parts += _at_prepositions(_without_surroundings(words, is_first=not parts))
    return parts, street_type


def _pieces(text: str) -> Iterator[list[str]]:
    """Return the words of each part of an address, folded."""
    return (_WORD.findall(piece) for piece in _SEPARATORS.split(_prepared(text)))


def trimmed(words: Sequence[str]) -> list[str]:
    """Return `words` without the fillers around and the articles inside."""
    start, end = 0, len(words)
    while start < end and words[start] in FILLERS and not _is_name(words, start):
        start += 1
    while end > start and words[end - 1] in _TRAILING_FILLERS:
        end -= 1
    return [word for word in words[start:end] if word not in _INNER_FILLERS]


def _is_name(words: Sequence[str], at: int) -> bool:
    following = words[at + 1] if at + 1 < len(words) else ""
    return words[at] in _NAMES_OF_STREETS and following in STREET_TYPES and following != "place"


def _prepared(text: str) -> str:
    """Return folded text whose hyphens, periods and thousands commas cannot be mistaken."""
    folded = fold(text[:LONGEST_ADDRESS])
    if " in " in folded:
        folded = _SPELT_LETTER.sub(r"\1", folded)
    if "cr " in folded or "co" in folded:
        folded = _COUNTY_ROAD.sub("county road ", folded)
    if "," in folded:
        folded = _THOUSANDS.sub(r"\1\2", folded)
    if "." in folded:
        folded = _INITIALS.sub(lambda match: re.sub(r"[.\s]", "", match[0]) + " ", folded)
    if "-" in folded:
        folded = _HYPHENED_FRACTION.sub(" ", folded)
        folded = _LETTER_AND_DIGITS.sub(lambda match: (match[1] or match[3]) + (match[2] or match[4]), folded)
        folded = _TENS_AND_UNITS.sub(lambda match: _joined(match[1], match[2]), folded)
    return folded


_UNIT_OF_ORDINAL = {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
    "seventh": "7th", "eighth": "8th", "ninth": "9th",
}  # fmt: skip


def _joined(tens: str, unit: str) -> str:
    """Return "25" for twenty-five and "25th" for twenty-fifth: the hyphen shows that the two belong together."""
    first = str(CARDINALS[tens] // 10)
    return first + (_UNIT_OF_ORDINAL[unit] if unit in _UNIT_OF_ORDINAL else str(CARDINALS[unit]))


def _without_rooms(words: list[str]) -> tuple[list[str], int | None]:
    """Drop "two bedroom", "2br", "2.5 baths"; return the rest and the number of bedrooms."""
    rest: list[str] = []
    bedrooms: int | None = None
    for at, word in enumerate(words):
        joined = _JOINED_ROOMS.fullmatch(word) if word[0].isdigit() else None
        if joined is not None:
            bedrooms = _count(joined[1]) if joined[2].startswith("b") and "ba" not in joined[2] else bedrooms
        elif word in ROOM_WORDS and at > 0 and _count(words[at - 1]) is not None:
            bedrooms = _count(words[at - 1]) if word in _BEDS else bedrooms
            _drop_count(rest)
        elif word != "studio":
            rest.append(word)
        elif bedrooms is None:
            bedrooms = 0
    return rest, bedrooms


def _drop_count(rest: list[str]) -> None:
    """Drop the count at the end: "two", "2", "one and a half"."""
    rest.pop()
    if rest[-2:] == ["and", "a"]:
        del rest[-3:]


def _count(word: str) -> int | None:
    if word == "half":
        return 1
    if re.fullmatch(r"\d{1,2}(?:\.\d)?", word):
        value = int(float(word))
    elif word in CARDINALS:
        value = CARDINALS[word]
    else:
        return None
    return value if value <= _MOST_BEDROOMS else None


def _without_surroundings(words: list[str], *, is_first: bool) -> list[str]:
    """Drop what only describes where a home is: "near campus", "behind the school", "the blue house".

    Args:
        words: words between two commas.
        is_first: whether they begin the address, where "near Elm Street" names the street.
    """
    start = 1 if is_first else 0
    end = len(words)
    if not _RELATIONS.isdisjoint(words):
        end = next((at for at in range(start, len(words)) if words[at] in _RELATIONS), end)
    described = not is_first and words[:1] == ["the"] and words[-1] in _TRAILING_FILLERS
    return [] if described and not _has_unit(words[:-1]) else words[:end]


def _has_unit(words: Sequence[str]) -> bool:
    return any(word in NAMED_UNITS or word in NAMED_FLOORS or is_number(word) or len(word) == 1 for word in words)


def _at_prepositions(words: list[str]) -> Iterator[AddressPart]:
    """Cut at "at", at an "on" after a description, and at an "in" that names a place; yield the parts with words.

    "in" before a number or at the end is Indiana ("Gary IN 46402"). The Spanish "en" names a place behind a house
    number and its street. "In Moore on Elm" names the street last, where nothing but a description stood before.
    """
    start, is_place = 0, False
    has_street = False
    for at, word in enumerate(words):
        if word not in _CUTTING:
            continue
        following = words[at + 1] if at + 1 < len(words) else ""
        describes = word in _ON and not is_place and _is_description(words[start:at])
        names_place = following.isalpha() and _names_place(word, words[start:at], following)
        names_street = word == "on" and is_place and not has_street
        if word == "at" or describes or names_place or names_street:
            if at > start:
                has_street = has_street or not (is_place or _is_description(words[start:at]))
                yield AddressPart(tuple(words[start:at]), is_place=is_place, is_description=describes)
            start, is_place = at + 1, word in _IN
    if start < len(words):
        yield AddressPart(tuple(words[start:]), is_place=is_place)


_IN = frozenset(("in", "en"))
_ON = frozenset(("at", "on"))
_CUTTING = _IN | _ON


def _names_place(word: str, before: Sequence[str], following: str) -> bool:
    """Return whether "in" or "en" begins the name of a place."""
    if word == "in":
        return not is_number(following)
    if word != "en" or following in _SPANISH_STREET or is_spanish_number(following):
        return False
    return len(before) > 1 and any(is_number(said) or is_spanish_number(said) for said in before)


_SPANISH_STREET = word_set("la el calle avenida")


def _is_description(words: Sequence[str]) -> bool:
    """Return whether `words` describe a home without an address: "the yellow house", "the second one"."""
    if not any(word in _DESCRIBED for word in words):
        return False
    return not any(word in STREET_TYPES and word != "place" for word in words) and not any(map(str.isdecimal, words))
