"""How tools read the names of their migration files: place in the order, version, and words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple

from peterental.database.migrations.importing.model import OrderKey

NUMBERED = re.compile(r"(?P<version>\d+)[_-]?(?P<name>.*?)\.sql", re.IGNORECASE)
_UNNUMBERED = re.compile(r"(?P<name>.+)\.sql", re.IGNORECASE)
_UTC_DIGITS = 17  # node-pg-migrate can also name its files by the time in UTC, as 20240131235959123


class FileName(NamedTuple):
    """What a file's name says: its place in the order, its version in the tool's ledger, and its words."""

    order: OrderKey
    version: str
    words: str


NameReader = Callable[[str], FileName | None]
"""Reads the name of a file, without its folder; returns None if the tool does not run such a file."""


def by_number(name: str) -> FileName | None:
    """Order by the number that begins the name."""
    found = NUMBERED.fullmatch(name)
    return FileName((int(found["version"]),), str(int(found["version"])), found["name"]) if found else None


def by_text(name: str) -> FileName | None:
    """Order by name, character by character: 10_b comes before 9_a."""
    found = NUMBERED.fullmatch(name)
    return FileName((name,), found["version"], found["name"]) if found else None


def by_number_and_name(name: str) -> FileName | None:
    """Order by number, then by name; files without a number come last. The version is the whole name."""
    found = NUMBERED.fullmatch(name)
    if found:
        return FileName((0, int(found["version"]), name), name, found["name"])
    unnumbered = _UNNUMBERED.fullmatch(name)
    return FileName((1, 0, name), name, unnumbered["name"]) if unnumbered else None


def by_time(name: str) -> FileName | None:
    """Order by time: a number in milliseconds, or the digits of a time in UTC. The version is the whole name."""
    found = NUMBERED.fullmatch(name)
    return FileName((_milliseconds(found["version"]), name), name, found["name"]) if found else None


def _milliseconds(digits: str) -> int:
    if len(digits) != _UTC_DIGITS:
        return int(digits)
    try:
        moment = dt.datetime.strptime(digits[:14], "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return int(digits)
    return int(moment.timestamp()) * 1000 + int(digits[14:])
