"""The list of viewings in PostgreSQL; each page reads a bounded number of rows.

An order that an index provides is read from that index, page by page. For any other order, the viewings nearest to now
are sorted. Words are searched as `peterental.search` describes, where the top of the list is what is nearest to now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from peterental.appointments.listing.model import AgentChoice, Filter, Position, Scope
from peterental.appointments.model import Appointment
from peterental.appointments.repository import APPOINTMENT
from peterental.clock import midnight
from peterental.search import (
    BOOKING_TEXT,
    SearchLimits,
    contains,
    folded,
    folded_match,
    has_trigram,
    indexed_match,
    rarest_word,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

MAX_SORTED = 1_000
"""Viewings before now, and viewings after, that are sorted by what no index is on."""

LIMITS = SearchLimits()


@dataclass(frozen=True)
class _Section:
    """A section of the list that is read in the order of an index."""

    where: str
    order: str


TO_COME = _Section("start_time >= %(now)s", "start_time, id")
PAST = _Section("start_time < %(now)s", "start_time DESC, id DESC")
LATEST = _Section("TRUE", "start_time DESC, id DESC")
BOOKED = _Section("TRUE", "created_at DESC, id DESC")
AFTER = _Section("(start_time, id) > (%(after_start)s, %(after_id)s)", "start_time, id")

ORDERS = {
    "soonest": """
        start_time < %(now)s, CASE WHEN start_time >= %(now)s THEN start_time END, start_time DESC,
        CASE WHEN start_time >= %(now)s THEN id ELSE -id END
    """,
    "latest": LATEST.order,
    "booked": BOOKED.order,
    "name": "LOWER(attendee_name), start_time, id",
}


class ListingRepository:
    """The list of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def agents(
        self, connection: Connection, user_id: int | None, chosen: str | None, limit: int | None
    ) -> tuple[tuple[AgentChoice, ...], tuple[str, ...]]:
        """Return agents of one user, or of all if None, and the time zones of all.

        Args:
            connection: to read with.
            user_id: the owner.
            chosen: the id of the agent to put first, if there is such an agent.
            limit: how many agents to return, in order of name; None is all of them.
        """
        rows = connection.execute(
            """
            WITH visible AS (
                SELECT agent_id, agent_name, time_zone, is_active
                FROM agents
                WHERE %(user_id)s::int IS NULL OR user_id = %(user_id)s
            )
            SELECT agent_id, agent_name, time_zone, (SELECT array_agg(DISTINCT time_zone) FROM visible) AS zones
            FROM visible
            ORDER BY agent_id = %(chosen)s::text DESC NULLS LAST, is_active DESC, LOWER(agent_name), agent_id
            LIMIT %(limit)s
            """,
            {"user_id": user_id, "chosen": chosen, "limit": limit},
        ).fetchall()
        zones = tuple(rows[0]["zones"]) if rows else ()
        return tuple(AgentChoice(row["agent_id"], row["agent_name"], row["time_zone"]) for row in rows), zones

    def find(
        self, connection: Connection, wanted: Filter, scope: Scope, now: datetime, page: slice
    ) -> tuple[list[Appointment], bool]:
        """Return the viewings of one page, and whether more matched than could be sorted.

        Args:
            connection: to read with.
            wanted: the filter and the order.
            scope: the agents.
            now: where upcoming viewings begin.
            page: from which place in the list to which.
        """
        query, values = listing_query(wanted, scope, now, page)
        # Planned for these very values: a rare word needs another plan than a common one.
        rows = connection.execute(query.encode(), values, prepare=False).fetchall()
        is_truncated = rows[0]["is_truncated"]
        for row in rows:
            del row["is_truncated"], row["place"]
        return [Appointment(**row) for row in rows if row["appointment_id"] is not None], is_truncated

    def after(self, wanted: Filter, scope: Scope, last: Appointment | Position | None, limit: int) -> list[Appointment]:
        """Return the viewings after `last` in order of time, or the first ones.

        One round trip.
        """
        values = _values(wanted, scope) | {
            "after_start": last.start if last else datetime.min.replace(tzinfo=UTC),
            "after_id": last.appointment_id if last else 0,
            "reach": limit,
        }
        query = f"""
            WITH found AS ({_read(AFTER, wanted, scope, "id, start_time", limit="reach", more=_has_words(wanted))})
            SELECT {APPOINTMENT}
            FROM (SELECT id FROM found) AS found JOIN appointments USING (id) JOIN agents USING (agent_id)
            ORDER BY start_time, id
        """
        with self._database.connection() as connection:
            rows = connection.execute(query.encode(), values, prepare=False).fetchall()
        return [Appointment(**row) for row in rows]


def listing_query(wanted: Filter, scope: Scope, now: datetime, page: slice) -> tuple[str, dict[str, Any]]:
    """Return the statement that reads one page, and its parameters.

    Arguments are those of `ListingRepository.find`.
    """
    is_read_in_order = wanted.sort in {"soonest", "latest"} or (wanted.sort == "booked" and not wanted.has_days)
    sections: tuple[_Section, ...] = (TO_COME, PAST)
    if is_read_in_order:
        sections = {"latest": (LATEST,), "booked": (BOOKED,)}.get(wanted.sort, sections)
    columns = _columns(wanted, is_read_in_order=is_read_in_order)
    parts: list[str] = []
    for number, section in enumerate(sections):
        enough = f"(SELECT COUNT(*) FROM part_{number - 1}) < %(reach)s" if number and is_read_in_order else "TRUE"
        parts += _part(number, section, wanted, scope, columns=columns, enough=enough)
    found = _all_of("part", columns, len(sections))
    parts.append(f"nearby AS ({found})")
    truncated = ["FALSE"] if is_read_in_order else [f"(SELECT COUNT(*) FROM part_{n}) >= %(reach)s" for n in (0, 1)]
    everywhere = ""
    if wanted.is_indexed:
        there_is_more = _is_more_to_search(len(sections))
        parts.append(f"rarest AS MATERIALIZED ({_rarest(wanted, len(sections))})")
        parts.append(f"everywhere AS MATERIALIZED ({_everywhere(wanted, scope, columns, there_is_more)})")
        everywhere = "UNION SELECT * FROM everywhere"
        truncated.append("(SELECT COUNT(*) FROM everywhere) > %(matches)s")
        truncated.append(f"{there_is_more} AND (SELECT is_common FROM rarest)")
    order = ORDERS[wanted.sort]
    query = f"""
        WITH {", ".join(parts)},
        page AS (
            SELECT * FROM (SELECT * FROM nearby {everywhere}) AS found
            ORDER BY {order}
            LIMIT %(limit)s OFFSET %(offset)s
        )
        SELECT search.is_truncated, listed.*
        FROM (SELECT {" OR ".join(truncated)} AS is_truncated) AS search
        LEFT JOIN (
            SELECT {APPOINTMENT}, place
            FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY {order}) AS place FROM page) AS placed
            JOIN appointments USING (id)
            JOIN agents USING (agent_id)
        ) AS listed ON TRUE
        ORDER BY place
    """
    values = _values(wanted, scope) | _page_values(scope, page, is_read_in_order=is_read_in_order) | {"now": now}
    return query, values


def _page_values(scope: Scope, page: slice, *, is_read_in_order: bool) -> dict[str, int]:
    """Return the parameters that limit what is read of each section and in all."""
    share = len(scope.agent_ids or ()) if scope.is_merged else 1
    return {
        "reach": page.stop if is_read_in_order else max(MAX_SORTED // share, LIMITS.per_agent) + 1,
        "offset": page.start,
        "limit": page.stop - page.start,
        "nearby": max(LIMITS.nearby // share, LIMITS.per_agent, page.stop),
        "nearby_in_all": max(LIMITS.nearby, LIMITS.per_agent, page.stop),
        "matches": LIMITS.matches,
    }


def _columns(wanted: Filter, *, is_read_in_order: bool) -> str:
    """Return the columns that the order needs; all are in the index of that order."""
    match wanted.sort:
        case "booked":
            return "id, created_at" if is_read_in_order else "id, start_time, created_at"
        case "name":
            return "id, start_time, attendee_name"
        case _:
            return "id, start_time"


def _part(number: int, section: _Section, wanted: Filter, scope: Scope, *, columns: str, enough: str) -> Iterator[str]:
    """Yield the table expressions that read a section as far as the page needs."""
    if not wanted.words:
        yield f"part_{number} AS ({_read(section, wanted, scope, columns, limit='reach', more=[enough])})"
        return
    text = f", {folded(BOOKING_TEXT)} AS words"
    near = _read(section, wanted, scope, columns + text, limit="nearby", in_all="nearby_in_all", more=[enough])
    has_all = folded_match("words", *_word_names(wanted))
    yield f"near_{number} AS MATERIALIZED ({near})"
    yield f"""
        part_{number} AS (
            SELECT {columns} FROM near_{number} WHERE {has_all} ORDER BY {section.order} LIMIT %(reach)s
        )
    """


def _rarest(wanted: Filter, sections: int) -> str:
    """Return the query of the rarest nearby word that the index can look up."""
    names = [name for name, word in zip(_word_names(wanted), wanted.words, strict=True) if has_trigram(word)]
    matches = {name: folded_match("words", name) for name in names}
    return rarest_word(matches, f"({_all_of('near', '*', sections)}) AS near")


def _everywhere(wanted: Filter, scope: Scope, columns: str, there_is_more: str) -> str:
    """Return the query that finds words by their index, if those nearby are too few.

    The index looks up the word that is rarest nearby; the rows that it finds are checked for the other words.
    """
    conditions = [
        *_agent_condition(scope),
        *_conditions(wanted, scope),
        indexed_match(BOOKING_TEXT, "SELECT word FROM rarest"),
        *([folded_match(folded(BOOKING_TEXT), *_word_names(wanted))] if len(wanted.words) > 1 else []),
        there_is_more,
        "(SELECT NOT is_common FROM rarest)",
    ]
    return f"SELECT {columns} FROM appointments WHERE {' AND '.join(conditions)} LIMIT %(matches)s + 1"


def _is_more_to_search(sections: int) -> str:
    """Return the condition that the page is not full and more viewings exist."""
    was_cut = " OR ".join(f"(SELECT COUNT(*) FROM near_{number}) >= %(nearby)s" for number in range(sections))
    return f"(SELECT COUNT(*) FROM nearby) < %(reach)s AND ({was_cut})"


def _read(
    section: _Section,
    wanted: Filter,
    scope: Scope,
    columns: str,
    *,
    limit: str,
    in_all: str | None = None,
    more: Sequence[str] = (),
) -> str:
    """Return the query of the first viewings of a section.

    A few agents are read one by one and merged.

    Args:
        section: of the list.
        wanted: the filter.
        scope: the agents.
        columns: what to give of each.
        limit: the value that says how many, of each agent that is read on its own.
        in_all: the value that says how many of all agents, where that is another.
        more: further conditions.
    """
    is_merged = scope.is_merged
    of_agent = ["appointments.agent_id = own.agent_id"] if is_merged else _agent_condition(scope)
    conditions = " AND ".join([*of_agent, *_conditions(wanted, scope), section.where, *more])
    one = f"SELECT {columns} FROM appointments WHERE {conditions} ORDER BY {section.order} LIMIT %({limit})s"
    if not is_merged:
        return one
    return f"""
        SELECT one.*
        FROM UNNEST(%(agent_ids)s::text[]) AS own (agent_id) CROSS JOIN LATERAL ({one}) AS one
        ORDER BY {section.order}
        LIMIT %({in_all or limit})s
    """


def _all_of(part: str, columns: str, count: int) -> str:
    return " UNION ALL ".join(f"SELECT {columns} FROM {part}_{number}" for number in range(count))


def _agent_condition(scope: Scope) -> list[str]:
    match scope.agent_ids:
        case None:
            return []
        case (_,):
            return ["appointments.agent_id = %(agent_id)s"]
        case _:
            return ["appointments.agent_id = ANY(%(agent_ids)s)"]


def _conditions(wanted: Filter, scope: Scope) -> list[str]:
    """Return the conditions of the filter. Days are local to each agent."""
    conditions = []
    if wanted.status is not None:
        conditions.append("status = %(status)s")
    if wanted.is_home_unknown:
        conditions.append("is_home_unknown")
    for name, day in _edges(wanted):
        conditions.append(_from_midnight(name, len(_midnights(day, scope.zones))))
    return conditions


def _edges(wanted: Filter) -> list[tuple[str, date]]:
    """Return the names and days of the filter's edges: `first`, and `end` (excluded)."""
    days = (("first", wanted.first_day), ("end", wanted.last_day and wanted.last_day + timedelta(days=1)))
    return [(name, day) for name, day in days if day is not None]


def _midnights(day: date, zones: Sequence[str]) -> list[tuple[datetime, list[str]]]:
    """Return the moments at which a day starts, in order, each with its time zones."""
    begins: dict[datetime, list[str]] = {}
    for zone in zones:
        begins.setdefault(midnight(day, ZoneInfo(zone)), []).append(zone)
    return sorted(begins.items())


def _from_midnight(name: str, count: int) -> str:
    """Return the condition that a viewing starts after `first` or before `end`.

    If the time zones differ, an index finds the viewings between the earliest and the latest midnight. Among these, the
    midnight of each agent is taken from a list of the agents per midnight, which is read once.
    """
    sign, outer, inner = (">=", 0, count - 1) if name == "first" else ("<", count - 1, 0)
    if count == 1:
        return f"start_time {sign} %({name}_0)s"
    own = " OR ".join(
        f"(start_time {sign} %({name}_{number})s AND appointments.agent_id IN"
        f" (SELECT agent_id FROM agents WHERE time_zone = ANY(%({name}_zones_{number})s)))"
        for number in range(count)
    )
    return f"start_time {sign} %({name}_{outer})s AND (start_time {sign} %({name}_{inner})s OR {own})"


def _has_words(wanted: Filter) -> list[str]:
    """Return a condition for each word: that a viewing has it."""
    return [f"{BOOKING_TEXT} ILIKE %({name})s" for name in _word_names(wanted)]


def _word_names(wanted: Filter) -> list[str]:
    """Return the names of the parameters with the words' patterns."""
    return [f"word_{number}" for number in range(len(wanted.words))]


def _values(wanted: Filter, scope: Scope) -> dict[str, Any]:
    values: dict[str, Any] = {"status": wanted.status}
    if scope.agent_ids is not None:
        values |= {"agent_ids": list(scope.agent_ids), "agent_id": next(iter(scope.agent_ids), None)}
    for name, day in _edges(wanted):
        for number, (begins, zones) in enumerate(_midnights(day, scope.zones)):
            values |= {f"{name}_{number}": begins, f"{name}_zones_{number}": zones}
    return values | dict(zip(_word_names(wanted), map(contains, wanted.words), strict=True))
