"""How the phone looks homes up among thousands: prepared, by the generic plan, by index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow

from peterental.agents.model import AgentKey
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database
from peterental.properties.importing.model import MAX_HOMES
from peterental.properties.keys import home_keys, search_keys

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
FIRST = [
    "Alder",
    "Ash",
    "Birch",
    "Boyd",
    "Cedar",
    "Elm",
    "Fir",
    "Gray",
    "Hazel",
    "Holly",
    "Iris",
    "Jenkins",
    "Lahoma",
    "Linden",
    "Maple",
    "Noble",
    "Oak",
    "Pine",
    "Porter",
    "Rose",
]
LAST = ["brook", "crest", "dale", "field", "ford", "gate", "ham", "hill", "mont", "ton", "view", "ville", "wood"]
STREETS = [f"{first}{last}" for first in FIRST for last in LAST][:250]
KINDS = ("Street", "Avenue", "Lane", "Drive")
UNTIL_PREPARED = 5
"""psycopg prepares a statement on a connection when it is executed once more."""


@pytest.fixture
def office(database_url: str) -> Iterator[Database]:
    """A database with one connection, Ana, and as many homes as one import may have: a hundred on each street."""
    database = Database(database_url, pool_size=1)
    database.fetch("INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', 'assistant')")
    per_street = MAX_HOMES // len(STREETS)
    for at, name in enumerate(STREETS):
        street = f"{name} {KINDS[at % len(KINDS)]}"
        database.fetch(
            """
            INSERT INTO properties (line1, city, number_key, street_key, bedrooms, search_keys)
            SELECT number || ' ' || %(street)s, 'Norman', number::text, %(key)s, number %% 4, %(keys)s
            FROM generate_series(%(first)s::int, 9999, 431) AS number
            LIMIT %(count)s
            """,
            {
                "street": street,
                "key": home_keys(f"1 {street}", None).street,
                "keys": search_keys(f"1 {street}", None, "Norman", ()),
                "first": 100 + at,
                "count": per_street,
            },
        )
    database.fetch("ANALYZE properties")
    yield database
    database.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, list[Any]]]:
    """What was executed with PostgreSQL's own placeholders, with its values."""
    found: list[tuple[bytes, list[Any]]] = []
    execute = psycopg.RawCursor.execute

    def recorded(self: psycopg.RawCursor[DictRow], query: bytes, params: Any = None, **how: Any) -> Any:
        found.append((query, list(params)))
        return execute(self, query, params, **how)

    monkeypatch.setattr(psycopg.RawCursor, "execute", recorded)
    return found


def look_up(repository: AppointmentRepository, home: str) -> int:
    """Look up what a caller said, and return how many homes it may be."""
    invocation = ToolInvocation(
        name="get_availability", tool_call_id="t", vapi_call_id="c", agent_key=AgentKey(assistant_id="assistant")
    )
    catalogue = repository.line(invocation, home, NOW).catalogue
    assert catalogue is not None
    return len(catalogue.homes)


def test_home_is_looked_up_by_the_generic_plan_and_by_index(
    office: Database, sent: list[tuple[bytes, list[Any]]]
) -> None:
    """Planning the statement for its values takes longer than the look-up: it must not come back unnoticed."""
    repository = AppointmentRepository(office)
    words = ["100 Alderbrook Street", "one oh one Aldercrest Avenue", "The Gables", "102 Alderdale", "9 Birch Lane"]
    for number in range(UNTIL_PREPARED + 5):
        look_up(repository, words[number % len(words)])
    assert look_up(repository, "100 Alderbrook Street") == 1
    query, values = sent[-1]
    with office.connection() as connection:
        (prepared,) = connection.execute(
            "SELECT name, generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = %s",
            [query.decode()],
        ).fetchall()
        assert prepared["generic_plans"] > 0
        assert not prepared["custom_plans"], "it was planned for its values"
        connection.execute("SET plan_cache_mode = force_generic_plan")
        explain = f"EXPLAIN (ANALYZE, TIMING OFF) EXECUTE {prepared['name']} ({', '.join(['%s'] * len(values))})"
        rows = psycopg.ClientCursor(connection).execute(explain.encode(), values).fetchall()
        connection.execute("RESET plan_cache_mode")
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    for index in ("idx_properties_search", "idx_properties_number"):
        assert re.search(rf"Index Scan on {index} .*\(actual rows", plan), plan
    read = [int(float(number)) for number in re.findall(r"Seq Scan on properties .*\(actual rows=([\d.]+)", plan)]
    assert max(read, default=0) <= 1, f"only whether there is a home at all is read without an index: {plan}"
