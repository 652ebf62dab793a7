"""docs/migrations.md is correct: its SQL lints and runs on tables with rows, its messages exist, its Python runs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.new import slug_of
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.ledger.backfills import BackfillState
from peterental.database.migrations.lint import Severity, lint_directory
from peterental.database.migrations.run import contract
from peterental.database.migrations.run.backfills import run_backfills
from tests.clocks import Ticking
from tests.gunicorn import PROJECT_DIR, environment
from tests.servers import until

pytestmark = pytest.mark.untraced

GUIDE = (PROJECT_DIR / "docs" / "migrations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"-- Migration (\d{3}): (.+)\n")
BAD_EXAMPLE = "-- Not like this\n"
DOWN_FILE = "-- Undo "

# A rewritten table gets another file on disk; the recipes must not rewrite these.
FILES_ON_DISK = (
    "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('agents', 'appointments', 'users') ORDER BY relname"
)

ENGINE = PROJECT_DIR / "peterental" / "database" / "migrations"

# Modules whose messages the guide must all explain.
EXPLAINED = (
    "commands/rollback",
    "ledger/foreign",
    "ledger/state",
    "run/executor",
    "run/non_transactional",
    "run/preflight",
    "run/runner",
    "session/advisory_lock",
    "session/engine_session",
    "session/execute",
    "source/checks",
    "source/directives",
    "source/files",
    "source/ledger_protection",
    "source/other_tools",
    "source/psql_syntax",
    "source/session_state",
    "source/statements",
)
ABSTRACT_ERRORS = frozenset({"EngineError", "MigrationError"})
ERRORS = ABSTRACT_ERRORS | {"MigrationFailed", "MigrationFilesError"}
MIN_WORDS_OF_A_MESSAGE = 4
MIN_WORDS_OF_A_PART = 3


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(GUIDE) if found == language]


def file_name(text: str) -> str:
    match = FILE.match(text)
    assert match, text
    return f"{match[1]}_{slug_of(match[2])}.sql"


@pytest.fixture(autouse=True)
def instant_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let contract files watch for older releases without taking real time."""
    monkeypatch.setattr(contract, "time", Ticking(step_s=0.0))


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """All migrations in the guide, in one folder."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for text in blocks("sql"):
        if FILE.match(text):
            path = folder / file_name(text)
            assert not path.exists(), path.name
            path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def rented(empty_database_url: str, history: Path) -> Iterator[psycopg.Connection]:
    """The tables with which the recipes start, with rows."""
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


def test_recipes_have_no_unsafe_finding(history: Path) -> None:
    report = lint_directory(history)
    assert [one.what for one in report.findings if one.rule.severity is not Severity.ADVICE] == []
    assert report.exit_code() == 0


def test_everyday_example_has_no_finding(history: Path) -> None:
    name = next(path.name for path in history.iterdir() if path.name.startswith("002"))
    assert [one.what for one in lint_directory(history).findings if one.file_name == name] == []


def test_waivers_in_recipes_are_used_and_have_reasons(history: Path) -> None:
    waived = lint_directory(history).waived
    assert len(waived) == len(re.findall(r"^-- lint: allow", "".join(blocks("sql")), re.MULTILINE)) >= 1
    assert all(one.waived_because for one in waived)


def test_recipes_apply_in_order_and_rewrite_no_table(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    before = rented.execute(FILES_ON_DISK).fetchall()
    count = len(list(history.iterdir()))
    assert MigrationRunner(empty_database_url, history).run_migrations() == count - 2
    (left,) = run_backfills(empty_database_url, history, report=print)
    assert (left.version, left.state) == (33, BackfillState.DONE)
    assert rented.execute(FILES_ON_DISK).fetchall() == before
    rows = rented.execute(
        "SELECT count(*), count(language), count(public_id), count(attendee_name), sum(fee_amount) FROM appointments"
    ).fetchone()
    assert rows is not None
    assert rows[:4] == (2500, 2500, 2500, 2500)
    assert int(rows[4]) == sum(n * 3 for n in range(1, 2501)) // 2
    offices = rented.execute("SELECT agent_id, street FROM agents JOIN offices USING (office_id) ORDER BY 1").fetchall()
    assert offices == [("a", "1 Elm"), ("b", "1 Elm")]


def test_rename_recipe_keeps_both_columns_in_sync(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=11)
    returning = "RETURNING attendee, attendee_name"
    insert = (
        "INSERT INTO appointments (agent_id, start_time, {}, fax, status, language)"
        " VALUES ('a', now(), 'Pat', '', 'confirmed', 'en')"
    )
    for column in ("attendee", "attendee_name"):
        assert rented.execute(f"{insert.format(column)} {returning}".encode()).fetchall() == [("Pat", "Pat")]
        changed = rented.execute(
            f"UPDATE appointments SET {column} = 'Sam' WHERE id = 1 {returning}".encode()
        ).fetchall()
        assert changed == [("Sam", "Sam")]
        rented.execute("UPDATE appointments SET attendee = 'Caller 1' WHERE id = 1")


def test_type_recipe_keeps_both_columns_in_sync(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=19)
    for column in ("fee", "fee_amount"):
        row = rented.execute(
            f"UPDATE appointments SET {column} = {column} + 1 WHERE id = 1"
            " RETURNING fee::numeric(10, 2) = fee_amount AND fee > 2".encode()
        ).fetchone()
        assert row == (True,)


def test_bad_examples_are_unsafe_findings(history: Path) -> None:
    bad = [text for text in blocks("sql") if text.startswith(BAD_EXAMPLE)]
    assert len(bad) >= 5
    for path in history.iterdir():
        if not path.name.startswith("001"):
            path.unlink()
    for text in bad:
        (history / "002_bad.sql").write_text(text, encoding="utf-8")
        unsafe = lint_directory(history).of(Severity.UNSAFE)
        assert {one.file_name for one in unsafe} == {"002_bad.sql"}, text


def test_other_queries_in_the_guide_run(empty_database_url: str, history: Path, rented: psycopg.Connection) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    queries = [text for text in blocks("sql") if not (FILE.match(text) or text.startswith((BAD_EXAMPLE, DOWN_FILE)))]
    assert len(queries) >= 3
    for query in queries:
        rented.execute(query.encode())


def test_ledger_columns_match_the_guide(empty_database_url: str, history: Path, rented: psycopg.Connection) -> None:
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    section = GUIDE.partition("### The ledger")[2].partition("### Checksums")[0]
    ledger, attempts = section.split("`schema_migration_attempts` has")
    for table, described in (("schema_migrations", ledger), ("schema_migration_attempts", attempts)):
        listed = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", described, re.MULTILINE)
        columns = {name for cell in listed for name in re.findall(r"`(\w+)`", cell)}
        found = rented.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,))
        assert columns == {name for (name,) in found}


def test_down_file_in_the_guide_undoes_its_file(
    empty_database_url: str, history: Path, rented: psycopg.Connection
) -> None:
    (text,) = (text for text in blocks("sql") if text.startswith(DOWN_FILE))
    up = next(path for path in history.iterdir() if path.name.startswith("002"))
    up.with_name(f"{up.stem}.down.sql").write_text(text, encoding="utf-8")
    assert f"`{up.stem}.down.sql`" in GUIDE
    MigrationRunner(empty_database_url, history).run_migrations(to=2)
    assert rollback(empty_database_url, history, to=1, confirm=lambda _names: True, report=print) == 1
    phone = "SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'phone'"
    assert rented.execute(phone).fetchall() == []


# ---- the document


def test_links_within_the_guide_resolve() -> None:
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", GUIDE), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors


# ---- Python


def test_python_in_the_guide_runs(empty_database_url: str) -> None:
    outputs = []
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
        outputs.append(done.stdout)
    assert "✅ Migration 1: Create agent tables" in outputs[0]
    assert "Pending: []" in outputs[0]
    assert outputs[1].splitlines() == ["✅ Database connected", "✅ Database is up to date (no new migrations)"]


# ---- messages


def literal(node: ast.AST) -> str | None:
    """Return a string literal with `…` for its placeholders; None for any other node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.partition("\n\n")[0]  # an exception's message is the first paragraph of its docstring
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    else:
        return None
    return flat(re.sub(r"\{[^{}]*\}|%s", "…", text))


def flat(text: str) -> str:
    return " ".join(text.split())


def strings_of(path: Path) -> Iterator[str]:
    """Yield every string literal of a module, each f-string as one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = literal(node)
        if text and id(node) not in parts:
            yield text


@pytest.fixture(scope="module")
def source() -> set[str]:
    return {text for path in (PROJECT_DIR / "peterental").glob("**/*.py") for text in strings_of(path)}


def is_in_source(source: set[str], message: str) -> bool:
    """Whether the source contains the message, or its two halves: what happened; what to do."""
    if _contains(source, message):
        return True
    halves = message.split("; ", 1)
    return len(halves) > 1 and all(_contains(source, half) for half in halves)


def _contains(source: set[str], message: str) -> bool:
    """Whether a string of the source contains the message, or matches it with its placeholders filled."""
    wanted = flat(message).strip("… ")
    if any(wanted in text for text in source):
        return True
    wanted = flat(message).removesuffix(".")
    return any(pattern is not None and pattern.fullmatch(wanted) for pattern in map(_pattern, source))


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    """Return what a string with placeholders matches; None for one with fewer than two words."""
    if len(re.findall(r"[A-Za-z]{2,}", text)) < 2:
        return None
    return re.compile(re.escape(text.removesuffix(".")).replace("…", ".+"))


def parts_of(message: str) -> list[str]:
    """Return the constant parts of a message that have enough words to be recognisable."""
    parts = [part.strip(" :;,.()“”") for part in re.split(r"…|\. ", message)]
    return [part for part in parts if len(part.split()) >= MIN_WORDS_OF_A_PART]


def section(title: str) -> str:
    return GUIDE.partition(f"\n### {title}\n")[2].partition("\n#")[0]


def messages(text: str) -> list[str]:
    """Return the code spans in the first column of a section's table."""
    rows = re.findall(r"^\| ([^|]*`[^|]*) \|", text, re.MULTILINE)
    return [span for row in rows for span in re.findall(r"`([^`]+)`", row)]


def test_explained_messages_exist_in_the_source(source: set[str]) -> None:
    troubleshooting = GUIDE.partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    explained = messages(troubleshooting.replace(section("What PostgreSQL says"), ""))
    assert len(explained) > 50
    assert [message for message in explained if not is_in_source(source, message)] == []


def test_output_in_the_guide_exists_in_the_source(source: set[str]) -> None:
    lines = [line.strip() for text in blocks("text") for line in text.splitlines()]
    shown = [line for line in lines if re.match(r"[✅❌⏳⚠️]+ \S+ [^ ]", line)]
    assert len(shown) > 10
    unknown = []
    for line in shown:
        template = re.sub(r"\S+\.sql \(\d+ ms\)", "… (… ms)", line)
        without_mark_and_file = re.sub(r"^\S+ (\S+\.sql )?", "", line)
        if (
            template not in source
            and not is_in_source(source, line)
            and not is_in_source(source, without_mark_and_file)
        ):
            unknown.append(line)
    assert unknown == []


def test_messages_of_the_engine_are_explained() -> None:
    guide = flat(GUIDE)
    missing = []
    for name in EXPLAINED:
        path = ENGINE / f"{name}.py"
        documentation = documentation_of(path)
        for text in strings_of(path):
            words = re.findall(r"[A-Za-z']{2,}", text)
            if len(words) < MIN_WORDS_OF_A_MESSAGE or text in documentation or is_code(text):
                continue
            if parts_of(text) and not any(part in guide for part in parts_of(text)):
                missing.append(f"{name}: {text}")
    assert missing == []


def documentation_of(path: Path) -> set[str]:
    """Return the docstrings of a module, including those of attributes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (literal(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {text for text in found if text}


def is_code(text: str) -> bool:
    """Whether a string is SQL or a regular expression, not a message."""
    return bool(re.match(r"[A-Z]{2,} [A-Za-z]", text) or "\\" in text) and not text.startswith("COPY")


def test_exceptions_of_the_engine_are_explained() -> None:
    guide = flat(GUIDE)
    missing = []
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or node.name in ABSTRACT_ERRORS or not ERRORS & bases(node):
                continue
            message = literal(ast.Constant(ast.get_docstring(node) or "")) or ""
            parts = parts_of(message)
            if parts and not any(part in guide for part in parts):
                missing.append(f"{node.name}: {message}")
    assert missing == []


def bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


# Statements that cause each of the server's messages in the guide; t has a duplicate.
CAUSES = {
    "canceling statement due to statement timeout": "SET LOCAL statement_timeout TO 5; SELECT pg_sleep(1)",
    "relation … already exists": "CREATE TABLE t ()",
    "… cannot run inside a transaction block": "CREATE INDEX CONCURRENTLY i ON t (a)",
    "unsafe use of new value … of enum type …": "ALTER TYPE e ADD VALUE 'n'; SELECT 'n'::e",
    "could not create unique index …": "CREATE UNIQUE INDEX i ON t (a)",
    "check constraint … is violated by some row": "ALTER TABLE t ADD CHECK (a > 1)",
    "… violates foreign key constraint …": "CREATE TABLE r (a int PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES r",
    "column … contains null values": "ALTER TABLE t ADD b int NOT NULL",
    "cannot ALTER TABLE … because it has pending trigger events": (
        "CREATE TABLE k (i int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO k VALUES (1), (1);"
        " ALTER TABLE k ADD b int"
    ),
    "cannot drop … because other objects depend on it": "CREATE VIEW v AS SELECT a FROM t; DROP TABLE t",
}


def test_quoted_server_messages_are_real(empty_database_url: str) -> None:
    quoted = dict.fromkeys(messages(section("What PostgreSQL says")))
    actual = {}
    with psycopg.connect(empty_database_url, autocommit=True) as one:
        one.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); CREATE TYPE e AS ENUM ('o')")
        for message, statement in CAUSES.items():
            with pytest.raises(psycopg.Error) as caught:
                one.execute(f"BEGIN; {statement}; COMMIT".encode())
            one.execute("ROLLBACK")
            actual[message] = caught.value.diag.message_primary or ""
        actual |= lock_errors(empty_database_url, one)
    assert actual.keys() == quoted.keys()
    for message, text in actual.items():
        assert re.search(re.escape(message.strip("… ")).replace("…", ".+"), text), text


def lock_errors(url: str, one: psycopg.Connection) -> dict[str, str]:
    """Cause a lock timeout and a deadlock between two sessions; return the server's messages."""
    actual = {}
    one.execute("CREATE TABLE u ()")
    with psycopg.connect(url) as other, ThreadPoolExecutor() as pool:
        other.execute("LOCK t")
        with pytest.raises(psycopg.errors.LockNotAvailable) as late:
            one.execute("BEGIN; SET LOCAL lock_timeout TO 5; LOCK t; COMMIT")
        actual["canceling statement due to lock timeout"] = late.value.diag.message_primary or ""
        one.execute("ROLLBACK")
        one.execute("BEGIN; LOCK u")
        waiting = pool.submit(one.execute, "LOCK t")
        queue = "SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
        until(lambda: bool(other.execute(queue).fetchall()), "one waits for the other")
        deadlock: BaseException | None
        try:
            other.execute("LOCK u")
            deadlock = waiting.exception()
        except psycopg.errors.DeadlockDetected as error:  # the server aborts either session
            deadlock = error
            other.rollback()
        assert isinstance(deadlock, psycopg.errors.DeadlockDetected)
        actual["deadlock detected"] = deadlock.diag.message_primary or ""
    one.execute("ROLLBACK")
    return actual
