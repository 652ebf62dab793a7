"""A ledger that was changed manually is refused before anything runs, with the statement that repairs it."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import LedgerError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import ledger, tables

DROP_KEY = "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey"
NO_KEY = "it has no primary key, so a migration could be recorded twice"

PARTIAL = f"""
{DROP_KEY};
CREATE UNIQUE INDEX partial ON schema_migrations (version) WHERE version > 0;
CREATE UNIQUE INDEX two_columns ON schema_migrations (version, description);
"""
REQUIRED = """
ALTER TABLE schema_migrations ADD "who 's" text;
UPDATE schema_migrations SET "who 's" = '';
ALTER TABLE schema_migrations ALTER "who 's" SET NOT NULL;
"""

UNSOUND = {
    "no key": (DROP_KEY, NO_KEY),
    "partial key": (PARTIAL, NO_KEY),
    "deferrable key": (
        f"{DROP_KEY}, ADD CONSTRAINT later UNIQUE (version) DEFERRABLE",
        'its key "later" is deferrable, so ON CONFLICT cannot use it',
    ),
    "twice": (
        f"{DROP_KEY}; INSERT INTO schema_migrations SELECT * FROM schema_migrations",
        "it has no primary key, and version 1 is in it 2 times",
    ),
    "unlogged": ("ALTER TABLE schema_migrations SET UNLOGGED", "it is an unlogged table, which a crash empties"),
    "rule": (
        'CREATE RULE "no %s" AS ON INSERT TO schema_migrations DO INSTEAD NOTHING',
        'its rule "no %s" replaces writes to it',
    ),
    "required": (REQUIRED, 'its column "who \'s" needs a value that the runner does not know'),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_unsound_ledger_is_refused_and_its_repair_works(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, kind: str
) -> None:
    change, reason = UNSOUND[kind]
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute(change.encode())
    assert runner.run_migrations() == 0
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with pytest.raises(LedgerError) as caught:
        runner.run_migrations()
    with pytest.raises(LedgerError) as planned:
        plan(empty_database_url, folder.path, report=lambda _: None)
    message = str(caught.value)
    assert message == str(planned.value)
    assert message.startswith(f"The ledger schema_migrations cannot be read or written: {reason}. Nothing was applied;")
    assert tables(db) == {"a"}
    assert read_status(empty_database_url, folder.path).pending == [2]
    if kind == "twice":
        db.execute("DELETE FROM schema_migrations WHERE ctid = (SELECT max(ctid) FROM schema_migrations)")
    db.execute(message.rpartition("run: ")[2].removesuffix(".").encode())
    assert runner.run_migrations() == 1
    assert list(ledger(db)) == [1, 2]


def test_row_security_on_the_ledger_is_refused(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    row = db.execute("SELECT rolsuper OR rolbypassrls AS exempt FROM pg_roles WHERE rolname = current_user").fetchone()
    folder.write("001_a.sql", "CREATE TABLE IF NOT EXISTS a (i int); INSERT INTO a VALUES (1);")
    runner.run_migrations()
    db.execute("ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    if row == {"exempt": True}:
        assert runner.run_migrations() == 0
        return
    with pytest.raises(LedgerError, match="row security hides its rows from this role"):
        runner.run_migrations()
    assert db.execute("SELECT count(*) AS n FROM a").fetchone() == {"n": 1}


def test_other_columns_and_keys_are_fine(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute(
        "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey, ADD note text NOT NULL DEFAULT '',"
        " ADD number int GENERATED ALWAYS AS IDENTITY;"
        " CREATE UNIQUE INDEX once ON schema_migrations (version) INCLUDE (description)"
    )
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert runner.run_migrations() == 1


def test_dropped_history_leaves_one_sentence(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute("DROP TABLE schema_migration_attempts")
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    assert read_status(empty_database_url, folder.path).summary() == (
        "The history is broken: 001_a.sql was edited after it was applied; restore it and put the change into a new file,"
        " or accept the edit with flask db-repair."
    )
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert runner.run_migrations() == 1


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE schema_migration_attempts DROP COLUMN sql",
        "ALTER TABLE schema_migration_attempts RENAME TO old; CREATE VIEW schema_migration_attempts AS SELECT 1 AS version",
    ],
)
def test_changed_history_says_how_to_go_on(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, change: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute(change.encode())
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    for work in (runner.run_migrations, lambda: read_status(empty_database_url, folder.path)):
        with pytest.raises(LedgerError, match="its history schema_migration_attempts was changed, .*; rename"):
            work()
    db.execute("ALTER TABLE schema_migration_attempts RENAME TO renamed")
    assert runner.run_migrations() == 1


def test_table_of_backfills_without_a_ledger_counts_for_nothing(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE TABLE schema_migration_backfills (version int)")
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert read_status(empty_database_url, folder.path).pending == [1]
    assert runner.run_migrations() == 1
