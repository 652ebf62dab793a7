"""Failed sign-ins in the audit log and in the log: at most one entry per account and minute, with a count."""

from __future__ import annotations

import logging
from datetime import timedelta

from peterental.audit.model import SIGN_IN_PAGE, Change
from peterental.audit.service import AuditService
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.users.failure_repository import FailureRepository
from peterental.users.login_throttle import ClientOrigin, network_of
from peterental.users.model import Account

REPORT_EVERY = timedelta(minutes=1)

UNKNOWN_ACCOUNT = "unknown account"
"""The subject of attempts for addresses that no user has; what was typed may be a password, and is not recorded."""

_log = logging.getLogger("peterental.users")


class FailureLog:
    """Records failed sign-ins.

    Args:
        database: where they are counted.
        audit: the audit log.
    """

    def __init__(self, database: Database, audit: AuditService) -> None:
        self._database = database
        self._failures = FailureRepository()
        self._audit = audit

    def record(self, account: Account | None, origin: ClientOrigin, *, wrong_code: bool = False) -> None:
        """Count a failed sign-in; write an entry if the last one of this account is a minute old.

        Args:
            account: whose; None if there is no such user.
            origin: where the attempt came from.
            wrong_code: whether the password was right and the code was not.
        """
        name = account.viewer.email if account else UNKNOWN_ACCOUNT
        address = network_of(origin.address or "")
        with self._database.transaction() as connection:
            subject = _subject(account.viewer.user_id if account else None, wrong_code=wrong_code)
            count = self._failures.count(connection, subject, REPORT_EVERY)
            if count is None:
                return
            change = Change(
                action="code refused" if wrong_code else "sign-in failed",
                subject_kind="user",
                subject_id=str(account.viewer.user_id) if account else "",
                subject_name=name,
                after={"failed_attempts": count, "address": address},
            )
            self._audit.record(connection, SIGN_IN_PAGE, change)
        _log.warning("%s: %s from %s, failed attempts: %d", change.action.capitalize(), name, address, count)

    def take(self, connection: Connection, user_id: int) -> int:
        """Return the number of failed sign-ins since the last successful one, and restart the count."""
        return sum(self._failures.take(connection, _subject(user_id, wrong_code=wrong)) for wrong in (False, True))


def _subject(user_id: int | None, *, wrong_code: bool) -> str:
    """Return the key under which the failed sign-ins of a user are counted."""
    return f"log:{'code' if wrong_code else 'password'}:{'unknown' if user_id is None else user_id}"
