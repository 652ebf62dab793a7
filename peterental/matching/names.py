"""Decide whether two names are one person's. Pure.

* SAME: every word of the shorter name is in the longer one, as a word, a short form ("Bob" for Robert) or an initial,
  and its first or last word is among them. Case, accents, order, titles and hyphens do not count. "Dolores",
  "Whitcomb, Dolores" and "D. Whitcomb" are Dolores Whitcomb.
* UNSURE: words that only sound alike (Mia and Maya, Jon and John), nothing but initials, or a middle name alone. The
  names agree where phone number and home do.
* DIFFERENT: a word of the shorter name that the longer one does not have, or no name at all. Ana Ruiz is not Ben Ruiz.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from jellyfish import damerau_levenshtein_distance, metaphone

from peterental.folding import fold, word_set
from peterental.matching.match import Match
from peterental.matching.nicknames import is_short_form, sounds_alike
from peterental.matching.text import LONGEST_WORD

LONGEST_NAME = 255
MOST_WORDS = 12

_TITLES = word_set("""
    mr mrs ms miss mx mister missus dr doctor prof professor sir madam maam rev reverend father pastor capt sgt lt
    esq md phd dds rn senor senora senorita sr sra srta
""")
_GENERATIONS = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "iii": "iii", "iv": "iv"}
_LEADS = re.compile(
    r"^(?:hi |hello |yes )*(?:my (?:full )?name is|the name is|name is|this is|it is|its|i am|im|me llamo|mi nombre es"
    r"|soy|se llama) +"
)
_BOTH = re.compile(r" (?:and|y|e) | ?[&+/] ?")
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_ALIKE = 0.5
"""Share of letters that words of one sound must have in common: Karen and Corinne have one metaphone."""

_SHORT_WORD = 5


class _Level(IntEnum):
    """How well two words of names agree."""

    NONE = 0
    ALIKE = 1
    INITIAL = 2
    EQUAL = 3


def names_match(one: str, other: str) -> Match:
    """Compare two names as callers say them; the order of the arguments does not matter.

    Two people in one name ("Ana and Ben Ruiz") agree with either of them.
    """
    results = [_compare(first, second) for first in _people(one) for second in _people(other)]
    for match in (Match.SAME, Match.UNSURE):
        if match in results:
            return match
    return Match.DIFFERENT


def _people(text: str) -> list[list[str]]:
    """Return the words of each person's name in `text`; a shared family name is given to each."""
    folded = " ".join(_LEADS.sub("", fold(text[:LONGEST_NAME]).strip()).split())
    folded = re.sub(r"^(.*?), ?([^,]+)$", _in_order, folded)
    people = [_WORD.findall(part)[:MOST_WORDS] for part in _BOTH.split(folded)]
    people = [words for words in people if words]
    if len(people) > 1 and len(people[-1]) > 1:
        family = people[-1][-1]
        people = [words if len(words) > 1 else [*words, family] for words in people]
    return people


def _in_order(match: re.Match[str]) -> str:
    """Turn "whitcomb, dolores" round; a generation after a comma stays behind."""
    behind = match[2].strip(" .")
    return match[0] if behind in _GENERATIONS or behind in _TITLES else f"{match[2]} {match[1]}"


def _compare(one: Sequence[str], other: Sequence[str]) -> Match:
    first, generation = _bare(one)
    second, other_generation = _bare(other)
    if not first or not second or (generation and other_generation and generation != other_generation):
        return Match.DIFFERENT
    if sorted(first) == sorted(second) or "".join(first) == "".join(second):
        return Match.SAME
    short, long = sorted((first, second), key=lambda words: (len(words), words))
    levels = _levels(short, long)
    return _verdict(short, long, levels)


def _bare(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Return a name without titles, and its generation ("jr")."""
    generation = _GENERATIONS.get(words[-1]) if len(words) > 2 else None  # noqa: PLR2004 - given and family name before it
    words = words[:-1] if generation else words
    bare = [word for word in words if word not in _TITLES]
    return _with_joined_particles(bare), generation


def _with_joined_particles(words: list[str]) -> list[str]:
    """Join "o brien", "de la cruz", "mc donald" to one word each."""
    joined: list[str] = []
    prefix = ""
    for at, word in enumerate(words):
        is_particle = word in (
            "de",
            "la",
            "del",
            "los",
            "las",
            "mc",
            "mac",
            "van",
            "von",
            "der",
            "el",
            "al",
            "st",
            "san",
        )
        if (is_particle or (word == "o" and at > 0)) and at + 1 < len(words):
            prefix += word
        else:
            joined.append(prefix + word)
            prefix = ""
    return joined


def _levels(short: Sequence[str], long: Sequence[str]) -> list[tuple[_Level, int]]:
    """Return for each word of the shorter name how well and by which word of the longer one it is met.

    The best pairs are taken first; each word is used once.
    """
    pairs = [
        (level, at, place)
        for at, word in enumerate(short)
        for place, other in enumerate(long)
        if (level := _level(word, other)) is not _Level.NONE
    ]
    found: dict[int, tuple[_Level, int]] = {}
    used: set[int] = set()
    for level, at, place in sorted(pairs, key=lambda pair: (-pair[0], abs(pair[1] - pair[2]))):
        if at not in found and place not in used:
            found[at] = (level, place)
            used.add(place)
    return [found.get(at, (_Level.NONE, -1)) for at in range(len(short))]


def _level(word: str, other: str) -> _Level:
    if word == other or is_short_form(word, other):
        return _Level.EQUAL
    if len(word) == 1 or len(other) == 1:
        return _Level.INITIAL if word[0] == other[0] else _Level.NONE
    return _Level.ALIKE if _alike(word, other) else _Level.NONE


def _alike(word: str, other: str) -> bool:
    """Return whether a word may be the other one misheard."""
    if sounds_alike(word, other):
        return True
    shorter, longer = sorted((len(word), len(other)))
    if longer > LONGEST_WORD or longer > 2 * shorter:
        return False
    one, two = word.replace("y", "i"), other.replace("y", "i")
    distance = damerau_levenshtein_distance(one, two)
    if distance <= 1 and (shorter >= _SHORT_WORD or _consonants(one) == _consonants(two)):
        return True
    if not (word.isascii() and other.isascii()):
        return False
    return metaphone(word) == metaphone(other) and 1 - distance / longer >= _LEAST_ALIKE


def _consonants(word: str) -> str:
    """Return the consonants that are heard, doubled ones once, and whether a vowel begins the word, after an H too."""
    kept = [char for char in word if char not in "aeiouh"]
    single = [char for at, char in enumerate(kept) if at == 0 or char != kept[at - 1]]
    return ("a" if word.lstrip("h")[:1] in set("aeiou") else "") + "".join(single)


def _verdict(short: Sequence[str], long: Sequence[str], levels: Sequence[tuple[_Level, int]]) -> Match:
    missing = [at for at, (level, _) in enumerate(levels) if level is _Level.NONE]
    if missing:
        return Match.UNSURE if _only_middle_initials(short, missing) else Match.DIFFERENT
    kinds = {level for level, _ in levels}
    if _Level.ALIKE in kinds or _Level.EQUAL not in kinds:
        return Match.UNSURE
    places = {place for level, place in levels if level is _Level.EQUAL}
    return Match.SAME if places & {0, len(long) - 1} or len(short) > 1 else Match.UNSURE


def _only_middle_initials(short: Sequence[str], missing: Sequence[int]) -> bool:
    """Return whether all that disagrees is an initial between given and family name."""
    return len(short) > 2 and all(0 < at < len(short) - 1 and len(short[at]) == 1 for at in missing)  # noqa: PLR2004 - a middle needs three
