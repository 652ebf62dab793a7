"""Lines that book for several agents: who may choose whom, edit conflicts, the order, and the audit log."""

from __future__ import annotations

from functools import partial

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.agents.model import AgentUnknown, Profile, SharedNames
from peterental.agents.service import AgentService
from peterental.agents.shared_lines.model import (
    MAX_MEMBERS,
    MemberInactive,
    MemberUnknown,
    SharedLine,
    SharingChanged,
    TooManyMembers,
)
from peterental.agents.shared_lines.service import SharedLineService
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from tests.together import at_once

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


@pytest.fixture
def agents(database: Database) -> AgentService:
    """The agents, with Ana, Ben and Carol."""
    service = AgentService(database, AuditService(database))
    for name in ("Ana", "Ben", "Carol"):
        service.create(Profile(agent_name=name), ADMIN)
    return service


@pytest.fixture
def lines(database: Database, agents: AgentService) -> SharedLineService:
    """The service under test."""
    return SharedLineService(database, agents, AuditService(database))


def stored(database: Database) -> list[tuple[str, int | None]]:
    rows = database.fetch("SELECT agent_id, position FROM line_members ORDER BY position, agent_id")
    return [(row["agent_id"], row["position"]) for row in rows]


def test_line_books_for_its_own_agent_at_first(lines: SharedLineService) -> None:
    found = lines.sharing("ana", ADMIN)
    assert (found.members, found.choice, found.updated_at, found.is_shared) == ((), "first_free", None, False)
    assert found.line == SharedLine("ana")


def test_members_are_stored_in_order(lines: SharedLineService, database: Database) -> None:
    saved = lines.share("ana", ["carol", "ana", "carol"], "round_robin", ADMIN, seen=None)
    assert saved.line == SharedLine("ana", ("carol", "ana"), "round_robin")
    assert saved.is_shared
    assert stored(database) == [("carol", 1), ("ana", 2)]


def test_holder_who_is_not_booked_stays_without_position(lines: SharedLineService, database: Database) -> None:
    saved = lines.share("ana", ["ben"], "first_free", ADMIN, seen=None)
    assert saved.line.member_ids == ("ben",)
    assert stored(database) == [("ben", 1), ("ana", None)]


def test_who_is_left_out_stays_without_position(lines: SharedLineService, database: Database) -> None:
    seen = lines.share("ana", ["ana", "ben"], "first_free", ADMIN, seen=None).updated_at
    seen = lines.share("ana", ["carol", "ana"], "first_free", ADMIN, seen=seen).updated_at
    assert stored(database) == [("carol", 1), ("ana", 2), ("ben", None)]
    unshared = lines.share("ana", ["ana"], "first_free", ADMIN, seen=seen)
    assert (unshared.members, unshared.is_shared) == ((), False)
    assert stored(database) == [("ana", None), ("ben", None), ("carol", None)]


def test_only_admins_share_lines(lines: SharedLineService, database: Database) -> None:
    row = database.fetch(
        "INSERT INTO users (email, password_hash, role) VALUES ('ana@example.com', '-', 'agent') RETURNING user_id"
    )[0]
    ana = Viewer(user_id=row["user_id"], email="ana@example.com", is_admin=False)
    with pytest.raises(AgentUnknown):
        lines.sharing("ana", ana)
    database.fetch("UPDATE agents SET user_id = %s WHERE agent_id = 'ana'", [ana.user_id])
    assert lines.sharing("ana", ana).members == ()
    with pytest.raises(AdminsOnly):
        lines.share("ana", ["ben"], "first_free", ana, seen=None)


def test_changed_sharing_is_not_overwritten(lines: SharedLineService, database: Database) -> None:
    seen = lines.share("ana", ["ben"], "first_free", ADMIN, seen=None).updated_at
    lines.share("ana", ["carol"], "first_free", ADMIN, seen=seen)
    for stale in (None, seen):
        with pytest.raises(SharingChanged):
            lines.share("ana", ["ana", "ben"], "first_free", ADMIN, seen=stale)
    assert stored(database)[0] == ("carol", 1)


def test_one_of_racing_changes_is_saved(lines: SharedLineService, database: Database) -> None:
    def share(member: str) -> str:
        try:
            lines.share("ana", [member], "first_free", ADMIN, seen=None)
        except SharingChanged:
            return "conflict"
        return "saved"

    outcomes = at_once([partial(share, member) for member in ("ben", "carol", "ben", "carol")])
    assert outcomes[:2] == outcomes[2:], "who wants what is stored already has no conflict"
    assert sorted(outcomes[:2]) == ["conflict", "saved"]
    assert len(stored(database)) == 2


def test_unknown_and_inactive_agents_are_refused(
    lines: SharedLineService, agents: AgentService, database: Database
) -> None:
    for unknown in ("nobody", "ben\x00"):
        with pytest.raises(MemberUnknown):
            lines.share("ana", ["ben", unknown], "first_free", ADMIN, seen=None)
    seen = lines.share("ana", ["ana", "ben"], "first_free", ADMIN, seen=None).updated_at
    agents.set_active("ben", ADMIN, active=False)
    agents.set_active("carol", ADMIN, active=False)
    with pytest.raises(MemberInactive, match="Carol is deactivated"):
        lines.share("ana", ["ana", "ben", "carol"], "first_free", ADMIN, seen=seen)
    assert lines.share("ana", ["ben", "ana"], "first_free", ADMIN, seen=seen).members[0].is_active is False
    with pytest.raises(TooManyMembers, match="20 agents"):
        lines.share("ana", [str(number) for number in range(MAX_MEMBERS + 1)], "first_free", ADMIN, seen=seen)
    with pytest.raises(AgentUnknown):
        lines.share("nobody", ["ben"], "first_free", ADMIN, seen=None)
    assert stored(database) == [("ben", 1), ("ana", 2)]


def test_sharing_is_audited_once_per_change(lines: SharedLineService, database: Database) -> None:
    seen = lines.share("ana", ["ana", "ben"], "round_robin", ADMIN, seen=None).updated_at
    lines.share("ana", ["ana", "ben"], "round_robin", ADMIN, seen=seen)
    rows = database.fetch("SELECT action, before, after FROM audit_log WHERE action = 'sharing changed'")
    assert rows == [
        {
            "action": "sharing changed",
            "before": {"books_for": "Ana", "choice": "first_free"},
            "after": {"books_for": "Ana, Ben", "choice": "round_robin"},
        }
    ]


def test_list_of_agents_says_who_shares(lines: SharedLineService, agents: AgentService) -> None:
    assert agents.listing(ADMIN).shared == {}
    lines.share("ana", ["carol", "ben"], "first_free", ADMIN, seen=None)
    lines.share("carol", ["carol", "ben"], "first_free", ADMIN, seen=None)
    page = agents.listing(ADMIN)
    assert [agent.agent_id for agent in page.agents] == ["ana", "ben", "carol"]
    assert page.shared == {
        "ana": SharedNames(books_for=("Carol", "Ben")),
        "ben": SharedNames(booked_by=("Ana", "Carol")),
        "carol": SharedNames(books_for=("Carol", "Ben"), booked_by=("Ana",)),
    }
