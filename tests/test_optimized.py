"""`python -O` works; `python -OO`, which strips the docstrings that are the messages, is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gunicorn import PROJECT_DIR, UNCOUNTED, environment

pytestmark = pytest.mark.untraced

CLOSED_PORT_URL = "postgresql://pete@127.0.0.1:1/peterental"

STARTS = {
    "flask": ("-m", "flask", "db-status"),
    "wsgi": ("-c", "import wsgi"),
    "gunicorn": ("-m", "gunicorn", "--check-config", "wsgi:app"),
    "script": ("-c", "from peterental.database import run_migrations; run_migrations()"),
}

MESSAGES = """
import importlib, pkgutil
import peterental
from peterental.errors import PeteRentalError
for module in pkgutil.walk_packages(peterental.__path__, "peterental."):
    importlib.import_module(module.name)
kinds = [PeteRentalError]
for kind in kinds:
    kinds += kind.__subclasses__()
print(len(kinds), [kind.__name__ for kind in kinds if not (vars(kind).get("__doc__") or "").strip()])
"""


def python(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python; the application's DATABASE_URL points to a closed port by default."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=environment({"DATABASE_URL": CLOSED_PORT_URL, "SECRET_KEY": "k", **UNCOUNTED, **settings}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_stripped_docstrings_are_refused(start: tuple[str, ...]) -> None:
    for done in (python("-OO", *start), python(*start, PYTHONOPTIMIZE="2")):
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr == (
            "❌ PeteRental cannot run under python -OO, which strips the docstrings that its messages are made of:"
            " use python -O, or unset PYTHONOPTIMIZE.\n"
        )


def test_stripped_asserts_change_nothing(empty_database_url: str) -> None:
    for command in (("db-migrate",), ("db-status", "--exit-code")):
        done = python("-O", "-m", "flask", *command, DATABASE_URL=empty_database_url)
        assert done.returncode == 0, done.stderr
    done = python("-O", *STARTS["flask"])
    assert done.returncode == 1
    assert done.stderr.startswith("❌ The database does not answer: ")
    assert python("-O", *STARTS["wsgi"]).returncode == 0


@pytest.mark.parametrize("flags", [(), ("-O",)], ids=["plain", "-O"])
def test_every_error_class_has_a_message(flags: tuple[str, ...]) -> None:
    done = python(*flags, "-c", MESSAGES)
    assert done.returncode == 0, done.stderr
    number, without = done.stdout.split(maxsplit=1)
    assert int(number) > 60
    assert without.strip() == "[]"
