"""Decode JSON that strict decoders reject: bad bytes, huge numbers, deep nesting. Pure.

A report is sent once. It must not be lost to one field that is not even read.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from peterental.voice.sanitize import json_safe

MAX_DEPTH = 200
"""Arrays and objects nested deeper become null; Vapi's own messages have about ten levels."""

MAX_INTEGER_DIGITS = 20

# Possessive, so that the time stays linear for any input. An unterminated string ends with the text.
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z))'
    r"|(?P<opening>[\[{])|(?P<closing>[\]}])"
    r"|(?P<junk>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffd]+)",
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9A-Fa-f]{4})?')
_BEFORE_A_VALUE = re.compile(r"[:,\[]\s*\Z")
_AFTER_A_VALUE = re.compile(r"\s*[,\]}]")
_LOOKBEHIND_CHARS = 16


def decode_leniently(raw: bytes) -> Any:
    """Decode JSON and drop what cannot be kept.

    Bad bytes in text become U+FFFD. Control characters and lone surrogates are removed. Integers with more than
    MAX_INTEGER_DIGITS digits, numbers out of range and nesting below MAX_DEPTH become None. Unknown escapes stay as
    text.

    Raise ValueError where the rest is not JSON.
    """
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")
    value = json.loads(_clean(text), strict=False, parse_int=_integer)
    return json_safe(value, keep_lines=True, depth=-MAX_DEPTH)


def _clean(text: str) -> str:
    """Return JSON text without junk between its tokens, unknown escapes and deep nesting."""
    pieces: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "opening":
            depth += 1
            if depth == MAX_DEPTH + 1:
                pieces.append(f"{text[start : token.start()]}null")
        elif kind == "closing":
            depth -= 1
            if depth == MAX_DEPTH:
                start = token.end()
        elif depth <= MAX_DEPTH and (kind == "junk" or "\\" in token[0]):
            pieces.append(text[start : token.start()])
            pieces.append(_ESCAPE.sub(_known_escape, token[0]) if kind == "string" else _instead_of_junk(token))
            start = token.end()
    if depth <= MAX_DEPTH:
        pieces.append(text[start:])
    return "".join(pieces)


def _known_escape(escape: re.Match[str]) -> str:
    """Return an escape as it is, or an escaped backslash where JSON does not know it."""
    return escape[0] if escape[1] else r"\\"


def _instead_of_junk(junk: re.Match[str]) -> str:
    """Return null for bad bytes in the place of a value, and nothing for any others."""
    before = junk.string[max(0, junk.start() - _LOOKBEHIND_CHARS) : junk.start()]
    is_value = _BEFORE_A_VALUE.search(before) and _AFTER_A_VALUE.match(junk.string, junk.end())
    return "null" if is_value else ""


def _integer(digits: str) -> int | None:
    """Parse an integer; None for one with more digits than any value here."""
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else None
