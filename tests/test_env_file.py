"""`.env` is read in development by gunicorn, every flask command and scripts, and never decides about production."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from peterental import env_file
from peterental.config import Config, ConfigError
from peterental.env_file import EnvFileError, is_production, load_env_file
from tests.gunicorn import PROJECT_DIR, environment

PRODUCTION = {"PETERENTAL_ENV": "production"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def loaded(path: Path, text: str | bytes, **environ: str) -> dict[str, str]:
    """Return the variables that a file adds to an environment."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = dict(environ)
    load_env_file(path, result)
    return {name: value for name, value in result.items() if name not in environ}


# --- the format -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NAME=value", "value"),
        ("\n# a comment\n\n  NAME = value  # said here\n", "value"),
        ("export NAME=value", "value"),
        ("NAME='a value'", "a value"),
        ('NAME="a \\"quoted\\" value"', 'a "quoted" value'),
        ('NAME="two\nlines"', "two\nlines"),
        ("NAME=a$b${HOME}#c@db/x", "a$b${HOME}#c@db/x"),
        ('NAME="${HOME} $PATH"', "${HOME} $PATH"),
        ("NAME=", ""),
        ("NAME=one\nNAME=two", "two"),
        ("\ufeffNAME=value", "value"),
        ("# a comment\r\nNAME=value\r\n", "value"),
        ("NAME=Zoë=🏠", "Zoë=🏠"),
    ],
)
def test_forms_of_a_value(path: Path, text: str, value: str) -> None:
    assert loaded(path, text) == {"NAME": value}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ONE=1\nhunter2\n", 2),
        ("ONE=1\n\n\nTWO hunter2=2", 4),
        ("ONE=1\r\n\r\nTWO: hunter2", 3),
        ('ONE="hunter2', 1),
        ("ONE='hunter2'3", 1),
        ("2ND=hunter2", 1),
        ("ONE=hunter2\x00", 1),
        ("=hunter2", 1),
    ],
)
def test_mistake_names_its_line_only(path: Path, text: str, line: int) -> None:
    with pytest.raises(EnvFileError, match=rf"/\.env has a mistake in line {line}: write NAME=value") as caught:
        loaded(path, text)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "line"), [(b"A=1\nB=\xe9t\xe9", 2), ("A=1".encode("utf-16"), 1)])
def test_other_encodings_are_refused(path: Path, text: bytes, line: int) -> None:
    with pytest.raises(EnvFileError, match=rf"is not UTF-8 text \(line {line}\); save it as UTF-8"):
        loaded(path, text)


def test_directory_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(EnvFileError, match=r"\.env is a directory; rename it, or set DOTENV=0"):
        load_env_file(path, {})
    load_env_file(path, {"DOTENV": "0"})


def test_unreadable_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(EnvFileError, match="cannot be read: Permission denied; change its permissions"):
        load_env_file(path, {})


def test_missing_file_is_fine(path: Path) -> None:
    environ: dict[str, str] = {}
    load_env_file(path, environ)
    assert environ == {}


def test_real_variables_win_even_if_empty(path: Path) -> None:
    assert loaded(path, "NAME=file\nOTHER=file", NAME="") == {"OTHER": "file"}


# --- production -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [PRODUCTION, {"RENDER": "true"}, {"PETERENTAL_ENV": "prod"}, {"DOTENV": "0"}])
def test_file_is_not_read(path: Path, environ: dict[str, str]) -> None:
    assert loaded(path, "NAME=value", **environ) == {}
    assert loaded(path, "not even valid", **environ) == {}


@pytest.mark.parametrize(
    "environ", [{}, {"DOTENV": "1"}, {**PRODUCTION, "DOTENV": "1"}, {"RENDER": "1", "DOTENV": "1"}]
)
def test_file_is_read(path: Path, environ: dict[str, str]) -> None:
    assert loaded(path, "NAME=value", **environ) == {"NAME": "value"}


@pytest.mark.parametrize(
    ("text", "environ", "name"),
    [
        ("PETERENTAL_ENV=production", {}, "PETERENTAL_ENV"),
        ("RENDER=true", {}, "RENDER"),
        ("PETERENTAL_ENV=development", {"RENDER": "true", "DOTENV": "1"}, "PETERENTAL_ENV"),
        ("PETERENTAL_ENV=prod", {"DOTENV": "1"}, "PETERENTAL_ENV"),
    ],
)
def test_file_cannot_decide_about_production(path: Path, text: str, environ: dict[str, str], name: str) -> None:
    with pytest.raises(
        EnvFileError, match=f"sets {name}, which must be a real variable: a file cannot turn production"
    ):
        loaded(path, text, **environ)


def test_file_may_repeat_the_decision(path: Path) -> None:
    assert loaded(path, "PETERENTAL_ENV=development") == {"PETERENTAL_ENV": "development"}
    assert loaded(path, "PETERENTAL_ENV=development", **PRODUCTION, DOTENV="1") == {}


def test_file_cannot_switch_itself(path: Path) -> None:
    with pytest.raises(EnvFileError, match="sets DOTENV, which must be a real variable"):
        loaded(path, "DOTENV=1")


def test_other_words_for_dotenv_are_refused() -> None:
    with pytest.raises(ConfigError, match="DOTENV must be one of 0, 1, not 'yes'"):
        Config.from_env({"DOTENV": "yes"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"RENDER": " "}, False),
        ({"RENDER": "1", "PETERENTAL_ENV": "development"}, False),
        (PRODUCTION, True),
    ],
)
def test_production_is_recognized(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001  # a table
    assert is_production(environ) is expected


# --- the flask command ------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both of flask's files, as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ONE=1\nTWO=2\nFLASK_DEBUG=1\n")
    (tmp_path / ".flaskenv").write_text("THREE=3\n")
    (tmp_path / "mine").write_text("TWO=two\n")
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "initial", "expected"),
    [
        ((), frozenset(), {"ONE", "TWO", "THREE"}),
        (("db-status",), frozenset({"TWO"}), {"ONE", "THREE"}),
        (("--env-file", "mine", "db-status"), frozenset(), {"ONE", "THREE"}),
        (("-e", "mine"), frozenset(), {"ONE", "THREE"}),
        (("--env-file=mine",), frozenset(), {"ONE", "THREE"}),
        ((), None, {"ONE", "THREE"}),
    ],
)
def test_what_flask_has_loaded(arguments: tuple[str, ...], initial: frozenset[str] | None, expected: set[str]) -> None:
    environ = {"ONE": "1", "TWO": "real", "THREE": "3", "FLASK_DEBUG": "1"}
    assert env_file._loaded_by_flask(arguments, environ, initial) == expected


def test_file_that_flask_skipped_is_not_undone(here: Path) -> None:
    (here / ".env").write_bytes(b"ONE=\xe9")
    assert env_file._loaded_by_flask((), {}, frozenset()) == {"THREE"}


def test_initial_environment_is_known_or_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(env_file, "_INITIAL_ENVIRONMENT", tmp_path / "environ")
    assert env_file._initial_names() is None
    (tmp_path / "environ").write_bytes(b"A=1\0B=x=y\0")
    names = env_file._initial_names()
    assert names is not None
    assert names >= {"A", "B"}


# --- whole programs ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the programs, because a `.env` beside them belongs to the developer."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(PROJECT_DIR / name, folder / name)
    shutil.copytree(PROJECT_DIR / "peterental", folder / "peterental", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations").mkdir()
    return folder


PROGRAMS = {
    "flask": ("flask", "db-status"),
    "gunicorn": ("gunicorn", "--check-config", "wsgi:app"),
    "script": ("python", "-c", "from peterental.database import run_migrations; run_migrations()"),
}


def run(project: Path, program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    name, *arguments = PROGRAMS[program]
    without = {name: value for name, value in environment(settings).items() if name != "DOTENV" or "DOTENV" in settings}
    return subprocess.run(
        [str(Path(sys.executable).with_name(name)), *arguments],
        cwd=project,
        env={**without, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_reads_the_same(project: Path, program: str) -> None:
    (project / ".env").write_text("HOST=x\nDATABASE_URL='mysql://${HOST}/a$b'\nWEB_THREADS=many\n")
    done = run(project, program)
    assert "DATABASE_URL must look like" in done.stderr
    assert "WEB_THREADS must be a whole number" in done.stderr
    done = run(project, program, WEB_THREADS="2", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert "must" not in done.stderr, "real variables win"
    done = run(project, program, DOTENV="0", WEB_THREADS="none")
    assert "DATABASE_URL" not in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_reads_it_in_production(project: Path, program: str) -> None:
    (project / ".env").write_text("DATABASE_URL=postgresql://h/x\nSECRET_KEY=k\nVAPI_WEBHOOK_SECRET=s\nPORT=none\n")
    done = run(project, program, PETERENTAL_ENV="production")
    assert "production needs DATABASE_URL and SECRET_KEY and VAPI_WEBHOOK_SECRET to be set" in done.stderr
    assert "PORT must be" in run(project, program, PETERENTAL_ENV="production", DOTENV="1").stderr


@pytest.mark.parametrize("program", ["flask", "gunicorn"])
def test_program_explains_a_mistake(project: Path, program: str) -> None:
    (project / ".env").write_text("PETERENTAL_ENV=production\n")
    done = run(project, program)
    assert done.returncode != 0
    assert (
        f"❌ PeteRental cannot start: {project}/.env sets PETERENTAL_ENV, which must be a real variable" in done.stderr
    )
    (project / ".env").write_text("DATABASE_URL postgresql://h/x\n")
    done = run(project, program)
    assert f"❌ PeteRental cannot start: {project}/.env has a mistake in line 1: write NAME=value" in done.stderr
    assert "Traceback" not in done.stderr


def test_example_names_every_setting() -> None:
    example = (PROJECT_DIR / ".env.example").read_text(encoding="utf-8")
    page = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    assert set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)) == documented - {"PETERENTAL_ENV", "DOTENV"}
    assert all(line.startswith("#") for line in example.splitlines() if line), "nothing is set until it is chosen"


def test_the_tests_ignore_a_developers_file() -> None:
    assert os.environ["DOTENV"] == "0"
