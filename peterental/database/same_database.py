"""Whether the migrations and the application use the same database, although their URLs differ."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import replace

import psycopg

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.session.server import Connection, connect, place_of_session
from peterental.database.migrations.settings import EngineSettings

_CONNECT_TIMEOUT_S = 3

_PLACE = "SELECT current_schema() AS schema, pg_is_in_recovery() AS is_standby"

# Every session of a server sees who holds an advisory lock, and in which database.
_SEES_LOCK = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS sees_lock
"""


def other_database(application_url: str, migrations_url: str, settings: EngineSettings) -> str | None:
    """Return what to say if the migrations do not run where the application reads; None if they do.

    It also returns None if one of them does not answer, which is reported when it is needed. Names prove nothing: a
    pooler and the server behind it are one database, and a copy has the name of the original. So one session takes a
    lock, and the other looks for it.

    Args:
        application_url: DATABASE_URL.
        migrations_url: MIGRATIONS_DATABASE_URL.
        settings: the engine's.
    """
    if application_url == migrations_url:
        return None
    settings = replace(settings, connect_timeout_s=_CONNECT_TIMEOUT_S)
    try:
        with (
            closing(connect(migrations_url, settings, purpose="migrations check")) as ours,
            closing(connect(application_url, settings, purpose="migrations check")) as theirs,
        ):
            return _difference(theirs, ours)
    except (EngineError, psycopg.Error):
        return None


def _difference(application: Connection, migrations: Connection) -> str | None:
    """Return what to say if two connections lead to different databases or schemas."""
    key = secrets.randbits(63)
    with migrations.transaction():
        migrations.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
        seen = application.execute(_SEES_LOCK, (key,)).fetchone()
    there, here = application.execute(_PLACE).fetchone(), migrations.execute(_PLACE).fetchone()
    if seen is None or there is None or here is None or there["is_standby"]:  # a standby does not see the lock
        return None
    at, other = place_of_session(migrations), place_of_session(application)
    if not seen["sees_lock"]:
        return (
            f"MIGRATIONS_DATABASE_URL leads to {at}, but DATABASE_URL to another database, {other}: the application"
            " will not see these migrations. Correct one of them"
        )
    if here["schema"] == there["schema"]:
        return None
    return (
        f"MIGRATIONS_DATABASE_URL and DATABASE_URL lead to one database, but to schema {here['schema']} and schema"
        f" {there['schema']}: the application will not see these migrations. Correct the search_path of one role"
    )
