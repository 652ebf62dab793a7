"""One file under examination: what the rules may ask about it, and where they put what they find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.findings import Finding, Rule
from peterental.database.migrations.lint.parsed_file import ParsedFile, ParsedStatement
from peterental.database.migrations.lint.schema_model import SchemaModel
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.sql.tokens import tokens_of


@dataclass
class FileLint:
    """One migration and what is known at the statement being looked at.

    Args:
        name: the file's name.
        number: its place in the order of reading, from 0.
        version: its number.
        source: its text, parsed.
        catalog: the schema as all statements before this one make it.
        no_transaction: whether it runs statement by statement.
    """

    name: str
    number: int
    version: int
    source: ParsedFile
    catalog: SchemaModel
    no_transaction: bool = False
    made: set[str] = field(default_factory=set)
    """Tables that this file makes: nobody waits for them yet."""
    locked_tables: dict[str, int] = field(default_factory=dict)
    """Tables that others use and this file's transaction has locked so far, with the line."""
    findings: list[Finding] = field(default_factory=list)

    def is_created_here(self, key: str) -> bool:
        """Whether this file makes that table, so that nobody else uses it yet."""
        return key in self.made

    def report(
        self, rule: Rule, what: str, statement: ParsedStatement | None, *, at: int | None = None, safe: str = ""
    ) -> None:
        """Keep a finding.

        Args:
            rule: which rule is broken.
            what: what was found, with the names it concerns.
            statement: in which statement; None where the whole file is meant.
            at: where in the file, in characters; the statement's beginning by default.
            safe: the safe way, as SQL.
        """
        offsets = [at if at is not None else statement.offset if statement else 0]
        while statement:
            offsets.append(statement.offset)
            statement = statement.block
        places = [locate(self.source.text, offset) for offset in offsets]
        lines = tuple(dict.fromkeys(place.line for place in places))
        self.findings.append(Finding(rule, self.name, places[0], what, safe, lines))

    def line_of(self, offset: int) -> int:
        """Give the line of a place in characters."""
        return locate(self.source.text, offset).line


@dataclass(frozen=True)
class AlterCommand:
    """One command of an ALTER TABLE.

    Args:
        kind: which, as the parse tree calls it: AT_AddColumn, …
        node: its tree.
        statement: the ALTER TABLE.
        offset: where it begins in the file, in characters.
        table: the table's name in the catalog.
        shown: the table's name as SQL.
    """

    kind: str
    node: Any
    statement: ParsedStatement
    offset: int
    table: str
    shown: str

    @property
    def node_table(self) -> str:
        """The table's name without its schema, for names made from it."""
        return str(self.statement.node.relation.relname)


def commands_of(source: ParsedFile, statement: ParsedStatement) -> list[AlterCommand]:
    """Give the commands of an ALTER TABLE, each with its place, which the tree does not tell for all of them."""
    relation = statement.node.relation
    nodes = [wrapped.alter_table_cmd for wrapped in statement.node.cmds]
    begin = statement.offset_of(relation)
    offsets = _command_offsets(source.text[begin : statement.end], begin)
    if len(offsets) != len(nodes):
        offsets = [statement.offset] * len(nodes)
    key, shown = ast.key_of(relation), ast.shown(relation)
    return [
        AlterCommand(ast.enum_name(node, "subtype"), node, statement, offset, key, shown)
        for node, offset in zip(nodes, offsets, strict=True)
    ]


def _command_offsets(sql: str, start: int) -> list[int]:
    """Give where the commands begin in `sql`, which begins with the table's name: after it, and after each comma."""
    found = tokens_of(sql) or []
    words = [word.sql for word in found]
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
