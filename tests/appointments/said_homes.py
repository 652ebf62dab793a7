"""The catalogue against which said_homes.txt says what callers mean."""

from __future__ import annotations

from peterental.properties.model import Property


def _home(property_id: int, address: str, **more: object) -> Property:
    """Build a home from "1420 Elm Street | 2B | Norman 73069"."""
    line1, unit, place = (part.strip() or None for part in address.split("|"))
    city, _, zip_code = (place or "").partition(" 7")
    return Property(
        property_id=property_id,
        line1=line1 or "",
        unit=unit,
        city=city or None,
        state="OK",
        zip_code=f"7{zip_code}" if zip_code else None,
        **more,  # type: ignore[arg-type]  # further fields of a home
    )


_ADDRESSES: dict[str, str] = {
    "elm": "1420 Elm Street | | Norman 73069",
    "elm-1500": "1500 Elm Street | | Norman 73069",
    "boyd": "33 W Boyd Street | | Norman 73069",
    "porter-2b": "1205 N Porter Avenue | 2B | Norman 73071",
    "porter-3a": "1205 N Porter Avenue | 3A | Norman 73071",
    "oak-street": "77 Oak Street | | Norman 73069",
    "oak-court": "77 Oak Court | | Norman 73069",
    "main-e": "210 E Main Street | | Norman 73069",
    "main-w": "210 W Main Street | | Norman 73069",
    "main-half": "118 1/2 Webster Avenue | | Norman 73069",
    "23rd": "905 NW 23rd Street | | Oklahoma City 73106",
    "charles": "14 Saint Charles Street | | Norman 73072",
    "vernon": "600 Mt Vernon Drive | Apt 2 | Norman 73072",
    "mlk": "2300 N Martin Luther King Ave | | Oklahoma City 73111",
    "lake-norman": "12 Lake Road | | Norman 73026",
    "lake-moore": "12 Lake Road | | Moore 73160",
    "gables": "808 Santa Fe Avenue | 4 | Norman 73069",
    "classen": "1612 Classen Blvd | | Norman 73071",
    "duplex-a": "505 Chautauqua Avenue | Unit A | Norman 73069",
    "duplex-b": "505 Chautauqua Avenue | Unit B | Norman 73069",
    "lindsey": "15 Lindsey Street | | Norman 73069",
    "fifth": "40 5th Street | | Norman 73069",
    "retired": "5 Flood Avenue | | Norman 73069",
    "colleague": "8 Gray Street | | Norman 73069",
    "broadway": "1111 Broadway Street | | Moore 73160",
    "county": "4400 County Road 12 | | Noble 73068",
    "upper": "31 Symmes Street | Upper | Norman 73069",
}

_MORE: dict[str, dict[str, object]] = {
    "gables": {"said_as": ("The Gables", "Gables on Santa Fe")},
    "lindsey": {"said_as": ("the yellow house",), "bedrooms": 5},
    "retired": {"status": "inactive"},
    "colleague": {"shown_by": frozenset(("ben",))},
    "porter-2b": {"bedrooms": 1},
    "porter-3a": {"bedrooms": 2},
}

HOMES: dict[str, Property] = {
    name: _home(number, address, **_MORE.get(name, {})) for number, (name, address) in enumerate(_ADDRESSES.items(), 1)
}
