"""A person, known by a phone number or an e-mail address, and how either is found in a text. Pure.

One regular expression serves PostgreSQL, which finds the rows, and Python, which removes the matches: it uses only what
both understand alike. Every repetition in it is bounded, so its time grows with the length of the text only.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from peterental.errors import NotFound, Refusal
from peterental.phone_numbers import DEFAULT_REGION, normalise

REMOVED = "(deleted)"
"""What stands in a text in place of a deleted number or address."""

MAX_CHARS = 254
"""The longest e-mail address; no phone number is longer."""

_EMAIL = re.compile(r"[^@\s\"<>,;:()\\]+@[^@\s\"<>,;:()\\]+\.[^@\s\"<>,;:()\\.]{2,}")

_DIGIT_WORDS = {
    "0": "zero|oh|o|cero", "1": "one|uno", "2": "two|dos", "3": "three|tres", "4": "four|cuatro", "5": "five|cinco",
    "6": "six|seis", "7": "seven|siete", "8": "eight|ocho", "9": "nine|nueve",
}  # fmt: skip
_ESCAPE = "%[0-9A-Fa-f]{2}"
_BETWEEN_DIGITS = f"(?:{_ESCAPE}|[^0-9A-Za-z]){{0,4}}"
_SPOKEN = {".": r"(?:\.|[ ]{1,3}(?:dot|punto)[ ]{1,3})", "@": "(?:@|%40|[ ]{1,3}(?:at|arroba)[ ]{1,3})"}


class PersonInvalid(Refusal):
    """Enter a phone number with its area code, such as (405) 555-0142, or an e-mail address."""


class PersonUnknown(NotFound):
    """Nothing is stored about {person}."""


@dataclass(frozen=True)
class Person:
    """A person.

    Args:
        kind: how they are known.
        value: the number in E.164, or the address in lower case.
    """

    kind: Literal["phone", "email"]
    value: str

    @classmethod
    def parse(cls, text: str, region: str = DEFAULT_REGION) -> Person:
        """Parse a phone number in any spelling, or an e-mail address. Raises PersonInvalid.

        Args:
            text: as typed.
            region: ISO 3166 code of the country whose national form is meant where no country code is given.
        """
        text = text.replace("\x00", "").strip().removeprefix("mailto:")
        if len(text) > MAX_CHARS:
            raise PersonInvalid
        if "@" in text and not text.lower().startswith(("sip:", "sips:")):
            if not _EMAIL.fullmatch(text):
                raise PersonInvalid
            return cls("email", text.lower())
        number = normalise(text, region)
        if number is None:
            raise PersonInvalid
        return cls("phone", number)

    @property
    def label(self) -> str:
        """The person in a sentence of the audit log, without the number or the address."""
        return f"phone number ending in {self.value[-2:]}" if self.kind == "phone" else "e-mail address"

    @functools.cached_property
    def pattern(self) -> str:
        """The regular expression that finds this person in a text, in every usual spelling, ignoring case."""
        return _number_pattern(self.value) if self.kind == "phone" else _email_pattern(self.value)

    @functools.cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)

    def removed_from(self, value: object) -> object:
        """Return a text or a JSON value without this person: keys, texts and numbers that match become REMOVED."""
        if isinstance(value, str):
            return self._regex.sub(REMOVED, value)
        if isinstance(value, list):
            return [self.removed_from(item) for item in value]
        if isinstance(value, dict):
            return {str(self.removed_from(key)): self.removed_from(item) for key, item in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool) and self._regex.search(str(value)):
            return REMOVED
        return value

    def pseudonym(self, key: bytes) -> str:
        """Return a keyed hash by which entries of the audit log about one person belong together.

        Numbers are few enough to try them all, so that a hash without a key would give them away.
        """
        return hmac.new(key, f"person:{self.value}".encode(), hashlib.sha256).hexdigest()[:16]


def _number_pattern(e164: str) -> str:
    """Return the pattern of a number: with or without country code, in groups, in digits or in words.

    The country code may follow +, 00 or 011, and be followed by a trunk 0 or Mexico's former 1.
    """
    number = phonenumbers.parse(e164)
    national = _spelt(phonenumbers.national_significant_number(number))
    country = _spelt(str(number.country_code))
    exit_code = f"(?:(?:00|011){_BETWEEN_DIGITS})?"
    prefix = f"(?:{exit_code}{country}{_BETWEEN_DIGITS}(?:[01]{_BETWEEN_DIGITS})?|0{_BETWEEN_DIGITS})?"
    return f"(?:(?<![0-9])|(?<={_ESCAPE}))[+(]{{0,2}}{prefix}[(]?{national}(?![0-9])"


def _spelt(digits: str) -> str:
    return _BETWEEN_DIGITS.join(f"(?:{digit}|{_DIGIT_WORDS[digit]})" for digit in digits)


def _email_pattern(address: str) -> str:
    """Return the pattern of an address, as written or as spoken, and not as a part of a longer one."""
    spelt = "".join(_SPOKEN.get(character, re.escape(character)) for character in address)
    return rf"(?:(?<![A-Za-z0-9._%+-])|(?<={_ESCAPE})){spelt}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
