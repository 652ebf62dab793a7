"""Homes that a caller turns down: "not the Elm one, the one on Boyd". Pure and linear."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.folding import fold, word_set

_DENIALS = (
    ("instead", "of"), ("rather", "than"), ("en", "vez", "de"), ("en", "lugar", "de"), ("but", "not"),
    ("didnt", "say"), ("didnt", "mean"), ("didnt", "want"), ("dont", "mean"), ("dont", "want"),
    ("did", "not", "say"), ("did", "not", "mean"), ("did", "not", "want"), ("do", "not", "mean"), ("do", "not", "want"),
    ("no", "dije"), ("no", "quise", "decir"), ("no", "quiero"), ("no", "queria"), ("not",),
)  # fmt: skip
_FIRST_WORDS = frozenset(words[0] for words in _DENIALS) | {"no"}
_AFTER_NO = word_set("la el las los en esa ese")
"""What follows the Spanish "no" where it turns a home down; "no 5 Elm" is a number."""


_FEWEST_WORDS = 2


def without_denied(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text without what it turns down, and that: "33 Boyd, not Elm" is "33 Boyd", and not "Elm".

    Whether that is a home is not known here: "not sure, maybe Elm" turns "sure" down.
    """
    if _FIRST_WORDS.isdisjoint(fold(text).replace(",", " ").split()):
        return text, ()
    wanted: list[str] = []
    denied: list[str] = []
    for piece in text.replace(";", ",").split(","):
        words = piece.split()
        folded = [fold(word) for word in words]
        if _is_denied_at_its_end(folded):
            denied.append(" ".join(words[:-1]))
            continue
        start, end = _denial_in(folded)
        wanted.append(" ".join(words[:start]))
        denied.append(" ".join(words[end:]))
    if not any(denied):
        return text, ()
    return ", ".join(filter(None, wanted)), tuple(filter(None, denied))


def _is_denied_at_its_end(words: Sequence[str]) -> bool:
    """Return whether words are a Spanish "la de Elm no"."""
    return len(words) > _FEWEST_WORDS and words[-1] == "no" and words[0] in _AFTER_NO


def _denial_in(words: Sequence[str]) -> tuple[int, int]:
    """Return where the words that turn something down begin and end; the end of all words where there are none."""
    for at, word in enumerate(words):
        if word not in _FIRST_WORDS:
            continue
        if word == "no" and at + 1 < len(words) and words[at + 1] in _AFTER_NO:
            return at, at + 1
        for denial in _DENIALS:
            if tuple(words[at : at + len(denial)]) == denial:
                return at, at + len(denial)
    return len(words), len(words)
