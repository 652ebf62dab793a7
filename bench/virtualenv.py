"""Virtualenvs of other tools, under instance/, installed when they are first needed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bench.programs import Command, must


def programs_of(venv: Path, packages: Path, timeout_s: float) -> Path:
    """Return the folder of a virtualenv's programs; install its packages first unless exactly these are installed.

    Raises ProgramFailed if they are not available.

    Args:
        venv: the folder of the virtualenv.
        packages: the list of them, as pip reads it.
        timeout_s: the limit of each of both steps.
    """
    installed = venv / "installed.txt"
    if not installed.exists() or installed.read_text(encoding="utf-8") != packages.read_text(encoding="utf-8"):
        shutil.rmtree(venv, ignore_errors=True)
        must(Command([sys.executable, "-m", "venv", str(venv)]), timeout_s)
        pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        must(Command([*pip, "-r", str(packages)]), timeout_s)
        shutil.copyfile(packages, installed)
    return venv / "bin"
