"""Translate violated constraints: a known one becomes its refusal, any other a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg

from peterental.errors import Fault, Refusal


class ConstraintViolated(Fault):
    """A change violates {constraint} of table {table}, so nothing was saved. Check the schema: flask db-verify."""


@contextmanager
def named_constraints(refusals: Mapping[str, Callable[[], Refusal]]) -> Iterator[None]:
    """Raise the refusal for the constraint that a statement in the block violates.

    It goes around the transaction: pipelined statements may not fail before the commit.

    Args:
        refusals: maps the name of a constraint or unique index to a function that builds its refusal.

    Raises one of `refusals`, or ConstraintViolated for a constraint that is not among them.
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
        ) from None  # the cause quotes the row: a password hash, a visitor's name
