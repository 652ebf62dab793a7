"""Runs a `-- migrate: no-transaction` file statement by statement, and goes on where an earlier attempt stopped."""

from __future__ import annotations

import psycopg

from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.run import concurrent_indexes
from peterental.database.migrations.run.concurrent_indexes import ConcurrentIndexOp, parse_concurrent_index_op
from peterental.database.migrations.run.notices import Notices
from peterental.database.migrations.run.transaction_control import contains_commit, waits_without_blocking
from peterental.database.migrations.session.advisory_lock import LockBudget
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.source.statements import Statement, split_statements

_NOT_IN_A_TRANSACTION = (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination)

# Whatever role or session authorization the file has taken on, progress is kept as ourselves; at the end of the
# transaction the file's own choice is in force again.
_AS_OURSELVES = (b"SET LOCAL SESSION AUTHORIZATION DEFAULT", b"SET LOCAL ROLE NONE")


class StatementRunner:
    """One attempt at one no-transaction file.

    A statement that can run in a transaction commits together with the record of its being done. Which ones cannot
    (CONCURRENTLY, VACUUM) the server says itself, before it does anything; which ones commit we look for.

    Args:
        connection: the runner's, in autocommit mode.
        writer: keeps the progress.
        text: the file's.
        directives: the file's.
        done: how many statements an earlier attempt has done; None where there was no earlier attempt.
        notices: hears what the statements say.
        budget: of the file; hears which statement begins.
    """

    def __init__(
        self,
        connection: Connection,
        writer: LedgerWriter,
        text: str,
        directives: Directives,
        *,
        done: int | None,
        notices: Notices,
        budget: LockBudget,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._directives = directives
        self._resumed_at = done
        self._notices = notices
        self._budget = budget
        self.statements = split_statements(text)
        self._executed: int | None = None
        self.done = done or 0

    def run(self) -> None:
        """Run what is left. Raises StatementFailed, psycopg.Error; `done` then tells how far it came."""
        while self.done < len(self.statements):
            self._budget.begin(self.done)
            statement = self.statements[self.done]
            if contains_commit(self._connection, statement.sql) or not self._in_transaction(statement):
                self._outside_transaction(statement)
                self._keep_progress()
            self.done += 1
        self._budget.begin(self.done)
        self._make_indexes_valid()

    def _in_transaction(self, statement: Statement) -> bool:
        """Run it in a transaction with its record; False where the server says that it cannot be."""
        lock_timeout_ms = self._directives.lock_timeout_ms
        begin = (
            f"BEGIN READ WRITE; SET LOCAL lock_timeout TO {lock_timeout_ms};"
            f" SET LOCAL statement_timeout TO {self._directives.statement_timeout_ms}"
        )
        execute_text(self._connection, begin)
        try:
            self._execute(statement)
        except StatementFailed as error:
            self._connection.rollback()
            if isinstance(error.cause, _NOT_IN_A_TRANSACTION):
                return False
            raise StatementFailed(error.cause, self.done) from error
        for own in _AS_OURSELVES:
            self._connection.execute(own)
        self._writer.record_progress(self.done + 1)
        self._connection.execute("COMMIT")
        return True

    def _outside_transaction(self, statement: Statement) -> None:
        """Run it by itself, unless an earlier attempt has done it and was stopped before it could say so."""
        patient = waits_without_blocking(statement.sql) and not self._directives.has_own_lock_timeout
        lock_timeout_ms = 0 if patient else self._directives.lock_timeout_ms
        limits = (
            f"SET lock_timeout TO {lock_timeout_ms}; SET statement_timeout TO {self._directives.statement_timeout_ms}"
        )
        execute_text(self._connection, limits)
        work = parse_concurrent_index_op(statement.sql)
        if work is not None and self._recover_index(work):
            return
        try:
            self._execute(statement)
        except StatementFailed as error:
            raise StatementFailed(error.cause, self.done) from error

    def _execute(self, statement: Statement) -> None:
        if self._executed == self.done:
            self._notices.forget_last()
        self._executed = self.done
        with self._notices.listening(self._connection):
            execute_text(self._connection, statement.sql)

    def _recover_index(self, work: ConcurrentIndexOp) -> bool:
        """Look what an earlier attempt left of an index: True where it is as the statement wants it."""
        is_resumed = self._resumed_at == self.done
        valid = concurrent_indexes.is_valid(self._connection, work)
        if work.verb == "drop":
            return is_resumed and valid is None
        if work.verb == "reindex":
            concurrent_indexes.drop_invalid_copies(self._connection, work)
            return False
        if valid is False and not concurrent_indexes.is_being_built(self._connection, work):
            concurrent_indexes.drop(self._connection, work)
        return bool(valid) and is_resumed

    def _keep_progress(self) -> None:
        execute_text(self._connection, "BEGIN READ WRITE")
        self._connection.execute(b"SET LOCAL lock_timeout TO 0")  # it holds nothing, and must not be lost
        for own in _AS_OURSELVES:
            self._connection.execute(own)
        self._writer.record_progress(self.done + 1)
        self._connection.execute("COMMIT")

    def _make_indexes_valid(self) -> None:
        """Build anew what somebody has left invalid since. Raises StatementFailed where that does not help."""
        for number, statement in enumerate(self.statements):
            work = parse_concurrent_index_op(statement.sql)
            if (
                work is None
                or work.verb != "create"
                or concurrent_indexes.is_valid(self._connection, work) is not False
            ):
                continue
            self.done = number
            self._outside_transaction(statement)
            self.done = len(self.statements)
            if not concurrent_indexes.is_valid(self._connection, work):
                reason = f'index "{work.name}" is not valid'
                raise StatementFailed(psycopg.errors.ObjectNotInPrerequisiteState(reason), number)
