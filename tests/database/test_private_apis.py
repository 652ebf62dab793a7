"""Pin the private APIs of psycopg and protobuf that the code uses, so that an upgrade that changes them is noticed.

Each test fails with a sentence that names the file to change.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import generators, pq
from psycopg.rows import dict_row

from peterental.database.deadline import DeadlineConnection, WaitTimeout
from peterental.database.migrations.private_apis import private
from peterental.database.migrations.sql import parser
from tests.gunicorn import PROJECT_DIR

PRIVATE = {
    ("database/deadline.py", "psycopg.errors._WaitTimeout"),
    ("database/pipeline.py", "self._enqueue_sync"),
    ("database/warm_pool.py", "self._pool"),
    ("database/migrations/sql/parser.py", "google._upb._message.SetAllowOversizeProtos"),
    ("web/shell/forms.py", "self._fields"),
    ("audit/model.py", "_typeshed.DataclassInstance"),
    ("cli/jobs.py", "os._exit"),
    ("worker/runner.py", "os._exit"),
    ("web/client_address.py", "_typeshed.wsgi.StartResponse"),
    ("web/client_address.py", "_typeshed.wsgi.WSGIApplication"),
    ("web/client_address.py", "_typeshed.wsgi.WSGIEnvironment"),
    ("web/host_header.py", "_typeshed.wsgi.StartResponse"),
    ("web/host_header.py", "_typeshed.wsgi.WSGIApplication"),
    ("web/host_header.py", "_typeshed.wsgi.WSGIEnvironment"),
}
"""Every private name of another library in the code. The tests of the forms cover WTForms' one; only mypy reads _typeshed, and os._exit is documented."""


class CountingConnection(DeadlineConnection):
    """Counts how often it waits for the server."""

    waits = 0

    def wait(self, *arguments: Any, **options: Any) -> Any:
        self.waits += 1
        return super().wait(*arguments, **options)


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[CountingConnection]:
    with CountingConnection.connect(empty_database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def test_every_private_name_is_pinned_here() -> None:
    found = {use for path in (PROJECT_DIR / "peterental").rglob("*.py") for use in private_uses(path)}
    assert found == PRIVATE, (
        "The private names in use have changed: use the public API, or take the name through"
        " peterental.database.migrations.private_apis and pin its behaviour here"
    )


def private_uses(path: Path) -> Iterator[tuple[str, str]]:
    """Yield imports of private names, and private attributes that the module does not define."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    file = str(path.relative_to(PROJECT_DIR / "peterental"))
    ours = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    ours |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    ours |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        match node:
            case ast.Attribute(attr="_replace"):  # of named tuples, documented
                pass
            case ast.ImportFrom(module=str(module), names=names) if not module.startswith("peterental"):
                for name in names:
                    if is_private(f"{module}.{name.name}"):
                        yield file, f"{module}.{name.name}"
            case ast.Import(names=names):
                yield from ((file, name.name) for name in names if is_private(name.name))
            case ast.Attribute(value=value, attr=attribute) if is_private(attribute) and attribute not in ours:
                yield file, f"{ast.unparse(value)}.{attribute}"
            case ast.Call(
                func=ast.Name(id="private"), args=[ast.Constant(value=str(module)), ast.Constant(value=str(name)), *_]
            ):
                yield file, f"{module}.{name}"


def is_private(dotted: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in dotted.split("."))


@pytest.mark.parametrize(
    ("module", "name"), [("psycopg.errors", "_Gone"), ("psycopg.no_such_module", "_Gone")], ids=["name", "module"]
)
def test_a_missing_private_name_says_what_to_do(module: str, name: str) -> None:
    with pytest.raises(ImportError, match=rf"^{module}.{name} is gone from the installed version. Change x.py.$"):
        private(module, name, "Change x.py.")


def test_a_timed_out_wait_raises_wait_timeout(connection: CountingConnection) -> None:
    connection.pgconn.send_query(b"SELECT pg_sleep(60)")
    raised: Exception | None = None
    try:
        psycopg.Connection.wait(connection, generators.execute(connection.pgconn), timeout=0.05)
    except Exception as error:  # noqa: BLE001  # the test finds out which
        raised = error
    assert isinstance(raised, WaitTimeout), (
        f"psycopg.Connection.wait raises {raised!r} when its timeout is over: catch that in"
        " DeadlineConnection.wait in peterental/database/deadline.py"
    )
    connection.cancel_safe()
    connection.wait(generators.execute(connection.pgconn))


def test_wait_has_the_parameters_we_override() -> None:
    parameters = list(inspect.signature(psycopg.Connection.wait).parameters)
    assert parameters == ["self", "gen", "interval", "timeout"], (
        "psycopg.Connection.wait has other parameters: adapt DeadlineConnection.wait in peterental/database/deadline.py"
        " and recover in migrations/session/connection.py"
    )


@pytest.mark.parametrize("work", ["a statement", "a pipeline", "a commit", "a rollback"])
def test_psycopg_waits_only_in_connection_wait(connection: CountingConnection, work: str) -> None:
    advice = (
        f"psycopg waits for {work} without Connection.wait, so deadlines are ignored: override in"
        " peterental/database/deadline.py what it calls now"
    )
    before = connection.waits
    if work == "a statement":
        connection.execute("SELECT 1")
    elif work == "a pipeline":
        with connection.pipeline():
            connection.execute("SELECT 1")
            before = connection.waits
            connection.sync()
    else:
        connection.execute("BEGIN")
        before = connection.waits
        connection.commit() if work == "a commit" else connection.rollback()
    assert connection.waits > before, advice


def test_the_pipeline_is_kept_in_pipeline_attribute(connection: CountingConnection) -> None:
    advice = (
        "psycopg.Connection keeps its pipeline elsewhere than in _pipeline: change DeadlineConnection.sync in"
        " peterental/database/deadline.py"
    )
    assert getattr(connection, "_pipeline", advice) is None, advice
    with connection.pipeline() as pipeline:
        assert getattr(connection, "_pipeline", None) is pipeline, advice
        assert callable(getattr(pipeline, "sync", None)), advice
        cursor = connection.execute("SELECT 1 AS one")
        connection.sync()
        assert cursor.pgresult is not None, advice


@pytest.mark.parametrize("name", ["_communicate_gen", "_fetch_gen", "_sync_gen", "_exit_gen", "_enqueue_sync"])
def test_a_pipeline_has_the_methods_we_override(name: str) -> None:
    assert callable(getattr(psycopg.Pipeline, name, None)), (
        f"psycopg.Pipeline has no {name}: statements are sent one by one again, unless peterental/database/pipeline.py"
        " overrides what psycopg calls now"
    )


def test_execute_returns_every_result_up_to_the_error(connection: CountingConnection) -> None:
    advice = (
        "psycopg.generators.execute or psycopg.errors.error_from_result (neither is documented) is gone or returns"
        " something else: change execute_text in peterental/database/migrations/session/execute.py, and recover in session/connection.py"
    )
    assert callable(getattr(generators, "execute", None)), advice
    assert callable(getattr(psycopg.errors, "error_from_result", None)), advice
    connection.pgconn.send_query(b"SELECT 1; SELECT 2; SELECT 1/0; SELECT 3")
    results = connection.wait(generators.execute(connection.pgconn))
    assert [pq.ExecStatus(result.status).name for result in results] == ["TUPLES_OK", "TUPLES_OK", "FATAL_ERROR"], (
        advice
    )
    error = psycopg.errors.error_from_result(results[-1], encoding="utf-8")
    assert isinstance(error, psycopg.errors.DivisionByZero), advice
    assert error.diag.message_primary == "division by zero", advice


def test_deeply_nested_trees_are_parsed() -> None:
    text = "SELECT " + " || ".join(["'a'"] * 500)
    try:
        trees = parser.parse(text)
    except Exception as error:  # noqa: BLE001  # whatever protobuf raises
        pytest.fail(
            f"protobuf refuses a deep tree ({error!r}): see library() in peterental/database/migrations/sql/parser.py"
        )
    assert len(trees) == 1
