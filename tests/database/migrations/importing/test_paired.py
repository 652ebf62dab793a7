"""Tools with a file per part: golang-migrate, sqlx, diesel."""

from __future__ import annotations

from tests.database.migrations.importing.conftest import Import


def test_pairs_are_matched_by_number(imported: Import) -> None:
    files = {"1_users.up.sql": "SELECT 1;", "01_people.down.sql": "SELECT 2;", "3_c.up.sql": "SELECT 3;"}
    found = imported("golang-migrate", files)
    assert found.names == ["001_users.down.sql", "001_users.sql", "002_c.sql"]
    assert "golang-migrate has no number 2: later numbers move up" in found.text
    assert found.report.complete


def test_comments_of_atlas_are_no_other_tool(imported: Import) -> None:
    files = {
        "1_a.up.sql": "CREATE TABLE a (i int);",
        "2_b.up.sql": "-- atlas:nolint MF101\nALTER TABLE a ADD j int NOT NULL;",
        "2_b.down.sql": "-- atlas:txmode none\nALTER TABLE a DROP j;",
        "atlas.sum": "h1:a",
    }
    assert imported("golang-migrate", files).names == ["001_a.sql", "002_b.down.sql", "002_b.sql"]


def test_gap_of_times_is_not_mentioned(imported: Import) -> None:
    found = imported("golang-migrate", {"20240101_a.up.sql": "SELECT 1;", "20240105_b.up.sql": "SELECT 1;"})
    assert "Changed" not in found.text


def test_long_gap_is_shortened(imported: Import) -> None:
    found = imported("golang-migrate", {"1_a.up.sql": "SELECT 1;", "50_b.up.sql": "SELECT 1;"})
    assert "has no number 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …:" in found.text


def test_down_without_up_is_reported(imported: Import) -> None:
    found = imported("golang-migrate", {"1_a.up.sql": "SELECT 1;", "2_b.down.sql": "DROP TABLE b;"})
    assert found.names == ["001_a.sql"]
    assert "Not carried over:\n  2_b.down.sql: undoes a migration that is not there: it was left out" in found.text
    assert not found.report.complete


def test_sqlx_single_files_and_pairs_can_be_mixed(imported: Import) -> None:
    files = {
        "1_a.sql": "-- no-transaction\nVACUUM;",
        "2_b.up.sql": "SELECT 2;\n-- no-transaction\n",
        "2_b.down.sql": "SELECT 3;",
    }
    found = imported("sqlx", files)
    assert found.names == ["001_a.sql", "002_b.down.sql", "002_b.sql"]
    assert found.sql("001_a.sql") == "VACUUM;\n"
    assert found.is_no_transaction("001_a.sql")
    assert not found.is_no_transaction("002_b.sql")  # only the first line counts


def test_diesel_metadata_is_read(imported: Import) -> None:
    files = {
        "00000000000000_diesel_initial_setup/up.sql": "SELECT 0;",
        "2024-01-31-120000_a/up.sql": "SELECT 1;",
        "2024-01-31-120000_a/metadata.toml": "run_in_transaction = false\nbatch = 3\n",
        "2024-02-01-120000_b/up.sql": "SELECT 2;",
        "2024-02-01-120000_b/metadata.toml": "run_in_transaction = \n",
    }
    found = imported("diesel", files)
    assert found.names == ["001_diesel_initial_setup.sql", "002_a.sql", "003_b.sql"]
    assert found.is_no_transaction("002_a.sql")
    assert "002  2024-01-31-120000_a/metadata.toml: the setting batch has no equivalent" in found.text
    assert "003  2024-02-01-120000_b/metadata.toml: cannot be read: " in found.text


def test_diesel_project_folder_is_accepted(imported: Import) -> None:
    found = imported("diesel", {"migrations/2024-01-31-120000_a/up.sql": "SELECT 1;", "src/main.rs": ""})
    assert found.names == ["001_a.sql"]
    assert "Left alone:\n  src/main.rs" in found.text


def test_diesel_compares_versions_as_text(imported: Import) -> None:
    names = ("2024-01-31-120000-0001_b", "2024-02-01-120000_c", "00000000000000_a")
    found = imported("diesel", {f"{name}/up.sql": "SELECT 1;" for name in names})
    assert found.names == ["001_a.sql", "002_b.sql", "003_c.sql"]


def test_down_part_with_only_comments_is_mentioned(imported: Import) -> None:
    files = {
        "1_a.up.sql": "SELECT 1;",
        "1_a.down.sql": "-- cannot be undone",
        "2_b.up.sql": "SELECT 1;",
        "2_b.down.sql": "\n",
    }
    found = imported("golang-migrate", files)
    assert found.names == ["001_a.sql", "002_b.sql"]
    assert "Changed:\n  001: the down part has only comments: there is no down file\n\n" in found.text


def test_files_of_golang_migrate_with_other_endings_are_named(imported: Import) -> None:
    found = imported("golang-migrate", {"1_a.up.sql": "SELECT 1;", "2_b.up.pgsql": "SELECT 2;", "2_b.down.pgsql": ""})
    assert "2_b.up.pgsql: golang-migrate runs this file too: give it the ending .sql" in found.text
    assert not found.report.complete
