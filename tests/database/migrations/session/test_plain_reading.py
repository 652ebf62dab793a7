"""Catalogs are read with the same settings everywhere, and without the application's time limits."""

from __future__ import annotations

from peterental.database.migrations.session.plain_reading import lift_limits, read_plainly
from tests.database.migrations.conftest import Connection

_LIMITS = "SET statement_timeout TO '9s'; SET idle_in_transaction_session_timeout TO '9s'; SET DateStyle TO German"


def settings(db: Connection) -> tuple[str, ...]:
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "DateStyle")
    return tuple(str(value) for value in _values(db, names))


def _values(db: Connection, names: tuple[str, ...]) -> list[object]:
    return [
        (db.execute("SELECT current_setting(%s) AS value", [name]).fetchone() or {"value": None})["value"]
        for name in names
    ]


def test_reading_has_no_limits_and_one_format(db: Connection) -> None:
    db.execute(_LIMITS)
    with db.transaction():
        read_plainly(db)
        assert settings(db) == ("0", "0", "ISO, DMY")
    assert settings(db) == ("9s", "9s", "German, DMY")


def test_limits_can_be_lifted_for_a_session(db: Connection) -> None:
    db.execute(_LIMITS)
    lift_limits(db)
    assert settings(db)[:2] == ("0", "0")
    if db.info.server_version >= 170000:  # the first version with this limit
        assert _values(db, ("transaction_timeout",)) == ["0"]
