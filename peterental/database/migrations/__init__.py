"""The migration engine: applies each schema change exactly once, without downtime."""

from peterental.database.migrations.run.runner import MigrationRunner

__all__ = ["MigrationRunner"]
