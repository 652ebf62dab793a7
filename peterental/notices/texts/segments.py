"""Count the segments of a text message, as networks bill it: GSM 03.38, the 7-bit alphabet, or UCS-2. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Characters that an escape precedes: each takes two places."""

ONE_SEGMENT = {"gsm7": 160, "ucs2": 70}
"""How many characters a message of one segment holds, by encoding."""
EACH_SEGMENT = {"gsm7": 153, "ucs2": 67}
"""How many each of several segments holds: the rest of it says which part it is."""


@dataclass(frozen=True)
class Segments:
    """How a text is sent.

    Args:
        encoding: GSM-7, or UCS-2 where one character needs it.
        characters: how many places it takes: septets of GSM-7, or code units of UCS-2 (an emoji takes two).
        count: how many segments it has.
    """

    encoding: Encoding
    characters: int
    count: int


def segments(text: str) -> Segments:
    """Return how a text is sent. A character of two places never crosses the boundary of two segments."""
    is_gsm7 = all(character in GSM7_BASIC or character in GSM7_EXTENSION for character in text)
    encoding: Encoding = "gsm7" if is_gsm7 else "ucs2"
    places = [_places(character, is_gsm7=is_gsm7) for character in text]
    characters = sum(places)
    if characters <= ONE_SEGMENT[encoding]:
        return Segments(encoding, characters, 1)
    count, left = 1, EACH_SEGMENT[encoding]
    for width in places:
        if width > left:
            count, left = count + 1, EACH_SEGMENT[encoding]
        left -= width
    return Segments(encoding, characters, count)


def _places(character: str, *, is_gsm7: bool) -> int:
    if is_gsm7:
        return 2 if character in GSM7_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - a surrogate pair
