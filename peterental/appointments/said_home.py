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
from itertools import groupby, pairwise

from peterental.appointments.model import SpokenLine
from peterental.folding import fold, word_set
from peterental.matching import number_words, without_denied
from peterental.matching.spanish_numbers import is_spanish_number
from peterental.matching.spoken_numbers import CARDINALS, is_number
from peterental.matching.usps import DIRECTIONS, STREET_TYPES, UNIT_WORDS

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

_LEADS = word_set("yes yeah yep yup sure ok okay right please thanks oh um uh er well then just si bueno pues ya o y")
_CUES = word_set("""
    on at in see view visit tour about of regarding the said meant want wanted wants rather prefer do book schedule
    reserve la el de del en calle avenida ver visitar dije quiero queria prefiero sino reservar agendar
    cancel move reschedule cancelar cancele cancela mover mueva mueve cambiar cambie cambia
""")
_AROUND = (
    _HOME_NOUNS
    | _TAKES_BACK
    | _LEADS
    | _CUES
    | word_set("""
    i id im ill we wed you like love want wanna would could can may might to check out look looking for interested
    calling call asking ask a an that this it its is are rental book booking schedule set up get take do make go come
    have let lets be there thank say so hi hello hey now only also too still available open free if what how when me us
    works work good great perfect fine suits best better sounds awesome cool lovely wonderful excellent alright all
    correct bien perfecto excelente genial funciona sirve
    or as with cancel move reschedule change my our your
    quiero quisiera queria quisieramos queremos me nos interesa gustaria por para favor gracias los las lo un una del
    casa casita apartamento departamento depa piso propiedad condominio que esta es hola buenas entonces ahi alli cita
    visita agendar reservar hacer ir cancelar cancele cancela mover mueva mueve cambiar cambie cambia mi su sobre a al
    eh podria puedo podemos puede busco buscando buscamos hablo llamo llamando kindly hiya need
    needs must gotta show number numero necesito tengo debo
    put down sign up pencil rather reserve prefer wanted wants
    sino prefiero reserve reserveme reservame apunte apunteme apuntame anoteme anotame agende agendeme agendame pongame
    ponme
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
    live lives living lived stay stays staying working worked near nearby close behind across corner
    opposite neighbor neighbors neighbour neighbours neighborhood driving drove walking parked school office lost
    passed off beside vivo vive vivimos vivia trabajo trabaja cerca lado esquina frente desde vengo vecino vecina
    vecinos escuela oficina
""")
"""Words of a part that names a street for another reason than a viewing."""

_OF_VIEWING = word_set("""
    viewing showing tour appointment visit cancel move reschedule change cita visita cancelar cancele cancela mover
    mueva mueve cambiar cambie cambia
""")
_BETWEEN = word_set("between corner intersection entre esquina")
"""Words of a line whose streets are a place on the way."""

_LEADS_OF_WISHES = ("i was wondering if ", "i was hoping to ", "i was looking at ", "i was calling about ")
_WILL_NOT_COME = (
    *(
        f"{cannot} {come} "
        for cannot in ("cant", "cannot", "can not", "wont", "will not", "couldnt", "wont be able to", "not able to")
        for come in ("make it to", "make", "come to", "get to", "do", "be at", "see")
    ),
    *(f"{cannot} {come}" for cannot in ("no puedo", "no podre", "no voy a poder") for come in ("ir a ", "llegar a ")),
)
"""What callers say of a viewing that they cancel or move."""

_CANNOT = word_set("cant cannot wont couldnt not puedo podre poder")

_PASSING_PAIRS = frozenset(
    (
        *((who, work) for who in ("i", "we", "he", "she") for work in ("work", "works")),
        ("are", "you"),
        ("youre", "on"),
        ("do", "i"),
    )
)
"""Words that stand together in such a part: "I work on Boyd", where "three works" does not."""

_ABOUT_CALLER = word_set("live living current currently coming moving mailing billing vive actual actualmente")
"""Words of a question to which the answer is another address: "What is your current address?"."""

_LOOKS = word_set("""
    gray grey white black red blue green brown yellow tan beige brick stone main park lake pool garden corner church
    school
""")
"""Names of streets that describe a home, too: "the gray one"; not behind "on"."""

_BEFORE_PERSON = word_set("with is are im am its this my me con es soy mi for para")
"""A name behind one of these may be a person's."""

_FOR_HOME = frozenset(("me", "us", "down", "up", "in", *word_set("""
    reserveme reservame apunteme apuntame anoteme anotame agendeme agendame pongame ponme
""")))  # fmt: skip
"""Before "for" and "para" they are about a home: "put me down for Boyd", where "it is for Boyd" may be a person."""

_CHOOSING = frozenset(
    (("make", "it"), ("make", "that"), *((word, way) for word in _FOR_HOME for way in ("for", "para")))
)
_TITLES = word_set("mr mrs ms miss sir madam senor senora srta sra don dona")

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
_ON = frozenset(("on", "en", "calle", "avenida"))
_BEFORE_STREET = _CUES | _LEADS | _TAKES_BACK
_TYPES_ALONE = word_set("place drive walk")
"""Types of streets that are words of their own."""

_KNOWN = _AROUND | _TIMES | _ORDINALS | _REFERS
_PLAIN = (_AROUND | _TIMES | CARDINALS.keys()) - {"that", "this", "not"}
"""A line of these words and digits alone names no home, and turns none down."""

_BREAK = re.compile(r"[,;.!?:\u2014\u2026()\"]")
_SPLITTING = word_set("but pero because porque since though although aunque while and")
_SENTENCE_END = re.compile(r"[.!?]\s")
_WORD = re.compile(r"[^\W_]+")


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

    def has_number_beside(self, chosen: frozenset[str]) -> bool:
        """Return whether the address has a house number, and one that is not among some words."""
        return self.has_number and self.address is not None and self.address.partition(" ")[0] not in chosen

    def names(self, street: frozenset[str]) -> bool:
        """Return whether the part may mean a home whose street has one of some words."""
        return not self.is_passing and not self.words.isdisjoint(street)


@dataclass(frozen=True)
class _Line:
    """A line.

    Args:
        parts: what it says, without what it turns down.
        turns_down: whether it turns something down.
        refers: whether it means a home without naming it.
        takes_back: whether it replaces what was said before.
    """

    parts: tuple[_Part, ...]
    turns_down: bool
    refers: bool
    takes_back: bool

    def names(self, street: frozenset[str]) -> bool:
        """Return whether the line may mean a home whose street has one of some words."""
        return any(part.names(street) for part in self.parts)


def said_home(
    lines: Sequence[SpokenLine],
    chosen: Collection[str],
    people: Collection[str] = (),
    *,
    of_viewing: bool = False,
    changes: bool = False,
) -> str | None:
    """Return the address that the caller named last, and clearly; None where another one may be meant.

    Args:
        lines: of both sides, oldest first.
        chosen: the folded words that name the home that was sent, with its house number.
        people: folded words of names; a street without number and type that is called like one of these is none.
        of_viewing: whether only that of a viewing counts: "cancel the Boyd one", "my appointment at 33 Boyd".
        changes: whether a viewing is cancelled or moved: "I can't make the Boyd one" means that.
    """
    chosen, people = frozenset(chosen), frozenset(people)
    heard = chosen | _HEARD_OTHER
    found: _Part | None = None
    has_gone_on = replaces = False
    lines = lines[-LINES_READ:]
    for at in range(len(lines) - 1, -1, -1):
        if not lines[at].by_caller:
            if found is None and has_gone_on and _has_one_of(lines[at], heard):
                return None  # the caller heard of another home, and went on
            continue
        words = _words_of(lines[at])
        has_gone_on = True
        if chosen.isdisjoint(words) and (found is not None or _names_nothing(words, people)):
            continue
        text = lines[at].text if words.isdisjoint(_CANNOT) else _without_absence(lines[at].text, changes=changes)
        line = _read(text[-LONGEST_LINE:])
        if found is not None:
            if not replaces and line.names(chosen):
                return None  # the caller named several homes: each may be meant
            continue
        named = [part for part in line.parts if part.address and not _may_be_no_home(part, line, at, lines, people)]
        others = [part for part in line.parts if part not in named or not part.has_number_beside(chosen)]
        if line.refers or (line.turns_down and not named) or any(part.names(chosen) for part in others):
            return None
        if len({part.address for part in named}) > 1:
            return None
        if named:
            found, replaces = named[0], not words.isdisjoint(_TAKES_BACK)
    return found.address if found and not (of_viewing and found.words.isdisjoint(_OF_VIEWING)) else None


def _without_absence(text: str, *, changes: bool) -> str:
    """Return a line with "cancel", or "not", in place of words that say that the caller will not come."""
    instead = "cancel" if changes else "not"
    folded = fold(text[-LONGEST_LINE:])
    for words in _WILL_NOT_COME:
        folded = folded.replace(words, f" {instead} ")
    return folded


def _names_nothing(words: frozenset[str], people: frozenset[str]) -> bool:
    unknown = words - _PLAIN
    return unknown <= people or all(word[0].isdecimal() for word in unknown)


def _has_one_of(spoken: SpokenLine, words: frozenset[str]) -> bool:
    text = fold(spoken.text[-LONGEST_LINE:])
    return any(word in text for word in words) and not words.isdisjoint(_WORD.findall(text))


def _words_of(spoken: SpokenLine) -> frozenset[str]:
    return frozenset(_WORD.findall(fold(spoken.text[-LONGEST_LINE:])))


def _may_be_no_home(part: _Part, line: _Line, at: int, lines: Sequence[SpokenLine], people: Collection[str]) -> bool:
    """Return whether a name alone may be that of a person, or "perfect": it answers no question about a home.

    Args:
        part: has an address.
        line: which it is of.
        at: its place in the lines.
        lines: of both sides.
        people: as for `said_home`.
    """
    if part.is_alone and not part.words.isdisjoint(people):
        return True
    if not part.has_number and people and set((part.address or "").split()) <= set(people):
        return True  # Dolores Park
    if _is_asked(lines, at, _ABOUT_CALLER) or _is_asked(lines, at, {"your"}, {"address", "street"}):
        return True
    if not part.is_bare or (line.takes_back and all(each.is_plain for each in line.parts)):
        return False
    name = (part.address or "").split()
    is_named = _is_asked(lines, at) and not _words_of(lines[at - 1]).isdisjoint(name)
    return not (is_named or _is_asked(lines, at, _ABOUT_HOMES))


def _is_asked(lines: Sequence[SpokenLine], at: int, *topics: Collection[str]) -> bool:
    """Return whether the assistant's line before another one ends with a question that has a word of each topic."""
    asked = lines[at - 1] if at else None
    if asked is None or asked.by_caller or not asked.text.rstrip().endswith("?"):
        return False
    words = _WORD.findall(fold(_SENTENCE_END.split(asked.text[-LONGEST_LINE:].rstrip(" ?"))[-1]))
    return all(not set(topic).isdisjoint(words) for topic in topics)


@lru_cache(maxsize=512)
def _read(text: str) -> _Line:
    folded = fold(text)
    for lead in _LEADS_OF_WISHES:
        folded = folded.replace(lead, " ")
    wanted, denied = without_denied(_SENTENCE_END.sub(", ", folded))
    clauses = [words for piece in _BREAK.split(wanted) for words in _clauses(_WORD.findall(piece))]
    takes_back = bool(denied) or any(not _TAKES_BACK.isdisjoint(words) for words in clauses)
    parts = tuple(map(_part, clauses))
    if any(not _BETWEEN.isdisjoint(words) for words in clauses):
        parts = tuple(_Part(part.words) for part in parts)
    return _Line(parts, bool(denied), any(map(_refers, clauses)), takes_back)


def _clauses(words: Sequence[str]) -> list[list[str]]:
    """Return the runs of words between conjunctions."""
    if _SPLITTING.isdisjoint(words):
        return [list(words)] if words else []
    runs = groupby(words, _SPLITTING.__contains__)
    return [list(run) for is_conjunction, run in runs if not is_conjunction]


def _refers(words: Sequence[str]) -> bool:
    """Return whether words mean a home without naming it: "the other one", "that one", "the second home"."""
    if not _REFERS.isdisjoint(words):
        return True
    if _ORDINALS.isdisjoint(words):
        return any(first in {"that", "this"} and second == "one" for first, second in pairwise(words))
    is_place = all(word in _ORDINALS or word in _AROUND for word in words)
    return is_place or any(first in _ORDINALS and second in _ORDINAL_NOUNS for first, second in pairwise(words))


def _part(said: list[str]) -> _Part:
    at = [place for place, word in enumerate(said) if not (word in _KNOWN or _is_number(word))]
    if at and said[at[0]] in _TYPES_ALONE:
        at.pop(0)
    if not at:
        return _Part(frozenset(number_words(said)), is_plain=True)
    words = frozenset((*said, *number_words(said)))
    first, end = at[0], at[-1] + 1
    if said[end - 1] in UNIT_WORDS and end < len(said):
        at.append(end)  # "unit 2B"
        end += 1
    is_passing = not _PASSING.isdisjoint(words) or any(pair in _PASSING_PAIRS for pair in pairwise(said))
    is_street = not all(word in STREET_TYPES or word in DIRECTIONS for word in said[first:end])
    if (
        is_passing
        or not is_street
        or not _TITLES.isdisjoint(said[first:end])
        or end - first != len(at)
        or len(at) > _LONGEST_ADDRESS
    ):
        return _Part(words, is_passing=is_passing)
    before = said[first - 1] if first else ""
    start = first
    while start and _is_number(said[start - 1]):
        start -= 1
    address = number_words(said[start:end])
    has_number = address[0].isdecimal()
    has_type = said[end - 1] in STREET_TYPES and len(at) > 1
    if not (has_number or has_type) and _LOOKS.issuperset(said[first:end]) and before not in _ON:
        return _Part(words)
    is_alone = not (has_number or has_type or (said[end : end + 1] and said[end] in _HOME_NOUNS))
    is_chosen = tuple(said[max(first - 2, 0) : first]) in _CHOOSING
    if is_alone and before and not is_chosen and (before in _BEFORE_PERSON or before not in _BEFORE_STREET):
        return _Part(words)
    if said[:first] == ["de"]:  # "Dolores, de Park Avenue"
        return _Part(words)
    is_bare = is_alone and before not in _CUES and not is_chosen
    return _Part(words, " ".join(address), has_number=has_number, is_alone=is_alone, is_bare=is_bare, is_plain=True)


def _is_number(word: str) -> bool:
    return word[0].isdecimal() or word in _SCALES or is_number(word) or is_spanish_number(word)


_SCALES = word_set("hundred thousand oh")
