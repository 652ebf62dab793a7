"""Read what status updates and end-of-call reports say about a call. Pure.

A field may be at message level, under `artifact` or `analysis`, or under `call`: every reader takes these objects as
`places`, the preferred one first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from peterental.voice.sanitize import json_safe, multiline, parse_number, parse_timestamp, single_line

Places = Sequence[Mapping[str, Any]]

MAX_COST_USD = 999_999.0
MAX_DURATION_S = 30 * 24 * 3600.0
MAX_REASON_CHARS = 500
MAX_RECORDING_DEPTH = 4

SECONDS_PER_UNIT = {"durationSeconds": 1.0, "durationMs": 0.001, "durationMinutes": 60.0}
"""The fields that hold a duration, the most exact first."""

_SUMMARY_NAME = re.compile(r"^(call|chat|conversation|brief|short)?summary")
_SUCCESS_NAME = re.compile(r"^((was|is)?(the)?(call|chat)?(was|is|a)*)success|successevaluation")


def places_of(message: Mapping[str, Any], beside: Mapping[str, Any]) -> Places:
    """Return the objects of a message that hold the fields of a report.

    Args:
        message: the message.
        beside: the object around it, which may hold the call.
    """
    conversations = [_mapping(item.get(name)) for item in (message, beside) for name in ("call", "chat")]
    inner = [_mapping(item.get(name)) for item in (message, *conversations) for name in ("artifact", "analysis")]
    return [place for place in (message, *inner[:2], *conversations, *inner[2:]) if place]


def report_fields(places: Places) -> dict[str, Any]:
    """Return the fields of a `CallUpdate` that an end-of-call report fills."""
    outputs = _structured_outputs(places)
    started_at, ended_at = call_period(places)
    return {
        "started_at": started_at,
        "ended_at": ended_at,
        "ended_reason": ended_reason(places),
        "cost": _cost(places),
        "summary": next(filter(None, map(multiline, _values(places, "summary"))), None)
        or _output(outputs, _SUMMARY_NAME, multiline),
        "transcript": next(filter(None, map(multiline, _values(places, "transcript"))), None),
        "messages": next(filter(None, map(json_text, _values(places, "messages", "messagesOpenAIFormatted"))), None),
        "success_evaluation": next(filter(None, map(_evaluation, _values(places, "successEvaluation"))), None)
        or _output(outputs, _SUCCESS_NAME, _evaluation),
        "structured_data": json_text(_structured_data(places, outputs)),
        **_recordings(places),
    }


def ended_reason(places: Places) -> str | None:
    """Return why the call ended, as Vapi names it."""
    reasons = (single_line(value, MAX_REASON_CHARS) for value in _values(places, "endedReason"))
    return next(filter(None, reasons), None)


def call_period(places: Places) -> tuple[datetime | None, datetime | None]:
    """Return start and end of a call.

    Compute a missing one from the other and the duration.
    """
    started_at = next(filter(None, map(parse_timestamp, _values(places, "startedAt"))), None)
    ended_at = next(filter(None, map(parse_timestamp, _values(places, "endedAt"))), None)
    duration = _duration(places)
    if duration is not None and started_at and not ended_at:
        ended_at = started_at + duration
    elif duration is not None and ended_at and not started_at:
        started_at = ended_at - duration
    return started_at, ended_at


def json_text(value: object) -> str | None:
    """Return JSON text that jsonb accepts; None for an empty value."""
    if value is None or value in ({}, [], ""):
        return None
    return msgspec.json.encode(json_safe(value, keep_lines=True)).decode()


def _values(places: Places, *names: str) -> Iterator[object]:
    """Yield the values of a field in all places, the preferred one first; then those of the next name."""
    return (place[name] for name in names for place in places if place.get(name) is not None)


def _duration(places: Places) -> timedelta | None:
    for name, seconds in SECONDS_PER_UNIT.items():
        for value in _values(places, name):
            number = parse_number(value, MAX_DURATION_S / seconds)
            if number is not None:
                return timedelta(seconds=number * seconds)
    return None


def _cost(places: Places) -> float | None:
    """Return the cost in US dollars, from its field or the total of its breakdown."""
    totals = (_mapping(value).get("total") for value in _values(places, "costBreakdown"))
    costs = (parse_number(value, MAX_COST_USD) for value in (*_values(places, "cost"), *totals))
    return next((cost for cost in costs if cost is not None), None)


def _evaluation(value: object) -> str | None:
    """Return a success evaluation as text; Vapi sends text, booleans, numbers or objects."""
    return single_line(value if isinstance(value, str) else json_text(value))


# --- structured data --------------------------------------------------------------------------------------------------


def _structured_outputs(places: Places) -> list[tuple[str, object]]:
    """Return name and result of every structured output, in the order sent."""
    found: dict[tuple[str, bytes], tuple[str, object]] = {}
    for value in _values(places, "structuredOutputs"):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            fields = _mapping(item)
            name = single_line(fields.get("name")) or single_line(fields.get("id")) or str(key)
            result = fields.get("result", item)
            found.setdefault((name, _identity(result)), (name, result))
    return list(found.values())


def _output(
    outputs: list[tuple[str, object]], wanted: re.Pattern[str], read: Callable[[object], str | None]
) -> str | None:
    """Return the first structured output, or field of one, with a wanted name and a readable value.

    Args:
        outputs: names and results.
        wanted: matches the letters of a name, in lower case.
        read: returns the text of a result; None where it is of the wrong type.
    """
    inner = [field for _, result in outputs for field in _mapping(result).items()]
    for name, result in (*outputs, *inner):
        if wanted.search(re.sub(r"[^a-z]", "", name.lower())) and (text := read(result)):
            return text
    return None


def _structured_data(places: Places, outputs: list[tuple[str, object]]) -> object:
    """Return the data that Vapi's analysis extracted from the call, in one object.

    Vapi has sent the fields of `structuredData`, the entries of `structuredDataMulti`, and named structured outputs.
    """
    single = next((value for value in _values(places, "structuredData") if value not in ({}, [], "")), None)
    entries = [*_multi_entries(places), *outputs]
    if not entries:
        return single
    first = single.items() if isinstance(single, dict) else [("structuredData", single)] if single is not None else []
    merged = _Fields()
    for name, value in (*first, *entries):
        merged.add(name, value)
    return merged.values


def _multi_entries(places: Places) -> Iterator[tuple[str, object]]:
    for value in _values(places, "structuredDataMulti"):
        for item in value if isinstance(value, list) else [value]:
            yield from item.items() if isinstance(item, dict) else [("structuredDataMulti", item)]


class _Fields:
    """Fields whose names differ. The time is linear, however many have the same name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._known: set[tuple[str, bytes]] = set()
        self._numbers: dict[str, int] = {}

    def add(self, name: str, value: object) -> None:
        """Add a field under its name, or under a numbered one where another value has that name."""
        known = (name, _identity(value))
        if known in self._known:
            return
        self._known.add(known)
        free, number = name, self._numbers.get(name, 1)
        while free in self.values:
            number += 1
            free = f"{name} ({number})"
        self._numbers[name] = number
        self.values[free] = value


def _identity(value: object) -> bytes:
    """Return what JSON values have in common that are stored alike."""
    stored = msgspec.json.encode(json_safe(value, keep_lines=True), order="deterministic")
    return hashlib.sha256(stored).digest()


# --- recordings -------------------------------------------------------------------------------------------------------

RECORDINGS_BY_PREFERENCE = (
    "recordingUrl", "stereoRecordingUrl", "recording.stereoUrl", "recording.mono.combinedUrl", "recording.combinedUrl",
)  # fmt: skip
"""The field whose recording is the one to play, where there are several."""

_RECORDING_FIELD = re.compile(r"recording|presigned", re.IGNORECASE)


def _recordings(places: Places) -> dict[str, str | None]:
    """Return the recording to play, and all recordings as JSON text: URLs by the path of the field that held them."""
    fields = _Fields()
    for place in places:
        for name, value in place.items():
            if _RECORDING_FIELD.search(name):
                for path, url in _urls(name, value):
                    fields.add(path, url)
    urls = fields.values
    preferred = next((urls[name] for name in RECORDINGS_BY_PREFERENCE if name in urls), None)
    return {"recording_url": preferred or next(iter(urls.values()), None), "recordings": json_text(urls)}


def _urls(path: str, value: object, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the URLs in a field and in the values below it, each with its path."""
    if isinstance(value, dict | list) and depth < MAX_RECORDING_DEPTH:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _urls(f"{path}.{name}", inner, depth + 1)
    elif (url := single_line(value)) and (path.lower().endswith("url") or url.startswith("http")):
        yield path, url


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
