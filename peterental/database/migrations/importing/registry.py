"""The tools that db-import reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from peterental.database.migrations.importing import marked, plain
from peterental.database.migrations.importing.alembic import convert_alembic
from peterental.database.migrations.importing.file_names import NameReader, by_number
from peterental.database.migrations.importing.flyway import convert_flyway
from peterental.database.migrations.importing.folder import SourceFolder
from peterental.database.migrations.importing.liquibase import convert_liquibase
from peterental.database.migrations.importing.model import ImportedFolder
from peterental.database.migrations.importing.paired import convert_diesel, convert_golang_migrate, convert_sqlx
from peterental.database.migrations.importing.rails import convert_rails
from peterental.database.migrations.importing.sqitch import convert_sqitch


@dataclass(frozen=True)
class Tool:
    """One tool.

    Args:
        convert: converts its folder.
        read_name: reads the name of a numbered migration in a programming language, as if it ended in `.sql`; None if
            `convert` finds these itself.
        ledger: the table in which it records migrations, if that is not `schema_migrations`.
    """

    convert: Callable[[SourceFolder], ImportedFolder]
    read_name: NameReader | None = None
    ledger: str | None = None


def _marked(tool: marked.MarkedTool, ledger: str | None = None) -> Tool:
    return Tool(tool.convert, tool.read_name, ledger)


TOOLS = {
    "goose": _marked(marked.GOOSE, "goose_db_version"),
    "dbmate": _marked(marked.DBMATE),
    "golang-migrate": Tool(convert_golang_migrate, by_number),
    "flyway": Tool(convert_flyway, ledger="flyway_schema_history"),
    "sqlx": Tool(convert_sqlx, by_number, "_sqlx_migrations"),
    "diesel": Tool(convert_diesel, ledger="__diesel_schema_migrations"),
    "rails": Tool(convert_rails),
    "alembic-sql": Tool(convert_alembic, ledger="alembic_version"),
    "sql-migrate": _marked(marked.SQL_MIGRATE, "gorp_migrations"),
    "tern": _marked(marked.TERN, "schema_version"),
    "node-pg-migrate": _marked(marked.NODE_PG_MIGRATE, "pgmigrations"),
    "liquibase": Tool(convert_liquibase, ledger="databasechangelog"),
    "prisma": Tool(plain.convert_prisma, ledger="_prisma_migrations"),
    "drizzle": Tool(plain.convert_drizzle, ledger="__drizzle_migrations"),
    "supabase": _marked(plain.SUPABASE),
    "atlas": _marked(plain.ATLAS, "atlas_schema_revisions"),
    "sqitch": Tool(convert_sqitch),
}
"""Every tool by its name."""
