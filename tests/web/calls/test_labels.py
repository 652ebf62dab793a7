"""Labels of calls: duration, cost, end reason; and the conversation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.calls.model import Call, CallSummary, ToolCall
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
    ("seconds", "expected"),
    [(0, "0 s"), (48.4, "48 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (3785, "1 h 3 min")],
)
def test_duration_is_formatted(seconds: float, expected: str) -> None:
    assert labels.format_duration(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("dollars", "expected"), [(0, "$0.00"), (0.001, "under $0.01"), (0.0817, "$0.08"), (1234.5, "$1,234.50")]
)
def test_small_cost_is_not_shown_as_zero(dollars: float, expected: str) -> None:
    assert labels.format_cost(dollars) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"ended_reason": "customer-ended-call"}, "The caller hung up"),
        ({"ended_reason": "call.in-progress.error-new-in-2027"}, "Error on Vapi's side"),
        ({"ended_reason": "new-in-2027"}, "Ended for a reason that PeteRental does not know"),
        ({}, "Ended, no reason reported"),
        ({"status": "in-progress", "started_at": NOW - timedelta(minutes=5)}, "In progress"),
        ({"status": "ringing", "started_at": NOW - timedelta(days=1)}, "End not reported"),
    ],
)
def test_end_reason_has_a_label(known: dict[str, Any], expected: str) -> None:
    assert labels.how_it_ended(a_summary(**known), NOW) == expected


@pytest.mark.parametrize(("duration_ms", "expected"), [(0.2, "under 1 ms"), (14.2, "14 ms"), (1234, "1.2 s")])
def test_response_time_is_formatted(duration_ms: float, expected: str) -> None:
    assert labels.format_response_time(duration_ms) == expected


def test_negative_duration_is_zero() -> None:
    assert a_summary(started_at=NOW, ended_at=NOW - timedelta(seconds=2)).duration == timedelta()


def test_messages_become_a_conversation() -> None:
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


def test_transcript_is_the_fallback() -> None:
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


def test_conversation_is_cut_to_its_budget() -> None:
    turns = tuple(Turn("caller", "<é" * 100) for _ in range(20))
    shown = truncate(turns, 2000)
    assert shown[0] == turns[0]
    assert shown[-1].text.endswith("…")
    assert sum(html_bytes(turn.text) for turn in shown) < 2000
    assert truncate(turns, 10**6) == turns
    assert truncate(turns, 100) == ()
    (first,) = truncate((replace(turns[0], text="🏠" * 5000),), 1000)
    assert 700 < html_bytes(first.text) <= 1000


def test_text_is_cut_between_characters() -> None:
    assert truncate_bytes("abc", 3) == "abc"
    assert truncate_bytes("ab cdef", 6) == "ab…"
    assert truncate_bytes("ééé", 5) == "é…"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("call.in-progress.error-vapifault-openai-llm-failed", "The language model failed"),
        ("pipeline-error-eleven-labs-voice-not-found", "The voice of the assistant failed"),
        ("call.in-progress.error-vapifault-deepgram-transcriber-failed", "The speech recognition failed"),
        ("call.start.error-subscription-frozen", "The Vapi account allows no more calls"),
        ("call.start.error-vapi-number-outbound-daily-limit", "Error on Vapi's side"),
        ("call.in-progress.error-sip-inbound-call-failed-to-connect", "The phone network had an error"),
        ("call.in-progress.error-warm-transfer-max-duration", "The transfer did not work"),
        ("assistant-new-in-2027", "The assistant could not take the call"),
        ("customer-new-in-2027", "The caller ended the call"),
        ("Some sentence, 405 555 0123", labels.UNKNOWN_END),
    ],
)
def test_unknown_end_reasons_are_never_shown_as_codes(code: str, expected: str) -> None:
    assert labels.ended_reason(code) == expected


def test_every_known_end_reason_has_words() -> None:
    for code in labels.ENDED_REASONS:
        words = labels.ended_reason(code)
        assert "-" not in code or code not in words
        assert words[0].isupper()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", "successful"),
        ("False", "not successful"),
        ("Pass", "successful"),
        ("Excellent", "excellent"),
        ("strongly_disagree", "not successful, certainly"),
        ("7", "7 of 10"),
        ("85", "85 of 100"),
        ("85%", "85 %"),
        ("{'greeted': true}", labels.UNKNOWN_EVALUATION),
        ("", labels.UNKNOWN_EVALUATION),
    ],
)
def test_evaluation_is_in_words(value: str, expected: str) -> None:
    assert labels.evaluation(value) == expected


@pytest.mark.parametrize("kind", [*labels.FAULTS, "KeyError", None])
def test_fault_is_a_sentence_without_its_name(kind: str | None) -> None:
    call = ToolCall(name="x", tool_call_id="t", arguments={}, answer="Sorry.", outcome="fault", fault=kind)
    sentence = labels.fault(call)
    assert sentence.endswith(".")
    assert kind is None or kind not in sentence
    assert (sentence == labels.UNKNOWN_FAULT) == (kind not in labels.FAULTS)


def test_problems_are_named_and_explained() -> None:
    failed = ToolCall(
        name="x", tool_call_id="t", arguments={}, answer="Sorry.", outcome="fault", fault="DatabaseTooSlow"
    )
    call = a_summary(kind="call", outcomes=("fault",), agreed=True, ended_reason="vonage-rejected")
    assert call.problems(NOW) == ("fault", "unbooked", "bad_end")
    assert [labels.problem_sentence(problem, call, [failed], NOW) for problem in call.problems(NOW)] == [
        "The caller heard an apology, because PeteRental could not answer. The database took too long to answer.",
        "The caller agreed to a viewing, but this call booked and moved nothing.",
        "The call did not end as it should: the phone network rejected the call.",
    ]
    assert labels.problem_sentence("fault", call, [], NOW).endswith(labels.UNKNOWN_FAULT)
    silent = a_summary(kind="call", status="in-progress", started_at=NOW - timedelta(hours=12))
    assert silent.problems(NOW) == ("no_report",)
    assert "never reported" in labels.problem_sentence("no_report", silent, [], NOW)
    assert a_summary(kind="chat", status="in-progress", started_at=NOW - timedelta(days=9)).problems(NOW) == ()
    lost = a_summary(ended_reason="assistant-request-failed")
    assert "PeteRental did not answer" in labels.problem_sentence("bad_end", lost, [], NOW)
