"""Read e-mail addresses as callers spell them: "ana dot ruiz at gmail dot com", "ana arroba gmail punto com". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peterental.folding import fold, word_set
from peterental.matching.addresses import number_words
from peterental.matching.spanish_numbers import number_in_english
from peterental.matching.spoken_numbers import is_number

LONGEST_ADDRESS = 254
"""Characters, by RFC 5321."""

_ADDRESS = re.compile(r"[\w.+%&*/=?^{|}~!#$'-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}", re.IGNORECASE)
_BEFORE = re.compile(r"[\s<(\"'\[`]*(?:mailto:)?", re.IGNORECASE)
_AFTER = " \t>)\"'`],;:.!?"
_SIGNS = {
    "at": "@", "arroba": "@", "dot": ".", "punto": ".", "period": ".", "point": ".", "underscore": "_",
    "dash": "-", "hyphen": "-", "minus": "-", "guion": "-", "plus": "+", "mas": "+",
}  # fmt: skip
_PAIRS = {
    ("at", "sign"): "@",
    ("under", "score"): "_",
    ("guion", "bajo"): "_",
    ("guion", "medio"): "-",
    ("barra", "baja"): "_",
}
_LETTERS = {("double", "u"): "w", ("doble", "u"): "w", ("doble", "ve"): "w", ("gee", "mail"): "gmail"}
_REPEATS = {"double": 2, "doble": 2, "triple": 3}
_LEADS = word_set(
    "um uh yes so well sure si my the mi el email e mail address correo electronico is its it would be es"
)
_ASIDES = re.compile(
    r" as in [a-z]+|(?<= [a-z]) de [a-z]+| (?:all )?(?:lower ?case|one word|no spaces?|todo junto)(?= |$)"
)
_LETTER_FOR_WORD = re.compile(r"(?<= )([a-z]) for (?=\1)[a-z]+")
"""A letter as it is spelt: "a for apple"."""

_POLITE = word_set("thank thanks you please yes okay ok gracias por favor")
"""Words that end a sentence, and no address."""

_SENTENCE = word_set("the my and or is it not no")
"""Words that stand in sentences and in no address."""

_HYPHENED_LETTERS = re.compile(r"(?<![\w-])[a-z](?:-[a-z](?![a-z]))+(?![\w-])", re.IGNORECASE)
"""Letters as speech recognition joins them: "A-N-A"."""

_SPELT_AGAIN = frozenset(("thats", "spelled", "spelt", "deletreado", "deletreo"))
"""What stands between a name and its letters: "Jane, that's J A N E"."""

_SPACED = re.compile(r"([@._+-])")


def spoken_email(text: str) -> str | None:
    """Return the e-mail address that a text is, as written or as spelt in words; None where it is none.

    Words that no sign stands between are joined: "ana ruiz at gmail dot com" is anaruiz@gmail.com.
    """
    if not text:
        return None
    written = _BEFORE.sub("", text[: 2 * LONGEST_ADDRESS], count=1).rstrip(_AFTER)
    if _is_address(written):
        return written
    whole, _, again = written.partition(",")
    if _is_address(whole) and _begins_again(again):
        return whole
    spelt = _spelt(written)
    return spelt if spelt is not None and _is_address(spelt) else None


def _begins_again(text: str) -> bool:
    """Return whether a text spells what was said before: "that's A D A"."""
    words = fold(text).replace("'", "").split()
    return bool(words) and words[0] in _SPELT_AGAIN


def _is_address(text: str) -> bool:
    is_plain = ".." not in text and ".@" not in text and not text.startswith(".")
    return len(text) <= LONGEST_ADDRESS and is_plain and _ADDRESS.fullmatch(text) is not None


def _spelt(text: str) -> str | None:
    """Return the address that words and signs spell; None for a sentence."""
    if "@" not in text:
        text = _HYPHENED_LETTERS.sub(lambda match: match[0].replace("-", " "), text)
    folded = " " + " ".join(fold(text).replace(",", " ").split())
    folded = _ASIDES.sub("", _LETTER_FOR_WORD.sub(r"\1", folded))
    words = _SPACED.sub(r" \1 ", folded).split()
    while words and words[-1] in _POLITE:
        words.pop()
    start = next((at for at, word in enumerate(words) if word not in _LEADS), len(words))
    signs = list(_signs(words[start:]))
    if signs.count("@") != 1 or not _SENTENCE.isdisjoint(signs):
        return None
    at = signs.index("@")
    if _runs_on(signs[at:]):
        return None
    local = _with_digits(_as_spelt(signs[:at]))
    return None if local is None else "".join([*local, *signs[at:]])


def _runs_on(domain: Sequence[str]) -> bool:
    """Return whether further words follow the last name of a domain: "gmail dot com I think"."""
    last = domain[len(domain) - 1 - domain[::-1].index(".") :] if "." in domain else ()
    return len(last) > 2 and any(len(word) > 1 for word in last)  # noqa: PLR2004 - the dot and one name


def _as_spelt(words: list[str]) -> list[str]:
    """Return the letters that a name is spelt with after it was said."""
    start = next((at + 1 for at, word in enumerate(words) if word in _SPELT_AGAIN), 0)
    return words[start:] if start and all(len(word) == 1 for word in words[start:]) else words


def _signs(words: Sequence[str]) -> list[str]:
    """Return the words with signs in place of their names, and repeated letters and digits written out."""
    found: list[str] = []
    at = 0
    while at < len(words):
        pair, word = tuple(words[at : at + 2]), words[at]
        if pair in _PAIRS or pair in _LETTERS:
            found.append(_PAIRS.get(pair) or _LETTERS[pair])
            at += 2
        elif word in _REPEATS and len(pair) > 1 and len(pair[1]) == 1:
            found += [pair[1]] * _REPEATS[word]
            at += 2
        else:
            found.append(_SIGNS.get(word, word))
            at += 1
    return found


def _with_digits(words: Sequence[str]) -> list[str] | None:
    """Return the words before the "@" with spelt numbers at their end in digits; None where one stands elsewhere.

    "Ana twenty two" is ana22; "one direction" may be onedirection and 1direction.
    """
    end = len(words)
    while end > 0 and (_is_number(words[end - 1]) or words[end - 1] in _REPEATS or words[end - 1] == "oh"):
        end -= 1
    if any(_is_number(word) and not word.isdecimal() for word in words[:end]):
        return None
    numbers = words[end:]
    if numbers[:1] == ["oh"] and len(numbers) > 1:
        numbers = ["zero", *numbers[1:]]
    if len(numbers) == 1:
        numbers = number_in_english(numbers[0]) or numbers
    return [*words[:end], *number_words(numbers)]


def _is_number(word: str) -> bool:
    return is_number(word) or word == "uno" or bool(number_in_english(word))
