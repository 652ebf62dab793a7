"""The migrations make what the installed procrastinate would make."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

CATALOGS = {
    "columns": """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity
        FROM information_schema.columns WHERE table_name LIKE 'procrastinate%' ORDER BY 1, 2
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid::regclass::text LIKE 'procrastinate%' ORDER BY 1, 2
    """,
    "enum values": """
        SELECT typname, enumlabel FROM pg_enum JOIN pg_type ON enumtypid = pg_type.oid
        WHERE typname LIKE 'procrastinate%' ORDER BY 1, enumsortorder
    """,
    "composite types": """
        SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relkind = 'c' AND relname LIKE 'procrastinate%' ORDER BY 1, attnum
    """,
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'procrastinate%' ORDER BY 1
    """,
    "indexes": "SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'procrastinate%' ORDER BY 1",
    "triggers": """
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid::regclass::text LIKE 'procrastinate%' AND NOT tgisinternal ORDER BY 1
    """,
}


@pytest.fixture
def theirs(empty_database_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A database with the schema of the installed package."""
    schema = (resources.files("procrastinate") / "sql" / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(schema.encode())
        yield connection


def test_migrations_make_procrastinates_schema(theirs: psycopg.Connection[dict[str, Any]], database_url: str) -> None:
    with psycopg.connect(database_url, row_factory=dict_row) as ours:
        for name, query in CATALOGS.items():
            expected = theirs.execute(query.encode()).fetchall()
            assert expected, name
            assert ours.execute(query.encode()).fetchall() == expected, name
