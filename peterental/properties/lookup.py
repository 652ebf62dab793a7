"""SQL fragments that read the tables of homes, and parsing of their rows.

A phone call may take two round trips, so its statements read the homes together with the schedule and the bookings. The
parts that read the tables of homes are written here, because this feature owns them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from peterental.agents.model import Window
from peterental.properties.keys import said_keys
from peterental.properties.model import Property, PropertyStatus
from peterental.properties.search import HomesFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.properties.search import HomeSearch


def home_label(row: str) -> str:
    """Return an expression: `Property.label` of the home of a viewing; NULL without one, which costs nothing.

    Args:
        row: the name of the row of `appointments`.
    """
    return f"""
        CASE WHEN {row}.property_id IS NOT NULL THEN (
            SELECT line1 || CASE
                WHEN COALESCE(unit, '') = '' THEN ''
                WHEN strpos(unit, ' ') > 0 OR starts_with(unit, '#') THEN ', ' || unit
                ELSE ', Unit ' || unit
            END
            FROM properties
            WHERE properties.property_id = {row}.property_id
        ) END
    """


def named_home(row: str = "appointments") -> str:
    """Return a column: what the catalogue calls the home of a viewing, else what was said, as `property_address`."""
    return f"COALESCE({home_label(row)}, {row}.property_address) AS property_address"


HOME_LABEL = home_label("appointments")

ONE_VIEWING_AT_A_TIME = "(SELECT one_viewing_at_a_time FROM property_settings)"
"""An expression: whether viewings of one home may not overlap."""


def home_problem(row: str) -> str:
    """Return an expression: why an agent cannot show a home now, `retired` or `not_shown`; NULL where it can.

    Args:
        row: the name of a row with `property_id`, which may be NULL, and `agent_id`.
    """
    return f"""
        CASE WHEN {row}.property_id IS NOT NULL THEN (
            SELECT CASE
                WHEN status <> 'active' THEN 'retired'
                WHEN EXISTS (SELECT FROM property_agents WHERE property_agents.property_id = {row}.property_id)
                    AND NOT EXISTS (
                        SELECT FROM property_agents
                        WHERE property_agents.property_id = {row}.property_id
                            AND property_agents.agent_id = {row}.agent_id
                    )
                THEN 'not_shown'
            END
            FROM properties
            WHERE properties.property_id = {row}.property_id
        ) END
    """


HAS_HOMES = "CASE WHEN EXISTS (SELECT FROM properties) THEN '' END"
"""An expression: whether there is a catalogue, in the form of `candidates_sql` that reads nothing in it."""

EXACT_RANK = 3
"""The rank of homes that have the number and the words that were said."""

WANTED_RANK = -1
"""The rank of homes that are read in any case: of the caller's viewings, and of the latest question."""

MAX_CANDIDATES = 50
"""The homes of that rank that are read for one said home: the units of a large house."""

MAX_DOUBTFUL = 20
"""The homes of lower ranks that are read: of so many the caller is asked for the address."""

MAX_FOUND = 3
"""The homes that one answer names."""

PARSED_HOMES_CACHE_SIZE = 2_000
"""Homes whose parsed form a process caches; each call still reads them from the database."""


PROPERTY_JSON = """
    json_build_object(
        'property_id', property_id, 'line1', line1, 'unit', unit, 'city', city, 'state', state, 'zip_code', zip_code,
        'said_as', said_as, 'bedrooms', bedrooms, 'rent', rent, 'available_on', available_on, 'status', status,
        'showing_minutes', showing_minutes, 'notice_minutes', notice_minutes,
        'windows', (
            SELECT json_agg(json_build_array(
                weekday, EXTRACT(EPOCH FROM opens_at)::int / 60, EXTRACT(EPOCH FROM closes_at)::int / 60
            ) ORDER BY weekday, opens_at)
            FROM property_windows
            WHERE property_windows.property_id = properties.property_id
        ),
        'shown_by', (
            SELECT json_agg(agent_id) FROM property_agents
            WHERE property_agents.property_id = properties.property_id
        )
    )::text
"""
"""An expression on the row `properties`, for `property_from_json`."""


_TAKEN_JSON = """
    (
        SELECT json_agg(json_build_array(
            property_id, appointment_id, date_part('epoch', lower(during)), date_part('epoch', upper(during))
        ))
        FROM property_viewings
        WHERE property_viewings.property_id = properties.property_id
            AND during && tstzrange(%(now)s, %(now)s + make_interval(days => agent.horizon_days + 2))
    )
"""

HELD = 0
"""The appointment id of a time that is held for a waiting caller."""

HELD_TIMES = f"""
    SELECT property_id, {HELD} AS appointment_id, tstzrange(offered_start, offered_end) AS during
    FROM waitlist
    WHERE state = 'offered' AND property_id IS NOT NULL AND offer_expires_at > %(now)s
        AND CASE WHEN property_id IS NOT NULL THEN (SELECT one_viewing_at_a_time FROM property_settings) END
"""
"""A query of the times of homes that are held for callers on the waitlist; none where the office allows overlaps.

They are few at any moment, so the phone reads all of them at once. The CASE reads the settings only if there is one.
"""

_HELD_JSON = f"""
    (
        SELECT json_agg(json_build_array(
            property_id, appointment_id, date_part('epoch', lower(during)), date_part('epoch', upper(during))
        ))
        FROM ({HELD_TIMES}) AS held
    )
"""


_IS_SHOWN = """
    (
        NOT EXISTS (SELECT FROM property_agents WHERE property_agents.property_id = properties.property_id)
        OR EXISTS (
            SELECT FROM property_agents
            WHERE property_agents.property_id = properties.property_id
                AND agent_id = ANY ((SELECT agent_ids FROM wanted)::text[])
        )
    )
"""


def candidates_sql(*, is_said: str, own: str, asked: str, questions: str, agent_ids: str) -> str:
    """Return an expression: the homes that a caller may mean, as JSON for `homes_from_json`.

    NULL without a catalogue, empty where nothing is looked up in it. In it the row `agent` is that of `agents`.
    Parameters: those of `home_values`, and `now`. An empty catalogue costs a look at an empty table.

    Homes that have the number and the words that were said leave out all others; else those with one of the two are
    read, and those whose number is near.

    Args:
        is_said: an expression, whether homes are looked up by what was said.
        own: another one, the ids of the homes of the caller's own bookings; NULL for none.
        asked: another one, of the homes that this call was asked about.
        questions: another one, what this call was asked about homes, as JSON.
        agent_ids: another one, the ids of the agents whom the line books: their homes come first.
    """
    rank = """
        CASE
            WHEN number_key = ANY (%(home_numbers)s::text[]) THEN 2
            WHEN number_key LIKE ANY (%(home_near_numbers)s::text[]) THEN 1
            ELSE 0
        END + (search_keys && %(home_words)s::text[])::int
    """
    return f"""
        CASE WHEN EXISTS (SELECT FROM properties) THEN CASE WHEN {is_said} OR {own} IS NOT NULL THEN (
            WITH wanted AS MATERIALIZED (SELECT {own} || {asked} AS ids, {agent_ids} AS agent_ids)
            SELECT json_build_object(
                'homes', COALESCE(json_agg({PROPERTY_JSON}), '[]'),
                'taken', COALESCE(json_agg({_TAKEN_JSON}), '[]'),
                'held', {_HELD_JSON},
                'questions', {questions}
            )::text
            FROM (
                SELECT *, ROW_NUMBER() OVER (ORDER BY rank DESC, is_shown DESC, status, property_id) AS place
                FROM (
                    SELECT *, MAX(rank) OVER () AS best_rank,
{_IS_SHOWN} AS is_shown
                    FROM (
                        SELECT *, {rank} AS rank FROM properties
                        WHERE property_id = ANY (ARRAY(
                            SELECT property_id FROM properties
                            WHERE number_key = ANY ((SELECT %(home_numbers)s::text[])::text[])
                            UNION ALL
                            SELECT property_id
                            FROM unnest((SELECT %(home_words)s::text[])) AS said (word)
                            JOIN properties ON search_keys @> ARRAY[word]
                        ))
                        UNION ALL
                        (
                            SELECT *, 0 FROM properties
                            WHERE (SELECT %(home_bedrooms)s::int) IS NOT NULL
                                AND bedrooms = (SELECT %(home_bedrooms)s::int)
                                AND status = 'active' AND {_IS_SHOWN}
                            LIMIT {MAX_DOUBTFUL}
                        )
                        UNION ALL
                        SELECT *, {WANTED_RANK} FROM properties
                        WHERE property_id = ANY ((SELECT ids FROM wanted)::bigint[])
                    ) AS properties
                ) AS ranked
                WHERE rank IN (best_rank, {WANTED_RANK}) OR (best_rank < {EXACT_RANK} AND rank = best_rank - 1)
            ) AS properties
            WHERE rank = {WANTED_RANK}
                OR place <= CASE WHEN rank = {EXACT_RANK} THEN {MAX_CANDIDATES} ELSE {MAX_DOUBTFUL} END
        ) ELSE '' END END
    """


def homes_found_sql(agent_ids: str) -> str:
    """Return a query of one row: the homes that fit a search, as JSON for `found_from_json`.

    Where none fits, the nearest: in the area first, then with the bedrooms. Parameters: those of `search_values`.

    Args:
        agent_ids: an expression, the ids of the agents who may show them.
    """
    return f"""
        SELECT json_build_object(
            'homes', COALESCE(json_agg({PROPERTY_JSON}), '[]'),
            'total', COALESCE(MAX(total), 0), 'offered', COALESCE(MAX(offered), 0)
        )::text AS found
        FROM (
            SELECT *, COUNT(*) FILTER (WHERE in_area AND has_bedrooms AND has_rent) OVER () AS total,
                COUNT(*) OVER () AS offered
            FROM (
                SELECT *,
                    %(has_area)s::boolean IS FALSE OR search_keys && %(area_cities)s::text[]
                        OR (cardinality(%(area_words)s::text[]) > 0 AND search_keys @> %(area_words)s) AS in_area,
                    (
                        %(bedrooms)s::int IS NULL OR bedrooms = %(bedrooms)s
                        OR (%(or_more)s::boolean AND bedrooms > %(bedrooms)s)
                    ) IS TRUE AS has_bedrooms,
                    (%(max_rent)s::int IS NULL OR rent <= %(max_rent)s) IS TRUE AS has_rent
                FROM properties
                WHERE status = 'active' AND (
                    NOT EXISTS (
                        SELECT FROM property_agents WHERE property_agents.property_id = properties.property_id
                    )
                    OR EXISTS (
                        SELECT FROM property_agents
                        WHERE property_agents.property_id = properties.property_id AND agent_id = ANY ({agent_ids})
                    )
                )
            ) AS offered_homes
            ORDER BY in_area AND has_bedrooms AND has_rent DESC, in_area DESC, has_bedrooms DESC,
                rent NULLS LAST, bedrooms, property_id
            LIMIT {MAX_FOUND}
        ) AS properties
    """


def search_values(search: HomeSearch) -> dict[str, object]:
    """Return the parameters of `homes_found_sql`."""
    words, cities = search.street_and_city or ([], [])
    return {
        "has_area": search.area is not None,
        "area_words": words,
        "area_cities": cities,
        "bedrooms": search.bedrooms,
        "or_more": search.or_more,
        "max_rent": search.max_rent,
    }


def home_values(said: str | None) -> dict[str, object]:
    """Return the parameters of `candidates_sql` for a home as a caller named it; None where none was named."""
    if said is None:
        return _NOT_SAID
    keys = said_keys(said)
    return {
        "home_is_said": True,
        "home_numbers": keys.numbers,
        "home_near_numbers": keys.near_numbers,
        "home_words": keys.words,
        "home_bedrooms": keys.bedrooms,
    }


_NOT_SAID: dict[str, object] = {
    "home_is_said": False,
    "home_numbers": [],
    "home_near_numbers": [],
    "home_words": [],
    "home_bedrooms": None,
}


@dataclass(frozen=True)
class ReadHomes:
    """The homes that a caller may mean, as read.

    Args:
        homes: active or not, of all agents.
        taken: when each may not be viewed, as (appointment id, start, end) in seconds since 1970.
        questions: about homes in this phone call, latest first, as (key, what the caller had said).
    """

    homes: tuple[Property, ...] = ()
    taken: Mapping[int, tuple[tuple[int, float, float], ...]] = field(default_factory=dict)
    questions: tuple[tuple[str, str | None], ...] = ()


class _HomeFields(msgspec.Struct):
    """A home as `PROPERTY_JSON` returns it."""

    property_id: int
    line1: str
    unit: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    said_as: list[str]
    bedrooms: int | None
    rent: int | None
    available_on: date | None
    status: PropertyStatus
    showing_minutes: int | None
    notice_minutes: int | None
    windows: list[tuple[int, int, int]] | None
    shown_by: list[str] | None


class _Found(msgspec.Struct):
    homes: list[str]
    taken: list[list[tuple[int, int, float, float]] | None]
    held: list[tuple[int, int, float, float]] | None
    questions: tuple[tuple[str, str | None], ...] | None


class _FoundHomes(msgspec.Struct):
    homes: list[str]
    total: int
    offered: int


_found_homes_decoder = msgspec.json.Decoder(_FoundHomes)
_home_decoder = msgspec.json.Decoder(_HomeFields)
_found_decoder = msgspec.json.Decoder(_Found)


@lru_cache(PARSED_HOMES_CACHE_SIZE)
def property_from_json(text: str) -> Property:
    """Return the home in a value of `PROPERTY_JSON`; the same text is parsed once.

    It has no bathrooms and no source.
    """
    fields = msgspec.structs.asdict(_home_decoder.decode(text))
    return Property(
        **{
            **fields,
            "said_as": tuple(fields["said_as"]),
            "windows": tuple((weekday, Window(opens, closes)) for weekday, opens, closes in fields["windows"] or ()),
            "shown_by": frozenset(fields["shown_by"] or ()),
        }
    )


def homes_from_json(text: str) -> ReadHomes:
    """Return the homes in a value of `candidates_sql`; none where nothing was looked up."""
    if not text:
        return ReadHomes()
    found = _found_decoder.decode(text)
    homes = {home.property_id: home for home in map(property_from_json, found.homes)}
    taken = {
        viewings[0][0]: tuple((appointment_id, start, until) for _, appointment_id, start, until in viewings)
        for viewings in found.taken
        if viewings
    }
    for home_id, appointment_id, start, until in found.held or ():
        taken[home_id] = (*taken.get(home_id, ()), (appointment_id, start, until))
    return ReadHomes(tuple(homes.values()), taken, found.questions or ())


def found_from_json(text: str) -> HomesFound:
    """Return the homes in the row of `homes_found_sql`."""
    found = _found_homes_decoder.decode(text)
    homes = found.homes[: found.total] if found.total else found.homes
    return HomesFound(tuple(map(property_from_json, homes)), found.total, found.offered)
