"""PostgreSQL: the pool, the development server and the migration engine.

`get_database` and `run_migrations` are for scripts and shells; the application passes its own `Database` on.
"""

from __future__ import annotations

from functools import cache

from peterental.config import Config
from peterental.database.migrations import MigrationRunner
from peterental.database.pool import Database

__all__ = ["Database", "database_for", "get_database", "migrations_url_for", "run_migrations"]


def database_for(config: Config, *, application_name: str = "peterental") -> Database:
    """Build the `Database` of `config`; it connects, or starts the embedded server, on first use.

    Args:
        config: its DATABASE_URL is used; without one, the embedded server under its `instance_dir`.
        application_name: the name that `pg_stat_activity` shows.
    """
    return Database(
        config.database_url or (lambda: _embedded_url(config)),
        pool_size=config.web_threads,
        application_name=application_name,
    )


def _embedded_url(config: Config) -> str:
    """Start the embedded server unless it is running, and return its URL."""
    from peterental.database.dev_server import join  # noqa: PLC0415  # development only

    return join(config.instance_dir / "postgres").url


def migrations_url_for(config: Config, database: Database) -> str:
    """Return the URL for the migration runner: MIGRATIONS_DATABASE_URL, else the application's own."""
    return config.migrations_database_url or database.url


@cache
def get_database() -> Database:
    """Return the database that the environment configures, always the same object; needs no application context.

    Raises ConfigError when a setting is missing or invalid.
    """
    return database_for(Config.from_env())


def run_migrations() -> int:
    """Apply the pending migrations of MIGRATIONS_DIR to the configured database, and return how many were applied.

    Raises what `MigrationRunner.run_migrations` raises, and ConfigError.
    """
    config = Config.from_env()
    return MigrationRunner(migrations_url_for(config, get_database()), config.migrations_dir).run_migrations()
