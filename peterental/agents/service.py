"""Agents: who they are, who may see them, and whom a call is for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peterental.access import AdminsOnly, Viewer
from peterental.agents.model import (
    RULE_LIMITS,
    Agent,
    AgentChanged,
    AgentIdTaken,
    AgentKey,
    AgentName,
    AgentNameMissing,
    AgentPage,
    AgentTextTooLong,
    AgentUnknown,
    OwnedAgents,
    Profile,
    RuleOutOfRange,
    TimeZoneUnknown,
)
from peterental.agents.repository import AgentRepository
from peterental.audit.model import AuditEntry, Change, changed_fields
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database

PAGE_SIZE = 50
MAX_CHOICES = 100
"""As many agents as a form offers to choose from; any other is reached by an address that names it."""

MAX_CHARS = {
    "agent_name": 255,
    "vapi_assistant_id": 36,
    "phone_number_id": 36,
    "calendar_user_id": 255,
    "handover_number": 40,
}
"""The most characters of each text in a profile."""

# Ids that would hide behind a page of their own.
RESERVED_IDS = frozenset({"new"})
MAX_SLUG_CHARS = 60

MAX_NAMED_AGENTS = 5
"""So many of a user's agents are named; the others are counted."""

MAX_ID_ATTEMPTS = 10


class AgentService:
    """The agents of one database.

    Args:
        database: where they are kept.
        audit: keeps who changed what.
        now: gives the time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._agents = AgentRepository(database)
        self._audit = audit
        self._now = now

    def find(self, key: AgentKey) -> Agent | None:
        """Find whom a call is for: by assistant, else by phone number. Also agents that are not active. One query."""
        named = AgentKey(assistant_id=_vapi_id(key.assistant_id), phone_number_id=_vapi_id(key.phone_number_id))
        if named == AgentKey():
            return None
        return self._agents.find(named)

    def get(self, agent_id: str, viewer: Viewer) -> Agent:
        """Give one agent. Raises AgentUnknown, also where it is not the viewer's to see. One query."""
        agent = None if "\x00" in agent_id else self._agents.get(agent_id, owner_filter(viewer))
        if agent is None:
            raise AgentUnknown
        return agent

    def listing(self, viewer: Viewer, *, text: str = "", page: int = 1) -> AgentPage:
        """Return one page of the agents that the viewer may see, the active ones first. One query.

        Args:
            viewer: who looks.
            text: part of a name or an id; empty for all.
            page: from 1.
        """
        found = self._agents.listing(
            user_id=owner_filter(viewer),
            text=text.replace("\x00", "").strip() or None,
            limit=PAGE_SIZE + 1,
            offset=(page - 1) * PAGE_SIZE,
        )
        return AgentPage(agents=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)

    def names(self, viewer: Viewer, chosen: str = "") -> tuple[AgentName, ...]:
        """Give the agents that the viewer may choose from, the active ones first, at most CHOICES. One query.

        Args:
            viewer: who chooses.
            chosen: the id of one that is among them in any case, if it is the viewer's to see.
        """
        return tuple(self._agents.names(owner_filter(viewer), chosen.replace("\x00", ""), MAX_CHOICES))

    def owned_agents(self, user_ids: Sequence[int], viewer: Viewer) -> dict[int, OwnedAgents]:
        """Give which agents each of some users looks after; users without any are left out. One query.

        Raises AdminsOnly.
        """
        if not viewer.is_admin:
            raise AdminsOnly
        return self._agents.owned_agents(user_ids, MAX_NAMED_AGENTS) if user_ids else {}

    def create(
        self, profile: Profile, viewer: Viewer, agent_id: str | None = None, *, opened_at: datetime | None = None
    ) -> Agent:
        """Make an agent, with working hours from Monday to Friday, nine to five.

        Args:
            profile: what is known of the agent.
            viewer: who makes it; an admin.
            agent_id: what it is called in addresses; made from the name where None.
            opened_at: when the form was opened that it was typed into; what was made just like this since then, came
                from the same form, sent twice, and is given as it is.

        Raises AdminsOnly, AgentNameMissing, AgentTextTooLong, TimeZoneUnknown, RuleOutOfRange, AgentIdTaken,
        AssistantTaken, PhoneNumberTaken, KeeperUnknown.
        """
        if not viewer.is_admin:
            raise AdminsOnly
        profile = validated(profile)
        if agent_id is not None:
            self._insert(agent_id, profile, viewer)
        else:
            agent_id = self._insert_with_free_id(profile, viewer, opened_at)
        return self.get(agent_id, viewer)

    def update(self, agent_id: str, profile: Profile, viewer: Viewer, *, seen: datetime | None = None) -> Agent:
        """Change an agent; whose it is changes only where an admin says so.

        Args:
            agent_id: which.
            profile: what it is to be.
            viewer: who changes it.
            seen: `updated_at` of the agent that they saw; None changes it whatever it has become meanwhile.

        Raises AgentUnknown, AgentChanged, AgentNameMissing, AgentTextTooLong, TimeZoneUnknown, RuleOutOfRange,
        AssistantTaken, PhoneNumberTaken, KeeperUnknown.
        """
        profile = validated(profile)
        with self._agents.translate_constraint_errors(agent_id), self._database.transaction() as connection:
            agent = lock_agent(self._agents, connection, agent_id, viewer)
            if seen is not None and agent.updated_at != seen:
                raise AgentChanged(agent)
            if not viewer.is_admin:
                profile = replace(profile, user_id=agent.user_id)
            before, after = changed_fields(Profile.of(agent), profile)
            if after:
                self._agents.check_uppercase_duplicates(connection, agent_id, profile)
                self._agents.update(connection, agent_id, profile)
                self._audit.record(connection, viewer.email, audit_change(agent, "edited", before, after))
        return self.get(agent_id, viewer)

    def set_active(self, agent_id: str, viewer: Viewer, *, active: bool) -> None:
        """Have an agent's calls answered, or apologised for; nothing where it is so already. Raises AgentUnknown."""
        with self._database.transaction() as connection:
            agent = lock_agent(self._agents, connection, agent_id, viewer)
            if agent.is_active != active:
                action = "reactivated" if active else "deactivated"
                self._agents.set_active(connection, agent_id, active=active)
                self._audit.record(
                    connection,
                    viewer.email,
                    audit_change(agent, action, {"is_active": agent.is_active}, {"is_active": active}),
                )

    def changes_since(self, agent: Agent, seen: datetime) -> tuple[AuditEntry, ...]:
        """Give what people changed about an agent that the viewer was given, after `seen`, oldest first. One query."""
        return self._audit.since("agent", agent.agent_id, seen)

    def _insert(self, agent_id: str, profile: Profile, viewer: Viewer) -> None:
        with self._agents.translate_constraint_errors(agent_id), self._database.transaction() as connection:
            self._agents.check_uppercase_duplicates(connection, agent_id, profile)
            self._agents.insert(connection, agent_id, profile)
            change = Change(
                action="created",
                subject_kind="agent",
                subject_id=agent_id,
                subject_name=profile.agent_name,
                after=asdict(profile),
            )
            self._audit.record(connection, viewer.email, change)

    def _insert_with_free_id(self, profile: Profile, viewer: Viewer, opened_at: datetime | None) -> str:
        base = slug(profile.agent_name)
        for _ in range(MAX_ID_ATTEMPTS):
            taken = self._agents.ids_starting_with(base) | RESERVED_IDS
            # Looked for after the ids: one that is made later takes the very id that is free now, and we look again.
            twin = self._agents.find_twin(opened_at, profile) if opened_at else None
            if twin is not None:
                return twin
            agent_id = next(name for name in _id_candidates(base, len(taken)) if name not in taken)
            try:
                self._insert(agent_id, profile, viewer)
            except AgentIdTaken:
                continue  # somebody made a namesake at the same moment
            return agent_id
        raise AgentIdTaken(agent_id=base)


def lock_agent(agents: AgentRepository, connection: DeadlineConnection, agent_id: str, viewer: Viewer) -> Agent:
    """Lock an agent until the transaction ends, as bookings do, and give it. Raises AgentUnknown."""
    if "\x00" in agent_id:
        raise AgentUnknown
    pending = agents.lock(connection, agent_id, owner_filter(viewer))
    connection.sync()
    agent = pending.read()
    if agent is None:
        raise AgentUnknown
    return agent


def audit_change(agent: Agent, action: str, before: Mapping[str, object], after: Mapping[str, object]) -> Change:
    """Give the line of the audit log about a change of an agent."""
    return Change(
        action=action,
        subject_kind="agent",
        subject_id=agent.agent_id,
        subject_name=agent.agent_name,
        before=before,
        after=after,
    )


def validated(profile: Profile) -> Profile:
    """Give a profile with its texts tidied: no blanks around them, None rather than empty.

    Raises AgentNameMissing, AgentTextTooLong, TimeZoneUnknown, RuleOutOfRange.
    """
    texts = {name: _strip(getattr(profile, name)) for name in MAX_CHARS}
    for name, text in texts.items():
        if text is not None and len(text) > MAX_CHARS[name]:
            raise AgentTextTooLong(field=name, characters=MAX_CHARS[name])
    if texts["agent_name"] is None:
        raise AgentNameMissing
    for name in ("vapi_assistant_id", "phone_number_id"):
        texts[name] = _lowercase_uuid(texts[name])
    for name, limits in RULE_LIMITS.items():
        value = getattr(profile, name)
        if value is not None and not limits.low <= value <= limits.high:
            raise RuleOutOfRange(field=name, label=limits.label, low=limits.low, high=limits.high)
    if not is_time_zone(profile.time_zone):
        raise TimeZoneUnknown(time_zone=profile.time_zone)
    rest = {field.name: getattr(profile, field.name) for field in fields(profile) if field.name not in texts}
    return Profile(**{**rest, **texts})


def is_time_zone(name: str) -> bool:
    """Tell whether `name` is an IANA time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def slug(name: str) -> str:
    """Give a name as it can stand in an address: `zoe-o-neill` for `Zoë O'Neill`, `agent` where no letter is Latin."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-") or "agent"


def owner_filter(viewer: Viewer) -> int | None:
    """Give whose agents a viewer sees: None is everybody's."""
    return None if viewer.is_admin else viewer.user_id


def _id_candidates(base: str, taken: int) -> list[str]:
    """Give more names for namesakes than are taken: `ana`, `ana-2`, `ana-3`, …."""
    return [base, *(f"{base}-{number}" for number in range(2, taken + 3))]


def _strip(text: str | None) -> str | None:
    return (text or "").replace("\x00", "").strip() or None


def _vapi_id(text: str | None) -> str | None:
    """Give an id that Vapi sent, or None for what cannot be one."""
    tidy = _strip(text)
    return tidy if tidy is not None and len(tidy) <= MAX_CHARS["vapi_assistant_id"] else None


def _lowercase_uuid(text: str | None) -> str | None:
    """Give an id of Vapi's as its messages have it: UUIDs in lower case, however somebody typed them."""
    try:
        return str(UUID(text)) if text is not None and len(text) == MAX_CHARS["vapi_assistant_id"] else text
    except ValueError:
        return text
