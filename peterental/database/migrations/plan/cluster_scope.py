"""Detect statements with effects outside their database: roles, other databases, server settings.

In a scratch database they would have the same effect as in the live one, and dropping the scratch database would not
undo it.
"""

from __future__ import annotations

import re

from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums

_MAYBE_CLUSTER_WIDE = re.compile(
    r"\b(?:role|user|group|database|tablespace|subscription|system|owned|grant|revoke)\b", re.IGNORECASE
)
_CLUSTER_WIDE_WITHIN = re.compile(
    r"\b(?:create|alter|drop)\s+(?:role|user(?!\s+mapping)|group|database|tablespace|subscription)\b"
    r"|\b(?:drop|reassign)\s+owned\b",
    re.IGNORECASE,
)
_CLUSTER_WIDE = frozenset(
    {
        "create_role_stmt",
        "alter_role_stmt",
        "alter_role_set_stmt",
        "drop_role_stmt",
        "grant_role_stmt",
        "createdb_stmt",
        "dropdb_stmt",
        "alter_database_stmt",
        "alter_database_set_stmt",
        "alter_database_refresh_coll_stmt",
        "create_table_space_stmt",
        "drop_table_space_stmt",
        "alter_table_space_options_stmt",
        "alter_system_stmt",
        "create_subscription_stmt",
        "alter_subscription_stmt",
        "drop_subscription_stmt",
        "drop_owned_stmt",
        "reassign_owned_stmt",
    }
)
_OBJECT_FIELDS = {
    "rename_stmt": "rename_type",
    "alter_owner_stmt": "object_type",
    "comment_stmt": "objtype",
    "grant_stmt": "objtype",
    "sec_label_stmt": "objtype",
}


def is_cluster_wide(sql: str) -> bool:
    """Whether a statement changes something outside the database in which it runs.

    DO blocks are searched for such statements as text. What functions and procedures do is not checked.
    """
    if not _MAYBE_CLUSTER_WIDE.search(sql):
        return False
    try:
        tree = parse_one(sql)
    except ParseError:
        return False  # the server reports the error
    kind = tree.WhichOneof("node")
    if kind == "do_stmt":
        return bool(_CLUSTER_WIDE_WITHIN.search(sql))
    if kind in _OBJECT_FIELDS:
        shared = {pg_enums().OBJECT_DATABASE, pg_enums().OBJECT_ROLE, pg_enums().OBJECT_TABLESPACE}
        return getattr(getattr(tree, kind), _OBJECT_FIELDS[kind]) in shared
    return kind in _CLUSTER_WIDE
