"""Statements with effects outside their database are detected, and no others."""

from __future__ import annotations

import pytest

from peterental.database.migrations.plan.cluster_scope import is_cluster_wide

CLUSTER_WIDE = [
    "CREATE ROLE a",
    "CREATE USER a PASSWORD 'x'",
    "ALTER ROLE a SET search_path = b",
    "ALTER ROLE a LOGIN",
    "ALTER GROUP a ADD USER b",
    "ALTER ROLE a RENAME TO b",
    "DROP ROLE IF EXISTS a",
    "GRANT a TO b",
    "REVOKE a FROM b",
    "CREATE DATABASE a",
    "DROP DATABASE a",
    "ALTER DATABASE a SET work_mem = 1",
    "ALTER DATABASE a OWNER TO b",
    "ALTER DATABASE a RENAME TO b",
    "COMMENT ON DATABASE a IS 'b'",
    "GRANT CONNECT ON DATABASE a TO b",
    "CREATE TABLESPACE a LOCATION '/b'",
    "ALTER SYSTEM SET work_mem = 1",
    "DROP SUBSCRIPTION a",
    "REASSIGN OWNED BY a TO b",
    "DROP OWNED BY a",
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'a') THEN CREATE ROLE a; END IF; END $$",
]
DATABASE_ONLY = [
    "CREATE TABLE role (user_id int)",
    "SELECT 'DROP DATABASE a'",
    "GRANT SELECT ON a TO b",
    "ALTER TABLE a RENAME TO database",
    "ALTER TABLE a OWNER TO role",
    "COMMENT ON TABLE a IS 'role'",
    "SET ROLE a",
    "CREATE USER MAPPING FOR a SERVER b",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO b",
    "DO $$ BEGIN PERFORM 1 FROM role; END $$",
    "DROP ROLE a b c",
    "-- create role a",
]


@pytest.mark.parametrize("sql", CLUSTER_WIDE)
def test_cluster_wide_statement_is_detected(sql: str) -> None:
    assert is_cluster_wide(sql)


@pytest.mark.parametrize("sql", DATABASE_ONLY)
def test_statement_within_the_database_is_not(sql: str) -> None:
    assert not is_cluster_wide(sql)
