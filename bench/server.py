"""The PostgreSQL server of the benchmarks, as durable as in production: commits wait for the disk."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.programs import PROJECT_DIR
from peterental.database.dev_server import join

# The size of a small hosted database. fsync, synchronous_commit, full_page_writes and autovacuum keep their default:
# on.
_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "2GB"}


class Server:
    """A server that creates databases.

    Args:
        url: of a database of the server, for a role that may create others.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def description(self) -> str:
        """Its version and the settings that determine how long a commit takes."""
        with psycopg.connect(self.url) as db:
            names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
            version, *values = [_one(db, "SELECT current_setting(%s)", name) for name in names]
        settings = ", ".join(f"{name} {value}" for name, value in zip(names[1:], values, strict=True))
        return f"PostgreSQL {version} on 127.0.0.1 ({settings})"

    def create(self, template: str | None = None) -> str:
        """Create a database, empty or a copy of the one at the URL `template`, and return its URL."""
        name = f"bench_{os.getpid()}_{secrets.token_hex(6)}"
        original = urlsplit(template).path[1:] if template else "template0"
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(original)))
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_all(self) -> None:
        """Drop the databases of this process, ending their sessions, and those of killed benchmarks."""
        with psycopg.connect(self.url, autocommit=True) as db:
            for (name,) in db.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'").fetchall():
                maker = name.split("_")[1]
                if maker != str(os.getpid()) and Path("/proc", maker).exists():
                    continue  # another benchmark of this checkout is running
                # Not WITH (FORCE), which requires the right to end autovacuum; DROP DATABASE without it waits for that.
                db.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = %s AND usename = current_user",
                    [name],
                )
                db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def ask(url: str, query: str, *values: object) -> object:
    """Run a query on a new connection and return the first column of its first row; None without a row."""
    with psycopg.connect(url, autocommit=True) as db:
        return _one(db, query, *values)


def drop_indexes(db: psycopg.Connection[Any], table: str) -> list[str]:
    """Drop a table's indexes but its primary key, and return the statements that recreate them."""
    rows = db.execute(
        """
        SELECT index.relname, con.conname,
               COALESCE('ALTER TABLE ' || %(table)s || ' ADD CONSTRAINT ' || quote_ident(con.conname) || ' '
                        || pg_get_constraintdef(con.oid), pg_get_indexdef(index.oid))
        FROM pg_index
        JOIN pg_class AS index ON index.oid = indexrelid
        LEFT JOIN pg_constraint AS con ON con.conindid = indexrelid AND con.contype <> 'f'
        WHERE indrelid = %(table)s::regclass AND NOT indisprimary
        """,
        {"table": table},
    ).fetchall()
    for index, constraint, _ in rows:
        if constraint:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(table), sql.Identifier(constraint)
            )
        else:
            drop = sql.SQL("DROP INDEX {}").format(sql.Identifier(index))
        db.execute(drop)
    return [str(make) for _, _, make in rows]


def recreate_indexes(url: str, *jobs: list[str]) -> None:
    """Run each job's statements on its own connection, the jobs in parallel."""

    def make(statements: list[str]) -> None:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("SET maintenance_work_mem TO '512MB'")
            for statement in statements:
                db.execute(statement.encode())

    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(make, statements) for statements in jobs]:
            done.result()


@contextmanager
def bench_server() -> Iterator[Server]:
    """Run the server for the block."""
    with join(PROJECT_DIR / "instance" / "bench-postgres", settings=_SETTINGS) as lease:
        server = Server(lease.url)
        server.drop_all()
        try:
            yield server
        finally:
            server.drop_all()


def _one(db: psycopg.Connection[tuple[object, ...]], query: str, *values: object) -> object:
    row = db.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None
