"""Writes the next migration file from a template: `flask db-new "add user phone"`."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.source.files import find_files

MAX_TITLE_CHARS = 100
"""In characters; a file's name must hold it on every file system."""

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_HIGHEST_VERSION = 2**31 - 1  # schema_migrations.version is an INTEGER

# Letters that Unicode does not take apart into a Latin one and its accent.
_LATIN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
        "ħ": "h",
        "ŋ": "ng",
    }
)

# The INSERT is a comment: a template in which nobody has written anything must be refused as empty, not applied.
_TEMPLATE = """\
-- Migration {version:03d}: {title}
-- Purpose:
-- Created: {today:%Y-%m-%d}

-- Write the change here; each file is one transaction. Before you push: flask db-lint, flask db-plan.
--
--   ALTER TABLE … ADD COLUMN IF NOT EXISTS …;
--
-- An index on a table in use needs a file of its own that begins with “-- migrate: no-transaction”.

-- =============================================================================
-- RECORD THIS MIGRATION (take the dashes away once there is a change above)
-- =============================================================================

-- INSERT INTO schema_migrations (version, description)
-- VALUES ({version}, '{quoted}')
-- ON CONFLICT (version) DO NOTHING;
"""


class InvalidTitle(EngineError):
    """A migration cannot be called {title!r}: {problem}. Say in a few words what it does, such as: add user phone."""


class CannotWrite(EngineError):
    """Cannot write to {path}: {reason}."""


def new_migration(directory: Path, title: str, today: dt.date) -> Path:
    """Write the next numbered file and give its path.

    The file has a header to fill in and no statement yet: the runner refuses it as empty until somebody writes one.
    Two who ask at once on one machine get two numbers; no file is ever overwritten.

    Args:
        directory: where the migrations are.
        title: what the migration does, in a few words; the file's name is made from it.
        today: the date for its header, on the writer's calendar.

    Raises UselessTitle; MigrationFilesError, as the runner does, where the files there are misnamed, twice there or
    missing from the sequence; CannotWrite.
    """
    title = title.strip()
    slug = slug_of(title)
    title = title[0].upper() + title[1:]
    try:
        with _numbering_lock(directory):
            files = find_files(directory)
            version = files[-1].version + 1 if files else 1
            if version > _HIGHEST_VERSION:
                raise CannotWrite(path=directory, reason=f"there is no number after {_HIGHEST_VERSION}")
            path = directory / f"{version:03d}_{slug}.sql"
            text = _TEMPLATE.format(version=version, title=title, today=today, quoted=title.replace("'", "''"))
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise CannotWrite(path=directory, reason=error.strerror or str(error)) from error
    return path


def slug_of(title: str) -> str:
    """Give the words of a title as a file's name has them: lower-case Latin letters, digits, underscores.

    Accents are left out. Raises UselessTitle for a title without words, with several lines, too long, or in letters
    that nobody could guess a Latin spelling of.
    """
    if not title.strip():
        raise InvalidTitle(title=title, problem="it is empty")
    if len(title.splitlines()) > 1 or not title.isprintable():
        raise InvalidTitle(title=title, problem="it must be one line of plain text")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidTitle(
            title=f"{title[:20]}…", problem=f"it has {len(title)} characters, and {MAX_TITLE_CHARS} are the most"
        )
    latin = "".join(
        character
        for character in unicodedata.normalize("NFKD", title.casefold().translate(_LATIN))
        if not unicodedata.combining(character)
    )
    unsupported = [character for character in latin if character.isalnum() and not character.isascii()]
    if unsupported:
        raise InvalidTitle(title=title, problem=f"“{unsupported[0]}” has no place in a file's name; use Latin letters")
    slug = _NOT_IN_A_NAME.sub("_", latin).strip("_")
    if not slug:
        raise InvalidTitle(title=title, problem="there is no word in it")
    return slug


@contextmanager
def _numbering_lock(directory: Path) -> Iterator[None]:
    """Keep others of us from taking a number in `directory` for the block; ends with the process at the latest."""
    if not directory.is_dir():
        find_files(directory)  # says what is wrong, as the runner would
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
