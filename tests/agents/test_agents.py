"""Agents: creation, access, and lookup by a call's ids."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.agents.lookup import AGENT_BY_VAPI_KEY, AGENT_ID_BY_VAPI_KEY, WHERE_VAPI_KEY
from peterental.agents.model import (
    AgentChanged,
    AgentIdTaken,
    AgentKey,
    AgentNameMissing,
    AgentTextTooLong,
    AgentUnknown,
    AssistantTaken,
    OwnerUnknown,
    PhoneNumberTaken,
    Profile,
    RuleOutOfRange,
    TimeZoneUnknown,
    Window,
)
from peterental.agents.repository import AGENT, AgentRepository
from peterental.agents.service import AgentService, slug, validated
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.database.constraints import ConstraintViolated
from peterental.database.pool import Database
from tests.together import at_once

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Chicago
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
ASSISTANT = "0f7a2d1c-2a75-4a39-9c0b-2d7c7f3f0a11"


@pytest.fixture
def agents(database: Database) -> AgentService:
    """The service under test, on a Tuesday morning in Chicago."""
    return AgentService(database, AuditService(database), now=lambda: NOW)


@pytest.fixture
def ana(database: Database) -> Viewer:
    """A user with the role `agent`."""
    row = database.fetch(
        "INSERT INTO users (email, password_hash, role) VALUES ('ana@example.com', '-', 'agent') RETURNING user_id"
    )[0]
    return Viewer(user_id=row["user_id"], email="ana@example.com", is_admin=False)


def test_new_agent_gets_id_and_working_hours(agents: AgentService) -> None:
    agent = agents.create(Profile(agent_name=" Ana Lima ", time_zone="Europe/Lisbon"), ADMIN)
    assert agent.agent_id == "ana-lima"
    assert agent.agent_name == "Ana Lima"
    assert agent.zone == ZoneInfo("Europe/Lisbon")
    assert agent.is_active
    assert agent.rules.week == tuple((weekday, Window(540, 1020)) for weekday in range(1, 6))
    assert agents.get("ana-lima", ADMIN) == agent


def test_namesakes_get_numbered_ids(agents: AgentService) -> None:
    ids = [agents.create(Profile(agent_name="Ana"), ADMIN).agent_id for _ in range(3)]
    assert ids == ["ana", "ana-2", "ana-3"]


def test_reserved_id_is_avoided(agents: AgentService) -> None:
    assert agents.create(Profile(agent_name="New"), ADMIN).agent_id == "new-2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Zoë O'Neill", "zoe-o-neill"), ("李雷", "agent"), ("🏠", "agent"), ("A" * 80, "a" * 60), ("--", "agent")],
)
def test_slug_accepts_any_script(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_concurrent_namesakes_are_all_created(agents: AgentService) -> None:
    threads = [threading.Thread(target=agents.create, args=(Profile(agent_name="Ana"), ADMIN)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(agents.listing(ADMIN).agents) == 4


def test_explicit_id_is_unique(agents: AgentService) -> None:
    assert agents.create(Profile(agent_name="Ana"), ADMIN, agent_id="agent_1").agent_id == "agent_1"
    with pytest.raises(AgentIdTaken, match="with the id agent_1"):
        agents.create(Profile(agent_name="Ben"), ADMIN, agent_id="agent_1")


def test_id_is_refused_after_ten_lost_races(database: Database) -> None:
    class AlwaysOutdated(AgentRepository):
        def ids_starting_with(self, agent_id: str) -> set[str]:
            del agent_id
            return set()

    agents = AgentService(database, AuditService(database))
    agents.create(Profile(agent_name="Ana"), ADMIN)
    agents._agents = AlwaysOutdated(database)
    with pytest.raises(AgentIdTaken):
        agents.create(Profile(agent_name="Ana"), ADMIN)


def test_find_prefers_assistant_over_number(agents: AgentService) -> None:
    ana = agents.create(Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT.upper(), phone_number_id="p-1"), ADMIN)
    ben = agents.create(Profile(agent_name="Ben", phone_number_id="p-2"), ADMIN)
    assert agents.find(AgentKey(assistant_id=ASSISTANT)) == ana
    assert agents.find(AgentKey(assistant_id=ASSISTANT, phone_number_id="p-2")) == ana
    assert agents.find(AgentKey(assistant_id="other", phone_number_id="p-2")) == ben
    assert agents.find(AgentKey(phone_number_id="p-1")) == ana


@pytest.mark.parametrize("junk", [None, "", " ", "\x00", "x" * 37, "unknown", "' OR 1=1 --"])
def test_junk_keys_find_no_agent(agents: AgentService, junk: str | None) -> None:
    agents.create(Profile(agent_name="Ana"), ADMIN)
    assert agents.find(AgentKey(assistant_id=junk, phone_number_id=junk)) is None


def test_uppercase_ids_are_found_and_unique(agents: AgentService, database: Database) -> None:
    agents.create(Profile(agent_name="Ana"), ADMIN)
    agents.create(Profile(agent_name="Ben"), ADMIN)
    number = ASSISTANT.replace("0f7a", "1f7a")
    database.fetch(
        "UPDATE agents SET vapi_assistant_id = %s, phone_number_id = %s WHERE agent_id = 'ana'",
        (ASSISTANT.upper(), number.upper()),
    )
    for key in (AgentKey(assistant_id=ASSISTANT), AgentKey(phone_number_id=number)):
        found = agents.find(key)
        assert found is not None
        assert found.agent_id == "ana"
    with pytest.raises(AssistantTaken):
        agents.update("ben", Profile(agent_name="Ben", vapi_assistant_id=ASSISTANT), ADMIN)
    with pytest.raises(PhoneNumberTaken):
        agents.create(Profile(agent_name="Cem", phone_number_id=number), ADMIN)
    agents.update("ana", Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT), ADMIN)
    assert agents.get("ana", ADMIN).vapi_assistant_id == ASSISTANT


def test_exact_spelling_wins_over_uppercase(agents: AgentService, database: Database) -> None:
    agents.create(Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT), ADMIN)
    agents.create(Profile(agent_name="Ben", phone_number_id="p-1"), ADMIN)
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, phone_number_id) VALUES ('aa', 'AA', %s, 'P-1')",
        (ASSISTANT.upper(),),
    )
    found = agents.find(AgentKey(assistant_id=ASSISTANT)), agents.find(AgentKey(phone_number_id="p-1"))
    assert [agent.agent_id for agent in found if agent] == ["ana", "ben"]


@pytest.mark.parametrize("query", [AGENT + WHERE_VAPI_KEY, AGENT_BY_VAPI_KEY, AGENT_ID_BY_VAPI_KEY])
def test_lookup_of_both_spellings_uses_index(database: Database, query: str) -> None:
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) SELECT n::text, 'x', n::text FROM generate_series(1, 2000) n"
    )
    database.fetch("ANALYZE agents")
    plan = database.fetch(f"EXPLAIN {query}", {"assistant_id": ASSISTANT, "phone_number_id": "p-1"})
    assert "Seq Scan on agents" not in "\n".join(row["QUERY PLAN"] for row in plan)


def test_non_uuid_of_same_length_is_unchanged(agents: AgentService) -> None:
    odd = "Assistant-of-Ana-Lima-in-Chicago-001"
    assert agents.create(Profile(agent_name="Ana", vapi_assistant_id=odd), ADMIN).vapi_assistant_id == odd
    assert agents.find(AgentKey(assistant_id=odd)) is not None


def test_deactivated_agent_is_still_found(agents: AgentService) -> None:
    agents.create(Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT), ADMIN)
    agents.set_active("ana", ADMIN, active=False)
    found = agents.find(AgentKey(assistant_id=ASSISTANT))
    assert found is not None
    assert not found.is_active
    agents.set_active("ana", ADMIN, active=True)
    assert agents.get("ana", ADMIN).is_active


def test_midnight_hours_and_overrides_are_read(agents: AgentService, database: Database) -> None:
    agents.create(Profile(agent_name="Ana"), ADMIN)
    day = datetime.now(UTC).date() + timedelta(days=3)
    database.fetch("DELETE FROM agent_hours")
    database.fetch("INSERT INTO agent_hours VALUES ('ana', 6, '18:30', '24:00'), ('ana', 6, '08:00', '12:00')")
    database.fetch(
        "INSERT INTO agent_days VALUES ('ana', %s, NULL, NULL), ('ana', %s, '10:00', '24:00')",
        (day, day + timedelta(1)),
    )
    database.fetch("INSERT INTO agent_days VALUES ('ana', %s)", (date(2020, 1, 1),))
    rules = agents.get("ana", ADMIN).rules
    assert rules.week == ((6, Window(480, 720)), (6, Window(1110, 1440)))
    assert rules.days == ((day, None), (day + timedelta(1), Window(600, 1440)))


def test_user_sees_only_own_agents(agents: AgentService, ana: Viewer) -> None:
    agents.create(Profile(agent_name="Ana", user_id=ana.user_id), ADMIN)
    agents.create(Profile(agent_name="Ben"), ADMIN)
    assert agents.get("ana", ana).user_id == ana.user_id
    assert [agent.agent_id for agent in agents.listing(ana).agents] == ["ana"]
    assert [agent.agent_id for agent in agents.listing(ADMIN).agents] == ["ana", "ben"]
    with pytest.raises(AgentUnknown, match="no such agent"):
        agents.get("ben", ana)
    with pytest.raises(AgentUnknown):
        agents.update("ben", Profile(agent_name="Mine"), ana)
    with pytest.raises(AgentUnknown):
        agents.set_active("ben", ana, active=False)
    assert agents.get("ben", ADMIN).is_active


def test_only_admins_create_agents_and_set_owner(agents: AgentService, ana: Viewer) -> None:
    agents.create(Profile(agent_name="Ana", user_id=ana.user_id), ADMIN)
    with pytest.raises(AdminsOnly, match="Only an admin"):
        agents.create(Profile(agent_name="Ben"), ana)
    edited = agents.update("ana", Profile(agent_name="Ana L.", user_id=None), ana)
    assert (edited.agent_name, edited.user_id) == ("Ana L.", ana.user_id)
    assert agents.update("ana", Profile(agent_name="Ana L.", user_id=None), ADMIN).user_id is None


@pytest.mark.parametrize("agent_id", ["unknown", "a\x00b", ""])
def test_unknown_agent_is_refused(agents: AgentService, agent_id: str) -> None:
    with pytest.raises(AgentUnknown):
        agents.get(agent_id, ADMIN)
    with pytest.raises(AgentUnknown):
        agents.set_active(agent_id, ADMIN, active=True)


def test_assistant_and_number_are_unique(agents: AgentService) -> None:
    agents.create(Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT, phone_number_id="p-1"), ADMIN)
    with pytest.raises(AssistantTaken, match="assistant"):
        agents.create(Profile(agent_name="Ben", vapi_assistant_id=ASSISTANT), ADMIN)
    ben = agents.create(Profile(agent_name="Ben"), ADMIN)
    with pytest.raises(PhoneNumberTaken, match="phone number"):
        agents.update(ben.agent_id, Profile(agent_name="Ben", phone_number_id="p-1"), ADMIN)


def test_agents_without_assistant_do_not_collide(agents: AgentService) -> None:
    agents.create(Profile(agent_name="Ana", vapi_assistant_id="", phone_number_id=" "), ADMIN)
    assert agents.create(Profile(agent_name="Ben", vapi_assistant_id=""), ADMIN).vapi_assistant_id is None


@pytest.mark.parametrize(
    ("change", "refusal", "words"),
    [
        ({"agent_name": " \x00 "}, AgentNameMissing, "needs a name"),
        ({"agent_name": "x" * 256}, AgentTextTooLong, "255 characters"),
        ({"vapi_assistant_id": "x" * 37}, AgentTextTooLong, "36 characters"),
        ({"time_zone": "Chicago"}, TimeZoneUnknown, "Chicago is not a time zone"),
        ({"time_zone": ""}, TimeZoneUnknown, "not a time zone"),
        ({"time_zone": "../etc/passwd"}, TimeZoneUnknown, "not a time zone"),
        ({"slot_minutes": 4}, RuleOutOfRange, "The length of a viewing must be from 5 to 480"),
        ({"daily_cap": 0}, RuleOutOfRange, "from 1 to 200"),
        ({"user_id": 999_999}, OwnerUnknown, "no longer exists"),
    ],
)
def test_invalid_profile_is_refused(
    agents: AgentService, change: dict[str, object], refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        agents.create(replace(Profile(agent_name="Ana"), **change), ADMIN)  # type: ignore[arg-type]  # any field
    assert agents.listing(ADMIN).agents == ()


@pytest.mark.parametrize(
    "field", ["slot_minutes", "step_minutes", "buffer_minutes", "notice_minutes", "horizon_days", "daily_cap"]
)
def test_schema_limits_match_rule_limits(database: Database, field: str) -> None:
    profile = replace(Profile(agent_name="Ana"), **{field: -1})  # type: ignore[arg-type]  # any field
    agents = AgentRepository(database)
    with (
        pytest.raises(RuleOutOfRange) as refused,
        agents.translate_constraint_errors("ana"),
        database.transaction() as connection,
    ):
        agents.insert(connection, "ana", profile)
    assert refused.value.values["field"] == field
    with pytest.raises(RuleOutOfRange, match=str(refused.value)):
        validated(profile)


@pytest.mark.parametrize(
    "constraint",
    ["CHECK (agent_name <> 'Ana')", "UNIQUE (agent_name)", "FOREIGN KEY (agent_name) REFERENCES agents (agent_id)"],
)
def test_unknown_agents_constraint_is_a_fault(database: Database, constraint: str) -> None:
    service = AgentService(database, AuditService(database))
    if "UNIQUE" in constraint:
        service.create(Profile(agent_name="Ana"), ADMIN)
    database.fetch(f"ALTER TABLE agents ADD CONSTRAINT operators_own {constraint}")
    with pytest.raises(ConstraintViolated, match="operators_own of table agents"):
        service.create(Profile(agent_name="Ana"), ADMIN)


def test_listing_searches_and_paginates(agents: AgentService, database: Database) -> None:
    for number in range(52):
        database.fetch(
            "INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)", (f"a{number}", f"Agent {number:02}")
        )
    agents.set_active("a0", ADMIN, active=False)
    first, second = agents.listing(ADMIN), agents.listing(ADMIN, page=2)
    assert (len(first.agents), first.has_more) == (50, True)
    assert ([agent.agent_id for agent in second.agents], second.has_more) == (["a51", "a0"], False)
    assert [agent.agent_id for agent in agents.listing(ADMIN, text=" agent 17\x00").agents] == ["a17"]
    assert agents.listing(ADMIN, text="100%").agents == ()


def audit_log(database: Database) -> list[Change]:
    """Return every change in the audit log, oldest first."""
    return [entry.change for entry in reversed(AuditService(database).listing(ADMIN).entries)]


def test_every_agent_change_is_recorded(agents: AgentService, database: Database) -> None:
    agents.create(Profile(agent_name="Ana"), ADMIN)
    agents.update("ana", Profile(agent_name="Ana Lima", slot_minutes=45), ADMIN)
    agents.update("ana", Profile(agent_name="Ana Lima", slot_minutes=45), ADMIN)
    agents.set_active("ana", ADMIN, active=True)
    agents.set_active("ana", ADMIN, active=False)
    agents.set_active("ana", ADMIN, active=True)
    created, edited, off, on = audit_log(database)
    assert (created.action, created.subject_id, created.before) == ("created", "ana", {})
    assert created.after["agent_name"] == "Ana"
    assert (edited.action, edited.subject_name) == ("edited", "Ana")
    assert edited.before == {"agent_name": "Ana", "slot_minutes": 30}
    assert edited.after == {"agent_name": "Ana Lima", "slot_minutes": 45}
    assert (off.action, off.before, off.after) == ("deactivated", {"is_active": True}, {"is_active": False})
    assert (on.action, on.after) == ("reactivated", {"is_active": True})
    assert {entry.actor for entry in AuditService(database).listing(ADMIN).entries} == {ADMIN.email}


def test_refused_change_is_not_recorded(agents: AgentService, database: Database) -> None:
    agents.create(Profile(agent_name="Ana", vapi_assistant_id=ASSISTANT), ADMIN)
    with pytest.raises(AssistantTaken):
        agents.create(Profile(agent_name="Ben", vapi_assistant_id=ASSISTANT), ADMIN)
    assert [line.action for line in audit_log(database)] == ["created"]


def test_edit_conflict_is_refused_unchanged(
    agents: AgentService,
) -> None:
    opened = agents.create(Profile(agent_name="Ana"), ADMIN)
    assert opened.updated_at is not None
    saved = agents.update("ana", Profile(agent_name="Ana", daily_cap=4), ADMIN, seen=opened.updated_at)
    with pytest.raises(AgentChanged) as refused:
        agents.update("ana", Profile(agent_name="Anna"), ADMIN, seen=opened.updated_at)
    assert refused.value.agent == agents.get("ana", ADMIN) == saved
    (entry,) = agents.changes_since(saved, opened.updated_at)
    assert (entry.actor, entry.change.after) == (ADMIN.email, {"daily_cap": 4})
    assert agents.update("ana", Profile(agent_name="Anna"), ADMIN, seen=saved.updated_at).agent_name == "Anna"


def test_concurrent_edits_save_once(agents: AgentService, database: Database) -> None:
    opened = agents.create(Profile(agent_name="Ana"), ADMIN)
    barrier = threading.Barrier(4)
    refused: list[Exception] = []

    def save(number: int) -> None:
        barrier.wait()
        try:
            agents.update("ana", Profile(agent_name=f"Ana {number}"), ADMIN, seen=opened.updated_at)
        except AgentChanged as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert [line.action for line in audit_log(database)] == ["created", "edited"]


@pytest.mark.parametrize("assistant", [None, ASSISTANT])
def test_duplicate_submission_creates_one_agent(
    database: Database, agents: AgentService, assistant: str | None
) -> None:
    opened_at = datetime.now(UTC) - timedelta(minutes=1)
    profile = Profile(agent_name="Zoë", vapi_assistant_id=assistant)
    made = at_once([lambda: agents.create(profile, ADMIN, opened_at=opened_at)] * 4)
    assert {agent.agent_id for agent in made} == {"zoe"}
    assert database.fetch("SELECT COUNT(*) AS n FROM audit_log WHERE action = 'created'") == [{"n": 1}]
