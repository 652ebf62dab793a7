"""The shape of a language's word list: what each word or fixed phrase is to the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

Entry = tuple[str, object]
"""A token kind of the grammar, and the value that goes with it."""

FILLER: Entry = ("FILLER", None)

EITHER_SIDE: Entry = ("NOT", "either side")
"""A negation that may be about what stands before it as well as about what follows: "Thursday I can't"."""


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """One language's words, without accents and in lower case.

    Args:
        language: its two-letter code.
        words: single words.
        phrases: fixed phrases of several words, which win over single words; the longest wins.
        cardinals, ordinals: numbers in words.
        tens: those cardinals that a unit may follow ("twenty" "one").
        fuzzy: the words that a misspelling of one letter is accepted for.
    """

    language: str
    words: Mapping[str, Entry]
    phrases: Mapping[str, Entry]
    cardinals: Mapping[str, int]
    ordinals: Mapping[str, int]
    tens: frozenset[int] = field(default=frozenset((20, 30, 40, 50)))
    fuzzy: tuple[str, ...] = ()

    @cached_property
    def phrases_by_first(self) -> dict[str, list[tuple[tuple[str, ...], Entry]]]:
        """The fixed phrases by their first word, the longest first."""
        found: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
        for phrase, entry in self.phrases.items():
            words = tuple(word.removesuffix("'s") for word in phrase.split())  # as those of a text are looked up
            found.setdefault(words[0], []).append((words, entry))
        for entries in found.values():
            entries.sort(key=lambda entry: -len(entry[0]))
        return found

    def spelled_like(self, word: str) -> str | None:
        """Return the one word that `word` differs from by one letter, or by two letters swapped."""
        if len(word) < _FEWEST_LETTERS:
            return None
        found = [known for known in self.fuzzy if _is_one_edit_away(word, known)]
        return found[0] if len(found) == 1 else None


_FEWEST_LETTERS = 5


def _is_one_edit_away(word: str, known: str) -> bool:
    """Return whether one insertion, deletion, replacement or swap of neighbors makes both equal."""
    if abs(len(word) - len(known)) > 1 or word[0] != known[0]:
        return False
    same = next((i for i, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    rest, known_rest = word[same:], known[same:]
    return (
        rest[1:] == known_rest[1:]
        or rest[1:] == known_rest
        or rest == known_rest[1:]
        or (rest[:2] == known_rest[1::-1] and rest[2:] == known_rest[2:])
    )


def entries(kind: str, values: Mapping[str, object]) -> dict[str, Entry]:
    """Return word list entries of one kind, one for each word of each space-separated key."""
    return {word: (kind, value) for words, value in values.items() for word in words.split()}


def fillers(words: str) -> dict[str, Entry]:
    """Return entries for words that mean nothing to a day or a time."""
    return dict.fromkeys(words.split(), FILLER)


def phrases(*groups: tuple[Entry, str]) -> dict[str, Entry]:
    """Return fixed phrases by their words; each group is an entry and its phrases, separated by `|`."""
    return {" ".join(phrase.split()): entry for entry, texts in groups for phrase in texts.split("|")}
