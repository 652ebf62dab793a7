"""make corpus: a small folder agrees with psql, and each kind of difference is found."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from bench.corpus import __main__ as program
from bench.corpus import plain
from bench.corpus.steps import Corpus, corpus_run
from bench.programs import ProgramFailed
from peterental.database.migrations.source.files import find_files
from tests.conftest import Databases

pytestmark = pytest.mark.untraced


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (i int);")
    (tmp_path / "001_a.down.sql").write_text("DROP TABLE a;")
    (tmp_path / "002_b.sql").write_text(
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_i ON a (i);\nSELECT 1;"
    )
    (tmp_path / "002_b.down.sql").write_text("DROP INDEX a_i;")
    return tmp_path


def run(folder: Path, databases: Databases, tool: str | None = None) -> Corpus:
    return corpus_run(folder, tool, TemporaryDirectory(), databases.create)


def results(corpus: Corpus) -> dict[str, str]:
    return {name: result for name, _, _, result in corpus.rows}


def test_small_folder_agrees_with_psql(folder: Path, databases: Databases) -> None:
    corpus = run(folder, databases)
    assert results(corpus) == {
        "lint": "0 errors, 0 unsafe, 7 advice",
        "psql": "applied",
        "plan": "would run",
        "migrate": "applied once",
        "compare": "same schema",
        "verify": "same",
        "adopt": "recorded, nothing pending",
        "rollback": "to 000: same schema",
    }
    assert not corpus.differs
    assert corpus.text().splitlines()[0].split() == ["|", "step", "|", "count", "|", "took", "|", "result", "|"]


def test_command_imports_first_and_exits_with_0(
    tmp_path: Path, server_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1_a.sql").write_text("-- +goose Up\nCREATE TABLE a (i int);\n")
    monkeypatch.setattr(sys, "argv", ["corpus", str(tmp_path), "--from", "goose", "--server", server_url])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "complete" in printed
    assert "to 001: same schema" in printed


def test_failing_file_is_reported_for_psql_and_for_ours(folder: Path, databases: Databases) -> None:
    (folder / "002_b.sql").write_text("CREATE TABLE a (i int);")
    corpus = run(folder, databases)
    assert corpus.differs
    assert results(corpus) | {"lint": ""} == {"lint": "", "psql": "failed", "plan": "would fail", "migrate": "failed"}
    assert 'relation "a" already exists' in corpus.text()


def test_incomplete_import_ends_the_run(tmp_path: Path, databases: Databases) -> None:
    (tmp_path / "1_a.sql").write_text("-- +goose Up\nSELECT 1;")
    (tmp_path / "2_b.go").touch()
    corpus = run(tmp_path, databases, "goose")
    assert results(corpus) == {"import": "1 not carried over"}
    assert corpus.differs
    assert "2_b.go is Go" in corpus.text()


@pytest.mark.needs("postgres15")
def test_different_schema_is_reported(folder: Path, databases: Databases) -> None:
    """The second file makes a table only for psql."""
    (folder / "002_b.sql").write_text(
        "DO $$ BEGIN IF current_setting('application_name') = 'psql' THEN CREATE TABLE extra (i int); END IF; END $$;"
    )
    (folder / "002_b.down.sql").write_text("SELECT 1;")
    corpus = run(folder, databases)
    assert results(corpus)["compare"] == "1 difference"
    assert corpus.differs
    assert "table public.extra" in corpus.text()


def test_folder_that_cannot_be_imported_is_reported(folder: Path, databases: Databases) -> None:
    corpus = run(folder, databases, "flyway")
    assert results(corpus) == {"import": "failed"}
    assert corpus.differs


def test_without_psql_simple_queries_are_compared(
    folder: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "psql", lambda: None)
    url = databases.create()
    assert plain.apply_plainly(url, find_files(folder)) == 2
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_indexes WHERE indexname = 'a_i'").fetchone() == (1,)
    with pytest.raises(ProgramFailed, match='001_a.sql: relation "a" already exists'):
        plain.apply_plainly(url, find_files(folder))
