"""Passwords that are easy to guess: common ones, patterns, and the user's own name and address."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_CHARS_ESTIMATED = 64
"""The estimate takes quadratic time. A password with an unguessable beginning needs no further look."""

MIN_SCORE = 3
"""The score of zxcvbn from 0 to 4; 3 means that at least a hundred million guesses are needed."""

OUR_WORDS = ("peterental", "viewings", "viewing", "rentals", "rental", "leasing", "office")

MIN_WORD_CHARS = 3
MIN_OTHER_CHARS = 5
"""What a password has besides the user's own words and ours: a year or an exclamation mark is not enough."""

_SEPARATORS = re.compile(r"[\W_]+")


def is_common(password: str, owner: Iterable[str] = ()) -> bool:
    """Return whether a password is easy to guess.

    zxcvbn estimates the guesses from lists of common passwords, words and names, and from keyboard rows, repetitions,
    sequences and dates. Its lists take 13 MB: only a process in which a password is chosen loads them.

    Args:
        password: after normalization.
        owner: the e-mail address and the name of its user.
    """
    start = password[:MAX_CHARS_ESTIMATED]
    words = _words(owner)
    if len(_without(words, start)) < MIN_OTHER_CHARS:
        return True
    from zxcvbn import zxcvbn  # noqa: PLC0415  # see above

    return bool(zxcvbn(start, user_inputs=words)["score"] < MIN_SCORE)


def _words(owner: Iterable[str]) -> list[str]:
    """Return the words that are guessed first, the longest first."""
    parts = {part for text in owner for part in _SEPARATORS.split(text.lower()) if len(part) >= MIN_WORD_CHARS}
    return sorted({*parts, *OUR_WORDS}, key=len, reverse=True)


def _without(words: Iterable[str], text: str) -> str:
    """Return the letters and digits of a text that belong to none of the words."""
    rest = _SEPARATORS.sub("", text.lower())
    for word in words:
        rest = rest.replace(word, "")
    return rest
