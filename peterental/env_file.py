"""Settings from the file `.env`, in development: read into the environment, where real variables win.

In production the file is read only if DOTENV=1. Whether this is production is decided from the real environment alone.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path

from peterental.errors import Fault

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INITIAL_ENVIRONMENT = Path("/proc/self/environ")
_FLASK_DEFAULTS = (".flaskenv", ".env")
_ENV_FILE_OPTIONS = ("-e", "--env-file")


class EnvFileError(Fault):
    """PeteRental cannot start: {path} {problem}."""


def is_production(environ: Mapping[str, str]) -> bool:
    """Return whether an environment is production: PETERENTAL_ENV decides, else whether RENDER is set."""
    chosen = environ.get("PETERENTAL_ENV", "").strip()
    return chosen != "development" if chosen else bool(environ.get("RENDER", "").strip())


def load_into_process(path: Path) -> None:
    """Set the variables of a file in this process's environment. Raises EnvFileError."""
    _undo_flask()
    load_env_file(path, os.environ)


def load_env_file(path: Path, environ: MutableMapping[str, str]) -> None:
    """Set the variables of a file, if there is one and it is to be read; existing variables stay.

    Args:
        path: of the file.
        environ: the process's environment.

    Raises EnvFileError.
    """
    switch, in_production = environ.get("DOTENV", "").strip(), is_production(environ)
    if switch != "1" and (switch or in_production):
        return
    values = {name: value for name, value in _read(path).items() if name not in environ}
    if "DOTENV" in values:
        raise EnvFileError(path=path, problem="sets DOTENV, which must be a real variable: it decides about the file")
    if is_production({**environ, **values}) != in_production:
        name = "PETERENTAL_ENV" if "PETERENTAL_ENV" in values else "RENDER"
        raise EnvFileError(
            path=path, problem=f"sets {name}, which must be a real variable: a file cannot turn production on or off"
        )
    environ.update(values)


def _read(path: Path) -> dict[str, str]:
    """Return the variables of a file; of a name that occurs twice, the last value. Raises EnvFileError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        raise EnvFileError(path=path, problem="is a directory; rename it, or set DOTENV=0") from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror}; change its permissions, or set DOTENV=0"
        raise EnvFileError(path=path, problem=problem) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise EnvFileError(path=path, problem=f"is not UTF-8 text (line {line}); save it as UTF-8") from None
    return dict(_parse(path, text))


def _parse(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of a text, without interpolation. Raises EnvFileError with the line, never its content."""
    from dotenv.parser import parse_stream  # noqa: PLC0415  # most processes have no such file

    for binding in parse_stream(StringIO(text)):
        if binding.key is None and not binding.error:
            continue  # a comment or the end
        is_pair = binding.key is not None and binding.value is not None and _NAME.fullmatch(binding.key)
        if not is_pair or "\x00" in (binding.value or ""):
            skipped = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + len(re.findall(r"\r\n|\r|\n", binding.original.string[:skipped]))
            problem = f'has a mistake in line {line}: write NAME=value, and quote values with spaces as NAME="a value"'
            raise EnvFileError(path=path, problem=problem)
        yield str(binding.key), str(binding.value)


# --- the flask command ------------------------------------------------------------------------------------------------


@cache
def _undo_flask() -> None:
    """Remove the variables that the flask command has loaded from `.env` and `.flaskenv` before it loads this program.

    It loads them in production as well, with interpolation, and from other folders than gunicorn, which loads none.
    Flask's own settings and the file of `--env-file` stay. Once, since later changes are the program's own.
    """
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        for name in _loaded_by_flask(sys.argv[1:], os.environ, _initial_names()):
            os.environ.pop(name, None)


def _loaded_by_flask(arguments: Sequence[str], environ: Mapping[str, str], initial: frozenset[str] | None) -> set[str]:
    """Return the names that the flask command has set.

    Args:
        arguments: of the command.
        environ: the environment since.
        initial: the names in the environment before; None if they are not known.
    """
    from dotenv import find_dotenv  # noqa: PLC0415  # most processes have no such file

    values: dict[str, str | None] = {}
    for default in _FLASK_DEFAULTS:
        values |= _as_flask_reads(find_dotenv(default, usecwd=True))
    kept = set(_as_flask_reads(_given_env_file(arguments)))
    if initial is None:  # the best guess: what has the value of the file was loaded from it
        initial = frozenset(name for name, value in values.items() if environ.get(name) != value)
    return {name for name in values if name not in initial | kept and not name.startswith("FLASK_")}


def _as_flask_reads(path: str | None) -> dict[str, str | None]:
    """Return the variables of a file as the flask command reads them; none of a file that would have ended it."""
    from dotenv import dotenv_values  # noqa: PLC0415  # see above

    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # flask has shown the warnings
    try:
        return dotenv_values(path, encoding="utf-8") if path else {}
    except (OSError, UnicodeDecodeError):
        return {}  # FLASK_SKIP_DOTENV: it was not read


def _given_env_file(arguments: Sequence[str]) -> str | None:
    """Return the file of `flask --env-file FILE`, if there is one."""
    for option, value in pairwise((*arguments, "")):
        if option in _ENV_FILE_OPTIONS:
            return value
        if option.startswith("--env-file="):
            return option.partition("=")[2]
    return None


def _initial_names() -> frozenset[str] | None:
    """Return the names in the environment with which this process began; None where the system does not keep them."""
    try:
        entries = _INITIAL_ENVIRONMENT.read_bytes().split(b"\0")
    except OSError:
        return None
    return frozenset(os.fsdecode(entry.partition(b"=")[0]) for entry in entries)
