"""db-verify reports exactly the differences between the live database and the schema that the files create."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.verify.introspection import CatalogUnreadable
from peterental.database.migrations.verify.verify import Verification, verify
from tests.conftest import Databases
from tests.database.migrations.conftest import Connection, Folder

PROJECT_DIR = Path(__file__).resolve().parents[4]

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE address AS (street text, town text);
CREATE TYPE span AS RANGE (subtype = int8);
CREATE DOMAIN rent AS numeric(10, 2) DEFAULT 1 CONSTRAINT rent_positive CHECK (VALUE > 0);
CREATE SEQUENCE numbers INCREMENT 5;
CREATE TABLE home (
    home_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    street text NOT NULL,
    town varchar(40) DEFAULT 'Ames' COLLATE "C",
    label text GENERATED ALWAYS AS (street || ' ' || town) STORED,
    mood mood,
    CONSTRAINT street_told CHECK (street <> '')
);
CREATE TABLE room (room_id serial PRIMARY KEY, home_id bigint REFERENCES home, size rent);
CREATE INDEX home_town ON home (town) WHERE street <> '';
CREATE VIEW towns AS SELECT home.town, count(*) AS homes FROM home GROUP BY home.town;
CREATE MATERIALIZED VIEW big AS SELECT room_id FROM room WHERE size > 100;
CREATE TABLE event (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX event_at ON event (at);
CREATE STATISTICS home_statistics ON street, town FROM home;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.street := upper(NEW.street);
    RETURN NEW;
END $$;
CREATE TRIGGER home_shout BEFORE INSERT ON home FOR EACH ROW EXECUTE FUNCTION shout();
CREATE PROCEDURE tidy(days int) LANGUAGE sql AS 'DELETE FROM room WHERE size < 1';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE RULE no_delete AS ON DELETE TO room DO INSTEAD NOTHING;
ALTER TABLE room ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON room FOR SELECT USING (size > 0);
CREATE SCHEMA extra;
CREATE TABLE extra.note (body text);
CREATE COLLATION plainly (provider = libc, locale = 'C');
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION words (COPY = english);
CREATE FUNCTION feels(mood, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE OPERATOR === (LEFTARG = mood, RIGHTARG = text, FUNCTION = feels);
CREATE CAST (mood AS int) WITH INOUT;
SET client_min_messages TO error;
CREATE PUBLICATION homes FOR TABLE home, room WITH (publish = 'insert');
COMMENT ON TABLE home IS 'Where people live';
COMMENT ON COLUMN home.street IS 'With its number';
"""


@pytest.fixture
def migrated(runner: MigrationRunner, folder: Folder) -> Folder:
    folder.write("001_everything.sql", SCHEMA)
    runner.run_migrations()
    return folder


def verified(url: str, folder: Folder, *, scratch_url: str | None = None) -> Verification:
    return verify(url, folder.path, scratch_url=scratch_url, report=print)


def lines(found: Verification) -> list[str]:
    return [" ".join(f"{one.key.object} {one.part} {one.sentence}".split()) for one in found.differences]


# --- no difference ----------------------------------------------------------------------------------------------------


def test_migrated_database_passes_the_check_list(migrated: Folder, empty_database_url: str) -> None:
    found = verified(empty_database_url, migrated)
    assert found.differences == []
    assert found.text().splitlines() == [
        "✅ Database connected",
        "✅ All tables verified",
        "✅ Indexes verified",
        "✅ Other objects verified",
        "✅ Migration tracking verified",
        "✅ Idempotency verified",
        "",
        "The database matches migration 001.",
    ]
    document = found.as_json()
    assert (document["same"], document["differences"], len(document["checks"])) == (True, [], 6)


def test_project_migrations_verify(empty_database_url: str) -> None:
    MigrationRunner(empty_database_url).run_migrations()
    found = verify(empty_database_url, PROJECT_DIR / "migrations", report=print)
    assert found.same, found.text()


def test_verifying_changes_nothing(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    found = verified(empty_database_url, folder)
    assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}
    assert not found.same
    assert "❌ Migration tracking: the database records no migration; run flask db-migrate or" in found.text()
    assert found.summary() == (
        "The tables match an empty schema, since no migration is applied, but a check failed; see above."
    )


@pytest.mark.needs("postgres15")
def test_different_server_versions_are_comparable(
    migrated: Folder,
    empty_database_url: str,
    databases: Databases,
    databases_15: Databases,
    request: pytest.FixtureRequest,
) -> None:
    ours = request.node.callspec.params["empty_database_url"] == "ours"
    other = (databases_15 if ours else databases).create()
    found = verified(empty_database_url, migrated, scratch_url=other)
    assert found.differences == []


def test_rewriting_by_pg_dump_is_no_difference(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i int, status varchar(20) CONSTRAINT known CHECK (status IN ('on', 'it''s', E'o\\\\ff')));\n"
        "CREATE INDEX a_on ON a (i) WHERE status IN ('on', 'off');\n"
        "CREATE VIEW open AS SELECT i FROM a WHERE status NOT IN ('off', 'gone');",
    )
    runner.run_migrations()
    before = definitions(db)
    db.execute(
        # Recreate each object from PostgreSQL's own definition, as restoring a dump does.
        b"""
        DO $$ DECLARE known text; partial text; open text; BEGIN
            SELECT pg_get_constraintdef(oid) INTO known FROM pg_constraint WHERE conname = 'known';
            SELECT pg_get_indexdef('a_on'::regclass), pg_get_viewdef('open'::regclass) INTO partial, open;
            DROP VIEW open; DROP INDEX a_on; ALTER TABLE a DROP CONSTRAINT known;
            EXECUTE 'ALTER TABLE a ADD CONSTRAINT known ' || known;
            EXECUTE partial;
            EXECUTE 'CREATE VIEW open AS ' || open;
        END $$
        """
    )
    assert not before & definitions(db), "each definition must have changed"
    found = verified(empty_database_url, folder)
    assert found.same, found.text()
    db.execute("ALTER TABLE a DROP CONSTRAINT known, ADD CONSTRAINT known CHECK (status IN ('on', 'its', 'off'))")
    assert [line.split("  ")[0] for line in lines(verified(empty_database_url, folder))] != []


def definitions(db: Connection) -> set[str]:
    rows = db.execute(
        "SELECT pg_get_constraintdef(oid) AS words FROM pg_constraint WHERE conname = 'known'"
        " UNION ALL SELECT pg_get_indexdef('a_on'::regclass) UNION ALL SELECT pg_get_viewdef('open'::regclass)"
    )
    return {row["words"] for row in rows}


def test_members_of_extensions_are_ignored(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE EXTENSION hstore;")
    runner.run_migrations()
    assert verified(empty_database_url, folder).same
    db.execute("CREATE EXTENSION citext")
    assert lines(verified(empty_database_url, folder)) == ["extension citext only in the database"]


def test_column_order_is_only_a_remark(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("ALTER TABLE extra.note ADD COLUMN title text")
    migrated.write("002_a.sql", "ALTER TABLE extra.note ADD COLUMN title text;")
    MigrationRunner(empty_database_url, migrated.path)
    db.execute("INSERT INTO schema_migrations (version) VALUES (2)")
    db.execute("ALTER TABLE extra.note DROP COLUMN body; ALTER TABLE extra.note ADD COLUMN body text")
    found = verified(empty_database_url, migrated)
    assert found.same
    assert found.remarks[0].startswith("The column order of table extra.note differs")


# --- differences ------------------------------------------------------------------------------------------------------


CHANGES = {
    "objects": {
        "CREATE TABLE x (i serial PRIMARY KEY)": "table public.x only in the database",
        "DROP TABLE extra.note": "table extra.note only in the files",
        "CREATE SCHEMA x; CREATE TABLE x.y ()": "schema x only in the database: 1 object in it",
        "DROP MATERIALIZED VIEW big": "materialized view public.big only in the files",
        "CREATE FUNCTION shout(int) RETURNS int LANGUAGE sql AS 'SELECT 1'": "function public.shout(integer) only in the database",
        "DROP PROCEDURE tidy": "procedure public.tidy(IN days integer) only in the files",
        "DROP AGGREGATE total (int)": "aggregate public.total(integer) only in the files",
        "DROP TYPE span": "type public.span only in the files",
        "DROP INDEX home_town": "table public.home index home_town only in the files",
        "DROP RULE no_delete ON room": "table public.room rule no_delete only in the files",
        "DROP STATISTICS home_statistics": "table public.home statistics home_statistics only in the files",
        "ALTER TABLE home DROP CONSTRAINT street_told": "table public.home constraint street_told only in the files",
    },
    "rare objects": {
        "DROP COLLATION plainly": "collation public.plainly only in the files",
        "DROP TEXT SEARCH DICTIONARY plain": "text search dictionary public.plain only in the files",
        "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR url": "text search configuration public.words differs: words is",
        "DROP OPERATOR === (mood, text)": "operator public.===(public.mood,text) only in the files",
        "DROP CAST (mood AS int)": "cast (public.mood AS integer) only in the files",
        "ALTER PUBLICATION homes DROP TABLE room": "publication homes differs: tables is public.home in the database, public.home, public.room in the files",
    },
    "columns": {
        "ALTER TABLE home ADD nick text": "table public.home column nick only in the database",
        "ALTER TABLE home DROP mood": "table public.home column mood only in the files",
        "ALTER TABLE extra.note ALTER body TYPE varchar(9)": "table extra.note column body differs: type is character varying(9) in the database, text in the files",
        "ALTER TABLE home ALTER street DROP NOT NULL": "table public.home column street differs: nullable is yes in the database, no in the files",
        "ALTER TABLE home ALTER town DROP DEFAULT": "table public.home column town differs: default is none in the database, 'Ames'::character varying in the files",
        "ALTER TABLE home ALTER home_id SET GENERATED BY DEFAULT": "table public.home column home_id differs: identity is by default in the database, always in the files",
        "COMMENT ON COLUMN home.label IS 'New'": "table public.home column label differs: comment is New in the database, none in the files",
        """ALTER TABLE event ALTER what TYPE text COLLATE "C" """: 'table public.event column what differs: collation is "C" in the database, none in the files',
        "ALTER TABLE room ALTER size SET STORAGE EXTERNAL": "table public.room column size differs: storage is external in the database, none in the files",
        "ALTER TABLE room ALTER home_id SET STATISTICS 500": "table public.room column home_id differs: statistics target is 500 in the database, none in the files",
        "ALTER TYPE address ADD ATTRIBUTE zip text": "type public.address column zip only in the database",
    },
    "properties": {
        "ALTER TABLE home DROP CONSTRAINT street_told, ADD CONSTRAINT street_told CHECK (street <> '') NOT VALID": "table public.home constraint street_told differs: validated is no in the database, yes in the files",
        "ALTER SEQUENCE numbers INCREMENT 6": "sequence public.numbers differs: increment is 6 in the database, 5 in the files",
        "CREATE OR REPLACE VIEW towns AS SELECT town, count(*) AS homes FROM home WHERE true GROUP BY town": "view public.towns differs: definition, line 4, is WHERE true in the database, GROUP BY",
        "CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    RETURN NEW;\nEND $$": "function public.shout() differs: definition, line 6, is RETURN NEW; in the database, NEW.street := upper",
        "ALTER TABLE home DISABLE TRIGGER home_shout": "table public.home trigger home_shout differs: enabled is no in the database, yes in the files",
        "ALTER TABLE room DISABLE ROW LEVEL SECURITY": "table public.room differs: row security is off in the database, on in the files",
        "ALTER POLICY own ON room USING (size > 5)": "table public.room policy own differs: using is ((size)::numeric > (5)::numeric) in the database",
        "ALTER TYPE mood ADD VALUE 'so-so'": "type public.mood differs: values is 'glad', 'sad', 'so-so' in the database, 'glad', 'sad' in the files",
        "ALTER DOMAIN rent SET NOT NULL": "domain public.rent differs: nullable is no in the database, yes in the files",
        "ALTER DOMAIN rent DROP CONSTRAINT rent_positive": "domain public.rent constraint rent_positive only in the files",
        "ALTER TABLE event DETACH PARTITION event_2026": "table public.event_2026 differs: inherits from is none in the database, public.event in the files",
        "ALTER TABLE home REPLICA IDENTITY FULL": "table public.home differs: replica identity is full in the database, none in the files",
        "ALTER TABLE extra.note SET UNLOGGED": "table extra.note differs: logged is no in the database, yes in the files",
    },
}


@pytest.mark.parametrize("kind", CHANGES)
def test_every_manual_change_is_found(migrated: Folder, empty_database_url: str, db: Connection, kind: str) -> None:
    for change in CHANGES[kind]:
        db.execute(change.encode())
    found = lines(verified(empty_database_url, migrated))
    for change, expected in CHANGES[kind].items():
        assert [line for line in found if line.startswith(expected)], (change, found)
    # A column changes in the partition too, and a detached partition keeps its index as a separate one.
    assert len(found) == len(CHANGES[kind]) + (kind in ("columns", "properties")), found


def test_missing_schema_is_found(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("DROP SCHEMA extra CASCADE")
    assert lines(verified(empty_database_url, migrated)) == [
        "schema extra only in the files",
        "table extra.note only in the files",
    ]


def test_invalid_index_is_a_difference(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("DROP INDEX home_town")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE home IN ROW EXCLUSIVE MODE")
        db.execute("SET lock_timeout TO 20")
        for build in ("home_town ON home (town) WHERE street <> ''", "broken ON home (mood)"):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                db.execute(f"CREATE INDEX CONCURRENTLY {build}".encode())
    assert lines(verified(empty_database_url, migrated)) == [
        "table public.home index broken only in the database: not valid",
        "table public.home index home_town differs: valid is no in the database, yes in the files",
    ]


def test_differences_are_listed_by_object(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute(
        "ALTER TABLE home ADD nick text, ALTER street DROP NOT NULL; DROP INDEX home_town; DROP TABLE extra.note"
    )
    assert verified(empty_database_url, migrated).text().splitlines() == [
        "✅ Database connected",
        "❌ 3 differences in tables",
        "❌ 1 difference in indexes",
        "✅ Other objects verified",
        "✅ Migration tracking verified",
        "✅ Idempotency verified",
        "",
        "These matter: code that was written for the files fails, is slow or loses data (2):",
        "table extra.note  only in the files. Statements that use it fail.",
        "table public.home",
        "  index home_town  only in the files. Queries that need it read the whole table.",
        "",
        "These have an effect that only you can judge (1):",
        "table public.home",
        (
            "  column street  differs: nullable is yes in the database, no in the files."
            " Rows without a value are accepted, and code does not expect them."
        ),
        "",
        "These are harmless: code that was written for the files does not notice (1):",
        "table public.home",
        "  column nick  only in the database. The files do not use it.",
        "",
        "4 differences between the database and migration 001, 2 of which matter.",
    ]


def test_schema_with_its_own_ledger_is_skipped(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE SCHEMA other; CREATE TABLE other.schema_migrations (version int); CREATE TABLE other.t (i int)")
    found = verified(empty_database_url, migrated)
    assert found.same
    assert found.remarks == ["Schema other has its own migration ledger and was skipped."]


# --- history ----------------------------------------------------------------------------------------------------------


def test_pending_newer_and_unverified_are_remarked(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    migrated.write("002_b.sql", "CREATE TABLE b (i int);")
    db.execute("UPDATE schema_migrations SET checksum = NULL")
    found = verified(empty_database_url, migrated)
    assert found.same
    assert found.remarks == [
        "002 is not applied yet and not part of this comparison.",
        "001 is recorded without a checksum; flask db-adopt --to 1 adds it.",
    ]
    db.execute("INSERT INTO schema_migrations (version) VALUES (2), (3)")
    db.execute("CREATE TABLE b (i int); CREATE TABLE c (i int)")
    found = verified(empty_database_url, migrated)
    assert (
        found.remarks[0] == "003 is applied by a newer release; objects from there are shown as only in the database."
    )
    assert lines(found) == ["table public.c only in the database"]
    assert found.summary() == "1 difference between the database and migrations 001 to 002, none of which matters."


def test_edited_file_fails_the_tracking_check(migrated: Folder, empty_database_url: str) -> None:
    migrated.write("001_everything.sql", SCHEMA + "SELECT 1;")
    found = verified(empty_database_url, migrated)
    assert found.differences == []
    assert not found.same
    assert "❌ Migration tracking: 001_everything.sql was edited after it was applied" in found.text()


def test_invalid_folder_is_refused(folder: Folder, empty_database_url: str) -> None:
    folder.write("002_a.sql", "SELECT 1;")
    with pytest.raises(MigrationFilesError, match="migration 001 is missing"):
        verified(empty_database_url, folder)


def test_locked_table_makes_the_catalog_unreadable(migrated: Folder, empty_database_url: str, db: Connection) -> None:
    database = urlsplit(empty_database_url).path[1:]
    db.execute(sql.SQL("ALTER DATABASE {} SET lock_timeout TO 100").format(sql.Identifier(database)))
    db.execute("BEGIN; LOCK TABLE home IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(
        CatalogUnreadable, match="of the database could not be read: another session has locked one of its tables"
    ):
        verified(empty_database_url, migrated)
    db.execute("ROLLBACK")
