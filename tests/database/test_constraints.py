"""A violated constraint becomes its registered refusal, or a fault that names it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from peterental.agents import repository as agents
from peterental.appointments import repository as appointments
from peterental.database.constraints import ConstraintViolated, named_constraints
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.users import repository as users


class TooMany(Refusal):
    """There are too many."""


def test_a_known_constraint_becomes_its_refusal(database: Database) -> None:
    database.fetch("CREATE TABLE t (i int CONSTRAINT few CHECK (i < 3))")
    with pytest.raises(TooMany), named_constraints({"few": TooMany}), database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (3)")


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("i int CONSTRAINT few CHECK (i < 3)", "A change violates few of table t, "),
        ("i int UNIQUE", "A change violates t_i_key of table t, "),
        ("i int, j int NOT NULL", "A change violates NOT NULL of j of table t, "),
    ],
)
def test_an_unknown_constraint_becomes_a_fault(database: Database, column: str, sentence: str) -> None:
    database.fetch(f"CREATE TABLE t ({column})")
    with (
        pytest.raises(ConstraintViolated, match=sentence) as fault,
        named_constraints({"other": TooMany}),
        database.transaction() as connection,
    ):
        connection.execute("INSERT INTO t VALUES (3)")
        connection.execute("INSERT INTO t VALUES (3)")
    assert fault.value.__suppress_context__, "the cause quotes the row"


@pytest.mark.parametrize(
    "names",
    [
        users.CONSTRAINT_ERRORS,
        [*agents.CONSTRAINT_ERRORS, "agents_pkey"],
        [*appointments.CONSTRAINT_ERRORS, "idx_appointments_form"],
    ],
)
def test_every_registered_constraint_exists(database: Database, names: Iterable[str]) -> None:
    rows = database.fetch(
        "SELECT conname AS name FROM pg_constraint UNION SELECT relname FROM pg_class WHERE relkind = 'i'"
    )
    assert set(names) <= {row["name"] for row in rows}
