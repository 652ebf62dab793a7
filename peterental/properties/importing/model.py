"""What an import reads, what it would do, and why it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from peterental.errors import NotFound, Refusal
from peterental.properties.keys import NO_KEYS, HomeKeys
from peterental.properties.model import Property, PropertyDetails
from peterental.properties.service import audited

ImportField = Literal[
    "source_id",
    "address",
    "line1",
    "unit",
    "city",
    "state",
    "zip_code",
    "said_as",
    "bedrooms",
    "bathrooms",
    "rent",
    "available_on",
    "status",
]
"""What a column can mean. `address` is the whole address in one column; the others are those of a home."""

FIELD_LABELS: Mapping[ImportField, str] = {
    "source_id": "Id",
    "address": "Whole address",
    "line1": "Street",
    "unit": "Unit",
    "city": "City",
    "state": "State",
    "zip_code": "ZIP code",
    "said_as": "Other names",
    "bedrooms": "Bedrooms",
    "bathrooms": "Bathrooms",
    "rent": "Rent",
    "available_on": "Available from",
    "status": "Status",
}

MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_COLUMNS = 70
MAX_HOMES = 5_000
MAX_SOURCE_CHARS = 60
MAX_FILE_NAME_CHARS = 120

MANY = 2
"""A feed that loses more than one in this many of its homes is stopped."""


class FileRefused(Refusal):
    """{reason}."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason.removesuffix("."))


class SourceNameInvalid(Refusal):
    """Enter the name of the system that the file comes from, at most {characters} characters, such as AppFolio."""


class ColumnsIncomplete(Refusal):
    """Choose which column has the street, or the whole address."""


class ColumnTwice(Refusal):
    """Two columns are marked as “{label}”. Mark one of them."""


class ImportUnknown(NotFound):
    """There is no such import: it was finished, or its file was deleted after a day."""


class FeedShrinks(Refusal):
    """The file lacks {vanished} of the {homes} active homes of this list. Confirm that they are to become inactive."""


class PlanChanged(Refusal):
    """The list of homes changed after this preview was made. Check the new preview below, then confirm it."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A home as a file has it.

    Args:
        line: its first line in the file, from 1.
        name: how it is named in messages: its street, or what stands there instead.
        source_id: its id in the file, or its canonical address if the file has no ids; None if neither is known.
        values: the fields of `PropertyDetails` that the file has, parsed; None for an empty cell.
        keys: of its address.
        is_offered: whether its status says that it can be rented.
        problems: why it cannot be imported, in sentences.
    """

    line: int
    name: str
    source_id: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    keys: HomeKeys = NO_KEYS
    is_offered: bool = True
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlannedHome:
    """A home that an import adds or changes.

    Args:
        line: in the file, from 1.
        source_id: its id in the file.
        details: what it will be.
        home: what it is; None for a new one.
        before: the changed fields before, as the audit log has them.
        after: the changed fields after.
    """

    line: int
    source_id: str
    details: PropertyDetails
    home: Property | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RowProblem:
    """Why a row is left out.

    Args:
        line: in the file, from 1.
        name: how the row names its home.
        text: a sentence.
        existing: the home that is in the way, if one is.
    """

    line: int
    name: str
    text: str
    existing: Property | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an import does.

    Args:
        added: new homes.
        changed: active homes with other values.
        returned: inactive homes that the file has again.
        vanished: active homes of this source that become inactive.
        kept: active homes of this source that the file lacks and a person restored: they stay until it lists them.
        relisted: homes that a person had restored and the file has again; it decides about them from now on.
        unchanged: the number of homes that stay as they are.
        retired: homes in the file that a person retired; they stay retired.
        not_offered: rows whose status says that the home cannot be rented.
        problems: rows that are left out; their homes stay as they are.
        active_before: the number of active homes of this source.
    """

    added: tuple[PlannedHome, ...] = ()
    changed: tuple[PlannedHome, ...] = ()
    returned: tuple[PlannedHome, ...] = ()
    vanished: tuple[Property, ...] = ()
    kept: tuple[Property, ...] = ()
    relisted: tuple[Property, ...] = ()
    unchanged: int = 0
    retired: tuple[Property, ...] = ()
    not_offered: int = 0
    problems: tuple[RowProblem, ...] = ()
    active_before: int = 0

    @property
    def changes_anything(self) -> bool:
        """Whether there is something to confirm."""
        return bool(self.added or self.changed or self.returned or self.vanished or self.relisted)

    @property
    def shrinks(self) -> bool:
        """Whether more than half of the active homes of this source would become inactive."""
        return MANY * len(self.vanished) > self.active_before

    @cached_property
    def digest(self) -> str:
        """The hash of all that would be done. A plan is applied only as it was shown."""
        homes = [
            [kind, found.home and found.home.property_id, found.source_id, found.before, audited(found.details)]
            for kind in ("added", "changed", "returned")
            for found in getattr(self, kind)
        ]
        rest = [
            *([home.property_id for home in found] for found in (self.vanished, self.kept, self.relisted)),
            [row.line for row in self.problems],
        ]
        return hashlib.sha256(json.dumps([homes, rest], default=str).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class PendingImport:
    """An uploaded file between the steps of an import.

    Args:
        mapping: which column is which field, by the name of the field; empty before the columns were chosen.
    """

    import_id: int
    source: str
    file_name: str
    content: bytes
    mapping: Mapping[ImportField, str]
    uploaded_at: datetime


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of an uploaded file.

    Args:
        name: its name in the header, unique in the file.
        samples: its first values.
        meaning: what was chosen, remembered or guessed; None for nothing.
    """

    name: str
    samples: tuple[str, ...]
    meaning: ImportField | None


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """The page on which the columns of a file are chosen.

    Args:
        is_remembered: whether the meanings are those of the last import from this source.
        rows: the number of rows below the header.
    """

    pending: PendingImport
    columns: tuple[Column, ...]
    rows: int
    is_remembered: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do."""

    pending: PendingImport
    plan: Plan
    has_columns: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """A system that homes are imported from. The time is UTC; None before the first import."""

    name: str
    active: int
    imported_at: datetime | None
    imported_by: str | None
