"""The names of the tools that db-import reads, without the code that reads them."""

TOOL_NAMES = (
    "goose",
    "dbmate",
    "golang-migrate",
    "flyway",
    "sqlx",
    "diesel",
    "rails",
    "alembic-sql",
    "sql-migrate",
    "tern",
    "node-pg-migrate",
    "liquibase",
    "prisma",
    "drizzle",
    "supabase",
    "atlas",
    "sqitch",
)
"""As the command line writes them."""
