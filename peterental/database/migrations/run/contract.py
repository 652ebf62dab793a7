"""Contract files: run only when no older release of the application is connected, and never in front of other files."""

from __future__ import annotations

import time
from collections.abc import Sequence

from peterental.database.migrations.errors import ContractInFront
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.releases import (
    OlderSession,
    incomplete_backfill_text,
    older_sessions,
    sessions_text,
)
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
        squashed: the version of the baseline, whose backfills are complete; 0 without one.
        done: what this run has applied in earlier sessions.
    """

    def __init__(
        self,
        connection: Connection,
        ledger: Ledger,
        settings: EngineSettings,
        report: Reporter,
        *,
        squashed: int = 0,
        done: Sequence[int] = (),
    ) -> None:
        self._is_new_database = ledger.rows.keys() <= set(done)
        self._squashed = squashed
        self._connection = connection
        self._ledger = ledger
        self._settings = settings
        self._report = report
        self._settled = 0

    def refuse_in_front(self, todo: list[PreparedMigration]) -> list[PreparedMigration]:
        """Return the contract files that other files follow. They may run now, with the backfills that they need.

        Raises ContractInFront if an older release is connected. The files that follow may rely on the contract file, so
        they cannot run before it. If the deploy waited for the older release to leave, it would wait forever: the older
        release serves until the deploy is done.
        """
        last = max((number for number, item in enumerate(todo) if not item.directives.contract), default=0)
        in_front = [item for item in todo[:last] if item.directives.contract]
        for item in reversed(in_front):  # if no release before the last one is connected, none before the others is
            older = self._older_sessions(item)
            if older:
                behind = todo[last].file.path.name
                raise ContractInFront(file=item.file.path.name, reason=sessions_text(older), behind=behind)
        return in_front

    def waits_for(self, item: PreparedMigration, done: list[int]) -> str | None:
        """Return what a contract file waits for; None once it may run.

        Args:
            item: the contract file.
            done: the versions that this run has applied.
        """
        applied = {*self._ledger.rows, *done}
        needed = (version for version in item.directives.after_backfill if version > self._squashed)
        missing = next((version for version in needed if version not in applied), None)
        if missing is not None:
            return incomplete_backfill_text(missing)
        older = self._older_sessions(item)
        return sessions_text(older) if older else None

    def _older_sessions(self, item: PreparedMigration) -> list[OlderSession]:
        """Return the older sessions; without one, watch for the settle time, in which one may reconnect."""
        if self._is_new_database:
            return []
        older = self._older(item)
        if not older and item.file.version > self._settled:
            older = self._watch(item)
        return older

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
        self._settled = item.file.version
        return []

    def _older(self, item: PreparedMigration) -> list[OlderSession]:
        return older_sessions(self._connection, self._settings.application_name, item.file.version)
