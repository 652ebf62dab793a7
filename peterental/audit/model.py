"""Audit log entries: who changed which object, and the values before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from peterental.access import ToolToken

SubjectKind = Literal[
    "agent",
    "appointment",
    "call",
    "closure",
    "home",
    "job",
    "line",
    "message",
    "notice",
    "user",
    "person",
    "token",
    "webhook",
]
"""What a change is of; `person` is a request about one person's data, `notice` a notice or how notices are sent,
`line` the Vapi account."""

COMMAND_LINE = "command line"
"""The actor of changes by a `flask` command."""

SIGN_IN_PAGE = "sign-in page"
"""The actor of failed sign-ins: who it was is unknown."""


NO_FIELDS: Mapping[str, object] = MappingProxyType({})
"""The fields of a new object before, or of a removed one after."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one object.

    Args:
        action: what was done, in the past tense: `created`, `edited`, `moved`, `hours changed`, ….
        subject_kind: the kind of the changed object.
        subject_id: its id.
        subject_name: its name at the time of the change.
        before: the values of the changed fields before; empty for a new object.
        after: their values after; empty for a removed object.
    """

    action: str
    subject_kind: SubjectKind
    subject_id: str
    subject_name: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """An entry of the audit log. The time is UTC."""

    audit_id: int
    happened_at: datetime
    actor: str
    change: Change
    token: ToolToken | None = None
    """The API token with which a tool of the actor did it, named as it was then; None for the actor."""


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which entries to list; an empty field matches all.

    Args:
        actor: whose changes.
        token_id: only changes by a tool with this API token.
        subject_kind: the kind of the changed object.
        subject_id: its id.
        since: only changes made then or later, aware.
        until: only changes made earlier, aware.
    """

    actor: str = ""
    token_id: int | None = None
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
    """Return the values before, and after, of the fields in which two states differ."""
    return changed_values(asdict(before), asdict(after))


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values before, and after, of the names under which these differ; both empty if none does."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def json_default(value: object) -> str:
    """Encode dates and times as ISO 8601, anything else with `str`, for `json.dumps`."""
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
