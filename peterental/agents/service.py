"""Agents: creation, changes, access control, and lookup by a call's ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peterental.access import Viewer, owner_filter, require_admin
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
    SharedNames,
    TimeZoneUnknown,
)
from peterental.agents.repository import AgentRepository
from peterental.agents.time_off.blocks import TimeOffBlocks
from peterental.audit.model import NO_FIELDS, AuditEntry, Change, changed_fields
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database

PAGE_SIZE = 50
MAX_CHOICES = 100
"""The maximum of agents offered in a form; any other is selected by the query string."""

MAX_CHARS = {
    "agent_name": 255,
    "vapi_assistant_id": 36,
    "phone_number_id": 36,
    "calendar_user_id": 255,
    "handover_number": 40,
}
"""The maximum length of each text in a profile."""

# Ids that are also the path of another page (/agents/new).
RESERVED_IDS = frozenset({"new"})
MAX_SLUG_CHARS = 60

MAX_NAMED_AGENTS = 5
"""The maximum of a user's agents that are listed by name; the others are counted."""

MAX_ID_ATTEMPTS = 10


class AgentService:
    """The agents of one database.

    Args:
        database: where they are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._agents = AgentRepository(database)
        self._time_off = TimeOffBlocks(database)
        self._audit = audit
        self._now = now

    def find(self, key: AgentKey) -> Agent | None:
        """Return the agent of a call: by assistant, else by phone number.

        An inactive agent is returned too. One query.
        """
        valid = AgentKey(assistant_id=_vapi_id(key.assistant_id), phone_number_id=_vapi_id(key.phone_number_id))
        if valid == AgentKey():
            return None
        return self._agents.find(valid)

    def get(self, agent_id: str, viewer: Viewer) -> Agent:
        """Return one agent. One query.

        Raises AgentUnknown, also for an agent that the viewer may not see.
        """
        agent = None if "\x00" in agent_id else self._agents.get(agent_id, owner_filter(viewer))
        if agent is None:
            raise AgentUnknown
        return agent

    def listing(self, viewer: Viewer, *, text: str = "", page: int = 1) -> AgentPage:
        """Return one page of the agents that the viewer may see, the active ones first.

        One query.

        Args:
            viewer: whose agents; an admin sees all.
            text: part of a name or an id; empty for all.
            page: from 1.
        """
        found = self._agents.listing(
            user_id=owner_filter(viewer),
            text=text.replace("\x00", "").strip() or None,
            limit=PAGE_SIZE + 1,
            offset=(page - 1) * PAGE_SIZE,
        )
        shown = found[:PAGE_SIZE]
        return AgentPage(
            agents=tuple(agent for agent, _ in shown),
            has_more=len(found) > PAGE_SIZE,
            shared={agent.agent_id: names for agent, names in shown if names != SharedNames()},
        )

    def names(self, viewer: Viewer, chosen: str = "") -> tuple[AgentName, ...]:
        """Return at most MAX_CHOICES agents to choose from, the active ones first.

        One query.

        Args:
            viewer: who chooses.
            chosen: the id of an agent that is always included, if the viewer may see it.
        """
        return tuple(self._agents.names(owner_filter(viewer), chosen.replace("\x00", ""), MAX_CHOICES))

    def owned_agents(self, user_ids: Sequence[int], viewer: Viewer) -> dict[int, OwnedAgents]:
        """Return the agents that each of some users owns.

        Users without agents are left out. One query.

        Raises AdminsOnly.
        """
        require_admin(viewer)
        return self._agents.owned_agents(user_ids, MAX_NAMED_AGENTS) if user_ids else {}

    def create(
        self, profile: Profile, viewer: Viewer, agent_id: str | None = None, *, opened_at: datetime | None = None
    ) -> Agent:
        """Create an agent, with working hours from Monday to Friday, nine to five.

        Args:
            profile: its fields.
            viewer: who creates it; an admin.
            agent_id: its id, used in URLs; None to make one from the name.
            opened_at: when the form was opened, aware. An agent created since then with exactly this profile comes from
                the same form, submitted twice, and is returned.

        Raises AdminsOnly, AgentNameMissing, AgentTextTooLong, TimeZoneUnknown, RuleOutOfRange, AgentIdTaken,
        AssistantTaken, PhoneNumberTaken, OwnerUnknown.
        """
        require_admin(viewer)
        profile = validated(profile)
        if agent_id is not None:
            self._insert(agent_id, profile, viewer)
        else:
            agent_id = self._insert_with_free_id(profile, viewer, opened_at)
        return self.get(agent_id, viewer)

    def update(self, agent_id: str, profile: Profile, viewer: Viewer, *, seen: datetime | None = None) -> Agent:
        """Change an agent; only an admin can change its owner.

        Args:
            agent_id: which agent.
            profile: its new fields.
            viewer: who changes it.
            seen: `updated_at` of the agent when the form was opened; None to skip the check for edit conflicts. What is
                stored already is no conflict: people press a button twice.

        Raises AgentUnknown, AgentChanged, AgentNameMissing, AgentTextTooLong, TimeZoneUnknown, RuleOutOfRange,
        AssistantTaken, PhoneNumberTaken, OwnerUnknown.
        """
        profile = validated(profile)
        with self._agents.translate_constraint_errors(agent_id), self._database.transaction() as connection:
            agent = lock_agent(self._agents, connection, agent_id, viewer)
            if not viewer.is_admin:
                profile = replace(profile, user_id=agent.user_id)
            before, after = changed_fields(Profile.from_agent(agent), profile)
            if after and seen is not None and agent.updated_at != seen:
                raise AgentChanged(agent)
            if after:
                self._agents.check_uppercase_duplicates(connection, agent_id, profile)
                self._agents.update(connection, agent_id, profile)
                if profile.time_zone != agent.time_zone:  # time off stays on the wall clock
                    self._time_off.renew_agent(connection, agent_id, profile.time_zone, self._now())
                self._audit.record(connection, viewer, agent_change(agent, "edited", before, after))
        return self.get(agent_id, viewer)

    def set_active(self, agent_id: str, viewer: Viewer, *, active: bool) -> None:
        """Activate or deactivate an agent; an inactive one takes no calls.

        Raises AgentUnknown.
        """
        with self._database.transaction() as connection:
            agent = lock_agent(self._agents, connection, agent_id, viewer)
            if agent.is_active != active:
                action = "reactivated" if active else "deactivated"
                self._agents.set_active(connection, agent_id, active=active)
                self._audit.record(
                    connection,
                    viewer,
                    agent_change(agent, action, {"is_active": agent.is_active}, {"is_active": active}),
                )

    def changes_since(self, agent: Agent, seen: datetime) -> tuple[AuditEntry, ...]:
        """Return the recorded changes of an agent after `seen`, oldest first.

        The viewer may see the agent, as the caller has checked. One query.
        """
        return self._audit.since("agent", agent.agent_id, seen)

    def _insert(self, agent_id: str, profile: Profile, viewer: Viewer) -> None:
        with self._agents.translate_constraint_errors(agent_id), self._database.transaction() as connection:
            self._agents.check_uppercase_duplicates(connection, agent_id, profile)
            self._agents.insert(connection, agent_id, profile)
            self._time_off.renew_agent(connection, agent_id, profile.time_zone, self._now())
            change = Change(
                action="created",
                subject_kind="agent",
                subject_id=agent_id,
                subject_name=profile.agent_name,
                after=asdict(profile),
            )
            self._audit.record(connection, viewer, change)

    def _insert_with_free_id(self, profile: Profile, viewer: Viewer, opened_at: datetime | None) -> str:
        base = slug(profile.agent_name)
        for _ in range(MAX_ID_ATTEMPTS):
            taken = self._agents.ids_starting_with(base) | RESERVED_IDS
            # Searched after the ids: a twin created later takes the same free id, and the next attempt finds it.
            twin = self._agents.find_twin(opened_at, profile) if opened_at else None
            if twin is not None:
                return twin
            agent_id = next(name for name in _id_candidates(base, len(taken)) if name not in taken)
            try:
                self._insert(agent_id, profile, viewer)
            except AgentIdTaken:
                continue  # a namesake was created concurrently
            return agent_id
        raise AgentIdTaken(agent_id=base)


def lock_agent(agents: AgentRepository, connection: DeadlineConnection, agent_id: str, viewer: Viewer) -> Agent:
    """Lock an agent until the transaction ends, as bookings do, and return it.

    Raises AgentUnknown.
    """
    if "\x00" in agent_id:
        raise AgentUnknown
    pending = agents.lock(connection, agent_id, owner_filter(viewer))
    connection.sync()
    agent = pending.read()
    if agent is None:
        raise AgentUnknown
    return agent


def agent_change(
    agent: Agent, action: str, before: Mapping[str, object] = NO_FIELDS, after: Mapping[str, object] = NO_FIELDS
) -> Change:
    """Return the audit log's record of a change of an agent.

    Args:
        agent: whose name the entry has.
        action: what was done, in the past tense.
        before: the values of the changed fields before.
        after: their values after.
    """
    return Change(
        action=action,
        subject_kind="agent",
        subject_id=agent.agent_id,
        subject_name=agent.agent_name,
        before=before,
        after=after,
    )


def validated(profile: Profile) -> Profile:
    """Return a profile with its texts stripped, and None instead of empty ones.

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
    """Return whether `name` is an IANA time zone known to this machine."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def slug(name: str) -> str:
    """Return a name for use in a URL: `zoe-o-neill` for `Zoë O'Neill`.

    A name without Latin letters becomes `agent`.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].strip("-") or "agent"


def _id_candidates(base: str, taken: int) -> list[str]:
    """Return more ids for namesakes than are taken: `ana`, `ana-2`, `ana-3`, …."""
    return [base, *(f"{base}-{number}" for number in range(2, taken + 3))]


def _strip(text: str | None) -> str | None:
    return (text or "").replace("\x00", "").strip() or None


def _vapi_id(text: str | None) -> str | None:
    """Return an id that Vapi sent; None if it cannot be one."""
    stripped = _strip(text)
    return stripped if stripped is not None and len(stripped) <= MAX_CHARS["vapi_assistant_id"] else None


def _lowercase_uuid(text: str | None) -> str | None:
    """Return a Vapi id as Vapi's messages have it: UUIDs in lower case."""
    try:
        return str(UUID(text)) if text is not None and len(text) == MAX_CHARS["vapi_assistant_id"] else text
    except ValueError:
        return text
