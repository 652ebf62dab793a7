"""Text as it may stand in a message: without control characters, in one line or in several. Pure."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def one_line(text: str) -> str:
    """Return a text as one line: line breaks and control characters become blanks."""
    return " ".join(_UNSAFE.sub(" ", text).split())


def lines(text: str) -> str:
    """Return a text without control characters; its lines end with LF, also the last one."""
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_UNSAFE.sub("", line.replace("\t", "    ")) for line in split).rstrip("\n") + "\n"
