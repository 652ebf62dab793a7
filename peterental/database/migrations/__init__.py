"""The migration engine: schema changes that reach production once, safely, while phones ring."""

from peterental.database.migrations.run.runner import MigrationRunner

__all__ = ["MigrationRunner"]
