"""Statements whose placeholders are parsed beforehand."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from peterental.database.statement import Statement


def test_named_values_reach_their_places(database: Database) -> None:
    statement = Statement("SELECT %(b)s::int AS b, %(a)s::text AS a, %(b)s::int + 1 AS next")
    with database.connection() as connection:
        row = statement.execute(connection, {"a": "one", "b": 2, "unused": 3}).fetchone()
    assert row == {"a": "one", "b": 2, "next": 3}


def test_percent_signs_are_literal(database: Database) -> None:
    with database.connection() as connection:
        row = Statement("SELECT 7 %% 4 AS rest, 'Elm St' LIKE 'Elm%%' AS matches").execute(connection, {}).fetchone()
    assert row == {"rest": 3, "matches": True}


def test_missing_value_is_an_error(database: Database) -> None:
    with database.connection() as connection, pytest.raises(KeyError, match="b"):
        Statement("SELECT %(b)s").execute(connection, {"a": 1})


@pytest.mark.parametrize("text", ["SELECT %s", "SELECT %(a)b", "SELECT 7 % 4", "SELECT %"])
def test_other_placeholders_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a named placeholder"):
        Statement(text)


def test_long_statement_is_prepared_like_a_short_one(database: Database) -> None:
    statement = Statement(f"SELECT %(a)s::int AS a /* {'long ' * 1000} */")
    with database.connection() as connection:
        for value in range(10):
            row = statement.execute(connection, {"a": value}).fetchone()
            assert row == {"a": value}
        prepared = connection.execute("SELECT FROM pg_prepared_statements WHERE strpos(statement, 'long long') > 0")
        assert len(prepared.fetchall()) == 1
