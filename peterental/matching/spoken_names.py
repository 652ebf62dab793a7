"""Read the name in what a caller answers: "my name is Ana Ruiz", "Ana, A-N-A", "soy Ana". Pure."""

from __future__ import annotations

import re

from peterental.matching.match import Match
from peterental.matching.names import names_match

_LEADS = re.compile(
    r"(?:uh+[\s,.]+|(?:um+|hi|hello|yes|sure|hola|si|sí|eh)[,.]\s*)*"
    r"(?:(?:my (?:full )?name is|(?:the|my) name\Ws|the name is|name is|name:|this is|it is under|it\Ws under"
    r"|it is|it\Ws|i am|i\Wm|under|(?:put|book) it (?:under|for)|me llamo|mi nombre es|soy|se llama|(?:le )?habla"
    r"|(?:est(?:a|á) )?al? nombre de)\s+)?",
    re.IGNORECASE,
)
_TAILS = re.compile(r"[\s,]+(?:please|thanks|thank you|speaking|here|por favor|gracias)[\s.!]*$", re.IGNORECASE)
_SPELLING = re.compile(
    r"[\s,]{1,3}(?:(?:with|con) (?:an? |one |two |una |un |dos )?[a-z]|(?:as in|como en) [^\W\d_]{2,40})$",
    re.IGNORECASE,
)
"""How one letter is written: "Ruiz with a z", "Catherine con C"."""

_WORD = re.compile(r"[^\s,()]+")
_FEWEST_LETTERS = 3
"""Two single letters are initials."""


def spoken_name(text: str) -> str:
    """Return the name in a text, without the words around it; the text itself where nothing is left.

    A name that is spelt is written as spelt: "Jon, J-O-H-N, Smith" is John Smith. Initials stay: "J R Smith".
    """
    name = _TAILS.sub("", _LEADS.sub("", text.strip(), count=1)).strip(" ,.;")
    name = _SPELLING.sub("", name, count=1)
    words = _WORD.findall(name)
    found: list[str] = []
    is_spelt = False
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and _letters_of(words[end]):
            end += 1
        letters = "".join(map(_letters_of, words[at:end]))
        spelt = letters.capitalize() if len(letters) >= _FEWEST_LETTERS else ""
        if not spelt:
            found.append(words[at])
            at += 1
            continue
        is_whole = not found and end == len(words)
        if not is_whole and (not found or names_match(found[-1], spelt) is Match.DIFFERENT):
            return name or text
        found[-1:] = [spelt]
        at, is_spelt = end, True
    return " ".join(found) if is_spelt else name or text


def _letters_of(word: str) -> str:
    """Return the letters of a word that consists of single ones: "A", "A.", "J-O-H-N"; empty for any other."""
    letters = word.replace("-", " ").replace(".", " ").split()
    return "".join(letters) if all(len(letter) == 1 and letter.isalpha() for letter in letters) else ""
