"""The built-in wordings: complete, valid, short, and understood by phones and people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from peterental.notices.letters import AGENT_KINDS, VISITOR_KINDS
from peterental.notices.model import AgentKind, Language, VisitorKind
from peterental.notices.samples import SAMPLE_TOKEN, sample_fields
from peterental.notices.texts.segments import segments
from peterental.notices.wording.builtin import BUILT_IN, key_named
from peterental.notices.wording.model import FIELDS, OPTIONAL_FIELDS, WordingKey
from peterental.notices.wording.rendering import OPT_OUT, check, render, with_opt_out
from peterental.notices.wording.times import moment_fields

OFFICE, ADDRESS = "Norman Leasing", "https://rent.example.com"
LINK = f"{ADDRESS}/v/{SAMPLE_TOKEN}"

KEYS = list(BUILT_IN)
TEXTS = [key for key in KEYS if key.channel == "text"]
VISITORS_TEXTS = [key for key in TEXTS if not key.kind.startswith("agent_")]


def rendered(key: WordingKey, **changes: str) -> tuple[str | None, str]:
    return render(key.kind, key.channel, sample_fields(key, OFFICE, ADDRESS) | changes, BUILT_IN[key])


def test_every_kind_has_both_channels_and_languages() -> None:
    kinds = {*get_args(VisitorKind), *get_args(AgentKind)} - {"reply"}
    wanted = {(kind, channel, language) for kind in kinds for channel in ("email", "text") for language in ("en", "es")}
    assert {(key.kind, key.channel, key.language) for key in BUILT_IN} == wanted
    assert {key.kind for key in BUILT_IN} == set(FIELDS)
    assert set(FIELDS) >= VISITOR_KINDS | AGENT_KINDS


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_built_in_wordings_pass_their_own_checks(key: WordingKey) -> None:
    check(key.kind, key.channel, BUILT_IN[key])
    assert key_named(str(key)) == key


@pytest.mark.parametrize("key", VISITORS_TEXTS, ids=str)
def test_texts_to_visitors_fit_one_segment(key: WordingKey) -> None:
    text = rendered(key)[1]
    if key.kind in {"booked", "no_show"}:
        text = with_opt_out(text, key.language)
    found = segments(text)
    assert (found.encoding, found.count) == ("gsm7", 1), (found, text)
    assert text.startswith(f"{OFFICE}: ")


@pytest.mark.parametrize("key", TEXTS, ids=str)
def test_no_wording_needs_ucs2(key: WordingKey) -> None:
    assert segments(BUILT_IN[key].body).encoding == "gsm7"
    assert segments(OPT_OUT[key.language]).encoding == "gsm7"


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_no_wording_asks_for_a_stop_word(key: WordingKey) -> None:
    """Phone companies take CANCEL as STOP: the viewing would stay, and the visitor would hear nothing more."""
    asked = re.search(r"(?:reply|responda) +\W?(?!STOP\b)(?:cancel|end|quit|stop)", rendered(key)[1], re.IGNORECASE)
    assert asked is None


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_field_is_filled(key: WordingKey) -> None:
    subject, body = rendered(key)
    for text in (subject or "", body):
        assert not re.search(r"[{}\[\]]|None", text), text
    assert (subject is None) == (key.channel == "text")


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_missing_values_leave_no_trace(key: WordingKey) -> None:
    """No braces, no None, no sentence without its end."""
    subject, body = rendered(key, **dict.fromkeys(OPTIONAL_FIELDS, ""))
    greeting, _, rest = body.partition("\n\n") if key.channel == "email" else ("", "", body)
    assert re.fullmatch(r"(?:(?:Hello|Hola|Good morning|Buenos días,)(?: Nora Castillo)?[,:])?", greeting)
    for text in (subject or "", rest.replace(":\n", "\n", 1) if key.kind == "agent_morning_list" else rest):
        assert not re.search(r"[{}\[\]]|None|  |,[.,]|\(\)|: ?$|\n\n\n", text, re.MULTILINE), text
        assert not re.search(r"\b(?:at|call|with|by|de|a|al|to|from|before)\W*$", text, re.IGNORECASE | re.MULTILINE), (
            text
        )


@pytest.mark.parametrize("key", [key for key in KEYS if "{day}" in (BUILT_IN[key].subject or "")], ids=str)
def test_day_and_time_are_in_the_preview_of_a_phone(key: WordingKey) -> None:
    """A phone shows the first 35 characters of a subject; homes and names are long."""
    late = datetime(2026, 9, 30, 17, 30, tzinfo=UTC)
    fields = moment_fields(late, ZoneInfo("America/Chicago"), key.language, "email")
    subject = rendered(key, **fields, home="x" * 120, agent="y" * 120)[0]
    if key.kind == "agent_flagged_call":  # about a caller, not about a time
        return
    assert subject is not None
    assert ("Wed, Sep 30" if key.language == "en" else "mié 30 sep") in subject[:35]
    assert "12:30 PM" in subject[:35] or "{time}" not in (BUILT_IN[key].subject or "")


def test_english_letters_read_as_written() -> None:
    assert rendered(WordingKey("booked", "text", "en")) == (
        None,
        f"Norman Leasing: Viewing booked: 1402 Elm Street, unit 2B, Tue, Dec 1 at 2:30 PM. Change: {LINK}",
    )
    assert rendered(WordingKey("booked", "email", "en")) == (
        "Booked: Tue, Dec 1 at 2:30 PM, viewing of 1402 Elm Street, unit 2B",
        """\
Hello Ana Lima,

Your viewing is booked.

Home: 1402 Elm Street, unit 2B
When: Tuesday, December 1 at 2:30 PM CST
With: Nora Castillo, 405-555-0123

To confirm, move or cancel the viewing:
https://rent.example.com/v/sample-of-18-chars

Norman Leasing""",
    )


def test_a_spanish_letter_reads_as_written() -> None:
    assert rendered(WordingKey("moved", "email", "es")) == (
        "Nueva hora: mar 1 dic, 2:30 PM, visita a 1402 Elm Street, unit 2B",
        """\
Hola Ana Lima:

Su visita tiene una nueva hora.

Vivienda: 1402 Elm Street, unit 2B
Cuándo: martes 1 de diciembre, 2:30 PM CST
Con: Nora Castillo, 405-555-0123
Antes: lunes 30 de noviembre, 10:00 AM CST

Para confirmar, cambiar o cancelar la visita:
https://rent.example.com/v/sample-of-18-chars

Norman Leasing""",
    )


@pytest.mark.parametrize("language", get_args(Language))
def test_a_confirmed_viewing_is_not_asked_to_confirm(language: Language) -> None:
    key = WordingKey("reminder_day", "text", language)
    assert " C " in rendered(key)[1]
    assert " C " not in rendered(key, confirm="")[1]
