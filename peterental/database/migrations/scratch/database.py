"""Scratch databases: temporary, always dropped, and cleaned up after killed runs.

A scratch database is created on the server of SCRATCH_DATABASE_URL, or on the live server by default. Its name has the
server's time, so that a later run on any machine can recognise a leftover by name and age.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from peterental.database.migrations.errors import (
    EngineError,
    MigrationError,
    MigrationFailed,
    MigrationFilesError,
    ServerUnavailable,
    joined,
)
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.runner import MigrationRunner
from peterental.database.migrations.run.signals import interruptible
from peterental.database.migrations.session.engine_session import server_errors
from peterental.database.migrations.session.plain_reading import lift_limits
from peterental.database.migrations.session.server import Connection, connect, is_connection_lost, reason_of

PREFIX = "peterental_scratch_"

STALE_AFTER_S = 3600
"""Age in seconds after which an unused scratch database is a leftover; normally they exist for seconds."""

_PURPOSE = "migrations scratch"
_NAME = PREFIX + r"(\d{8}t\d{6})_[0-9a-f]{8}"


class ScratchRefused(EngineError):
    """No scratch database could be created: {reason}."""


class ScratchBuildFailed(EngineError):
    """The files cannot be built from scratch: {problem}"""  # noqa: D415


@contextmanager
def scratch_database(url: str, *, scratch_url: str | None = None, report: Reporter) -> Iterator[str]:
    """Create an empty database like the one at `url`, and yield its URL.

    The database is always dropped afterwards.

    It has the live database's encoding, locale and search_path, and the schema that its migrations use. SIGTERM and
    Ctrl-C raise Interrupted in the block, so that the database is dropped then too.

    Args:
        url: of the live database, which is not changed.
        scratch_url: of a database on another server to use instead.
        report: receives a line if the database could not be dropped.

    Raises ScratchRefused if none can be created; ServerUnavailable, StatementCancelled, StatementRefused.
    """
    with connect(url, purpose=_PURPOSE) as live, server_errors(live):
        template = _template_of(live)
    server_url = scratch_url or url
    name = None
    with interruptible():
        try:
            with connect(server_url, purpose=_PURPOSE) as server, server_errors(server):
                lift_limits(server)
                _drop_stale(server)
                name = _new_name(server)
                try:
                    _create(server, name, template)
                except psycopg.errors.QueryCanceled:
                    name = None  # the server has rolled it back: there is nothing to drop
                    raise
            scratch = make_conninfo(server_url, dbname=name)
            _prepare_schema(scratch, template)
            yield scratch
        except ScratchRefused as error:
            if not isinstance(error.__cause__, psycopg.OperationalError | ServerUnavailable):
                name = None  # the server refused it: there is nothing to drop
            raise
        finally:
            if name is not None:
                _drop(server_url, name, report)


def build(scratch: str, directory: Path, *, to: int) -> int:
    """Apply the files up to version `to` to a scratch database with the real runner.

    Return how many it applied.

    Effects outside the database (roles, ALTER DATABASE by name, dblink) really happen.

    Raises ScratchBuildFailed with the file and the next step.
    """
    try:
        return MigrationRunner(scratch, directory, report=_ignore, in_background=False).run_migrations(to=to)
    except MigrationFailed as error:
        raise ScratchBuildFailed(problem=error.summary + _advice(error.problem.message)) from error
    except MigrationFilesError as error:
        raise ScratchBuildFailed(problem=joined(error.problems)) from error
    except MigrationError as error:
        raise ScratchBuildFailed(problem=str(error)) from error


def _advice(message: str) -> str:
    """Return the next step for failures that occur only in scratch databases.

    Empty for others.
    """
    if "extension" in message:
        return (
            "\n  Next: install that extension on the server, or set SCRATCH_DATABASE_URL to a server that has it"
            " and a role that may create it"
        )
    if 'role "' in message:
        return (
            "\n  Next: roles belong to the whole server; let the file accept an existing role, or set"
            " SCRATCH_DATABASE_URL to another server"
        )
    return ""


def _ignore(_line: str) -> None:
    """Discard a line of progress."""


def _template_of(live: Connection) -> dict[str, Any]:
    """Return what the scratch database must share with the live one."""
    row = live.execute(
        """
        SELECT pg_encoding_to_char(encoding) AS encoding, to_jsonb(pg_database) AS database,
               current_setting('search_path') AS search_path, current_schema() AS schema
        FROM pg_database WHERE datname = current_database()
        """
    ).fetchone()
    return dict(row) if row else {}


def _drop_stale(server: Connection) -> None:
    """Drop leftovers of killed runs that are old, unused and owned by this role.

    It does not disconnect sessions: if one connects in between, the server refuses the drop.
    """
    leftovers = server.execute(
        """
        SELECT datname FROM pg_database AS d
        WHERE datname ~ %(name)s
            AND substring(datname FROM %(name)s) < to_char(
                (clock_timestamp() AT TIME ZONE 'UTC') - make_interval(secs => %(age)s), 'YYYYMMDD"t"HH24MISS')
            AND pg_has_role(datdba, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datid = d.oid)
        """,
        {"name": f"^{_NAME}$", "age": STALE_AFTER_S},
    ).fetchall()
    for leftover in leftovers:
        try:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(leftover["datname"])))
        except psycopg.Error:  # in use after all, or being dropped by another run: the next run retries
            continue


def _new_name(server: Connection) -> str:
    row = server.execute(
        """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISS') AS now"""
    ).fetchone()
    return f"{PREFIX}{row['now'] if row else ''}_{secrets.token_hex(4)}"


_NO_SUCH_LOCALE = (
    psycopg.errors.SyntaxError,
    psycopg.errors.WrongObjectType,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InvalidObjectDefinition,
)
"""What a server of any version, or built without ICU, says to a locale that it does not have."""


def _create(server: Connection, name: str, template: dict[str, Any]) -> None:
    """Create the database with the live database's locale.

    If the server does not have that locale, the locale is C.
    """
    encoding = sql.SQL("ENCODING {}").format(template["encoding"])
    c_locale = sql.SQL("{} LC_COLLATE 'C' LC_CTYPE 'C'").format(encoding)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}")
    try:
        try:
            server.execute(statement.format(sql.Identifier(name), _locale(encoding, template["database"])))
        except _NO_SUCH_LOCALE:
            server.execute(statement.format(sql.Identifier(name), c_locale))
    except psycopg.errors.InsufficientPrivilege as error:
        info = server.info
        reason = (
            f"the role {info.user} may not create databases on {info.host}; set SCRATCH_DATABASE_URL to a server where"
            " it may (PostgreSQL 14 or newer, ideally the same version)"
        )
        raise ScratchRefused(reason=reason) from error
    except psycopg.errors.QueryCanceled:  # another server would not help
        raise
    except psycopg.Error as error:
        if is_connection_lost(error):
            raise
        reason = f"{reason_of(error)}; set SCRATCH_DATABASE_URL to another server"
        raise ScratchRefused(reason=reason) from error


def _locale(encoding: sql.Composed, database: dict[str, Any]) -> sql.Composed:
    """Return the CREATE DATABASE clauses for the live locale.

    The catalog columns vary by version.
    """
    clauses: list[sql.Composable] = [
        encoding,
        sql.SQL("LC_COLLATE {}").format(database["datcollate"]),
        sql.SQL("LC_CTYPE {}").format(database["datctype"]),
    ]
    provided = database.get("datlocale") or database.get("daticulocale")
    provider = {"i": "icu", "b": "builtin"}.get(database.get("datlocprovider", "c"))
    if provider and provided:
        option = sql.SQL("ICU_LOCALE {}" if provider == "icu" else "BUILTIN_LOCALE {}")
        clauses += [sql.SQL(f"LOCALE_PROVIDER {provider}"), option.format(provided)]
    return sql.SQL(" ").join(clauses)


def _prepare_schema(scratch: str, template: dict[str, Any]) -> None:
    """Create the schema that the files use, and set the database's search_path.

    Raises ScratchRefused if the database cannot be reached: a pooler only connects to the databases in its settings.
    """
    try:
        reached = connect(scratch, purpose=_PURPOSE)
    except ServerUnavailable as error:
        reason = (
            f"it cannot be reached ({error.values['reason']}); behind PgBouncer, set"
            " MIGRATIONS_DATABASE_URL to the database's direct address"
        )
        raise ScratchRefused(reason=reason) from error
    with reached as connection, server_errors(connection):
        if template["schema"] is not None:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(template["schema"])))
        connection.execute("SELECT set_config('search_path', %s, false)", [template["search_path"]])
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path FROM CURRENT").format(name))


def _drop(server_url: str, name: str, report: Reporter) -> None:
    """Drop it over a new connection, since the one that created it may be broken."""
    try:
        with connect(server_url, purpose=_PURPOSE) as server:
            lift_limits(server)
            statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
            try:
                server.execute(sql.SQL("{} WITH (FORCE)").format(statement))
            except psycopg.errors.InsufficientPrivilege:
                # Only a superuser may terminate autovacuum with FORCE; without FORCE, the server cancels it.
                server.execute(statement)
    except (psycopg.Error, EngineError) as error:
        reason = reason_of(error) if isinstance(error, psycopg.Error) else str(error)
        report(f"⚠️  The scratch database {name} could not be dropped ({reason}); a later run will drop it")
