"""docs/privacy.md names every table, and every column that can hold text."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from tests.privacy.documented import columns


@pytest.fixture
def documented() -> dict[str, set[str]]:
    """The columns that the document names, by table."""
    return columns()


def test_every_table_and_text_column_is_documented(database: Database, documented: dict[str, set[str]]) -> None:
    """A new table or column gets a row: what it holds, why, and for how long."""
    rows = database.fetch(
        """
        SELECT table_name, column_name, data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'bytea') AS is_text
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
        """
    )
    assert {row["table_name"] for row in rows} == set(documented)
    missing = [
        (row["table_name"], row["column_name"])
        for row in rows
        if row["is_text"] and row["column_name"] not in {"agent_id", *documented[row["table_name"]]}
    ]
    assert missing == []


def test_documented_columns_exist(database: Database, documented: dict[str, set[str]]) -> None:
    for table, names in documented.items():
        rows = database.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        unknown = names - {row["column_name"] for row in rows}
        assert unknown <= {"phone", "note", "source", *documented["schema_migration_attempts"]}, (table, unknown)
