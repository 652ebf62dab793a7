"""Production packages are pinned, listed with their licences and free of the GPL; no secret is committed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from detect_secrets.core.baseline import load_from_file
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import configure_settings_from_baseline
from packaging.requirements import Requirement

from tests.gunicorn import PROJECT_DIR

BASELINE = PROJECT_DIR / ".secrets.baseline"


def pins() -> dict[str, str]:
    text = (PROJECT_DIR / "requirements.txt").read_text(encoding="utf-8")
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


def test_transitive_dependencies_are_pinned() -> None:
    transitive = {other for name in pins() for other in required_by(name)}
    assert transitive - set(pins()) <= {
        "async-timeout",
        "importlib-metadata",
        "greenlet",
    }  # not needed on the supported Pythons


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


def findings(names: list[str], monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str, str]]:
    monkeypatch.chdir(PROJECT_DIR)
    configure_settings_from_baseline(load_from_file(str(BASELINE)))
    found = SecretsCollection(root="")
    for name in names:
        found.scan_file(name)
    return {(name, secret.type, secret.secret_hash) for name, secret in found}


@pytest.mark.long
def test_no_secret_is_committed(tracked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    results = json.loads(BASELINE.read_text(encoding="utf-8"))["results"]
    accepted = {(name, secret["type"], secret["hashed_secret"]) for name in results for secret in results[name]}
    new = findings(tracked, monkeypatch) - accepted
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
