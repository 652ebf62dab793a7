"""Passwords that are easy to guess: common ones, patterns, and the user's own name and address."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_CHARS_ESTIMATED = 64
"""The estimate takes quadratic time. A password with an unguessable beginning needs no further look."""

MIN_SCORE = 3
"""The score of zxcvbn from 0 to 4; 3 means that at least a hundred million guesses are needed."""

OUR_WORDS = ("PeteRental", "viewings", "rental", "leasing", "office")

_SEPARATOR = re.compile(r"[^\w]+")


def is_common(password: str, owner: Iterable[str] = ()) -> bool:
    """Return whether a password is easy to guess.

    zxcvbn estimates the guesses from lists of common passwords, words and names, and from keyboard rows, repetitions,
    sequences and dates. Its lists take 13 MB: only a process in which a password is chosen loads them.

    Args:
        password: after normalization.
        owner: the e-mail address and the name of its user; their parts count as guessed first.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415  # see above

    words = [*OUR_WORDS]
    for text in owner:
        words += [text, *filter(None, _SEPARATOR.split(text))]
    estimate = zxcvbn(password[:MAX_CHARS_ESTIMATED], user_inputs=words)
    return bool(estimate["score"] < MIN_SCORE)
