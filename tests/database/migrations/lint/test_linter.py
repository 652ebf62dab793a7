"""db-lint knows the history of the files, honours waivers with reasons, and says what it found in a readable way."""

from __future__ import annotations

import cProfile
import json
from pathlib import Path

import pytest

from peterental.config import PROJECT_DIR
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.lint import RULES, Finding, Report, Severity, lint_directory

AGENTS = "CREATE TABLE IF NOT EXISTS agents (agent_id bigint PRIMARY KEY, name text NOT NULL);\n"


def look(path: Path, **files: str) -> Report:
    """Look through a folder; keyword m001 becomes 001_m.sql."""
    for name, text in files.items():
        (path / f"{name.removeprefix('m')}_m.sql").write_bytes(text.encode())
    return lint_directory(path)


def counting(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.rule.severity is not Severity.ADVICE]


def names(report: Report) -> list[str]:
    return [finding.rule.name for finding in counting(report)]


def places(report: Report) -> list[tuple[str, int, int]]:
    return [(one.rule.name, one.place.line, one.place.column) for one in counting(report) if one.place is not None]


# ---- the folder


def test_a_clean_folder_exits_with_0(tmp_path: Path) -> None:
    report = look(tmp_path, m001=AGENTS)
    assert (names(report), report.exit_code()) == ([], 0)


def test_advice_counts_only_when_strict(tmp_path: Path) -> None:
    report = look(tmp_path, m001=AGENTS)
    assert [finding.rule.name for finding in report.findings] == ["header-comment", "self-record"]
    assert (report.exit_code(), report.exit_code(strict=True)) == (0, 1)


def test_gaps_and_misnamed_files_are_errors_in_the_runners_words(tmp_path: Path) -> None:
    (tmp_path / "2_x.sql").write_text("SELECT 1;")
    (tmp_path / "004_y.SQL").write_text("SELECT 1;")
    report = look(tmp_path, m001=AGENTS, m003="SELECT 1;")
    assert [(one.rule.name, one.what) for one in counting(report)] == [
        ("numbering", "Migration 002 is missing before 003_m.sql."),
        ("numbering", "004_y.SQL is not named like 001_create_tables.sql."),
        ("numbering", "2_x.sql is not named like 001_create_tables.sql."),
    ]
    assert report.exit_code() == 1


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MigrationFilesError, match="there is no migrations folder"):
        lint_directory(tmp_path / "nowhere")


def test_an_unreadable_file_is_an_error_and_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_bytes(b"SELECT '\xff';")
    report = look(tmp_path, m001=AGENTS, m003="DROP TABLE agents;")
    assert names(report) == ["unreadable-file", "drop-table"]


def test_a_file_that_only_records_itself_is_one_that_nobody_has_written(tmp_path: Path) -> None:
    report = look(tmp_path, m001="INSERT INTO schema_migrations (version) VALUES (1) ON CONFLICT DO NOTHING;")
    assert names(report) == ["empty-file"]


def test_down_files_are_checked_for_what_cannot_run_and_may_drop_things(tmp_path: Path) -> None:
    (tmp_path / "001_m.down.sql").write_text("DROP TABLE agents; COMMIT;")
    (tmp_path / "002_m.down.sql").write_text("SELECT 1;")
    report = look(tmp_path, m001=AGENTS)
    assert [(one.file_name, one.rule.name) for one in counting(report)] == [
        ("001_m.down.sql", "not-runnable"),
        ("002_m.down.sql", "down-without-up"),
    ]


def test_our_own_migrations_can_run() -> None:
    assert lint_directory(PROJECT_DIR / "migrations").of(Severity.ERROR) == []


# ---- places


def test_places_are_lines_and_columns_of_characters_after_crlf_tabs_and_emoji(tmp_path: Path) -> None:
    sql = "\ufeff-- 🏠 été\r\nSELECT '🏠é';\tALTER TABLE agents\r\n\tDROP COLUMN name, -- é, (\r\n\tADD x int DEFAULT (1 + (2)),\r\n  ALTER agent_id TYPE text;\r\n"
    report = look(tmp_path, m001=AGENTS, m002=sql)
    assert places(report) == [("drop-column", 3, 2), ("change-column-type", 5, 3)]


def test_commands_of_a_qualified_table_have_their_own_places(tmp_path: Path) -> None:
    sql = 'ALTER TABLE IF EXISTS ONLY "public"."agents"\n  DROP COLUMN a,\n  DROP COLUMN "b,c";'
    assert places(look(tmp_path, m001=AGENTS, m002=sql)) == [("drop-column", 2, 3), ("drop-column", 3, 3)]


def test_a_syntax_error_has_its_place_and_does_not_hide_the_other_statements(tmp_path: Path) -> None:
    sql = "DROP TABLE agents;\nALTER TABEL é;\n  SELECT '🏠', FRM WHERE;\nALTER TABLE agents DROP COLUMN name;"
    assert places(look(tmp_path, m001=AGENTS, m002=sql)) == [
        ("drop-table", 1, 1), ("syntax-error", 2, 7), ("syntax-error", 3, 24), ("drop-column", 4, 1 + 19),
    ]  # fmt: skip


def test_what_psql_understands_is_told_once_and_not_as_a_syntax_error(tmp_path: Path) -> None:
    report = look(tmp_path, m001="\\restrict abc\nSELECT 1;")
    assert places(report) == [("not-runnable", 1, 1)]


# ---- DO blocks


def test_statements_in_do_blocks_are_looked_into(tmp_path: Path) -> None:
    sql = "DO $body$\nBEGIN\n    IF true THEN\n        ALTER TABLE agents\n            DROP COLUMN name;\n    END IF;\nEND $body$;"
    assert places(look(tmp_path, m001=AGENTS, m002=sql)) == [("drop-column", 5, 13)]


def test_a_do_block_in_plain_quotes_is_placed_at_its_beginning(tmp_path: Path) -> None:
    sql = "SELECT 1;\nDO 'BEGIN PERFORM ''x''; DROP TABLE agents; END';"
    assert places(look(tmp_path, m001=AGENTS, m002=sql)) == [("drop-table", 2, 1)]


def test_function_bodies_run_later_and_are_left_alone(tmp_path: Path) -> None:
    sql = "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE agents; END $$;"
    assert names(look(tmp_path, m001=AGENTS, m002=sql)) == []


def test_blocks_in_other_languages_or_with_errors_are_the_servers_business(tmp_path: Path) -> None:
    sql = "DO LANGUAGE plperl $$ hello $$; DO $$ BEGIN this is not; code END $$;"
    assert names(look(tmp_path, m001=AGENTS, m002=sql)) == []


# ---- history


def test_a_table_of_this_file_is_exempt_and_one_of_an_earlier_file_is_not(tmp_path: Path) -> None:
    sql = "CREATE TABLE IF NOT EXISTS v (a int);\nCREATE INDEX i ON v (a);\nALTER TABLE v ADD CHECK (a > 1), DROP COLUMN a;"
    assert names(look(tmp_path, m001=AGENTS, m002=sql)) == []
    assert names(look(tmp_path, m002="SELECT 1;", m003=sql.partition("\n")[2]))[:1] == ["create-index"]


@pytest.mark.parametrize(
    "make", ["CREATE TABLE v AS SELECT 1 AS a", "SELECT 1 AS a INTO v", "CREATE TEMP TABLE v (a int)"]
)
def test_tables_made_in_other_ways_are_exempt_too(tmp_path: Path, make: str) -> None:
    assert names(look(tmp_path, m001=f"{make}; CREATE INDEX i ON v (a); UPDATE v SET a = 2;")) == []


def test_the_four_steps_to_not_null_are_clean(tmp_path: Path) -> None:
    report = look(
        tmp_path,
        m001=AGENTS,
        m002="ALTER TABLE agents ADD COLUMN phone text;",
        m003="ALTER TABLE agents ADD CONSTRAINT c CHECK (phone IS NOT NULL) NOT VALID;",
        m004="ALTER TABLE agents VALIDATE CONSTRAINT c; ALTER TABLE agents ALTER phone SET NOT NULL; ALTER TABLE agents DROP CONSTRAINT c;",
    )
    assert names(report) == []


def test_names_follow_renames(tmp_path: Path) -> None:
    report = look(
        tmp_path,
        m001="CREATE TABLE a (b varchar(5) NOT NULL); CREATE INDEX i ON a (lower(b)); ALTER TABLE a RENAME TO c;"
        "ALTER TABLE c RENAME b TO d; ALTER INDEX i RENAME TO j; ALTER TABLE c ADD CONSTRAINT k CHECK (d > '');"
        "ALTER TABLE c RENAME CONSTRAINT k TO l;",
        m002="ALTER TABLE c ALTER d TYPE text; ALTER TABLE c ALTER d SET NOT NULL;",
    )
    assert [one.what for one in counting(report)] == [
        "The new type of c.d leaves the rows as they are, but rebuilds j and checks all rows against l again."
    ]


def test_what_is_dropped_is_forgotten(tmp_path: Path) -> None:
    sql = "CREATE TABLE v (a json, b char(3)); CREATE INDEX i ON v (b); ALTER TABLE v DROP b; CREATE TABLE w (a json); DROP TABLE w;"
    advice = [one.what for one in look(tmp_path, m001=sql).findings if one.rule.name.startswith("prefer")]
    assert advice == ["v.a is json; jsonb serves better."]


def test_names_in_another_schema_are_other_tables(tmp_path: Path) -> None:
    report = look(
        tmp_path, m001=AGENTS, m002="CREATE TABLE crm.agents (a int); DROP TABLE crm.agents; DROP TABLE public.agents;"
    )
    assert [one.what for one in counting(report)] == ["The table public.agents is dropped."]


def test_names_that_need_quotes_get_them_in_the_safe_way(tmp_path: Path) -> None:
    report = look(tmp_path, m001='CREATE TABLE "Odd One" ("order" int);', m002='CREATE INDEX ON "Odd One" ("order");')
    assert (
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS "idx_Odd One_order" ON "Odd One" ("order");'
        in counting(report)[0].safe
    )


def test_the_name_that_an_index_is_given_is_quoted_where_it_must_be(tmp_path: Path) -> None:
    report = look(tmp_path, m001='CREATE TABLE "Odd One" ("order" int);', m002='CREATE INDEX ON "Odd One" ("order");')
    [unnamed] = [finding for finding in report.findings if finding.rule.name == "name-index"]
    assert unnamed.what == 'The index on "Odd One" has no name: CREATE INDEX "idx_Odd One_order" ON …'


# ---- waivers


@pytest.mark.parametrize(
    "sql",
    [
        "-- lint: allow drop-table because nobody uses it\nDROP TABLE agents;",
        "DROP TABLE agents; -- lint: allow drop-table because nobody uses it",
        "--lint:allow drop-table because nobody uses it\nDROP TABLE agents;",
        "-- lint: allow drop-table because nobody uses it\n-- since March\nDROP TABLE agents;",
        "-- lint: allow drop-table, drop-cascade because nobody uses it\nDROP TABLE agents CASCADE;",
        "-- lint: allow drop-cascade because nothing depends on it\n-- lint: allow drop-table because of that\r\nDROP TABLE agents CASCADE;",
        "DO $$ BEGIN\n    -- lint: allow drop-table because nobody uses it\n    DROP TABLE agents;\nEND $$;",
        "-- lint: allow drop-table because nobody uses it\nDO $$ BEGIN\n    DROP TABLE agents;\nEND $$;",
    ],
)  # fmt: skip
def test_a_waiver_with_a_reason_excuses_what_is_on_its_line_or_below(tmp_path: Path, sql: str) -> None:
    report = look(tmp_path, m001=AGENTS, m002=sql)
    assert (names(report), report.exit_code()) == ([], 0)
    assert report.waived[0].rule.name in ("drop-table", "drop-cascade")
    assert report.waived[0].waived_because


def test_a_waiver_above_a_statement_excuses_all_its_commands(tmp_path: Path) -> None:
    sql = "-- lint: allow drop-column because no code names them\nALTER TABLE agents\n    DROP COLUMN name,\n    DROP COLUMN x;"
    report = look(tmp_path, m001=AGENTS, m002=sql)
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
def test_a_waiver_that_says_nothing_or_excuses_nothing_is_a_finding(
    tmp_path: Path, sql: str, expected: list[str]
) -> None:
    report = look(tmp_path, m001=AGENTS, m002=sql)
    assert names(report) == expected
    assert report.exit_code() == bool(expected)


def test_a_misspelt_rule_is_guessed_at(tmp_path: Path) -> None:
    report = look(tmp_path, m001=AGENTS, m002="-- lint: allow drop-tabel because x\nDROP TABLE agents;")
    assert counting(report)[0].what == "There is no rule drop-tabel; drop-table is the one that sounds like it."


def test_advice_about_the_whole_history_can_be_waived_where_it_arises(tmp_path: Path) -> None:
    sql = "CREATE TABLE v (\n    -- lint: allow prefer-jsonb because the order of keys matters\n    a json,\n    b json\n);"
    report = look(tmp_path, m001=sql)
    assert [one.what for one in report.waived] == ["v.a is json; jsonb serves better."]
    assert "v.b is json; jsonb serves better." in [one.what for one in report.findings]


# ---- the report


def test_the_text_shows_line_caret_reason_and_safe_way(tmp_path: Path) -> None:
    text = look(tmp_path, m001=AGENTS, m002="SELECT 1;\nALTER TABLE agents\n\tADD CHECK (name <> '');").text()
    assert text.startswith(
        "002_m.sql:3:2  unsafe  add-check\n"
        "  3 | \tADD CHECK (name <> '');\n"
        "    | \t^\n"
        "  what  The check agents_name_check on agents is checked at once.\n"
        "  why   Every row is read to check it while the table is locked against reads and writes (ACCESS EXCLUSIVE);\n"
    )
    assert (
        "  safe  ALTER TABLE agents ADD CONSTRAINT agents_name_check CHECK (name <> '') NOT VALID;\n"
        "        -- the next file:\n"
        "        ALTER TABLE agents VALIDATE CONSTRAINT agents_name_check;\n"
    ) in text
    assert text.endswith("❌ 2 migrations looked through: 1 unsafe, 4 pieces of advice.")


def test_a_reason_is_given_once_a_file(tmp_path: Path) -> None:
    text = look(
        tmp_path, m001=AGENTS, m002="ALTER TABLE agents DROP COLUMN a;\nALTER TABLE agents DROP COLUMN b;"
    ).text()
    assert text.count("Its values are gone for good") == 1
    assert "  why   as at 002_m.sql:1:20\n" in text


def test_advice_takes_a_line_each_in_columns(tmp_path: Path) -> None:
    lines = look(tmp_path, m001=AGENTS).text().splitlines()
    assert lines[0].startswith("001_m.sql:1:1  advice  header-comment  Its header lacks")
    assert lines[1].startswith("001_m.sql:1:1  advice  self-record     It does not record itself")
    assert lines[-1] == "✅ 1 migration looked through: nothing unsafe; 2 pieces of advice."


def test_the_same_advice_on_several_files_is_one_line_with_the_files(tmp_path: Path) -> None:
    files = {f"m{number:03d}": f"CREATE TABLE t{number} (i int);" for number in range(1, 13)}
    lines = look(tmp_path, **files).text().splitlines()
    folded = [line for line in lines if line.startswith("12 files")]
    assert [line.split()[3] for line in folded] == ["header-comment", "self-record"]
    assert folded[1].endswith("  It does not record itself in schema_migrations.")
    listed = lines[lines.index(folded[1]) + 1 : -2]
    assert " ".join(" ".join(listed).split()) == ", ".join(f"{number:03d}_m.sql" for number in range(1, 13))
    assert max(len(line) for line in listed) <= 100
    assert sum("has no primary key" in line for line in lines) == 12, "what differs keeps its own line"


def test_the_same_advice_twice_in_one_file_keeps_both_places(tmp_path: Path) -> None:
    report = look(
        tmp_path, m001="SELECT set_config('search_path', '', false);\nSELECT set_config('search_path', '', false);"
    )
    told = [line.split()[0] for line in report.text().splitlines() if "set-search-path" in line]
    assert told == ["001_m.sql:1:1", "001_m.sql:2:1"]


def test_colours_are_there_only_when_asked_for(tmp_path: Path) -> None:
    report = look(tmp_path, m001=AGENTS, m002="DROP TABLE agents;")
    assert "\x1b[" not in report.text()
    assert "\x1b[1;33munsafe\x1b[0m" in report.text(colour=True)


def test_json_has_everything_the_text_has(tmp_path: Path) -> None:
    sql = "-- lint: allow drop-column because it was never used\nALTER TABLE agents DROP name;\nDROP TABLE agents;"
    found = json.loads(json.dumps(look(tmp_path, m001=AGENTS, m002=sql).as_json()))
    assert {key: found[key] for key in ("files", "errors", "unsafe")} == {"files": 2, "errors": 0, "unsafe": 1}
    (dropped,) = [one for one in found["findings"] if one["severity"] == "unsafe"]
    assert (dropped["file"], dropped["line"], dropped["column"], dropped["rule"]) == ("002_m.sql", 3, 1, "drop-table")
    assert dropped["why"]
    assert dropped["safe"]
    assert found["waived"][0]["waived_because"] == "it was never used"


def test_rule_names_are_words_with_dashes() -> None:
    assert all(name.replace("-", "").isalpha() and name.islower() for name in RULES)


def calls_to_lint(folder: Path, files: int) -> int:
    """Lint a new folder with so many files and return how many functions that called."""
    folder.mkdir()
    for number in range(1, files + 1):
        (folder / f"{number:03d}_step.sql").write_text(
            f"-- Migration {number:03d}: step\n-- Purpose: é\n-- Created: 2026-11-22\n"
            f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text);\nCREATE INDEX i{number} ON t{number} (name);\n"
        )
    with cProfile.Profile() as profile:
        report = lint_directory(folder)
    assert report.exit_code() == 0
    return sum(entry.callcount for entry in profile.getstats())


def test_a_thousand_files_take_seconds(tmp_path: Path) -> None:
    few, many = (calls_to_lint(tmp_path / str(files), files) for files in (100, 1000))
    assert many < 11 * few, "ten times the files are about ten times the work"
