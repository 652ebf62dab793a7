"""Alembic: the SQL that `alembic upgrade --sql` and `alembic downgrade --sql` print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import ImportedFolder, ImportedMigration, ImportRefused, Remark
from peterental.database.migrations.importing.sql_edits import (
    begins_transaction,
    ends_transaction,
    lines_of,
    without_statements,
)
from peterental.database.migrations.source.statements import split_statements

RUNNING = re.compile(r"--\s*Running (?P<direction>upgrade|downgrade) (?P<before>.*?) ?->(?: (?P<after>.*))?")
_LOG_LINE = re.compile(r"(?:INFO|WARNI?N?G?|DEBUG)\s+\[[\w.]+\].*")
_OWN_TABLE = re.compile(
    r"(?:insert\s+into|update|delete\s+from|create\s+table(?:\s+if\s+not\s+exists)?|drop\s+table(?:\s+if\s+exists)?)"
    r"\s+(?:[\w\"]+\.)?\"?alembic_version\b",
    re.IGNORECASE,
)
_MESSAGE = re.compile(r"\s*(?P<quotes>\"\"\"|''')\s*(?P<message>[^\r\n]+?)\s*(?:(?P=quotes)|[\r\n])")
_REVISION = re.compile(r"^revision\b[^=\n]*=\s*['\"](?P<id>[^'\"]+)['\"]", re.MULTILINE)


@dataclass
class _Step:
    """What one revision runs in one direction.

    Args:
        revision: its id.
        before: the revisions that it builds on.
        is_upgrade: the direction.
        file: where it was printed.
        lines: as printed.
        sql: without Alembic's records and transaction.
        no_transaction: whether it ran outside a transaction, or in two.
    """

    revision: str
    before: tuple[str, ...]
    is_upgrade: bool
    file: SourceFile
    lines: list[str] = field(default_factory=list)
    sql: str = ""
    no_transaction: bool = False


def convert_alembic(folder: SourceFolder) -> ImportedFolder:
    """Convert the printed SQL, one migration per revision; names come from the revision files, if they are there."""
    result = ImportedFolder()
    steps = [step for file in folder.files if file.base_name.endswith(".sql") for step in _steps(file)]
    revisions = _revisions(folder)
    ups: dict[str, _Step] = {}
    for step in steps:
        other = ups.setdefault(step.revision, step) if step.is_upgrade else step
        if other is not step:
            raise ImportRefused(reason=f"{other.file.name} and {step.file.name} both upgrade to {step.revision}")
    downs = {step.revision: step for step in steps if not step.is_upgrade}
    for place, revision in enumerate(_in_order(ups)):
        message = revisions.get(revision, ("", ""))[1]
        migration = _migration(place, ups[revision], downs.pop(revision, None), message)
        result.migrations.append(migration)
    for revision, step in downs.items():
        result.problems.append(Remark(f"the downgrade of {revision} has no upgrade: it was left out", step.file.name))
    for revision, (name, _) in revisions.items():
        if revision not in ups:
            result.problems.append(Remark(f"revision {revision} is not in the printed SQL; print it up to head", name))
    result.handled = {step.file.name for step in steps} | {name for name, _ in revisions.values()}
    return result


def _migration(place: int, up: _Step, down: _Step | None, message: str) -> ImportedMigration:
    migration = ImportedMigration(
        order=(place,),
        version=up.revision,
        name=message or up.revision,
        origin=f"{up.file.name}, {up.revision}",
        up=up.sql,
        down=down.sql if down else None,
        no_transaction=up.no_transaction,
        down_no_transaction=down.no_transaction if down else False,
    )
    migration.changed("Alembic's transaction and records removed")
    return migration


def _steps(file: SourceFile) -> list[_Step]:
    """Split a file into its steps. Raises ImportRefused if it cannot be read."""
    text, unreadable = file.content
    if text is None:
        raise ImportRefused(reason=unreadable)
    steps: list[_Step] = []
    preamble: list[str] = []
    for line in lines_of(text):
        found = RUNNING.fullmatch(line.rstrip("\r\n"))
        if found:
            steps.append(_new_step(file, found["direction"], found["before"].strip(), (found["after"] or "").strip()))
        elif not _LOG_LINE.fullmatch(line.rstrip()):
            (steps[-1].lines if steps else preamble).append(line)
    controls = [_has_begin("".join(lines)) for lines in (preamble, *(step.lines for step in steps))]
    in_transaction = controls[0]
    for step in steps:
        in_transaction = _clean(step, in_transaction=in_transaction)
        step.no_transaction = step.no_transaction and any(controls)
    return steps


def _new_step(file: SourceFile, direction: str, before: str, after: str) -> _Step:
    revisions = [re.split(r",\s*", text.partition(" (")[0]) for text in (before, after)]
    if direction == "upgrade":
        return _Step(revisions[1][0], tuple(filter(None, revisions[0])), is_upgrade=True, file=file)
    return _Step(revisions[0][0], tuple(filter(None, revisions[1])), is_upgrade=False, file=file)


def _has_begin(text: str) -> bool:
    return any(begins_transaction(statement.sql) for statement in split_statements(text))


def _clean(step: _Step, *, in_transaction: bool) -> bool:
    """Fill in the step's SQL and whether it needs a transaction; return whether one is open after it."""
    text = "".join(step.lines)
    removed = []
    kept = False
    committed = False
    for statement in split_statements(text):
        if begins_transaction(statement.sql) or ends_transaction(statement.sql):
            in_transaction = begins_transaction(statement.sql)
            committed = committed or (kept and not in_transaction)
            removed.append(statement)
        elif _OWN_TABLE.match(statement.sql):
            removed.append(statement)
        else:
            kept = True
            step.no_transaction = step.no_transaction or committed or not in_transaction
    step.sql = without_statements(text, removed).strip("\r\n")
    return in_transaction


def _in_order(steps: dict[str, _Step]) -> Iterator[str]:
    """Yield the revisions, each after those that it builds on, whatever the files are called."""
    left = dict(steps)
    while left:
        ready = [revision for revision, step in left.items() if not any(before in left for before in step.before)]
        for revision in ready or list(left):
            yield revision
            del left[revision]


def _revisions(folder: SourceFolder) -> dict[str, tuple[str, str]]:
    """Return file and message of each revision that has a Python file; the message begins the file's docstring."""
    found = {}
    for file in folder.files:
        revision = _REVISION.search(file.text) if file.base_name.endswith(".py") else None
        if revision:
            message = _MESSAGE.match(file.text)
            found[revision["id"]] = (file.name, message["message"].strip(" .") if message else "")
    return found
