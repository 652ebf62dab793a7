"""Faults for statements of the application that the server refused or cancelled."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from peterental.errors import Fault

_TRY_AGAIN = "Another transaction interfered; try again"
_ADVICE: Mapping[type[psycopg.Error], str] = {
    psycopg.errors.DeadlockDetected: _TRY_AGAIN,
    psycopg.errors.SerializationFailure: _TRY_AGAIN,
    psycopg.errors.DiskFull: "Free space on the server's disk",
}


class StatementCancelled(Fault):
    """A statement in database {place} was cancelled by {by}: {reason}. {advice}."""


class StatementRefused(Fault):
    """PostgreSQL refused a statement in database {place}: {reason} (SQLSTATE {sqlstate}). {advice}."""


def advice_about(error: psycopg.Error) -> str:
    """Return what to do about a refused statement, as a sentence without its full stop."""
    return _ADVICE.get(type(error), "The server's log has the details")
