"""Run a `-- migrate: no-transaction` file statement by statement, and resume where an earlier attempt stopped."""

from __future__ import annotations

import re

import psycopg

from peterental.database.migrations.ledger.writer import AS_RUNNER, LedgerWriter
from peterental.database.migrations.run import concurrent_indexes
from peterental.database.migrations.run.concurrent_indexes import ConcurrentIndexOp, parse_concurrent_index_op
from peterental.database.migrations.run.notices import Notices
from peterental.database.migrations.run.partition_detach import (
    finalize_statement,
    is_detached,
    is_half_detached,
    parse_concurrent_detach,
)
from peterental.database.migrations.run.preflight import may_move_ledger
from peterental.database.migrations.run.transaction_control import contains_commit, waits_without_blocking
from peterental.database.migrations.session.advisory_lock import LockBudget
from peterental.database.migrations.session.connection import is_broken, refuse_misreading
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.source.session_state import is_replayable, limits_after
from peterental.database.migrations.source.statements import Statement, same_statements, split_statements

_ONLY_IN_TRANSACTION = re.compile(r"set\s+(?:local|constraints|transaction)\b", re.IGNORECASE)
_NEEDS_NO_TRANSACTION = (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination)


class StatementRunner:
    """One attempt at one no-transaction file.

    A statement that can run in a transaction commits together with its progress record. The server itself rejects the
    others (CONCURRENTLY, VACUUM) before they do anything; statements that commit are detected beforehand.

    Args:
        connection: the runner's, in autocommit mode.
        writer: records the progress.
        text: of the file.
        directives: of the file.
        done: how many statements an earlier attempt completed; None if there was no such attempt.
        earlier_text: of that attempt. Its next statement may be done without a record, unless it was edited since.
        notices: collects the server's notices.
        budget: the file's lock budget.

    Attributes:
        directives: with the lock timeout for the next attempt.
    """

    def __init__(
        self,
        connection: Connection,
        writer: LedgerWriter,
        text: str,
        directives: Directives,
        *,
        done: int | None,
        earlier_text: str = "",
        notices: Notices,
        budget: LockBudget,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self.directives = directives
        self._notices = notices
        self._budget = budget
        self.statements = split_statements(text)
        self._executed: int | None = None
        self.done = done or 0
        self._resumed_at = done if _is_same_at(self.done, self.statements, split_statements(earlier_text)) else None
        self._unrestored = self.done
        self._own_limits: frozenset[str] = frozenset()
        for statement in self.statements[: self.done]:
            self._own_limits = limits_after(statement.sql, self._own_limits)

    def run(self) -> None:
        """Run the remaining statements. Raises StatementFailed or psycopg.Error; `done` has the progress then."""
        self._restore_settings()
        while self.done < len(self.statements):
            self._budget.begin(self.done)
            statement = self.statements[self.done]
            has_no_effect = _ONLY_IN_TRANSACTION.match(statement.sql)  # the server warns, but only outside of one
            if has_no_effect or contains_commit(self._connection, statement.sql) or not self._in_transaction(statement):
                self._outside_transaction(statement)
                self._record_progress()
            self.done += 1
            self._own_limits = limits_after(statement.sql, self._own_limits)
        self._budget.begin(self.done)
        self._make_indexes_valid()

    def _restore_settings(self) -> None:
        """Set again what the statements of an earlier attempt have set: this session does not have it.

        Raises StatementFailed, for example if the role is gone.
        """
        resumed_at, self._unrestored = self._unrestored, 0
        for number, statement in enumerate(self.statements[:resumed_at]):
            if is_replayable(statement.sql):
                try:
                    execute_text(self._connection, statement.sql)
                except StatementFailed as error:
                    self._unrestored = resumed_at
                    raise StatementFailed(error.cause, number) from error

    def _in_transaction(self, statement: Statement) -> bool:
        """Run a statement in a transaction with its record. Return False if the server rejects that."""
        limits = self._limits("SET LOCAL", self.directives.lock_timeout_ms)
        execute_text(self._connection, "; ".join(["BEGIN READ WRITE", *limits]))
        try:
            self._execute(statement, in_transaction=True)
        except StatementFailed as error:
            if not is_broken(self._connection):  # otherwise the reason of the loss must not be hidden by another error
                self._connection.rollback()
            if isinstance(error.cause, _NEEDS_NO_TRANSACTION):
                return False
            raise StatementFailed(error.cause, self.done) from error
        self._commit_progress()
        return True

    def _outside_transaction(self, statement: Statement) -> None:
        """Run a statement outside a transaction, unless an earlier attempt completed but did not record it."""
        may_wait = waits_without_blocking(statement.sql) and not self.directives.has_own_lock_timeout
        lock_timeout_ms = 0 if may_wait else self.directives.lock_timeout_ms
        execute_text(self._connection, "; ".join(self._limits("SET", lock_timeout_ms)) or "SELECT")
        operation = parse_concurrent_index_op(statement.sql)
        if operation is not None and self._recover_index(operation):
            return
        try:
            if not self._recover_other(statement):
                self._execute(statement)
        except StatementFailed as error:
            raise StatementFailed(error.cause, self.done) from error

    def _limits(self, verb: str, lock_timeout_ms: int) -> list[str]:
        """Return the statements that set the time limits, apart from those that the file itself has set."""
        limits = {"lock_timeout": lock_timeout_ms, "statement_timeout": self.directives.statement_timeout_ms}
        return [f"{verb} {name} TO {value}" for name, value in limits.items() if name not in self._own_limits]

    def _recover_other(self, statement: Statement) -> bool:
        """Clean up after an earlier attempt at a DETACH or REINDEX. Return True if the statement is done then.

        Raises StatementFailed.
        """
        scope = concurrent_indexes.parse_reindex_scope(statement.sql)
        if scope is not None:
            concurrent_indexes.drop_invalid_copies_in(self._connection, scope)
        detach = parse_concurrent_detach(statement.sql)
        if detach is None:
            return False
        if is_half_detached(self._connection, detach):
            execute_text(self._connection, finalize_statement(detach))
            return True
        return self._resumed_at == self.done and is_detached(self._connection, detach)

    def _execute(self, statement: Statement, *, in_transaction: bool = False) -> None:
        if self._executed == self.done:
            self._notices.clear_last()
        self._executed = self.done
        refuse_misreading(self._connection, statement.sql)
        with self._notices.listening(self._connection):
            execute_text(self._connection, statement.sql)
            if in_transaction:
                self._writer.check_deferred()

    def _recover_index(self, operation: ConcurrentIndexOp) -> bool:
        """Clean up after an earlier attempt at an index. Return True if the statement is already done."""
        is_resumed = self._resumed_at == self.done
        valid = concurrent_indexes.is_valid(self._connection, operation)
        if operation.verb == "drop":
            return is_resumed and valid is None
        if operation.verb == "reindex":
            concurrent_indexes.drop_invalid_copies(self._connection, operation)
            return False
        if valid is False and not concurrent_indexes.is_being_built(self._connection, operation):
            concurrent_indexes.drop(self._connection, operation)
        return bool(valid) and is_resumed

    def _record_progress(self) -> None:
        execute_text(self._connection, "BEGIN READ WRITE")
        self._connection.execute(b"SET LOCAL lock_timeout TO 0")  # it holds no other lock, and must not fail
        self._commit_progress()

    def _commit_progress(self) -> None:
        """Record one more statement as done, and commit."""
        if may_move_ledger(self.statements[self.done].sql):
            self._writer.refuse_moved_schema()
        for setting in AS_RUNNER:
            self._connection.execute(setting)
        self._writer.record_progress(self.done + 1)
        self._connection.execute("COMMIT")

    def _make_indexes_valid(self) -> None:
        """Rebuild indexes that another session left invalid. Raises StatementFailed if one stays invalid."""
        for number, statement in enumerate(self.statements):
            operation = parse_concurrent_index_op(statement.sql)
            if (
                operation is None
                or operation.verb != "create"
                or concurrent_indexes.is_valid(self._connection, operation) is not False
            ):
                continue
            self.done = number
            self._outside_transaction(statement)
            self.done = len(self.statements)
            if not concurrent_indexes.is_valid(self._connection, operation):
                reason = f'index "{operation.name}" is not valid'
                raise StatementFailed(psycopg.errors.ObjectNotInPrerequisiteState(reason), number)


def _is_same_at(number: int, now: list[Statement], before: list[Statement]) -> bool:
    """Return whether a statement is the same in both texts of a file."""
    return number < min(len(now), len(before)) and same_statements(now[number].sql, before[number].sql)
