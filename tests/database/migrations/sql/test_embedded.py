"""The SQL inside blocks and functions is found, also where PL/pgSQL cannot be parsed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from peterental.database.migrations.sql import parser
from peterental.database.migrations.sql.embedded import statements_in


def kinds(sql: str, *, functions: bool = True) -> list[tuple[str | None, str]]:
    """Return the kind and the text of each statement in the code of `sql`."""
    return [
        (part.tree.WhichOneof("node") if part.tree is not None else None, part.text)
        for part in statements_in(sql, functions=functions)
        if part.is_nested
    ]


@pytest.mark.parametrize("declared", ["DECLARE x int; ", ""], ids=["parsed", "by tokens"])
def test_statements_of_a_block_are_found(declared: str) -> None:
    found = kinds(
        f"DO $$ {declared}BEGIN x := 1; PERFORM f(1); IF true THEN DELETE FROM t; END IF;"
        " EXECUTE 'DROP ' || 'TABLE t'; EXECUTE format('TRUNCATE %I', 't'); END $$"
    )
    wanted = [("delete_stmt", "DELETE FROM t"), ("drop_stmt", "DROP TABLE t"), (None, "TRUNCATE %I t")]
    assert [one for one in found if one in wanted] == wanted
    assert ("select_stmt", "SELECT f(1)") in [(kind, " ".join(text.split())) for kind, text in found]


def test_blocks_within_blocks_are_found() -> None:
    inner = "DO $x$ BEGIN DELETE FROM t; END $x$"
    assert ("delete_stmt", "DELETE FROM t") in kinds(f"DO $$ BEGIN EXECUTE '{inner}'; END $$")
    assert ("delete_stmt", "DELETE FROM t") in kinds(f"DO $$ BEGIN {inner}; END $$")


def test_functions_are_searched_on_demand() -> None:
    for definition in (
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT 1; DELETE FROM t'",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; END $$",
    ):
        assert "delete_stmt" in [kind for kind, _ in kinds(definition)]
        assert kinds(definition, functions=False) == []


TRIGGER = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ {} DELETE FROM t; RETURN NEW; END $f$"


@pytest.mark.parametrize(
    "beginning",
    ["BEGIN", "DECLARE x text := '{}}'; BEGIN", "BEGIN NEW.x := '[{}},{}}]';", "BEGIN NEW.x := '\"action\":';"],
)
def test_trigger_functions_are_searched(beginning: str) -> None:
    definition = TRIGGER.replace("{}", beginning, 1)
    assert ("delete_stmt", "DELETE FROM t") in kinds(definition)
    assert ("delete_stmt", "DELETE FROM t") in kinds(f"DO $$ BEGIN {definition}; END $$")
    assert ("delete_stmt", "DELETE FROM t") not in kinds(f"DO $$ BEGIN {definition}; END $$", functions=False)


def test_answer_that_cannot_be_read_is_a_parse_error(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SimpleNamespace(parse_plpgsql=lambda _: json.loads('{"a"'), PgQueryError=KeyError)
    monkeypatch.setattr(parser, "library", lambda: broken)
    with pytest.raises(parser.ParseError, match="not valid JSON"):
        parser.parse_plpgsql("DO ''")


def test_text_without_sql_yields_nothing() -> None:
    assert kinds("DO LANGUAGE plpython3u 'plpy.notice(1)'") == []
    assert kinds("DO $$ BEGIN EXECUTE x; y := 1; END $$") == []
    assert kinds("NOT SQL") == []
