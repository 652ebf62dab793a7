"""Read numbers that are spelt in words, as callers say house numbers, units and street names. Pure.

"fourteen twenty" is 1420, "twelve oh five" 1205, "one four two zero" 1420, "one hundred one" 101, "twenty third" 23rd.
Where a house number runs into a numbered street ("fourteen twenty fifth street") both readings are returned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from peterental.folding import word_set
from peterental.matching.usps import DIRECTIONS

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}  # fmt: skip
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_UNIT_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
}  # fmt: skip
_OTHER_ORDINALS = {
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
    "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
}  # fmt: skip
CARDINALS = _UNITS | _TEENS | _TENS
_ORDINALS = _UNIT_ORDINALS | _OTHER_ORDINALS
_SCALES = {"hundred": 100, "thousand": 1000}
_ZEROS = frozenset(("oh", "o"))
_REPEATS = {"double": 2, "triple": 3}

_COUNTED = word_set("""
    mile oaks pines points corners rivers forks hills lakes bridges notch brothers sisters springs elms trees mills
    maples cedars creeks islands flags winds palms chimneys gables ponds crosses
""")
"""Nouns that street names count: "Three Oaks Drive", "Seven Mile Road"."""

_DEMONSTRATIVES = frozenset(("the", "that", "this", "which", "other", "same", "last", "bedroom", "new"))
_SHORT_DIGITS = re.compile(r"[0-9]{1,2}")
_DIGIT_ORDINAL = re.compile(r"([0-9]{1,4})(?:st|nd|rd|th)")
_TEN = 10
_LONGEST_RUN = 24
"""Words of one spoken number; a longer run of number words is cut there."""


def is_number(word: str) -> bool:
    """Return whether `word` can begin a number: digits or a number word."""
    return word.isdecimal() or word in CARDINALS or word in _ORDINALS


def ordinal(value: int) -> str:
    """Return "1st", "22nd", "113th"."""
    suffix = "th" if value // _TEN % _TEN == 1 else {1: "st", 2: "nd", 3: "rd"}.get(value % _TEN, "th")
    return f"{value}{suffix}"


def to_digits(words: Sequence[str], designators: frozenset[str]) -> list[list[str]]:
    """Return `words` with numbers in digits: one reading, or two where a number can be divided in two ways.

    Args:
        words: folded words of one part of an address.
        designators: words that a unit's identifier follows; digits after them are not joined ("Apt 2 14 Elm").
    """
    out: list[str] = []
    other: list[str] | None = None
    at = 0
    while at < len(words):
        half = _half_at(words, at) if out and out[-1].isdecimal() else 0
        if half:
            _extend(out, other, ["1/2"])
            at += half
            continue
        end = _end_of_run(words, at, designators)
        if end == at:
            _extend(out, other, [_digit_ordinal(words[at])])
            at += 1
            continue
        readings = _read(words[at:end], out, words[end] if end < len(words) else "")
        if len(readings) > 1 and other is None:
            other = out + readings[1]
        else:
            _extend([], other, readings[0])
        out += readings[0]
        at = end
    return [out] if other is None else [out, other]


def _extend(out: list[str], other: list[str] | None, tokens: list[str]) -> None:
    out += tokens
    if other is not None:
        other += tokens


def _digit_ordinal(word: str) -> str:
    """Return an ordinal with its right ending ("23rd" for "23th"); other words unchanged."""
    match = _DIGIT_ORDINAL.fullmatch(word) if word[0].isdigit() else None
    return ordinal(int(match[1])) if match else word


def _half_at(words: Sequence[str], at: int) -> int:
    """Return the number of words of "and a half", "a half", "one half", or "half" before a direction, at this place."""
    if words[at] == "half" and at + 1 < len(words) and words[at + 1] in DIRECTIONS:
        return 1
    for half in (("and", "a", "half"), ("and", "one", "half"), ("a", "half"), ("one", "half")):
        if tuple(words[at : at + len(half)]) == half:
            return len(half)
    return 0


def _end_of_run(words: Sequence[str], at: int, designators: frozenset[str]) -> int:
    """Return where the spoken number that begins at `at` ends; `at` itself where none begins."""
    follows_designator = at > 0 and words[at - 1] in designators
    if not _begins(words, at, follows_designator=follows_designator):
        return at
    end = at
    limit = min(len(words), at + _LONGEST_RUN)
    while end < limit:
        word = words[end]
        if word in _ORDINALS:
            end += 1
            break
        if not _continues(words, at, end) or (end > at and follows_designator and words[end - 1].isdecimal()):
            break
        end += 1
    if end == at + 1 and words[at] == "one" and not follows_designator and _is_pronoun(words, at):
        return at
    return end


def _begins(words: Sequence[str], at: int, *, follows_designator: bool) -> bool:
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if word in CARDINALS or word in _ORDINALS:
        return True
    if _SHORT_DIGITS.fullmatch(word):
        return not follows_designator
    return (word == "a" and following in _SCALES) or (word in _REPEATS and following in _UNITS | {"oh": 0})


def _continues(words: Sequence[str], start: int, at: int) -> bool:
    """Return whether the word at `at` belongs to the number that begins at `start`."""
    word = words[at]
    before = words[at - 1] if at > start else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    if word in CARDINALS:
        return not (word == "one" and after == "half" and at > start)
    if word in _REPEATS:
        return after in _UNITS or after in _ZEROS
    if word in _ZEROS:
        return _is_zero(word, before, after, said_before=at - start)
    joins = word in _SCALES or (word == "and" and before in _SCALES and (after in CARDINALS or after in _ORDINALS))
    return (before != "" and joins) or (word == "a" and at == start) or _SHORT_DIGITS.fullmatch(word) is not None


def _is_zero(word: str, before: str, after: str, *, said_before: int) -> bool:
    """Return whether "oh" or "o" is a digit: between numbers, after "double", or at the end of spelt digits."""
    number_follows = after in CARDINALS or after in _ZEROS or _SHORT_DIGITS.fullmatch(after) is not None
    return before in _REPEATS or (before != "" and (number_follows or (word == "oh" and said_before > 1)))


def _is_pronoun(words: Sequence[str], at: int) -> bool:
    """Return whether "one" stands for a home ("the one on Elm", "the Norman one")."""
    return (at > 0 and words[at - 1] in _DEMONSTRATIVES) or (at > 0 and at == len(words) - 1)


def _read(run: Sequence[str], out: list[str], following: str) -> list[list[str]]:
    """Return the readings of one run of number words, given what stands before and after it."""
    number_known = any(token.isdecimal() for token in out)
    if run[-1] in _ORDINALS:
        return _read_ordinal(run, number_known=number_known, at_start=not out)
    if following in _COUNTED and len(run) > 1 and (_UNITS.get(run[-1], 0) > 1 or run[-1] in "23456789"):
        divided = [_digits(run[:-1]), _digits(run[-1:])]
        return [divided, [_digits(run)]] if all(word in CARDINALS for word in run) else [divided]
    return [[_digits(run)]]


def _read_ordinal(run: Sequence[str], *, number_known: bool, at_start: bool) -> list[list[str]]:
    *before, last = run
    if last in _UNIT_ORDINALS:
        whole = [*before, _word_of(_UNIT_ORDINALS[last])]
        tens = bool(before) and before[-1] in _TENS
        single = _UNIT_ORDINALS[last]
    else:
        whole, tens, single = [*before, _word_of(_ORDINALS[last])], False, _ORDINALS[last]
    if not before:
        return [[ordinal(single)]]
    if number_known or "and" in before:
        return [[ordinal(int(_digits(whole)))]]
    apart = [_digits(before), ordinal(single)]
    if tens:
        rest, value = before[:-1], _TENS[before[-1]] + single
        together = [*([_digits(rest)] if rest else []), ordinal(value)]
        return [together, apart] if rest or at_start else [together]
    if before[-1] in _SCALES:
        return [[ordinal(int(_digits(whole)))], apart]
    return [apart]


def _word_of(value: int) -> str:
    return next(word for word, number in CARDINALS.items() if number == value)


def _digits(run: Sequence[str]) -> str:
    """Return the digits of a run of cardinal words, group by group as they were spoken."""
    digits, at = [], 0
    while at < len(run):
        group, at = _group(run, at)
        digits.append(group)
    return "".join(digits)


def _group(run: Sequence[str], at: int) -> tuple[str, int]:
    """Return the digits of the group at `at` and where the next one begins."""
    word = run[at]
    if word in _REPEATS:
        return str(_UNITS.get(run[at + 1], 0)) * _REPEATS[word], at + 2
    if word in _ZEROS:
        return "0", at + 1
    following = run[at + 1] if at + 1 < len(run) else ""
    if _SHORT_DIGITS.fullmatch(word) and following not in _SCALES:
        return word, at + 1
    value, at = _below_hundred(run, at)
    value, at = _scaled(run, at, value, "hundred")
    value, at = _scaled(run, at, value, "thousand")
    return str(value), at


def _below_hundred(run: Sequence[str], at: int) -> tuple[int, int]:
    word = run[at]
    if word in _TENS:
        unit = _UNITS.get(run[at + 1], 0) if at + 1 < len(run) else 0
        return (_TENS[word] + unit, at + 2) if unit else (_TENS[word], at + 1)
    if word == "a":
        return 1, at + 1
    return (int(word) if word.isdecimal() else CARDINALS.get(word, 0)), at + 1


def _scaled(run: Sequence[str], at: int, value: int, scale: str) -> tuple[int, int]:
    """Multiply `value` where "hundred" or "thousand" follows, and add the lower part said after it."""
    if at >= len(run) or run[at] != scale:
        return value, at
    value, at = value * _SCALES[scale], at + 1
    start = at + 1 if at < len(run) and run[at] == "and" else at
    if start >= len(run) or run[start] not in CARDINALS or run[start] == "zero":
        return value, at
    lower, end = _below_hundred(run, start)
    if scale == "thousand":
        lower, end = _scaled(run, end, lower, "hundred")
    return (value + lower, end) if lower < _SCALES[scale] else (value, at)
