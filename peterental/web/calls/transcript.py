"""The conversation of a call, from Vapi's messages or its transcript. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from peterental.calls.model import Call
from peterental.web.shell.template_filters import html_bytes, truncate_bytes

Speaker = Literal["assistant", "caller"]

SPEAKERS: dict[str, Speaker] = {
    "assistant": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "user": "caller",
    "customer": "caller",
}
"""Vapi's names of the two speakers. Other roles (system, tool_calls, tool_call_result) are not spoken."""

TRANSCRIPT_LINE = re.compile(r"^(AI|Assistant|Bot|User|Customer)\s*:\s*(.*)$", re.IGNORECASE)

MAX_CALL_S = 24 * 60 * 60

TURN_MARKUP_BYTES = 160
"""The size of a turn's HTML without its text."""


@dataclass(frozen=True)
class Turn:
    """What one speaker said until the other one spoke.

    Args:
        speaker: who spoke.
        text: the transcript, with its line breaks.
        at_s: seconds since the start of the call, if known.
    """

    speaker: Speaker
    text: str
    at_s: int | None = None

    @property
    def clock(self) -> str:
        """The time since the start of the call: `0:07`, `12:30`."""
        return "" if self.at_s is None else f"{self.at_s // 60}:{self.at_s % 60:02}"


def conversation(call: Call) -> tuple[Turn, ...]:
    """Return the turns in order; empty without messages and transcript."""
    return tuple(_merge_turns(_turns_of_messages(call.messages))) or tuple(
        _merge_turns(_turns_of_transcript(call.transcript))
    )


def as_text(call: Call) -> str:
    """Return the conversation as plain text, one line for each turn."""
    names = {"assistant": "Assistant", "caller": "Caller"}
    return "\n".join(f"{names[turn.speaker]}: {turn.text}" for turn in conversation(call)) or call.transcript or ""


def truncate(turns: tuple[Turn, ...], budget_bytes: int) -> tuple[Turn, ...]:
    """Return the first turns that fit into the budget; the last may be cut."""
    shown = []
    for turn in turns:
        budget_bytes -= TURN_MARKUP_BYTES
        if budget_bytes <= 0:
            break
        text = truncate_bytes(turn.text, budget_bytes)
        budget_bytes -= html_bytes(text)
        shown.append(replace(turn, text=text))
        if text != turn.text:
            break
    return tuple(shown)


def _turns_of_messages(messages: object) -> Iterable[Turn]:
    for item in messages if isinstance(messages, list) else []:
        if not isinstance(item, dict):
            continue
        speaker = SPEAKERS.get(str(item.get("role")).lower())
        text = item.get("message") or item.get("content")
        if speaker and isinstance(text, str) and text.strip():
            yield Turn(speaker, text.strip(), _seconds(item.get("secondsFromStart")))


def _turns_of_transcript(transcript: str | None) -> Iterable[Turn]:
    """Yield the turns of lines such as `AI: …` and `User: …`.

    A line without a name continues the previous turn.
    """
    speaker: Speaker = "caller"
    for line in (transcript or "").splitlines():
        found = TRANSCRIPT_LINE.match(line)
        if found:
            speaker = SPEAKERS[found.group(1).lower()]
        text = (found.group(2) if found else line).strip()
        if text:
            yield Turn(speaker, text)


def _merge_turns(turns: Iterable[Turn]) -> Iterable[Turn]:
    """Merge consecutive turns of the same speaker."""
    last: Turn | None = None
    for turn in turns:
        if last is not None and last.speaker == turn.speaker:
            last = Turn(last.speaker, f"{last.text}\n{turn.text}", last.at_s)
            continue
        if last is not None:
            yield last
        last = turn
    if last is not None:
        yield last


def _seconds(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_CALL_S:
        return int(value)
    return None
