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
    """Make the `Database` that `config` names; nothing connects, and no embedded server starts, before it is used.

    Args:
        config: whose DATABASE_URL; without one, the embedded server under its `instance_dir`.
        application_name: what `pg_stat_activity` shows.
    """
    return Database(
        config.database_url or (lambda: _embedded_url(config)),
        pool_size=config.web_threads,
        application_name=application_name,
    )


def _embedded_url(config: Config) -> str:
    """Start the embedded server, or find it running, and give its URL."""
    from peterental.database.dev_server import join  # noqa: PLC0415  # development only

    return join(config.instance_dir / "postgres").url


def migrations_url_for(config: Config, database: Database) -> str:
    """Give the URL that the migration runner connects to: a direct one, where the app's goes through a pooler."""
    return config.migrations_database_url or database.url


@cache
def get_database() -> Database:
    """Give the database that the environment names, the same object each time; needs no application context.

    Raises ConfigError when the environment is not fit to start with.
    """
    return database_for(Config.from_env())


def run_migrations() -> int:
    """Apply what is pending in the environment's MIGRATIONS_DIR to its database, and give how many files that were.

    Raises what `MigrationRunner.run_migrations` raises, and ConfigError.
    """
    config = Config.from_env()
    return MigrationRunner(migrations_url_for(config, get_database()), config.migrations_dir).run_migrations()
