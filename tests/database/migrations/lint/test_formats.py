"""db-lint prints annotations that GitHub shows at the right lines, and SARIF 2.1.0 that code scanning accepts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from peterental.config import PROJECT_DIR
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.lint.formats import Place, github_text, sarif

COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:\n]*)::(?P<message>[^\n]*)")
WAIVED = "-- lint: allow drop-table because no code uses it\nDROP TABLE a;\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The migrations folder of a repository, with one finding of each severity and a waived one."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "db" / "my migrations"
    folder.mkdir(parents=True)
    (folder / "001_a.sql").write_text("CREATE TABLE a (i int PRIMARY KEY, j int);\n")
    (folder / "002_b.sql").write_text(f"SELECT 1;\nALTER TABLE a DROP COLUMN j;\n{WAIVED}")
    (folder / "003_c.sql").write_text("SELECT '🏠', FRM WHERE;\n")
    return folder


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return level, properties and message of each command, as GitHub reads them."""

    def unescaped(value: str) -> str:
        for escaped, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
            value = value.replace(escaped, character)
        return value

    found = [COMMAND.fullmatch(line) for line in text.splitlines()[:-1]]
    return [
        (
            one["level"],
            {name: unescaped(value) for name, value in (pair.split("=", 1) for pair in one["properties"].split(","))},
            unescaped(one["message"]),
        )
        for one in found
        if one
    ]


# --- GitHub Actions ---------------------------------------------------------------------------------------------------


def test_annotations_have_level_path_and_position(repository: Path) -> None:
    text = github_text(lint_directory(repository), Place.of(repository))
    found = commands(text)
    assert len(found) == len(text.splitlines()) - 1, "every line but the last is a command"
    level, properties, message = found[0]
    assert (level, properties) == (
        "error",
        {"file": "db/my migrations/003_c.sql", "line": "1", "col": "22", "title": "syntax-error"},
    )
    level, properties, message = found[1]
    assert (level, properties) == (
        "error",
        {"file": "db/my migrations/002_b.sql", "line": "2", "col": "15", "title": "drop-column"},
    )
    assert message.startswith("The column a.j is dropped.\n\nIts values are lost for good")
    assert "\n\nInstead:\n-- first deploy code" in message
    assert {one[0] for one in found[2:]} == {"notice"}
    assert text.splitlines()[-1].startswith("❌ 3 migrations checked: 1 error, 1 unsafe")


def test_strict_advice_is_a_warning(repository: Path) -> None:
    found = commands(github_text(lint_directory(repository), Place.of(repository), strict=True))
    assert {one[0] for one in found} == {"error", "warning"}


def test_special_characters_are_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "50%, a:b"
    folder.mkdir()
    (folder / "001_a.sql").write_text('CREATE TABLE t (i int PRIMARY KEY);CREATE TABLE "a%0A,::" (j int);')
    (folder / "002_b.sql").write_text('DROP TABLE "a%0A,::";')
    text = github_text(lint_directory(folder), Place(folder, tmp_path))
    line = next(line for line in text.splitlines() if "drop-table" in line)
    assert line.startswith(
        '::error file=50%25%2C a%3Ab/002_b.sql,line=1,col=1,title=drop-table::The table "a%250A,::" is'
    )
    assert [one[1]["file"] for one in commands(text) if one[1]["title"] == "drop-table"] == ["50%, a:b/002_b.sql"]


def test_finding_about_the_folder_has_its_path(repository: Path) -> None:
    (repository / "005_e.sql").write_text("SELECT 1;")
    found = commands(github_text(lint_directory(repository), Place.of(repository)))
    assert ("error", {"file": "db/my migrations/005_e.sql", "title": "numbering"}) in [one[:2] for one in found]


def test_clean_folder_has_no_annotations(tmp_path: Path) -> None:
    assert github_text(lint_directory(tmp_path), Place.of(tmp_path)) == "✅ 0 migrations checked: nothing unsafe."


def test_path_outside_a_repository_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Place(tmp_path / "m", PROJECT_DIR).path("001_a.sql") == f"{tmp_path}/m/001_a.sql"
    assert Place(tmp_path / "m", tmp_path).path("m") == "m"
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Place.of(Path("m")).path("001_a.sql") == "m/001_a.sql"


# --- SARIF ------------------------------------------------------------------------------------------------------------


def check_sarif(document: Any) -> dict[str, Any]:
    """Assert what the SARIF 2.1.0 schema, and GitHub beyond it, require; return the run."""
    assert document["version"] == "2.1.0"
    assert set(document) == {"$schema", "version", "runs"}
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert min(region["startLine"], region["startColumn"]) >= 1
        assert re.fullmatch(r"[\w.~/%:-]+", location["physicalLocation"]["artifactLocation"]["uri"])
        assert all(one["kind"] in ("inSource", "external") for one in result.get("suppressions", ()))
    fingerprints = [result["partialFingerprints"]["findingHash/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    return dict(run)


def test_sarif_is_valid_and_complete(repository: Path) -> None:
    report = lint_directory(repository)
    run = check_sarif(json.loads(json.dumps(sarif(report, Place.of(repository)))))
    assert len(run["results"]) == len(report.findings) + len(report.waived)
    by_rule = {result["ruleId"]: result for result in run["results"]}
    dropped = by_rule["drop-column"]
    assert dropped["level"] == "error"
    assert dropped["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "db/my%20migrations/002_b.sql", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2, "startColumn": 15},
    }
    assert by_rule["drop-table"]["suppressions"] == [{"kind": "inSource", "justification": "no code uses it"}]
    assert by_rule["header-comment"]["level"] == "note"


def test_sarif_of_a_clean_folder_has_no_results(tmp_path: Path) -> None:
    run = check_sarif(sarif(lint_directory(tmp_path), Place.of(tmp_path)))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_sarif_outside_a_repository_has_a_file_address(repository: Path) -> None:
    run = check_sarif(sarif(lint_directory(repository), Place(repository, PROJECT_DIR), strict=True))
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"].startswith("file:///")
    assert "uriBaseId" not in artifact


def test_fingerprints_survive_new_lines_above(repository: Path) -> None:
    def fingerprints() -> set[str]:
        run = sarif(lint_directory(repository), Place.of(repository))["runs"][0]
        return {
            one["partialFingerprints"]["findingHash/v1"] for one in run["results"] if one["ruleId"] == "drop-column"
        }

    before = fingerprints()
    path = repository / "002_b.sql"
    path.write_text(f"-- one\n-- two\n{path.read_text()}")
    assert fingerprints() == before


# --- pre-commit -------------------------------------------------------------------------------------------------------


def test_pre_commit_hook_runs_on_migrations_only() -> None:
    text = (PROJECT_DIR / ".pre-commit-hooks.yaml").read_text()
    (pattern,) = re.findall(r"^  files: (.*)$", text, re.MULTILINE)
    assert "- id: db-lint\n" in text
    assert "  entry: flask db-lint\n" in text
    for name, wanted in (
        ("migrations/001_a.sql", True),
        ("app/migrations/001_a.down.sql", True),
        ("migrations/README.md", False),
        ("old_migrations/001_a.sql", False),
    ):
        assert bool(re.search(pattern, name)) is wanted
