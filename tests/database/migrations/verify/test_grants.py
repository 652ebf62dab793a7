"""Grants are compared on request; materialised views without rows and CLUSTER ON always."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.verify.impact import Weight
from peterental.database.migrations.verify.verify import Verification, verify
from tests.database.migrations.conftest import Connection, Folder

SCHEMA = """
CREATE TABLE home (home_id int PRIMARY KEY, street text);
CREATE INDEX home_street ON home (street);
CREATE SEQUENCE numbers;
CREATE TYPE mood AS ENUM ('glad');
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE MATERIALIZED VIEW streets AS SELECT street FROM home;
"""


@pytest.fixture
def migrated(runner: MigrationRunner, folder: Folder) -> Folder:
    folder.write("001_a.sql", SCHEMA)
    runner.run_migrations()
    return folder


@pytest.fixture
def granted(runner: MigrationRunner, folder: Folder, role: str) -> Folder:
    """Files that let a role read and insert."""
    folder.write("001_a.sql", f"{SCHEMA}GRANT SELECT, INSERT ON home TO {role};")
    runner.run_migrations()
    return folder


def differences(found: Verification) -> list[tuple[str, Weight]]:
    return [(f"{one.key.object} {one.part} {one.sentence}", found.impacts[one].weight) for one in found.differences]


def test_equal_grants_are_no_difference(granted: Folder, empty_database_url: str) -> None:
    assert verify(empty_database_url, granted.path, report=print, grants=True).same


def test_grants_are_compared_on_request(migrated: Folder, empty_database_url: str, db: Connection, role: str) -> None:
    db.execute(
        f"GRANT SELECT ON home TO {role} WITH GRANT OPTION; GRANT UPDATE (street) ON home TO {role};"
        f" GRANT USAGE ON SEQUENCE numbers TO {role}; REVOKE EXECUTE ON FUNCTION one FROM public;"
        f" GRANT CREATE ON SCHEMA public TO {role}".encode()
    )
    assert verify(empty_database_url, migrated.path, report=print).same
    found = verify(empty_database_url, migrated.path, report=print, grants=True)
    assert differences(found) == [
        (f"schema public grant to {role} only in the database", Weight.JUDGE),
        (f"sequence public.numbers grant to {role} only in the database", Weight.JUDGE),
        (f"table public.home grant to {role} only in the database", Weight.JUDGE),
        (f"table public.home grant to {role} on street only in the database", Weight.JUDGE),
        ("function public.one() grant to public only in the files", Weight.MATTERS),
    ]


def test_missing_privileges_matter(granted: Folder, empty_database_url: str, db: Connection, role: str) -> None:
    db.execute(f"REVOKE SELECT ON home FROM {role}".encode())
    ((difference, weight),) = differences(verify(empty_database_url, granted.path, report=print, grants=True))
    assert "privileges is insert in the database, insert, select in the files" in difference
    assert weight is Weight.MATTERS


def test_more_privileges_are_to_be_judged(granted: Folder, empty_database_url: str, db: Connection, role: str) -> None:
    db.execute(f"GRANT DELETE ON home TO {role}".encode())
    ((difference, weight),) = differences(verify(empty_database_url, granted.path, report=print, grants=True))
    assert "privileges is delete, insert, select in the database, insert, select in the files" in difference
    assert weight is Weight.JUDGE


def test_materialised_view_without_rows_is_found(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("REFRESH MATERIALIZED VIEW streets WITH NO DATA")
    ((difference, weight),) = differences(verify(empty_database_url, migrated.path, report=print))
    assert "populated is no in the database, yes in the files" in difference
    assert weight is Weight.MATTERS


def test_cluster_on_is_harmless(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("ALTER TABLE home CLUSTER ON home_street")
    ((difference, weight),) = differences(verify(empty_database_url, migrated.path, report=print))
    assert "index home_street" in difference
    assert "clustered is yes in the database, none in the files" in difference
    assert weight is Weight.HARMLESS
    db.execute("ALTER TABLE home CLUSTER ON home_pkey")
    ((difference, weight),) = differences(verify(empty_database_url, migrated.path, report=print))
    assert "constraint home_pkey" in difference
    assert weight is Weight.HARMLESS
