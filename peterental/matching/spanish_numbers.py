"""Turn Spanish number words into English ones, so that one reader of numbers is enough. Pure.

"mil cuatrocientos veinte" becomes "one thousand four hundred twenty", "treinta y tres" "thirty three". A single number
word is left alone unless it numbers a unit, or begins the words and is above eleven: "Dos Rios" and "Calle Ocho" are
streets, "doce Lake Road" is number 12.
"""

from __future__ import annotations

from collections.abc import Sequence


def _table(text: str) -> dict[str, list[str]]:
    rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: row[1:] for row in rows}


_ENGLISH = _table("""
    cero zero
    uno one
    una one
    un one
    dos two
    tres three
    cuatro four
    cinco five
    seis six
    siete seven
    ocho eight
    nueve nine
    diez ten
    once eleven
    doce twelve
    trece thirteen
    catorce fourteen
    quince fifteen
    dieciseis sixteen
    diecisiete seventeen
    dieciocho eighteen
    diecinueve nineteen
    veinte twenty
    veintiuno twenty one
    veintidos twenty two
    veintitres twenty three
    veinticuatro twenty four
    veinticinco twenty five
    veintiseis twenty six
    veintisiete twenty seven
    veintiocho twenty eight
    veintinueve twenty nine
    treinta thirty
    cuarenta forty
    cincuenta fifty
    sesenta sixty
    setenta seventy
    ochenta eighty
    noventa ninety
    cien one hundred
    ciento one hundred
    doscientos two hundred
    trescientos three hundred
    cuatrocientos four hundred
    quinientos five hundred
    seiscientos six hundred
    setecientos seven hundred
    ochocientos eight hundred
    novecientos nine hundred
""")
_THOUSAND = "mil"
_AND = "y"
_SPANISH = frozenset((*_ENGLISH, _THOUSAND))


def is_spanish_number(word: str) -> bool:
    """Return whether `word` can begin a number in Spanish."""
    return word in _SPANISH


_NUMBERS_OF_NAMES = frozenset(
    (
        "cero",
        "uno",
        "una",
        "un",
        "dos",
        "tres",
        "cuatro",
        "cinco",
        "seis",
        "siete",
        "ocho",
        "nueve",
        "diez",
        "once",
        "mil",
    )
)
"""Numbers that begin names of streets, or are other words: "Cinco Ranch"."""

_ARTICLES = frozenset(("un", "una", "uno"))


def number_in_english(word: str) -> list[str]:
    """Return the English words of a number that stands alone ("doce"); none for another word and for an article."""
    return [] if word in _ARTICLES else _ENGLISH.get(word, [])


def in_english(words: Sequence[str], designators: frozenset[str]) -> list[str]:
    """Return `words` with runs of two or more Spanish number words, and numbers of units, in English.

    Args:
        words: folded words.
        designators: words that a unit's number follows.
    """
    if _SPANISH.isdisjoint(words):
        return list(words)
    out: list[str] = []
    at = 0
    while at < len(words):
        end = _end_of_run(words, at)
        numbers = sum(word != _AND for word in words[at:end])
        is_house = at == 0 and numbers == 1 and len(words) > 1 and words[0] not in _NUMBERS_OF_NAMES
        if numbers > 1 or is_house or (numbers and at > 0 and words[at - 1] in designators):
            out += _translated(words[at:end])
        else:
            end = max(end, at + 1)
            out += words[at:end]
        at = end
    return out


def _end_of_run(words: Sequence[str], at: int) -> int:
    """Return where the Spanish number that begins at `at` ends; `at` itself where none begins."""
    end = at
    while end < len(words) and (words[end] in _ENGLISH or words[end] == _THOUSAND):
        end += 1
        if end + 1 < len(words) and words[end] == _AND and words[end + 1] in _ENGLISH:
            end += 1
    return end


def _translated(run: Sequence[str]) -> list[str]:
    english: list[str] = []
    for word in run:
        if word == _THOUSAND:
            english += ["thousand"] if english else ["one", "thousand"]
        elif word != _AND:
            english += _ENGLISH[word]
    return english
