"""Parse what a caller calls a home into the parts that tell homes apart. Pure.

Nothing is looked up: the same words always make the same parts. The vocabulary is that of USPS Publication 28; numbers
may be spelt in words. What was not said stays empty, and `comparison.compare` decides what that means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

from peterental.matching.address_words import AddressPart, split, split_plain, trimmed
from peterental.matching.heard_numbers import HEARD_WORDS, heard_numbers
from peterental.matching.localities import canonical_city, is_zip_code, take_state_and_zip
from peterental.matching.spanish_numbers import in_english, number_in_english
from peterental.matching.spanish_streets import names_street, number_first
from peterental.matching.spoken_numbers import to_digits
from peterental.matching.streets import (
    canonical_name,
    is_house_number,
    last_unit,
    lettered_street,
    take_direction,
    take_directions,
    take_number,
    type_index,
)
from peterental.matching.units import (
    DESIGNATORS,
    Place,
    extract,
    leading_identifier,
    letters_as_heard,
    lone_unit,
    single_letter,
    trailing_unit,
    with_letters,
)
from peterental.matching.usps import DIRECTIONS, PLACE_WORDS, STATES, STREET_TYPES

SAID_CACHE_SIZE = 256
"""Texts of callers whose readings a process caches: one request reads a text several times."""

_LONGEST_LONE_UNIT = 4
_LEAST_DIGITS_AFTER_STREET = 3
"""A shorter number after a street without a house number ("Elm Street, 2") is a unit."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of an address, each in one canonical spelling; None or empty where not said.

    Args:
        number: house number with letter or fraction: "1420", "1420b", "118 1/2", "37-22".
        before: direction before the street's name: "n", "ne".
        name: words of the street's name, numbers as ordinals: ("23rd",), ("saint", "charles").
        street_type: "street", "court"; canonical full word of USPS Publication 28.
        after: direction after the street.
        unit: identifier without designator: "2b", "upper".
        cities: words of the city, and of every other part that may be it ("The Gables", "Norman").
        state: two letters.
        zip_code: five digits.
        zip_extension: the four digits after them.
        bedrooms: number of bedrooms said; never compared.
        is_open: whether the name may run on into a city, because neither street type nor comma ended it.
        is_type_first: whether the type was said before a letter ("Avenue B").
        words: all words said, canonical; equal words are the same home whatever they mean.
        other: the same address where its number can be read in another way.
    """

    number: str | None = None
    before: str | None = None
    name: tuple[str, ...] = ()
    street_type: str | None = None
    after: str | None = None
    unit: str | None = None
    building: str | None = None
    floor: str | None = None
    cities: tuple[tuple[str, ...], ...] = ()
    state: str | None = None
    zip_code: str | None = None
    zip_extension: str | None = None
    bedrooms: int | None = None
    is_open: bool = False
    is_type_first: bool = False
    words: tuple[str, ...] = field(default=(), compare=False)
    other: Address | None = None

    @property
    def street(self) -> tuple[str, ...]:
        """Name and type of the street, in the order said, without directions."""
        if self.is_type_first and self.street_type:
            return (self.street_type, *self.name)
        return (*self.name, self.street_type) if self.street_type else self.name

    @property
    def city(self) -> tuple[str, ...]:
        """The part that is most likely the city: the last one, which stands next to the state."""
        return self.cities[-1] if self.cities else ()

    @property
    def street_key(self) -> str:
        """Directions, name and type in one string, for an index."""
        return " ".join(word for word in (self.before, *self.street, self.after) if word)

    @property
    def unit_key(self) -> str:
        """Building, floor and unit in one string, for an index."""
        named = (("building", self.building), ("floor", self.floor), ("unit", self.unit))
        return " ".join(f"{kind} {value}" for kind, value in named if value)

    @property
    def is_empty(self) -> bool:
        """Whether no part was understood."""
        return not (self.number or self.name or self.unit_key or self.cities or self.state or self.zip_code)


def parse_address(text: str) -> Address:
    """Parse an address as spoken or written; never raises.

    Characters after the first 500 are ignored. An address whose house number runs into a numbered street ("fourteen
    twenty fifth street") has a second reading in `other`.
    """
    return _plain_address(*split(text))


@lru_cache(SAID_CACHE_SIZE)
def said_addresses(text: str) -> tuple[Address, ...]:
    """Return the ways to read what a caller calls a home, to be tried in this order.

    The later ones leave out words that may belong to the name of a street: "la casa de Oro" is Oro Street where there
    is no Casa de Oro. The next ones read words as numbers and letters. The next ones leave the type open: "la calle
    Flood" is Flood Avenue where there is no Flood Street. The last one is `heard_address`: "eighty ate B Street".
    """
    parts, bedrooms = split(text)
    first = _plain_address(parts, bedrooms)
    typed: list[Address] = []
    untyped: list[Address] = []
    plain = [split_plain(text, keeps_articles=keeps_articles) for keeps_articles in (True, False)]
    respelt = [(_respelt(found), street_type) for found, street_type in ((parts, None), *plain)]
    for found, street_type in (*plain, *respelt):
        if not found:
            continue
        address = _plain_address(found, bedrooms)
        if street_type is not None and address.name and address.street_type is None:
            typed.append(replace(address, street_type=street_type))
            if street_type == _ANY_STREET:
                untyped.append(address)
        else:
            typed.append(address)
    heard = heard_address(text)
    return tuple(dict.fromkeys((first, *typed, *untyped, *([heard] if heard else ()))))


@lru_cache(SAID_CACHE_SIZE)
def heard_address(text: str) -> Address | None:
    """Return an address whose house number has digits that were heard as other words; None where it has none."""
    if HEARD_WORDS.isdisjoint(text.casefold().split()):
        return None
    parts, bedrooms = split(text)
    heard = [heard_numbers(part.words) for part in parts]
    if not any(heard):
        return None
    respelt = [replace(part, words=tuple(words)) if words else part for part, words in zip(parts, heard, strict=True)]
    return _plain_address(respelt, bedrooms)


def _respelt(parts: Sequence[AddressPart]) -> list[AddressPart]:
    """Return the parts with a Spanish number that stands alone, and a letter behind the house number, spelt out.

    "Doce Lake Road" is number 12 unless a street is called Doce Lake, "12 bee street" is B Street unless there is a Bee
    Street. Empty where there are no such words.
    """
    if not parts:
        return []
    words = parts[0].words
    number = number_in_english(words[0])
    last = number_in_english(words[-1]) if not number and len(words) > 1 and names_street(words) else []
    spelt = to_digits([*number, *words[1:]] if number else [*words[:-1], *last] if last else words, DESIGNATORS)[0]
    number = number or last
    heard = letters_as_heard(spelt)
    if not number and heard == spelt:
        return []
    return [replace(parts[0], words=tuple(heard)), *parts[1:]]


_ANY_STREET = "street"
"""What "calle" is in English; callers say it of every street."""


def _plain_address(parts: Sequence[AddressPart], bedrooms: int | None) -> Address:
    """Return the address of the parts that are left without the words around it."""
    readings = _readings(parts)
    other = _assemble(readings[1], bedrooms) if len(readings) > 1 else None
    return _assemble(readings[0], bedrooms, other)


def number_words(words: Sequence[str]) -> list[str]:
    """Return folded words with the numbers among them in digits: "fifteen hundred" is "1500". English and Spanish."""
    return to_digits(in_english(words, frozenset()), frozenset())[0]


def _readings(parts: Sequence[AddressPart]) -> list[list[AddressPart]]:
    """Return the parts with numbers in digits; two lists where one part has two readings."""
    first: list[AddressPart] = []
    second: list[AddressPart] = []
    ambiguous = False
    for part in parts:
        readings = to_digits(in_english(part.words, DESIGNATORS), DESIGNATORS)
        ambiguous = ambiguous or len(readings) > 1
        for found, words in ((first, readings[0]), (second, readings[-1])):
            ordered = number_first(with_letters(words, is_first=not found))
            found.append(AddressPart(tuple(ordered), part.is_place, part.is_description))
    return [first, second] if ambiguous else [first]


class _Piece:
    """A part of an address without the units in it."""

    __slots__ = ("is_place", "place", "words")

    def __init__(self, words: list[str], place: Place, *, is_place: bool) -> None:
        self.words = words
        self.place = place
        self.is_place = is_place


def _assemble(parts: Sequence[AddressPart], bedrooms: int | None, other: Address | None = None) -> Address:
    """Return the address that the parts of one reading make."""
    pieces = _joined([_piece(part, is_first=at == 0) for at, part in enumerate(parts)])
    draft = _Draft()
    for piece in pieces:
        draft.add_place(piece.place)
    main = _main_index(pieces)
    tail = pieces
    if main is not None:
        draft.read_street_line(pieces[main].words)
        tail = pieces[main + 1 :] + [piece for piece in pieces[:main] if piece.is_place or lone_unit(piece.words)]
    for piece in tail:
        draft.add_tail(piece)
    words = tuple(word for part in parts for word in trimmed(part.words))
    return draft.finished(words, bedrooms, other)


def _piece(part: AddressPart, *, is_first: bool) -> _Piece:
    words, place = extract(part.words, is_first=is_first)
    return _Piece([] if part.is_description else trimmed(words), place, is_place=part.is_place)


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Join a house number that stands alone to the street after it ("1420, Elm Street", "1420 at Elm")."""
    for at, (one, following) in enumerate(pairwise(pieces)):
        if any(is_house_number(word) for word in following.words[:1]):
            return pieces
        alone = len(one.words) == 1 and one.words[0].isdecimal() and not is_zip_code(one.words[0])
        if alone and following.words and not following.is_place:
            following.words = one.words + following.words
            one.words = []
            return pieces
        if any(is_house_number(word) for word in pieces[at].words[:1]):
            return pieces
    return pieces


def _main_index(pieces: Sequence[_Piece]) -> int | None:
    """Return which piece is the street line: number and street, else a street type, else the first with words."""
    candidates = [index for index, piece in enumerate(pieces) if piece.words and not piece.is_place]
    for index in candidates:
        words = pieces[index].words
        if len(words) > 1 and is_house_number(words[0]) and lone_unit(words) is None:
            return index
    for index in candidates:
        if any(word in STREET_TYPES for word in pieces[index].words[1:]):
            return index
    return next((index for index in candidates if not _is_detail(pieces[index].words)), None)


def _is_detail(words: Sequence[str]) -> bool:
    """Return whether a part is a ZIP code or a unit with a letter, and no street line."""
    if is_zip_code(words[0]):
        return True
    unit = lone_unit(words)
    return unit is not None and not unit.isdecimal() and len(unit) <= _LONGEST_LONE_UNIT


class _Draft:
    """An address that is being read, part by part; what was read first stays."""

    def __init__(self) -> None:
        self.number: str | None = None
        self.before: str | None = None
        self.name: tuple[str, ...] = ()
        self.street_type: str | None = None
        self.after: str | None = None
        self.unit: str | None = None
        self.building: str | None = None
        self.floor: str | None = None
        self.cities: tuple[tuple[str, ...], ...] = ()
        self.state: str | None = None
        self.zip_code: str | None = None
        self.zip_extension: str | None = None
        self.is_open = False
        self.is_type_first = False

    def finished(self, words: tuple[str, ...], bedrooms: int | None, other: Address | None) -> Address:
        """Return the address."""
        return Address(words=words, bedrooms=bedrooms, other=other, **vars(self))

    def add_place(self, place: Place) -> None:
        """Add unit, building and floor."""
        self.unit = self.unit or place.unit
        self.building = self.building or place.building
        self.floor = self.floor or place.floor

    def read_street_line(self, words: list[str]) -> None:
        """Read number, directions, name, type, unit and what follows them without a comma."""
        if len(words) > 2 and words[1].isdecimal() and not words[0].isdecimal() and self.unit is None:  # noqa: PLR2004 - unit, number, street
            self.unit = leading_identifier(words[0]) or single_letter(words[0])
            words = words[1:] if self.unit else words
        self.number, rest = take_number(words)
        lettered = lettered_street(rest)
        if lettered:
            self._read_lettered_street(rest, lettered)
            return
        end = type_index(rest)
        if end is None:
            self._read_open_street(rest)
            return
        self.before, name = take_directions(rest[: end + 1])
        self.name = canonical_name(name[:-1], typed=True)
        self.street_type = STREET_TYPES.get(rest[end]) or PLACE_WORDS[rest[end]]
        self.after, rest = take_direction(rest[end + 1 :])
        if rest and self.number is None and rest[0].isdecimal() and len(rest[0]) >= _LEAST_DIGITS_AFTER_STREET:
            self.number, rest = rest[0], rest[1:]
        self._add_locality(self._take_unit(rest))

    def _read_lettered_street(self, words: list[str], at: int) -> None:
        """Read "Avenue B", whose letter stands at `at`, and what follows it."""
        self.before = DIRECTIONS[words[0]] if at > 1 else None
        self.name, self.street_type, self.is_type_first = (words[at],), STREET_TYPES[words[at - 1]], True
        self.after, rest = take_direction(words[at + 1 :])
        if rest and self.number is None and rest[0].isdecimal() and len(rest[0]) >= _LEAST_DIGITS_AFTER_STREET:
            self.number, rest = rest[0], rest[1:]
        self._add_locality(self._take_unit(rest))

    def _read_open_street(self, words: list[str]) -> None:
        """Read a street that no street type ends: its name may run on into the city."""
        words, self.state, self.zip_code, self.zip_extension = take_state_and_zip(words, least=1)
        self.before, name = take_directions(words)
        unit, length = last_unit(name) if len(name) > 1 and self.unit is None else (None, 0)
        if unit is not None:
            name = name[:-length]
            if self.number is None and unit.isdecimal() and len(unit) >= _LEAST_DIGITS_AFTER_STREET:
                self.number = unit
            else:
                self.unit = unit
        if len(name) > 1 and name[-1] in DIRECTIONS:
            self.after, name = DIRECTIONS[name[-1]], name[:-1]
        self.name = canonical_name(name, typed=False)
        self.is_open = True

    def _take_unit(self, words: list[str]) -> list[str]:
        """Take a unit without a designator from behind the street ("Elm Street 2B", "Elm Street rear")."""
        if not words or self.unit is not None or is_zip_code(words[0]):
            return words
        for end in (2, 1):
            self.unit = trailing_unit(words[:end]) if len(words) >= end else None
            if self.unit is not None:
                return words[end:]
        return words

    def add_tail(self, piece: _Piece) -> None:
        """Add a part after the street line: a unit, a house number, a direction, a street type, or a locality."""
        words = piece.words
        if not words:
            return
        if not piece.is_place:
            if len(words) == 1 and self.name and self._add_word(words[0]):
                return
            unit = lone_unit(words) if self.unit is None and not is_zip_code(words[0]) else None
            if unit is not None:
                self.unit = unit
                return
        self._add_locality(words)

    def _add_word(self, word: str) -> bool:
        """Add a part of one word if it is a house number, a direction or a street type; return whether it was."""
        if self.number is None and word.isdecimal() and len(word) >= _LEAST_DIGITS_AFTER_STREET:
            if is_zip_code(word):
                return False
            self.number = word.lstrip("0") or "0"
        elif word in DIRECTIONS and self.after is None:
            self.after = DIRECTIONS[word]
        elif word in STREET_TYPES and self.street_type is None and word not in STATES:
            self.street_type = STREET_TYPES[word]
        else:
            return False
        return True

    def _add_locality(self, words: Sequence[str]) -> None:
        """Add city, state and ZIP code from the words after the street."""
        rest, state, code, extension = take_state_and_zip(list(words), least=0)
        if city := canonical_city(rest):
            self.cities = (*self.cities, city)
        self.state = self.state or state
        self.zip_code = self.zip_code or code
        self.zip_extension = self.zip_extension or extension
        self.is_open = self.is_open and not rest
