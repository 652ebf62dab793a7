"""db-lint reports exactly the type changes for which PostgreSQL rewrites the table or an index."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.statements import split_statements

TYPES = [
    "text", "varchar", "varchar(10)", "varchar(20)", "char(10)", "numeric", "numeric(8, 2)", "numeric(9, 2)",
    "numeric(9, 3)", "numeric(9)", "timestamp", "timestamp(3)", "timestamp(6)", "timestamptz", "timestamptz(0)", "int",
    "bigint", "oid", "inet", "cidr", "varbit(3)", "varbit(5)", "varbit", "time", "time(2)", "interval", "interval(2)",
    "date", "text[]", "varchar(5)[]", "bit(3)", "real", "float8",
]  # fmt: skip


def file_nodes(server: psycopg.Connection) -> list[tuple[str, int]]:
    """Return the files on disk of the table and its index, which change with a rewrite."""
    return server.execute(
        "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relname IN ('t', 't_plain') ORDER BY relname"
    ).fetchall()


@pytest.mark.parametrize("old", TYPES)
def test_type_change_is_reported_if_it_rewrites(server: psycopg.Connection, tmp_path: Path, old: str) -> None:
    before = f"CREATE TABLE t (c {old}); CREATE INDEX t_plain ON t (c);"
    (tmp_path / "001_before.sql").write_text(before)
    wrong = []
    for new in TYPES:
        change = f"ALTER TABLE t ALTER COLUMN c TYPE {new};"
        (tmp_path / "002_change.sql").write_text(change)
        reported = [one for one in lint_directory(tmp_path).findings if one.rule.name == "change-column-type"]
        server.execute("DROP TABLE IF EXISTS t")
        server.execute(before.encode())
        nodes = file_nodes(server)
        try:
            server.execute(change.encode())
        except psycopg.Error:
            continue  # no such cast
        if bool(reported) != (file_nodes(server) != nodes):
            wrong.append(f"{old} -> {new}: {'reported' if reported else 'not reported'}")
    assert wrong == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("ALTER COLUMN said TYPE timestamptz USING said AT TIME ZONE 'Asia/Tokyo'", "said_new"),
        ("ALTER COLUMN said TYPE date", "said_new"),
        ("ALTER COLUMN words TYPE int USING length(words) + 1", "words_new"),
        ("ADD COLUMN loud text GENERATED ALWAYS AS (upper(words)) STORED", "loud"),
    ],
)
def test_safe_alternative_yields_the_same_values(
    server: psycopg.Connection, tmp_path: Path, change: str, column: str
) -> None:
    before = "CREATE TABLE t (id int, said timestamp, words text);"
    rows = "INSERT INTO t VALUES (1, '2026-03-29 02:30', 'to let'), (2, NULL, NULL), (3, '1999-12-31', '')"
    (tmp_path / "001_before.sql").write_text(before)
    (tmp_path / "002_change.sql").write_text(f"ALTER TABLE t {change};")
    rules = {"change-column-type", "add-generated-column"}
    (safe,) = [one.safe for one in lint_directory(tmp_path).findings if one.rule.name in rules]
    *steps, fill = split_statements(safe)
    server.execute(f"DROP TABLE IF EXISTS t; DROP FUNCTION IF EXISTS t_fill_loud; {before} {rows}".encode())
    for step in steps:
        server.execute(step.sql.encode())
    assert server.execute(fill.sql.encode()).rowcount == 2
    assert server.execute(fill.sql.encode()).rowcount == 0
    filled = server.execute(f"SELECT {column} FROM t ORDER BY id".encode()).fetchall()
    server.execute(f"DROP TABLE t; {before} {rows}; ALTER TABLE t {change}".encode())
    assert server.execute(f"SELECT {column.removesuffix('_new')} FROM t ORDER BY id".encode()).fetchall() == filled
