"""Fold text for comparison: no case, no accents, ASCII digits. Pure."""

from __future__ import annotations

import unicodedata

_FRACTIONS = {
    ord(char): " " + unicodedata.normalize("NFKD", char).replace("\u2044", "/") + " "
    for char in "½¼¾⅓⅔⅛⅜⅝⅞"
}  # fmt: skip
_APOSTROPHES = frozenset("'`\u2018\u2019\u00b4")


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list written as text."""
    return frozenset(text.split())


def fold(text: str) -> str:
    """Return `text` in lower case without accents and apostrophes, with ASCII digits."""
    ascii_only = text.isascii()
    if not ascii_only:
        text = unicodedata.normalize("NFKD", text.translate(_FRACTIONS)).replace("\u2044", "/")
    folded = text.casefold()
    if ascii_only:
        return folded.replace("'", "").replace("`", "")
    return "".join(_plain(char) for char in folded if char not in _APOSTROPHES and not unicodedata.combining(char))


def _plain(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char
