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
    """

    convert: Callable[[SourceFolder], ImportedFolder]
    read_name: NameReader | None = None


def _marked(tool: marked.MarkedTool) -> Tool:
    return Tool(tool.convert, tool.read_name)


TOOLS = {
    "goose": _marked(marked.GOOSE),
    "dbmate": _marked(marked.DBMATE),
    "golang-migrate": Tool(convert_golang_migrate, by_number),
    "flyway": Tool(convert_flyway),
    "sqlx": Tool(convert_sqlx, by_number),
    "diesel": Tool(convert_diesel),
    "rails": Tool(convert_rails),
    "alembic-sql": Tool(convert_alembic),
    "sql-migrate": _marked(marked.SQL_MIGRATE),
    "tern": _marked(marked.TERN),
    "node-pg-migrate": _marked(marked.NODE_PG_MIGRATE),
    "liquibase": Tool(convert_liquibase),
    "prisma": Tool(plain.convert_prisma),
    "drizzle": Tool(plain.convert_drizzle),
    "supabase": _marked(plain.SUPABASE),
    "atlas": _marked(plain.ATLAS),
    "sqitch": Tool(convert_sqitch),
}
"""Every tool by its name."""
