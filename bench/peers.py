"""The other tools, in a separate virtualenv under instance/, installed on first use."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bench.programs import PROJECT_DIR, Command, must

_VENV = PROJECT_DIR / "instance" / "bench-venv"
_LIST = Path(__file__).with_name("peers.txt")
_INSTALL_TIMEOUT_S = 300.0


def scripts() -> Path:
    """Return the folder of the tools' programs; install the list first unless exactly it is installed.

    Raises ProgramFailed if they are not available.
    """
    installed = _VENV / "installed.txt"
    if not installed.exists() or installed.read_text(encoding="utf-8") != _LIST.read_text(encoding="utf-8"):
        shutil.rmtree(_VENV, ignore_errors=True)
        must(Command([sys.executable, "-m", "venv", str(_VENV)]), _INSTALL_TIMEOUT_S)
        pip = [str(_VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        must(Command([*pip, "-r", str(_LIST)]), _INSTALL_TIMEOUT_S)
        shutil.copyfile(_LIST, installed)
    return _VENV / "bin"


def version_of(package: str) -> str:
    """Return the version that the list pins."""
    for line in _LIST.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise KeyError(package)
