"""End-of-call reports and status updates of every generation: no field is lost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.voice.messages import decode

if TYPE_CHECKING:
    from peterental.calls.model import CallUpdate

CALL = {"id": "c", "assistantId": "a"}


def update_of(message: dict[str, Any], kind: str = "end-of-call-report") -> CallUpdate:
    found = decode(msgspec.json.encode({"message": {"type": kind, "call": CALL, **message}})).call_update()
    assert found is not None
    return found


def data_of(message: dict[str, Any]) -> Any:
    text = update_of(message).structured_data
    return text and json.loads(text)


def outputs(*pairs: tuple[str, object]) -> dict[str, Any]:
    return {
        "artifact": {
            "structuredOutputs": {f"id-{n}": {"name": name, "result": result} for n, (name, result) in enumerate(pairs)}
        }
    }


# --- times and cost ---------------------------------------------------------------------------------------------------

STARTED = "2026-11-22T15:00:00.250Z"


@pytest.mark.parametrize(
    ("message", "started", "ended"),
    [
        ({"call": CALL | {"startedAt": STARTED, "endedAt": "2026-11-22T15:02:03Z"}}, "15:00:00", "15:02:03"),
        ({"startedAt": STARTED, "call": CALL | {"startedAt": "2026-11-22T14:00:00Z"}}, "15:00:00", None),
        ({"artifact": {"startedAt": STARTED}, "durationMinutes": "1.5"}, "15:00:00", "15:01:30"),
        ({"call": CALL | {"startedAt": STARTED, "durationSeconds": 75}}, "15:00:00", "15:01:15"),
        ({"startedAt": "1795359600000", "durationMs": "30000"}, "15:00:00", "15:00:30"),
        ({"startedAt": "1795359600", "durationSeconds": "1e1"}, "15:00:00", "15:00:10"),
        ({"startedAt": STARTED, "durationSeconds": "long", "durationMinutes": 2}, "15:00:00", "15:02:00"),
        ({"startedAt": STARTED, "durationSeconds": -5}, "15:00:00", None),
        ({"startedAt": STARTED, "durationMinutes": 10**9}, "15:00:00", None),
        ({"call": CALL | {"endedAt": "2026-11-22T15:01:00Z"}, "durationSeconds": 60}, "15:00:00", "15:01:00"),
        (
            {"startedAt": STARTED, "endedAt": "2026-11-22T15:09:00Z", "durationMinutes": 1},
            "15:00:00",
            "15:09:00",
        ),
    ],
)
def test_times_are_read_from_every_place(message: dict[str, Any], started: str | None, ended: str | None) -> None:
    update = update_of(message)
    assert (update.started_at and f"{update.started_at:%H:%M:%S}") == started
    assert (update.ended_at and f"{update.ended_at:%H:%M:%S}") == ended


@pytest.mark.parametrize(
    ("message", "cost"),
    [
        ({"cost": 0.0512}, 0.0512),
        ({"cost": "0.0512"}, 0.0512),
        ({"costBreakdown": {"total": "0.07"}}, 0.07),
        ({"cost": None, "call": CALL | {"cost": 0.09}}, 0.09),
        ({"cost": "free", "costBreakdown": []}, None),
        ({"cost": "nan"}, None),
        ({"cost": True}, None),
        ({"cost": "9" * 50}, None),
    ],
)
def test_cost_is_read_from_every_place(message: dict[str, Any], cost: float | None) -> None:
    assert update_of(message).cost == cost


def test_end_reason_is_read_from_the_call() -> None:
    assert update_of({"call": CALL | {"endedReason": "silence-timed-out"}}).ended_reason == "silence-timed-out"


@pytest.mark.parametrize("status", ["ended", "Ended"])
def test_status_update_takes_times_of_the_call(status: str) -> None:
    call = CALL | {"startedAt": STARTED, "endedAt": "2026-11-22T15:02:03Z", "endedReason": "r"}
    update = update_of({"status": status, "call": call, "timestamp": 1795399999000}, "status-update")
    assert (update.status, update.is_report, update.ended_reason) == ("ended", False, "r")
    assert update.started_at is not None
    assert update.ended_at is not None
    assert f"{update.ended_at:%H:%M:%S}" == "15:02:03"


# --- structured data --------------------------------------------------------------------------------------------------


def test_structured_outputs_become_structured_data() -> None:
    message = outputs(("Viewing", {"appointment_booked": True, "home": "Elm"}), ("Budget", 1500), ("Pets", None))
    assert data_of(message) == {
        "Viewing": {"appointment_booked": True, "home": "Elm"},
        "Budget": 1500,
        "Pets": None,
    }


@pytest.mark.parametrize(
    ("message", "summary", "evaluation"),
    [
        (outputs(("Call Summary", "Asked for Boyd."), ("Success Evaluation - Pass/Fail", False)), "Asked for Boyd.", "false"),
        (outputs(("callSummary", "Two cats."), ("success_evaluation", "7/10")), "Two cats.", "7/10"),
        (outputs(("Analysis", {"summary": "Inside.", "successEvaluation": {"score": 3}})), "Inside.", '{"score":3}'),
        (outputs(("Call Summary", ["odd"]), ("Summary of the call", "Second."), ("Success", 9)), "Second.", "9"),
        (outputs(("Brief Summary", "Short."), ("Was the call successful?", False)), "Short.", "false"),
        (outputs(("Unsuccessful tries", 3), ("Pet summary", "Cats.")), None, None),
        (outputs(("Call Summary", "Of the output."), ("Success", True)) | {"analysis": {"summary": "S", "successEvaluation": "no"}}, "S", "no"),
        ({"summary": "", "analysis": {"summary": "S"}, "successEvaluation": ""}, "S", None),
    ],
)  # fmt: skip
def test_outputs_have_summary_and_success(message: dict[str, Any], summary: str | None, evaluation: str | None) -> None:
    update = update_of(message)
    assert (update.summary, update.success_evaluation) == (summary, evaluation)


@pytest.mark.parametrize(
    ("message", "data"),
    [
        ({"analysis": {"structuredDataMulti": [{"k": {"budget": 1500}}, {"m": 2}]}}, {"k": {"budget": 1500}, "m": 2}),
        ({"analysis": {"structuredDataMulti": {"k": 1}}}, {"k": 1}),
        ({"structuredDataMulti": [7]}, {"structuredDataMulti": 7}),
        ({"analysis": {"structuredData": {"a": 1}, "structuredDataMulti": [{"a": 1}, {"a": 2}]}}, {"a": 1, "a (2)": 2}),
        ({"structuredData": [1], "structuredOutputs": {"x": {"name": "N", "result": 2}}}, {"structuredData": [1], "N": 2}),
        ({"structuredData": [1]}, [1]),
        ({"structuredData": {}, "analysis": {"structuredData": {"a": 1}}}, {"a": 1}),
        ({"artifact": {"structuredOutputs": [{"id": "i", "result": 1}, {"result": 2}, "bare"]}}, {"i": 1, "1": 2, "2": "bare"}),
        ({"call": CALL | {"artifact": {"structuredOutputs": {"x": {"name": "N", "result": 1}}}}}, {"N": 1}),
        (outputs(("N", 1)) | {"call": CALL | outputs(("N", 1))}, {"N": 1}),
        (outputs(("N", 1)) | {"call": CALL | outputs(("N", 2))}, {"N": 1, "N (2)": 2}),
        ({"artifact": {"structuredOutputs": {"x": {"name": "N"}}}}, {"N": {"name": "N"}}),
        ({"artifact": {"structuredOutputs": "junk"}, "analysis": 5}, None),
    ],
)  # fmt: skip
def test_data_of_every_generation_is_merged(message: dict[str, Any], data: object) -> None:
    assert data_of(message) == data


ENTRIES = 30_000
"""So many values under one name would take minutes if each were compared with all before it."""

MOST_CPU_S = 10.0


@pytest.mark.parametrize(
    "message",
    [
        {"structuredDataMulti": list(range(ENTRIES))},
        {"structuredDataMulti": [{"same": number} for number in range(ENTRIES)]},
        {"structuredDataMulti": [{f"same ({number})": "x"} for number in range(2, ENTRIES)] + [{"same": n} for n in range(3)]},
        {"artifact": {"structuredOutputs": [{"name": "same", "result": {"n": n}} for n in range(ENTRIES)]}},
        {"artifact": {"structuredOutputs": [{"name": "Call Summary", "result": [n]} for n in range(ENTRIES)]}},
    ],
    ids=["scalars", "fields", "numbered names", "outputs", "summaries"],
)  # fmt: skip
def test_values_of_one_name_take_linear_time(message: dict[str, Any]) -> None:
    began_s = time.thread_time()
    data = data_of(message)
    assert time.thread_time() - began_s < MOST_CPU_S
    assert len(data) >= ENTRIES


@given(st.lists(st.tuples(st.sampled_from(["a", "a (2)", "b"]), st.integers(0, 2) | st.none()), max_size=12))
def test_every_value_is_kept_under_a_name_of_its_own(pairs: list[tuple[str, int | None]]) -> None:
    data = data_of({"structuredDataMulti": [{name: value} for name, value in pairs]}) or {}
    for name, value in pairs:
        assert any(key == name or key.startswith(f"{name} (") for key, kept in data.items() if kept == value)
    assert len(data) == len(set(pairs))


# --- recordings -------------------------------------------------------------------------------------------------------


def test_every_recording_is_kept() -> None:
    recording = {"stereoUrl": "https://x/s", "mono": {"combinedUrl": "https://x/m", "customerUrl": "https://x/c"}}
    artifact = {"recording": recording, "presignedUrl": "https://x/p?sig=1", "videoRecordingUrl": "https://x/v"}
    update = update_of({"artifact": artifact, "recordingEnabled": True})
    assert update.recording_url == "https://x/s"
    assert update.recordings is not None
    assert json.loads(update.recordings) == {
        "recording.stereoUrl": "https://x/s",
        "recording.mono.combinedUrl": "https://x/m",
        "recording.mono.customerUrl": "https://x/c",
        "presignedUrl": "https://x/p?sig=1",
        "videoRecordingUrl": "https://x/v",
    }


@pytest.mark.parametrize(
    ("message", "url"),
    [
        ({"artifact": {"stereoRecordingUrl": "https://x/s"}}, "https://x/s"),
        ({"stereoRecordingUrl": "https://x/s", "recordingUrl": "https://x/m"}, "https://x/m"),
        ({"call": CALL | {"recordingUrl": "https://x/m"}}, "https://x/m"),
        ({"artifact": {"recordings": [{"url": "https://x/1"}]}}, "https://x/1"),
        ({"artifact": {"recording": "https://x/plain"}}, "https://x/plain"),
        ({"artifact": {"recording": {"presignedStereoUrl": "https://x/p"}}}, "https://x/p"),
        ({"artifact": {"recording": {"id": "r-1", "a": {"b": {"c": {"d": {"url": "too deep"}}}}}}}, None),
    ],
)
def test_recording_to_play_is_found(message: dict[str, Any], url: str | None) -> None:
    assert update_of(message).recording_url == url


def test_two_recordings_of_one_field_are_kept() -> None:
    update = update_of({"recordingUrl": "https://x/1", "artifact": {"recordingUrl": "https://x/2"}})
    assert update.recordings is not None
    assert json.loads(update.recordings) == {"recordingUrl": "https://x/1", "recordingUrl (2)": "https://x/2"}


# --- damaged reports --------------------------------------------------------------------------------------------------

REPORT = (
    b'{"message": {"type": "end-of-call-report", "call": {"id": "c", "assistantId": "a", "note": %(call)s},'
    b' "endedReason": "hangup", "unread": %(field)s,'
    b' "artifact": {"transcript": "AI: hi", "unread": %(artifact)s, "structuredOutputs": {"x": {"name": "N", "result": 1}}}}}'
)
DAMAGE = {
    "bad byte": b'"caf\xe9"',
    "control characters": b'"\x00\x1f"',
    "unknown escape": b'"\\x41"',
    "lone surrogate": b'"\\ud83d"',
    "huge integer": b"1" * 9_000,
    "huge float": b"1e99999",
    "not a number": b"NaN",
    "deep arrays": b"[" * 20_000 + b"]" * 20_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "byte outside text": b"\xff",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("place", [b"call", b"field", b"artifact"])
def test_damage_keeps_the_rest_of_the_report(place: bytes, damage: bytes) -> None:
    body = REPORT % {b"call": b"1", b"field": b"1", b"artifact": b"1", place: damage}
    update = decode(body).call_update()
    assert update is not None
    assert (update.vapi_call_id, update.agent_key.assistant_id, update.is_report) == ("c", "a", True)
    assert (update.transcript, update.ended_reason, update.structured_data) == ("AI: hi", "hangup", '{"N":1}')
