"""The home that the caller's own lines name last: "I'd like to see the one on Boyd". Pure and linear.

What a caller says in passing ("I live on Elm"), turns down ("not Boyd") or leaves open ("the other one") names none. A
question for no reason is worse than a home that is not compared, so a part of a line counts only if every word of it is
known: an address, words around it, days and times.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from peterental.appointments.model import SpokenLine
from peterental.folding import fold, word_set
from peterental.matching import number_words, without_denied
from peterental.matching.spanish_numbers import is_spanish_number
from peterental.matching.usps import DIRECTIONS, STREET_TYPES

LINES_READ = 16
"""How many of the latest lines of both sides are read; what was said before them is settled or forgotten."""

LONGEST_LINE = 400
"""Characters that are read of a line."""

_LONGEST_ADDRESS = 5
"""Words of a street with its type and directions."""

_HOME_NOUNS = word_set("""
    one house home place property apartment condo townhouse townhome duplex studio flat listing viewing showing tour
    appointment visit
""")
_TAKES_BACK = word_set("no not sorry actually instead rather wait mean perdon mejor digo")
"""Words of a line that replaces what was said before."""

_LEADS = word_set("yes yeah yep yup sure ok okay right please thanks oh um uh er well then just si bueno pues o y")
_CUES = word_set("on at in see view visit tour about of regarding the la el de en calle avenida ver visitar")
_AROUND = (
    _HOME_NOUNS
    | _TAKES_BACK
    | _LEADS
    | _CUES
    | word_set("""
    i id im ill we wed you like love want wanna would could can may might to check out look looking for interested
    calling call asking ask a an that this it its is are rental book booking schedule set up get take do make go come
    have let lets be there thank so hi hello hey now only also too still available open free if what how when me us or
    as with cancel move reschedule change my our your
    quiero quisiera queria quisieramos queremos me nos interesa gustaria por para favor gracias los las lo un una del
    casa casita apartamento departamento depa piso propiedad condominio que esta es hola buenas entonces ahi alli cita
    visita agendar reservar hacer ir cancelar cancele cancela mover mueva mueve cambiar cambie cambia mi su sobre a al
    eh podria puedo podemos puede
    """)
)
"""Words around an address that do not change what it stands for."""

_TIMES = word_set("""
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january
    february march april june july august september october november december today tomorrow tonight morning
    afternoon evening night noon midnight lunchtime am pm oclock half past quarter til till after before around
    between from until next coming following week weekend day time early earlier late later
    lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio julio agosto septiembre
    octubre noviembre diciembre hoy manana tarde noche mediodia media cuarto menos proximo proxima viene semana dia
    hora horas punto antes despues
""")
_PASSING = word_set("""
    live lives living lived stay stays staying work works working worked near nearby close behind across corner
    opposite neighbor neighbors neighbour neighbours neighborhood driving drove walking parked school office lost
    passed off beside vivo vive vivimos vivia trabajo trabaja cerca lado esquina frente desde vengo vecino vecina
    vecinos escuela oficina
""")
"""Words of a part that names a street for another reason than a viewing."""

_BEFORE_PERSON = word_set("with is are im am its this my me con es soy mi for para")
"""A name behind one of these may be a person's."""

_REFERS = word_set("""
    other others another else different cheaper bigger smaller larger nicer both either neither whichever latter
    otro otra otros otras ambas ambos cualquiera esa ese
""")
"""Words that mean a home without naming it."""

_ABOUT_HOMES = word_set("""
    home homes house property properties address apartment place street unit casa vivienda propiedad direccion
    departamento apartamento calle inmueble
""")
"""Words of a question about a home."""

_HEARD_OTHER = word_set("other another different instead otra otro")
_ORDINALS = word_set("first second third last primera primero segunda segundo tercera tercero ultima ultimo")
_ORDINAL_NOUNS = _HOME_NOUNS - {"viewing", "showing", "tour", "appointment", "visit"}
_BREAK = re.compile(r"[,;.!?:\u2014\u2026()\"]")
_SPLITTING = word_set("but pero because porque since though although aunque while and")
_WORD = re.compile(r"[^\W_]+")
_LEAST_DIGITS = 3
"""A shorter number may be a time or a day."""


@dataclass(frozen=True)
class _Part:
    """A part of a line.

    Args:
        words: all of them, folded; numbers in words are in digits, too.
        address: the address in it, where it names one clearly.
        has_number: whether the address has a house number.
        is_alone: whether nothing but its place in the sentence shows that the name is that of a street.
        is_bare: whether not even that shows it: "Boyd", which may be any word.
        is_passing: whether it names streets for another reason.
        is_plain: whether it has no word beside the address that is not known.
    """

    words: frozenset[str]
    address: str | None = None
    has_number: bool = False
    is_alone: bool = False
    is_bare: bool = False
    is_passing: bool = False
    is_plain: bool = False


@dataclass(frozen=True)
class _Line:
    parts: tuple[_Part, ...]
    words: frozenset[str]
    turns_down: bool
    refers: bool

    def names(self, street: Collection[str]) -> bool:
        """Return whether the line may mean a home whose street has one of some words."""
        return any(not part.is_passing and not part.words.isdisjoint(street) for part in self.parts)


def said_home(lines: Sequence[SpokenLine], chosen: Collection[str], people: Collection[str] = ()) -> str | None:
    """Return the address that the caller named last, and clearly; None where another one may be meant.

    Args:
        lines: of both sides, oldest first.
        chosen: the folded words that name the home that was sent, with its house number.
        people: folded words of names; a street without number and type that is called like one of these is none.
    """
    found: _Part | None = None
    has_gone_on = replaces = False
    lines = lines[-LINES_READ:]
    for at, spoken in reversed(list(enumerate(lines))):
        if not spoken.by_caller:
            if found is None and has_gone_on and not _heard(spoken).isdisjoint({*chosen} | _HEARD_OTHER):
                return None  # the caller heard of another home, and went on
            continue
        line = _read(spoken.text[-LONGEST_LINE:])
        if found is not None:
            if not replaces and line.names(chosen):
                return None  # the caller named several homes: each may be meant
            continue
        has_gone_on = True
        asked = _heard(lines[at - 1]) if at and not lines[at - 1].by_caller else frozenset[str]()
        named = [part for part in line.parts if part.address and not _may_be_no_home(part, line, asked, people)]
        if line.refers or (line.turns_down and not named):
            return None
        others = [part for part in line.parts if part not in named or not part.has_number]
        if any(not part.is_passing and not part.words.isdisjoint(chosen) for part in others):
            return None
        if len({part.address for part in named}) > 1:
            return None
        if named:
            found, replaces = named[0], not line.words.isdisjoint(_TAKES_BACK)
    return found.address if found else None


def _heard(spoken: SpokenLine) -> frozenset[str]:
    return frozenset(_WORD.findall(fold(spoken.text[-LONGEST_LINE:])))


def _may_be_no_home(part: _Part, line: _Line, asked: Collection[str], people: Collection[str]) -> bool:
    """Return whether a name alone may be that of a person, or "perfect": it answers no question about a home.

    Args:
        part: has an address.
        line: which it is of.
        asked: the words of the assistant's line before it.
        people: as for `said_home`.
    """
    if part.is_alone and not part.words.isdisjoint(people):
        return True
    answers = not _ABOUT_HOMES.isdisjoint(asked) or not part.words.isdisjoint(asked)
    takes_back = not line.words.isdisjoint(_TAKES_BACK) and all(each.is_plain for each in line.parts)
    return part.is_bare and not (takes_back or answers)


@lru_cache(maxsize=512)
def _read(text: str) -> _Line:
    wanted, denied = without_denied(text)
    parts = tuple(_part(words) for piece in _BREAK.split(wanted) for words in _clauses(_WORD.findall(fold(piece))))
    words = frozenset(_WORD.findall(fold(text)))
    return _Line(parts, words, bool(denied), any(_refers(part.words) for part in parts) or _picks(wanted))


def _clauses(words: Sequence[str]) -> list[list[str]]:
    """Return the runs of words between conjunctions."""
    clauses: list[list[str]] = [[]]
    for word in words:
        if word in _SPLITTING:
            clauses.append([])
        else:
            clauses[-1].append(word)
    return [clause for clause in clauses if clause]


def _refers(words: frozenset[str]) -> bool:
    is_place = not words.isdisjoint(_ORDINALS) and words <= _ORDINALS | _AROUND
    return is_place or not words.isdisjoint(_REFERS)


def _picks(text: str) -> bool:
    """Return whether a text has "that one" or "the second home" in it."""
    words = _WORD.findall(fold(text))
    return any(
        (first in _ORDINALS and second in _ORDINAL_NOUNS) or (first in {"that", "this"} and second == "one")
        for first, second in pairwise(words)
    )


def _part(said: list[str]) -> _Part:
    words = number_words(said)
    every = frozenset((*said, *words))
    if not every.isdisjoint(_PASSING):
        return _Part(every, is_passing=True)
    at = [place for place, word in enumerate(words) if not _is_around(word)]
    while at and words[at[0]] in STREET_TYPES and words[at[0]] in _TYPES_ALONE:
        at.pop(0)
    if not at:
        return _Part(every, is_plain=True)
    if at[-1] - at[0] + 1 != len(at) or len(at) > _LONGEST_ADDRESS:
        return _Part(every)
    first, end = at[0], at[-1] + 1
    if all(word in STREET_TYPES or word in DIRECTIONS for word in words[first:end]):
        return _Part(every)
    before = words[first - 1] if first else ""
    following = words[end] if end < len(words) else ""
    has_number = before.isdecimal()
    has_type = words[end - 1] in STREET_TYPES and len(at) > 1
    is_alone = not (has_number or has_type or following in _HOME_NOUNS)
    if is_alone and (before in _BEFORE_PERSON or not (not before or before in _CUES | _LEADS | _TAKES_BACK)):
        return _Part(every)
    address = " ".join(words[first - has_number : end])
    is_bare = is_alone and before not in _CUES
    return _Part(every, address, has_number=has_number, is_alone=is_alone, is_bare=is_bare, is_plain=True)


_TYPES_ALONE = word_set("place drive walk")
"""Types of streets that are words of their own."""


def _is_around(word: str) -> bool:
    is_known = word in _AROUND or word in _TIMES or word in _ORDINALS
    return is_known or word[0].isdecimal() or is_spanish_number(word)
