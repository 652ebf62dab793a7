"""The words of an SQL text, as PostgreSQL's own scanner reads them."""

from __future__ import annotations

from dataclasses import dataclass

from peterental.database.migrations.sql.parser import ParseError, pg_enums, scan

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a text; a quoted text, a number, a comma and a comment are words too.

    Args:
        kind: as PostgreSQL's grammar calls it: `IDENT`, `CREATE`, `SCONST`; empty for a character that means nothing.
        offset: where it begins, in characters.
        sql: as it stands, with its quotes.
    """

    kind: str
    offset: int
    sql: str

    @property
    def end(self) -> int:
        """Where it ends, in characters."""
        return self.offset + len(self.sql)


def tokens_with_comments(text: str) -> list[Token] | None:
    """Give the words of `text`; None where it cannot be read: a quote is left open, a number runs into a letter."""
    try:
        tokens = scan(text)
    except ParseError:
        return None
    known = pg_enums().Token.DESCRIPTOR.values_by_number
    encoded = text.encode()  # the scanner counts bytes
    words = []
    position = offset = 0
    for token in tokens:
        offset += len(encoded[position : token.start].decode())
        kind = known[token.token].name if token.token in known else ""
        word = Token(kind, offset, encoded[token.start : token.end].decode())
        words.append(word)
        position, offset = token.end, word.end
    return words


def tokens_of(text: str) -> list[Token] | None:
    """Give the words of `text` without its comments; None where it cannot be read."""
    words = tokens_with_comments(text)
    return None if words is None else [word for word in words if word.kind not in COMMENTS]
