"""Normalise phone numbers to E.164 and compare them. Pure.

Numbers arrive from telephone networks (E.164, national form, `00` prefix, SIP and tel URIs) and from callers by way of
a language model. `phonenumbers` knows the numbering plans. A number counts when its length is possible: numbering plans
change faster than software, and a caller whose number is new must still be found.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from urllib.parse import unquote

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberMatcher, ValidationResult

from peterental.folding import fold, word_set

DEFAULT_REGION = "US"
ANY_REGION = "ZZ"
"""No country: every number is written with its country code."""
LONGEST_INPUT = 200
NORTH_AMERICA = 1
LAST_DIGITS = 7

WITHHELD = frozenset({"266696687", "7378742833", "8656696", "2562533", "7748483", "86282452253"})
"""Keypad spellings that networks send instead of a withheld number: anonymous, restricted, unknown, blocked, private,
unavailable."""

_SEQUENCES = frozenset({"1234567890", "0123456789", "9876543210", "12345678901", "123456789", "12345678", "1234567"})
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")
_URI = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_DIGIT_WORDS = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "thousand": "000", "plus": "+",
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7",
    "ocho": "8", "nueve": "9", "diez": "10", "once": "11", "doce": "12", "trece": "13", "catorce": "14",
    "quince": "15", "dieciseis": "16", "diecisiete": "17", "dieciocho": "18", "diecinueve": "19", "veintiuno": "21",
    "veintidos": "22", "veintitres": "23", "veinticuatro": "24", "veinticinco": "25", "veintiseis": "26",
    "veintisiete": "27", "veintiocho": "28", "veintinueve": "29",
}  # fmt: skip
_TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8",
    "ninety": "9", "veinte": "2", "treinta": "3", "cuarenta": "4", "cincuenta": "5", "sesenta": "6", "setenta": "7",
    "ochenta": "8", "noventa": "9",
}  # fmt: skip
_HUNDREDS = {
    word: (digit, "hundred")
    for word, digit in {
        "cien": "1", "ciento": "1", "doscientos": "2", "trescientos": "3", "cuatrocientos": "4", "quinientos": "5",
        "seiscientos": "6", "setecientos": "7", "ochocientos": "8", "novecientos": "9",
    }.items()
}  # fmt: skip
_HOMOPHONES = {"for": "4", "fore": "4", "to": "2", "too": "2", "ate": "8", "won": "1", "tree": "3"}
"""What speech recognition writes for a digit; counts only where nothing but digits is said."""

_BESIDE_DIGITS = word_set("""
    area code dash hyphen dot space and then my number phone cell mobile is it its s that the please thanks thank you
    yes ok okay um uh
    mi numero telefono celular es el lada guion punto luego gracias
""")
"""Words that may stand among the words of a number."""

_REPEATS = {"double": 2, "triple": 3, "doble": 2}
_MOST_NUMBER_WORDS = 40
_EXTENSION_WORDS = word_set("extension ext")
_UNITS = word_set("1 2 3 4 5 6 7 8 9")
_WHOLE = re.compile(r"\+.*|1?[2-9][0-9]{9}")
_OWN_NUMBER_SIGNS = word_set("same this calling called callerid caller mismo misma este llamo llamando")
_OWN_NUMBER_WORDS = _OWN_NUMBER_SIGNS | word_set("""
    the my that it its is number phone cell cellphone mobile line one i im ive am was on at from with in now right
    use just yes please fine works good id as before today you me back call can reach which they theyre are el la lo
    numero telefono celular del de que al a estoy desde donde si
""")


def normalise(raw: object, region: str = DEFAULT_REGION) -> str | None:
    """Return a phone number in E.164; None for anything that is not one.

    Extensions are dropped. Placeholders ("+10000000000", "5555555555", "anonymous") are no numbers.

    Args:
        raw: a number as received: text, or an integer as models write it.
        region: ISO 3166 code of the country whose national form is meant where no country code is given.
    """
    if isinstance(raw, str) and _is_north_american(raw):
        return raw
    text = _text_of(raw)
    if text is None:
        return None
    number = _parse(text, region) or _only_number_in(text, region)
    if number is None or _is_placeholder(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def same_number(one: object, other: object, region: str = DEFAULT_REGION) -> bool:
    """Return whether two numbers reach the same phone; False where either is no number."""
    first = normalise(one, region)
    return first is not None and first == normalise(other, region)


def network_number(raw: object) -> str | None:
    """Return a caller's number as the telephone network sent it, `+` and digits, without its SIP or tel URI.

    None for a withheld number in any spelling, and for anything that is no number.
    """
    if not isinstance(raw, str) or len(raw) > LONGEST_INPUT:
        return None
    digits = re.sub(r"[\s().-]", "", unquote(_user_part(raw.strip())).removeprefix("tel:"))
    is_number = re.fullmatch(r"\+?[0-9]{7,15}", digits) and digits.removeprefix("+") not in WITHHELD
    return digits if is_number else None


def last_digits(raw: str | None) -> str | None:
    """Return the last seven digits of a number, which are the same in every way of writing it."""
    digits = re.sub(r"\D", "", raw or "")
    return digits[-LAST_DIGITS:] or None


def dialable(raw: object, region: str = DEFAULT_REGION) -> str | None:
    """Return what a person can dial to call back; None where there is nothing to dial.

    A number without its area code ("555 0100") cannot be written in E.164 but can be called by an agent in the same
    town: it is returned as digits. An extension is kept as ";ext=5".
    """
    text = _text_of(raw)
    if text is None:
        return None
    e164 = normalise(text, region)
    if e164 is not None:
        number = _parse(text, region) or _only_number_in(text, region) or PhoneNumber()
        return f"{e164};ext={number.extension}" if number.extension else e164
    digits = re.sub(r"[\s().-]", "", text)
    local = re.fullmatch(r"[2-9][0-9]{6}", digits) and digits not in _SEQUENCES | WITHHELD and len(set(digits)) > 1
    return digits if local else None


@functools.lru_cache(maxsize=4096)
def readable(number: str, region: str = DEFAULT_REGION) -> str:
    """Return a number as people in a country write it; text that is no number is returned unchanged.

    In the national form, `(405) 555-0123`, or with the country code if it is a number of another country. Digits that
    are no whole number in that country stay as they were written.

    Args:
        number: in any form.
        region: ISO 3166 code of the reader's country.
    """
    is_number = len(number) <= LONGEST_INPUT and re.fullmatch(r"\+?\d[\d\s().-]*|\(\d[\d\s().-]*", number) is not None
    parsed = _possible(number, region) if is_number else None
    if parsed is None:
        return number
    is_national = parsed.country_code == phonenumbers.country_code_for_region(region)
    forms = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, forms.NATIONAL if is_national else forms.INTERNATIONAL)


def means_caller_number(text: str) -> bool:
    """Return whether the caller asks to be called back on the number of this call ("this number", "the same one")."""
    words = set(re.findall(r"\w+", fold(text[:LONGEST_INPUT])))
    return words <= _OWN_NUMBER_WORDS and not words.isdisjoint(_OWN_NUMBER_SIGNS)


def region_of(time_zone: str) -> str:
    """Return the ISO 3166 code of the country that an IANA time zone belongs to; the United States if none."""
    regions, links = _zone_tables()
    return regions.get(time_zone) or regions.get(links.get(time_zone, ""), DEFAULT_REGION)


@functools.cache
def _zone_tables() -> tuple[dict[str, str], dict[str, str]]:
    """Read zone → country from zone.tab, and old name → zone from tzdata.zi, both of the tzdata package."""
    folder = resources.files("tzdata") / "zoneinfo"
    rows = (folder / "zone.tab").read_text(encoding="ascii").splitlines()
    regions = {row.split("\t")[2]: row[:2] for row in rows if not row.startswith("#")}
    lines = (folder / "tzdata.zi").read_text(encoding="utf-8").splitlines()
    links = {line.split()[2]: line.split()[1] for line in lines if line.startswith("L ")}
    return regions, links


def _is_north_american(text: str) -> bool:
    """Return whether a text is a North American number in E.164 already, as networks send most, and no placeholder.

    Reading it with `phonenumbers` has the same result and takes a tenth of the time of a booking.
    """
    national = text[2:]
    return (
        _NORTH_AMERICAN.fullmatch(text) is not None
        and len(set(national)) > 1
        and national not in _SEQUENCES
        and national not in WITHHELD
        and text[1:] not in WITHHELD
    )


def _text_of(raw: object) -> str | None:
    """Return the part of `raw` that may be a number, as text of bounded length."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw) if 0 < raw < 10**16 else None
    if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST_INPUT:
        return None
    text = unquote(_user_part(raw.strip()))
    if re.search(r"[^\x00-\x7f]", text):
        text = fold(text)
    text = _digits_of_words(text) or text
    return None if re.sub(r"\D", "", text) in WITHHELD else text


def _user_part(text: str) -> str:
    """Return the user part of a SIP URI, the rest of a tel URI, or the text itself."""
    scheme = _URI.search(text)
    if scheme is None:
        return text
    rest = text[scheme.end() :].strip().rstrip(">")
    if scheme[0].lower() == "tel:":
        return f"tel:{rest}"
    user, at_sign, _ = rest.partition("@")
    return re.split(r"[;:?]", user, maxsplit=1)[0] if at_sign else ""


def _digits_of_words(text: str) -> str | None:
    """Return the digits of a number spelt in words; None where any other word stands in it."""
    said = re.findall(r"[a-z]+|\d+|\+", text.lower())
    words = [part for word in said if word not in _BESIDE_DIGITS for part in _HUNDREDS.get(word, (word,))]
    is_spoken = "area" in said or any(word in _DIGIT_WORDS or word in _TENS or word in _HUNDREDS for word in said)
    if len(words) > _MOST_NUMBER_WORDS or not is_spoken:
        return None
    before, _, extension = _partition(words)
    # "Four hundred five" may be 400 5 and 405: of both readings, the one that is a whole number is taken.
    readings = [_digits_said(before, joins_hundreds=joins) for joins in (False, True)]
    if any(digits is None for digits in readings):
        return None
    whole = next((digits for digits in readings if digits and _WHOLE.fullmatch(digits)), readings[0]) or ""
    own = _digits_said(extension, joins_hundreds=True)
    return f"{whole} ext. {own}" if own else whole


def _partition(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Return the words before and after the one that begins an extension."""
    at = next((at for at, word in enumerate(words) if word in _EXTENSION_WORDS), len(words))
    return words[:at], "".join(words[at : at + 1]), words[at + 1 :]


def _digits_said(words: list[str], *, joins_hundreds: bool) -> str | None:
    """Return the digits of number words, group by group; None where a word is no number.

    Args:
        words: in the order said.
        joins_hundreds: whether a lower number belongs to the "hundred" before it.
    """
    digits: list[str] = []
    repeat, at = 1, 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in _REPEATS:
            repeat = _REPEATS[word]
            continue
        if word == "hundred" and digits:
            lower, end = _below_hundred(words, at) if joins_hundreds else ("", at)
            digits.append(lower.rjust(2, "0"))
            at = end if lower else at
            continue
        group, at = _below_hundred(words, at - 1)
        if not group:
            return None
        digits.append(group * repeat)
        repeat = 1
    return "".join(digits)


def _below_hundred(words: list[str], at: int) -> tuple[str, int]:
    """Return the digits of the number at `at` and where the next one begins: "twenty three" is 23."""
    word = words[at] if at < len(words) else ""
    if word in _TENS:
        unit = at + 2 if words[at + 1 : at + 2] == ["y"] else at + 1
        digit = _DIGIT_WORDS.get(words[unit], "") if unit < len(words) else ""
        return (_TENS[word] + digit, unit + 1) if digit in _UNITS else (f"{_TENS[word]}0", at + 1)
    digits = word if word.isdigit() or word == "+" else _DIGIT_WORDS.get(word) or _HOMOPHONES.get(word, "")
    return digits, at + 1


def _parse(text: str, region: str) -> PhoneNumber | None:
    """Return the first reading of `text` that has a possible length, likelier readings first."""
    for form in _forms(text, region):
        number = _possible(form, region)
        if number is not None:
            return number
    return None


def _forms(text: str, region: str) -> list[str]:
    """Return the ways to read a number: as written, `00` as `+`, without a wrong `+`, with a missing one."""
    digits = re.sub(r"[\s().-]", "", text)
    if re.fullmatch(r"\+?00[1-9][0-9]+", digits):
        return ["+" + digits.removeprefix("+")[2:]]
    if re.fullmatch(r"\+[0-9]+", digits):
        return [digits, digits[1:]]
    if not re.fullmatch(r"[0-9]+", digits):
        return [text]
    forms = [digits, "+" + digits]
    if phonenumbers.country_code_for_region(region) == NORTH_AMERICA or digits.startswith("0"):
        return forms
    return sorted(forms, key=lambda form: not _is_valid(form, region))


def _possible(form: str, region: str) -> PhoneNumber | None:
    try:
        return _complete(phonenumbers.parse(form, region))
    except NumberParseException:
        return None


def _complete(number: PhoneNumber) -> PhoneNumber | None:
    """Return a number whose length is that of a whole number, area code included; else None."""
    number = _without_old_prefix(number)
    reason = phonenumbers.is_possible_number_with_reason(number)
    return number if reason == ValidationResult.IS_POSSIBLE else None


def _is_valid(form: str, region: str) -> bool:
    number = _possible(form, region)
    return number is not None and phonenumbers.is_valid_number(number)


_MEXICO = 52
_MEXICAN_DIGITS = 10


def _without_old_prefix(number: PhoneNumber) -> PhoneNumber:
    """Drop the Mexican mobile prefix 1, which was abolished in 2019 and is still sent."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == _MEXICO and len(national) == _MEXICAN_DIGITS + 1 and national[0] == "1":
        return PhoneNumber(country_code=_MEXICO, national_number=int(national[1:]), extension=number.extension)
    return number


def _only_number_in(text: str, region: str) -> PhoneNumber | None:
    """Return the number in a sentence ("call me on 405 555 0100"); None where there are several."""
    found = PhoneNumberMatcher(text, region, leniency=Leniency.POSSIBLE, max_tries=3)
    numbers = [number for match in found if (number := _complete(match.number)) is not None]
    return numbers[0] if numbers and all(number == numbers[0] for number in numbers) else None


def _is_placeholder(number: PhoneNumber) -> bool:
    """Return whether no phone has this number: one digit repeated, a counted sequence, no area code."""
    national = phonenumbers.national_significant_number(number)
    if len(set(national)) == 1 or national in _SEQUENCES or national in WITHHELD:
        return True
    return number.country_code == NORTH_AMERICA and national[0] in "01"
