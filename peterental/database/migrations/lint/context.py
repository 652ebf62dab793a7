"""The file being linted: the facts that rules read and the findings that they report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.findings import Finding, Rule
from peterental.database.migrations.lint.parsed_file import ParsedFile, ParsedStatement
from peterental.database.migrations.lint.schema_model import SchemaModel
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.sql.tokens import tokens_of


@dataclass
class FileLint:
    """One migration and what is known before the current statement.

    Args:
        name: the file's name.
        number: its index in the reading order, from 0.
        version: its version.
        source: its text, parsed.
        schema: the schema as all statements before this one make it.
        no_transaction: whether it runs outside a transaction.
        directives: what its header says.
        is_baseline: whether db-squash has written it.
    """

    name: str
    number: int
    version: int
    source: ParsedFile
    schema: SchemaModel
    no_transaction: bool = False
    directives: Directives = field(default_factory=Directives)
    is_baseline: bool = False
    created: set[str] = field(default_factory=set)
    """Tables that this file creates. No other session uses them yet."""
    locked_tables: dict[str, int] = field(default_factory=dict)
    """Existing tables that this file's transaction has locked so far, with the line number."""
    findings: list[Finding] = field(default_factory=list)

    def is_created_here(self, key: str) -> bool:
        """Whether this file creates the table, so that no other session uses it yet."""
        return key in self.created

    def report(
        self, rule: Rule, what: str, statement: ParsedStatement | None, *, at: int | None = None, safe: str = ""
    ) -> None:
        """Record a finding, unless it is about the previous release, which a contract file outwaits.

        Args:
            rule: the rule that is broken.
            what: what was found, with the names of the objects.
            statement: the statement; None if the finding is about the whole file.
            at: the offset in the file, in characters; the start of the statement by default.
            safe: the safe alternative, as SQL.
        """
        if rule.breaks_release and self.directives.contract:
            return
        offsets = [at if at is not None else statement.offset if statement else 0]
        while statement:
            offsets.append(statement.offset)
            statement = statement.block
        locations = [locate(self.source.text, offset) for offset in offsets]
        lines = tuple(dict.fromkeys(location.line for location in locations))
        self.findings.append(Finding(rule, self.name, locations[0], what, safe, lines))

    def line_of(self, offset: int) -> int:
        """Return the line number of an offset in characters."""
        return locate(self.source.text, offset).line


@dataclass(frozen=True)
class AlterCommand:
    """One command of an ALTER TABLE.

    Args:
        kind: its type in the parse tree: AT_AddColumn, …
        node: its parse tree.
        statement: the ALTER TABLE.
        offset: where it begins in the file, in characters.
        table: the table's key in the schema model.
        sql_name: the table's name as SQL.
    """

    kind: str
    node: Any
    statement: ParsedStatement
    offset: int
    table: str
    sql_name: str

    @property
    def node_table(self) -> str:
        """The table's name without its schema, for names derived from it."""
        return str(self.statement.node.relation.relname)


def alter_commands(source: ParsedFile, statement: ParsedStatement) -> list[AlterCommand]:
    """Return the commands of an ALTER TABLE with their offsets.

    The parse tree does not have all of these offsets.
    """
    relation = statement.node.relation
    nodes = [wrapped.alter_table_cmd for wrapped in statement.node.cmds]
    begin = statement.offset_of(relation)
    offsets = _command_offsets(source.text[begin : statement.end], begin)
    if len(offsets) != len(nodes):
        offsets = [statement.offset] * len(nodes)
    key, sql_name = ast.key_of(relation), ast.sql_name(relation)
    return [
        AlterCommand(ast.enum_name(node, "subtype"), node, statement, offset, key, sql_name)
        for node, offset in zip(nodes, offsets, strict=True)
    ]


def is_reverted(lint: FileLint, command: AlterCommand) -> bool:
    """Whether the same transaction enables again what it disabled; the lock keeps others out until then."""
    if lint.no_transaction:
        return False
    enabling = command.kind.replace("Disable", "Enable").replace("NoForce", "Force").replace("EnableReplica", "Enable")
    return any(
        ast.enum_name(other, "subtype") == enabling and other.name == command.node.name
        for statement in lint.source.statements
        if statement.kind == "alter_table_stmt"
        and statement.offset >= command.statement.offset
        and ast.key_of(statement.node.relation) == command.table
        for other in (wrapped.alter_table_cmd for wrapped in statement.node.cmds)
    )


def _command_offsets(sql: str, start: int) -> list[int]:
    """Return the offsets of the ALTER TABLE commands in `sql`.

    The commands begin after the table's name and after each top-level comma.

    Args:
        sql: the statement from the table's name on.
        start: the offset of `sql` in the file, in characters.
    """
    found = tokens_of(sql) or []
    words = [token.text for token in found]
    position = 1
    while position + 1 < len(words) and words[position] == ".":
        position += 2
    position += words[position : position + 1] == ["*"]
    begins = [position]
    depth = 0
    for index, word in enumerate(words[position:], position):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            begins.append(index + 1)
    return [start + found[index].offset for index in begins if index < len(found)]
