"""The session of every db-… command; what the server refuses to the engine itself becomes one message there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from peterental.database.connection import Connection, DatabaseUnavailable, reason_of
from peterental.database.migrations.errors import SCHEMA_OF_OUR_OWN, LedgerTrouble, NoRoom
from peterental.database.migrations.session import runner_session


@contextmanager
def engine_session(url: str) -> Iterator[Connection]:
    """Give a connection as `runner_session` does.

    Raises LedgerTrouble for what the server refuses in the block (a role without rights, a ledger of another shape or
    in somebody's hands),
    NoRoom when its disk is full, DatabaseUnavailable when it goes away. What is wrong with a migration its runner has
    explained before.
    """
    try:
        with runner_session(url) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        advice = "use a role that may create tables there, such as the one that owns the others"
        raise LedgerTrouble(reason=reason_of(error), advice=advice) from error
    except psycopg.errors.LockNotAvailable as error:
        advice = "somebody's transaction holds it; try again when that has ended"
        raise LedgerTrouble(reason=reason_of(error), advice=advice) from error
    except psycopg.errors.RaiseException as error:
        raise LedgerTrouble(
            reason=reason_of(error), advice="a trigger of the database says that; let it pass"
        ) from error
    except psycopg.errors.DiskFull as error:
        raise NoRoom(reason=reason_of(error)) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(reason=reason_of(error)) from error
    except psycopg.Error as error:
        raise LedgerTrouble(reason=reason_of(error), advice=SCHEMA_OF_OUR_OWN) from error
