"""Write the next migration file from a template: `flask db-new "add user phone"`."""

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
"""Maximum length of a title in characters, so that the file name fits on every file system."""

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_HIGHEST_VERSION = 2**31 - 1  # schema_migrations.version is an INTEGER

# Letters that Unicode does not decompose into a Latin letter and an accent.
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

# The INSERT is a comment, so that an unfinished template is refused as empty instead of applied.
_TEMPLATE = """\
-- Migration {version:03d}: {title}
-- Purpose:
-- Created: {today:%Y-%m-%d}

-- Write the change here. Each file is one transaction. Before you push, run flask db-lint and flask db-plan.
--
--   ALTER TABLE … ADD COLUMN IF NOT EXISTS …;
--
-- An index on an existing table needs a separate file that begins with “-- migrate: no-transaction”.

-- =============================================================================
-- RECORD THIS MIGRATION (uncomment the INSERT once there is a change above)
-- =============================================================================

-- INSERT INTO schema_migrations (version, description)
-- VALUES ({version}, '{quoted}')
-- ON CONFLICT (version) DO NOTHING;
"""


class InvalidTitle(EngineError):
    """A migration cannot be named {title!r}: {problem}. Describe the change in a few words, such as: add user phone."""


class CannotWrite(EngineError):
    """Cannot write to {path}: {reason}."""


def new_migration(directory: Path, title: str, today: dt.date) -> Path:
    """Write the next numbered file and return its path.

    The file has a header to fill in and no statement yet; the runner refuses it as empty until it has one. Concurrent
    calls on one machine get different numbers, and no file is ever overwritten.

    Args:
        directory: the folder of migrations.
        title: what the migration does, in a few words; the file name is derived from it.
        today: the date for the header, in the author's time zone.

    Raises InvalidTitle; CannotWrite; MigrationFilesError, as the runner does, if files in the folder are misnamed,
    duplicated or missing from the sequence.
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
    """Return a title as part of a file name.

    It has only lower-case Latin letters, digits and underscores.

    Accents are removed. Raises InvalidTitle if the title has no words, has several lines, is too long, or has letters
    without a Latin equivalent.
    """
    if not title.strip():
        raise InvalidTitle(title=title, problem="it is empty")
    if len(title.splitlines()) > 1 or not title.isprintable():
        raise InvalidTitle(title=title, problem="it must be one line of plain text")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidTitle(
            title=f"{title[:20]}…", problem=f"it has {len(title)} characters, but the maximum is {MAX_TITLE_CHARS}"
        )
    latin = "".join(
        character
        for character in unicodedata.normalize("NFKD", title.casefold().translate(_LATIN))
        if not unicodedata.combining(character)
    )
    unsupported = [character for character in latin if character.isalnum() and not character.isascii()]
    if unsupported:
        raise InvalidTitle(
            title=title, problem=f"“{unsupported[0]}” cannot be part of the file name; use Latin letters"
        )
    slug = _NOT_IN_A_NAME.sub("_", latin).strip("_")
    if not slug:
        raise InvalidTitle(title=title, problem="it has no letters or digits")
    return slug


@contextmanager
def _numbering_lock(directory: Path) -> Iterator[None]:
    """Lock `directory` against other db-new processes.

    The lock ends with the process at the latest.
    """
    if not directory.is_dir():
        find_files(directory)  # raises the runner's error
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
