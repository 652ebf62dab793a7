"""Decide which home of the catalogue a caller means. Pure.

A house number is a hard key: 1402 is never taken for 1420, it is offered as a question. What a caller leaves out does
not matter where only one home remains; what a caller says and the home does not have is asked about. A question is
asked once: what the caller says again after it is taken as said, and marked for a person to look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from peterental.appointments.busy_times import BusyTimes
from peterental.appointments.model import (
    HomeOfColleague,
    HomeRetired,
    HomeUnknown,
    WhichHome,
)
from peterental.calls.lookup import HOME_QUESTION
from peterental.folding import fold, word_set
from peterental.matching import (
    INCOMPLETE,
    Address,
    Discriminator,
    Match,
    Reason,
    compare,
    compare_texts,
    heard_address,
    is_placeholder_home,
    letter_name,
    may_be_misheard,
    parse_address,
    said_addresses,
    sound_of,
    told_apart,
    without_denied,
)
from peterental.matching.usps import STREET_TYPES
from peterental.properties.model import Property, label_of

MOST_QUESTIONS = 2
"""How often a caller is asked which of several homes is meant before the words are taken as said."""

_YES = word_set("yes yeah yep yup correct right sure exactly absolutely si claro correcto exacto eso")
_NO = word_set("no not nope wrong isnt dont incorrecto tampoco")
_ORDINALS = {
    "1st": 0,
    "2nd": 1,
    "3rd": 2,
    "primera": 0,
    "primero": 0,
    "segunda": 1,
    "segundo": 1,
    "tercera": 2,
    "tercero": 2,
}
_DENIALS = ("not", "not in", "not the", "not the one in", "no la de", "no el de", "no la que esta en", "no en")
_BEFORE_CITY = word_set("de del en in from of at the")
_BESIDE_CITY = word_set("the one la el los las de del en in on at a that this casa house home esa ese")
_WORD = re.compile(r"[^\W_]+")
_LITTLE_WORDS = word_set("the one la el de del en un una unidad uno")
"""Words of an answer that pick nothing."""


class TakenHome(NamedTuple):
    """When a home may not be viewed, because of another viewing of it; in seconds since 1970."""

    appointment_id: int
    start_s: float
    until_s: float


class HomeQuestion(NamedTuple):
    """A question about a home in this phone call.

    Args:
        said: what the caller had said; None where nothing was sent.
        property_ids: the homes that it named, in the order named.
    """

    said: str | None
    property_ids: tuple[int, ...]


@dataclass(frozen=True)
class Catalogue:
    """What was read of the catalogue for one request.

    Args:
        homes: those that the caller may mean, active or not, and those of the caller's own bookings.
        taken: when a home may not be viewed, by its id; empty where the office lets viewings of a home overlap.
        questions: about homes in this phone call, latest first.
    """

    homes: tuple[Property, ...] = ()
    taken: Mapping[int, tuple[TakenHome, ...]] = field(default_factory=dict)
    questions: tuple[HomeQuestion, ...] = ()

    def get(self, property_id: int | None) -> Property | None:
        """Return a home that was read, by its id."""
        return next((home for home in self.homes if home.property_id == property_id), None)

    def busy_times(self, home: Property, ignored_id: int | None) -> BusyTimes:
        """Return when a home may not be viewed, because of others' viewings of it.

        Args:
            home: which.
            ignored_id: of the viewing that is to be moved, which does not block itself.
        """
        others = [each for each in self.taken.get(home.property_id, ()) if each.appointment_id != ignored_id]
        return BusyTimes([each.start_s for each in others], [each.until_s for each in others])


@dataclass(frozen=True)
class HomeChoice:
    """The home that a request is about.

    Args:
        said: the caller's words, which are stored.
        home: in the catalogue; None where it is not in it.
        is_unknown: whether a person should look, because the catalogue does not have it.
    """

    said: str
    home: Property | None = None
    is_unknown: bool = False

    @property
    def label(self) -> str:
        """The name of the home: the catalogue's, or what was said."""
        return self.home.label if self.home else self.said

    @property
    def property_id(self) -> int | None:
        """The id of the home in the catalogue."""
        return self.home.property_id if self.home else None


class Fit(IntEnum):
    """How well a home fits what was said, best first."""

    EXACT = 0
    SHORT = 1
    """The caller left parts out."""
    DOUBTFUL = 2
    """It may be this one, misheard or described with a part that it does not have."""
    NEAR = 3
    """One part is another: the house number by a digit, the unit, the type, the direction or the city."""


def question_key(homes: Sequence[Property]) -> str:
    """Return the key of a question that names some homes, to be recorded with the tool call."""
    return f"{HOME_QUESTION}{','.join(str(home.property_id) for home in homes)}"


def home_question(key: str, said: str | None) -> HomeQuestion:
    """Return the question with a key of `question_key`."""
    return HomeQuestion(said, tuple(int(found) for found in key.removeprefix(HOME_QUESTION).split(",") if found))


def choose_home(
    text: str, catalogue: Catalogue, is_shown: Callable[[Property], bool], said: Callable[[], Sequence[str]] = tuple
) -> HomeChoice | None:
    """Return the home that a caller means; None for a placeholder.

    Raise WhichHome or HomeUnknown to ask, HomeRetired and HomeOfColleague.

    Args:
        text: as the assistant sent it.
        catalogue: what was read for it.
        is_shown: whether the agent, or one of a team, shows a home.
        said: returns the caller's own lines so far.
    """
    picked = _pick_asked(text, catalogue, is_shown)
    if picked is not None:
        before = catalogue.questions[0].said
        return HomeChoice(text if parse_address(text).number or not before else f"{before}, {text}", picked)
    wanted, homes = _without_denied_homes(text, catalogue.homes)
    if _names_nothing(wanted):
        return None
    asked = [question for question in catalogue.questions if _is_repeated(text, question)]
    try:
        return HomeChoice(text, _resolve(wanted, homes, is_shown))
    except (WhichHome, HomeUnknown) as refusal:
        if isinstance(refusal, HomeUnknown) and is_placeholder_home(text):
            return None
        if not asked:
            raise
        answer = _answer_in(said(), [home for home in map(catalogue.get, asked[0].property_ids) if home])
        if answer is not None:
            return HomeChoice(text, answer)
        is_choice = isinstance(refusal, WhichHome) and refusal.is_choice
        if (is_choice and len(asked) < MOST_QUESTIONS) or is_placeholder_home(text):
            raise
        return HomeChoice(text, is_unknown=True)


def named_home(text: str | None, catalogue: Catalogue | None, is_shown: Callable[[Property], bool]) -> Property | None:
    """Return the home of the catalogue that is certainly meant, retired and colleagues' ones too; None for none."""
    if catalogue is None or not text:
        return None
    try:
        picked = _pick_asked(text, catalogue, is_shown)
        if picked is not None:
            return picked
        wanted, homes = _without_denied_homes(text, catalogue.homes)
        return None if _names_nothing(wanted) else _resolve(wanted, homes, is_shown)
    except (HomeRetired, HomeOfColleague) as refusal:
        return refusal.homes[0]
    except (WhichHome, HomeUnknown):
        return None


def _names_nothing(text: str) -> bool:
    """Return whether a text is a placeholder that does not even count bedrooms."""
    return is_placeholder_home(text) and parse_address(text).bedrooms is None


# --- choosing --------------------------------------------------------------------------------------------------------


def _resolve(text: str, homes: Sequence[Property], is_shown: Callable[[Property], bool]) -> Property:
    """Return the one home that a text names; a city may stand before the street: "la de Moore en la calle Elm".

    Raise WhichHome or HomeUnknown to ask, HomeRetired and HomeOfColleague.
    """
    text, homes = _without_denied_cities(text, homes)
    try:
        return _resolved(text, homes, is_shown)
    except (WhichHome, HomeUnknown) as refusal:
        city, rest = _city_in(text, homes)
        if city is None:
            raise
        in_city = [home for home in homes if city in home.parsed.cities]
        if isinstance(refusal, WhichHome):
            left = [home for home in refusal.homes if home in in_city]
            if not refusal.is_choice or not 0 < len(left) < len(refusal.homes):
                raise
            return _only(text, parse_address(text), left)
        if not rest:
            shown = [home for home in in_city if home.is_active and is_shown(home)]
            if not shown:
                raise
            return _only(text, Address(cities=(city,)), shown)
        try:
            return _resolved(rest, in_city, is_shown)
        except HomeUnknown:
            raise refusal from None


def _without_denied_homes(text: str, homes: Sequence[Property]) -> tuple[str, Sequence[Property]]:
    """Return a text without the homes that it turns down, and the others; both as they are where it turns none down."""
    wanted, denied = without_denied(text)
    readings = [address for piece in denied for address in said_addresses(piece)]
    gone = [home for home in homes if any(_is_named_by(address, home) for address in readings)]
    return (wanted, [home for home in homes if home not in gone]) if gone else (text, homes)


def _is_named_by(address: Address, home: Property) -> bool:
    """Return whether an address fits a home by more than its city."""
    is_its_street = any(not set(address.name).isdisjoint(name.name) for name in names_of(home))
    return (is_its_street or bool(address.number)) and fit_of(address, home) in {Fit.EXACT, Fit.SHORT}


def _without_denied_cities(text: str, homes: Sequence[Property]) -> tuple[str, Sequence[Property]]:
    """Return a text without "not Norman" and the homes elsewhere; both as they are where no city is denied.

    "No, la de Norman", with a comma, corrects what was said before.
    """
    folded = f" {' '.join(fold(text).split())} "
    if not any(f" {word} " in folded for word in ("not", "no")):
        return text, homes
    for city in {" ".join(home.parsed.city) for home in homes if home.parsed.city}:
        for denial in _DENIALS:
            said = f" {denial} {city}"
            if said in folded and not folded.partition(said)[2][:1].isalnum():
                folded = folded.replace(said, " ", 1)
                text, homes = folded, [home for home in homes if " ".join(home.parsed.city) != city]
    return text, homes


def _city_in(text: str, homes: Sequence[Property]) -> tuple[tuple[str, ...] | None, str]:
    """Return the one city of the homes that a text names before or beside a street, and the text without it.

    "Moore Street" and "12 Moore" name a street.
    """
    words = _WORD.findall(fold(text))
    found: dict[tuple[str, ...], str] = {}
    for city in {home.parsed.city for home in homes if home.parsed.city}:
        at = next((at for at in range(len(words)) if tuple(words[at : at + len(city)]) == city), None)
        if at is None:
            continue
        before, after = words[:at], words[at + len(city) :]
        is_street = bool(after) and (after[0] in STREET_TYPES and after[0] != "place")
        if is_street or (before and before[-1][0].isdigit()):
            continue
        while before and before[-1] in _BEFORE_CITY:
            before.pop()
        rest = [*before, *after]
        found[city] = " ".join(rest) if any(word not in _BESIDE_CITY for word in rest) else ""
    return next(iter(found.items())) if len(found) == 1 else (None, "")


def _resolved(text: str, homes: Sequence[Property], is_shown: Callable[[Property], bool]) -> Property:
    doubtful: list[Property] = []
    possible: list[Property] = []
    readings = said_addresses(text)
    heard = heard_address(text)
    as_heard = [home for home in homes if heard and fit_of(heard, home) is Fit.EXACT]
    for address in readings:
        left_out = set(readings[0].words) - set(address.words)
        by_fit: dict[Fit, list[Property]] = {fit: [] for fit in Fit}
        for home in homes:
            fit = fit_of(address, home, with_near=False)
            if fit is not None:
                by_fit[fit].append(home)
        if is_placeholder_home(text):
            by_fit = {**by_fit, Fit.SHORT: _with_bedrooms(homes, address.bedrooms), Fit.EXACT: []}
        offered = {fit: [h for h in found if h.is_active and is_shown(h)] for fit, found in by_fit.items()}
        offered[Fit.EXACT] += _units_elsewhere(address, offered[Fit.EXACT], offered[Fit.SHORT])
        for fit in (Fit.EXACT, Fit.SHORT):
            if offered[fit]:
                others = [home for home in possible if home not in offered[fit] and _has_of(left_out, home)]
                others += [home for home in as_heard if home not in (*offered[fit], *others)]
                if address == heard:
                    rivals = [home for home in homes if _is_as_said(readings[0], heard, home)]
                    others += [home for home in rivals if home not in (*offered[fit], *others)]
                if others:  # what this reading leaves out, or takes as said, may name one of those
                    raise WhichHome(text, (*offered[fit], *(h for h in others if h.is_active and is_shown(h))))
                return _only(text, address, offered[fit])
        _refuse_others([*by_fit[Fit.EXACT], *by_fit[Fit.SHORT]])
        possible += by_fit[Fit.DOUBTFUL]
        doubtful = offered[Fit.DOUBTFUL] or _nearest(address, homes, is_shown) or doubtful
    if doubtful:
        raise WhichHome(text, tuple(doubtful))
    raise HomeUnknown(text)


def _is_as_said(said: Address, heard: Address, home: Property) -> bool:
    """Return whether a home has the number as said, on the street of the one that was heard."""
    return said.number is not None and home.parsed.number == said.number and home.parsed.name == heard.name


def _has_of(left_out: set[str], home: Property) -> bool:
    """Return whether a home may be named by one of the words that a reading leaves out, or by what it begins with."""
    words = {word for address in names_of(home) for word in address.words}
    return any(
        word == other or (min(len(word), len(other)) >= _LEAST_LETTERS and word.startswith(other[: len(word)]))
        for word in left_out
        for other in words
    )


_LEAST_LETTERS = 3
"""Of a word that another one may begin with."""


def _units_elsewhere(address: Address, exact: Sequence[Property], short: Sequence[Property]) -> list[Property]:
    """Return homes with a unit on another street or in another city than the exact ones, where neither was said.

    "30 Park" may be 30 Park Avenue and 30 Park Street, unit 4; a house and a flat at one address are not asked about.
    """
    if not exact or address.number is None or address.unit_key:
        return []
    types = {home.parsed.street_type for home in exact} if address.street_type is None else set()
    cities = set() if address.cities or address.zip_code else {home.parsed.city for home in exact}
    return [
        home
        for home in short
        if home.parsed.unit_key
        and home.parsed.number == address.number
        and ((types and home.parsed.street_type not in types) or (cities and home.parsed.city not in cities))
    ]


def _nearest(address: Address, homes: Sequence[Property], is_shown: Callable[[Property], bool]) -> list[Property]:
    """Return the near homes that are offered, in the order in which the parts that differ are asked about."""
    near = [home for home in homes if home.is_active and is_shown(home) and fit_of(address, home) is Fit.NEAR]
    return sorted(near, key=lambda home: _difference(address, home))


def _only(text: str, address: Address, found: Sequence[Property]) -> Property:
    """Return the one home that is left by the bedrooms that were said, or ask."""
    if address.bedrooms is not None:
        homes = _with_bedrooms(found, address.bedrooms)
        if not homes:
            raise WhichHome(text, tuple(found))
        found = homes
    if len(found) == 1:
        return found[0]
    difference, options = told_apart([home.parsed for home in found])
    if difference is Discriminator.NOTHING:
        bedrooms = [home.bedrooms for home in found]
        if len(set(bedrooms)) == len(found) and None not in bedrooms:
            return _ask(text, found, Discriminator.NOTHING, ())
        return min(found, key=lambda home: home.property_id)
    return _ask(text, found, difference, options)


def _ask(text: str, found: Sequence[Property], difference: Discriminator, options: tuple[str, ...]) -> Property:
    is_distinct = len(set(options)) == len(found)
    raise WhichHome(text, tuple(found), options if is_distinct else (), is_choice=True, difference=difference)


def _refuse_others(others: Sequence[Property]) -> None:
    """Raise what explains why homes that fit are not offered."""
    active = next((home for home in others if home.is_active), None)
    if active is not None:
        raise HomeOfColleague(active.label, (active,))
    if others:
        raise HomeRetired(others[0].label, (others[0],))


def _with_bedrooms(homes: Sequence[Property], bedrooms: int | None) -> list[Property]:
    return [home for home in homes if home.bedrooms == bedrooms]


# --- comparing -------------------------------------------------------------------------------------------------------


def fit_of(said: Address, home: Property, *, with_near: bool = True) -> Fit | None:
    """Return how well a home fits an address as said; None where it is another home.

    Args:
        said: as said.
        home: the home.
        with_near: whether to look for a part that may have been misheard, which takes most of the time.
    """
    fits = [
        _fit_of_address(said, home.parsed, with_near=with_near),
        *(_fit_of_address(said, name, with_near=False) for name in _other_names(home)),
    ]
    return min((fit for fit in fits if fit is not None), default=None)


@lru_cache(2_000)
def _parsed_name(name: str, unit: str | None) -> Address:
    """Return another name of a home; its unit is added where the name has none."""
    address = parse_address(name)
    return parse_address(label_of(name, unit)) if unit and not address.unit_key else address


def _other_names(home: Property) -> Iterator[Address]:
    return (_parsed_name(name, home.unit) for name in home.said_as)


def names_of(home: Property) -> Iterator[Address]:
    """Return the address of a home and its other names."""
    yield home.parsed
    yield from _other_names(home)


def _fit_of_address(said: Address, home: Address, *, with_near: bool) -> Fit | None:
    result = compare(said, home)
    if result.match is Match.SAME:
        return Fit.EXACT
    if result.match is Match.DIFFERENT:
        return Fit.NEAR if with_near and _near_part(said, home) is not None else None
    if result.reason is Reason.NOTHING_SHARED:
        return None
    if result.reason is Reason.NUMBER_OR_UNIT:
        return Fit.SHORT
    if result.reason in INCOMPLETE and not _says_more(said, home) and not _is_unit_alone(said):
        return Fit.SHORT
    return Fit.DOUBTFUL


def _is_unit_alone(said: Address) -> bool:
    """Return whether nothing but a unit was said: "number 12" may as well be a house."""
    return bool(said.unit) and not (said.number or said.name or said.cities or said.zip_code)


def _says_more(said: Address, home: Address) -> bool:
    """Return whether the caller named a part that the home does not have."""
    parts = ((said.number, home.number), (said.unit, home.unit), (said.building, home.building))
    if any(mine and not other for mine, other in parts) or (said.floor and not home.floor):
        return True
    if (said.before or said.after) and not (home.before or home.after):
        return True
    if said.street_type and not home.street_type and not (said.number and home.number):
        return True
    if said.name and (not home.name or len(said.name) > len(home.name)):
        return True
    is_whole_name = said.street == home.name  # "Quail Hollow" of "Quail Hollow Drive"
    return len(said.name) < len(home.name) and said.number is None and bool(said.name) and not is_whole_name


def _near_part(said: Address, home: Address) -> int | None:
    """Return which part of a home is another than was said, in the order in which they are asked about; None for more.

    The part that differs is taken from the home, and the rest compared again.
    """
    if said.other is not None:
        readings = (_near_part(replace(said, other=None), home), _near_part(said.other, home))
        return min((part for part in readings if part is not None), default=None)
    if said.number is None and said.unit is None:
        return None
    for place, changed in enumerate(_changed(said, home)):
        if changed is not None and compare(replace(changed, words=()), home).match is not Match.DIFFERENT:
            return place
    return None


def _changed(said: Address, home: Address) -> Iterator[Address | None]:
    """Yield the address with one part of the home at a time, most telling first; None where that may not be meant."""
    yield replace(said, unit=home.unit, building=home.building, floor=home.floor)
    is_misheard = said.number and home.number and said.name and may_be_misheard(said.number, home.number)
    yield replace(said, number=home.number) if is_misheard else None
    is_numbered = said.number is not None and said.number == home.number and bool(said.name)
    yield replace(said, street_type=home.street_type) if is_numbered else None
    yield replace(said, before=home.before, after=home.after) if is_numbered else None
    yield replace(said, cities=(), state=None, zip_code=None, zip_extension=None) if is_numbered else None
    yield replace(said, name=home.name) if is_numbered and _sounds_alike(said, home) else None


def _sounds_alike(said: Address, home: Address) -> bool:
    if [letter_name(word) for word in said.name] == [letter_name(word) for word in home.name]:
        return True  # "B Street" and "Bee Street"
    sounds = [[sound_of(word) for word in address.name] for address in (said, home)]
    return sounds[0] == sounds[1] and all(sounds[0])


def _difference(said: Address, home: Property) -> int:
    parts = (_near_part(said, each) for each in names_of(home))
    return min((part for part in parts if part is not None), default=9)


# --- answers to a question -------------------------------------------------------------------------------------------


def _is_repeated(text: str, question: HomeQuestion) -> bool:
    """Return whether the caller had said the same home before a question."""
    if question.said is None:
        return False
    return _folded(question.said) == _folded(text) or compare_texts(question.said, text).match is Match.SAME


def _pick_asked(text: str, catalogue: Catalogue, is_shown: Callable[[Property], bool]) -> Property | None:
    """Return the home that `text` picks from those that the latest question named ("3A", "the one on the Court")."""
    if not catalogue.questions:
        return None
    homes = [home for home in map(catalogue.get, catalogue.questions[0].property_ids) if home]
    picked = pick_among(text, [home for home in homes if home.is_active and is_shown(home)])
    # The same words again pick nothing that they did not pick before.
    return None if picked is None or _is_repeated(text, catalogue.questions[0]) else picked


def pick_among(text: str, homes: Sequence[Property]) -> Property | None:
    """Return the one of the homes named in a question that an answer picks; None where it picks none or several."""
    picks = (_picked(address, homes) for address in said_addresses(text))
    return next((picked for picked in picks if picked is not None), None)


def _picked(address: Address, homes: Sequence[Property]) -> Property | None:
    """Return the home that one reading of the answer picks; None where it picks none or several."""
    said = _parts(address) - _LITTLE_WORDS
    if address.bedrooms is not None:
        homes = _with_bedrooms(homes, address.bedrooms)
    fitting = [home for home in homes if said <= _parts(home.parsed)] if said or address.bedrooms is not None else []
    if len(fitting) == 1:
        return fitting[0]
    (only,) = said if len(said) == 1 else ("",)
    if not fitting and only in _ORDINALS and _ORDINALS[only] < len(homes):
        return homes[_ORDINALS[only]]
    if not fitting and len(only) == 1 and only.isalpha():
        lettered = [home for home in homes if (home.parsed.unit or "").endswith(only)]
        return lettered[0] if len(lettered) == 1 else None
    return None


def _parts(address: Address) -> set[str]:
    """Return every part of an address as words of one kind."""
    parts = {address.number, address.unit, address.building, address.before, address.after, address.street_type}
    return {part for part in parts if part} | set(address.name) | {word for city in address.cities for word in city}


def _answer_in(lines: Sequence[str], homes: Sequence[Property]) -> Property | None:
    """Return the home that the caller's own last words choose after a question: "yes", or what tells it apart."""
    if not lines or not homes:
        return None
    words = set(fold(lines[-1]).replace(",", " ").replace(".", " ").split())
    if len(homes) == 1 and words & _YES and not words & _NO:
        return homes[0]
    return pick_among(lines[-1], homes)


def _folded(text: str) -> str:
    return " ".join(fold(text).split())
