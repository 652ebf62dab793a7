"""Read the name in what a caller answers: "my name is Ana Ruiz", "Ana, A-N-A", "soy Ana". Pure."""

from __future__ import annotations

import re

from peterental.matching.match import Match
from peterental.matching.names import names_match

_LEADS = re.compile(
    r"(?:uh+[\s,.]+|(?:um+|hi|hello|yes|sure|hola|si|sí|eh)[,.]\s*)*"
    r"(?:(?:my (?:full )?name is|the name is|name is|name:|this is|it is|it\Ws|i am|i\Wm"
    r"|me llamo|mi nombre es|soy|se llama)\s+)?",
    re.IGNORECASE,
)
_TAILS = re.compile(r"[\s,]+(?:please|thanks|thank you|speaking|here|por favor|gracias)[\s.!]*$", re.IGNORECASE)
_WORD = re.compile(r"[^\s,()]+")
_FEWEST_LETTERS = 3
"""Two single letters are initials."""


def spoken_name(text: str) -> str:
    """Return the name in a text, without the words around it; the text itself where nothing is left.

    A name that is spelt is written as spelt: "Jon, J-O-H-N" is John. Initials stay: "J R Smith".
    """
    name = _TAILS.sub("", _LEADS.sub("", text.strip(), count=1)).strip(" ,.;")
    words = _WORD.findall(name)
    start = len(words)
    while start > 0 and _letters_of(words[start - 1]):
        start -= 1
    letters = "".join(map(_letters_of, words[start:]))
    if len(letters) < _FEWEST_LETTERS:
        return name or text
    before, spelt = words[:start], letters.capitalize()
    if not before:
        return spelt
    is_repeated = names_match(before[-1], spelt) is not Match.DIFFERENT
    return " ".join([*before[:-1], spelt]) if is_repeated else name


def _letters_of(word: str) -> str:
    """Return the letters of a word that consists of single ones: "A", "A.", "J-O-H-N"; empty for any other."""
    letters = word.replace("-", " ").replace(".", " ").split()
    return "".join(letters) if all(len(letter) == 1 and letter.isalpha() for letter in letters) else ""
