"""One small history in the conventions of every tool: a function, tables, an index built concurrently, rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FUNCTION = """\
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  NEW.changed_at := now(); -- a semicolon; in a comment
  RETURN NEW;
END;
$body$;
"""
TABLES = """\
CREATE TABLE owner (id bigint PRIMARY KEY, note text DEFAULT 'a;b', changed_at timestamptz);
CREATE TABLE pet (id bigint PRIMARY KEY, owner_id bigint REFERENCES owner);
CREATE TRIGGER owner_touch BEFORE UPDATE ON owner FOR EACH ROW EXECUTE FUNCTION touch();
"""
INDEX = "CREATE INDEX CONCURRENTLY pet_owner ON pet (owner_id);\n"
COLUMN = "ALTER TABLE pet ADD COLUMN name text;\nINSERT INTO owner (id) VALUES (1);\n"

NO_FUNCTION = "DROP FUNCTION touch();\n"
NO_TABLES = "DROP TABLE pet;\nDROP TABLE owner;\n"
NO_INDEX = "DROP INDEX pet_owner;\n"
NO_COLUMN = "DELETE FROM owner;\nALTER TABLE pet DROP COLUMN name;\n"

UPS = (FUNCTION, TABLES, INDEX, COLUMN)
DOWNS = (NO_FUNCTION, NO_TABLES, NO_INDEX, NO_COLUMN)
WORDS = ("touch", "tables", "index_pets", "pet_name")


@dataclass(frozen=True)
class Example:
    """A folder of one tool.

    Args:
        tool: its name.
        files: text by name.
        has_downs: whether the folder undoes everything.
    """

    tool: str
    files: dict[str, str]
    has_downs: bool = True

    def write(self, folder: Path) -> Path:
        """Write the files and return the folder."""
        write_files(folder, self.files)
        return folder


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files by relative name."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def _goose() -> dict[str, str]:
    def block(sql: str) -> str:
        return f"-- +goose StatementBegin\n{sql}-- +goose StatementEnd\n"

    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        no_transaction = "-- +goose NO TRANSACTION\n" if up is INDEX else ""
        up_part = block(up) if up is FUNCTION else up
        files[f"{number:05d}_{word}.sql"] = f"{no_transaction}-- +goose Up\n{up_part}\n-- +goose Down\n{down}"
    return files


def _dbmate() -> dict[str, str]:
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        option = " transaction:false" if up is INDEX else ""
        files[f"2024013112000{number}_{word}.sql"] = f"-- migrate:up{option}\n{up}\n-- migrate:down\n{down}\n"
    return files


def _pairs(prefix: str, up_head: str = "") -> dict[str, str]:
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        files[f"{prefix}{number}_{word}.up.sql"] = (up_head if up is INDEX else "") + up
        files[f"{prefix}{number}_{word}.down.sql"] = down
    return files


def _golang_migrate() -> dict[str, str]:
    files = _pairs("00000")
    for name in ("000002_tables.up.sql", "000002_tables.down.sql", "000004_pet_name.up.sql"):
        files[name] = f"BEGIN;\n\n{files[name]}\nCOMMIT;\n"
    return files


def _flyway() -> dict[str, str]:
    versions = ("1", "1_2", "1.9", "1.10")
    files = {}
    for version, word, up, down in zip(versions, WORDS, UPS, DOWNS, strict=True):
        files[f"V{version}__{word}.sql"] = up
        files[f"undo/U{version}__{word}.sql"] = down
    files["V1.9__index_pets.sql.conf"] = "executeInTransaction=false\n"
    return files


def _diesel() -> dict[str, str]:
    files = {"2024-01-31-120003_index_pets/metadata.toml": "run_in_transaction = false\n"}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        files[f"2024-01-31-12000{number}_{word}/up.sql"] = up
        files[f"2024-01-31-12000{number}_{word}/down.sql"] = down
    return files


def _rails() -> dict[str, str]:
    structure = (
        "\\restrict 0123abc\n\n-- Dumped from database version 18.0\n\nSET statement_timeout = 0;\nSET lock_timeout = 0;\n"
        "SET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\n\n"
        "CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n"
        "  NEW.changed_at := now(); -- a semicolon; in a comment\n  RETURN NEW;\nEND;\n$body$;\n\n"
        "SET default_tablespace = '';\n\n"
        "CREATE TABLE public.ar_internal_metadata (\n    key character varying NOT NULL,\n    value character varying\n);\n\n"
        "CREATE TABLE public.owner (id bigint NOT NULL, note text DEFAULT 'a;b', changed_at timestamptz);\n\n"
        "CREATE TABLE public.pet (id bigint NOT NULL, owner_id bigint);\n\n"
        "CREATE TABLE public.schema_migrations (\n    version character varying NOT NULL\n);\n\n"
        "ALTER TABLE ONLY public.ar_internal_metadata\n    ADD CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key);\n\n"
        "ALTER TABLE ONLY public.owner ADD CONSTRAINT owner_pkey PRIMARY KEY (id);\n"
        "ALTER TABLE ONLY public.pet ADD CONSTRAINT pet_pkey PRIMARY KEY (id);\n"
        "ALTER TABLE ONLY public.schema_migrations\n    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);\n\n"
        "CREATE INDEX pet_owner ON public.pet USING btree (owner_id);\n\n"
        "CREATE TRIGGER owner_touch BEFORE UPDATE ON public.owner FOR EACH ROW EXECUTE FUNCTION public.touch();\n\n"
        "ALTER TABLE ONLY public.pet ADD CONSTRAINT pet_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.owner(id);\n\n"
        '\\unrestrict 0123abc\n\nSET search_path TO "$user", public;\n\n'
        "INSERT INTO \"schema_migrations\" (version) VALUES\n('20240131120002'),\n('20240131120001');\n"
    )
    return {
        "structure.sql": structure,
        "migrate/20240131120001_tables.rb": "class Tables < ActiveRecord::Migration[8.0]\nend\n",
        "migrate/20240131120002_index.rb": "class Index < ActiveRecord::Migration[8.0]\nend\n",
        "migrate/20240131120003_pet_name/up.sql": COLUMN,
        "migrate/20240131120003_pet_name/down.sql": NO_COLUMN,
    }


def _alembic() -> dict[str, str]:
    ids = ("1a2b", "2b3c", "3c4d", "4d5e")
    table = "CREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n\n"
    upgrade = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.\nBEGIN;\n\n" + table
    before = ""
    for revision, sql in zip(ids, UPS, strict=True):
        body = f"COMMIT;\n\n{sql}\nBEGIN;\n" if sql is INDEX else sql
        record = (
            f"UPDATE alembic_version SET version_num='{revision}' WHERE alembic_version.version_num = '{before}';"
            if before
            else f"INSERT INTO alembic_version (version_num) VALUES ('{revision}') RETURNING alembic_version.version_num;"
        )
        upgrade += f"-- Running upgrade {before} -> {revision}\n\n{body}\n{record}\n\n"
        before = revision
    downgrade = "BEGIN;\n\n"
    for number in (3, 2, 1, 0):
        after = ids[number - 1] if number else ""
        downgrade += f"-- Running downgrade {ids[number]} -> {after}\n\n{DOWNS[number]}\n"
        downgrade += f"DELETE FROM alembic_version WHERE alembic_version.version_num = '{ids[number]}';\n\n"
    return {
        "upgrade.sql": upgrade + "COMMIT;\n\n",
        "downgrade.sql": downgrade + "DROP TABLE alembic_version;\n\nCOMMIT;\n\n",
        **{
            f"versions/{revision}_{word}.py": f'"""{word}\n\nRevision ID: {revision}\n"""\nrevision: str = "{revision}"\n'
            for revision, word in zip(ids, WORDS, strict=True)
        },
    }


def _sql_migrate() -> dict[str, str]:
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        option = " notransaction" if up is INDEX else ""
        up_part = f"-- +migrate StatementBegin\n{up}-- +migrate StatementEnd\n" if up is FUNCTION else up
        files[f"{number}-{word}.sql"] = f"-- +migrate Up{option}\n{up_part}\n-- +migrate Down\n{down}"
    return files


def _tern() -> dict[str, str]:
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        head = "---- tern: disable-tx ----\n" if up is INDEX else ""
        files[f"{number:03d}_{word}.sql"] = f"{head}{up}\n---- create above / drop below ----\n\n{down}"
    return files


def _node_pg_migrate() -> dict[str, str]:
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        files[f"170670240000{number}_{word.replace('_', '-')}.sql"] = (
            f"-- Up Migration\n{up}\n-- Down Migration\n{down}"
        )
    return files


def _liquibase() -> dict[str, str]:
    text = "--liquibase formatted sql\n"
    for word, up, down in zip(WORDS, UPS, DOWNS, strict=True):
        attributes = {FUNCTION: " splitStatements:false endDelimiter:/", INDEX: " runInTransaction:false"}.get(up, "")
        body = up.replace("$body$;", "$body$\n/") if up is FUNCTION else up
        undo = "".join(f"--rollback {line}\n" for line in down.splitlines())
        text += f"\n--changeset ana:{word}{attributes}\n--comment: {word}\n{body}{undo}"
    return {"changelog.sql": text}


def _prisma() -> dict[str, str]:
    files = {"migration_lock.toml": 'provider = "postgresql"\n'}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True), 1):
        files[f"2024013112000{number}_{word}/migration.sql"] = f"-- CreateTable\n{up}"
        files[f"2024013112000{number}_{word}/down.sql"] = down
    return files


def _drizzle() -> dict[str, str]:
    tags = [f"{number:04d}_{word}" for number, word in enumerate(WORDS)]
    entries = ", ".join(f'{{"idx": {number}, "tag": "{tag}"}}' for number, tag in enumerate(tags))
    files = {
        f"{tag}.sql": up.replace(";\nCREATE", ";--> statement-breakpoint\nCREATE").replace(
            ";\nINSERT", "\n--> statement-breakpoint\nINSERT"
        )
        for tag, up in zip(tags, UPS, strict=True)
    }
    return files | {"meta/_journal.json": f'{{"entries": [{entries}]}}', "meta/0000_snapshot.json": "{}"}


def _timestamped(index_head: str = "") -> dict[str, str]:
    return {
        f"2024013112000{number}_{word}.sql": (index_head if up is INDEX else "") + up
        for number, (word, up) in enumerate(zip(WORDS, UPS, strict=True), 1)
    }


def _sqitch() -> dict[str, str]:
    plan = "%syntax-version=1.0.0\n%project=pets\n\n"
    files = {}
    for number, (word, up, down) in enumerate(zip(WORDS, UPS, DOWNS, strict=True)):
        needs = f" [{WORDS[number - 1]}]" if number else ""
        plan += f"{word}{needs} 2024-01-31T12:00:0{number}Z Ana <ana@example.com> # {word}\n"
        head = f"-- Deploy pets:{word} to pg\n\n"
        files[f"deploy/{word}.sql"] = head + (up if up is INDEX else f"BEGIN;\n\n{up}\nCOMMIT;\n")
        files[f"revert/{word}.sql"] = f"-- Revert pets:{word} from pg\n\nBEGIN;\n\n{down}\nCOMMIT;\n"
        files[f"verify/{word}.sql"] = "SELECT 1;\n"
    return files | {"sqitch.plan": plan + "@v1.0 2024-02-01T00:00:00Z Ana <ana@example.com> # first\n"}


EXAMPLES = (
    Example("goose", _goose()),
    Example("dbmate", _dbmate()),
    Example("golang-migrate", _golang_migrate()),
    Example("flyway", _flyway()),
    Example("sqlx", _pairs("2024013112000", "-- no-transaction\n")),
    Example("diesel", _diesel()),
    Example("rails", _rails(), has_downs=False),
    Example("alembic-sql", _alembic()),
    Example("sql-migrate", _sql_migrate()),
    Example("tern", _tern()),
    Example("node-pg-migrate", _node_pg_migrate()),
    Example("liquibase", _liquibase()),
    Example("prisma", _prisma()),
    Example("drizzle", _drizzle(), has_downs=False),
    Example("supabase", _timestamped(), has_downs=False),
    Example("atlas", _timestamped("-- atlas:txmode none\n\n") | {"atlas.sum": "h1:\n"}, has_downs=False),
    Example("sqitch", _sqitch()),
)
