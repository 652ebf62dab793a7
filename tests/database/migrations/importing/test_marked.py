"""Tools with both parts in one file: what markers mean, and that the text between them stays as it is."""

from __future__ import annotations

import pytest

from tests.database.migrations.importing.conftest import Import


def test_text_between_markers_is_unchanged(imported: Import) -> None:
    up = "CREATE TABLE a (\n\ti int -- \u201cä\u201d; 🏠\n);\n\n\nINSERT INTO a VALUES (1);   \n/* ; */"
    found = imported("goose", {"1_a.sql": f"-- +goose Up\n{up}\n-- +goose Down\nDROP TABLE a;"})
    assert found.sql("001_a.sql") == up + "\n"
    assert found.sql("001_a.down.sql") == "DROP TABLE a;\n"


def test_file_names_its_origin(imported: Import) -> None:
    found = imported("goose", {"00007_add-User phone.sql": "-- +goose Up\nSELECT 1;"})
    assert found.whole("001_add_user_phone.sql") == (
        "-- Migration 001: Add User phone\n-- Purpose: Imported from goose, 00007_add-User phone.sql\n\nSELECT 1;\n"
    )


def test_windows_line_ends_stay(imported: Import) -> None:
    found = imported("dbmate", {"1_a.sql": "\ufeff-- migrate:up\r\nSELECT 1,\r\n 2;\r\n-- migrate:down\r\n"})
    assert found.names == ["001_a.sql"]
    assert found.whole("001_a.sql").endswith("1_a.sql\r\n\r\nSELECT 1,\r\n 2;\r\n")


@pytest.mark.parametrize(
    ("marker", "kept"),
    [("-- +goose UP", True), ("--  +goose  Up  ", True), ("  -- +goose Up", False), ("-- goose Up", False)],
)
def test_goose_marker_in_every_spelling(imported: Import, marker: str, *, kept: bool) -> None:
    found = imported("goose", {"1_a.sql": f"{marker}\nSELECT 1;", "2_b.sql": "-- +goose Up\nSELECT 2;"})
    assert ("001_a.sql" in found.names) is kept
    assert ("1_a.sql has no “-- +goose Up”" in found.text) is not kept


@pytest.mark.parametrize("tool", ["goose", "sql-migrate"])
def test_statement_without_semicolon_is_ended(imported: Import, tool: str) -> None:
    sign = {"goose": "+goose", "sql-migrate": "+migrate"}[tool]
    text = (
        f"-- {sign} Up\n-- {sign} StatementBegin\nCREATE TABLE a (i int) -- no semicolon\n-- {sign} StatementEnd\n"
        f"-- {sign} StatementBegin\nCREATE TABLE b (i int);\n-- {sign} StatementEnd\n"
    )
    found = imported(tool, {"1_a.sql": text})
    assert found.sql("001_a.sql") == "CREATE TABLE a (i int); -- no semicolon\nCREATE TABLE b (i int);\n"
    assert f"001: “-- {sign} StatementBegin” removed" in found.text
    assert "had no semicolon" in found.text
    assert found.report.complete


@pytest.mark.parametrize(
    ("tool", "first", "almost"),
    [
        ("goose", "-- +goose Up", "  -- +goose Down"),
        ("goose", "-- +goose Up", "-- goose down"),
        ("dbmate", "-- migrate:up", "-- migrate: down"),
        ("dbmate", "-- migrate:up", "-- Migrate:Down"),
        ("sql-migrate", "-- +migrate Up", "--+ migrate Down"),
        ("sql-migrate", "-- +migrate Up", "-- +migrate down"),
    ],
)
def test_misspelt_marker_divides_nothing_and_is_reported(imported: Import, tool: str, first: str, almost: str) -> None:
    found = imported(tool, {"1_a.sql": f"{first}\nSELECT 1;\n{almost}\nDROP TABLE a;\n"})
    assert found.names == ["001_a.sql"]
    assert f"001  1_a.sql:3: “{almost.strip()}” is " in found.text
    assert not found.report.complete


def test_comment_about_the_tool_is_a_comment(imported: Import) -> None:
    text = "-- +goose Up\n-- goose up runs this in CI\n-- migrate up later\nSELECT 1;\n"
    found = imported("goose", {"1_a.sql": text})
    assert found.report.complete
    assert found.sql("001_a.sql") == text.partition("\n")[2]


def test_goose_turns_the_transaction_off_for_the_whole_file(imported: Import) -> None:
    text = "-- +goose Up\n-- +goose NO TRANSACTION\nVACUUM;\n-- +goose Down\nSELECT 1;\n"
    found = imported(
        "goose",
        {"1_a.sql": text, "2_b.sql": text.replace("-- +goose NO TRANSACTION\n", "") + "-- +goose NO TRANSACTION\n"},
    )
    assert found.is_no_transaction("001_a.sql")
    assert found.is_no_transaction("002_b.sql")


def test_unclosed_quote_in_a_block_is_reported(imported: Import) -> None:
    text = "-- +goose Up\n-- +goose StatementBegin\nSELECT 'open\n-- +goose StatementEnd\n"
    found = imported("goose", {"1_a.sql": text})
    assert "001_a.sql:4: Unterminated quoted string" in found.text
    assert found.sql("001_a.sql") == "SELECT 'open\n"


def test_goose_environment_variables_are_reported(imported: Import) -> None:
    found = imported("goose", {"1_a.sql": "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${X}';\n-- +goose ENVSUB OFF\n"})
    assert "001  1_a.sql:2: goose replaces environment variables from here on" in found.text
    assert not found.report.complete
    assert found.sql("001_a.sql") == "SELECT '${X}';\n"


def test_undocumented_marker_is_reported(imported: Import) -> None:
    found = imported("goose", {"1_a.sql": "-- +goose Up\nSELECT 1;\n-- +goose Donw\nDROP TABLE a;"})
    assert "1_a.sql:3: “-- +goose Donw” is not a marker that goose documents" in found.text
    assert not found.report.complete


def test_undocumented_sql_migrate_marker_is_reported(imported: Import) -> None:
    found = imported("sql-migrate", {"1_a.sql": "-- +migrate Up\nSELECT 1;\n-- +migrate\nSELECT 2;"})
    assert "1_a.sql:3: “-- +migrate” is not a marker that sql-migrate documents" in found.text


def test_sql_above_the_up_part_is_reported(imported: Import) -> None:
    found = imported(
        "dbmate", {"1_a.sql": "SELECT 0;\n-- migrate:up\nSELECT 1;", "2_b.sql": "-- why\n-- migrate:up\nSELECT 2;"}
    )
    assert "001  1_a.sql:1: dbmate does not run the SQL above the up part: it was left out" in found.text
    assert found.sql("001_a.sql") == "SELECT 1;\n"
    assert found.sql("002_b.sql") == "-- why\nSELECT 2;\n"


def test_no_transaction_markers_are_carried_over(imported: Import) -> None:
    assert imported("dbmate", {"1_a.sql": "-- migrate:up transaction:false\nSELECT 1;"}).is_no_transaction("001_a.sql")


def test_unknown_dbmate_option_is_reported(imported: Import) -> None:
    found = imported("dbmate", {"1_a.sql": "-- migrate:up retry:3 transaction:true\nSELECT 1;"})
    assert "1_a.sql:1: the option retry:3 has no equivalent" in found.text
    assert not found.is_no_transaction("001_a.sql")


def test_dbmate_orders_by_name_and_goose_by_number(imported: Import) -> None:
    files = {"10_b.sql": "{}\nSELECT 10;", "9_a.sql": "{}\nSELECT 9;"}
    by_name = imported("dbmate", {name: text.format("-- migrate:up") for name, text in files.items()})
    assert by_name.names == ["001_b.sql", "002_a.sql"]


def test_goose_orders_by_number(imported: Import) -> None:
    found = imported("goose", dict.fromkeys(("10_b.sql", "9_a.sql", "0_z.sql"), "-- +goose Up\nSELECT 1;"))
    assert found.names == ["001_z.sql", "002_a.sql", "003_b.sql"]


def test_sql_migrate_orders_by_number_then_name(imported: Import) -> None:
    names = ("2-b.sql", "10-c.sql", "2-a.sql", "seed.sql")
    found = imported("sql-migrate", dict.fromkeys(names, "-- +migrate Up\nSELECT 1;"))
    assert found.names == ["001_a.sql", "002_b.sql", "003_c.sql", "004_seed.sql"]


def test_sql_migrate_without_transaction(imported: Import) -> None:
    found = imported("sql-migrate", {"1.sql": "-- +migrate Up notransaction\nVACUUM;\n-- +migrate Down\nSELECT 1;"})
    assert found.names == ["001_migration.down.sql", "001_migration.sql"]
    assert found.is_no_transaction("001_migration.sql")


def test_tern_templates_are_reported(imported: Import) -> None:
    found = imported("tern", {"001_a.sql": 'SELECT 1;\n{{ template "shared/v.sql" . }}\n', "shared/v.sql": "SELECT 2;"})
    assert '001_a.sql:2: {{ template "shared/v.sql" . }} is a template' in found.text
    assert "Left alone:\n  shared/v.sql" in found.text


def test_tern_file_without_marker_has_no_down_part(imported: Import) -> None:
    found = imported("tern", {"001_a.sql": "---- tern: disable-tx ----\nSELECT 1;"})
    assert found.names == ["001_a.sql"]
    assert found.is_no_transaction("001_a.sql")


def test_node_parts_in_any_order_and_spelling(imported: Import) -> None:
    files = {
        "1500000000000_a.sql": "--- DOWN Migration (careful)\nSELECT 'down';\n-- up migration\nSELECT 'up';\n",
        "1500000000001_plain.sql": "SELECT 'only up';\n",
        "20170714024000500_c.sql": "-- Up Migration\nSELECT 'between';\n",
    }
    found = imported("node-pg-migrate", files)
    assert found.names == ["001_a.down.sql", "001_a.sql", "002_plain.sql", "003_c.sql"]
    assert (found.sql("001_a.sql"), found.sql("001_a.down.sql")) == ("SELECT 'up';\n", "SELECT 'down';\n")


def test_node_time_that_does_not_exist_is_a_number(imported: Import) -> None:
    files = {"99999999999999999_b.sql": "-- Up Migration\nSELECT 2;", "1500000000000_a.sql": "SELECT 1;"}
    assert imported("node-pg-migrate", files).names == ["001_a.sql", "002_b.sql"]


def test_only_the_first_marker_of_node_pg_migrate_counts(imported: Import) -> None:
    """The tool searches for each marker once: a comment below that reads like one belongs to its part."""
    text = "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n-- up migration of users is kept\nSELECT 3;\n"
    found = imported("node-pg-migrate", {"1_a.sql": text})
    assert found.sql("001_a.sql") == "SELECT 1;\n"
    assert found.sql("001_a.down.sql") == "SELECT 2;\n-- up migration of users is kept\nSELECT 3;\n"


def test_node_pg_migrate_without_an_up_marker_is_named(imported: Import) -> None:
    found = imported("node-pg-migrate", {"1_a.sql": "SELECT 1;\n-- Down Migration\nSELECT 2;\n"})
    assert "without a marker of the up part, node-pg-migrate runs the whole file, its down part included" in found.text


def test_only_the_first_separator_of_tern_counts(imported: Import) -> None:
    line = "---- create above / drop below ----\n"
    found = imported("tern", {"1_a.sql": f"SELECT 1;\n{line}SELECT 2;\n{line}SELECT 3;\n"})
    assert found.sql("001_a.sql") == "SELECT 1;\n"
    assert found.sql("001_a.down.sql") == f"SELECT 2;\n{line}SELECT 3;\n"


def test_file_without_sql_but_with_a_problem_is_reported(imported: Import) -> None:
    files = {"1_a.sql": "SELECT 1;\n-- migrate:up\n-- migrate:down\n", "2_b.sql": "-- migrate:up\nSELECT 2;\n"}
    found = imported("dbmate", files)
    assert found.names == ["001_b.sql"]
    assert "1_a.sql  1_a.sql:1: dbmate does not run the SQL above the up part: it was left out" in found.text
