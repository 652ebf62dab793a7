"""Wordings that admins enter are checked; values that callers chose do no harm."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.notices.model import Channel
from peterental.notices.texts.segments import segments
from peterental.notices.wording import model
from peterental.notices.wording.model import Wording, WordingRefused
from peterental.notices.wording.rendering import MAX_VALUE_CHARS, check, clean, render
from peterental.notices.wording.times import format_day, format_span, format_time

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("body", "refusal", "said"),
    [
        ("{office}: {hone}", model.FieldUnknown, "no field {hone}"),
        ("{office}: {home", model.BraceAlone, "near “{office}: {home”"),
        ("{office}: home}", model.BraceAlone, "such as {home}"),
        ("{office} { home }", model.BraceAlone, "a name between two braces"),
        ("{office} {}", model.BraceAlone, "brace"),
        ("{office}: {home} [call {agent_phone}", model.BracketAlone, "near"),
        ("{office}: {home} call {agent_phone}]", model.BracketAlone, "near"),
        ("{office} [a [{agent_phone}]]", model.BracketAlone, "bracket"),
        ("{office}: call {agent_phone}", model.FieldMayBeEmpty, "such as [{agent_phone}]"),
        ("{office}: [{home}]", model.BracketNeedsField, "“{home}” is in square brackets"),
        ("{office} [ ]", model.BracketNeedsField, "always has a value"),
        ("   ", model.WordingEmpty, "Enter the text"),
        ("{office}" + "x" * 800, model.WordingTooLong, "at most 800 characters"),
        ("{home} at {time}", model.OfficeMissing, "Use {office}"),
        ("{office}: reply CANCEL to cancel", model.StopWordAsked, "“reply CANCEL” asks"),
        ("{office}: Text 'Quit' to stop", model.StopWordAsked, "phone companies"),
        ("{office}: responda BAJA", model.StopWordAsked, "“responda BAJA”"),
    ],
)
def test_a_wrong_text_is_refused_by_name(body: str, refusal: type[WordingRefused], said: str) -> None:
    with pytest.raises(refusal, match=re.escape(said)):
        check("booked", "text", Wording(body))


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("", "Enter the subject."),
        ("a\nBcc: eve@example.com", "Subject: it has to be one line."),
        ("x" * 201, "Subject: at most 200 characters."),
        ("{hone}", "Subject: There is no field {hone} in this wording."),
    ],
)
def test_a_wrong_subject_is_refused_by_name(subject: str, said: str) -> None:
    with pytest.raises(WordingRefused, match=re.escape(said)) as refused:
        check("booked", "email", Wording("Hello", subject))
    assert refused.value.at == "subject"


def test_a_text_to_an_agent_needs_no_office() -> None:
    check("agent_booked", "text", Wording("{home}, {day}"))


def test_fields_of_another_kind_are_unknown() -> None:
    check("moved", "email", Wording("[{old_day}]", "x"))
    with pytest.raises(model.FieldUnknown):
        check("booked", "email", Wording("[{old_day}]", "x"))


def test_an_optional_part_needs_all_its_values() -> None:
    wording = Wording("Now {day}[, before {old_day} at {old_time}].")
    assert render("moved", "text", {"day": "Mon", "old_day": "Sun"}, wording)[1] == "Now Mon."
    whole = {"day": "Mon", "old_day": "Sun", "old_time": "1 PM"}
    assert render("moved", "text", whole, wording)[1] == "Now Mon, before Sun at 1 PM."


def test_values_are_not_parsed_again() -> None:
    """A caller who spells {link} or a bracket changes nothing."""
    assert (
        render("booked", "text", {"home": "{link} [x", "link": "http://x"}, Wording("At {home}"))[1] == "At {link} [x"
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Visit evil.example/pay now", "Visit evil. example/pay now"),
        ("https://evil.example", "https: //evil. example"),
        ("www.evil.example", "www. evil. example"),
        ("St.Louis, No.5", "St. Louis, No.5"),
        ("Ana\r\nBcc: x\x00\u202e", "Ana Bcc: x"),
    ],
)
@pytest.mark.parametrize("channel", ["text", "email"])
def test_what_callers_say_becomes_no_link(said: str, shown: str, channel: Channel) -> None:
    assert clean("visitor", said, channel) == shown


def test_texts_get_plain_punctuation_and_short_values() -> None:
    said = "\u201cElm\u201d \u2013 it\u2019s 5\u2026"
    shown = clean("home", said, "text")
    assert (shown, segments(shown).encoding) == ('"Elm" - it\'s 5...', "gsm7")
    assert clean("home", said, "email") == said
    long = clean("home", "x" * 500, "text")
    assert (len(long), long[-4:]) == (MAX_VALUE_CHARS, "x...")


def test_a_message_keeps_its_lines() -> None:
    assert clean("message", "10 AM  Elm\n2 PM Oak", "text") == "10 AM Elm\n2 PM Oak"


def test_days_and_times_are_those_of_the_home() -> None:
    moment = datetime(2026, 12, 6, 5, 5, tzinfo=UTC)
    assert format_day(moment, CHICAGO, "en", "text") == "Sat, Dec 5"
    assert format_day(moment, CHICAGO, "es", "text") == "sab 5 dic"
    assert format_day(moment, CHICAGO, "es", "email") == "sábado 5 de diciembre"
    assert format_time(moment, CHICAGO, "text") == "11:05 PM"
    assert format_time(moment, CHICAGO, "email") == "11:05 PM CST"
    assert format_time(moment, ZoneInfo("America/Sao_Paulo"), "email") == "2:05 AM UTC-3"
    assert format_time(moment, ZoneInfo("Asia/Kathmandu"), "email") == "10:50 AM UTC+5:45"


@pytest.mark.parametrize(
    ("minutes", "english", "spanish"),
    [
        (120, "2 hours", "2 horas"),
        (61, "1 hour", "1 hora"),
        (20, "20 minutes", "20 minutos"),
        (0, "", ""),
        (-5, "", ""),
    ],
)
def test_spans_are_counted(minutes: int, english: str, spanish: str) -> None:
    span = timedelta(minutes=minutes)
    assert (format_span(span, "en"), format_span(span, "es")) == (english, spanish)
