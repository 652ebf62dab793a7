"""SQL fragments that read the tables of homes, and parsing of their rows.

A phone call may take two round trips, so its statements read the homes together with the schedule and the bookings. The
parts that read the tables of homes are written here, because this feature owns them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from peterental.agents.model import Window
from peterental.properties.keys import said_keys
from peterental.properties.model import Property, PropertyStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME_LABEL = """
    CASE WHEN appointments.property_id IS NOT NULL THEN (
        SELECT line1 || CASE
            WHEN COALESCE(unit, '') = '' THEN ''
            WHEN strpos(unit, ' ') > 0 OR starts_with(unit, '#') THEN ', ' || unit
            ELSE ', Unit ' || unit
        END
        FROM properties
        WHERE properties.property_id = appointments.property_id
    ) END
"""
"""An expression on the row `appointments`: `Property.label` of its home; NULL without one. Costs nothing then."""

MAX_CANDIDATES = 50
"""The homes that are read for one said home; those with the same number and street come first."""

PARSED_HOMES_CACHE_SIZE = 2_000
"""Homes whose parsed form a process caches; each call still reads them from the database."""

PROPERTY_JSON = """
    json_build_object(
        'property_id', property_id, 'line1', line1, 'unit', unit, 'city', city, 'state', state, 'zip_code', zip_code,
        'said_as', said_as, 'bedrooms', bedrooms, 'rent', rent, 'status', status,
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


def candidates_sql(own: str = "NULL::bigint[]", asked: str = "NULL::bigint[]") -> str:
    """Return an expression: the homes that a caller may mean, as JSON for `homes_from_json`; NULL without a catalogue.

    In it the row `agent` is that of `agents`. Parameters: those of `home_values`, and `now`. An empty catalogue costs a
    look at an empty table.

    Args:
        own: an expression, the ids of the homes of the caller's own bookings; NULL for none.
        asked: another one, of the homes that this call was asked about.
    """
    return f"""
        CASE WHEN EXISTS (SELECT FROM properties) AND (%(home_is_said)s::boolean OR {own} IS NOT NULL) THEN (
            WITH wanted AS MATERIALIZED (SELECT {own} || {asked} AS ids)
            SELECT json_build_object(
                'homes', COALESCE(json_agg(home.described), '[]'),
                'taken', COALESCE(json_agg(home.taken) FILTER (WHERE home.taken IS NOT NULL), '[]')
            )::text
            FROM (
                SELECT {PROPERTY_JSON} AS described,
                    (
                        SELECT json_agg(json_build_array(
                            property_id, appointment_id, date_part('epoch', lower(during)),
                            date_part('epoch', upper(during))
                        ))
                        FROM property_viewings
                        WHERE property_viewings.property_id = properties.property_id
                            AND during && tstzrange(%(now)s, %(now)s + make_interval(days => agent.horizon_days + 2))
                    ) AS taken
                FROM (
                    SELECT property_id FROM properties WHERE property_id = ANY ((SELECT ids FROM wanted)::bigint[])
                    UNION
                    SELECT property_id FROM properties WHERE number_key = ANY (%(home_numbers)s::text[])
                    UNION
                    SELECT property_id FROM properties WHERE search_keys && %(home_words)s::text[]
                    UNION
                    SELECT property_id FROM properties
                    WHERE %(home_bedrooms)s::int IS NOT NULL AND bedrooms = %(home_bedrooms)s AND status = 'active'
                ) AS found
                JOIN properties USING (property_id)
                ORDER BY (property_id = ANY ((SELECT ids FROM wanted)::bigint[])) IS TRUE DESC,
                    CASE
                        WHEN number_key = ANY (%(home_numbers)s) THEN 2
                        WHEN number_key = ANY (%(home_near_numbers)s::text[]) THEN 1
                        ELSE 0
                    END + (search_keys && %(home_words)s)::int DESC,
                    status, property_id
                LIMIT {MAX_CANDIDATES}
            ) AS home
        ) END
    """


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
        homes: active or not, whoever shows them.
        taken: when each may not be viewed, as (appointment id, start, end) in seconds since 1970.
    """

    homes: tuple[Property, ...]
    taken: Mapping[int, tuple[tuple[int, float, float], ...]]


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
    status: PropertyStatus
    showing_minutes: int | None
    notice_minutes: int | None
    windows: list[tuple[int, int, int]] | None
    shown_by: list[str] | None


class _Found(msgspec.Struct):
    homes: list[str]
    taken: list[list[tuple[int, int, float, float]]]


_home_decoder = msgspec.json.Decoder(_HomeFields)
_found_decoder = msgspec.json.Decoder(_Found)


@lru_cache(PARSED_HOMES_CACHE_SIZE)
def property_from_json(text: str) -> Property:
    """Return the home in a value of `PROPERTY_JSON`; the same text is parsed once. Its dates are left out."""
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
    """Return the homes in a value of `candidates_sql`."""
    found = _found_decoder.decode(text)
    taken = {
        viewings[0][0]: tuple((appointment_id, start, until) for _, appointment_id, start, until in viewings)
        for viewings in found.taken
    }
    return ReadHomes(tuple(map(property_from_json, found.homes)), taken)
