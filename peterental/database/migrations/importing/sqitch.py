"""Sqitch: the changes of `sqitch.plan`, with their deploy and revert scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import ImportedFolder, ImportRefused, Remark
from peterental.database.migrations.importing.paired import migration_from
from peterental.database.migrations.importing.sql_edits import lines_of

PLAN = "sqitch.plan"

_CHANGE = re.compile(r"\s*(?P<sign>[+-]?)\s*(?P<name>[^\s@%#\[+-][^\s\[#]*)\s*(?:\[(?P<needs>[^\]]*)\])?.*")
_TAG = re.compile(r"\s*@(?P<name>[^\s\[#]+).*")


@dataclass
class _Change:
    """One change of the plan: its name, line, what it depends on, and the tags up to its rework."""

    name: str
    line: int
    needs: list[str]
    tags: list[str] = field(default_factory=list)


def convert_sqitch(folder: SourceFolder) -> ImportedFolder:
    """Convert the changes in the order of the plan; a reworked change appears twice, with the scripts of each time.

    Raises ImportRefused without a plan, with several, or with one that reverts changes.
    """
    plans = [file for file in folder.files if file.base_name == PLAN]
    if len(plans) != 1:
        reason = (
            f"there are several plans ({', '.join(file.name for file in plans)})" if plans else f"there is no {PLAN}"
        )
        raise ImportRefused(reason=f"{reason}; import the folder of one project")
    plan = plans[0]
    root = f"{plan.parent}/" if plan.parent else ""
    files = {file.name.removeprefix(root): file for file in folder.files}
    result = ImportedFolder(handled={plan.name})
    for change in _changes(plan):
        _add(result, plan, files, change)
    verifying = [file.name for name, file in files.items() if name.startswith("verify/")]
    if verifying:
        result.handled |= set(verifying)
        result.remarks.append(Remark("verify scripts were left out: flask db-verify compares the whole schema"))
    return result


def _changes(plan: SourceFile) -> list[_Change]:
    changes: list[_Change] = []
    for number, line in enumerate(lines_of(plan.text), 1):
        text = line.rstrip("\r\n")
        if tag := _TAG.fullmatch(text):
            for change in changes:
                change.tags.append(tag["name"])
        elif found := _CHANGE.fullmatch(text):
            if found["sign"] == "-":
                raise ImportRefused(reason=f"{plan.name}:{number} reverts {found['name']}; remove both from the plan")
            changes.append(_Change(found["name"], number, (found["needs"] or "").split()))
    for number, change in enumerate(changes):
        reworked = next((other for other in changes[number + 1 :] if other.name == change.name), None)
        # Only the tags in between can be in the names of its scripts; the latest scripts bear none.
        change.tags = change.tags[: len(change.tags) - len(reworked.tags)] if reworked else []
    return changes


def _add(result: ImportedFolder, plan: SourceFile, files: dict[str, SourceFile], change: _Change) -> None:
    """Add a change with its scripts, which bear a tag if the change was reworked later."""
    names = [f"{change.name}@{tag}" for tag in change.tags] or [change.name]
    name = next((name for name in names if f"deploy/{name}.sql" in files), names[0])
    deploy, revert = files.get(f"deploy/{name}.sql"), files.get(f"revert/{name}.sql")
    if deploy is None:
        result.problems.append(
            Remark(f"deploy/{name}.sql is missing: the change was left out", f"{plan.name}:{change.line}")
        )
        return
    result.handled |= {revert.name} if revert else set()
    migration = migration_from((change.line,), f"{change.line} {change.name}", change.name, deploy, revert)
    others = [needed for needed in change.needs if ":" in needed]
    if others:
        migration.failed(
            f"it depends on another project ({', '.join(others)}), which must be there first",
            f"{plan.name}:{change.line}",
        )
    result.migrations.append(migration)
