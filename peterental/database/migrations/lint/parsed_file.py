"""Parse a migration for the rules: statements with parse trees, also inside DO blocks, and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.do_blocks import EmbeddedSql, sql_in_block
from peterental.database.migrations.source.statements import split_statements
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.parser import ParseError, parse
from peterental.database.migrations.sql.tokens import tokens_with_comments

_WRITES = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"})
_WITH_CLAUSE = _WRITES | {"select_stmt", "create_table_as_stmt", "declare_cursor_stmt", "copy_stmt"}


class Text:
    """A parsed text that maps byte locations to character offsets.

    Args:
        text: what was parsed.
        start: where it begins in the file, in characters.
        verbatim: whether the file contains it unchanged; otherwise every location maps to `start`.
    """

    def __init__(self, text: str, start: int = 0, *, verbatim: bool = True) -> None:
        self._encoded = text.encode()
        self._ascii = text.isascii()
        self._start = start
        self._verbatim = verbatim

    def offset(self, location: int) -> int:
        """Return the offset in the file, in characters, of byte `location` of this text."""
        if not self._verbatim or location < 0:
            return self._start
        return self._start + (location if self._ascii else len(self._encoded[:location].decode(errors="replace")))


@dataclass(frozen=True)
class ParsedStatement:
    """One parsed statement.

    Args:
        kind: its type in the parse tree: alter_table_stmt, index_stmt, …
        node: its parse tree.
        text: the text that the locations in `node` refer to.
        offset: where it begins in the file, in characters.
        end: where it ends in the file, in characters.
        block: the DO statement that contains it, if any.
        loop: the query of the FOR loop in that block for each row of which it runs; empty without one.
    """

    kind: str
    node: Any
    text: Text
    offset: int
    end: int
    block: ParsedStatement | None = None
    loop: str = ""

    def offset_of(self, node: Any) -> int:
        """Return the offset in the file, in characters, of a node that has a location."""
        return self.text.offset(node.location)


@dataclass(frozen=True)
class Definition:
    """A CREATE FUNCTION or CREATE PROCEDURE, and its text."""

    statement: ParsedStatement
    text: str


@dataclass(frozen=True)
class SyntaxProblem:
    """A syntax error: offset in the file, in characters, and message."""

    offset: int
    message: str


@dataclass(frozen=True)
class Comment:
    """A `--` comment: its offset in the file, in characters, and its text."""

    offset: int
    text: str


@dataclass
class ParsedFile:
    """The parsed text of one migration.

    A statement with a syntax error does not hide the others.
    """

    text: str
    earlier_functions: Mapping[str, Definition] = field(default_factory=dict)
    """The functions of earlier files, by name: what this file calls, it runs."""
    dynamic_sql: list[tuple[int, ParsedStatement]] = field(default_factory=list)
    """SQL that DO blocks build at run time: the offset in characters, and the block."""

    @property
    def problems(self) -> list[SyntaxProblem]:
        """The syntax errors."""
        return self._parsed[1]

    @cached_property
    def statements(self) -> list[ParsedStatement]:
        """Every statement in order; the statements inside a DO block follow it."""
        found = []
        functions = dict(self.earlier_functions)
        for statement in self._top_level():
            parts = self._with_parts(statement)
            if statement.kind == "do_stmt":
                parts += self._parse_block(statement)
            found += parts
            if statement.kind == "create_function_stmt":
                functions |= self._defined_by(statement)
            elif functions:
                for part in parts:
                    found += self._called_bodies(part, functions)
        return found

    def _with_parts(self, statement: ParsedStatement) -> list[ParsedStatement]:
        """Return a statement and those that run as a part of it: WITH, EXPLAIN ANALYZE, PREPARE."""
        parts = []
        for kind, node in _parts(statement):
            offset = statement.offset_of(node.relation) if kind in _WRITES else statement.offset
            parts.append(replace(statement, kind=kind, node=node, offset=offset, block=statement))
        return [statement, *parts]

    @property
    def functions(self) -> dict[str, Definition]:
        """The functions that this file creates, by name."""
        found: dict[str, Definition] = {}
        for statement in self._top_level():
            if statement.kind == "create_function_stmt":
                found |= self._defined_by(statement)
        return found

    def _defined_by(self, statement: ParsedStatement) -> dict[str, Definition]:
        text = self.text[statement.offset : statement.end]
        return {ast.strings(statement.node.funcname)[-1]: Definition(statement, text)}

    def _called_bodies(self, statement: ParsedStatement, functions: dict[str, Definition]) -> list[ParsedStatement]:
        """Return the SQL of the functions of the files that a SELECT or CALL runs."""
        if statement.kind not in ("select_stmt", "call_stmt"):
            return []
        names = {ast.strings(call.funcname)[-1] for call in ast.nodes_of(statement.node, "FuncCall")}
        found = []
        for name in sorted(names & functions.keys()):
            for body in ast.nodes_of(functions[name].statement.node.sql_body, "List"):
                for item in body.items:
                    kind = item.WhichOneof("node")
                    if kind in _WRITES:
                        found.append(replace(statement, kind=kind, node=getattr(item, kind), block=statement))
            for piece in _body_of(functions[name]):
                with suppress(ParseError):  # parameters of PL/pgSQL; the server checks it
                    for part in self._parse(piece, statement.offset, within=statement, verbatim=False):
                        found += self._with_parts(part)
        return found

    @cached_property
    def comments(self) -> list[Comment]:
        """Every `--` comment, also inside DO blocks."""
        comments = _comments(self.text, 0)
        for statement in self._top_level():
            if statement.kind == "do_stmt":
                comments += [
                    comment
                    for body in _bodies(statement)
                    if (start := self.text.find(body, statement.offset)) >= 0
                    for comment in _comments(body, start)
                ]
        return comments

    def _top_level(self) -> list[ParsedStatement]:
        return self._parsed[0]

    @cached_property
    def _parsed(self) -> tuple[list[ParsedStatement], list[SyntaxProblem]]:
        try:
            return self._parse(self.text, 0), []
        except ParseError as whole:
            found: list[ParsedStatement] = []
            problems: list[SyntaxProblem] = []
            for piece in split_statements(self.text):
                try:
                    found += self._parse(piece.sql, piece.offset)
                except ParseError as error:
                    problems.append(_problem(error, piece.offset))
            return found, problems or [_problem(whole, 0)]

    def _parse(
        self, sql: str, start: int, *, within: ParsedStatement | None = None, verbatim: bool = True
    ) -> list[ParsedStatement]:
        text = Text(sql, start, verbatim=verbatim)
        found = []
        for raw in parse(sql):
            kind = raw.stmt.WhichOneof("node")
            begin = text.offset(raw.stmt_location)
            end = text.offset(raw.stmt_location + raw.stmt_len) if raw.stmt_len else start + len(sql)
            offset = header_end(self.text, begin) if verbatim else start
            found.append(ParsedStatement(kind, getattr(raw.stmt, kind), text, offset, end, within))
        return found

    def _parse_block(self, block: ParsedStatement) -> list[ParsedStatement]:
        found: list[ParsedStatement] = []
        for piece in sql_in_block(self.text[block.offset : block.end], block.offset, _bodies(block)):
            if piece.sql is None:
                self.dynamic_sql.append((piece.offset, block))
                continue
            try:
                for part in self._parse(piece.sql, piece.offset, within=block, verbatim=_is_verbatim(self.text, piece)):
                    found += self._with_parts(replace(part, loop=piece.loop))
            except ParseError:
                continue  # PL/pgSQL syntax that plain SQL does not have; the server checks it
        return found


def _parts(statement: ParsedStatement) -> Iterator[tuple[str, Any]]:
    """Yield kind and node of the statements that run as a part of another one."""
    node = statement.node
    if statement.kind in ("explain_stmt", "prepare_stmt"):
        if statement.kind == "prepare_stmt" or _is_analyze(node):
            kind = node.query.WhichOneof("node")
            yield kind, getattr(node.query, kind)
    elif statement.kind not in _WITH_CLAUSE:
        return
    for common in ast.nodes_of(node, "CommonTableExpr"):
        kind = common.ctequery.WhichOneof("node")
        if kind in _WRITES:
            yield kind, getattr(common.ctequery, kind)


def _is_analyze(node: Any) -> bool:
    return any(
        one.def_elem.defname == "analyze" and ast.text_of_option(one.def_elem) not in ("false", "off", "0")
        for one in node.options
    )


def _body_of(function: Definition) -> list[str]:
    """Return the statements in a function's body, as far as they are known before it runs."""
    options = {one.def_elem.defname: one.def_elem.arg for one in function.statement.node.options}
    language = options["language"].string.sval.lower() if "language" in options else "sql"
    if language == "plpgsql":
        return [piece.sql for piece in sql_in_block(function.text, 0, []) if piece.sql is not None]
    if language != "sql" or "as" not in options:
        return []
    return ast.strings(options["as"].list.items)[:1]


def _is_verbatim(text: str, piece: EmbeddedSql) -> bool:
    return piece.sql is not None and text.startswith(piece.sql, piece.offset)


def _bodies(statement: ParsedStatement) -> list[str]:
    return [arg.def_elem.arg.string.sval for arg in statement.node.args if arg.def_elem.defname == "as"]


def _comments(text: str, start: int) -> list[Comment]:
    tokens = tokens_with_comments(text) or ()
    return [Comment(start + token.offset, token.text) for token in tokens if token.kind == "SQL_COMMENT"]


def _problem(error: ParseError, start: int) -> SyntaxProblem:
    return SyntaxProblem(start + error.offset, error.message)
