"""db-verify says of each difference what follows from it, and whether it matters."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.verify.impact import Impact, Weight
from peterental.database.migrations.verify.verify import Verification, verify
from tests.database.migrations.conftest import Connection, Folder

SCHEMA = """
CREATE TABLE landlord (landlord_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE flat (
    flat_id serial PRIMARY KEY,
    landlord_id bigint REFERENCES landlord ON DELETE RESTRICT,
    street varchar(40) NOT NULL,
    town text DEFAULT 'Ames' NOT NULL,
    code text NOT NULL,
    rooms integer,
    seen_at timestamptz,
    left_at timestamptz,
    floor integer,
    label integer GENERATED ALWAYS AS (floor + 1) STORED,
    note text,
    CONSTRAINT flat_rooms CHECK (rooms > 0)
);
CREATE INDEX flat_town ON flat (town);
CREATE UNIQUE INDEX flat_code ON flat (code);
CREATE INDEX flat_by_landlord ON flat (landlord_id, seen_at);
CREATE STATISTICS flat_statistics ON street, town FROM flat;
CREATE FUNCTION upper_street() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER flat_upper BEFORE INSERT ON flat FOR EACH ROW EXECUTE FUNCTION upper_street();
CREATE RULE flat_kept AS ON DELETE TO flat DO INSTEAD NOTHING;
CREATE POLICY flat_own ON flat USING (true);
CREATE TYPE mood AS ENUM ('glad');
CREATE TABLE diary (body text);
"""

CHANGES: dict[str, tuple[Weight, dict[str, str]]] = {
    "what code misses": (
        Weight.MATTERS,
        {
            "ALTER TABLE flat DROP COLUMN rooms": "column rooms: Statements that name it fail.",
            "DROP INDEX flat_town": "index flat_town: Queries that need it read the whole table.",
            "DROP INDEX flat_code": "index flat_code: Duplicates are accepted, and ON CONFLICT on its columns fails.",
            "DROP TRIGGER flat_upper ON flat": "trigger flat_upper: What it does on each write is not done.",
            "DROP POLICY flat_own ON flat": "policy flat_own: Other rows are visible or may be written.",
        },
    ),
    "what refuses or changes rows": (
        Weight.MATTERS,
        {
            "ALTER TABLE flat ADD nick text NOT NULL": "column nick: An INSERT that does not name it fails.",
            "ALTER TABLE flat ALTER rooms TYPE smallint": "column rooms: Numbers that do not fit smallint are refused.",
            "ALTER TABLE flat ALTER town TYPE varchar(9)": "column town: Texts of more than 9 characters are refused.",
            "ALTER TABLE flat ALTER seen_at TYPE timestamp": "column seen_at: Times shift by the time zone of the session.",
            "ALTER TABLE flat ALTER left_at SET NOT NULL": "column left_at: A statement that leaves it empty fails.",
            "ALTER TABLE flat ALTER label DROP EXPRESSION": "column label: The column has other values, or must be written.",
            "ALTER TYPE mood ADD VALUE 'sad'": ": Values that code writes may be refused, and sort differently.",
        },
    ),
    "defaults": (
        Weight.MATTERS,
        {
            "ALTER TABLE flat ALTER town DROP DEFAULT": "column town: An INSERT that does not name the column fails.",
            "ALTER TABLE flat ALTER flat_id SET DEFAULT 7": "column flat_id: An INSERT that does not name the column stores another value.",
            "ALTER TABLE landlord ALTER landlord_id DROP IDENTITY": "column landlord_id: An INSERT that does not name the column gets no number.",
            "ALTER TABLE flat ALTER seen_at SET DEFAULT now(), ALTER seen_at SET NOT NULL": "column seen_at: A statement that sets it to NULL fails.",
        },
    ),
    "other definitions": (
        Weight.MATTERS,
        {
            "DROP INDEX flat_by_landlord; CREATE INDEX flat_by_landlord ON flat (landlord_id)": "index flat_by_landlord: Queries that need the index of the files read more, or the whole table.",
            "DROP INDEX flat_town; CREATE UNIQUE INDEX flat_town ON flat (town)": "index flat_town: Duplicates that the files allow are refused.",
            "DROP INDEX flat_code; CREATE INDEX flat_code ON flat (code)": "index flat_code: Duplicates are accepted, and ON CONFLICT on its columns fails.",
            "ALTER TABLE flat ENABLE ROW LEVEL SECURITY": ": Other rows are visible or may be written.",
            "ALTER TABLE diary SET UNLOGGED": ": A crash of the server empties it.",
            "ALTER TABLE flat DISABLE TRIGGER flat_upper": "trigger flat_upper: It runs for other writes, or for none.",
            "CREATE OR REPLACE FUNCTION upper_street() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'": ": It returns or does something else.",
        },
    ),
    "what only a person can judge": (
        Weight.JUDGE,
        {
            "ALTER TABLE flat ALTER street DROP NOT NULL": "column street: Rows without a value are accepted, and code does not expect them.",
            'ALTER TABLE flat ALTER note TYPE text COLLATE "C"': "column note: Texts sort and compare differently.",
            "ALTER TABLE flat ADD CONSTRAINT far CHECK (town <> '')": "constraint far: Rows that it forbids are refused.",
            "CREATE UNIQUE INDEX one_street ON flat (street)": "index one_street: Rows that it forbids are refused.",
            "CREATE TRIGGER more BEFORE UPDATE ON flat FOR EACH ROW EXECUTE FUNCTION upper_street()": "trigger more: What it does happens on each write.",
            "CREATE POLICY more ON flat USING (false)": "policy more: Where row security is on, other rows are visible or may be written.",
            "DROP STATISTICS flat_statistics": "statistics flat_statistics: Queries on the table are estimated differently.",
            "ALTER TABLE flat REPLICA IDENTITY FULL": ": The replica identity may change what happens.",
            "ALTER TABLE flat DROP CONSTRAINT flat_landlord_id_fkey,"
            " ADD CONSTRAINT flat_landlord_id_fkey FOREIGN KEY (landlord_id) REFERENCES landlord ON DELETE CASCADE": "constraint flat_landlord_id_fkey: Other rows are accepted, or other rows go with a deleted one.",
        },
    ),
    "what code does not notice": (
        Weight.HARMLESS,
        {
            "ALTER TABLE flat ADD nick text, ADD lift boolean NOT NULL DEFAULT false": "column lift: The files do not use it.",
            "CREATE TABLE garage ()": ": The files do not use it.",
            "ALTER TABLE flat ALTER street TYPE varchar(60)": "column street: It holds every text that the files allow.",
            "ALTER TABLE flat ALTER rooms TYPE bigint": "column rooms: It holds every number that the files allow.",
            "ALTER TABLE flat ALTER code SET DEFAULT ''": "column code: It only affects an INSERT that does not name the column.",
            "COMMENT ON TABLE landlord IS 'Owners'": ": Only the documentation differs.",
            "CREATE INDEX more ON flat (seen_at)": "index more: It slows writes a little.",
            "ALTER INDEX flat_town RENAME TO town_of_flat": "index flat_town: It is the same as town_of_flat.",
            "ALTER TABLE flat RENAME CONSTRAINT flat_rooms TO has_rooms": "constraint has_rooms: It is the same as flat_rooms.",
            "ALTER TABLE landlord ALTER name SET STORAGE external": "column name: It only affects the size on disk.",
            "CREATE SEQUENCE flat_numbers; ALTER TABLE flat ALTER flat_id SET DEFAULT nextval('flat_numbers')": "column flat_id: Both number the rows.",
        },
    ),
}


def verified(url: str, folder: Folder) -> Verification:
    return verify(url, folder.path, report=print)


@pytest.mark.parametrize("kind", CHANGES)
def test_difference_shows_its_effect(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection, kind: str
) -> None:
    folder.write("001_flats.sql", SCHEMA)
    runner.run_migrations()
    weight, changes = CHANGES[kind]
    for change in changes:
        db.execute(change.encode())
    found = verified(empty_database_url, folder)
    effects = {f"{one.part}: {found.impacts[one].effect}" for one in found.of(weight)}
    assert set(changes.values()) <= effects, found.text()


def test_invalid_index_is_judged(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_flats.sql", SCHEMA)
    runner.run_migrations()
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE flat IN ROW EXCLUSIVE MODE")
        db.execute("SET lock_timeout TO 20")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("CREATE INDEX CONCURRENTLY broken ON flat (seen_at)")
    found = verified(empty_database_url, folder)
    assert [impact.effect for impact in found.impacts.values()] == [
        "It slows writes down and serves no query: drop it."
    ]


def test_identity_that_is_always_is_judged(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write(
        "001_a.sql", "CREATE TABLE a (a_id bigint GENERATED BY DEFAULT AS IDENTITY); CREATE TABLE b (b_id serial);"
    )
    runner.run_migrations()
    db.execute("ALTER TABLE a ALTER a_id SET GENERATED ALWAYS")
    db.execute("ALTER TABLE b ALTER b_id DROP DEFAULT; DROP SEQUENCE b_b_id_seq")
    db.execute("ALTER TABLE b ALTER b_id ADD GENERATED BY DEFAULT AS IDENTITY")
    found = verified(empty_database_url, folder)
    effects = {one.key.object: impact for one, impact in found.impacts.items()}
    assert effects["table public.a"].effect == "An INSERT with a number of its own fails."
    assert effects["table public.b"] == Impact(Weight.HARMLESS, "Both number the rows.")
    document = found.as_json()["differences"]
    assert {(one["object"], one["weight"]) for one in document} >= {
        ("table public.a", "judge"),
        ("table public.b", "harmless"),
    }
