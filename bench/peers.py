"""The other tools, in a separate virtualenv under instance/, installed on first use."""

from __future__ import annotations

from pathlib import Path

from bench.programs import PROJECT_DIR
from bench.virtualenv import programs_of

_VENV = PROJECT_DIR / "instance" / "bench-venv"
_LIST = Path(__file__).with_name("peers.txt")
_INSTALL_TIMEOUT_S = 300.0


def scripts() -> Path:
    """Return the folder of the tools' programs. Raises ProgramFailed if they are not available."""
    return programs_of(_VENV, _LIST, _INSTALL_TIMEOUT_S)


def version_of(package: str) -> str:
    """Return the version that the list pins."""
    for line in _LIST.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise KeyError(package)
