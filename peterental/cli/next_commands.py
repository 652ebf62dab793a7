"""Complete the commands that messages name: what is printed as the next step works when it is pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

_FOR_EVERY_COMMAND = ("directory",)
"""Options that the next command needs as well, whichever it is."""

_FOR_THE_SAME_COMMAND = ("to", "lock_wait", "no_wait", "max_rate")
"""Options that hold for the same command again; others, such as --yes, were a decision for one run."""

_NAMED = re.compile(r"\bflask (?P<command>db-[a-z]+)(?![\w-])(?=(?P<rest>[^\n;]*))")
_QUOTED_SQL = re.compile(r"\s*\d+ \| ")
"""How a line of a file begins where an error quotes it."""


def completed(text: str) -> str:
    """Return a message in which each `flask db-…` has the options that it needs to mean what the running command meant.

    The engine names commands without options: it does not know what was typed. Outside of a command, the text is
    returned as it is. Quoted lines of a file are left alone.
    """
    context = click.get_current_context(silent=True)
    if context is None or "flask db-" not in text:
        return text
    lines = text.split("\n")
    return "\n".join(line if _QUOTED_SQL.match(line) else _NAMED.sub(_completer(context), line) for line in lines)


def _completer(context: click.Context) -> Callable[[re.Match[str]], str]:
    root = context.find_root()
    program = ["flask", *_application(root)]

    def complete(found: re.Match[str]) -> str:
        name, rest = found["command"], found["rest"]
        command = root.command.get_command(root, name) if isinstance(root.command, click.Group) else None
        known = {parameter.name for parameter in command.params} if command else set()
        wanted: tuple[str, ...] = _FOR_EVERY_COMMAND
        if name == context.info_name and not context.params.get("dry_run"):
            wanted = (*_FOR_THE_SAME_COMMAND, *wanted)
        options = [words for option in wanted if option in known for words in _given(context, option, rest)]
        return shlex.join([*program, name, *options])

    return complete


def _application(root: click.Context) -> list[str]:
    """Return `--app` with its value, if it was given."""
    if root.get_parameter_source("app") is not ParameterSource.COMMANDLINE:
        return []
    path = getattr(root.obj, "app_import_path", None)
    return ["--app", path] if path else []


def _given(context: click.Context, name: str, rest: str) -> list[str]:
    """Return an option with its value as it was given; nothing if it was not, or if the text has it already."""
    option = next((option for option in context.command.params if option.name == name), None)
    if option is None or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        return []
    written = option.opts[0]
    if written in rest.split():
        return []
    value: Any = context.params[name]
    if value is True:
        return [written]
    return [written, f"{value:g}" if isinstance(value, float) else str(value)]
