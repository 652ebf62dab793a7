"""A database on which everything can be done and of which nothing stays: one transaction that is always rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database


@contextmanager
def rolled_back(database: Database) -> Iterator[Database]:
    """Give what behaves like `database`, and undo whatever is done with it when the block ends.

    Whoever works in the block sees what it has done; nobody else does. Locks are held until its end, so it should be
    short. Numbers taken from sequences are not given back, which leaves gaps and nothing else.

    Raises what `Database.connection` raises.
    """
    with database.connection() as connection:
        connection.execute("BEGIN")
        try:
            yield SandboxDatabase(connection)
        finally:
            if not connection.closed:
                connection.rollback()


class SandboxDatabase(Database):
    """A unit of work is a savepoint here: its end keeps what it did until the trial ends, its failure undoes it.

    Args:
        connection: inside the transaction that will be rolled back.
    """

    def __init__(self, connection: DeadlineConnection) -> None:
        super().__init__("")
        self._trial = connection

    @contextmanager
    def connection(self) -> Iterator[DeadlineConnection]:
        """Give the one connection there is; an exception undoes the block."""
        self._trial.execute("SAVEPOINT unit_of_work")
        try:
            yield self._trial
        except BaseException:
            if not self._trial.closed:
                self._trial.execute("ROLLBACK TO SAVEPOINT unit_of_work")
            raise
        self._trial.execute("RELEASE SAVEPOINT unit_of_work")

    @contextmanager
    def transaction(self) -> Iterator[DeadlineConnection]:
        """Give the connection in pipeline mode, as the real one does."""
        with self.connection() as connection, connection.pipeline():
            yield connection
