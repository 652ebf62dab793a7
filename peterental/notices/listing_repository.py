"""The list of notices and its counts, in PostgreSQL: bounded, however many there are."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.agents.lookup import NEARBY_PER_AGENT, WANTED_AGENTS, of_each_agent
from peterental.notices.model import Notice, NoticeCounts

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from peterental.database.pool import Database
    from peterental.notices.model import Channel, NoticeFilter, State

MAX_SCANNED = 20_000
"""How many of the latest notices are searched for conditions that no index answers."""

MAX_SCANNED_OF_AGENTS, MIN_SCANNED_OF_AGENT = 5_000, 200
"""How many that is where agents are read one by one: theirs are scattered over the table. They share the first number,
but each gets the second."""

MAX_COUNTED = 50_000
"""Notices are counted up to this number."""

MAX_REASONS = 12

_SKEW = timedelta(minutes=10)
"""How much earlier or later a notice may have been written than its neighbours by id."""

_COLUMNS = ", ".join(f"notices.{name}" for name in Notice.__dataclass_fields__)
_OPEN = ("waiting", "sending")
_INDEXED = (*_OPEN, "failed", "suppressed", "unknown")
"""States that a partial index finds: notices in other states are many, and among the latest."""

_OWN = f"EXISTS (SELECT FROM agents AS own WHERE own.agent_id = notices.agent_id AND {WANTED_AGENTS})"
_LATEST = "ORDER BY notice_id DESC LIMIT"


class NoticeListingRepository:
    """The notices of one database, as pages show them. Each method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, user_id: int | None, wanted: NoticeFilter, places: slice) -> tuple[list[Notice], bool]:
        """Return a page of notices, newest first, and whether older ones were not searched.

        An index finds those of agents, recipients, viewings and days, and those that are open or in trouble. Other
        conditions are looked for among the latest of these.

        Args:
            user_id: only notices of this user's agents; None for all.
            wanted: the filter.
            places: the positions in the list.
        """
        is_limited = user_id is not None or bool(wanted.agent_id)
        found, others = _found_by_index(wanted), _others(wanted)
        scanned = NEARBY_PER_AGENT if is_limited else "%(scanned)s"
        reach = scanned if others else "%(reach)s"
        latest = _latest(found, reach, is_limited=is_limited)
        is_cut = f"(SELECT COUNT(*) FROM latest) >= {reach}" if others else "FALSE"
        rows = self._database.fetch(
            f"""
            WITH latest AS {"MATERIALIZED" if others else ""} ({latest}),
            page AS (
                SELECT notice_id FROM latest WHERE {" AND ".join(others) or "TRUE"}
                {_LATEST} %(limit)s OFFSET %(offset)s
            )
            SELECT cut.is_cut, listed.*
            FROM (SELECT {is_cut} AS is_cut) AS cut
            LEFT JOIN (SELECT {_COLUMNS} FROM page JOIN notices USING (notice_id)) AS listed ON TRUE
            ORDER BY listed.notice_id DESC
            """,
            {
                **_values(user_id, wanted),
                "reach": places.stop,
                "scanned": max(MAX_SCANNED, places.stop),
                "nearby": max(MAX_SCANNED_OF_AGENTS, places.stop),
                "per_agent": max(MIN_SCANNED_OF_AGENT, places.stop),
                "offset": places.start,
                "limit": places.stop - places.start,
            },
            prepare=False,
        )
        notices = [_notice(row) for row in rows if row["notice_id"] is not None]
        is_full = len(notices) >= places.stop - places.start
        return notices, rows[0]["is_cut"] and not is_full

    def one(self, notice_id: int, user_id: int | None) -> Notice | None:
        """Return a notice of a user's agents, or any if the user is None."""
        condition = "TRUE" if user_id is None else _OWN
        rows = self._database.fetch(
            f"SELECT {_COLUMNS} FROM notices WHERE notice_id = %(notice_id)s AND {condition}",
            {"notice_id": notice_id, "user_id": user_id, "agent_id": ""},
        )
        return _notice(rows[0]) if rows else None

    def counts(self, user_id: int | None, since: datetime) -> NoticeCounts:
        """Count the notices that ended after a moment, the latest MAX_COUNTED of them, and those that are open."""
        own = "TRUE" if user_id is None else _OWN
        rows = self._database.fetch(
            f"""
            WITH ended AS MATERIALIZED (
                SELECT channel, state, reason
                FROM notices
                WHERE ended_at >= %(since)s AND {own}
                ORDER BY ended_at DESC
                LIMIT %(most)s
            ), open AS MATERIALIZED (
                SELECT channel, state, NULL AS reason
                FROM notices
                WHERE state IN ('waiting', 'sending', 'unknown') AND ended_at IS NULL AND {own}
                LIMIT %(most)s
            )
            SELECT channel, state, reason, number, is_partial
            FROM (
                SELECT channel, state, CASE WHEN state IN ('failed', 'suppressed', 'unknown') THEN reason END AS reason,
                       COUNT(*) AS number, SUM(COUNT(*)) OVER () >= %(most)s AS is_partial
                FROM (SELECT * FROM ended UNION ALL SELECT * FROM open) AS counted
                GROUP BY 1, 2, 3
            ) AS grouped
            ORDER BY number DESC
            """,
            {"since": since, "user_id": user_id, "agent_id": "", "most": MAX_COUNTED},
        )
        states: Counter[tuple[Channel, State]] = Counter()
        reasons: Counter[tuple[State, str]] = Counter()
        for row in rows:
            states[row["channel"], row["state"]] += row["number"]
            if row["reason"]:
                reasons[row["state"], row["reason"]] += row["number"]
        return NoticeCounts(
            states=states,
            reasons=tuple((*why, number) for why, number in reasons.most_common(MAX_REASONS)),
            is_partial=any(row["is_partial"] for row in rows),
        )


def _latest(conditions: list[str], reach: str, *, is_limited: bool) -> str:
    """Return the query of the latest notices, of all agents or of each wanted one."""
    columns = "notice_id, state, channel, audience, kind, created_at"
    where = " AND ".join(conditions) or "TRUE"
    if not is_limited:
        return f"SELECT {columns} FROM notices WHERE {where} {_LATEST} {reach}"
    one = f"SELECT {columns} FROM notices WHERE notices.agent_id = own.agent_id AND {where} {_LATEST} {reach}"
    return of_each_agent(one)


def _found_by_index(wanted: NoticeFilter) -> list[str]:
    """Return the conditions that an index answers. Ids grow with time, so a day is a range of ids."""
    conditions = []
    if wanted.appointment_id is not None:
        conditions.append("appointment_id = %(appointment_id)s")
    if wanted.recipient:
        conditions.append("recipient = %(recipient)s")
    if wanted.state in _INDEXED:
        conditions.append(f"state = '{wanted.state}'")
        if wanted.state in _OPEN:
            conditions.append("ended_at IS NULL")
    if wanted.since is not None:
        conditions.append(
            "notice_id >= (SELECT notice_id FROM notices WHERE created_at >= %(since)s::timestamptz - %(skew)s"
            " ORDER BY created_at, notice_id LIMIT 1)"
        )
    if wanted.until is not None:
        conditions.append(
            "notice_id <= (SELECT notice_id FROM notices WHERE created_at < %(until)s::timestamptz + %(skew)s"
            " ORDER BY created_at DESC, notice_id DESC LIMIT 1)"
        )
    return conditions


def _others(wanted: NoticeFilter) -> list[str]:
    """Return the other conditions."""
    names = ["channel", "audience", "kind"]
    if wanted.state not in _INDEXED:
        names.append("state")
    conditions = [f"{name} = %({name})s" for name in names if getattr(wanted, name)]
    if wanted.since is not None:
        conditions.append("created_at >= %(since)s")
    if wanted.until is not None:
        conditions.append("created_at < %(until)s")
    return conditions


def _values(user_id: int | None, wanted: NoticeFilter) -> dict[str, Any]:
    names = ("state", "channel", "audience", "kind", "agent_id", "recipient", "appointment_id", "since", "until")
    return {name: getattr(wanted, name) for name in names} | {"user_id": user_id, "skew": _SKEW}


def _notice(row: dict[str, Any]) -> Notice:
    return Notice(**{name: row[name] for name in Notice.__dataclass_fields__})
