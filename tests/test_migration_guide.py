"""The migration guide is true: its SQL lints clean and runs on a table with rows, its messages are ours, its Python runs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.new import slug_of
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.lint import Severity, lint_directory
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import until

GUIDE = (PROJECT_DIR / "docs" / "migrations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"-- Migration (\d{3}): (.+)\n")
BAD = "-- Not like this\n"
UNDO = "-- Undo "

# What the recipes promise to leave alone: a rewritten table has another file.
REWRITES = (
    "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('agents', 'appointments', 'users') ORDER BY relname"
)

# Modules whose every sentence the guide explains.
EXPLAINED = (
    "directives",
    "execution",
    "files",
    "history",
    "lock",
    "psql",
    "rollback",
    "run",
    "runner",
    "statements",
    "stepwise",
    "trouble",
)
WORDS_OF_A_SENTENCE = 4
WORDS_OF_A_PART = 3


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(GUIDE) if found == language]


def names(text: str) -> tuple[int, str]:
    match = FILE.match(text)
    assert match, text
    return int(match[1]), f"{match[1]}_{slug_of(match[2])}.sql"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """All migrations of the guide as one folder."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for text in blocks("sql"):
        if FILE.match(text):
            path = folder / names(text)[1]
            assert not path.exists(), path.name
            path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def rented(empty_database_url: str, history: Path) -> Iterator[psycopg.Connection]:
    """The tables the recipes start from, with rows in them."""
    MigrationRunner(empty_database_url, history).run_migrations(to=1)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO agents VALUES ('a', 'Ann', '1', '1 Elm', 'Norman'), ('b', 'Bo', NULL, '1 Elm', 'Norman')"
        )
        connection.execute(
            "INSERT INTO appointments (agent_id, start_time, attendee, attendee_email, fee, fax, status)"
            " SELECT 'a', now(), 'Caller ' || n, 'c@example.mx', n * 1.5, '', 'confirmed' FROM generate_series(1, 2500) n"
        )
        yield connection


# ---- SQL


def test_every_recipe_lints_without_an_unsafe_finding(history: Path) -> None:
    report = lint_directory(history)
    assert [one.what for one in report.findings if one.rule.severity is not Severity.ADVICE] == []
    assert report.exit_code() == 0


def test_the_example_of_everyday_work_has_no_finding_at_all(history: Path) -> None:
    name = next(path.name for path in history.iterdir() if path.name.startswith("002"))
    assert [one.what for one in lint_directory(history).findings if one.file_name == name] == []


def test_every_waiver_of_the_recipes_is_needed_and_says_why(history: Path) -> None:
    waived = lint_directory(history).waived
    assert (
        len(waived) == len(re.findall(r"^-- lint: allow", "".join(blocks("sql")), re.MULTILINE)) + 1
    )  # one waives two
    assert all(one.waived_because for one in waived)


def test_all_recipes_apply_in_order_on_tables_with_rows_and_rewrite_none(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    before = rented.execute(REWRITES).fetchall()
    count = len(list(history.iterdir()))
    assert MigrationRunner(empty_database_url, history).run_migrations() == count - 1
    assert rented.execute(REWRITES).fetchall() == before
    rows = rented.execute(
        "SELECT count(*), count(language), count(public_id), count(attendee_name), sum(fee_amount) FROM appointments"
    ).fetchone()
    assert rows is not None
    assert rows[:4] == (2500, 2500, 2500, 2500)
    assert int(rows[4]) == sum(n * 3 for n in range(1, 2501)) // 2
    offices = rented.execute("SELECT agent_id, street FROM agents JOIN offices USING (office_id) ORDER BY 1").fetchall()
    assert offices == [("a", "1 Elm"), ("b", "1 Elm")]


def test_after_the_rename_old_code_and_new_code_both_read_what_either_writes(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=11)
    told = "RETURNING attendee, attendee_name"
    insert = (
        "INSERT INTO appointments (agent_id, start_time, {}, fax, status, language)"
        " VALUES ('a', now(), 'Pat', '', 'confirmed', 'en')"
    )
    for column in ("attendee", "attendee_name"):
        assert rented.execute(f"{insert.format(column)} {told}".encode()).fetchall() == [("Pat", "Pat")]
        changed = rented.execute(f"UPDATE appointments SET {column} = 'Sam' WHERE id = 1 {told}".encode()).fetchall()
        assert changed == [("Sam", "Sam")]
        rented.execute("UPDATE appointments SET attendee = 'Caller 1' WHERE id = 1")


def test_after_the_type_change_old_code_and_new_code_both_read_what_either_writes(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=19)
    for column in ("fee", "fee_amount"):
        row = rented.execute(
            f"UPDATE appointments SET {column} = {column} + 1 WHERE id = 1"
            " RETURNING fee::numeric(10, 2) = fee_amount AND fee > 2".encode()
        ).fetchone()
        assert row == (True,)


def test_what_the_guide_warns_of_is_what_the_linter_finds(history: Path) -> None:
    bad = [text for text in blocks("sql") if text.startswith(BAD)]
    assert len(bad) >= 5
    for path in history.iterdir():
        if not path.name.startswith("001"):
            path.unlink()
    for text in bad:
        (history / "002_bad.sql").write_text(text, encoding="utf-8")
        unsafe = lint_directory(history).of(Severity.UNSAFE)
        assert {one.file_name for one in unsafe} == {"002_bad.sql"}, text


def test_the_other_queries_of_the_guide_run_on_its_ledger(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    queries = [text for text in blocks("sql") if not (FILE.match(text) or text.startswith((BAD, UNDO)))]
    assert len(queries) >= 3
    for query in queries:
        rented.execute(query.encode())


def test_the_ledger_has_the_columns_that_the_guide_lists(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    section = GUIDE.partition("### The ledger")[2].partition("### Checksums")[0]
    ledger, attempts = section.split("`schema_migration_attempts` has")
    for table, described in (("schema_migrations", ledger), ("schema_migration_attempts", attempts)):
        listed = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", described, re.MULTILINE)
        columns = {name for cell in listed for name in re.findall(r"`(\w+)`", cell)}
        found = rented.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,))
        assert columns == {name for (name,) in found}


def test_the_down_file_undoes_its_file(empty_database_url: str, history: Path, rented: psycopg.Connection) -> None:
    (text,) = (text for text in blocks("sql") if text.startswith(UNDO))
    up = next(path for path in history.iterdir() if path.name.startswith("002"))
    up.with_name(f"{up.stem}.down.sql").write_text(text, encoding="utf-8")
    assert f"`{up.stem}.down.sql`" in GUIDE
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    assert rollback(empty_database_url, history, to=1, confirm=lambda _names: True, report=print) == 1
    phone = "SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'phone'"
    assert rented.execute(phone).fetchall() == []


# ---- the document


def test_every_place_that_the_guide_points_to_is_there() -> None:
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", GUIDE), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors


# ---- Python


def test_the_python_of_the_guide_runs(empty_database_url: str) -> None:
    told = []
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=PROJECT_DIR,
            env=environment({"DATABASE_URL": empty_database_url}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert "✅ Migration 1: Create agent tables" in told[0]
    assert "Pending: []" in told[0]
    assert told[1].splitlines() == ["✅ Database connected", "✅ Database is up to date (no new migrations)"]


# ---- messages


def literal(node: ast.AST) -> str | None:
    """Give a string of the source with `…` for whatever is filled in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.partition("\n\n")[0]  # of an exception's docstring, its message
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    else:
        return None
    return flat(re.sub(r"\{[^{}]*\}|%s", "…", text))


def flat(text: str) -> str:
    return " ".join(text.split())


def strings_of(path: Path) -> Iterator[str]:
    """Give every string of a module, f-strings as a whole."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = literal(node)
        if text and id(node) not in parts:
            yield text


@pytest.fixture(scope="module")
def source() -> set[str]:
    return {text for path in (PROJECT_DIR / "peterental").glob("**/*.py") for text in strings_of(path)}


def says(source: set[str], message: str) -> bool:
    """Whether one of our strings is that message, or says it once its gaps are filled."""
    wanted = flat(message).strip("… ")
    if any(wanted in text for text in source):
        return True
    wanted = flat(message).removesuffix(".")
    patterns = (text.removesuffix(".") for text in source if len(re.findall(r"[A-Za-z]{2,}", text)) > 1)
    return any(re.fullmatch(re.escape(text).replace("…", ".+"), wanted) for text in patterns)


def parts_of(message: str) -> list[str]:
    """Give the sentences, or parts of them, that stand in a message whatever is filled in; the short ones left out."""
    parts = [part.strip(" :;,.()“”") for part in re.split(r"…|\. ", message)]
    return [part for part in parts if len(part.split()) >= WORDS_OF_A_PART]


def section(title: str) -> str:
    return GUIDE.partition(f"\n### {title}\n")[2].partition("\n#")[0]


def messages(text: str) -> list[str]:
    """Give the code spans of the first column of a section's table."""
    rows = re.findall(r"^\| ([^|]*`[^|]*) \|", text, re.MULTILINE)
    return [span for row in rows for span in re.findall(r"`([^`]+)`", row)]


def test_every_message_that_the_guide_explains_is_one_of_ours(source: set[str]) -> None:
    troubleshooting = GUIDE.partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    ours = messages(troubleshooting.replace(section("What PostgreSQL says"), ""))
    assert len(ours) > 50
    assert [message for message in ours if not says(source, message)] == []


def test_every_line_of_output_that_the_guide_shows_is_one_of_ours(source: set[str]) -> None:
    lines = [line.strip() for text in blocks("text") for line in text.splitlines()]
    shown = [line for line in lines if re.match(r"[✅❌⏳⚠️]+ \S+ [^ ]", line)]
    assert len(shown) > 10
    strange = []
    for line in shown:
        template = re.sub(r"\S+\.sql \(\d+ ms\)", "… (… ms)", line)
        without_mark_and_file = re.sub(r"^\S+ (\S+\.sql )?", "", line)
        if template not in source and not says(source, line) and not says(source, without_mark_and_file):
            strange.append(line)
    assert strange == []


def test_every_sentence_of_the_engine_is_explained() -> None:
    guide = flat(GUIDE)
    missing = []
    for name in EXPLAINED:
        path = PROJECT_DIR / "peterental" / "database" / "migrations" / f"{name}.py"
        documentation = documentation_of(path)
        for text in strings_of(path):
            words = re.findall(r"[A-Za-z']{2,}", text)
            if len(words) < WORDS_OF_A_SENTENCE or text in documentation or is_code(text):
                continue
            if parts_of(text) and not any(part in guide for part in parts_of(text)):
                missing.append(f"{name}: {text}")
    assert missing == []


def documentation_of(path: Path) -> set[str]:
    """Give the docstrings of a module, those below attributes included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (literal(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {text for text in found if text}


def is_code(text: str) -> bool:
    """Whether a string is for PostgreSQL or `re` rather than for people."""
    return bool(re.match(r"[A-Z]{2,} [A-Za-z]", text) or "\\" in text) and not text.startswith("COPY")


def test_every_kind_of_trouble_is_explained() -> None:
    guide = flat(GUIDE)
    missing = []
    for path in (PROJECT_DIR / "peterental" / "database" / "migrations").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or not {"EngineError", "MigrationError"} & bases(node):
                continue
            message = literal(ast.Constant(ast.get_docstring(node) or "")) or ""
            parts = parts_of(message)
            if parts and not any(part in guide for part in parts) and node.name != "MigrationError":  # base of the rest
                missing.append(f"{node.name}: {message}")
    assert missing == []


def bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


# What makes the server say each of its messages that the guide explains, where t has a double and a row.
SAYS = {
    "canceling statement due to statement timeout": "SET LOCAL statement_timeout TO 5; SELECT pg_sleep(1)",
    "relation … already exists": "CREATE TABLE t ()",
    "… cannot run inside a transaction block": "CREATE INDEX CONCURRENTLY i ON t (a)",
    "unsafe use of new value … of enum type …": "ALTER TYPE e ADD VALUE 'n'; SELECT 'n'::e",
    "could not create unique index …": "CREATE UNIQUE INDEX i ON t (a)",
    "column … contains null values": "ALTER TABLE t ADD b int NOT NULL",
}


def test_what_postgresql_is_quoted_with_is_what_it_says(empty_database_url: str) -> None:
    quoted = dict.fromkeys(messages(section("What PostgreSQL says")))
    said = {}
    with psycopg.connect(empty_database_url, autocommit=True) as one:
        one.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); CREATE TYPE e AS ENUM ('o')")
        for message, statement in SAYS.items():
            with pytest.raises(psycopg.Error) as caught:
                one.execute(f"BEGIN; {statement}; COMMIT".encode())
            one.execute("ROLLBACK")
            said[message] = caught.value.diag.message_primary or ""
        said |= quarrel(empty_database_url, one)
    assert said.keys() == quoted.keys()
    for message, text in said.items():
        assert re.search(re.escape(message.strip("… ")).replace("…", ".+"), text), text


def quarrel(url: str, one: psycopg.Connection) -> dict[str, str]:
    """Make two sessions wait for each other; give what the server says to the one that loses, whichever that is."""
    said = {}
    one.execute("CREATE TABLE u ()")
    with psycopg.connect(url) as other, ThreadPoolExecutor() as pool:
        other.execute("LOCK t")
        with pytest.raises(psycopg.errors.LockNotAvailable) as late:
            one.execute("BEGIN; SET LOCAL lock_timeout TO 5; LOCK t; COMMIT")
        said["canceling statement due to lock timeout"] = late.value.diag.message_primary or ""
        one.execute("ROLLBACK")
        one.execute("BEGIN; LOCK u")
        waiting = pool.submit(one.execute, "LOCK t")
        queue = "SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
        until(lambda: bool(other.execute(queue).fetchall()), "one waits for the other")
        deadlock: BaseException | None
        try:
            other.execute("LOCK u")
            deadlock = waiting.exception()
        except psycopg.errors.DeadlockDetected as error:  # where this one took long to get here, it looks last
            deadlock = error
            other.rollback()
        assert isinstance(deadlock, psycopg.errors.DeadlockDetected)
        said["deadlock detected"] = deadlock.diag.message_primary or ""
    one.execute("ROLLBACK")
    return said
