"""The audit log in PostgreSQL."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from peterental.access import ToolToken
from peterental.audit.model import AuditEntry, Change, LogFilter, SubjectKind, json_default

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database


_ENTRY = """
    audit_id, happened_at, actor, token_id, token_name, action, subject_kind, subject_id, subject_name, before, after
"""


class AuditRepository:
    """The audit log of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, connection: Connection, actor: str, change: Change, token: ToolToken | None) -> None:
        """Queue one entry, in the transaction of the change."""
        connection.execute(
            """
            INSERT INTO audit_log (
                actor, token_id, token_name, action, subject_kind, subject_id, subject_name, before, after
            )
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                actor,
                token.token_id if token else None,
                token.name if token else None,
                change.action,
                change.subject_kind,
                change.subject_id,
                change.subject_name,
                _json(change.before),
                _json(change.after),
            ),
        )

    def since(self, subject_kind: SubjectKind, subject_id: str, moment: datetime, limit: int) -> list[AuditEntry]:
        """Return the newest entries about an object after `moment`, oldest first."""
        rows = self._database.fetch(
            f"""
            SELECT {_ENTRY}
            FROM audit_log
            WHERE subject_kind = %s AND subject_id = %s AND happened_at > %s
            ORDER BY happened_at DESC, audit_id DESC
            LIMIT %s
            """,
            (subject_kind, subject_id, moment, limit),
        )
        return [_entry(row) for row in reversed(rows)]

    def listing(self, log_filter: LogFilter, *, limit: int, offset: int) -> list[AuditEntry]:
        """Return entries, newest first. One round trip."""
        rows = self._database.fetch(
            f"""
            SELECT {_ENTRY}
            FROM audit_log
            WHERE (%(actor)s::text IS NULL OR actor = %(actor)s)
                AND (%(token_id)s::bigint IS NULL OR token_id = %(token_id)s)
                AND (%(subject_kind)s::text IS NULL OR subject_kind = %(subject_kind)s)
                AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
                AND (%(since)s::timestamptz IS NULL OR happened_at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR happened_at < %(until)s)
            ORDER BY happened_at DESC, audit_id DESC
            LIMIT %(limit)s OFFSET %(offset)s
            """,
            {
                "actor": _search_term(log_filter.actor),
                "token_id": log_filter.token_id,
                "subject_kind": log_filter.subject_kind,
                "subject_id": _search_term(log_filter.subject_id),
                "since": log_filter.since,
                "until": log_filter.until,
                "limit": limit,
                "offset": offset,
            },
        )
        return [_entry(row) for row in rows]


def _search_term(text: str) -> str | None:
    """Return a search term without NUL, which PostgreSQL rejects; None if empty."""
    return text.replace("\x00", "").strip() or None


def _json(fields: Mapping[str, object]) -> Jsonb | None:
    return Jsonb(dict(fields), dumps=partial(json.dumps, ensure_ascii=False, default=json_default)) if fields else None


def _entry(row: DictRow) -> AuditEntry:
    return AuditEntry(
        audit_id=row["audit_id"],
        happened_at=row["happened_at"],
        actor=row["actor"],
        token=ToolToken(row["token_id"], row["token_name"]) if row["token_id"] is not None else None,
        change=Change(
            action=row["action"],
            subject_kind=row["subject_kind"],
            subject_id=row["subject_id"],
            subject_name=row["subject_name"],
            before=row["before"] or {},
            after=row["after"] or {},
        ),
    )
