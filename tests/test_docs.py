"""The documents are correct: commands, options, settings and files exist, and the blocks of the README run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask

from peterental import create_app
from peterental.config import Config
from tests.gunicorn import PROJECT_DIR, environment

pytestmark = pytest.mark.untraced

DOCUMENTS = sorted([*PROJECT_DIR.glob("*.md"), *PROJECT_DIR.glob("docs/**/*.md")])
README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")

COMMAND = re.compile(r"\bflask ([a-z]+(?:-[a-z]+)+|demo)\b([^`\n]*)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")

# Names that look like our settings but belong to other programs.
FOREIGN = {"RENDER", "GUNICORN_FD", "LISTEN_FDS", "CI"}


class Recorder(Mapping[str, str]):
    """An empty environment that records which names were read."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Config(database_url="postgresql://127.0.0.1:1/none", secret_key="k"))


def settings() -> set[str]:
    recorder = Recorder()
    Config.from_env(recorder)
    return recorder.names


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == language]


def test_documented_settings_are_the_settings_read() -> None:
    page = (PROJECT_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    assert documented == settings() - FOREIGN


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_and_options_exist(document: Path, app: Flask) -> None:
    for name, rest in COMMAND.findall(document.read_text(encoding="utf-8")):
        command = app.cli.commands.get(name)
        assert command is not None, f"{document.name}: flask {name}"
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in known, f"{document.name}: flask {name} {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_linked_files_exist(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def measured(title: str) -> list[list[str]]:
    """Return the rows of the table below a heading of the benchmarks or of the README."""
    for document in (PROJECT_DIR / "docs" / "benchmarks.md", PROJECT_DIR / "README.md"):
        _, found, after = document.read_text(encoding="utf-8").partition(f"# {title}\n")
        if found:
            _, _, table = after.partition("\n|")
            lines = table.partition("\n\n")[0].splitlines()[2:]
            return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    raise AssertionError(title)


def figure(cell: str) -> float:
    return float("inf") if cell == "never" else float(cell.split(maxsplit=1)[0])


def test_comparisons_of_the_readme_were_measured() -> None:
    found = {row[0]: (row[2], row[3]) for title in ("Migrations", "Booking by phone") for row in measured(title)}
    compared = measured("How it compares")
    assert len(compared) > 3
    for work, limit, _ in compared:
        assert found[work] == (limit.replace("≤", "<=").replace("\N{MULTIPLICATION SIGN}", "x"), "yes")
    assert "at most 1.5 times as long with 1,000,000 bookings as with 1,000" in README
    assert found["get_availability with 1,000,000 bookings"] == ("<= 1.5 x", "yes")


def test_claims_about_other_tools_were_measured() -> None:
    others = {"dbmate", "yoyo", "Alembic"}
    per_file = {row[0]: figure(row[1]) for row in measured("200 small files, one transaction each")}
    assert all(per_file[tool] > per_file["flask db-migrate"] for tool in others)
    worst = {
        row[0]: figure(row[1])
        for row in measured("The app's worst query while ALTER TABLE waits behind a long transaction")
    }
    assert all(worst[tool] > 7 for tool in others | {"psql"})
    back = {
        row[0]: figure(row[2]) for row in measured("`kill -9` during a long statement, then the same command again")
    }
    assert all(back[tool] > 15 for tool in others)
    failed = {row[0]: not row[1].startswith("0 ") for row in measured("Two runners at once")}
    assert failed == {"flask db-migrate": False, "dbmate": True, "yoyo": False, "Alembic": True}


def test_files_named_by_documents_exist() -> None:
    """The history of changes names files of its time."""
    named = {
        (document.name, path)
        for document in DOCUMENTS
        if document.name != "CHANGELOG.md"
        for path in re.findall(
            r"`((?:peterental|tests|migrations|docs|bench)/[^`*\s:]*(?:/|\.[a-z]+))",
            document.read_text(encoding="utf-8"),
        )
    }
    assert len(named) > 300
    assert [(name, path) for name, path in sorted(named) if not (PROJECT_DIR / path).exists()] == []


def test_each_decision_is_in_their_index() -> None:
    folder = PROJECT_DIR / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in folder.glob("[0-9]*.md"))


@pytest.mark.parametrize("name", ["guarantees.md", "architecture.md"])
def test_files_named_in_short_exist(name: str) -> None:
    """A short name stands for a file in a folder named before it."""
    text = (PROJECT_DIR / "docs" / name).read_text(encoding="utf-8")
    files = {f"/{path.relative_to(PROJECT_DIR)}" for path in PROJECT_DIR.glob("[mpt]*/**/*.*")}
    short = re.findall(r"`((?:[a-z_]+/)*[a-z0-9_]+\.(?:py|sql|html))`", text)
    assert [name for name in short if not any(path.endswith(f"/{name}") for path in files)] == []


def test_architecture_picture_is_drawn_from_imports() -> None:
    drawn = subprocess.run(
        [sys.executable, "-c", "from docs import architecture; print(architecture.picture(), end='')"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    committed = (PROJECT_DIR / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    assert committed == drawn, "run: make architecture"


def test_files_of_the_project_structure_exist() -> None:
    plan = next(text for text in blocks("") if "wsgi.py" in text)
    names = re.findall(r"[\w.]+(?:\.py|/)", plan)
    existing = {f"{path.name}/" if path.is_dir() else path.name for path in PROJECT_DIR.glob("**/*")}
    assert [name for name in names if name not in existing] == []


def test_python_blocks_of_the_readme_run(empty_database_url: str) -> None:
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=PROJECT_DIR,
            env=environment({"DATABASE_URL": empty_database_url}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("applied ")
        assert "\n1 Create agent tables\n" in done.stdout


def test_commands_of_the_readme_run(empty_database_url: str, tmp_path: Path) -> None:
    """They run on a copy of the migrations. The file that `flask db-new` writes there gets a statement."""
    migrations = tmp_path / "migrations"
    shutil.copytree(PROJECT_DIR / "migrations", migrations)
    ran = 0
    for line in "".join(blocks("bash")).splitlines():
        words = shlex.split(line)
        if words[0] == "make":
            done = subprocess.run(["make", "-n", *words[1:]], cwd=PROJECT_DIR, capture_output=True, check=False)
        elif words[0] == "flask":
            done = subprocess.run(
                [str(Path(sys.executable).with_name("flask")), *words[1:]],
                cwd=PROJECT_DIR,
                env=environment({"DATABASE_URL": empty_database_url, "MIGRATIONS_DIR": str(migrations)}),
                input=b"correct horse battery\n",
                capture_output=True,
                check=False,
            )
        else:
            continue  # commands that install the environment, or that make runs anyway
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        if words[:2] == ["flask", "db-new"]:
            with max(migrations.glob("*.sql")).open("a", encoding="utf-8") as file:
                file.write("ALTER TABLE users ADD COLUMN phone TEXT;\n")
        ran += 1
    assert ran >= 6


def test_commands_without_make_match_the_makefile() -> None:
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    plain = next(text for text in blocks("bash") if "pip install" in text)
    assert "-r requirements-dev.txt" in plain
    assert "-r requirements-dev.txt" in makefile
    assert "gunicorn wsgi:app" in plain
    assert "gunicorn wsgi:app" in makefile
    assert (PROJECT_DIR / "Procfile").read_text(encoding="utf-8") == "web: gunicorn wsgi:app\n"


def test_render_guide_counts_the_migrations() -> None:
    guide = (PROJECT_DIR / "docs" / "deploy-render.md").read_text(encoding="utf-8")
    shipped = [path for path in (PROJECT_DIR / "migrations").glob("*.sql") if not path.name.endswith(".down.sql")]
    assert f"✅ Successfully applied {len(shipped)} new migrations\n" in guide


def test_shutdown_delay_exceeds_graceful_timeout() -> None:
    blueprint = (PROJECT_DIR / "render.yaml").read_text(encoding="utf-8")
    served = (PROJECT_DIR / "gunicorn.conf.py").read_text(encoding="utf-8")
    host_s, ours_s = (
        re.search(r"maxShutdownDelaySeconds: (\d+)", blueprint),
        re.search(r"graceful_timeout = (\d+)", served),
    )
    assert host_s is not None
    assert ours_s is not None
    assert int(host_s[1]) > int(ours_s[1])


def test_requirements_are_pinned_and_explained() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        direct, _, _ = (PROJECT_DIR / name).read_text(encoding="utf-8").partition("# Brought by")
        lines = [line for line in direct.splitlines() if not line.startswith((" ", "-r"))]
        pinned = [(above, line) for above, line in pairwise(lines) if line and not line.startswith("#")]
        assert len(pinned) > 10
        for above, line in pinned:
            assert re.fullmatch(r"[a-z0-9-]+(\[\w+\])?==[\w.]+ \\", line), line
            assert re.fullmatch(r"# .+ \([A-Z].+\)", above), line
