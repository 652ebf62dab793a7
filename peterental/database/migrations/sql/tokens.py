"""The tokens of an SQL text, as PostgreSQL's own scanner finds them."""

from __future__ import annotations

from dataclasses import dataclass

from peterental.database.migrations.sql.parser import ParseError, pg_enums, scan

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text: a keyword, name, string, number, operator or comment.

    Args:
        kind: its name in PostgreSQL's grammar: `IDENT`, `CREATE`, `SCONST`; empty for an unknown character.
        offset: where it begins, in characters.
        text: its text, quotes included.
    """

    kind: str
    offset: int
    text: str

    @property
    def end(self) -> int:
        """Where it ends, in characters."""
        return self.offset + len(self.text)


def tokens_with_comments(text: str) -> list[Token] | None:
    """Return the tokens of `text`; None if it cannot be scanned, for example because of an unclosed quote."""
    try:
        found = scan(text)
    except ParseError:
        return None
    known = pg_enums().Token.DESCRIPTOR.values_by_number
    encoded = text.encode()  # the scanner counts bytes
    tokens = []
    position = offset = 0
    for scanned in found:
        offset += len(encoded[position : scanned.start].decode())
        kind = known[scanned.token].name if scanned.token in known else ""
        token = Token(kind, offset, encoded[scanned.start : scanned.end].decode())
        tokens.append(token)
        position, offset = scanned.end, token.end
    return tokens


def tokens_of(text: str) -> list[Token] | None:
    """Return the tokens of `text` without comments; None if it cannot be scanned."""
    tokens = tokens_with_comments(text)
    return None if tokens is None else [token for token in tokens if token.kind not in COMMENTS]
