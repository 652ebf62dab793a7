"""Rules that every template and every message of the pages keeps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from peterental.web.shell import assets

WEB = Path(assets.__file__).parents[1]
CATEGORIES = {"done", "refused", "note"}
"""What a message may be: a success, a refusal, or something to know."""

LOSES_SOMETHING = re.compile(
    r"^(?:Remove|Delete|Reset|Replace|Discard|Disconnect|Revoke|Retire|Deactivate|Cancel the)\b"
)
LOSES_LITTLE = {
    ("agents/hours.html", "Remove"): "one entry of a list, which is entered again in a line",
    ("time_off/index.html", "Remove"): "one entry of a list, which is entered again in a line",
    ("jobs/index.html", "Discard"): "the job stays in the list, and can be run",
    ("homes/columns.html", "Discard the file"): "the file can be uploaded again",
    ("homes/preview.html", "Discard the file"): "the file can be uploaded again",
}
"""Buttons that do not ask first, and why."""

BUTTON = re.compile(r"<button\b[^>]*>(.*?)</button>", re.DOTALL)


def flashed_categories() -> Iterator[tuple[str, str]]:
    """Yield the file and the category of every `flash`."""
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "flash":
                category = node.args[1] if len(node.args) > 1 else None
                yield path.name, str(category.value) if isinstance(category, ast.Constant) else ast.dump(node)


def test_every_message_has_a_category_with_a_colour() -> None:
    flashed = list(flashed_categories())
    assert len(flashed) > 80
    assert [each for each in flashed if each[1] not in CATEGORIES] == []
    style = (WEB / "shell" / "assets" / "style.css").read_text(encoding="utf-8")
    assert [name for name in CATEGORIES - {"done"} if f".message-{name} {{" not in style] == []


def test_what_loses_something_asks_first() -> None:
    """A page of its own lists the consequences, or the button opens a question (`confirm`)."""
    asking, buttons = set(), 0
    for path in sorted(WEB.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        name = "/".join(path.parts[-2:])
        for found in BUTTON.finditer(text):
            buttons += 1
            label = re.sub(r"<[^>]+>.*|\{.*", "", found[1], flags=re.DOTALL).strip()
            is_link = label.endswith("…")  # to a page that asks
            if LOSES_SOMETHING.match(label) and not is_link and 'class="consequences"' not in text:
                asking.add((name, label))
    assert buttons > 100
    assert asking == set(LOSES_LITTLE)
