"""House numbers that may be one number misheard or mistyped. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_DIGITS = re.compile(r"[0-9]+")
_TEEN = re.compile(r"1([3-9])")
_TY = re.compile(r"([3-9])0")
MOST_DIGITS = 6
"""A longer number has none: its neighbours would be hundreds."""


@lru_cache(1_000)
def near_numbers(number: str) -> frozenset[str]:
    """Return the numbers that `number` may be if it was misheard, without itself.

    One digit is another, is missing or is too many; two neighbours are swapped; "fifteen" is "fifty"; and the number
    without its letter or fraction.

    Args:
        number: in canonical spelling: "1420", "1420b", "118 1/2".
    """
    found = _DIGITS.match(number)
    if found is None or len(found[0]) > MOST_DIGITS:
        return frozenset()
    digits = found[0]
    near = {digits}
    for at in range(len(digits)):
        before, here, after = digits[:at], digits[at], digits[at + 1 :]
        near.add(before + after)
        near.update(f"{before}{other}{after}" for other in "0123456789")
        near.update(f"{before}{other}{here}{after}" for other in "0123456789")
        if after:
            near.add(f"{before}{after[0]}{here}{after[1:]}")
        for pattern, swapped in ((_TEEN, r"\g<1>0"), (_TY, r"1\g<1>")):
            if (pair := pattern.match(digits, at)) is not None:
                near.add(before + pair.expand(swapped) + digits[pair.end() :])
    near.update(f"{digits}{other}" for other in "0123456789")
    return frozenset(each for each in near if each and not each.startswith("0")) - {number}


@lru_cache(1_000)
def near_patterns(number: str) -> tuple[str, ...]:
    """Return LIKE patterns that match all of `near_numbers`, and little else: a database looks for them."""
    found = _DIGITS.match(number)
    if found is None or len(found[0]) > MOST_DIGITS:
        return ()
    digits = found[0]
    places = range(len(digits) + 1)
    longer = {f"{digits[:at]}_{digits[at:]}" for at in places}
    same = {f"{digits[:at]}_{digits[at + 1 :]}" for at in places[:-1]}
    others = {
        near
        for near in near_numbers(number)
        if not any(len(near) == len(pattern) and _is_like(near, pattern) for pattern in longer | same)
    }
    return tuple(sorted(longer | same | others))


def _is_like(text: str, pattern: str) -> bool:
    return all(wanted in {"_", char} for char, wanted in zip(text, pattern, strict=True))


def may_be_misheard(one: str, other: str) -> bool:
    """Return whether two different house numbers may be one number misheard."""
    first, second = _DIGITS.match(one), _DIGITS.match(other)
    if one == other or first is None or second is None:
        return False
    return first[0] == second[0] or second[0] in near_numbers(one)
