"""Apply migration files without the engine: with psql, or with simple queries where psql is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg

from bench.programs import ProgramFailed
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.directives import read_directives
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.statements import split_statements

_TIMEOUT_S = 600


def psql() -> str | None:
    """Return psql, on PATH or where Debian installs it; None if it is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: int(path.parts[-3]))
    return shutil.which("psql") or (str(found[-1]) if found else None)


def apply_plainly(url: str, files: list[MigrationFile]) -> int:
    """Apply each file, in one transaction unless its directive says otherwise; return how many.

    Raises ProgramFailed with the first file that fails, and what the server said.
    """
    program = psql()
    for file in files:
        try:
            in_transaction = not read_directives(file, file.text()).no_transaction
        except MigrationFilesError as error:
            raise ProgramFailed(str(error)) from error
        if program:
            _with_psql(program, url, file.path, in_transaction=in_transaction)
        else:
            _with_psycopg(url, file, in_transaction=in_transaction)
    return len(files)


def _with_psql(program: str, url: str, path: Path, *, in_transaction: bool) -> None:
    words = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", *(["-1"] if in_transaction else [])]
    done = subprocess.run(
        [*words, "-f", str(path), url],
        env={"PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line]
        raise ProgramFailed((errors or [f"{path.name}: psql ended with {done.returncode}"])[0].removeprefix("psql:"))


def _with_psycopg(url: str, file: MigrationFile, *, in_transaction: bool) -> None:
    text = file.text()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TimeZone TO 'UTC'")
        try:
            if in_transaction:
                with connection.transaction():
                    connection.execute(text.encode())
                return
            for statement in split_statements(text):
                connection.execute(statement.sql.encode())
        except psycopg.Error as error:
            raise ProgramFailed(f"{file.path.name}: {error}") from error
