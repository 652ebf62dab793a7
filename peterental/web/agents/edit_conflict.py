"""The message about an edit conflict: someone else changed the agent."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.agents.model import Agent
from peterental.audit.model import AuditEntry
from peterental.web.shell.edit_conflict import conflict_sentences


def conflict_message(agent: Agent, entries: Sequence[AuditEntry]) -> str:
    """Return who changed the agent and when, and how to resolve the conflict.

    Args:
        agent: its current state.
        entries: the audit log of the agent since the form was opened.
    """
    who = " and ".join(_savers(entries)) or "Another user"
    return conflict_sentences(who, agent.agent_name, agent.updated_at, agent.zone)


def _savers(entries: Sequence[AuditEntry]) -> list[str]:
    """Return who made these changes, with their actions other than "edited"."""
    by: dict[str, dict[str, None]] = {}
    for entry in entries:
        by.setdefault(entry.actor, {})[entry.change.action] = None
    return [
        f"{actor} ({', '.join(others)})" if (others := [action for action in actions if action != "edited"]) else actor
        for actor, actions in by.items()
    ]
