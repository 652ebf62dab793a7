"""db-verify: build the schema from the files in a scratch database and compare it with the live one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peterental.database.migrations.errors import joined
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import HistoryEntry, State, blocking_problems, compare_with_ledger
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.scratch.database import build, scratch_database
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.server import connect
from peterental.database.migrations.source.files import find_files
from peterental.database.migrations.verify.diff import (
    ONLY_LIVE,
    Difference,
    compare_catalogs,
    difference_count,
    difference_lines,
)
from peterental.database.migrations.verify.impact import Impact, Weight, impact_of
from peterental.database.migrations.verify.introspection import Catalog, read_catalog
from peterental.database.migrations.verify.rereading import settle
from peterental.database.migrations.wording import plural, version_ranges

_PURPOSE = "migrations verify"


@dataclass(frozen=True)
class Check:
    """One line of the check list: its name, whether it passed, and its text."""

    name: str
    ok: bool
    text: str

    def line(self) -> str:
        """Return the text with its mark."""
        return f"{'✅' if self.ok else '❌'} {self.text}"


@dataclass
class Verification:
    """The result of db-verify.

    Args:
        built: the versions that were built from the files.
        checks: the check list of the migration guide.
        differences: between the live database and the files, in a stable order.
        impacts: what each difference means.
        remarks: observations that are not differences.
    """

    built: list[int]
    checks: list[Check] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    impacts: dict[Difference, Impact] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def text(self) -> str:
        """Return the result as text.

        It has the check list, the differences in groups, those that matter first, remarks, and a summary.
        """
        effects = {difference: impact.effect for difference, impact in self.impacts.items()}
        groups = [
            [f"{weight.heading} ({len(found)}):", *difference_lines(found, effects)]
            for weight in reversed(Weight)
            if (found := self.of(weight))
        ]
        blocks = [
            [check.line() for check in self.checks],
            *groups,
            self.remarks,
            [self.summary()],
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def of(self, weight: Weight) -> list[Difference]:
        """Return the differences of one group."""
        return [difference for difference in self.differences if self.impacts[difference].weight is weight]

    def summary(self) -> str:
        """Return the result in one sentence."""
        built = _subject(self.built)
        if self.differences:
            return f"{difference_count(self.differences)} between the database and {built}, {self._how_many_matter()}."
        if not self.same:
            return f"The tables match {built}, but a check failed; see above."
        return f"The database matches {built}."

    def _how_many_matter(self) -> str:
        count = len(self.of(Weight.MATTERS))
        if not count:
            return "none of which matters"
        return f"{count} of which {plural(count, 'matters', 'matter')}"

    def as_json(self) -> dict[str, Any]:
        """Return the result as `flask db-verify --json` prints it."""
        return {
            "same": self.same,
            "checks": [{"name": check.name, "ok": check.ok, "text": check.text} for check in self.checks],
            "differences": [
                difference.as_json() | {"weight": impact.weight.name.lower(), "effect": impact.effect}
                for difference, impact in ((one, self.impacts[one]) for one in self.differences)
            ],
            "remarks": self.remarks,
        }


def verify(
    url: str, directory: Path, *, scratch_url: str | None = None, report: Reporter, grants: bool = False
) -> Verification:
    """Compare the live database with the schema that its applied files create.

    Args:
        url: of the live database, which is only read.
        directory: of the migration files.
        scratch_url: of a database on the server for the scratch database; the live server by default.
        report: receives a line if the scratch database could not be dropped.
        grants: whether to compare privileges as well.

    Raises MigrationFilesError, ServerUnavailable, NoSchema, CatalogUnreadable, ScratchRefused, ScratchBuildFailed,
    Interrupted.
    """
    files = find_files(directory)
    with engine_session(url) as connection:
        ledger = ledgers.read(connection)
        schema = ledger.server.schema
        entries = compare_with_ledger(connection, files, ledger)
        live = read_catalog(connection, schema, which="database", grants=grants)
    to = max((file.version for file in files if file.version in ledger.rows), default=0)
    with scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
        build(scratch, directory, to=to)
        built = scratch_catalog(scratch, schema, grants=grants)
        applied_again = build(scratch, directory, to=to)
        rebuilt = scratch_catalog(scratch, schema, grants=grants)
        idempotency = _idempotency(applied_again, built, rebuilt)
        readings = settle(scratch, live, built, schema)
    live, built = readings.applied_to(live), readings.applied_to(built)
    comparison = compare_catalogs(live, built, schema)
    result = Verification([file.version for file in files if file.version <= to], differences=comparison.differences)
    result.impacts = {one: impact_of(one, live, built) for one in comparison.differences}
    result.checks = [
        Check("connection", ok=True, text="Database connected"),
        *_catalog_checks(comparison.differences),
        _tracking(ledger, entries),
        idempotency,
    ]
    can_be_adopted = all(
        difference.how == ONLY_LIVE or impact.weight is Weight.HARMLESS for difference, impact in result.impacts.items()
    )
    result.remarks = [*comparison.remarks, *_remarks(entries, can_be_adopted=can_be_adopted)]
    return result


def scratch_catalog(scratch: str, schema: str, *, grants: bool = False) -> Catalog:
    """Read the catalog of a scratch database.

    Raises CatalogUnreadable, ServerUnavailable.
    """
    with connect(scratch, purpose=_PURPOSE) as connection:
        return read_catalog(connection, schema, which="scratch database", grants=grants)


def _catalog_checks(differences: list[Difference]) -> list[Check]:
    """Group the differences into the checks of the migration guide."""
    found: dict[str, list[Difference]] = {"tables": [], "indexes": [], "other objects": []}
    for difference in differences:
        if difference.key.kind == "index":
            found["indexes"].append(difference)
        elif difference.key.object.startswith("table "):
            found["tables"].append(difference)
        else:
            found["other objects"].append(difference)
    passed = {
        "tables": "All tables verified",
        "indexes": "Indexes verified",
        "other objects": "Other objects verified",
    }
    return [
        Check(name, not group, f"{difference_count(group)} in {name}" if group else passed[name])
        for name, group in found.items()
    ]


def _tracking(ledger: Ledger, entries: list[HistoryEntry]) -> Check:
    """Check that ledger and files agree."""
    if not ledger.rows:
        text = (
            "Migration tracking: the database records no migration; run flask db-migrate or flask db-adopt --to VERSION"
        )
        return Check("tracking", ok=False, text=text)
    problems = blocking_problems(entries)
    if problems:
        return Check("tracking", ok=False, text=f"Migration tracking: {joined(problems, '; ')}")
    return Check("tracking", ok=True, text="Migration tracking verified")


def _idempotency(applied_again: int, built: Catalog, rebuilt: Catalog) -> Check:
    """Check that a second run applied and changed nothing."""
    if applied_again or built.objects != rebuilt.objects:
        count = f"{applied_again} {plural(applied_again, 'migration')}"
        text = f"Idempotency: a second run applied {count} or changed the schema"
        return Check("idempotency", ok=False, text=text)
    return Check("idempotency", ok=True, text="Idempotency verified")


def _remarks(entries: list[HistoryEntry], *, can_be_adopted: bool) -> list[str]:
    """Return remarks on pending, newer and unverified migrations."""
    adds = "flask db-adopt --to {last} adds it" if can_be_adopted else "the text that ran is not known"
    sentences = {
        State.PENDING: "{} not applied yet and not part of this comparison.",
        State.NEWER: "{} applied by a newer release; objects from there are shown as only in the database.",
        State.UNVERIFIED: f"{{}} recorded without a checksum; {adds}.",
    }
    remarks = []
    for state, sentence in sentences.items():
        versions = [entry.version for entry in entries if entry.state is state]
        if versions:
            listed = version_ranges(versions)
            listed += " is" if len(versions) == 1 else " are"
            remarks.append(sentence.format(listed, last=versions[-1]))
    return remarks


def _subject(versions: list[int]) -> str:
    if not versions:
        return "an empty schema, since no migration is applied"
    if versions == [1]:
        return "migration 001"
    return f"migrations 001 to {versions[-1]:03d}"  # where the first file is a baseline, it stands for those below
