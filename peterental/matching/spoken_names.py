"""Read the name in what a caller answers: "my name is Ana Ruiz", "Ana, A-N-A", "soy Ana". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peterental.matching.match import Match
from peterental.matching.names import names_match

_RELATIVES = (
    r"(?:wife|husband|partner|mom|mother|dad|father|son|daughter|sister|brother|friend|girlfriend|boyfriend|roommate"
    r"|fiancee?|esposa|esposo|marido|novia|novio|mamá?|papá?|hija|hijo|hermana|hermano|amiga|amigo)"
)
_LEADS = re.compile(
    r"(?:uh+[\s,.]+|(?:um+|hi|hello|yes|sure|hola|si|sí|eh)[,.]\s*)*"
    r"(?:(?:my (?:full )?name is|(?:the|my) name\Ws|the name is|(?:the|my) name would be|name is|name:|this is"
    r"|it is under|it\Ws under|it would be|it is|it\Ws|i am|i\Wm|under|(?:you can )?(?:put|book) it (?:under|for|in)"
    r"|(?:you can |just )?call me"
    r"|me llamo|mi nombre es|soy|se llama|(?:le )?habla|(?:est(?:a|á) )?al? nombre de)\s+|me,\s+)?"
    rf"(?:(?:it\Ws |it is )?for )?(?:(?:para )?(?:my|mi) {_RELATIVES},?\s+)?",
    re.IGNORECASE,
)
_TAILS = re.compile(
    r"[\s,]+(?:please|thanks|thank you|speaking|calling|here|on the line|al habla|por favor|gracias)[\s.!]*$",
    re.IGNORECASE,
)
_NUMBER_FOLLOWS = re.compile(
    r"[\s,.]{1,3}(?:(?:and|y) )?(?:(?:my|mi|the) )(?:phone |cell |e-?mail )?"
    r"(?:number|phone|cell|e-?mail|numero|número|tel[eé]fono|correo)\b.*",
    re.IGNORECASE | re.DOTALL,
)
"""What a caller says after the name: "and my number is …"."""

_SPELLING = re.compile(
    r"[\s,]{1,3}(?:(?:with an |con )(?:accent|acento)(?: (?:on the|en la) [a-z])?"
    r"|(?:with|con) (?:an? |one |two |una |un |dos )?[a-z](?:\W?s)?|(?:as in|como en) [^\W\d_]{2,40})$",
    re.IGNORECASE,
)
"""How one letter is written: "Ruiz with a z", "Catherine con C", "with two t's"."""

_LETTER_AS = re.compile(r"\b([^\W\d_])(?: as in| like in| como en|, as in) [^\W\d_]{2,40}", re.IGNORECASE)
"""A letter as it is spelt: "R as in Robert"."""

_SPELT = re.compile(
    r"[\s,]{1,3}(?:that\Ws|that is|spelled|spelt|it\Ws spelled|deletreado|se escribe|se deletrea) (?=[^\W\d_](?:\W|$))",
    re.IGNORECASE,
)
"""What stands between a name and its letters."""

_CORRECTION = re.compile(
    r"[\s,.]{1,3}(?:no,? sorry|no,? wait|no,? i mean|i mean|sorry,? no|no perd[oó]n|perd[oó]n|digo)[\s,.]{1,3}",
    re.IGNORECASE,
)
_FIRST_AND_LAST = re.compile(
    r"(?:(?:my|the|mi) )?(?:first name|given name|nombre)(?: is|:| es)? (?P<first>[^,]{1,60}?)"
    r"(?:,| and| y)? (?:(?:my|the|mi) )?(?:last name|surname|family name|apellido)(?: is|:| es)? (?P<last>[^,]{1,60})",
    re.IGNORECASE,
)
_LAST_AND_FIRST = re.compile(
    r"(?:(?:my|the|mi) )?(?:last name|surname|family name|apellido)(?: is|:| es)? (?P<last>[^,]{1,60}?)"
    r"(?:,| and| y)? (?:(?:my|the|mi) )?(?:first name|given name|nombre)(?: is|:| es)? (?P<first>[^,]{1,60})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s,()]+")
_FEWEST_LETTERS = 3
"""Two single letters are initials."""

_VOWELS = frozenset("aeiouáéíóú")
LONGEST_SAID = 300
"""Characters of an answer that are read for a name."""


def spoken_name(text: str) -> str:
    """Return the name in a text, without the words around it; the text itself where nothing is left.

    A name that is spelt is written as spelt: "Jon, J-O-H-N, Smith" is John Smith. Initials stay: "J R Smith". Of a
    correction ("Tim, no sorry, Tom Baker") the later name counts.
    """
    said = text.strip()[:LONGEST_SAID]
    name = _TAILS.sub("", _LEADS.sub("", said, count=1)).strip(" ,.;")
    name = _NUMBER_FOLLOWS.sub("", name, count=1)
    parts = _FIRST_AND_LAST.fullmatch(name) or _LAST_AND_FIRST.fullmatch(name)
    if parts is not None:
        name = f"{parts['first']} {parts['last']}"
    name = _corrected(_SPELLING.sub("", name, count=1))
    name = _SPELT.sub(" ", _LETTER_AS.sub(r"\1", name))
    return _as_spelt(_without_repetition(name)) or text


def _corrected(name: str) -> str:
    """Return the later name of "Tim Baker, no wait, Tom Baker"; one word takes the place of the one that it is like."""
    before, *after = _CORRECTION.split(name)
    if not after:
        return name
    words, later = before.split(), after[-1].strip(" ,.;")
    if len(later.split()) > 1 or len(words) < 2:  # noqa: PLR2004 - given and family name
        return later or name
    alike = [at for at, word in enumerate(words) if names_match(word, later) is not Match.DIFFERENT]
    return " ".join([*words[: alike[0]], later, *words[alike[0] + 1 :]]) if len(alike) == 1 else name


def _without_repetition(name: str) -> str:
    """Return "Bob Miller" of "Bob, Bob Miller" and of "Miller, Bob Miller"."""
    pieces = [piece for piece in re.split(r"[,.;]\s{1,3}", name) if piece.strip()]
    if len(pieces) == 2:  # noqa: PLR2004 - twice
        once, whole = pieces[0].casefold(), pieces[1].casefold()
        if whole.startswith(f"{once} ") or whole.endswith(f" {once}"):
            return pieces[1]
    return name


def _as_spelt(name: str) -> str:
    """Return a name with what was spelt in place of what it spells; as it is where that is not clear."""
    words = _WORD.findall(name)
    found: list[str] = []
    is_spelt = False
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and _letters_of(words[end]):
            end += 1
        letters = [_letters_of(word) for word in words[at:end]]
        if len("".join(letters)) < _FEWEST_LETTERS:
            found.append(words[at])
            at += 1
            continue
        spelt = _spelt_words(letters)
        if found or end == len(words):
            replaced = _replaced(found, spelt)
            if replaced is None:
                return name
            found = replaced
        elif _is_word(spelt[0]):
            found = spelt
        else:
            return name
        at, is_spelt = end, True
    return " ".join(found) if is_spelt else name


def _spelt_words(letters: Sequence[str]) -> list[str]:
    """Return the words that letters spell: one for each hyphened group, or one of all."""
    groups = letters if all(len(group) >= _FEWEST_LETTERS for group in letters) else ["".join(letters)]
    return [group.capitalize() for group in groups]


def _replaced(found: list[str], spelt: list[str]) -> list[str] | None:
    """Return the words before with those that were spelt in place of what they spell; None where that is open."""
    if not found or "".join(found).casefold() == "".join(spelt).casefold():
        return found or spelt
    if len(spelt) > len(found):
        return None
    start = len(found) - len(spelt)
    if all(names_match(old, new) is not Match.DIFFERENT for old, new in zip(found[start:], spelt, strict=True)):
        return [*found[:start], *spelt]
    alike = [at for at, old in enumerate(found) if names_match(old, spelt[0]) is not Match.DIFFERENT]
    if len(spelt) > 1 or len(alike) != 1:
        return None
    return [*found[: alike[0]], spelt[0], *found[alike[0] + 1 :]]


def _is_word(spelt: str) -> bool:
    """Return whether letters in front of a name are a name and no initials: "A D A Ruiz", "J R R Tolkien"."""
    return not _VOWELS.isdisjoint(spelt.casefold()) and not _VOWELS.issuperset(spelt.casefold())


def _letters_of(word: str) -> str:
    """Return the letters of a word that consists of single ones: "A", "A.", "J-O-H-N"; empty for any other."""
    letters = word.replace("-", " ").replace(".", " ").split()
    return "".join(letters) if all(len(letter) == 1 and letter.isalpha() for letter in letters) else ""
