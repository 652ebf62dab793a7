"""Production packages are pinned, listed with their licences and free of the GPL; no secret is committed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.baseline import load_from_file
from detect_secrets.core.scan import _get_lines_from_file
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.plugins.keyword import DENYLIST, KeywordDetector
from detect_secrets.settings import configure_settings_from_baseline, get_plugins
from detect_secrets.util.filetype import FileType, determine_file_type
from packaging.requirements import Requirement

from docs import lock
from tests.gunicorn import PROJECT_DIR

BASELINE = PROJECT_DIR / ".secrets.baseline"


FILES = ("requirements.txt", "requirements-dev.txt")


def pins(*files: str) -> dict[str, str]:
    text = "\n".join((PROJECT_DIR / name).read_text(encoding="utf-8") for name in files or FILES[:1])
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[\w+\])?==([\w.]+)", text, re.MULTILINE))


def licences() -> dict[str, str]:
    text = (PROJECT_DIR / "docs" / "supply-chain.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([A-Z][^|]*) \|$", text, re.MULTILINE))
    return {name: licence.strip() for name, licence in rows.items()}


def required_by(name: str) -> Iterator[str]:
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        extra = {"extra": "binary" if name == "psycopg" else ""}
        if requirement.marker is None or requirement.marker.evaluate(extra):
            yield re.sub(r"[-_.]+", "-", requirement.name).lower()


def test_installed_versions_are_the_pinned_ones() -> None:
    assert {name: importlib.metadata.version(name) for name in pins()} == pins()


@pytest.mark.parametrize("files", [FILES[:1], FILES])
def test_transitive_dependencies_are_pinned(files: tuple[str, ...]) -> None:
    transitive = {other for name in pins(*files) for other in required_by(name)}
    assert transitive - set(pins(*files)) <= {
        "async-timeout",
        "importlib-metadata",
        "greenlet",
    }  # not needed on the supported Pythons


@pytest.mark.parametrize("file", FILES)
def test_each_package_has_hashes(file: str) -> None:
    """With hashes for all, pip refuses any file that differs, and any package that is not listed."""
    text = (PROJECT_DIR / file).read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith(("#", "-r "))]
    assert len(lines) == len(pins(file))
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+(?:\[\w+\])?==[\w.]+(?:\s+--hash=sha256:[0-9a-f]{64})+", line), line[:80]


def test_lock_writes_reason_hashes_and_dependencies() -> None:
    def package(name: str, *files: str) -> dict[str, Any]:
        wheels = [{"url": f"https://x/{file}", "hashes": {"sha256": file}} for file in files]
        return {"name": name, "version": "2", "wheels": wheels, "sdist": {"hashes": {"sha256": f"{name}.tar.gz"}}}

    head = "# Title\nnew==1  # signs things (MIT)\n# reads (BSD-3)\nold[fast]==1 \\\n    --hash=sha256:outdated\n\n"
    packages = {
        "new": package("new", "new-1-cp312-cp312-win_amd64.whl", "new-1-py3-none-any.whl"),
        "old": package("old"),
        "brought": package("brought"),
        "elsewhere": package("elsewhere"),
    }
    assert "\n".join(lock.lines_of(head, packages, {"elsewhere"})) == (
        "# Title\n"
        "# signs things (MIT)\n"
        "new==1 \\\n    --hash=sha256:new-1-py3-none-any.whl \\\n    --hash=sha256:new.tar.gz\n"
        "# reads (BSD-3)\n"
        "old[fast]==1 \\\n    --hash=sha256:old.tar.gz\n"
        f"\n{lock.TRANSITIVE}\n"
        "brought==2 \\\n    --hash=sha256:brought.tar.gz"
    )


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("a-1-cp314-cp314-musllinux_1_2_aarch64.whl", True),
        ("a-1-cp39-abi3-macosx_11_0_arm64.whl", True),
        ("a-1-py3-none-macosx_10_9_universal2.whl", True),
        ("a-1-cp310-cp310-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp313-cp313t-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp312-cp312-win_amd64.whl", False),
        ("a-1-cp312-cp312-manylinux_2_17_i686.whl", False),
        ("a-1-pp311-pypy311_pp73-manylinux_2_17_x86_64.whl", False),
    ],
)
def test_hashes_are_of_files_for_linux_and_macos(wheel: str, *, fits: bool) -> None:
    assert lock.fits(wheel) is fits


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "echo 'ERROR:pip_audit._cli:Could not connect' >&2; exit 1",
            "❌ Nothing was checked: the vulnerability service",
        ),
        ("echo 'Found 1 known vulnerability' >&2; exit 1", "Found 1 known vulnerability"),
        ("echo 'No known vulnerabilities found' >&2", "No known vulnerabilities found"),
    ],
)
def test_audit_says_when_it_could_not_check(tmp_path: Path, program: str, said: str) -> None:
    shutil.copy(PROJECT_DIR / "Makefile", tmp_path)
    audit = tmp_path / "instance" / "audit" / "bin" / "pip-audit"
    audit.parent.mkdir(parents=True)
    audit.write_text(f"#!/bin/sh\n{program}\n")
    audit.chmod(0o755)
    (tmp_path / "instance" / "audit" / ".ready").touch()
    done = subprocess.run(["make", "-s", "audit"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ("exit 1" not in program)
    assert (done.stdout + done.stderr).startswith(said)


def test_licences_are_listed_and_none_is_gpl() -> None:
    listed = licences()
    assert set(listed) == set(pins())
    for name in pins():
        metadata = importlib.metadata.metadata(name)
        fields = ("License-Expression", "License", "Classifier")
        lines = [line for field in fields for line in metadata.get_all(field) or []]
        text = " ".join(line for line in lines if "::" not in line or line.startswith("License"))
        family = listed[name].split("-")[0]
        assert family in text or (family == "BSD" and "Redistribution and use in source" in text), (name, text)
        assert ("GPL" in text) == listed[name].startswith("LGPL"), (name, text)
        assert not re.search(r"\bA?GPL", text), (name, text)


@pytest.fixture
def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.splitlines() if (PROJECT_DIR / name).is_file() and name != BASELINE.name]


Finding = tuple[str, str, str]
"""A file, the type of a secret and its hash."""


Secret = tuple[str, str]
"""The type of a secret and its hash."""

KEYWORDS = re.compile("|".join(DENYLIST), re.IGNORECASE)
"""What every pattern of the keyword detector contains."""


def suspicions(name: str, known: dict[tuple[FileType, str], frozenset[Secret]]) -> set[Finding]:
    """Return what the detectors find in a file before the filters remove most of it: a superset of its secrets.

    Args:
        name: of the file.
        known: what they found in a line of a type of file, to which this file's lines are added: many lines recur.
    """
    kind = determine_file_type(name)
    found: set[Finding] = set()
    for lines in _get_lines_from_file(name):  # as they are, and then as the detectors' transformers write them
        for line in map(str.rstrip, lines):
            if (kind, line) not in known:
                known[kind, line] = secrets_of(name, line)
            found.update((name, *secret) for secret in known[kind, line])
        if found:
            break
    return found


def secrets_of(name: str, line: str) -> frozenset[Secret]:
    """Return what the detectors find in a line; of the file's name, they read the type only."""
    detectors = [plugin for plugin in get_plugins() if not isinstance(plugin, KeywordDetector) or KEYWORDS.search(line)]
    found = [secret for plugin in detectors for secret in plugin.analyze_line(filename=name, line=line)]
    return frozenset((secret.type, secret.secret_hash) for secret in found)


def findings(
    names: list[str], monkeypatch: pytest.MonkeyPatch, accepted: AbstractSet[Finding] = frozenset()
) -> set[Finding]:
    """Return the secrets in files.

    Files with nothing but accepted suspicions are not scanned, because that doubles the time.
    """
    monkeypatch.chdir(PROJECT_DIR)
    configure_settings_from_baseline(load_from_file(str(BASELINE)))
    found = SecretsCollection(root="")
    known: dict[tuple[FileType, str], frozenset[Secret]] = {}
    for name in names:
        if suspicions(name, known) - accepted:
            found.scan_file(name)
    return {(name, secret.type, secret.secret_hash) for name, secret in found}


@pytest.mark.long
@pytest.mark.untraced
def test_no_secret_is_committed(tracked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    results = json.loads(BASELINE.read_text(encoding="utf-8"))["results"]
    accepted = {(name, secret["type"], secret["hashed_secret"]) for name in results for secret in results[name]}
    new = findings(tracked, monkeypatch, accepted) - accepted
    assert sorted((name, kind) for name, kind, _ in new) == []


def test_the_scanner_finds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = PROJECT_DIR / "instance" / "planted.py"
    planted.parent.mkdir(exist_ok=True)
    key = "AK" + "IA" + "X7QHW3JZ5NR2KLVT"  # shaped like a cloud key; split so that this file contains none
    planted.write_text(f'KEY = "{key}"\n')
    try:
        assert [kind for _, kind, _ in findings([str(planted)], monkeypatch)] == ["AWS Access Key"]
    finally:
        planted.unlink()
