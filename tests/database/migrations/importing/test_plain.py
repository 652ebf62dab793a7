"""Prisma, Drizzle, Supabase and Atlas: plain SQL, and what decides its order."""

from __future__ import annotations

import json

import pytest

from peterental.database.migrations.importing.model import ImportRefused
from tests.database.migrations.importing.conftest import Import


def test_prisma_folders_follow_their_names(imported: Import) -> None:
    found = imported(
        "prisma",
        {
            "migrations/20240202000000_b/migration.sql": "SELECT 2;",
            "migrations/0_init/migration.sql": "SELECT 1;",
            "migrations/migration_lock.toml": '# comment\nprovider = "postgresql"\n',
            "schema.prisma": "model User {}",
        },
    )
    assert found.names == ["001_init.sql", "002_b.sql"]
    assert found.report.complete
    assert found.report.left_alone == ["schema.prisma"]


def test_prisma_for_another_database_is_refused(imported: Import) -> None:
    files = {"1_a/migration.sql": "SELECT 1;", "migration_lock.toml": 'provider = "mysql"\n'}
    with pytest.raises(ImportRefused, match=r"migration_lock\.toml says that these migrations are for mysql"):
        imported("prisma", files)


def journal(*tags: str) -> str:
    return json.dumps({"entries": [{"idx": number, "tag": tag} for number, tag in enumerate(tags)]})


def test_drizzle_follows_its_journal(imported: Import) -> None:
    found = imported(
        "drizzle",
        {
            "meta/_journal.json": journal("0001_b", "0000_a", "0003_gone"),
            "0000_a.sql": "SELECT 1\n--> statement-breakpoint\nSELECT 2;--> statement-breakpoint\nSELECT 3",
            "0001_b.sql": "SELECT 4;",
            "0002_c.sql": "SELECT 5;",
        },
    )
    assert found.names == ["001_b.sql", "002_a.sql"]
    assert found.sql("002_a.sql") == "SELECT 1;\n\nSELECT 2;\nSELECT 3;\n"
    assert "meta/_journal.json: 0003_gone.sql is missing, which the journal lists" in found.text
    assert "0002_c.sql: is not in the journal, so Drizzle does not run it: it was left out" in found.text


@pytest.mark.parametrize("text", ["", "[]", '{"entries": [{"tag": "a"}]}', '{"entries": 1}'])
def test_unreadable_journal_is_refused(imported: Import, text: str) -> None:
    with pytest.raises(ImportRefused, match=r"meta/_journal\.json is not a journal of Drizzle"):
        imported("drizzle", {"meta/_journal.json": text, "0000_a.sql": "SELECT 1;"})


def test_drizzle_of_newer_versions_has_folders(imported: Import) -> None:
    files = {
        "20240101_a/migration.sql": "SELECT 1;\n--> statement-breakpoint\nSELECT 2;",
        "20240101_a/snapshot.json": "{}",
    }
    assert imported("drizzle", files).names == ["001_a.sql"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "-- atlas:checkpoint",
            "a checkpoint stands for the files before it: delete it, or them, before the first run",
        ),
        ("-- atlas:delimiter \\n\\n", "“-- atlas:delimiter \\n\\n” has no equivalent: write plain SQL"),
        ("-- atlas:txtar", "“-- atlas:txtar” has no equivalent: write plain SQL"),
    ],
)
def test_atlas_directive_without_equivalent_is_named(imported: Import, line: str, problem: str) -> None:
    found = imported("atlas", {"20240101_a.sql": f"{line}\n\nSELECT 1;"})
    assert f"001  20240101_a.sql:1: {problem}" in found.text


@pytest.mark.parametrize(("value", "expected"), [("none", True), ("file", False), ("all", False)])
def test_atlas_transaction_mode(imported: Import, value: str, *, expected: bool) -> None:
    found = imported("atlas", {"20240101_a.sql": f"-- atlas:txmode {value}\n-- atlas:nolint destructive\nSELECT 1;"})
    assert found.is_no_transaction("001_a.sql") is expected
    assert found.report.complete


def test_supabase_files_follow_their_numbers(imported: Import) -> None:
    found = imported("supabase", {"20240102000000_b.sql": "SELECT 2;", "20240101000000_a.sql": "SELECT 1;"})
    assert found.names == ["001_a.sql", "002_b.sql"]
