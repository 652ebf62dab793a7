"""What every import does: refusals, transactions, code among the SQL, and writing all files or none."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from peterental.database.migrations.importing import importer
from peterental.database.migrations.importing.importer import import_folder
from peterental.database.migrations.importing.model import ImportRefused
from tests.conftest import PROJECT_DIR
from tests.database.migrations.importing.conftest import Import, Imported
from tests.database.migrations.importing.tool_folders import EXAMPLES, Example, write_files

GOOSE = "-- +goose Up\n"


def golang(imported: Import, up: str, down: str = "SELECT 1;") -> Imported:
    return imported("golang-migrate", {"1_a.up.sql": up, "1_a.down.sql": down})


# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.tool)
def test_wrong_tool_is_refused_and_the_right_one_named(imported: Import, example: Example) -> None:
    wrong = "goose" if example.tool != "goose" else "dbmate"
    with pytest.raises(ImportRefused) as refused:
        imported(wrong, example.files)
    assert f"does not look like a folder of {wrong}" in str(refused.value)
    assert f"--from {example.tool}" in str(refused.value).partition("; try ")[2]


def test_mixed_tools_are_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported("goose", {"1_a.sql": GOOSE + "SELECT 1;", "2_b.sql": "-- migrate:up\nSELECT 2;"})
    assert str(refused.value) == (
        "Nothing was imported: the folder mixes tools: 1_a.sql fits goose, but 2_b.sql is a file of dbmate; move one kind"
        " into a folder of its own."
    )


@pytest.mark.parametrize("tool", ["goose", "alembic-sql"])
def test_folder_without_migrations_is_refused(imported: Import, tool: str) -> None:
    with pytest.raises(ImportRefused, match=f"no migration of {tool} is in .*theirs: {tool} has "):
        imported(tool, {"README.md": ""})


def test_empty_and_missing_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".git").mkdir(parents=True)
    with pytest.raises(ImportRefused, match="the folder .*empty is empty"):
        import_folder(tmp_path / "empty", "goose", tmp_path / "ours")
    with pytest.raises(ImportRefused, match="there is no folder .*nowhere"):
        import_folder(tmp_path / "nowhere", "goose", tmp_path / "ours")


def test_folder_that_cannot_be_listed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imported: Import
) -> None:
    def walk(path: Path, onerror: Callable[[OSError], None]) -> list[object]:
        onerror(OSError(errno.EACCES, "Permission denied", str(path)))
        return []

    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(ImportRefused, match=f"cannot read {tmp_path}/theirs: Permission denied"):
        imported("goose", {"1_a.sql": GOOSE})


def test_folder_above_the_migrations_is_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="theirs itself has no migrations; import .*theirs/db instead"):
        imported("goose", {"db/1_a.sql": GOOSE + "SELECT 1;"})


@pytest.mark.parametrize("version", ["2", "02"])
def test_duplicate_versions_are_refused(imported: Import, version: str) -> None:
    files = {"2_a.sql": GOOSE + "SELECT 1;", f"{version}_b.sql": GOOSE + "SELECT 2;"}
    with pytest.raises(
        ImportRefused,
        match=f"2_a.sql and {version}_b.sql have the same version 2; renumber one|{version}_b.sql and 2_a.sql have",
    ):
        imported("goose", files)


def test_duplicate_pairs_are_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="002_b.up.sql and 2_a.up.sql have the same version 2; renumber one"):
        imported("golang-migrate", {"2_a.up.sql": "SELECT 1;", "002_b.up.sql": "SELECT 1;"})


def test_folder_without_sql_is_refused(imported: Import) -> None:
    with pytest.raises(ImportRefused, match="the migrations in .* have no SQL"):
        imported("goose", {"1_a.sql": GOOSE + "-- nothing\n"})


def test_other_encoding_keeps_its_number_free(imported: Import) -> None:
    files = {"1_a.sql": (GOOSE + "SELECT 'é';").encode("latin-1"), "2_b.sql": GOOSE + "SELECT 2;"}
    found = imported("goose", files)
    assert found.names == ["002_b.sql"]
    assert "001  1_a.sql is not UTF-8 (byte 22); convert it to UTF-8 first: 001_a.sql is left out" in found.text


def test_file_that_cannot_be_read_keeps_its_number_free(imported: Import) -> None:
    found = imported(
        "diesel", {"1_a/up.sql": b"SELECT '\xe9';", "2_b/up.sql": b"SELECT '\0';", "3_c/up.sql": "SELECT 3;"}
    )
    assert found.names == ["003_c.sql"]
    assert "001  1_a/up.sql is not UTF-8 (byte 9); convert it to UTF-8 first: 001_a.sql is left out" in found.text
    assert "002  2_b/up.sql has a NUL character (byte 9), which SQL cannot hold: 002_b.sql is left out" in found.text


def test_other_encoding_of_a_pair_keeps_its_number_free(imported: Import) -> None:
    files = {"1_a.up.sql": b"SELECT '\xe9';", "1_a.down.sql": "SELECT 1;", "2_b.up.sql": "SELECT 2;"}
    assert imported("golang-migrate", files).names == ["002_b.sql"]


# --- migrations in a programming language -------------------------------------------------------------------------------


def test_code_keeps_its_place_and_is_reported(imported: Import) -> None:
    files = {
        "1_a.sql": GOOSE + "SELECT 1;",
        "2_seed.go": "package m",
        "2_seed_test.go": "package m",
        "embed.go": "package m",
        "3_c.sql": GOOSE + "SELECT 3;",
    }
    found = imported("goose", files)
    assert found.names == ["001_a.sql", "003_c.sql"]
    assert "2_seed.go  →  002 is left out" in found.text
    assert "002  2_seed.go is Go: 002_seed.sql is left out; write it yourself" in found.text
    assert "Left alone:\n  2_seed_test.go\n  embed.go" in found.text
    assert "⚠️  Imported 2 of 3 migrations from goose" in found.text


def test_report_is_the_one_in_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = (
        "-- +goose NO TRANSACTION\n"
        + GOOSE
        + "CREATE INDEX CONCURRENTLY i ON users (id);\n-- +goose Down\nDROP INDEX i;"
    )
    both = GOOSE + "SELECT 1;\n-- +goose Down\nSELECT 1;"
    files = {"00001_users.sql": both, "00002_index_users.sql": index, "00004_seed.go": "", "00005_roles.sql": both}
    write_files(tmp_path / "db" / "migrations", files)
    monkeypatch.chdir(tmp_path)
    report = import_folder(Path("db/migrations"), "goose", Path("migrations"))
    guide = (PROJECT_DIR / "docs" / "coming-from.md").read_text(encoding="utf-8")
    assert f"```text\n{report.text()}\n```" in guide


def test_pairs_of_code_are_one_migration(imported: Import) -> None:
    files = {
        "1_a.up.sql": "SELECT 1;",
        "1_a.down.go": "",
        "2_b.up.go": "",
        "2_b.down.go": "",
        "3_c.down.go": "",
    }
    found = imported("golang-migrate", files)
    assert found.text.splitlines()[:2] == ["1_a.up.sql  →  001_a.sql", "2_b.up.go   →  002 is left out"]
    assert "001  1_a.down.go: the down part is Go: write it as SQL in the down file" in found.text
    assert "3_c.down.go: undoes a migration that is not there: it was left out" in found.text


def test_code_of_another_kind_is_named(imported: Import) -> None:
    found = imported("node-pg-migrate", {"1_a.sql": "-- Up Migration\nSELECT 1;", "2_b.ts": "", "2_b.d.ts": ""})
    assert "002  2_b.ts is TypeScript" in found.text


# --- changes of the SQL -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "SELECT 1;\n"),
        ("-- why\nbegin transaction;\n\nSELECT 1;\n\nEND;\n-- end\n", "-- why\n\nSELECT 1;\n\n-- end\n"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT WORK;", " SELECT 1; \n"),
        ("BEGIN;SAVEPOINT s;SELECT 1;ROLLBACK TO s;COMMIT", "SAVEPOINT s;SELECT 1;ROLLBACK TO s;\n"),
    ],
)
def test_transaction_around_the_file_is_removed(imported: Import, text: str, kept: str) -> None:
    found = golang(imported, text, text)
    assert found.sql("001_a.sql") == kept
    assert found.sql("001_a.down.sql") == kept
    assert "001: BEGIN and COMMIT around the file removed: each file is one transaction" in found.text
    assert found.report.complete


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN; SELECT 1; COMMIT; VACUUM;",
        "BEGIN; SELECT 1; BEGIN; SELECT 2; COMMIT; COMMIT;",
        "SELECT 1; COMMIT; SELECT 2;",
        "BEGIN; SELECT 1; ROLLBACK; SELECT 2; COMMIT;",
        "BEGIN; SELECT 1;",
    ],
)
def test_other_transaction_control_is_reported(imported: Import, text: str) -> None:
    found = golang(imported, text)
    assert found.sql("001_a.sql") == text + "\n"
    assert re.search(
        r"001_a\.sql:[45]: \w+ (?:would break the file's transaction|has no place in a no-transaction file)", found.text
    )
    assert not found.report.complete


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n", "SELECT 1;\nSELECT 2;\n"),
        ("SELECT 1;\nBEGIN;\nSELECT 2;\nEND;\nSELECT 3;\n", "SELECT 1;\nSELECT 2;\nSELECT 3;\n"),
    ],
)
def test_several_transactions_become_one(imported: Import, text: str, kept: str) -> None:
    found = golang(imported, text, text)
    assert (found.sql("001_a.sql"), found.sql("001_a.down.sql")) == (kept, kept)
    assert "001: BEGIN and COMMIT in the file removed: each file is one transaction" in found.text
    assert found.report.complete


def test_several_transactions_of_an_unsafe_file_are_reported(imported: Import) -> None:
    found = imported("sqlx", {"1_a.sql": "-- no-transaction\nBEGIN; SELECT 1; COMMIT; SELECT 2;"})
    assert found.is_no_transaction("001_a.sql")
    assert not found.report.complete


def test_transaction_without_statements_is_no_migration(imported: Import) -> None:
    found = imported("golang-migrate", {"1_a.up.sql": "BEGIN;\n-- later\nCOMMIT;", "2_b.up.sql": "SELECT 1;"})
    assert found.names == ["001_b.sql"]
    assert "has no SQL: it was left out" in found.text


def test_whole_transaction_turns_no_transaction_off(imported: Import) -> None:
    found = imported("sqlx", {"1_a.sql": "-- no-transaction\nBEGIN;\nSELECT 1;\nCOMMIT;"})
    assert not found.is_no_transaction("001_a.sql")


@pytest.mark.parametrize(
    ("sql", "outside"),
    [
        ("CREATE INDEX CONCURRENTLY i ON a (i);", True),
        ("DROP INDEX CONCURRENTLY i;", True),
        ("REINDEX TABLE CONCURRENTLY a;", True),
        ("REINDEX DATABASE d;", True),
        ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY;", True),
        ("VACUUM a;", True),
        ("CREATE DATABASE d;", True),
        ("ALTER SYSTEM SET work_mem TO '1MB';", True),
        ("DO $$ BEGIN UPDATE a SET i = 1; COMMIT; END $$;", True),
        ("DO $$ BEGIN RAISE NOTICE 'COMMIT'; END $$;", False),
        ("REINDEX TABLE a;", False),
        ("ANALYZE a;", False),
        ("DROP TABLE a;", False),
        ("ALTER TABLE a DETACH PARTITION b;", False),
        ("ALTER TABLE a ADD COLUMN vacuum text;", False),
        ("SELECT 'CREATE INDEX CONCURRENTLY';", False),
        ("CREATE INDEX CONCURRENTLY a WRONG;", False),
    ],
)
def test_statement_that_needs_it_turns_the_transaction_off(imported: Import, sql: str, *, outside: bool) -> None:
    found = golang(imported, sql, sql)
    assert found.is_no_transaction("001_a.sql") is outside
    assert found.is_no_transaction("001_a.down.sql") is outside


def test_down_part_of_an_unsafe_file_keeps_its_transaction(imported: Import) -> None:
    found = imported(
        "dbmate", {"1_a.sql": "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down transaction:false\nSELECT 1;"}
    )
    assert found.is_no_transaction("001_a.sql")
    assert not found.is_no_transaction("001_a.down.sql")


def test_statements_on_the_other_ledger_are_removed(imported: Import) -> None:
    up = (
        "DROP TABLE IF EXISTS public.schema_migrations;\nCREATE TABLE a (schema_migrations int);\n"
        'INSERT INTO "schema_migrations" VALUES (1);\nDROP TABLE schema_migrations_old;\n'
    )
    found = golang(imported, up, "CREATE TABLE schema_migrations (version text);")
    assert found.sql("001_a.sql") == "CREATE TABLE a (schema_migrations int);\nDROP TABLE schema_migrations_old;\n"
    assert found.names == ["001_a.sql"]
    assert "001: statements on the table schema_migrations removed" in found.text


@pytest.mark.parametrize(
    ("tool", "file_name", "table"),
    [
        ("sqlx", "1_a.sql", "_sqlx_migrations"),
        ("flyway", "V1__a.sql", "flyway_schema_history"),
        ("prisma", "20240131120000_a/migration.sql", "_prisma_migrations"),
        ("diesel", "2024-01-31-120000_a/up.sql", "__diesel_schema_migrations"),
    ],
)
def test_statements_on_the_tool_s_own_ledger_are_removed(
    imported: Import, tool: str, file_name: str, table: str
) -> None:
    text = f'CREATE TABLE a (i int);\nDELETE FROM public."{table}"\nWHERE version = 3;\nDROP TABLE {table}_old;\n'
    found = imported(tool, {file_name: text})
    assert found.sql("001_a.sql") == f"CREATE TABLE a (i int);\nDROP TABLE {table}_old;\n"
    assert f"001: statements on the table {table} removed: it is the ledger of {tool}, which is not there" in found.text


def test_session_settings_are_mentioned(imported: Import) -> None:
    found = golang(imported, "SET search_path = x; SET LOCAL a.b TO 1; SELECT set_config('c.d', '', false);")
    assert "001: SET search_path, c.d ends with its file" in found.text
    assert found.report.complete


def test_up_part_without_sql_is_left_out(imported: Import) -> None:
    files = {
        "1_a.up.sql": "-- nothing",
        "2_b.up.sql": "SELECT 2;",
        "3_c.up.sql": "-- none",
        "3_c.down.sql": "SELECT 3;",
    }
    found = imported("golang-migrate", files)
    assert found.names == ["001_b.sql", "002_c.down.sql", "002_c.sql"]
    assert "1_a.up.sql: has no SQL: it was left out" in found.text
    assert "002: only its down part has SQL: SELECT 1 stands for the up part" in found.text
    assert found.report.complete


@pytest.mark.parametrize(
    "sql",
    ["\\restrict abc\nSELECT 1;", "COPY a FROM stdin;\n1\n\\.\n", "SELEC 1;", "SELECT pg_advisory_unlock_all();"],
)
def test_what_the_runner_refuses_is_reported(imported: Import, sql: str) -> None:
    found = golang(imported, sql)
    assert "Not carried over:\n  001_a.sql:4: " in found.text
    assert sql in found.whole("001_a.sql")


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_files(tmp_path / "theirs", {"1_a.sql": GOOSE + "SELECT 1;", "2_b.sql": GOOSE + "SELECT 2;"})
    return tmp_path / "theirs"


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_with_files_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / ".keep").touch()
    with pytest.raises(ImportRefused, match=r"ours is not empty \(it has .keep\); name a new folder with --into"):
        import_folder(source, "goose", tmp_path / "ours")
    with pytest.raises(ImportRefused, match="theirs is not empty"):
        import_folder(source, "goose", source)
    assert entries(tmp_path) == ["ours", "theirs"]
    assert entries(tmp_path / "ours") == [".keep"]


def test_file_or_missing_parent_as_target_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="1_a.sql is not a folder"):
        import_folder(source, "goose", source / "1_a.sql")
    with pytest.raises(ImportRefused, match="there is no folder .*nowhere for ours"):
        import_folder(source, "goose", tmp_path / "nowhere" / "ours")


def test_target_that_cannot_be_read_is_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    (tmp_path / "ours").mkdir()
    monkeypatch.setattr(Path, "iterdir", fail)
    with pytest.raises(ImportRefused, match="cannot read .*ours: Permission denied"):
        import_folder(source, "goose", tmp_path / "ours")


def test_empty_target_is_used(source: Path, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    import_folder(source, "goose", tmp_path / "ours")
    assert entries(tmp_path / "ours") == ["001_a.sql", "002_b.sql"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_stopped_import_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    written: list[str] = []
    write_bytes = Path.write_bytes

    def fail_at_second(path: Path, data: bytes) -> int:
        written.append(path.name)
        if len(written) > 1:
            raise error
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_at_second)
    expected = ImportRefused if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        import_folder(source, "goose", tmp_path / "ours")
    assert written == ["001_a.sql", "002_b.sql"]
    assert entries(tmp_path) == ["theirs"]
    if expected is ImportRefused:
        assert str(caught.value).endswith("/ours: No space left on device.")


def test_killed_import_is_repeated_from_the_start(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object) -> None:
        assert entries(tmp_path) == [".ours.importing", "theirs"]  # a kill here leaves only a hidden folder
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(importer, "_report_refusals", kill)
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            import_folder(source, "goose", tmp_path / "ours")
    import_folder(source, "goose", tmp_path / "ours")
    assert entries(tmp_path) == ["ours", "theirs"]


def test_long_and_foreign_names_become_file_names(imported: Import) -> None:
    found = imported("goose", {f"1_{'ä' * 120}.sql": GOOSE + "SELECT 1;", "2_Größe (neu).sql": GOOSE + "SELECT 2;"})
    assert found.names == [f"001_{'ä' * 75}.sql", "002_größe_neu.sql"]


def test_many_other_files_are_counted(imported: Import) -> None:
    found = imported("goose", {"1_a.sql": GOOSE + "SELECT 1;", **{f"note{n:02d}.md": "" for n in range(13)}})
    assert found.text.count("note") == 10
    assert "  and 3 more\n" in found.text
