"""A contract file may break the previous release: it waits for it. What harms the running one stays a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations.lint import RULES, Severity, lint_directory

TABLES = """
CREATE TABLE agents (agent_id bigint PRIMARY KEY, name text NOT NULL, age int DEFAULT 0 NOT NULL CHECK (age >= 0));
CREATE VIEW names AS SELECT name FROM agents;
"""


def unsafe_rules(folder: Path, header: str, change: str) -> set[str]:
    (folder / "001_tables.sql").write_text(TABLES, encoding="utf-8")
    (folder / "002_change.sql").write_text(f"{header}{change}\n", encoding="utf-8")
    return {finding.rule.name for finding in lint_directory(folder).of(Severity.UNSAFE)}


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("drop-table", "DROP TABLE agents;"),
        ("drop-column", "ALTER TABLE agents DROP COLUMN name;"),
        ("drop-object", "DROP VIEW names;"),
        ("drop-constraint", "ALTER TABLE agents DROP CONSTRAINT agents_age_check;"),
        ("drop-not-null", "ALTER TABLE agents ALTER COLUMN name DROP NOT NULL;"),
        ("drop-default", "ALTER TABLE agents ALTER COLUMN age DROP DEFAULT;"),
        ("rename-table", "ALTER TABLE agents RENAME TO people;"),
        ("rename-column", "ALTER TABLE agents RENAME COLUMN name TO full_name;"),
        ("rename-object", "ALTER VIEW names RENAME TO all_names;"),
    ],
)
def test_breaking_changes_belong_into_contract_files(tmp_path: Path, rule: str, change: str) -> None:
    assert RULES[rule].breaks_release
    assert unsafe_rules(tmp_path, "", change) == {rule}
    assert unsafe_rules(tmp_path, "-- migrate: contract\n", change) == set()


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("drop-cascade", "ALTER TABLE agents DROP COLUMN name CASCADE;"),
        ("change-column-type", "ALTER TABLE agents ALTER COLUMN age TYPE bigint;"),
        ("create-index", "CREATE INDEX idx_agents_name ON agents (name);"),
        ("truncate", "TRUNCATE agents;"),
    ],
)
def test_locks_and_lost_rows_stay_unsafe_in_contract_files(tmp_path: Path, rule: str, change: str) -> None:
    assert unsafe_rules(tmp_path, "-- migrate: contract\n", change) == {rule}


def test_safe_way_is_a_contract_file(tmp_path: Path) -> None:
    unsafe_rules(tmp_path, "", "ALTER TABLE agents DROP COLUMN name;")
    (finding,) = lint_directory(tmp_path).of(Severity.UNSAFE)
    assert finding.safe == (
        "-- first deploy code that no longer uses it; then, in a file of its own:\n"
        "-- migrate: contract\nALTER TABLE agents DROP COLUMN IF EXISTS name;"
    )
