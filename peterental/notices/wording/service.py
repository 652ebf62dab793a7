"""The wordings of one office: read by composers, changed and reset by admins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.audit.model import Change
from peterental.clock import utc_now
from peterental.notices.wording.builtin import BUILT_IN
from peterental.notices.wording.model import StoredWording, Wording, WordingChanged, WordingKey, WordingUnknown
from peterental.notices.wording.rendering import check
from peterental.notices.wording.repository import WordingRepository

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database


class WordingService:
    """The wordings of one database.

    Args:
        database: where changed ones are stored.
        audit: records who changed one.
        now: returns the present moment, aware.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._repository = WordingRepository(database)
        self._audit = audit
        self._now = now

    def wording(self, key: WordingKey) -> Wording:
        """Return the wording that notices use. Raises WordingUnknown. One round trip."""
        return self._stored(key, self._repository.one(key)).wording

    def listing(self, viewer: Viewer) -> list[StoredWording]:
        """Return every wording. Raises AdminsOnly. One round trip."""
        require_admin(viewer)
        changed = {stored.key: stored for stored in self._repository.changed()}
        return [self._stored(key, changed.get(key)) for key in BUILT_IN]

    def get(self, key: WordingKey, viewer: Viewer) -> StoredWording:
        """Return one wording. Raises AdminsOnly, WordingUnknown. One round trip."""
        require_admin(viewer)
        return self._stored(key, self._repository.one(key))

    def change(self, key: WordingKey, wording: Wording, viewer: Viewer, *, seen: str | None = None) -> bool:
        """Use another wording from now on. Return whether it differs from the present one.

        Args:
            key: which.
            wording: the new one.
            viewer: an admin.
            seen: the version of the wording when the form was opened; None to skip the check for edit conflicts.

        Raises AdminsOnly, WordingUnknown, WordingRefused, WordingChanged.
        """
        require_admin(viewer)
        if key not in BUILT_IN:
            raise WordingUnknown
        check(key.kind, key.channel, wording)
        with self._database.transaction() as connection:
            before = self._stored(key, self._repository.lock(connection, key))
            if before.wording == wording:
                return False
            _require_seen(before, seen)
            if wording == BUILT_IN[key]:
                self._repository.remove(connection, key)
            else:
                self._repository.store(connection, key, wording, self._now(), viewer.email)
            self._record(connection, viewer, "wording changed", before, wording)
        return True

    def reset(self, key: WordingKey, viewer: Viewer, *, seen: str | None = None) -> None:
        """Use the built-in wording again. `seen` as for `change`. Raises AdminsOnly, WordingUnknown, WordingChanged."""
        require_admin(viewer)
        with self._database.transaction() as connection:
            before = self._stored(key, self._repository.lock(connection, key))
            if before.is_changed:
                _require_seen(before, seen)
                self._repository.remove(connection, key)
                self._record(connection, viewer, "wording reset", before, BUILT_IN[key])

    def _stored(self, key: WordingKey, changed: StoredWording | None) -> StoredWording:
        if key not in BUILT_IN:
            raise WordingUnknown
        return changed or StoredWording(key=key, wording=BUILT_IN[key])

    def _record(
        self, connection: Connection, viewer: Viewer, action: str, before: StoredWording, after: Wording
    ) -> None:
        change = Change(
            action=action,
            subject_kind="notice",
            subject_id=str(before.key),
            subject_name=f"wording {before.key}",
            before=asdict(before.wording),
            after=asdict(after),
        )
        self._audit.record(connection, viewer, change)


def _require_seen(stored: StoredWording, seen: str | None) -> None:
    """Raise WordingChanged for a wording that is not the one that was seen."""
    if seen is not None and seen != stored.wording.version:
        raise WordingChanged(stored)
