"""The steps of a corpus run: each command of the engine, with its count, duration and result."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from bench.corpus.plain import apply_plainly
from bench.programs import ProgramFailed
from bench.table import aligned
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.importing.importer import import_folder
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.lint.findings import Severity
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.source.files import MigrationFile, find_files
from peterental.database.migrations.verify.diff import compare_catalogs, difference_count, difference_lines
from peterental.database.migrations.verify.introspection import Catalog, read_catalog
from peterental.database.migrations.verify.verify import verify

_SCHEMA = "public"
_MAX_DETAIL_LINES = 20


@dataclass(frozen=True)
class StepResult:
    """How a step ended.

    Args:
        count: of what it handled, with a noun.
        result: in a few words.
        differs: whether it differs from plain psql, or fails.
        details: lines for below the table.
    """

    count: str
    result: str
    differs: bool = False
    details: list[str] = field(default_factory=list)


@dataclass
class Corpus:
    """One run over one folder.

    Args:
        folder: of migrations; of another tool if `tool` is given.
        tool: where to import from.
        staging: an empty folder for the imported files.
        create_database: creates an empty database and returns its URL.
    """

    folder: Path
    tool: str | None
    staging: Path
    create_database: Callable[[], str]
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    differs: bool = False

    def run(self) -> None:
        """Run every step; a step that depends on a failed one is left out."""
        if self.tool and not self._step("import", self._import):
            return
        self._step("lint", self._lint)
        ours, plain = self.create_database(), self.create_database()
        applied = self._step("psql", lambda: StepResult(_files(apply_plainly(plain, self._files())), "applied"))
        self._step("plan", lambda: self._plan(ours))
        if not self._step("migrate", lambda: self._migrate(ours)):
            return
        if applied:
            self._step("compare", lambda: _compare(ours, plain))
        self._step("verify", lambda: self._verify(ours))
        if applied:
            self._step("adopt", lambda: self._adopt(plain))
        self._step("rollback", lambda: self._rollback(ours))

    def text(self) -> str:
        """Return the table, and the details of what differs."""
        table = aligned(("step", "count", "took", "result"), self.rows)
        return "\n".join([table, *(["", *self.details] if self.details else [])])

    def _step(self, name: str, run: Callable[[], StepResult]) -> bool:
        """Run a step and add its row; return whether it agrees with psql."""
        began = time.perf_counter()
        try:
            found = run()
        except (EngineError, ProgramFailed) as error:
            found = StepResult("", "failed", differs=True, details=str(error).splitlines())
        took_ms = (time.perf_counter() - began) * 1000
        self.rows.append((name, found.count, f"{took_ms:,.0f} ms", found.result))
        if found.details:
            hidden = len(found.details) - _MAX_DETAIL_LINES
            more = [f"and {hidden} more lines"] if hidden > 0 else []
            self.details += [f"{name}:", *(f"  {line}" for line in found.details[:_MAX_DETAIL_LINES] + more)]
        self.differs = self.differs or found.differs
        return not found.differs

    def _files(self) -> list[MigrationFile]:
        return find_files(self.folder)

    def _import(self) -> StepResult:
        target = self.staging / "imported"
        report = import_folder(self.folder, self.tool or "", target)
        self.folder = target
        left_out = report.problem_lines()
        result = f"{len(left_out)} not carried over" if left_out else "complete"
        is_complete = all(one.file_name for one in report.migrations if one.number is not None)
        return StepResult(_files(len(list(target.glob("*.sql")))), result, differs=not is_complete, details=left_out)

    def _lint(self) -> StepResult:
        report = lint_directory(self.folder)
        errors, unsafe, advice = (report.of(severity) for severity in Severity)
        details = [f"{one.file_name}: {one.what}" for one in errors]
        result = f"{len(errors)} errors, {len(unsafe)} unsafe, {len(advice)} advice"
        return StepResult(_files(report.file_count), result, differs=bool(errors), details=details)

    def _plan(self, url: str) -> StepResult:
        found = plan(url, self.folder, report=_ignore)
        details = found.text().splitlines() if found.would_fail else []
        return StepResult(
            _files(len(found.files)), "would fail" if found.would_fail else "would run", found.would_fail, details
        )

    def _migrate(self, url: str) -> StepResult:
        count = MigrationRunner(url, self.folder, report=_ignore).run_migrations()
        again = MigrationRunner(url, self.folder, report=_ignore).run_migrations()
        return StepResult(_files(count), "applied once", differs=again != 0)

    def _verify(self, url: str) -> StepResult:
        found = verify(url, self.folder, report=_ignore)
        details = [] if found.same else found.text().splitlines()
        return StepResult(_files(len(found.built)), "same" if found.same else "differs", not found.same, details)

    def _adopt(self, url: str) -> StepResult:
        last = self._files()[-1].version
        count = adopt(url, self.folder, to=last, report=_ignore)
        pending = MigrationRunner(url, self.folder, report=_ignore).run_migrations()
        return StepResult(_files(count), "recorded, nothing pending", differs=count != last or pending != 0)

    def _rollback(self, url: str) -> StepResult:
        """Undo as far as there are down files, and compare with psql up to there."""
        files = self._files()
        last = max((file.version for file in files if not file.down_path.exists()), default=0)
        count = rollback(url, self.folder, to=last, confirm=lambda _: True, report=_ignore)
        fresh = self.create_database()
        apply_plainly(fresh, files[:last])
        compared = _compare(url, fresh)
        return StepResult(_files(count), f"to {last:03d}: {compared.result}", compared.differs, compared.details)


def corpus_run(
    folder: Path, tool: str | None, staging: AbstractContextManager[str], create_database: Callable[[], str]
) -> Corpus:
    """Run a corpus in a temporary folder, and return it with its results."""
    with staging as path:
        corpus = Corpus(folder, tool, Path(path), create_database)
        corpus.run()
    return corpus


def _compare(ours: str, plain: str) -> StepResult:
    mine = _catalog(ours)
    differences = compare_catalogs(mine, _catalog(plain), _SCHEMA).differences
    result = difference_count(differences) if differences else "same schema"
    return StepResult(f"{len(mine.objects)} objects", result, bool(differences), difference_lines(differences))


def _catalog(url: str) -> Catalog:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return read_catalog(connection, _SCHEMA, which="database")


def _files(count: int) -> str:
    return f"{count} files"


def _ignore(_line: str) -> None:
    """Discard a line of progress."""
