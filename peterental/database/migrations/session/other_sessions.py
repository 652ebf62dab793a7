"""Describe other sessions of the server, as far as this role may see them."""

from __future__ import annotations

from typing import Any

SESSION_COLUMNS = """
    other.pid AS blocker_pid,
    coalesce(nullif(other.application_name, ''), nullif(other.backend_type, 'client backend'),
             CASE WHEN other.usesysid IS NULL THEN 'autovacuum worker' END) AS application_name,
    host(other.client_addr) AS host, other.state, other.query, other.usename AS role, current_user AS this_role,
    extract(epoch FROM now() - other.xact_start)::float AS transaction_s,
    other.backend_start IS NOT NULL AS is_visible,
    coalesce(other.backend_type = 'autovacuum worker', other.usesysid IS NULL)
        AND other.query NOT LIKE '%%(to prevent wraparound)' AS is_autovacuum
"""
"""What `describe` needs of `pg_stat_activity AS other`, and whether the server cancels the session for one that waits.

Of the sessions of other roles, most columns are hidden. An autovacuum belongs to no role.
"""


def describe(row: dict[str, Any]) -> str:
    """Describe a session: program, pid, host, state, age of its transaction, and what it runs."""
    name = row["application_name"] or "an unnamed program"
    if not row["is_visible"]:
        if row["role"] is None:
            return f"{name} (pid {row['blocker_pid']})"
        shows = f"GRANT pg_read_all_stats TO {row['this_role']} shows what it does"
        return f"{name} (pid {row['blocker_pid']}, of role {row['role']}; {shows})"
    query = " ".join((row["query"] or "").split())[:100]
    return (
        f"{name} (pid {row['blocker_pid']}, from {row['host'] or 'this machine'}, {row['state']} for"
        f" {row['transaction_s'] or 0:.0f} s): {query}"
    )
