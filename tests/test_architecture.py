"""The floors of the house, in words; import-linter holds them, and these say what each is for."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT_DIR / "peterental"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 600

SQL = re.compile(r"^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s", re.MULTILINE)


def test_each_floor_imports_only_what_is_below_it() -> None:
    """So that a change of a page cannot break a booking, and the engine can be used without the web."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_sql_stands_beside_the_method_that_runs_it(module: Path) -> None:
    """In repositories and in database/, and nowhere else: whoever looks for a query knows where."""
    if (
        module.name.endswith("repository.py")
        or module.name in {"queries.py", "lookup.py"}
        or "database" in module.parts
    ):
        return
    strings = [
        node.value
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in strings if SQL.search(text)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_one_idea(module: Path) -> None:
    """Its docstring's first sentence says which; past 600 lines it is two."""
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "a module says what it is"
    assert docstring.splitlines()[0].endswith(".") or len(docstring.splitlines()) > 1


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dataclasses_with_an_order_compare_no_none(module: Path) -> None:
    """A type checker allows the comparison of fields that may be None; sorting fails on the first two that tie."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and any("order=True" in ast.unparse(made) for made in node.decorator_list):
            fields = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
            assert not [line for line in fields if "None" in line or "Optional" in line], node.name


def test_nothing_connects_when_the_application_is_made() -> None:
    """The pool is opened after the fork, by the process that uses it: gunicorn loads the application in its master."""
    code = (
        "import socket, threading\n"
        "from peterental import create_app\n"
        "from peterental.config import Config\n"
        "def refuse(*_): raise AssertionError('connected')\n"
        "socket.socket.connect = refuse\n"
        "create_app(Config(database_url='postgresql://127.0.0.1:1/x', secret_key='k'))\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_configuration_is_an_argument() -> None:
    """Entry points read the environment, once; nothing else does, but for names of hosts in the ledger and a terminal's word about itself."""
    readers = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        if re.search(r"os\.(environ|getenv)", module.read_text(encoding="utf-8"))
    }
    assert readers <= {
        "cli/terminal.py",
        "config.py",
        "deploy.py",
        "database/migrations/ledger/writer.py",
        "database/dev_server/programs.py",
    }
