"""How the pages say what a call was: its length, its cost, its end, and the conversation in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.calls.model import Call, CallSummary
from peterental.web.calls import labels
from peterental.web.calls.transcript import Turn, as_text, conversation, truncate
from peterental.web.shell.template_filters import html_bytes, truncate_bytes

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def a_call(**known: Any) -> Call:
    empty = dict.fromkeys(Call.__dataclass_fields__)
    return Call(**{**empty, "vapi_call_id": "c", "status": "ended", "created_at": NOW, **known})


def a_summary(**known: Any) -> CallSummary:
    empty = dict.fromkeys(CallSummary.__dataclass_fields__)
    return CallSummary(
        **{**empty, "vapi_call_id": "c", "status": "ended", "created_at": NOW, "outcomes": (), "agreed": False, **known}
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (48.4, "48 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (3785, "1 h 3 min")],
)
def test_a_length_is_said_in_words(seconds: float, said: str) -> None:
    assert labels.format_duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("dollars", "said"), [(0, "$0.00"), (0.001, "under $0.01"), (0.0817, "$0.08"), (1234.5, "$1,234.50")]
)
def test_a_price_is_never_nothing_where_there_was_one(dollars: float, said: str) -> None:
    assert labels.format_cost(dollars) == said


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"ended_reason": "customer-ended-call"}, "The caller hung up"),
        ({"ended_reason": "call.in-progress.error-new-in-2027"}, "call.in-progress.error-new-in-2027"),
        ({}, "Ended, nobody said why"),
        ({"status": "in-progress", "started_at": NOW - timedelta(minutes=5)}, "On the line"),
        ({"status": "ringing", "started_at": NOW - timedelta(days=1)}, "Its end was not reported"),
    ],
)
def test_how_a_call_ended_is_said_in_plain_words_or_in_vapis(known: dict[str, Any], said: str) -> None:
    assert labels.how_it_ended(a_summary(**known), NOW) == said


@pytest.mark.parametrize(("duration_ms", "said"), [(0.2, "under 1 ms"), (14.2, "14 ms"), (1234, "1.2 s")])
def test_how_quick_an_answer_was(duration_ms: float, said: str) -> None:
    assert labels.format_response_time(duration_ms) == said


def test_a_call_that_ended_before_it_began_took_no_time() -> None:
    assert a_summary(started_at=NOW, ended_at=NOW - timedelta(seconds=2)).duration == timedelta()


def test_messages_are_read_as_a_conversation() -> None:
    messages = [
        {"role": "system", "message": "You are a robot."},
        {"role": "bot", "message": "Hello", "secondsFromStart": 0.4},
        {"role": "bot", "message": "who is there?", "secondsFromStart": 2},
        {"role": "tool_calls", "toolCalls": []},
        {"role": "user", "message": " Dolores ", "secondsFromStart": 65.2},
        {"role": "user", "message": " "},
        {"role": "assistant", "content": "Fine.", "secondsFromStart": "soon"},
        {"role": "user", "message": 5},
        {"role": "user", "message": "Bye", "secondsFromStart": True},
        "junk",
    ]
    turns = conversation(a_call(messages=messages, transcript="AI: other"))
    assert [(turn.speaker, turn.text, turn.clock) for turn in turns] == [
        ("assistant", "Hello\nwho is there?", "0:00"),
        ("caller", "Dolores", "1:05"),
        ("assistant", "Fine.", ""),
        ("caller", "Bye", ""),
    ]
    assert as_text(a_call(messages=messages)).splitlines()[2:] == [
        "Caller: Dolores",
        "Assistant: Fine.",
        "Caller: Bye",
    ]


def test_without_messages_the_transcript_is_read() -> None:
    transcript = "AI: Hello\n\nUser: Hi: it's me\nand my dog\nASSISTANT: Fine\n"
    for messages in (None, [], {"a": 1}, [{"role": "system", "message": "x"}]):
        turns = conversation(a_call(messages=messages, transcript=transcript))
        assert [(turn.speaker, turn.text) for turn in turns] == [
            ("assistant", "Hello"),
            ("caller", "Hi: it's me\nand my dog"),
            ("assistant", "Fine"),
        ]
    assert conversation(a_call()) == ()
    assert as_text(a_call()) == ""


def test_a_page_shows_the_beginning_and_never_more_than_it_may() -> None:
    turns = tuple(Turn("caller", "<é" * 100) for _ in range(20))
    shown = truncate(turns, 2000)
    assert shown[0] == turns[0]
    assert shown[-1].text.endswith("…")
    assert sum(html_bytes(turn.text) for turn in shown) < 2000
    assert truncate(turns, 10**6) == turns
    assert truncate(turns, 100) == ()
    (first,) = truncate((replace(turns[0], text="🏠" * 5000),), 1000)
    assert 700 < html_bytes(first.text) <= 1000


def test_what_is_cut_is_cut_between_characters() -> None:
    assert truncate_bytes("abc", 3) == "abc"
    assert truncate_bytes("ab cdef", 6) == "ab…"
    assert truncate_bytes("ééé", 5) == "é…"
