"""Every regular expression that may meet text from outside takes linear time.

Each pattern is tried on texts made of its own characters. Where one costs more than a millisecond, the time that it
takes for four times the text is compared: quadratic time grows sixteenfold.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import time
from collections.abc import Iterator
from re import _parser as sre  # type: ignore[attr-defined]  # the standard library's own parser of patterns
from typing import Any

import pytest

from tests.gunicorn import PROJECT_DIR

pytestmark = pytest.mark.untraced

METHODS = frozenset({"match", "search", "fullmatch", "sub", "split", "findall", "finditer"})
OURS = {"access_log.py", "database", "env_file.py", "grammar.py"}
"""Folders and files whose patterns read text of ours: a format, migrations, `.env`, the grammar's rules."""

CHARS = 1_000
WORTH_COMPARING_S = 0.001
MOST_GROWTH = 9
MOST_LETTERS, MOST_OTHERS = 4, 6


def patterns() -> dict[str, tuple[re.Pattern[str], str]]:
    """Return each pattern in the code with the method that it is used with."""
    found: dict[str, tuple[re.Pattern[str], str]] = {}
    for path in sorted((PROJECT_DIR / "peterental").rglob("*.py")):
        if OURS & set(path.parts):
            continue
        place = path.relative_to(PROJECT_DIR)
        module = importlib.import_module(".".join(place.with_suffix("").parts).removesuffix(".__init__"))
        named = {name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)}
        unused = set(named)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
                continue
            owner = ast.unparse(node.func.value)
            pattern = named.get(owner)
            unused.discard(owner)
            if owner == "re":
                expression = compile(ast.Expression(node.args[0]), str(path), "eval")
                pattern = re.compile(eval(expression, vars(module).copy()))  # noqa: S307  # our own source text
            if pattern is not None and isinstance(pattern.pattern, str):
                found[f"{place}:{node.lineno} {node.func.attr}"] = (pattern, node.func.attr)
        # Used in another module, or by WTForms.
        found |= {f"{place} {name}": (named[name], "match") for name in unused if isinstance(named[name].pattern, str)}
    return found


def samples(pattern: re.Pattern[str]) -> list[str]:
    """Return characters that the pattern speaks of, and one that it may not."""
    found: set[str] = set()

    def visit(node: Any) -> None:
        match node:
            case (code, int(char)) if str(code) in {"LITERAL", "NOT_LITERAL"}:
                found.add(chr(char))
            case (code, (int(low), int())) if str(code) == "RANGE":
                found.add(chr(low))
            case (code, category) if str(code) == "CATEGORY":
                found.add({"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " "}.get(str(category), "w"))
            case (code, None) if str(code) == "ANY":
                found.add("q")
            case list() | tuple() | sre.SubPattern():
                for part in node:
                    visit(part)
            case _:
                pass

    visit(sre.parse(pattern.pattern, pattern.flags))
    letters, others = (sorted(char for char in found if char.isalpha() is kind) for kind in (True, False))
    return ["a", *letters[:MOST_LETTERS], *others[:MOST_OTHERS]]


def texts(chars: list[str], size: int) -> Iterator[str]:
    """Yield long texts of these characters; many end so that a match fails late."""
    for char in chars:
        yield from (char * size, char * size + "\x01", "\x01" + char * size + "\x01")
    for one, other in itertools.permutations(chars, 2):
        yield (one + other) * (size // 2) + "\x01"
        yield one + other * size + "\x01"
        yield "a" + one + other * size + one
        yield one * (size // 2) + other * (size // 2) + "\x01"


def seconds(pattern: re.Pattern[str], method: str, text: str) -> float:
    """Return the CPU time of this thread, the least of three measurements."""

    def once() -> float:
        began = time.thread_time()
        result = getattr(pattern, method)(*((" ", text) if method == "sub" else (text,)))
        if method == "finditer":
            list(result)
        return time.thread_time() - began

    first = once()
    return first if first < WORTH_COMPARING_S else min(first, once(), once())


def superlinear(pattern: re.Pattern[str], method: str) -> str | None:
    """Return the start of a text for which the time grows faster than the text; None if there is none."""
    chars = samples(pattern)
    for short, long in zip(texts(chars, CHARS), texts(chars, 4 * CHARS), strict=True):
        before = seconds(pattern, method, short)
        if before >= WORTH_COMPARING_S and seconds(pattern, method, long) > MOST_GROWTH * before:
            return f"{short[:2]!r} … {short[-3:]!r}"
    return None


def test_every_pattern_takes_linear_time() -> None:
    found = patterns()
    assert len(found) > 80
    assert {place: text for place, (pattern, method) in found.items() if (text := superlinear(pattern, method))} == {}


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(.+?)\s*(?:-|\bto\b)\s*(.+)", "fullmatch"),
        (r"\s*(?:[,;]|\band\b)\s*", "split"),
        (r"[^@\s]+@[^@\s]+\.[^@\s]+$", "match"),
        (r"\s+$", "search"),
        (r"([^/]+t[^/]+)\s?(?:/|--)\s?(?:p[\w.]+|[\dt:.z+-]+)", "fullmatch"),
    ],
)
def test_quadratic_patterns_are_found(pattern: str, method: str) -> None:
    assert superlinear(re.compile(pattern), method)
