"""The audit log's records of changes of users."""

from __future__ import annotations

from collections.abc import Mapping

from peterental.audit.model import Change


def user_change(
    action: str,
    user_id: int,
    name: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> Change:
    """Return the audit log's record of a change of a user."""
    return Change(
        action=action,
        subject_kind="user",
        subject_id=str(user_id),
        subject_name=name,
        before=before or {},
        after=after or {},
    )
