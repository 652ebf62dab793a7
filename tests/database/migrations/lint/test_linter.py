"""db-lint knows the history of the files, honours waivers with reasons, and prints a readable report."""

from __future__ import annotations

import cProfile
import json
from pathlib import Path

import pytest

from peterental.config import PROJECT_DIR
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.lint import RULES, Finding, Report, Severity, lint_directory
from peterental.database.migrations.source.checks import checked_files
from peterental.database.migrations.source.files import find_files

AGENTS = "CREATE TABLE IF NOT EXISTS agents (agent_id bigint PRIMARY KEY, name text NOT NULL);\n"


def lint(path: Path, **files: str) -> Report:
    """Write migrations to a folder and lint it; keyword m001 becomes 001_m.sql."""
    for name, text in files.items():
        (path / f"{name.removeprefix('m')}_m.sql").write_bytes(text.encode())
    return lint_directory(path)


def without_advice(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.rule.severity is not Severity.ADVICE]


def names(report: Report) -> list[str]:
    return [finding.rule.name for finding in without_advice(report)]


def locations(report: Report) -> list[tuple[str, int, int]]:
    return [
        (one.rule.name, one.location.line, one.location.column)
        for one in without_advice(report)
        if one.location is not None
    ]


# ---- the folder


def test_a_clean_folder_exits_with_0(tmp_path: Path) -> None:
    report = lint(tmp_path, m001=AGENTS)
    assert (names(report), report.exit_code()) == ([], 0)


def test_advice_counts_only_when_strict(tmp_path: Path) -> None:
    report = lint(tmp_path, m001=AGENTS)
    assert [finding.rule.name for finding in report.findings] == ["header-comment", "self-record"]
    assert (report.exit_code(), report.exit_code(strict=True)) == (0, 1)


FILL = "add what is missing, or renumber the later files if no database has them yet"


def test_gaps_and_misnamed_files_are_errors(tmp_path: Path) -> None:
    (tmp_path / "2_x.sql").write_text("SELECT 1;")
    (tmp_path / "004_y.SQL").write_text("SELECT 1;")
    report = lint(tmp_path, m001=AGENTS, m003="SELECT 1;")
    assert [(one.rule.name, one.what) for one in without_advice(report)] == [
        (
            "numbering",
            f"Migration 002 is missing before 003_m.sql; {FILL}.",
        ),
        ("numbering", "004_y.SQL is not named like 001_create_tables.sql."),
        ("numbering", "2_x.sql is not named like 001_create_tables.sql."),
    ]
    assert report.exit_code() == 1


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MigrationFilesError, match="there is no migrations folder"):
        lint_directory(tmp_path / "nowhere")


def test_unreadable_file_does_not_hide_others(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_bytes(b"SELECT '\xff';")
    report = lint(tmp_path, m001=AGENTS, m003="DROP TABLE agents;")
    assert names(report) == ["unreadable-file", "drop-table"]


def test_file_that_only_records_itself_is_empty(tmp_path: Path) -> None:
    report = lint(tmp_path, m001="INSERT INTO schema_migrations (version) VALUES (1) ON CONFLICT DO NOTHING;")
    assert names(report) == ["empty-file"]


def test_down_files_must_run_but_may_drop_things(tmp_path: Path) -> None:
    (tmp_path / "001_m.down.sql").write_text("DROP TABLE agents; COMMIT;")
    (tmp_path / "002_m.down.sql").write_text("SELECT 1;")
    report = lint(tmp_path, m001=AGENTS)
    assert [(one.file_name, one.rule.name) for one in without_advice(report)] == [
        ("001_m.down.sql", "not-runnable"),
        ("002_m.down.sql", "down-without-up"),
    ]


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("-- nothing to undo", "empty-file", 1),
        ("SELECT 1;\nDROP INDEX CONCURRENTLY agents_name;", "needs-no-transaction", 2),
        ("-- migrate: no-transactoin\nDROP TABLE agents;", "bad-directive", 1),
        ("DROP TABLE agents;\n-- migrate: no-transaction", "bad-directive", 2),
        ("DROP TABLE agents;\n\\echo it's gone", "not-runnable", 2),
        ("-- migrate:down\nDROP TABLE agents;", "other-tool", 1),
        ("DROP TABEL agents;", "syntax-error", 1),
        ("-- x\n-- migrate: contract\nDROP TABLE agents;", "bad-directive", 2),
        (
            "-- migrate: backfill table=agents key=agent_id\nUPDATE agents SET name = '' WHERE agent_id = 1;",
            "bad-directive",
            1,
        ),
        ("CREATE TYPE m AS ENUM ('a');\nALTER TYPE n ADD VALUE 'b'; SELECT 'b'::n;", "enum-value-used", 2),
    ],
)
def test_down_files_are_linted_like_up_files(tmp_path: Path, text: str, rule: str, line: int) -> None:
    (tmp_path / "001_m.down.sql").write_text(text)
    found = [
        (one.file_name, one.rule.name, one.location and one.location.line)
        for one in without_advice(lint(tmp_path, m001=AGENTS))
    ]
    assert found == [("001_m.down.sql", rule, line)]


def test_unreadable_down_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "001_m.down.sql").write_bytes(b"SELECT '\xff';")
    found = without_advice(lint(tmp_path, m001=AGENTS))
    assert [(one.file_name, one.rule.name) for one in found] == [("001_m.down.sql", "unreadable-file")]


def test_down_file_of_golang_migrate_is_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "001_m.up.sql").write_text(AGENTS)
    (tmp_path / "001_m.down.sql").write_text("DROP TABLE agents;")
    assert names(lint_directory(tmp_path)) == ["other-tool"]


def test_down_files_may_carry_directives(tmp_path: Path) -> None:
    (tmp_path / "001_m.down.sql").write_text(
        "-- migrate: no-transaction lock-timeout=2s statement-timeout=10min\nDROP INDEX CONCURRENTLY IF EXISTS agents_name;"
    )
    assert names(lint(tmp_path, m001=AGENTS)) == []


def test_refusals_are_in_the_words_of_the_runner(tmp_path: Path) -> None:
    texts = (
        "COMMIT;",
        "\\i x.sql",
        "-- migrate: lock-timeout=2\nSELECT 1;",
        "-- x",
        "SELECT pg_advisory_unlock_all();",
        "INSERT INTO schema_migrations VALUES (7);SELECT 1;",
    )
    for number, text in enumerate(texts, 1):
        (tmp_path / f"{number:03d}_m.sql").write_text(text)
    found = [one for one in lint_directory(tmp_path).findings if one.rule.severity is Severity.ERROR]
    with pytest.raises(MigrationFilesError) as refused:
        checked_files(find_files(tmp_path))
    assert [one.what.lower() for one in found] == [f"{problem.text}.".lower() for problem in refused.value.problems]


def test_project_migrations_have_no_errors() -> None:
    assert lint_directory(PROJECT_DIR / "migrations").of(Severity.ERROR) == []


# ---- locations


def test_locations_count_characters_with_crlf_tabs_and_emoji(tmp_path: Path) -> None:
    sql = "\ufeff-- 🏠 été\r\nSELECT '🏠é';\tALTER TABLE agents\r\n\tDROP COLUMN name, -- é, (\r\n\tADD x int DEFAULT (1 + (2)),\r\n  ALTER agent_id TYPE text;\r\n"
    report = lint(tmp_path, m001=AGENTS, m002=sql)
    assert locations(report) == [("drop-column", 3, 2), ("change-column-type", 5, 3)]


def test_commands_of_a_qualified_table_are_located(tmp_path: Path) -> None:
    sql = 'ALTER TABLE IF EXISTS ONLY "public"."agents"\n  DROP COLUMN a,\n  DROP COLUMN "b,c";'
    assert locations(lint(tmp_path, m001=AGENTS, m002=sql)) == [("drop-column", 2, 3), ("drop-column", 3, 3)]


def test_syntax_error_is_located_and_hides_no_other_statement(tmp_path: Path) -> None:
    sql = "DROP TABLE agents;\nALTER TABEL é;\n  SELECT '🏠', FRM WHERE;\nALTER TABLE agents DROP COLUMN name;"
    assert locations(lint(tmp_path, m001=AGENTS, m002=sql)) == [
        ("drop-table", 1, 1), ("syntax-error", 2, 7), ("syntax-error", 3, 24), ("drop-column", 4, 1 + 19),
    ]  # fmt: skip


def test_psql_command_is_not_also_a_syntax_error(tmp_path: Path) -> None:
    report = lint(tmp_path, m001="\\restrict abc\nSELECT 1;")
    assert locations(report) == [("not-runnable", 1, 1)]


# ---- DO blocks


def test_statements_in_do_blocks_are_linted(tmp_path: Path) -> None:
    sql = "DO $body$\nBEGIN\n    IF true THEN\n        ALTER TABLE agents\n            DROP COLUMN name;\n    END IF;\nEND $body$;"
    assert locations(lint(tmp_path, m001=AGENTS, m002=sql)) == [("drop-column", 5, 13)]


def test_finding_in_quoted_do_block_is_at_its_start(tmp_path: Path) -> None:
    sql = "SELECT 1;\nDO 'BEGIN PERFORM ''x''; DROP TABLE agents; END';"
    assert locations(lint(tmp_path, m001=AGENTS, m002=sql)) == [("drop-table", 2, 1)]


def test_function_bodies_are_not_linted(tmp_path: Path) -> None:
    sql = "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE agents; END $$;"
    assert names(lint(tmp_path, m001=AGENTS, m002=sql)) == []


def test_do_blocks_that_cannot_be_parsed_are_skipped(tmp_path: Path) -> None:
    sql = "DO LANGUAGE plperl $$ hello $$; DO $$ BEGIN this is not; code END $$;"
    assert names(lint(tmp_path, m001=AGENTS, m002=sql)) == []


# ---- history


def test_only_tables_of_the_same_file_are_exempt(tmp_path: Path) -> None:
    sql = "CREATE TABLE IF NOT EXISTS v (a int);\nCREATE INDEX i ON v (a);\nALTER TABLE v ADD CHECK (a > 1), DROP COLUMN a;"
    assert names(lint(tmp_path, m001=AGENTS, m002=sql)) == []
    assert names(lint(tmp_path, m002="SELECT 1;", m003=sql.partition("\n")[2]))[:1] == ["create-index"]


@pytest.mark.parametrize(
    "make", ["CREATE TABLE v AS SELECT 1 AS a", "SELECT 1 AS a INTO v", "CREATE TEMP TABLE v (a int)"]
)
def test_select_into_and_temp_tables_are_exempt_too(tmp_path: Path, make: str) -> None:
    assert names(lint(tmp_path, m001=f"{make}; CREATE INDEX i ON v (a); UPDATE v SET a = 2;")) == []


def test_not_null_in_four_steps_is_clean(tmp_path: Path) -> None:
    report = lint(
        tmp_path,
        m001=AGENTS,
        m002="ALTER TABLE agents ADD COLUMN phone text;",
        m003="ALTER TABLE agents ADD CONSTRAINT c CHECK (phone IS NOT NULL) NOT VALID;",
        m004="ALTER TABLE agents VALIDATE CONSTRAINT c; ALTER TABLE agents ALTER phone SET NOT NULL; ALTER TABLE agents DROP CONSTRAINT c;",
    )
    assert names(report) == []


def test_names_follow_renames(tmp_path: Path) -> None:
    report = lint(
        tmp_path,
        m001="CREATE TABLE a (b varchar(5) NOT NULL); CREATE INDEX i ON a (lower(b)); ALTER TABLE a RENAME TO c;"
        "ALTER TABLE c RENAME b TO d; ALTER INDEX i RENAME TO j; ALTER TABLE c ADD CONSTRAINT k CHECK (d > '');"
        "ALTER TABLE c RENAME CONSTRAINT k TO l;",
        m002="ALTER TABLE c ALTER d TYPE text; ALTER TABLE c ALTER d SET NOT NULL;",
    )
    assert [one.what for one in without_advice(report)] == [
        "The type change of c.d does not rewrite the rows, but rebuilds j and rechecks all rows against l."
    ]


def test_dropped_objects_get_no_advice(tmp_path: Path) -> None:
    sql = "CREATE TABLE v (a json, b char(3)); CREATE INDEX i ON v (b); ALTER TABLE v DROP b; CREATE TABLE w (a json); DROP TABLE w;"
    advice = [one.what for one in lint(tmp_path, m001=sql).findings if one.rule.name.startswith("prefer")]
    assert advice == ["v.a is json; use jsonb."]


def test_tables_in_other_schemas_are_distinct(tmp_path: Path) -> None:
    report = lint(
        tmp_path, m001=AGENTS, m002="CREATE TABLE crm.agents (a int); DROP TABLE crm.agents; DROP TABLE public.agents;"
    )
    assert [one.what for one in without_advice(report)] == ["The table public.agents is dropped."]


def test_safe_alternative_quotes_names(tmp_path: Path) -> None:
    report = lint(tmp_path, m001='CREATE TABLE "Odd One" ("order" int);', m002='CREATE INDEX ON "Odd One" ("order");')
    assert (
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS "idx_Odd One_order" ON "Odd One" ("order");'
        in without_advice(report)[0].safe
    )


def test_suggested_index_name_is_quoted(tmp_path: Path) -> None:
    report = lint(tmp_path, m001='CREATE TABLE "Odd One" ("order" int);', m002='CREATE INDEX ON "Odd One" ("order");')
    [unnamed] = [finding for finding in report.findings if finding.rule.name == "name-index"]
    assert unnamed.what == 'The index on "Odd One" has no name: CREATE INDEX "idx_Odd One_order" ON …'


# ---- waivers


@pytest.mark.parametrize(
    "sql",
    [
        "-- lint: allow drop-table because no code uses it\nDROP TABLE agents;",
        "DROP TABLE agents; -- lint: allow drop-table because no code uses it",
        "--lint:allow drop-table because no code uses it\nDROP TABLE agents;",
        "-- lint: allow drop-table because no code uses it\n-- since March\nDROP TABLE agents;",
        "-- lint: allow drop-table, drop-cascade because no code uses it\nDROP TABLE agents CASCADE;",
        "-- lint: allow drop-cascade because nothing depends on it\n-- lint: allow drop-table because of that\r\nDROP TABLE agents CASCADE;",
        "DO $$ BEGIN\n    -- lint: allow drop-table because no code uses it\n    DROP TABLE agents;\nEND $$;",
        "-- lint: allow drop-table because no code uses it\nDO $$ BEGIN\n    DROP TABLE agents;\nEND $$;",
    ],
)  # fmt: skip
def test_waiver_covers_its_line_and_the_statement_below(tmp_path: Path, sql: str) -> None:
    report = lint(tmp_path, m001=AGENTS, m002=sql)
    assert (names(report), report.exit_code()) == ([], 0)
    assert report.waived[0].rule.name in ("drop-table", "drop-cascade")
    assert report.waived[0].waived_because


def test_waiver_above_a_statement_covers_all_commands(tmp_path: Path) -> None:
    sql = "-- lint: allow drop-column because no code names them\nALTER TABLE agents\n    DROP COLUMN name,\n    DROP COLUMN x;"
    report = lint(tmp_path, m001=AGENTS, m002=sql)
    assert (names(report), len(report.waived)) == ([], 2)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("-- lint: allow drop-table\nDROP TABLE agents;", ["waiver-without-reason"]),
        ("-- lint: allow drop-table because\nDROP TABLE agents;", ["waiver-without-reason"]),
        ("-- lint: allow drop-tabel because x\nDROP TABLE agents;", ["waiver-of-unknown-rule", "drop-table"]),
        ("-- lint: allow drop-table because x\nSELECT 1;", ["waiver-unused"]),
        ("-- lint: allow drop-table because x\n\nDROP TABLE agents;", ["waiver-unused", "drop-table"]),
        ("DROP TABLE agents;\n-- lint: allow drop-table because x", ["drop-table", "waiver-unused"]),
        ("-- lint: ignore everything\nSELECT 1;", ["waiver-unreadable"]),
        ("-- lint: allow syntax-error because x\nSELECT FROM FROM;", ["waiver-of-error", "syntax-error"]),
        ("SELECT '-- lint: allow drop-table because x';", []),
    ],
)  # fmt: skip
def test_invalid_or_unused_waiver_is_a_finding(tmp_path: Path, sql: str, expected: list[str]) -> None:
    report = lint(tmp_path, m001=AGENTS, m002=sql)
    assert names(report) == expected
    assert report.exit_code() == bool(expected)


def test_misspelt_rule_gets_a_suggestion(tmp_path: Path) -> None:
    report = lint(tmp_path, m001=AGENTS, m002="-- lint: allow drop-tabel because x\nDROP TABLE agents;")
    assert without_advice(report)[0].what == "There is no rule drop-tabel; did you mean drop-table?"


def test_advice_on_the_final_schema_can_be_waived(tmp_path: Path) -> None:
    sql = "CREATE TABLE v (\n    -- lint: allow prefer-jsonb because the order of keys matters\n    a json,\n    b json\n);"
    report = lint(tmp_path, m001=sql)
    assert [one.what for one in report.waived] == ["v.a is json; use jsonb."]
    assert "v.b is json; use jsonb." in [one.what for one in report.findings]


# ---- the report


def test_text_shows_line_caret_reason_and_alternative(tmp_path: Path) -> None:
    text = lint(tmp_path, m001=AGENTS, m002="SELECT 1;\nALTER TABLE agents\n\tADD CHECK (name <> '');").text()
    assert text.startswith(
        "002_m.sql:3:2  unsafe  add-check\n"
        "  3 | \tADD CHECK (name <> '');\n"
        "    | \t^\n"
        "  what  The check agents_name_check on agents is checked at once.\n"
        "  why   PostgreSQL checks every row while the table is locked against reads and writes (ACCESS EXCLUSIVE),\n"
    )
    assert (
        "  safe  ALTER TABLE agents ADD CONSTRAINT agents_name_check CHECK (name <> '') NOT VALID;\n"
        "        -- next file:\n"
        "        ALTER TABLE agents VALIDATE CONSTRAINT agents_name_check;\n"
    ) in text
    assert text.endswith("❌ 2 migrations checked: 1 unsafe, 4 pieces of advice.")


def test_reason_is_shown_once_per_file(tmp_path: Path) -> None:
    text = lint(
        tmp_path, m001=AGENTS, m002="ALTER TABLE agents DROP COLUMN a;\nALTER TABLE agents DROP COLUMN b;"
    ).text()
    assert text.count("Its values are lost for good") == 1
    assert "  why   see 002_m.sql:1:20\n" in text


def test_advice_is_one_aligned_line_each(tmp_path: Path) -> None:
    lines = lint(tmp_path, m001=AGENTS).text().splitlines()
    assert lines[0].startswith("001_m.sql:1:1  advice  header-comment  The header lacks")
    assert lines[1].startswith("001_m.sql:1:1  advice  self-record     The file does not record itself")
    assert lines[-1] == "✅ 1 migration checked: nothing unsafe, 2 pieces of advice."


def test_same_advice_in_several_files_is_one_line(tmp_path: Path) -> None:
    files = {f"m{number:03d}": f"CREATE TABLE t{number} (i int);" for number in range(1, 13)}
    lines = lint(tmp_path, **files).text().splitlines()
    folded = [line for line in lines if line.startswith("12 files")]
    assert [line.split()[3] for line in folded] == ["header-comment", "self-record"]
    assert folded[1].endswith("  The file does not record itself in schema_migrations.")
    listed = lines[lines.index(folded[1]) + 1 : -2]
    assert " ".join(" ".join(listed).split()) == ", ".join(f"{number:03d}_m.sql" for number in range(1, 13))
    assert max(len(line) for line in listed) <= 100
    assert sum("has no primary key" in line for line in lines) == 12, "different advice is not merged"


def test_same_advice_twice_in_one_file_is_two_lines(tmp_path: Path) -> None:
    report = lint(
        tmp_path, m001="SELECT set_config('search_path', '', false);\nSELECT set_config('search_path', '', false);"
    )
    shown = [line.split()[0] for line in report.text().splitlines() if "set-search-path" in line]
    assert shown == ["001_m.sql:1:1", "001_m.sql:2:1"]


def test_advice_on_many_statements_of_a_file_is_one_line(tmp_path: Path) -> None:
    tables = "\n".join(f"CREATE TABLE t{number} (i int);" for number in range(1, 5))
    report = lint(tmp_path, m001=tables, m002="CREATE TABLE u1 (i int);")
    lines = report.text().splitlines()
    shown = next(at for at, line in enumerate(lines) if "t1 has no primary key" in line)
    assert lines[shown].startswith("001_m.sql:1:1 ")
    assert lines[shown + 1] == "  and 3 more like it, in lines 2, 3, 4"
    assert not any("t2 has no primary key" in line for line in lines)
    assert sum(finding.rule.name == "primary-key" for finding in report.findings) == 5, "JSON has each"
    assert next(line for line in lines if "u1 has no primary key" in line).startswith("002_m.sql:1:1 ")


def test_colours_are_opt_in(tmp_path: Path) -> None:
    report = lint(tmp_path, m001=AGENTS, m002="DROP TABLE agents;")
    assert "\x1b[" not in report.text()
    assert "\x1b[1;33munsafe\x1b[0m" in report.text(colour=True)


def test_json_has_all_facts_of_the_text(tmp_path: Path) -> None:
    sql = "-- lint: allow drop-column because it was never used\nALTER TABLE agents DROP name;\nDROP TABLE agents;"
    found = json.loads(json.dumps(lint(tmp_path, m001=AGENTS, m002=sql).as_json()))
    assert {key: found[key] for key in ("files", "errors", "unsafe")} == {"files": 2, "errors": 0, "unsafe": 1}
    (dropped,) = [one for one in found["findings"] if one["severity"] == "unsafe"]
    assert (dropped["file"], dropped["line"], dropped["column"], dropped["rule"]) == ("002_m.sql", 3, 1, "drop-table")
    assert dropped["why"]
    assert dropped["safe"]
    assert found["waived"][0]["waived_because"] == "it was never used"


def test_rule_names_are_lower_case_with_hyphens() -> None:
    assert all(name.replace("-", "").isalpha() and name.islower() for name in RULES)


def calls_to_lint(folder: Path, files: int) -> int:
    """Lint a new folder with `files` files and return the number of function calls."""
    folder.mkdir()
    for number in range(1, files + 1):
        (folder / f"{number:03d}_step.sql").write_text(
            f"-- Migration {number:03d}: step\n-- Purpose: é\n-- Created: 2026-11-22\n"
            f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text);\nCREATE INDEX i{number} ON t{number} (name);\n"
        )
    with cProfile.Profile(builtins=False) as profile:
        report = lint_directory(folder)
    assert report.exit_code() == 0
    return sum(entry.callcount for entry in profile.getstats())


def test_cost_is_linear_in_the_number_of_files(tmp_path: Path) -> None:
    few, many = (calls_to_lint(tmp_path / str(files), files) for files in (100, 1000))
    assert many < 11 * few, "ten times the files must be about ten times the work"
