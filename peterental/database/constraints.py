"""Constraints of the schema as refusals: a named one becomes its named error, any other is a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg

from peterental.errors import Fault, Refusal


class ConstraintViolated(Fault):
    """A change violates {constraint} of table {table}, so nothing was saved. Check the schema: flask db-verify."""


@contextmanager
def named_constraints(refusals: Mapping[str, Callable[[], Refusal]]) -> Iterator[None]:
    """Raise the refusal of the constraint that a statement in the block violates.

    Put it around the transaction where statements are pipelined: they may fail as late as its end.

    Args:
        refusals: by the name of a constraint or unique index, what makes its refusal.

    Raises one of `refusals`, or ConstraintViolated where the violated constraint is not among them.
    """
    try:
        yield
    except psycopg.IntegrityError as error:
        violated = error.diag.constraint_name
        refusal = refusals.get(violated or "")
        if refusal is not None:
            raise refusal() from error
        raise ConstraintViolated(
            constraint=violated or f"NOT NULL of {error.diag.column_name}", table=error.diag.table_name
        ) from None  # the cause quotes the row: a password's hash, a visitor's name
