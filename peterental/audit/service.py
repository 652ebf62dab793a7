"""Write the audit log, and list it for admins."""

from __future__ import annotations

from datetime import datetime

from peterental.access import Viewer, require_admin
from peterental.audit.model import EVERYTHING, AuditEntry, Change, LogFilter, LogPage, SubjectKind
from peterental.audit.repository import AuditRepository
from peterental.database.connect import Connection
from peterental.database.pool import Database

PAGE_SIZE = 50


class AuditService:
    """The audit log of one database."""

    def __init__(self, database: Database) -> None:
        self._log = AuditRepository(database)

    def record(self, connection: Connection, actor: Viewer | str, change: Change) -> None:
        """Queue an entry in the transaction of the change: both are committed or neither.

        Args:
            connection: of the transaction.
            actor: the user who made the change, whose API token is recorded, too; or an e-mail address, COMMAND_LINE
                or SIGN_IN_PAGE. What the API changes needs the user.
            change: what was done.
        """
        email, token = (actor, None) if isinstance(actor, str) else (actor.email, actor.token)
        self._log.insert(connection, email, change, token)

    def since(self, subject_kind: SubjectKind, subject_id: str, moment: datetime) -> tuple[AuditEntry, ...]:
        """Return the newest entries about an object after `moment`, oldest first.

        At most PAGE_SIZE, in one query. The caller checks that the viewer may change the object.
        """
        return tuple(self._log.since(subject_kind, subject_id, moment, PAGE_SIZE))

    def listing(self, viewer: Viewer, log_filter: LogFilter = EVERYTHING, *, page: int = 1) -> LogPage:
        """Return one page of the log, newest first. Raises AdminsOnly. One query.

        Args:
            viewer: an admin.
            log_filter: which entries.
            page: from 1.
        """
        require_admin(viewer)
        found = self._log.listing(log_filter, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
        return LogPage(entries=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)
