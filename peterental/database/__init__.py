"""PostgreSQL: the pool, the development server and the migration engine.

`get_database` and `run_migrations` are for scripts and shells; the application passes its own `Database` on.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from peterental.config import Config
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.settings import EngineSettings
from peterental.database.migrations.source.files import newest_version
from peterental.database.pool import Database

__all__ = [
    "Database",
    "database_for",
    "engine_settings",
    "get_database",
    "migrations_url_for",
    "remark_on_urls",
    "run_migrations",
]


def engine_settings(config: Config, directory: Path | None = None) -> EngineSettings:
    """Return the migration engine's settings for `config`, with another folder of migrations if one is given."""
    folder = directory or config.migrations_dir
    return EngineSettings(
        directory=folder,
        release=newest_version(folder),
        allow_older_release=config.allow_older_release,
    )


def database_for(config: Config, *, purpose: str = "") -> Database:
    """Build the `Database` of `config`; it connects, or starts the embedded server, on first use.

    Args:
        config: its DATABASE_URL is used; without one, the embedded server under its `instance_dir`.
        purpose: what the connections are for, if not for serving; `pg_stat_activity` shows it after the release.
    """
    return Database(
        config.database_url or (lambda: _embedded_url(config)),
        pool_size=config.web_threads,
        application_name=engine_settings(config).session_name(purpose),
    )


def _embedded_url(config: Config) -> str:
    """Start the embedded server unless it is running, and return its URL."""
    from peterental.database.dev_server import join  # noqa: PLC0415  # development only

    return join(config.instance_dir / "postgres").url


def migrations_url_for(config: Config, database: Database) -> str:
    """Return the URL for the migration runner: MIGRATIONS_DATABASE_URL, else the application's own."""
    return config.migrations_database_url or database.url


def remark_on_urls(config: Config) -> str | None:
    """Return what to say if the runner's URL does not lead to the application's database; None if it does."""
    if config.migrations_database_url is None:
        return None
    if config.database_url is None:
        return (
            "MIGRATIONS_DATABASE_URL is set, but DATABASE_URL is not: the application uses the development server, and"
            " will not see these migrations. Set DATABASE_URL"
        )
    from peterental.database.same_database import other_database  # noqa: PLC0415  # most set-ups have one URL

    return other_database(config.database_url, config.migrations_database_url, engine_settings(config))


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
    url = migrations_url_for(config, get_database())
    return MigrationRunner(url, settings=engine_settings(config)).run_migrations()
