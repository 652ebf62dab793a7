from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.ledger.status import read_status
from tests.database.migrations.backfill.backfill_files import *
from tests.database.migrations.helpers import attempts, ledger


def test_smoke(runner, folder, db, reported, empty_database_url):
    write_visits(folder, 95)
    folder.write("003_x.sql", "CREATE TABLE x (i int);")
    assert runner.run_migrations() == 2
    print(reported.text)
    print(read_status(empty_database_url, folder.path).as_json())
    print(read_status(empty_database_url, folder.path).summary())
    assert runner.run_migrations() == 0
    r = run_backfills(empty_database_url, folder.path, report=print)
    print(r)
    assert seen(db) == {1: 95}
    print(attempts(db), ledger(db))
    assert run_backfills(empty_database_url, folder.path, report=print) == []
    assert read_status(empty_database_url, folder.path).state == "current"


def test_small(runner, folder, db, reported, empty_database_url):
    write_visits(folder, 10)
    folder.write("003_x.sql", "CREATE TABLE x (i int);")
    assert runner.run_migrations() == 3
    assert seen(db) == {1: 10}
    assert run_backfills(empty_database_url, folder.path, report=print) == []
