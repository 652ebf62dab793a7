"""Render outcomes and refusals as the sentences that callers hear, in the agent's language. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from peterental.voice.speech import english, english_words, spanish, spanish_words
from peterental.voice.speech.english import EnglishRenderer
from peterental.voice.speech.lines import FixedLines
from peterental.voice.speech.renderer import Renderer, Words
from peterental.voice.speech.spanish import SpanishRenderer

if TYPE_CHECKING:
    from peterental.agents.model import Agent, Language
    from peterental.calls.model import Outcome
    from peterental.errors import Refusal

RENDERERS: dict[Language, type[Renderer]] = {"en": EnglishRenderer, "es": SpanishRenderer}
FIXED_LINES: dict[Language, FixedLines] = {"en": english.FIXED, "es": spanish.FIXED}
WORDS: dict[Language, Words] = {"en": english_words, "es": spanish_words}

APOLOGY = english.FIXED.apology
UNKNOWN_TOOL = english.FIXED.unknown_tool
NO_ASSISTANT = english.FIXED.no_assistant


def render(result: Outcome | Refusal, agent: Agent | None, now: datetime) -> str:
    """Return the sentence for an outcome or a refusal, on one line.

    Args:
        result: what a tool call led to.
        agent: on whose wall clock and in whose language it is said; None where no agent was found.
        now: the current time, aware; days are said relative to it.
    """
    renderer = RENDERERS[agent.language if agent else "en"]
    return renderer(agent, now).line(result)
