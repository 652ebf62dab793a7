"""A rollback sandbox: a `Database` whose changes are all rolled back at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peterental.database.deadline import DeadlineConnection
from peterental.database.pool import Database


@contextmanager
def rolled_back(database: Database) -> Iterator[Database]:
    """Yield a database that behaves like `database`, and roll back everything at the end of the block.

    The changes are visible inside the block only. Locks are held until it ends, so it should be short. Values taken
    from sequences are not returned, which leaves gaps but does no other harm.

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
    """A database on one connection, where each unit of work is a savepoint instead of a transaction.

    Args:
        connection: inside the transaction that will be rolled back.
    """

    def __init__(self, connection: DeadlineConnection) -> None:
        super().__init__("")
        self._connection = connection

    @contextmanager
    def connection(self, *, plan_once: bool = False) -> Iterator[DeadlineConnection]:  # noqa: ARG002  # see below
        """Yield the connection inside a savepoint, which an exception rolls back.

        It plans as usual: how it plans cannot be changed in a transaction.
        """
        self._connection.execute("SAVEPOINT unit_of_work")
        try:
            yield self._connection
        except BaseException:
            if not self._connection.closed:
                self._connection.execute("ROLLBACK TO SAVEPOINT unit_of_work")
            raise
        self._connection.execute("RELEASE SAVEPOINT unit_of_work")

    @contextmanager
    def transaction(self, *, plan_once: bool = False) -> Iterator[DeadlineConnection]:  # noqa: ARG002  # see above
        """Yield the connection inside a savepoint and in pipeline mode, like a real transaction."""
        with self.connection() as connection, connection.pipeline():
            yield connection
