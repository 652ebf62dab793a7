"""Find, and remove from the audit log, what it says about one person. The entries stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg.rows import DictRow

    from peterental.audit.model import SubjectKind
    from peterental.database.connect import Connection

PERSONAL_FIELDS = ("attendee_name", "attendee_email", "attendee_phone", "caller_number", "notes")
"""The fields of a change that are personal data of a visitor, whatever their values."""


class AuditPersonalDataRepository:
    """The audit log of one database, by what it contains. Every method runs in the caller's transaction."""

    def search(
        self, connection: Connection, pattern: str, *, appointment_ids: Sequence[int], message_ids: Sequence[int]
    ) -> list[DictRow]:
        """Return the entries about some objects, and those in which a regular expression matches, oldest first.

        Entries about user accounts and about earlier requests are left out. Reads the whole table.
        """
        return connection.execute(
            r"""
            SELECT audit_id, happened_at, action, subject_kind, subject_id, subject_name, before, after,
                   (
                       subject_kind = 'appointment' AND subject_id = ANY (%(appointment_ids)s)
                       OR subject_kind = 'message' AND subject_id = ANY (%(message_ids)s)
                   ) AS is_own
            FROM audit_log
            WHERE subject_kind NOT IN ('user', 'person')
                AND (
                    subject_kind = 'appointment' AND subject_id = ANY (%(appointment_ids)s)
                    OR subject_kind = 'message' AND subject_id = ANY (%(message_ids)s)
                    OR concat_ws(
                        ' ------ ', subject_name, replace(before::text, '\n', ' '), replace(after::text, '\n', ' ')
                    ) ~* %(pattern)s
                )
            ORDER BY happened_at, audit_id
            """,
            {
                "pattern": pattern,
                "appointment_ids": [str(number) for number in appointment_ids],
                "message_ids": [str(number) for number in message_ids],
            },
        ).fetchall()

    def remove_person(
        self, connection: Connection, entries: Sequence[Mapping[str, object]], remove: Callable[[object], object]
    ) -> None:
        """Queue removing a person from entries, as `search` returned them.

        Args:
            connection: of the transaction.
            entries: what was done, when and by whom stays.
            remove: returns a text or a JSON value without the person.
        """
        for entry in entries:
            name = f"{entry['subject_kind']} {entry['subject_id']}" if entry["is_own"] else entry["subject_name"]
            connection.execute(
                "UPDATE audit_log SET subject_name = %s, before = %s, after = %s WHERE audit_id = %s",
                (
                    remove(name),
                    _without_person(entry["before"], remove, is_own=bool(entry["is_own"])),
                    _without_person(entry["after"], remove, is_own=bool(entry["is_own"])),
                    entry["audit_id"],
                ),
            )

    def forget_subjects(self, connection: Connection, kind: SubjectKind, ids: Sequence[int]) -> None:
        """Queue naming objects by their ids only, in every entry about them."""
        connection.execute(
            """
            UPDATE audit_log SET subject_name = subject_kind || ' ' || subject_id
            WHERE subject_kind = %s AND subject_id = ANY (%s)
            """,
            (kind, [str(number) for number in ids]),
        )


def _without_person(values: object, remove: Callable[[object], object], *, is_own: bool) -> Jsonb | None:
    """Return the fields of a change without the person; None for none."""
    if values is None:
        return None
    if is_own and isinstance(values, dict):
        values = {name: None if name in PERSONAL_FIELDS else value for name, value in values.items()}
    return Jsonb(remove(values), dumps=_dumps)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
