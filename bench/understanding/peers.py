"""The general date parsers, in a separate virtualenv under instance/, installed when they are first needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.programs import PROJECT_DIR, Command, ProgramFailed, must
from bench.virtualenv import programs_of

_VENV = PROJECT_DIR / "instance" / "understanding-venv"
_LIST = Path(__file__).with_name("peers.txt")
_PROGRAM = Path(__file__).with_name("peer_program.py")
_INSTALL_TIMEOUT_S = 600.0
_RUN_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Answers:
    """What one parser made of every phrase.

    Args:
        name: the parser, with its version.
        times: the wall-clock time of each phrase; None where it returned none.
        phrase_us: how long each phrase took, in microseconds.
        nonsense_ms: how long 10 KB and 280 characters of nonsense took, in milliseconds; None for more than a minute.
    """

    name: str
    times: list[datetime | None]
    phrase_us: list[float]
    nonsense_ms: list[float | None]


def install() -> Path:
    """Return the interpreter that has the parsers. Raises ProgramFailed if they are not available."""
    return programs_of(_VENV, _LIST, _INSTALL_TIMEOUT_S) / "python"


def names() -> list[str]:
    """Return the parsers with their versions, as listed."""
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def ask(python: Path, requirement: str, phrases: list[tuple[datetime, str]], folder: Path) -> Answers | str:
    """Return what one parser makes of the phrases, or why it cannot be asked.

    Args:
        python: the virtualenv's interpreter.
        requirement: the parser as listed, `name==version`.
        phrases: each with the present moment, on the wall clock without a zone.
        folder: to write in.
    """
    name, _, version = requirement.partition("==")
    questions, answers = folder / "phrases.json", folder / f"{name}.json"
    questions.write_text(json.dumps([(now.isoformat(), phrase) for now, phrase in phrases]), encoding="utf-8")
    try:
        must(Command([str(python), str(_PROGRAM), name, str(questions), str(answers)]), _RUN_TIMEOUT_S)
    except ProgramFailed as error:
        return f"{name} {version}: {error}"
    found = json.loads(answers.read_text(encoding="utf-8"))
    times = [None if text is None else datetime.fromisoformat(text) for text in found["times"]]
    return Answers(f"{name} {version}", times, found["phrase_us"], found["nonsense_ms"])
