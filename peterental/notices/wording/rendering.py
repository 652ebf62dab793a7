"""Check a wording, and fill in its fields. Pure.

`{home}` is a field. `[ Call {agent_phone}.]` is an optional part: it is left out if a field in it has no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from peterental.notices.model import Channel, Kind, Language
from peterental.notices.wording.model import (
    FIELDS,
    MAX_BODY_CHARS,
    MAX_SUBJECT_CHARS,
    MAX_TEXT_CHARS,
    OPTIONAL_FIELDS,
    BraceAlone,
    BracketAlone,
    BracketNeedsField,
    FieldMayBeEmpty,
    FieldUnknown,
    OfficeMissing,
    StopWordAsked,
    SubjectMissing,
    SubjectRefused,
    Wording,
    WordingEmpty,
    WordingRefused,
    WordingTooLong,
)

OPT_OUT: Mapping[Language, str] = {"en": "Reply STOP to opt out.", "es": "Responda STOP para salir."}
"""Added to the first text about a viewing."""

MAX_VALUE_CHARS = 120
"""A longer value is cut in a text message; `message` is cut at MAX_MESSAGE_CHARS."""

MAX_MESSAGE_CHARS = 600
NEAR_CHARS = 30

_TOKEN = re.compile(r"\{([A-Za-z_]{1,40})\}|[\[\]{}]")
_STOP_WORD = re.compile(
    r"\b(?:reply|text|send|answer|write|responda|conteste|escriba|env[ií]e|mande)\b[ \"'“”:]{1,4}"
    r"(?:with |con |la palabra |the word )?[\"'“”]?"
    r"(?:cancel|end|quit|revoke|opt ?out|unsubscribe|stopall|baja|alto|parar)\b",
    re.IGNORECASE,
)
_LINK_DOT = re.compile(r"(?<=[^\W\d])\.(?=[^\W\d])")
_SPACES = re.compile(r"[^\S\n]{2,}")
_BLANK_LINES = re.compile(r"\n{3,}")
_PUNCTUATION = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a", "'")
    | dict.fromkeys("\u201c\u201d\u201e", '"')
    | dict.fromkeys("\u2010\u2011\u2013\u2014", "-")
    | dict.fromkeys("\xa0\u202f\u2009", " ")
    | {"\u2026": "..."}
)
"""Quotes, dashes and spaces that would make a text message twice as long, because GSM-7 lacks them."""


@dataclass(frozen=True)
class Part:
    """A stretch of a wording: text and fields in turn, the first and the last are text."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]
    is_optional: bool


def check(kind: Kind, channel: Channel, wording: Wording) -> None:
    """Raise a WordingRefused that names what is wrong with a wording."""
    if channel == "email":
        _check_subject(kind, wording.subject or "")
    if not wording.body.strip():
        raise WordingEmpty
    most = MAX_TEXT_CHARS // 2 if channel == "text" else MAX_BODY_CHARS
    if len(wording.body) > most:
        raise WordingTooLong(most=f"{most:,}")
    used = _check_parts(kind, wording.body)
    if channel == "text":
        asked = _STOP_WORD.search(wording.body)
        if asked is not None:
            raise StopWordAsked(words=asked[0])
        if "office" not in used and not kind.startswith("agent_"):
            raise OfficeMissing


def render(kind: Kind, channel: Channel, fields: Mapping[str, str], wording: Wording) -> tuple[str | None, str]:
    """Return the subject, None for texts, and the body of a notice.

    Args:
        kind: of the notice.
        channel: of the notice.
        fields: the values by name, in the recipient's language; a missing one is empty. In the subject, the value of
            `short_` and the name of a field takes its place: a phone shows the first 35 characters.
        wording: the text to fill.
    """
    values = {name: clean(name, fields.get(name, ""), channel) for name in FIELDS[kind]}
    body = _BLANK_LINES.sub("\n\n", _filled(wording.body, values)).strip()
    if wording.subject is None:
        return None, body
    short = {name: clean(name, fields[f"short_{name}"], channel) for name in values if f"short_{name}" in fields}
    return " ".join(_filled(wording.subject, values | short).split()), body


def with_opt_out(body: str, language: Language) -> str:
    """Return a text message that says how to stop."""
    return f"{body} {OPT_OUT[language]}"


def clean(name: str, value: str, channel: Channel) -> str:
    """Return a value as a notice shows it.

    Callers choose names and addresses, and the phone that is texted. What they say never becomes a link: a space
    follows a dot between letters. Only `link` is ours.

    Args:
        name: of the field.
        value: its value.
        channel: a text message has shorter values, and punctuation that GSM-7 has.
    """
    text = "".join(character for character in value if character.isprintable() or character == "\n")
    if name == "message":
        text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    else:
        text = " ".join(text.split())
    if name != "link":
        text = _LINK_DOT.sub(". ", text.replace("://", ": //"))
    if channel == "text" and name != "link":
        most = MAX_MESSAGE_CHARS if name == "message" else MAX_VALUE_CHARS
        text = text.translate(_PUNCTUATION)
        text = text if len(text) <= most else text[: most - 3].rstrip() + "..."
    return text


def parts_of(text: str) -> tuple[Part, ...]:
    """Parse a wording. Raises BraceAlone, BracketAlone."""
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[Part]:
    texts: list[str] = [""]
    fields: list[str] = []
    begin, opened = 0, -1
    for token in _TOKEN.finditer(text):
        texts[-1] += text[begin : token.start()]
        begin = token.end()
        match token[0]:
            case "{" | "}":
                raise BraceAlone(near=_near(text, token.start()))
            case "[" if opened < 0:
                yield Part(tuple(texts), tuple(fields), is_optional=False)
                texts, fields, opened = [""], [], token.start()
            case "]" if opened >= 0:
                yield Part(tuple(texts), tuple(fields), is_optional=True)
                texts, fields, opened = [""], [], -1
            case "[" | "]":
                raise BracketAlone(near=_near(text, token.start()))
            case _:
                fields.append(token[1])
                texts.append("")
    if opened >= 0:
        raise BracketAlone(near=_near(text, opened))
    texts[-1] += text[begin:]
    yield Part(tuple(texts), tuple(fields), is_optional=False)


def _near(text: str, position: int) -> str:
    return " ".join(text[max(position - NEAR_CHARS // 2, 0) : position + NEAR_CHARS // 2].split())


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a wording with its values. Optional parts with an empty value are left out."""
    found = []
    for part in parts_of(text):
        inserted = [values.get(name, "") for name in part.fields]
        if part.is_optional and not all(inserted):
            continue
        pairs = zip(part.texts, [*inserted, ""], strict=True)
        found.append("".join(f"{words}{value}" for words, value in pairs))
    lines = "".join(found).replace("\r\n", "\n").split("\n")
    return "\n".join(_SPACES.sub(" ", line).rstrip() for line in lines)


def _check_parts(kind: Kind, text: str) -> set[str]:
    """Return the fields that a text uses. Raises WordingRefused."""
    used: set[str] = set()
    for part in parts_of(text):
        for name in part.fields:
            if name not in FIELDS[kind]:
                raise FieldUnknown(name=_braced(name), known=", ".join(map(_braced, sorted(FIELDS[kind]))))
            if name in OPTIONAL_FIELDS and not part.is_optional:
                raise FieldMayBeEmpty(name=_braced(name), example=_braced(name))
        if part.is_optional and OPTIONAL_FIELDS.isdisjoint(part.fields):
            pairs = zip(part.texts, [*map(_braced, part.fields), ""], strict=True)
            raise BracketNeedsField(near="".join(f"{words}{name}" for words, name in pairs)[:NEAR_CHARS])
        used.update(part.fields)
    return used


def _check_subject(kind: Kind, subject: str) -> None:
    if not subject.strip():
        raise SubjectMissing
    if len(subject) > MAX_SUBJECT_CHARS:
        raise SubjectRefused(reason=f"at most {MAX_SUBJECT_CHARS} characters")
    if not subject.isprintable():
        raise SubjectRefused(reason="it has to be one line")
    try:
        _check_parts(kind, subject)
    except WordingRefused as refusal:
        raise SubjectRefused(reason=str(refusal).removesuffix(".")) from refusal


def _braced(name: str) -> str:
    return f"{{{name}}}"
