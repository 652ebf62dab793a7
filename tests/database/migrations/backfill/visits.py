"""A table of visits, and backfills of it."""

from __future__ import annotations

from tests.database.migrations.conftest import Connection, Folder

TABLE = "CREATE TABLE visit (id bigint PRIMARY KEY, seen int NOT NULL DEFAULT 0, note text);\n"
WHERE = "WHERE id BETWEEN current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint"
COUNT_UP = f"UPDATE visit SET seen = seen + 1\n{WHERE};\n"


def write_visits(folder: Folder, rows: int, *, batch: int = 10, text: str = COUNT_UP) -> None:
    """Write a file that makes a table with `rows` rows, and a backfill of it."""
    folder.write("001_visit.sql", f"{TABLE}INSERT INTO visit SELECT generate_series(1, {rows});")
    folder.write("002_count.sql", backfill(text, batch=batch))


def backfill(text: str = COUNT_UP, *, batch: int = 10) -> str:
    """Return the text of a backfill of the visits."""
    return f"-- migrate: backfill table=visit key=id batch={batch}\n{text}"


def seen(db: Connection) -> dict[int, int]:
    """Return how many visits were changed how often."""
    rows = db.execute("SELECT seen, count(*) AS rows FROM visit GROUP BY seen ORDER BY seen")
    return {row["seen"]: row["rows"] for row in rows}


def progress_row(db: Connection) -> dict[str, object]:
    """Return the backfill's row in the table of progress."""
    row = db.execute("SELECT * FROM schema_migration_backfills").fetchone()
    assert row is not None
    return row
