"""What the office sends: read by everyone, changed by admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.audit.model import Change, changed_fields
from peterental.notices.model import NoticeSettings, NoticeSettingsChanged, NoticeSettingsInvalid

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.audit.model import AuditEntry
    from peterental.audit.service import AuditService
    from peterental.database.pool import Database
    from peterental.notices.model import StoredSettings
    from peterental.notices.settings_repository import NoticeSettingsRepository

MAX_NAME_CHARS = 60
"""A longer name leaves too little of a text message."""

RELEASE_HOURS = range(1, 21)


class NoticeSettingsService:
    """The settings of one office.

    Args:
        database: where they are stored.
        repository: of the settings.
        audit: records who changed them.
    """

    def __init__(self, database: Database, repository: NoticeSettingsRepository, audit: AuditService) -> None:
        self._database = database
        self._repository = repository
        self._audit = audit

    def get(self) -> NoticeSettings:
        """Return what the office sends. One round trip."""
        return self._repository.get()

    def stored(self, viewer: Viewer) -> StoredSettings:
        """Return what the office sends, and when it last changed. Raises AdminsOnly. One round trip."""
        require_admin(viewer)
        return self._repository.stored()

    def changes_since(self, viewer: Viewer, seen: datetime) -> tuple[AuditEntry, ...]:
        """Return the recorded changes after `seen`, oldest first. Raises AdminsOnly. One query."""
        require_admin(viewer)
        return self._audit.since("notice", "settings", seen)

    def change(self, settings: NoticeSettings, viewer: Viewer, *, seen: datetime | None = None) -> None:
        """Change what the office sends.

        Args:
            settings: the new values.
            viewer: an admin.
            seen: `updated_at` when the form was opened; None to skip the check for edit conflicts.

        Raises AdminsOnly, NoticeSettingsInvalid, NoticeSettingsChanged.
        """
        require_admin(viewer)
        _require_valid(settings)
        with self._database.transaction() as connection:
            stored = self._repository.lock(connection)
            before = stored.settings
            if before == settings:
                return
            if seen is not None and stored.updated_at != seen:
                raise NoticeSettingsChanged(stored)
            self._repository.store(connection, settings)
            old, new = changed_fields(before, settings)
            change = Change(
                action="edited",
                subject_kind="notice",
                subject_id="settings",
                subject_name="what is sent",
                before=old,
                after=new,
            )
            self._audit.record(connection, viewer, change)


def _require_valid(settings: NoticeSettings) -> None:
    """Raise NoticeSettingsInvalid for values that the database refuses, or that no notice could follow."""
    if not settings.office_name.strip() or len(settings.office_name) > MAX_NAME_CHARS:
        raise NoticeSettingsInvalid(reason=f"The name of the office needs 1 to {MAX_NAME_CHARS} characters")
    if any(not character.isprintable() for character in settings.office_name):
        raise NoticeSettingsInvalid(reason="The name of the office must be one line")
    if settings.release_hours is not None and settings.release_hours not in RELEASE_HOURS:
        raise NoticeSettingsInvalid(
            reason=f"Viewings are released {RELEASE_HOURS[0]} to {RELEASE_HOURS[-1]} hours before they start"
        )
    if settings.quiet_from <= settings.quiet_until:
        raise NoticeSettingsInvalid(reason="Quiet hours begin in the evening and end in the morning")
    if any(value.tzinfo or value.microsecond for value in asdict(settings).values() if hasattr(value, "tzinfo")):
        raise NoticeSettingsInvalid(reason="Times are whole seconds on the agent's clock")
