"""Files are discovered, ordered and checksummed before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.files import checksum_of, find_files
from peterental.database.migrations.sql.comments import header_end

FILL = "add what is missing, or renumber the later files if no database has them yet"


def folder_of(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_text("SELECT 1;")
    return path


def problems_of(path: Path) -> str:
    with pytest.raises(MigrationFilesError) as caught:
        find_files(path)
    return str(caught.value)


def test_files_are_ordered_by_number(tmp_path: Path) -> None:
    names = [f"{number:03d}_step_{number}.sql" for number in range(1, 13)]
    folder_of(tmp_path, *reversed(names))
    files = find_files(tmp_path)
    assert [file.path.name for file in files] == names
    assert [file.version for file in files] == list(range(1, 13))
    assert files[0].description == "step 1"


def test_numbers_past_999_follow_999(tmp_path: Path) -> None:
    folder_of(tmp_path, *(f"{number:03d}_x.sql" for number in range(1, 1003)))
    assert find_files(tmp_path)[-1].version == 1002


def test_other_files_are_ignored(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a.sql", "001_a.down.sql", "README.md", ".002_b.sql.swp", ".hidden.sql", "003_c.txt")
    assert [file.version for file in find_files(tmp_path)] == [1]


def test_an_empty_folder_has_no_migrations(tmp_path: Path) -> None:
    assert find_files(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "1_a.sql",
        "01_a.sql",
        "abc.sql",
        "001-a.sql",
        "001_.sql",
        "001.sql",
        "x001_a.sql",
        "002_b.SQL",
        "\u0660\u0660\u0661_a.sql",
    ],
)
def test_misnamed_file_is_an_error(tmp_path: Path, name: str) -> None:
    folder_of(tmp_path, name)
    assert problems_of(tmp_path) == f"{name} is not named like 001_create_tables.sql"


@pytest.mark.parametrize("name", ["000_a.sql", "2147483648_a.sql"])
def test_number_above_integer_range_is_an_error(tmp_path: Path, name: str) -> None:
    folder_of(tmp_path, name)
    assert f"{name} has a number outside 1 to 2147483647" in problems_of(tmp_path)


def test_gap_in_the_numbers_is_an_error(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a.sql", "003_c.sql", "007_g.sql")
    assert problems_of(tmp_path) == (
        f"migration 002 is missing before 003_c.sql;\n  migrations 004 to 006 are missing before 007_g.sql; {FILL}"
    )


def test_sequence_must_begin_at_one(tmp_path: Path) -> None:
    folder_of(tmp_path, "002_b.sql")
    assert problems_of(tmp_path) == f"migration 001 is missing before 002_b.sql; {FILL}"


def test_duplicate_number_names_both_files(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a.sql", "0001_b.sql")
    assert problems_of(tmp_path) == (
        "0001_b.sql and 001_a.sql have the same number 001; give the next free number to the one that no database has yet"
    )


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    advice = "name it with --directory or MIGRATIONS_DIR"
    assert problems_of(tmp_path / "nowhere") == f"there is no migrations folder {tmp_path / 'nowhere'}; {advice}"


def test_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot read the migrations folder" in problems_of(tmp_path / "file")


def test_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_bytes(b"SELECT '\xff';")
    with pytest.raises(MigrationFilesError, match=r"001_a.sql is not UTF-8 \(byte 9\)"):
        find_files(tmp_path)[0].text()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "001_a.sql").write_bytes(
        ("" if encoding == "utf-16" else "\ufeff").encode(encoding) + "SELECT 1;".encode(encoding)
    )
    with pytest.raises(MigrationFilesError, match=r"001_a.sql is UTF-16, as PowerShell writes; save it as UTF-8"):
        find_files(tmp_path)[0].text()


def test_deleted_file_is_an_error(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a.sql")
    file = find_files(tmp_path)[0]
    file.path.unlink()
    with pytest.raises(MigrationFilesError, match="No such file"):
        file.text()


def test_byte_order_mark_is_removed(tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;")
    assert find_files(tmp_path)[0].text() == "SELECT 1;"


def test_down_path_is_beside_the_file(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a.sql")
    assert find_files(tmp_path)[0].down_path == tmp_path / "001_a.down.sql"


@pytest.mark.parametrize(
    "text", ["SELECT 1;\r\nSELECT 2;\r\n", "SELECT 1;  \nSELECT 2;\t\n\n\n", "SELECT 1;\rSELECT 2;"]
)
def test_checksums_ignore_line_endings_and_trailing_space(text: str) -> None:
    assert checksum_of(text) == checksum_of("SELECT 1;\nSELECT 2;")


@pytest.mark.parametrize(
    "text", ["SELECT 1;\nSELECT 3;", "SELECT 1; SELECT 2;", "  SELECT 1;\nSELECT 2;", "select 1;\nSELECT 2;"]
)
def test_checksums_include_everything_else(text: str) -> None:
    assert checksum_of(text) != checksum_of("SELECT 1;\nSELECT 2;")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("SELECT 1", "SELECT 1"),
        ("-- a\n  /* b /* nested */ c */ ;; SELECT 1", "SELECT 1"),
        ("-- only words", ""),
        ("/* never ends SELECT 1", ""),
        ("", ""),
        ("- 1", "- 1"),
        ("\r\n\t-- a\r\nSELECT 1", "SELECT 1"),
    ],
)
def test_header_ends_at_the_first_statement(text: str, rest: str) -> None:
    assert text[header_end(text) :] == rest


def test_header_scan_is_linear() -> None:
    text = "/* a */ -- b */\n" * 20_000
    assert header_end(text) == len(text)


def test_line_end_in_a_file_name_is_escaped(tmp_path: Path) -> None:
    folder_of(tmp_path, "001_a\nb.sql")
    assert problems_of(tmp_path) == r"001_a\nb.sql is not named like 001_create_tables.sql"


# --- names of other tools ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ("V1__init.sql", "V2_1__more.sql", "U1__init.sql", "R__views.sql"),
            "R__views.sql is named like a file of Flyway, and so are 3 others; name it 001_name.sql, or 001_name.down.sql if it undoes that, or convert its folder: flask db-import FOLDER --from flyway",
        ),
        (("001_init.up.sql", "001_init.down.sql"), "001_init.up.sql is named like a file of golang-migrate;"),
        (("20240101120000_init.up.sql",), "20240101120000_init.up.sql is named like a file of sqlx;"),
        (
            ("20240101120000_init.sql", "20240102_x.sql"),
            "20240101120000_init.sql is named like a file of goose, dbmate or another tool that numbers files by time, and so is one other;",
        ),
        (("up.sql", "down.sql"), "down.sql is named like a file of diesel, and so is one other;"),
    ],
)
def test_names_of_other_tools_are_recognised(tmp_path: Path, names: tuple[str, ...], problem: str) -> None:
    folder_of(tmp_path, *names)
    assert problems_of(tmp_path).startswith(problem)


def test_diesel_folders_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for name in ("2024-01-01-120000_posts", "2024-01-02-120000_users"):
        (tmp_path / name).mkdir()
        folder_of(tmp_path / name, "up.sql", "down.sql")
    assert problems_of(tmp_path).startswith(
        "2024-01-01-120000_posts/up.sql is named like a file of diesel, and so is one other;"
    )


def test_marker_names_the_tool_of_a_timestamped_file(tmp_path: Path) -> None:
    (tmp_path / "20240101120000_a.sql").write_text("\n-- migrate:up\nCREATE TABLE a (i int);\n")
    (tmp_path / "20240102120000_b.sql").write_text("-- migrate:up\n")
    assert problems_of(tmp_path).startswith(
        "20240101120000_a.sql:2: this is a dbmate file (“-- migrate:up”), and so is one other; split it into"
    )


def test_unreadable_file_with_a_foreign_name_is_reported(tmp_path: Path) -> None:
    (tmp_path / "V1__a.sql").mkdir()
    assert problems_of(tmp_path).startswith("V1__a.sql is named like a file of Flyway;")
