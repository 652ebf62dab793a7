"""Indexes and partitions of existing tables: without CONCURRENTLY, changes block writes."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import advice, breaking, error, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command
from peterental.database.migrations.lint.schema_model import Index

CREATE = unsafe(
    "create-index",
    "The build locks the table against writes (SHARE) until the last row is indexed; every insert and update waits.",
)
PARTITIONED = error(
    "partitioned-concurrently",
    "PostgreSQL cannot build an index on a partitioned table concurrently, only on one partition at a time.",
)
DROP = unsafe(
    "drop-index",
    "It locks the index's table against reads and writes (ACCESS EXCLUSIVE). It waits for every running query on the "
    "table, and all later queries wait behind it.",
)
DROP_UNIQUE = breaking(
    "drop-unique-index",
    "Duplicates are accepted from now on, and old code whose ON CONFLICT clause relies on it fails at once.",
)
REINDEX = unsafe(
    "reindex", "It locks the table against writes, and the index against reads, until the rebuild is done."
)
REFRESH = unsafe(
    "refresh-materialized-view",
    "The view cannot be read (ACCESS EXCLUSIVE) until its query has finished.",
)
UNNAMED = advice(
    "name-index",
    "PostgreSQL generates a new name each time. IF NOT EXISTS and the runner, when it recovers an interrupted "
    "CONCURRENTLY build, find an index by its name.",
)

NO_TRANSACTION = "-- in a file with “-- migrate: no-transaction” at the top:"


@on("index_stmt")
def check_create(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE INDEX."""
    node = statement.node
    key, table = ast.key_of(node.relation), ast.sql_name(node.relation)
    if (
        not node.idxname and not lint.no_transaction and not lint.is_created_here(key)
    ):  # there the runner itself refuses it
        lint.report(
            UNNAMED, f"The index on {table} has no name: CREATE INDEX {ast.quoted(_name(node))} ON …", statement
        )
    partitioned = lint.schema.is_partitioned(key)
    empty = partitioned and not node.relation.inh  # ON ONLY: an index that waits for those of the partitions
    if node.concurrent and partitioned:
        what = f"{table} is partitioned, and its indexes cannot be built CONCURRENTLY."
        lint.report(PARTITIONED, what, statement, safe=_on_partitions(node))
    if node.concurrent or empty or lint.is_created_here(key):
        return
    name = ast.quoted(_name(node))
    lint.report(
        CREATE,
        f"{name} is built on {table} without CONCURRENTLY.",
        statement,
        safe=_on_partitions(node) if partitioned else f"{NO_TRANSACTION}\n{create_concurrently(node)}",
    )


@on("drop_stmt")
def check_drop(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP INDEX."""
    node = statement.node
    if ast.enum_name(node, "remove_type") != "OBJECT_INDEX" or node.concurrent:
        return
    for item in node.objects:
        names = ast.strings(item.list.items)
        index = lint.schema.indexes.get(names[-1])
        if index and _is_new(lint, index):
            continue
        on_table = f" of {ast.quoted(index.table)}" if index else ""
        lint.report(
            DROP,
            f"The index {ast.sql_name_of_parts(names)}{on_table} is dropped without CONCURRENTLY.",
            statement,
            safe=f"{NO_TRANSACTION}\nDROP INDEX CONCURRENTLY IF EXISTS {ast.sql_name_of_parts(names)};",
        )


@on("drop_stmt")
def check_drop_unique(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP INDEX of a unique index, with CONCURRENTLY too."""
    node = statement.node
    if ast.enum_name(node, "remove_type") != "OBJECT_INDEX":
        return
    dropped = [ast.strings(item.list.items) for item in node.objects]
    for names in dropped:
        index = lint.schema.indexes.get(names[-1])
        if index is None or not index.unique or _is_new(lint, index):
            continue
        if _has_substitute(lint, index, {parts[-1] for parts in dropped}):
            continue
        lint.report(
            DROP_UNIQUE,
            f"The unique index {ast.sql_name_of_parts(names)} of {ast.quoted(index.table)} is dropped.",
            statement,
            safe=f"-- first deploy code that does not rely on it; then, in a file of its own:\n-- migrate: contract"
            f" no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS {ast.sql_name_of_parts(names)};",
        )


def _is_new(lint: FileLint, index: Index) -> bool:
    """Return whether only this file's transaction has seen the index."""
    return lint.is_created_here(index.table) or index.file == lint.number


def _has_substitute(lint: FileLint, index: Index, dropped: set[str]) -> bool:
    """Return whether a unique index that is not dropped as well, or a key, forbids the same duplicates.

    Of two partial indexes on the same columns, one replaces the other: whether its condition suits is the author's
    concern.
    """
    table = lint.schema.table(index.table)
    keys = [one.columns for one in table.constraints.values() if one.kind in {"primary", "unique"}] if table else []
    others = [one for one in lint.schema.indexes_on(index.table) if one.unique and one.name not in dropped]
    keys += [one.columns for one in others if one.plain or (one.partial and index.partial and _has_only_columns(one))]
    if _has_only_columns(index) and any(set(key) == set(index.columns) for key in keys):
        return True
    return any(_definition(one) == _definition(index) is not None for one in others)


def _has_only_columns(index: Index) -> bool:
    """Return whether the index has no expressions."""
    return index.plain or (index.definition is not None and len(index.columns) == len(index.definition.index_params))


def _definition(index: Index) -> str | None:
    """Return what the index is built on, as SQL without its name; None if that is not known any more."""
    if index.definition is None:
        return None
    copy = type(index.definition)()
    copy.CopyFrom(index.definition)
    copy.idxname, copy.concurrent, copy.if_not_exists = "", False, False
    return ast.sql_of("index_stmt", copy)


@on("reindex_stmt")
def check_reindex(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REINDEX."""
    node = statement.node
    if any(one.def_elem.defname == "concurrently" for one in node.params):
        return
    kind = ast.enum_name(node, "kind").rpartition("_")[2]
    what = ast.sql_name(node.relation) if node.HasField("relation") else ast.quoted(node.name) if node.name else ""
    if node.HasField("relation") and lint.is_created_here(ast.key_of(node.relation)):
        return
    lint.report(
        REINDEX,
        f"REINDEX {kind} {what}".rstrip() + " runs without CONCURRENTLY.",
        statement,
        safe=f"{NO_TRANSACTION}\n" + f"REINDEX {kind} CONCURRENTLY {what}".rstrip() + ";",
    )


@on("refresh_mat_view_stmt")
def check_refresh(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REFRESH MATERIALIZED VIEW."""
    node = statement.node
    if node.concurrent or node.skip_data or lint.is_created_here(ast.key_of(node.relation)):
        return
    view = ast.sql_name(node.relation)
    lint.report(
        REFRESH,
        f"{view} is refreshed without CONCURRENTLY.",
        statement,
        safe=f"-- needs a unique index on {view} without a condition:\nREFRESH MATERIALIZED VIEW CONCURRENTLY {view};",
    )


DETACH = unsafe(
    "detach-partition",
    "It locks the whole partitioned table against reads and writes (ACCESS EXCLUSIVE). It waits for every running "
    "query on any partition, and all later queries wait behind it.",
)
ATTACH = unsafe(
    "attach-partition",
    "PostgreSQL reads every row of the new partition to check the partition bound, while the partition is locked "
    "against reads and writes (ACCESS EXCLUSIVE), unless a validated CHECK already implies the bound.",
)


BESIDE_DEFAULT = unsafe(
    "partition-beside-default",
    "PostgreSQL reads every row of the DEFAULT partition to check that none belongs to the new partition, while the "
    "DEFAULT partition is locked against reads and writes (ACCESS EXCLUSIVE), unless a validated CHECK rules that out.",
)


@on("create_stmt")
def check_partition_of(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE TABLE … PARTITION OF beside a DEFAULT partition."""
    node = statement.node
    if node.HasField("partbound") and not node.partbound.is_default:
        parent = node.inh_relations[0].range_var
        _check_default(lint, statement, ast.key_of(parent), node.relation, statement.offset)


def _check_default(lint: FileLint, statement: ParsedStatement, parent: str, part: Any, at: int) -> None:
    """Report a new partition for which the DEFAULT partition is read."""
    default = lint.schema.default_partition(parent)
    if default is None or lint.is_created_here(default.name):
        return
    if any(one.kind == "check" and one.valid for one in default.constraints.values()):
        return  # the server decides whether the check rules the new bound out
    name, check = ast.quoted(default.name), ast.quoted(f"{default.name}_not_{part.relname}")
    lint.report(
        BESIDE_DEFAULT,
        f"The new partition {ast.sql_name(part)} lies beside the DEFAULT partition {name}, which is read.",
        statement,
        at=at,
        safe=f"-- first move the rows of the new bound out of {name}, and rule them out there:\n"
        f"--   ALTER TABLE {name} ADD CONSTRAINT {check} CHECK (NOT (…)) NOT VALID;\n"
        f"-- next file:\n"
        f"--   ALTER TABLE {name} VALIDATE CONSTRAINT {check};\n"
        f"-- file after that: this partition, and then\n"
        f"--   ALTER TABLE {name} DROP CONSTRAINT {check};",
    )


@on_command("AT_DetachPartition")
def check_detach(lint: FileLint, command: AlterCommand) -> None:
    """Check DETACH PARTITION."""
    part = ast.definition_of(command.node).partition_cmd
    if part.concurrent or lint.is_created_here(command.table):
        return
    name = ast.sql_name(part.name)
    lint.report(
        DETACH,
        f"{name} is detached from {command.sql_name} without CONCURRENTLY.",
        command.statement,
        at=command.offset,
        safe=f"{NO_TRANSACTION}\nALTER TABLE {command.sql_name} DETACH PARTITION {name} CONCURRENTLY;",
    )


@on_command("AT_AttachPartition")
def check_attach(lint: FileLint, command: AlterCommand) -> None:
    """Check ATTACH PARTITION of a table that may have rows."""
    part = ast.definition_of(command.node).partition_cmd
    key = ast.key_of(part.name)
    if not part.bound.is_default:
        _check_default(lint, command.statement, command.table, part.name, command.offset)
    if lint.is_created_here(key):
        return
    table = lint.schema.table(key)
    if table and any(one.kind == "check" and one.valid for one in table.constraints.values()):
        return  # the server decides whether the check implies the bound
    name = ast.sql_name(part.name)
    check = ast.quoted(f"{part.name.relname}_belongs")
    lint.report(
        ATTACH,
        f"No validated CHECK implies the partition bound of {name}.",
        command.statement,
        at=command.offset,
        safe=f"-- add a CHECK that implies the partition bound and that its columns are not NULL:\n"
        f"--   ALTER TABLE {name} ADD CONSTRAINT {check} CHECK (…) NOT VALID;\n"
        f"-- next file:\n"
        f"--   ALTER TABLE {name} VALIDATE CONSTRAINT {check};\n"
        f"-- file after that: this ATTACH PARTITION, and then\n"
        f"--   ALTER TABLE {name} DROP CONSTRAINT {check};",
    )


def _name(node: Any) -> str:
    """Return an index's name, or a suggested name if it has none."""
    columns = [element.index_elem.name or "expression" for element in node.index_params]
    return str(node.idxname) or "_".join(["idx", node.relation.relname, *columns])


def create_concurrently(node: Any) -> str:
    """Return a CREATE INDEX as SQL with a name, CONCURRENTLY and IF NOT EXISTS."""
    copy = type(node)()
    copy.CopyFrom(node)
    copy.concurrent, copy.if_not_exists, copy.idxname = True, True, _name(node)
    _omit_default_method(copy)
    return ast.sql_of("index_stmt", copy)


def _omit_default_method(node: Any) -> None:
    if node.access_method == "btree":
        node.access_method = ""


def _on_partitions(node: Any) -> str:
    """Return the SQL that indexes a partitioned table.

    It creates an empty index, then one per partition to attach to it.
    """
    copy = type(node)()
    copy.CopyFrom(node)
    copy.if_not_exists, copy.idxname, copy.relation.inh, copy.concurrent = True, _name(node), False, False
    _omit_default_method(copy)
    name = ast.quoted(_name(node))
    return (
        f"{ast.sql_of('index_stmt', copy)}\n"
        f"-- for each partition, {NO_TRANSACTION[3:]}\n"
        f"--   CREATE INDEX CONCURRENTLY IF NOT EXISTS … ON partition …;\n"
        f"-- next file, for each partition:\n"
        f"--   ALTER INDEX {name} ATTACH PARTITION …;"
    )
