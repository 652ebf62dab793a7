"""Bounded text search: SQL fragments that find words in bounded time. Pure.

Neither way of finding a word is fast for every word. A trigram index lists every row that has it, so it is fast for a
rare word only. Reading the list from its top finds a common word at once and a rare one at the far end. A search
therefore

1. reads the rows nearest to the top of the list, `SearchLimits.nearby` of them, and looks for the words there;
2. asks the trigram index only if these rows do not fill the page, if there are more of them, and if the words are not
   common among them; and then only for the rarest word, and for `SearchLimits.matches` rows at most.

What this leaves out is reported as truncated, never missing without notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MIN_CHARS = 3
"""The shortest text that a trigram index finds."""

MAX_WORDS = 6
"""Words of a search that are looked for."""

RARE_SHARE = 10
"""A word is rare, and is looked up in the index, if fewer than one in this many nearby rows has it."""

# Word for word what migration 009 has an index on.
BOOKING_TEXT = """
    (
        attendee_name || ' ' || property_address || ' ' || COALESCE(attendee_email, '') || ' '
        || COALESCE(attendee_phone, '') || ' ' || COALESCE(caller_number, '')
    )
"""

# Word for word what migration 010 has an index on.
MESSAGE_TEXT = """
    (messages.body || ' ' || COALESCE(messages.attendee_name, '') || ' ' || COALESCE(messages.attendee_phone, '') || ' '
    || COALESCE(messages.caller_number, ''))
"""

_TRIGRAM = re.compile(r"[^\W_]{3}")


@dataclass(frozen=True, kw_only=True)
class SearchLimits:
    """How many rows a search reads.

    Args:
        nearby: rows at the top of the list that are searched without the index.
        per_agent: several agents share `nearby`, because the rows of each are read; but each gets this many.
        common: matches nearby from which on the index is not asked: it would list tens of thousands.
        matches: rows that the index may return.
    """

    nearby: int = 1_000
    per_agent: int = 200
    common: int = 50
    matches: int = 1_000

    def parameters(self, page_end: int) -> dict[str, int]:
        """Return these limits as parameters; a page further down needs more rows nearby.

        Args:
            page_end: the place in the list at which the page ends.
        """
        return {
            "nearby": max(self.nearby, page_end),
            "per_agent": self.per_agent,
            "common": self.common,
            "matches": self.matches,
        }


def has_trigram(word: str) -> bool:
    """Return whether a word has three letters or digits in a row, as the index needs."""
    return _TRIGRAM.search(word) is not None


def contains(text: str) -> str:
    """Return the LIKE pattern of what contains `text` literally."""
    return f"%{escape_like(text)}%"


def escape_like(text: str) -> str:
    """Return a text that matches itself in a LIKE pattern."""
    return re.sub(r"([%_\\])", r"\\\1", text)


def digits_of(text: str) -> str | None:
    """Return the digits of a text that is written like a phone number, else None."""
    return re.sub(r"[^0-9]", "", text) if re.fullmatch(r"[0-9\s().+-]+", text) else None


def indexed_match(text: str, pattern: str) -> str:
    """Return the condition that the trigram index answers.

    The pattern is in a sub-select, so that the planner does not know it. It would otherwise take a pattern for a common
    one and read the whole table.

    Args:
        text: the expression that the index is on.
        pattern: the query of the pattern, without parentheses.
    """
    return f"{text} ILIKE ({pattern})"


def folded(text: str) -> str:
    """Return the expression of a text as `folded_match` reads it.

    `ILIKE` folds the text and the pattern again for each word and row, which takes most of the time of a search. The
    text is folded once with this, and the patterns once in all. No index answers it.

    Args:
        text: the expression of the text.
    """
    return f"LOWER({text})"


def folded_match(text: str, *patterns: str) -> str:
    """Return the condition that a folded text has each of some words, as `ILIKE` would.

    Args:
        text: an expression with the text, folded.
        patterns: the names of the parameters with the words' patterns.
    """
    return f"{text} LIKE ALL (ARRAY[{', '.join(f'LOWER(%({name})s::text)' for name in patterns)}])"


def rarest_word(matches: Mapping[str, str], nearby: str) -> str:
    """Return the query of the word with the fewest matches nearby.

    Its row has `word`, the pattern of the word, and `is_common`.

    Args:
        matches: the condition on a nearby row for each word, by the name of the parameter with its pattern.
        nearby: the nearby rows, as an item of a FROM clause.
    """
    hits = ", ".join(f"COUNT(*) FILTER (WHERE {match}) AS hits_of_{name}" for name, match in matches.items())
    words = ", ".join(f"(%({name})s::text, hits_of_{name})" for name in matches)
    return f"""
        SELECT word, hits * {RARE_SHARE} > total AS is_common
        FROM (SELECT COUNT(*) AS total, {hits} FROM {nearby}) AS counted
        CROSS JOIN LATERAL (VALUES {words}) AS words (word, hits)
        ORDER BY hits
        LIMIT 1
    """


def union_all(queries: Iterable[str]) -> str:
    """Return the query of the rows of all these queries."""
    return " UNION ALL ".join(f"({query})" for query in queries)
