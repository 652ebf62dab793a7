"""Contract files run when no older release is connected, and wait otherwise; an older release does not come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import ContractInFront, HistoryBroken, MigrationFailed
from peterental.database.migrations.ledger.state import State
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.run import contract
from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.session.releases import OlderSession, older_sessions, release_of, sessions_text
from peterental.database.migrations.settings import EngineSettings
from tests.clocks import Ticking
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger, tables, wait_until

CONTRACT = "-- migrate: contract settle=0s\n"

Connect = Callable[..., psycopg.Connection]


@pytest.fixture
def connect(empty_database_url: str) -> Iterator[Connect]:
    """Open sessions that stay until the test's end, or until it closes them."""
    with ExitStack() as stack:

        def open_session(name: str) -> psycopg.Connection:
            return stack.enter_context(closing(psycopg.connect(empty_database_url, application_name=name)))

        yield open_session


@pytest.fixture
def released(folder: Folder, runner: MigrationRunner) -> MigrationRunner:
    """A runner whose database has 001, and whose folder has contract file 002."""
    folder.write("001_a.sql", "CREATE TABLE a (i int, old int);")
    runner.run_migrations()
    folder.write("002_drop.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN old;")
    return runner


def leave(session: psycopg.Connection, db: Connection) -> None:
    """Close a session and wait until its server process is gone."""
    pid = session.info.backend_pid
    session.close()
    wait_until(db, f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")


def columns(db: Connection) -> list[str]:
    rows = db.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return [row["attname"] for row in rows]


@pytest.mark.parametrize(
    "name",
    [
        "peterental/001",
        "peterental",
        "peterental deploy",
        "peterental/001 deploy",
        "peterental/",
        "peterental/new",
        "peterental/-3",
        "peterental/9999999999",
        "peterental/002x",
    ],
)
def test_contract_waits_for_an_older_session(
    released: MigrationRunner, connect: Connect, db: Connection, reported: ReportedLines, name: str
) -> None:
    session = connect(name)
    assert released.run_migrations() == 0
    assert released.has_unfinished
    assert (
        f"002_drop.sql waits for 1 session of older releases: {name} (pid {session.info.backend_pid}" in reported.text
    )
    assert columns(db) == ["i", "old"]
    leave(session, db)
    assert released.run_migrations() == 1
    assert not released.has_unfinished
    assert columns(db) == ["i"]


@pytest.mark.parametrize(
    "name",
    ["peterental/002", "peterental/003 deploy", "peterental/001 migrations", "peterental migrations monitor", "psql",
     "peterentals", "peterental-tools/001", ""],
)  # fmt: skip
def test_contract_does_not_wait_for_other_sessions(released: MigrationRunner, connect: Connect, name: str) -> None:
    connect(name)
    assert released.run_migrations() == 1


def test_contract_ignores_sessions_of_other_databases(released: MigrationRunner, empty_database_url: str) -> None:
    other = empty_database_url.rpartition("/")[0] + "/postgres"
    with closing(psycopg.connect(other, application_name="peterental/001")):
        assert released.run_migrations() == 1


def test_new_database_has_no_older_release(
    folder: Folder, runner: MigrationRunner, connect: Connect, db: Connection
) -> None:
    connect("peterental")
    folder.write("001_a.sql", "CREATE TABLE a (i int, old int);")
    folder.write("002_drop.sql", "-- migrate: contract\nALTER TABLE a DROP COLUMN old;")
    folder.write("003_b.sql", "CREATE TABLE b (i int);")
    assert runner.run_migrations() == 3
    assert columns(db) == ["i"]


def test_session_that_returns_while_it_settles_is_seen(
    released: MigrationRunner,
    folder: Folder,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    reported: ReportedLines,
) -> None:
    folder.write("002_drop.sql", "-- migrate: contract settle=10s\nALTER TABLE a DROP COLUMN old;")

    class Clock(Ticking):
        sleeps = 0

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            self.sleeps += 1
            if self.sleeps == 3:
                connect("peterental/001")

    clock = Clock(step_s=0.0)
    monkeypatch.setattr(contract, "time", clock)
    assert released.run_migrations() == 0
    assert clock.sleeps == 3
    assert "no older release is connected; watching for 10 s" in reported.text
    assert "002_drop.sql waits for 1 session" in reported.text


def test_status_names_who_is_waited_for(
    released: MigrationRunner, folder: Folder, connect: Connect, empty_database_url: str, db: Connection
) -> None:
    folder.write("003_more.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN i;")
    assert read_status(empty_database_url, folder.path).state == "pending"
    assert read_status(empty_database_url, folder.path).fits
    session = connect("peterental/001")
    for _ in range(2):
        released.run_migrations()
    status = read_status(empty_database_url, folder.path)
    assert [entry.state for entry in status.entries] == [State.APPLIED, State.WAITING, State.WAITING]
    assert (status.state, status.pending, status.fits) == ("current", [], True)
    assert (
        f"002_drop.sql waits for 1 session of older releases: peterental/001 (pid {session.info.backend_pid}"
        in status.summary()
    )
    assert "release 001)" in str(status.as_json()["migrations"][1]["waits_for"])
    leave(session, db)
    assert (
        "waits for the next attempt; no older session is left" in read_status(empty_database_url, folder.path).summary()
    )
    assert attempts(db) == [(1, "applied"), (2, "waiting")]


def test_contract_in_front_of_other_files_is_refused(
    released: MigrationRunner, folder: Folder, connect: Connect, db: Connection
) -> None:
    folder.write("003_b.sql", "CREATE TABLE b (i int);")
    session = connect("peterental/001")
    with pytest.raises(
        ContractInFront, match=r"002_drop.sql waits for 1 session .* 003_b.sql cannot run before it. Nothing"
    ):
        released.run_migrations()
    assert list(ledger(db)) == [1]
    assert "b" not in tables(db)
    leave(session, db)
    assert released.run_migrations() == 2


def test_files_before_a_waiting_contract_are_applied(
    released: MigrationRunner, folder: Folder, connect: Connect, db: Connection
) -> None:
    (folder.path / "002_drop.sql").unlink()
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    folder.write("003_drop.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN old;")
    session = connect("peterental/002")
    assert released.run_migrations() == 1
    assert released.has_unfinished
    assert list(ledger(db)) == [1, 2]
    leave(session, db)
    assert released.run_migrations() == 1


def test_failing_contract_file_is_an_ordinary_failure(
    released: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("002_drop.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN missing;")
    with pytest.raises(MigrationFailed, match="002_drop.sql:2"):
        released.run_migrations()
    assert list(ledger(db)) == [1]


def test_contract_without_transaction_is_applied(released: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "002_drop.sql", "-- migrate: contract settle=0s no-transaction\nALTER TABLE a DROP COLUMN old;\nVACUUM a;"
    )
    assert released.run_migrations() == 1
    assert columns(db) == ["i"]
    row = db.execute("SELECT kind FROM schema_migrations WHERE version = 2").fetchone()
    assert row == {"kind": "contract"}


def test_older_release_is_refused_after_a_contract(
    released: MigrationRunner, folder: Folder, empty_database_url: str, runner_with: Callable[..., MigrationRunner]
) -> None:
    assert released.run_migrations() == 1
    (folder.path / "002_drop.sql").unlink()
    message = "this release is older than contract file 002, which removed what the release may need; deploy the newer"
    with pytest.raises(HistoryBroken, match=message):
        released.run_migrations()
    status = read_status(empty_database_url, folder.path)
    assert (status.state, status.fits) == ("broken", False)
    assert message in status.summary()
    allowing = EngineSettings(allow_older_release=True)
    assert runner_with(settings=allowing).run_migrations() == 0
    assert read_status(empty_database_url, folder.path, allowing).fits


def test_older_release_may_return_below_ordinary_files(released: MigrationRunner, folder: Folder) -> None:
    folder.write("002_drop.sql", "ALTER TABLE a ADD COLUMN added int;")
    assert released.run_migrations() == 1
    (folder.path / "002_drop.sql").unlink()
    assert released.run_migrations() == 0


def test_ledger_of_an_earlier_engine_gains_the_kind(released: MigrationRunner, db: Connection) -> None:
    db.execute("ALTER TABLE schema_migrations DROP COLUMN kind")
    assert released.run_migrations() == 1
    assert db.execute("SELECT version, kind FROM schema_migrations ORDER BY 1").fetchall() == [
        {"version": 1, "kind": None},
        {"version": 2, "kind": "contract"},
    ]


def test_session_names_show_the_release() -> None:
    settings = EngineSettings(application_name="letting", release=16)
    assert settings.session_name() == "letting/016"
    assert settings.session_name("deploy") == "letting/016 deploy"
    assert EngineSettings(application_name="letting").session_name("deploy") == "letting deploy"
    assert release_of("letting/016 deploy", "letting") == 16
    assert release_of("letting/16", "letting") == 16


def test_many_sessions_are_shortened() -> None:
    sessions = [OlderSession(pid, "peterental", None, None, None) for pid in range(5)]
    text = sessions_text(sessions)
    assert text.startswith("5 sessions of older releases: peterental (pid 0, a release")
    assert text.endswith("(pid 2, a release that its name does not tell); and 2 more")


def test_older_sessions_are_ordered_by_age(connect: Connect, db: Connection) -> None:
    pids = [connect(f"peterental/00{number}").info.backend_pid for number in (1, 2)]
    connect("peterental/003")
    assert [session.pid for session in older_sessions(db, "peterental", 3)] == pids


BATCH = "WHERE i BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int"


@pytest.fixture
def filling(folder: Folder, runner: MigrationRunner, db: Connection) -> MigrationRunner:
    """A runner with a backfill of several batches, and a contract file that needs it."""
    folder.write("001_a.sql", "CREATE TABLE a (i int PRIMARY KEY, old int, new int);")
    runner.run_migrations()
    db.execute("INSERT INTO a SELECT n, n FROM generate_series(1, 30) AS n")
    folder.write("002_fill.sql", f"-- migrate: backfill table=a key=i batch=10\nUPDATE a SET new = old {BATCH};")
    folder.write("003_drop.sql", "-- migrate: contract settle=0s after-backfill=002\nALTER TABLE a DROP COLUMN old;")
    return runner


def test_contract_waits_for_its_backfill(
    filling: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    assert filling.run_migrations() == 0
    summary = read_status(empty_database_url, folder.path).summary()
    assert "003_drop.sql waits for backfill 002, which is not complete" in summary
    run_backfills(empty_database_url, folder.path, report=print)
    assert "003_drop.sql waits for the next attempt" in read_status(empty_database_url, folder.path).summary()
    assert filling.run_migrations() == 1
    assert columns(db) == ["i", "new"]


def test_contract_in_front_finishes_its_backfill_first(
    filling: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("004_b.sql", "CREATE TABLE b (i int);")
    assert filling.run_migrations() == 3
    assert db.execute("SELECT count(*) AS n FROM a WHERE new = i").fetchone() == {"n": 30}
    assert list(ledger(db)) == [1, 2, 3, 4]
