"""Contract files: run only when no older release of the application is connected, and never in front of other files."""

from __future__ import annotations

import time

from peterental.database.migrations.errors import ContractInFront
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.releases import OlderSession, older_sessions, sessions_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import EngineSettings
from peterental.database.migrations.source.checks import PreparedMigration

_POLL_S = 0.25


class ContractGate:
    """Decides whether a contract file may run now.

    Args:
        connection: the runner's.
        ledger: as read under the lock. A database without any migration has no older release.
        settings: the host's.
        report: receives a line before the gate watches for a while.
    """

    def __init__(self, connection: Connection, ledger: Ledger, settings: EngineSettings, report: Reporter) -> None:
        self._connection = connection
        self._ledger = ledger
        self._settings = settings
        self._report = report
        self._settled: set[int] = set()

    def refuse_in_front(self, todo: list[PreparedMigration]) -> None:
        """Raise ContractInFront if a contract file must wait although files that are none follow it.

        They may rely on it, so they cannot run before it. If the deploy waited for the older release to leave, it
        would wait forever: the older release serves until the deploy is done.
        """
        last = max((number for number, item in enumerate(todo) if not item.directives.contract), default=0)
        for item in todo[:last]:
            reason = self.waits_for(item, []) if item.directives.contract else None
            if reason:
                behind = todo[last].file.path.name
                raise ContractInFront(file=item.file.path.name, reason=reason, behind=behind)

    def waits_for(self, item: PreparedMigration, done: list[int]) -> str | None:
        """Return what a contract file waits for; None once it may run.

        If no older session is connected, the gate watches for the file's settle time, in which a session that
        reconnects shows up.

        Args:
            item: the contract file.
            done: the versions that this run has applied.
        """
        applied = {*self._ledger.rows, *done}
        missing = next((version for version in item.directives.after_backfill if version not in applied), None)
        if missing is not None:
            return f"backfill {missing:03d}, which is not complete"
        if not self._ledger.rows:
            return None
        older = self._older(item)
        if not older and item.file.version not in self._settled:
            older = self._watch(item)
        return sessions_text(older) if older else None

    def _watch(self, item: PreparedMigration) -> list[OlderSession]:
        """Watch for the file's settle time, and return the older sessions as soon as there is one."""
        settle_s = item.directives.settle_ms / 1000
        self._report(f"⏳ {item.file.path.name}: no older release is connected; watching for {settle_s:g} s")
        until_s = time.monotonic() + settle_s
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(_POLL_S, left_s))
            older = self._older(item)
            if older:
                return older
        self._settled.add(item.file.version)
        return []

    def _older(self, item: PreparedMigration) -> list[OlderSession]:
        return older_sessions(self._connection, self._settings.application_name, item.file.version)
