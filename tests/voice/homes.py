"""A catalogue of homes for tests of calls."""

from __future__ import annotations

from peterental.database.pool import Database
from peterental.properties.keys import home_keys, search_keys


def add_home(  # the columns that tests need
    database: Database,
    line1: str,
    unit: str | None = None,
    *,
    city: str | None = "Norman",
    said_as: tuple[str, ...] = (),
    bedrooms: int | None = None,
    rent: int | None = None,
    status: str = "active",
    shown_by: str | None = None,
    **rules: int,
) -> int:
    """Add a home with its keys and return its id."""
    keys = home_keys(line1, unit)
    values = {
        "line1": line1,
        "unit": unit,
        "city": city,
        "state": "OK",
        "number_key": keys.number,
        "street_key": keys.street,
        "unit_key": keys.unit,
        "search_keys": search_keys(line1, unit, city, said_as),
        "said_as": list(said_as),
        "bedrooms": bedrooms,
        "rent": rent,
        "status": status,
        **rules,
    }
    columns = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    row = database.fetch(f"INSERT INTO properties ({columns}) VALUES ({places}) RETURNING property_id", values)[0]
    if shown_by:
        database.fetch("INSERT INTO property_agents VALUES (%s, %s)", (row["property_id"], shown_by))
    return int(row["property_id"])
