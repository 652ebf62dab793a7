"""Turn the rows of a file into records: what each says of a home, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peterental.properties.importing import hotpads
from peterental.properties.importing.model import FIELD_LABELS, FileRefused, ImportField, Record
from peterental.properties.importing.table import Row, Table, decode, read_table
from peterental.properties.importing.values import PARSERS, parse_status, plain, quoted, split_address
from peterental.properties.keys import NO_KEYS, address_id, home_keys

MAX_ID_CHARS = 100


def read_csv(content: bytes) -> Table:
    """Return the table of a CSV file. Raises FileRefused."""
    return read_table(decode(content))


def records_of_table(table: Table, mapping: Mapping[ImportField, str]) -> list[Record]:
    """Return the records of a CSV file.

    Args:
        table: the file.
        mapping: the name of the column of each field.

    Raises FileRefused: two rows are of the same home.
    """
    places = {field: table.header.index(name) for field, name in mapping.items()}
    records = [_record(row.line, _cells(row, places), _width_problem(row, table.header)) for row in table.rows]
    _require_distinct(records, by_id="source_id" in mapping)
    return records


def records_of_listings(listings: Iterable[hotpads.Listing]) -> list[Record]:
    """Return the records of a HotPads file. Raises FileRefused: two listings have the same id."""
    records = [_record(listing.line, dict(hotpads.cells(listing)), None) for listing in listings]
    _require_distinct(records, by_id=True)
    return records


def _cells(row: Row, places: Mapping[ImportField, int]) -> dict[str, str]:
    return {field: row.cells[at] if at < len(row.cells) else "" for field, at in places.items()}


def _width_problem(row: Row, header: Sequence[str]) -> str | None:
    """Return what is wrong with a row that is longer than the header: a comma that is not quoted shifts its cells."""
    if not any(row.cells[len(header) :]):
        return None
    return f"The row has {len(row.cells)} cells and the header {len(header)}: quote cells that have commas"


def _record(line: int, cells: Mapping[str, str], problem: str | None) -> Record:
    """Return the record of a row; `problem` is what is wrong with the row as a whole."""
    texts = {field: plain(cell) for field, cell in cells.items()}
    problems = [problem] if problem else []
    source_id = _source_id(texts, problems)
    if "address" in texts:
        texts = split_address(texts.pop("address")) | texts
    _split_rooms(texts)
    values = _values(texts, problems)
    is_offered = values.pop("status", True)
    line1 = values.get("line1")
    if not line1 and not problems:
        problems.append("The row has no street")
    keys = home_keys(line1, values.get("unit")) if line1 else NO_KEYS
    if line1 and "source_id" not in cells:
        source_id = address_id(values["line1"], values.get("unit"), values.get("city"))
    name = str(line1 or source_id or "")
    return Record(
        line=line,
        name=name[:80],
        source_id=source_id,
        values=values,
        keys=keys,
        is_offered=is_offered,
        problems=tuple(problems),
    )


def _values(texts: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Return the parsed fields of a row, and add what is wrong with them to its problems."""
    values: dict[str, Any] = {}
    for field, text in texts.items():
        try:
            if field == "status":
                values[field] = parse_status(text) if text else True
            elif field in PARSERS:
                values[field] = PARSERS[field](text) if text else () if field == "said_as" else None
        except ValueError as error:
            problems.append(f"{FIELD_LABELS[field]}: {error}")  # type: ignore[index]  # PARSERS has fields only
    return values


def _source_id(texts: dict[str, str], problems: list[str]) -> str | None:
    """Take the id of a row, and add what is wrong with it to its problems."""
    if "source_id" not in texts:
        return None
    source_id = texts.pop("source_id")
    if not source_id:
        problems.append("The row has no id")
    elif len(source_id) > MAX_ID_CHARS:
        problems.append(f"The id {quoted(source_id)} is longer than {MAX_ID_CHARS} characters")
        return None
    return source_id or None


def _split_rooms(texts: dict[str, str]) -> None:
    """Split bedrooms and bathrooms that are in one column: `2/1.00`."""
    both = texts.get("bedrooms", "")
    bedrooms, slash, bathrooms = both.partition("/")
    if slash:
        texts["bedrooms"] = plain(bedrooms)
        texts.setdefault("bathrooms", plain(bathrooms))


def _require_distinct(records: Iterable[Record], *, by_id: bool) -> None:
    """Raise FileRefused if two records are of the same home."""
    lines: dict[str, int] = {}
    for record in records:
        if record.source_id is None:
            continue
        first = lines.setdefault(record.source_id, record.line)
        if first != record.line:
            what = f"the id {quoted(record.source_id)}" if by_id else f"the address {quoted(record.name)}"
            raise FileRefused(f"Lines {first} and {record.line} have {what} both. Each home may be in the file once.")
