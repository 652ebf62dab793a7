"""Coverage is counted in tests and fixtures while they find something new, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.gunicorn import PROJECT_DIR, UNCOUNTED

# In a process of its own: in this one it would lose what was really counted.
PROGRAM = """
import os, sys
from pathlib import Path

from coverage import Coverage

from tests.counting import uncounted
from tests.together import fork

folder = Path(sys.argv[1])


class Counting(Coverage):
    def save(self) -> None:
        (folder / "counted").touch()


counting = Counting(data_file=None)
Coverage._instances = [counting]
with uncounted():
    child = fork()
    if child == 0:
        counting.save()
        os._exit(int(Coverage.current() is not None))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), list(folder.iterdir()))
print(Coverage.current() is counting)
counting.save()
print([path.name for path in folder.iterdir()])
"""


SUITE = {
    "conftest.py": """
import sys

import counted
import pytest

from tests.counting import CountedTests

seen = []

def pytest_configure(config):
    config.pluginmanager.register(CountedTests())

def pytest_runtest_setup():
    seen.append(("pytest", sys.gettrace() is not None))

@pytest.fixture(scope="session")
def of_session():
    counted.of_session()

@pytest.fixture
def of_test(of_session):
    counted.of_test()
    seen.append(("fixture", sys.gettrace() is not None))
    yield
    counted.at_the_end()

def pytest_sessionfinish():
    print(sorted(set(seen)), [traced for who, traced in seen if who == "fixture"])
""",
    "counted.py": """
def of_session():
    return 1

def of_test():
    return 2

def in_test(number):
    if number == 3:
        return "the last test is counted, too"
    return number

def at_the_end():
    return 4

def never():
    return 5
""",
    "test_suite.py": """
import counted
import pytest

@pytest.mark.parametrize("number", range(4))
def test_one(of_test, number):
    counted.in_test(number)
""",
}


def test_fixtures_are_counted_until_they_repeat(tmp_path: Path) -> None:
    for name, text in SUITE.items():
        (tmp_path / name).write_text(text)
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\nsource = .\n")
    env = {name: value for name, value in os.environ.items() if name not in UNCOUNTED}
    env |= {"PYTHONPATH": str(PROJECT_DIR)}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout

    output = run("coverage", "run", "-m", "pytest", "-q", "-s", "--rootdir=.", "-p", "no:cacheprovider")
    report = run("coverage", "report", "--show-missing", "--include=counted.py")

    assert "[('fixture', False), ('fixture', True), ('pytest', False)] [True, True, False, False]" in output
    never = SUITE["counted.py"].splitlines().index("    return 5") + 1
    assert report.splitlines()[2].split("%")[1].split() == [str(never)]


def test_forks_are_uncounted(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in UNCOUNTED}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], cwd=PROJECT_DIR, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["0 []", "True", "['counted']"]
