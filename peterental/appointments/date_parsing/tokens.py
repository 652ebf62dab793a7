"""Tokens: a phrase as a sequence of numbers, dates, clock times and words that the grammar knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from peterental.appointments.date_parsing.english import ENGLISH
from peterental.appointments.date_parsing.lexicon import Entry, Lexicon
from peterental.appointments.date_parsing.spanish import SPANISH

LONGEST_PHRASE = 300
"""Characters; longer text is not understood."""

_SHOWN_CHARS = 20

MOST_TOKENS = 80
"""A phrase of more tokens says nothing about one time."""

LONGEST_RAW = 10_000
"""Characters that are looked at before runs of spaces are closed up."""

_PUNCTUATION = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{HYPHEN}": "-",
    }
)


class Token(NamedTuple):
    """One token, or several that the grammar has joined.

    Args:
        kind: what it is to the grammar.
        value: what it means; depends on the kind.
        text: as written, folded.
    """

    kind: str
    value: object
    text: str


class NumericDate(NamedTuple):
    """A date in digits whose order is open."""

    first: int
    second: int
    year: int | None


class WrittenTime(NamedTuple):
    """A time as digits with a separator; `is_24h` where the form is that of a 24-hour clock."""

    hour: int
    minute: int
    is_24h: bool
    has_seconds: bool = False


_SCANNER = re.compile(
    r"""
      (?P<aside>(?<![a-z])(?:unit|apartment|apt|suite|departamento|depto|apartamento|unidad)\.?\s?\#?\d{1,4}[a-z]?\b
          (?![:.]\d|\s?(?:[ap]\.?\s?m\b|o'?\s?clock|de\b))
        | (?<![\d-])\(?\d{3}\)?[\s.-]\s?\d{3}[\s.-]\d{4}(?!\d))
    | (?P<iso>(?P<y>\d{4})(?P<sep>[-/.])(?P<mo>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?:t(?=\d)|(?!\d)))
    | (?P<numeric>(?P<a>\d{1,2})(?P<nsep>[-/.])(?P<b>\d{1,2})(?P=nsep)(?P<ny>\d{4}|\d{2})(?![\d:]))
    | (?P<short>(?P<sa>\d{1,2})\s?/\s?(?P<sb>\d{1,2})(?![\d/]))
    | (?P<clock>(?P<h>\d{1,2})(?::|h)(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,]\d+)?)?(?![\d:]))
    | (?P<hours>(?P<hh>\d{1,2})h(?:rs)?(?![a-z]))
    | (?P<decimal>\d{1,2}\.\d{1,2}(?![\d.]))
    | (?P<ordinal>(?P<on>\d{1,2})(?:st|nd|rd|th|o)\b)
    | (?P<glued>2(?:morrow|moro|day|night)\b)
    | (?P<number>\d+)
    | (?P<meridiem>(?<![a-z])(?P<half>[ap])\.?\s?m\b\.?|(?<=\d)(?P<letter>[ap])(?![a-z'])|(?<=\d\s)p(?![a-z'.]))
    | (?P<offset>(?:gmt|utc)\s?[+-]\d{1,2}(?::?\d\d)?(?!\d))
    | (?P<iana>(?:africa|america|antarctica|arctic|asia|atlantic|australia|brazil|canada|chile|etc|europe|indian|mexico
        |pacific|us)/[a-z_]+(?:/[a-z_]+)?)
    | (?P<slash>(?<=[a-z])\s?/\s?(?=[a-z]))
    | (?P<word>[a-z]+(?:'[a-z]+)?)
    | (?P<dash>-|~|(?<=\d)/(?=\d{4}-))
    | (?P<at>@)
    | (?P<yy>'\d\d(?![\d:]))
    | (?P<space>(?:[\s,;.!?¿¡()\[\]":]|'(?!\d\d(?![\d:])))+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)

_HIGHEST_12H = 12
_CENTURY = 2000
_TWO_DIGITS = 100
_TEN = 10
_TWENTY = 20
_FORTY = 40


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, control characters and typographic variants."""
    if text.isascii() and text.isprintable():
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", text.translate(_PUNCTUATION).casefold())
    kept = (
        " " if unicodedata.category(c) in {"Cc", "Zs", "Zl", "Zp"} else c
        for c in decomposed
        if unicodedata.category(c) not in {"Mn", "Cf"}
    )
    return " ".join("".join(kept).split())


@lru_cache(maxsize=512)
def tokenize(text: str, language: str = "en") -> tuple[Token, ...]:
    """Return the tokens of a phrase in the language that knows more of its words.

    Args:
        text: the phrase, as sent, of any length up to `LONGEST_PHRASE`.
        language: the language to prefer, `en` or `es`.
    """
    if is_too_long(text):  # folding takes quadratic time for long runs of combining marks
        return (Token("UNKNOWN", None, fold(text[:_SHOWN_CHARS])),)
    folded = fold(text)
    if len(folded) > LONGEST_PHRASE:
        return (Token("UNKNOWN", None, folded[:_SHOWN_CHARS]),)
    if "no " in folded:
        folded = _CANNOT_BEFORE_PAUSE.sub("can't", folded)
    first, second = (SPANISH, ENGLISH) if language == "es" else (ENGLISH, SPANISH)
    scanned = list(islice(_scan(folded), MOST_TOKENS + 1))
    if len(scanned) > MOST_TOKENS:
        return (Token("UNKNOWN", None, folded[:_SHOWN_CHARS]),)
    tokens = _tokens_of(scanned, first)
    if not _unknown_in(tokens):
        return tokens
    others = _tokens_of(scanned, second)
    if _unknown_in(others) < _unknown_in(tokens):
        tokens, first, second = others, second, first
    # "Mañana at 3 pm" needs the words of both.
    return tokens if not _unknown_in(tokens) else _tokens_of(scanned, first, second)


def _unknown_in(tokens: tuple[Token, ...]) -> int:
    return sum(token.kind == "UNKNOWN" for token in tokens)


def is_too_long(text: str) -> bool:
    """Return whether a phrase is longer than anything that is said about a time."""
    is_long = len(text) > LONGEST_PHRASE
    return is_long and (len(text) > LONGEST_RAW or len(" ".join(text.split())) > LONGEST_PHRASE)


def _tokens_of(scanned: list[Token], lexicon: Lexicon, other: Lexicon | None = None) -> tuple[Token, ...]:
    """Return the tokens in one language; `other` is the one that lends the words which are in no list of the first."""
    joined = list(_with_phrases(scanned, lexicon, other))
    return tuple(_with_numbers(joined, lexicon))


def _scan(folded: str) -> Iterator[Token]:
    """Split into raw tokens; words are `WORD` and are looked up later."""
    for match in _SCANNER.finditer(folded):
        token = _SCANNED[match.lastgroup or "other"](match)
        if token is None:
            continue
        # "three-ish", "half-past": a hyphen between words joins them.
        is_inside = (
            folded[match.start() - 1 : match.start()].isalpha() and folded[match.end() : match.end() + 1].isalpha()
        )
        yield Token("HYPHEN", None, "-") if token.kind == "DASH" and is_inside else token


_BEFORE_A_PAUSE = dict.fromkeys(("no", "nope"), "CORRECTION") | dict.fromkeys(
    ("can't", "cannot", "cant", "don't", "won't", "isn't", "doesn't"), "NOT_THAT"
)
"""What negations are before a pause: "no, Tuesday" takes something back, "Thursday I can't, Friday" ends a clause."""

_PAUSES = frozenset(",.;!?")
_CANNOT_BEFORE_PAUSE = re.compile(
    r"\bno (?:puedo|podemos|podre|podria|me va|me sirve|me funciona)(?=[,.;!?])", re.ASCII
)
"""A negation of several words before a pause: of "el jueves no puedo, el viernes" Thursday does not suit."""


def _iso(match: re.Match[str]) -> Token:
    return Token("DATE", (int(match["y"]), int(match["mo"]), int(match["d"])), match[0])


def _numeric(match: re.Match[str]) -> Token:
    year = int(match["ny"])
    return Token("NDATE", NumericDate(int(match["a"]), int(match["b"]), _full_year(year)), match[0])


def _full_year(year: int) -> int:
    return year + _CENTURY if year < _TWO_DIGITS else year


def _short(match: re.Match[str]) -> Token:
    return Token("NDATE", NumericDate(int(match["sa"]), int(match["sb"]), None), match[0])


def _clock(match: re.Match[str]) -> Token:
    hour = int(match["h"])
    is_24h = "h" in match[0] or match["h"].startswith("0") or hour > _HIGHEST_12H
    return Token("HM", WrittenTime(hour, int(match["m"]), is_24h, int(match["s"] or 0) > 0), match[0])


def _hours(match: re.Match[str]) -> Token:
    return Token("HM", WrittenTime(int(match["hh"]), 0, is_24h=True), match[0])


def _meridiem(match: re.Match[str]) -> Token:
    letter = match["half"] or match["letter"] or "p"
    return Token("MER", f"{letter}m", match[0])


def _kind_of_word(match: re.Match[str]) -> str:
    is_before_pause = match.string[match.end() : match.end() + 1] in _PAUSES
    return _BEFORE_A_PAUSE.get(match[0], "WORD") if is_before_pause else "WORD"


_SCANNED: dict[str, Callable[[re.Match[str]], Token | None]] = {
    "aside": lambda _: None,
    "iso": _iso,
    "numeric": _numeric,
    "short": _short,
    "clock": _clock,
    "hours": _hours,
    "decimal": lambda match: Token("DEC", match[0], match[0]),
    "ordinal": lambda match: Token("ORD", int(match["on"]), match[0]),
    "glued": lambda match: Token("WORD", None, match[0]),
    "number": lambda match: Token("NUM", int(match[0][:9]), match[0]),
    "yy": lambda match: Token("NUM", _full_year(int(match[0][1:])), f"20{match[0][1:]}"),
    "meridiem": _meridiem,
    "offset": lambda match: Token("ZONE", match[0].replace(" ", ""), match[0]),
    "iana": lambda match: Token("ZONE", match[0], match[0]),
    "slash": lambda _: Token("OR", None, "/"),
    "word": lambda match: Token(_kind_of_word(match), None, match[0]),
    "dash": lambda match: Token("ABOUT" if match[0] == "~" else "DASH", None, match[0]),
    "at": lambda match: Token("AT", None, match[0]),
    "space": lambda _: None,
    "other": lambda match: Token("UNKNOWN", None, match[0]),
}


_HOMOPHONES = {"for": 4, "fore": 4, "to": 2, "too": 2, "ate": 8, "won": 1, "tree": 3}
"""What speech recognition writes for a number after "at"."""

_JOINING = frozenset(("for", "to"))


def _as_heard(token: Token, before: str, after: Token | None) -> Token | None:
    """Return the number that a word is for its place: "at for", "tree pm". A clock time of it is confirmed."""
    number = _HOMOPHONES.get(token.text)
    is_before_half = after is not None and (after.kind == "MER" or after.text == "o'clock")
    is_number = before == "AT" or (is_before_half and token.text not in _JOINING)
    return Token("NUM", number, f"{token.text}{HEARD}") if number is not None and is_number else None


HEARD = "?"
"""Ends the text of a number that is heard in another word."""


def _with_phrases(tokens: list[Token], lexicon: Lexicon, other: Lexicon | None) -> Iterator[Token]:
    """Look words up: fixed phrases first, then single words, then likely misspellings."""
    plain = list(_without_hyphens(tokens, lexicon))
    texts = [_bare(token.text) if token.kind == "WORD" else token.text for token in plain]
    position, before = 0, ""
    while position < len(plain):
        token = plain[position]
        length, entry = _phrase_at(texts, position, lexicon)
        if entry is not None and length:
            yield Token(entry[0], entry[1], " ".join(texts[position : position + length]))
            position, before = position + length, entry[0]
            continue
        position += 1
        following = plain[position] if position < len(plain) else None
        heard = _as_heard(token, before, following) if token.text in _HOMOPHONES else None
        if token.kind == "WORD" and heard is None:
            is_name = position > 1 and texts[position - 2] in _BEFORE_A_NAME
            for word in _word(token.text, lexicon, other, is_name=is_name):
                before = word.kind
                yield word
        else:
            yield heard or token
            before = token.kind


def _without_hyphens(tokens: list[Token], lexicon: Lexicon) -> Iterator[Token]:
    """Drop hyphens inside words; between two weekdays or months they mean "to"."""
    for position, token in enumerate(tokens):
        if token.kind != "HYPHEN":
            yield token
            continue
        kinds = {(_look_up(tokens[at].text, lexicon) or ("", None))[0] for at in (position - 1, position + 1)}
        if kinds in ({"WDAY"}, {"MONTH"}):
            yield Token("DASH", None, "-")


def _bare(word: str) -> str:
    return word.removesuffix("'s")


def _phrase_at(texts: list[str], position: int, lexicon: Lexicon) -> tuple[int, Entry | None]:
    for words, entry in lexicon.phrases_by_first.get(texts[position], ()):
        if tuple(texts[position : position + len(words)]) == words:
            return len(words), entry
    return 0, None


_BEFORE_A_NAME = frozenset(("with", "con"))
"""What stands before a name, which is no misspelt month: "with Marco"."""


def _word(word: str, lexicon: Lexicon, other: Lexicon | None, *, is_name: bool = False) -> Iterator[Token]:
    entry = _look_up(word, lexicon)
    if entry is None and other is not None and word not in _OF_ONE_LANGUAGE:
        entry = _look_up(word, other)
    if entry is None and word.endswith("ish") and _look_up(word[:-3], lexicon) is not None:
        yield from _word(word[:-3], lexicon, other)
        yield Token("ISH", None, "ish")
        return
    if entry is None and not is_name:
        known = lexicon.spelled_like(word)
        entry = None if known is None else _look_up(known, lexicon)
    kind, value = entry or ("UNKNOWN", None)
    yield Token(kind, value, word)


_OF_ONE_LANGUAGE = frozenset(("once",))
"""Words that mean another thing in the other language: "once" is eleven only in Spanish."""


def _look_up(word: str, lexicon: Lexicon) -> Entry | None:
    for form in (word, word.removesuffix("'s")):
        if form in lexicon.words:
            return lexicon.words[form]
        if form in lexicon.ordinals:
            return "ORD", lexicon.ordinals[form]
        if form in lexicon.cardinals:
            return "NUM", lexicon.cardinals[form]
    return None


def _with_numbers(tokens: list[Token], lexicon: Lexicon) -> Iterator[Token]:
    """Join numbers in words: "twenty" "first", "two thousand twenty six", "oh" "five"; drop what is filler."""
    pending: Token | None = None
    for token in _with_joined_tens([token for token in tokens if token.kind != "FILLER"], lexicon):
        joined = _joined(pending, token, lexicon) if pending is not None else None
        if joined is not None:
            pending = joined
            continue
        if pending is not None:
            yield pending
        pending = token
    if pending is not None:
        yield pending


def _with_joined_tens(tokens: list[Token], lexicon: Lexicon) -> Iterator[Token]:
    """Join the Spanish "treinta y uno" to one number; "las tres y cinco" are two."""
    if not any(token.kind == "Y" for token in tokens):
        yield from tokens
        return
    at = 0
    while at < len(tokens):
        tens, *rest = tokens[at : at + 3]
        is_joined = [token.kind for token in rest] == ["Y", "NUM"] and tens.kind == "NUM" and tens.value in lexicon.tens
        unit = rest[-1].value if is_joined else None
        if isinstance(tens.value, int) and isinstance(unit, int) and 0 < unit < _TEN and not tens.text.isdigit():
            yield Token("NUM", tens.value + unit, f"{tens.text} y {rest[-1].text}")
            at += 3
            continue
        yield tens
        at += 1


def _joined(first: Token, second: Token, lexicon: Lexicon) -> Token | None:
    """Return the one number that two neighbors make, if they do."""
    if first.kind == "OH" or (first.kind == "NUM" and first.value == 0 and not first.text.isdigit()):
        return _two_digits(second)
    if first.kind != "NUM" or not isinstance(first.value, int):
        return None
    if second.kind == "HUNDRED":
        is_hour = first.value < _FORTY
        return Token("NUM", first.value * _TWO_DIGITS, f"{first.value:02}00") if is_hour else None
    return None if first.text.isdigit() else _joined_words(first, first.value, second, lexicon)


def _joined_words(first: Token, value: int, second: Token, lexicon: Lexicon) -> Token | None:
    text = f"{first.text} {second.text}"
    if second.kind == "THOUSAND":
        return Token("NUM", _CENTURY, text) if value * 1000 == _CENTURY else None
    if second.kind in {"NUM", "ORD"} and isinstance(second.value, int) and not second.text[0].isdigit():
        total = _sum_of(value, second.value, lexicon, is_ordinal=second.kind == "ORD")
        return None if total is None else Token(second.kind, total, text)
    return None


def _two_digits(token: Token) -> Token | None:
    """Return minutes below ten: "oh five" is 05."""
    is_digit = token.kind == "NUM" and isinstance(token.value, int) and 0 <= token.value < _TEN
    return Token("NUM", token.value, f"0{token.value}") if is_digit else None


def _sum_of(first: int, second: int, lexicon: Lexicon, *, is_ordinal: bool) -> int | None:
    """Return "twenty" and "one" as 21, "twenty" and "twenty six" as the year 2026; None for two numbers."""
    ends_in_unit = first in lexicon.tens or first in {_CENTURY + ten for ten in lexicon.tens}
    if ends_in_unit and 0 < second < _TEN:
        return first + second
    if is_ordinal:
        return None
    if first == _CENTURY and second < _TWO_DIGITS:
        return first + second
    return first * _TWO_DIGITS + second if first == _TWENTY and _TWENTY <= second < _FORTY else None
