"""What db-import reads from another tool's folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from peterental.database.migrations.errors import EngineError

OrderKey = tuple[int | str | tuple[int, ...], ...]
"""Where a migration is in its tool's order. The keys of one folder have the same shape."""


class ImportRefused(EngineError):
    """Nothing was imported: {reason}."""


class Remark(NamedTuple):
    """A change, or something that could not be carried over.

    Remarks with the same text are reported together.
    """

    text: str
    where: str = ""
    """The original file and line; empty if the migration's number is enough."""


@dataclass(kw_only=True)
class ImportedMigration:
    """One migration of another tool.

    Args:
        order: its place in the tool's order.
        version: its version in the tool's ledger; two migrations cannot share one.
        name: what it does, in the words of its file name.
        origin: its file, relative to the folder.
        up: the SQL that applies it; None for one that cannot be carried over, whose number stays free.
        down: the SQL that undoes it, if any.
        no_transaction: whether the tool runs `up` outside a transaction.
        down_no_transaction: whether the tool runs `down` outside a transaction.
        remarks: what was changed.
        problems: what could not be carried over.
    """

    order: OrderKey
    version: str
    name: str
    origin: str
    up: str | None
    down: str | None = None
    no_transaction: bool = False
    down_no_transaction: bool = False
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)

    def changed(self, text: str, where: str = "") -> None:
        """Record a change, once."""
        _add(self.remarks, Remark(text, where))

    def failed(self, text: str, where: str = "") -> None:
        """Record what could not be carried over, once."""
        _add(self.problems, Remark(text, where))


@dataclass
class ImportedFolder:
    """All migrations of a folder.

    Args:
        migrations: in any order.
        remarks: what was changed, apart from single migrations.
        problems: what could not be carried over, apart from single migrations.
        handled: files that a remark or problem mentions, or that belong to a migration; the others are listed as left
            alone.
    """

    migrations: list[ImportedMigration] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)
    handled: set[str] = field(default_factory=set)


def _add(remarks: list[Remark], remark: Remark) -> None:
    if remark not in remarks:
        remarks.append(remark)
