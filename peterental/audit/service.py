"""Keeps the audit log, and shows it to admins."""

from __future__ import annotations

from datetime import datetime

from peterental.access import AdminsOnly, Viewer
from peterental.audit.model import EVERYTHING, AuditEntry, Change, LogFilter, LogPage, SubjectKind
from peterental.audit.repository import AuditRepository
from peterental.database.connect import Connection
from peterental.database.pool import Database

PAGE_SIZE = 50


class AuditService:
    """The audit log of one database."""

    def __init__(self, database: Database) -> None:
        self._log = AuditRepository(database)

    def record(self, connection: Connection, actor: str, change: Change) -> None:
        """Queue a line about a change, in the transaction that makes it: both are there, or neither.

        Args:
            connection: of the transaction.
            actor: the e-mail address of whoever did it, or COMMAND_LINE.
            change: what was done.
        """
        self._log.insert(connection, actor, change)

    def since(self, subject_kind: SubjectKind, subject_id: str, moment: datetime) -> tuple[AuditEntry, ...]:
        """Give the latest lines about one thing after `moment`, oldest first, at most PAGE_SIZE. One query.

        For whoever may change that thing: the caller has made sure of it.
        """
        return tuple(self._log.since(subject_kind, subject_id, moment, PAGE_SIZE))

    def listing(self, viewer: Viewer, wanted: LogFilter = EVERYTHING, *, page: int = 1) -> LogPage:
        """Give one page of the log, newest first. Raises AdminsOnly. One query.

        Args:
            viewer: who looks; an admin.
            wanted: which changes.
            page: from 1.
        """
        if not viewer.is_admin:
            raise AdminsOnly
        found = self._log.listing(wanted, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
        return LogPage(entries=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)
