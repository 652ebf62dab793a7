"""Import homes in three steps: upload a file, choose its columns, confirm what the preview shows.

The file is kept in the database between the steps, because each may reach another process. What is confirmed is what
was shown: the plan is computed again under the lock of the catalogue, and differs only if the catalogue changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from peterental.access import Viewer, require_admin
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database
from peterental.properties.importing.columns import chosen, guess, remembered
from peterental.properties.importing.hotpads import is_xml, read_listings
from peterental.properties.importing.model import (
    MAX_FILE_NAME_CHARS,
    MAX_SOURCE_CHARS,
    Column,
    ColumnChoice,
    FeedShrinks,
    ImportField,
    ImportUnknown,
    PendingImport,
    Plan,
    PlanChanged,
    PlannedHome,
    Preview,
    Record,
    Source,
    SourceNameInvalid,
)
from peterental.properties.importing.planning import plan_import
from peterental.properties.importing.reading import read_csv, records_of_listings, records_of_table
from peterental.properties.importing.repository import ImportRepository, is_reserved
from peterental.properties.model import PropertyDetails
from peterental.properties.repository import PropertyRepository
from peterental.properties.service import audited, home_change, one_line

KEEP_FILES = timedelta(days=1)
TIME_LIMIT_S = 30
"""For each statement of an import, and for the comparison between two of them; the largest file takes some seconds."""

SAMPLES = 3
MAX_SAMPLE_CHARS = 40


class ImportService:
    """The imports of one database. Every method is for admins.

    Args:
        database: where homes and uploaded files are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._homes = PropertyRepository(database)
        self._imports = ImportRepository(database)
        self._audit = audit
        self._now = now

    def sources(self, viewer: Viewer) -> tuple[Source, ...]:
        """Return the systems that homes were imported from. One query. Raises AdminsOnly."""
        require_admin(viewer)
        return tuple(self._imports.sources())

    def upload(self, source: str, file_name: str, content: bytes, viewer: Viewer) -> int:
        """Store a file that can be read, and return the number of its import.

        Args:
            source: the name of the system that the file comes from.
            file_name: as the browser sent it, for the pages.
            content: at most MAX_FILE_BYTES.
            viewer: an admin; no other user sees the file.

        Raises AdminsOnly, SourceNameInvalid, FileRefused.
        """
        require_admin(viewer)
        name = one_line(source)
        if name is None or len(name) > MAX_SOURCE_CHARS or is_reserved(name):
            raise SourceNameInvalid(characters=MAX_SOURCE_CHARS)
        if is_xml(content):
            records_of_listings(read_listings(content))
        else:
            read_csv(content)
        now = self._now()
        self._imports.delete_before(now - KEEP_FILES)
        known_as, _ = self._imports.source(name)
        pending = PendingImport(
            import_id=0,
            source=known_as,
            file_name=(one_line(file_name) or "file")[-MAX_FILE_NAME_CHARS:],
            content=content,
            mapping={},
            uploaded_at=now,
        )
        return self._imports.store(pending, viewer.user_id)

    def columns(self, import_id: int, viewer: Viewer) -> ColumnChoice:
        """Return the columns of a CSV file with what they may mean. Two queries.

        Raises AdminsOnly, ImportUnknown; also for a file that has no columns to choose.
        """
        pending = self._pending(import_id, viewer)
        if is_xml(pending.content):
            raise ImportUnknown
        table = read_csv(pending.content)
        _, mapping = self._imports.source(pending.source)
        known = remembered(table.header, pending.mapping or mapping)
        meanings = known or guess(table.header)
        columns = (
            Column(
                name=name, samples=_samples(row.cells[at : at + 1] for row in table.rows), meaning=meanings.get(name)
            )
            for at, name in enumerate(table.header)
        )
        return ColumnChoice(pending=pending, columns=tuple(columns), rows=len(table.rows), is_remembered=bool(known))

    def choose_columns(
        self, import_id: int, meanings: Iterable[tuple[str, ImportField | None]], viewer: Viewer
    ) -> None:
        """Store what each column of a file means.

        Args:
            import_id: of the file.
            meanings: the name of each column, and the field that it is.
            viewer: who uploaded it.

        Raises AdminsOnly, ImportUnknown, ColumnTwice, ColumnsIncomplete, FileRefused.
        """
        pending = self._pending(import_id, viewer)
        table = read_csv(pending.content)
        mapping = chosen((name, meaning) for name, meaning in meanings if name in table.header)
        records_of_table(table, mapping)
        self._imports.set_mapping(import_id, mapping)

    def preview(self, import_id: int, viewer: Viewer) -> Preview:
        """Return what an import would do; nothing is changed. Two queries.

        Raises AdminsOnly, ImportUnknown, FileRefused, ColumnsIncomplete: the columns were not chosen.
        """
        pending = self._pending(import_id, viewer)
        plan = plan_import(_records(pending), pending.source, self._imports.catalogue(pending.source))
        return Preview(pending=pending, plan=plan, has_columns=not is_xml(pending.content))

    def confirm(self, import_id: int, digest: str, viewer: Viewer, *, accepts_shrinking: bool = False) -> Plan:
        """Do what a preview showed, and return it.

        Args:
            import_id: of the file, which is deleted.
            digest: of the plan that was shown.
            viewer: who uploaded it.
            accepts_shrinking: whether the loss of more than half of the homes was confirmed.

        Raises AdminsOnly, ImportUnknown, FeedShrinks, PlanChanged: the catalogue changed since the preview.
        """
        pending = self._pending(import_id, viewer)
        records = _records(pending)
        with self._database.transaction() as connection:
            self._imports.allow_time(connection, TIME_LIMIT_S)
            self._homes.lock_catalogue(connection)
            if not self._imports.take(connection, pending):
                raise ImportUnknown
            plan = plan_import(records, pending.source, self._imports.catalogue(pending.source, connection))
            if plan.digest != digest:
                raise PlanChanged
            if plan.shrinks and not accepts_shrinking:
                raise FeedShrinks(vanished=len(plan.vanished), homes=plan.active_before)
            self._apply(connection, pending, plan, viewer)
        return plan

    def discard(self, import_id: int, viewer: Viewer) -> None:
        """Delete an uploaded file. Raises AdminsOnly."""
        require_admin(viewer)
        self._imports.discard(import_id, viewer.user_id)

    def delete_old_files(self) -> int:
        """Delete the files that were uploaded a day ago or earlier; return their number."""
        return self._imports.delete_before(self._now() - KEEP_FILES)

    def _pending(self, import_id: int, viewer: Viewer) -> PendingImport:
        require_admin(viewer)
        is_possible = 0 < import_id <= MAX_BIGINT
        pending = self._imports.get(import_id, viewer.user_id, self._now() - KEEP_FILES) if is_possible else None
        if pending is None:
            raise ImportUnknown
        return pending

    def _apply(self, connection: DeadlineConnection, pending: PendingImport, plan: Plan, viewer: Viewer) -> None:
        """Write a plan, with an entry in the audit log for each home and one for the import."""
        ids = self._imports.insert(connection, pending.source, plan.added) if plan.added else {}
        if plan.changed or plan.returned:
            self._imports.update(connection, (*plan.changed, *plan.returned))
        if plan.vanished:
            self._imports.deactivate(connection, [home.property_id for home in plan.vanished])
        if plan.relisted:
            self._imports.note_listed(connection, [home.property_id for home in plan.relisted])
        self._imports.store_source(connection, pending, self._now(), viewer.email)
        for change in _changes(plan, pending, ids):
            self._audit.record(connection, viewer, change)


def _changes(plan: Plan, pending: PendingImport, ids: Mapping[str, int]) -> Iterable[Change]:
    """Yield the entries of the audit log about an import."""
    counts = {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "active again": len(plan.returned),
        "inactive": len(plan.vanished),
        "kept active": len(plan.kept),
        "rows left out": len(plan.problems),
    }
    yield Change(
        action="imported",
        subject_kind="home",
        subject_id="import",
        subject_name=pending.source,
        after={"file": pending.file_name, **counts},
    )
    for planned in plan.added:
        after = {**_filled(planned.details), "source": pending.source, "source_id": planned.source_id}
        yield home_change(ids[planned.source_id], planned.details, "created", {}, after)
    for planned in plan.changed:
        yield _edited(planned, "edited", {}, {})
    for planned in plan.returned:
        yield _edited(planned, "restored", {"status": "inactive"}, {"status": "active"})
    for home in plan.vanished:
        yield home_change(home.property_id, home, "vanished", {"status": "active"}, {"status": "inactive"})


def _edited(planned: PlannedHome, action: str, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    assert planned.home is not None  # noqa: S101  # for mypy; what is changed was there
    return home_change(
        planned.home.property_id, planned.details, action, {**before, **planned.before}, {**after, **planned.after}
    )


def _filled(details: PropertyDetails) -> dict[str, object]:
    return {name: value for name, value in audited(details).items() if value not in (None, [], {})}


def _records(pending: PendingImport) -> list[Record]:
    """Return the records of an uploaded file. Raises FileRefused, ColumnsIncomplete."""
    if is_xml(pending.content):
        return records_of_listings(read_listings(pending.content))
    table = read_csv(pending.content)
    chosen((name, field) for field, name in pending.mapping.items())
    return records_of_table(table, pending.mapping)


def _samples(cells: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first values of a column that are not empty, each once, shortened."""
    samples: dict[str, None] = {}
    for cell in cells:
        if cell and cell[0]:
            samples[" ".join(cell[0].split())[:MAX_SAMPLE_CHARS]] = None
        if len(samples) == SAMPLES:
            break
    return tuple(samples)
