"""Migrations to squash, and how tests squash them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from peterental.database.migrations.commands.squash import squash
from tests.database.migrations.conftest import Folder

TODAY = dt.date(2026, 11, 29)

FILES = {
    "001_words.sql": "CREATE TABLE words (word text PRIMARY KEY, note text);\nINSERT INTO words VALUES ('a''b', NULL), ('z', E'\\\\ %s {}');",
    "002_homes.sql": "CREATE TABLE homes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text REFERENCES words, size int DEFAULT 1);\n"
    "INSERT INTO homes (word) VALUES ('z'), ('z');",
    "003_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY homes_word ON homes (word);",
    "004_later.sql": "ALTER TABLE homes ADD later text;",
}


class Confirmation:
    """A confirmation that records what it is shown."""

    def __init__(self, shown: list[str], *, answer: bool = True) -> None:
        self._shown = shown
        self._answer = answer

    def __call__(self, text: str) -> bool:
        self._shown.append(text)
        return self._answer


def squashed(
    url: str, folder: Folder, to: int = 3, *, answer: bool = True, report: Callable[[str], None] = print
) -> Path | None:
    return squash(url, folder.path, to=to, today=TODAY, confirm=lambda _: answer, report=report)


def names(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())
