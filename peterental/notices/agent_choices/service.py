"""What an agent is notified of, how and when: shown to and changed by the agent's user and admins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.agents.repository import AgentRepository
from peterental.agents.service import agent_change, lock_agent
from peterental.audit.model import changed_values
from peterental.clock import utc_now
from peterental.notices.agent_choices.model import (
    CHANNEL_NAMES,
    CHANNELS,
    KINDS,
    LIST,
    MAX_EMAIL_CHARS,
    USUAL,
    AgentNotices,
    AgentNoticesChanged,
    Contact,
    ContactInvalid,
    ListNeeded,
)
from peterental.notices.agent_choices.repository import AgentChoicesRepository
from peterental.phone_numbers import normalise, region_of

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.audit.model import AuditEntry
    from peterental.audit.service import AuditService
    from peterental.database.pool import Database
    from peterental.notices.agent_choices.model import Choices, StoredChoices

CHANGED = "notices changed"
"""The action in the audit log."""

_EMAIL = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]{1,190}\.[^\s@<>,;\"]{1,60}", re.ASCII)


class AgentChoicesService:
    """What the agents of one database are notified of.

    Args:
        database: where it is stored.
        agents: checks which agents a viewer may see.
        audit: records the changes.
    """

    def __init__(self, database: Database, agents: AgentService, audit: AuditService) -> None:
        self._database = database
        self._repository = AgentChoicesRepository(database)
        self._locks = AgentRepository(database)
        self._agents = agents
        self._audit = audit

    def changes_of(self, agent: Agent) -> tuple[AuditEntry, ...]:
        """Return the recorded changes of an agent's notices of the last day, oldest first. One query."""
        entries = self._audit.since("agent", agent.agent_id, utc_now() - timedelta(days=1))
        return tuple(entry for entry in entries if entry.change.action == CHANGED)

    def show(self, agent_id: str, viewer: Viewer) -> AgentNotices:
        """Return what an agent is notified of, and where. Two round trips. Raises AgentUnknown."""
        agent = self._agents.get(agent_id, viewer)
        return _notices(agent, self._repository.get(agent_id))

    def change(
        self, agent_id: str, contact: Contact, choices: Choices, viewer: Viewer, *, seen: str | None = None
    ) -> None:
        """Change what an agent is notified of, and where.

        Args:
            agent_id: whom.
            contact: as entered: the number is stored in E.164.
            choices: the timing by kind and channel; what is left out stays as it is.
            viewer: who changes it.
            seen: the version of the notices when the form was opened; None to skip the check for edit conflicts.

        Raises AgentUnknown, ContactInvalid, ListNeeded, AgentNoticesChanged.
        """
        with self._database.transaction() as connection:
            agent = lock_agent(self._locks, connection, agent_id, viewer)
            before = _notices(agent, self._repository.read(connection, agent_id))
            known = {key: timing for key, timing in choices.items() if key in before.choices}
            after = replace(before, contact=_checked(contact, agent), choices={**before.choices, **known})
            _require_list(after)
            old, new = changed_values(_fields(before), _fields(after))
            if new and seen is not None and seen != before.version:
                raise AgentNoticesChanged(before)
            if new:
                self._repository.store(connection, agent_id, after.contact, after.choices)
                self._audit.record(connection, viewer, agent_change(agent, CHANGED, old, new))


def _notices(agent: Agent, stored: StoredChoices) -> AgentNotices:
    usual = {(kind, channel): USUAL[channel] for kind in KINDS for channel in CHANNELS}
    choices = {key: stored.choices.get(key, timing) for key, timing in usual.items()}
    return AgentNotices(agent=agent, contact=stored.contact, user_email=stored.user_email, choices=choices)


def _checked(contact: Contact, agent: Agent) -> Contact:
    """Return the contact as it is stored. Raises ContactInvalid."""
    email, phone = (contact.email or "").strip(), (contact.phone or "").strip()
    if email and (len(email) > MAX_EMAIL_CHARS or _EMAIL.fullmatch(email) is None):
        raise ContactInvalid(at="email", reason="Enter an e-mail address such as dana@example.com")
    number = normalise(phone, region_of(agent.time_zone)) if phone else None
    if phone and number is None:
        raise ContactInvalid(at="phone", reason="Enter a phone number with its area code")
    return Contact(email=email or None, phone=number)


def _require_list(notices: AgentNotices) -> None:
    """Raise ListNeeded if something is chosen for a morning list that is not sent."""
    for channel in CHANNELS:
        timings = [notices.choices[kind, channel] for kind in KINDS if kind != LIST]
        if "morning" in timings and notices.choices[LIST, channel] != "now":
            raise ListNeeded(channel)


def _fields(notices: AgentNotices) -> Mapping[str, object]:
    """Return the fields of the audit log: one for each kind, such as `at once by e-mail`."""
    words = {"now": "at once", "morning": "in the morning list"}
    choices: dict[str, object] = {
        kind: ", ".join(
            f"{words[timing]} by {CHANNEL_NAMES[channel]}"
            for channel in CHANNELS
            if (timing := notices.choices[kind, channel]) != "off"
        )
        for kind in KINDS
    }
    return {"email": notices.contact.email, "phone": notices.contact.phone, **choices}
