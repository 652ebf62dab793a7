"""What people hear who save an agent that somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.agents.model import Agent
from peterental.audit.model import Entry
from peterental.web.shell.template_filters import clock


def conflict_message(agent: Agent, entries: Sequence[Entry]) -> str:
    """Say that somebody else was quicker, who it was where the audit log knows, and what to do."""
    who = " and ".join(_savers(entries)) or "Somebody"
    when = f" at {clock(agent.updated_at, agent.zone)}" if agent.updated_at else ""
    return (
        f"{who} changed {agent.agent_name}{when}, after you had opened this page. Nothing of yours is saved yet, and "
        "all you typed is still here. What was saved meanwhile stands beside it: change what you like, then save again."
    )


def _savers(entries: Sequence[Entry]) -> list[str]:
    """Give who made these changes, each with what they did, unless it was the profile that they edited."""
    by: dict[str, dict[str, None]] = {}
    for entry in entries:
        by.setdefault(entry.actor, {})[entry.change.action] = None
    return [
        f"{actor} ({', '.join(others)})" if (others := [action for action in actions if action != "edited"]) else actor
        for actor, actions in by.items()
    ]
