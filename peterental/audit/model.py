"""What the audit log says: somebody did something to a thing, which was so before and is so now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SubjectKind = Literal["agent", "appointment", "message", "user"]

COMMAND_LINE = "command line"
"""The actor of what a `flask` command did."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that a person did.

    Args:
        action: what was done, in the past tense: `created`, `edited`, `moved`, `hours changed`, ….
        subject_kind, subject_id: to what.
        subject_name: what people call it, as it was at that moment.
        before, after: the fields that changed; empty where there was nothing before, or is nothing after.
    """

    action: str
    subject_kind: SubjectKind
    subject_id: str
    subject_name: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """A line of the log. The time is UTC."""

    audit_id: int
    happened_at: datetime
    actor: str
    change: Change


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which changes are wanted; what is empty does not narrow.

    Args:
        actor: whose.
        subject_kind, subject_id: to what.
        since, until: from and before when they were made, aware.
    """

    actor: str = ""
    subject_kind: SubjectKind | None = None
    subject_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = LogFilter()


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """One page of the log, newest first."""

    entries: tuple[AuditEntry, ...]
    has_more: bool


def changed_fields(before: DataclassInstance, after: DataclassInstance) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the fields in which two states of one thing differ, as they were and as they are."""
    old, new = asdict(before), asdict(after)
    names = [name for name in new if old.get(name) != new[name]]
    return {name: old.get(name) for name in names}, {name: new[name] for name in names}


def json_default(value: object) -> str:
    """Give what `json.dumps` cannot write by itself: moments and days as ISO 8601, anything else as its text."""
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
