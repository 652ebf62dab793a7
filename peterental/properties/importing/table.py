"""Read a CSV file as other systems export it: encoding, delimiter and header are found. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from peterental.properties.importing.columns import guess
from peterental.properties.importing.model import MAX_COLUMNS, MAX_FILE_BYTES, MAX_HOMES, FileRefused

DELIMITERS = ",;\t"
HEADER_WITHIN = 20
"""Exports begin with a title, a date or a filter; the header is among the first rows."""

LEAST_KNOWN = 2
"""A row with this many known column names is the header."""

SAVE_AS_CSV = "In Excel, save it as “CSV UTF-8 (Comma delimited)” and upload that file."

_OTHER_FORMATS = {
    b"PK\x03\x04": f"This is an Excel workbook or a ZIP archive. {SAVE_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"This is an Excel workbook. {SAVE_AS_CSV}",
    b"%PDF": "This is a PDF. Export the list as CSV instead.",
    b"\x1f\x8b": "This file is compressed. Upload the file inside it.",
    codecs.BOM_UTF32_LE: f"This file is in UTF-32. {SAVE_AS_CSV}",
    codecs.BOM_UTF16_LE: f"This file is in UTF-16. {SAVE_AS_CSV}",
    codecs.BOM_UTF16_BE: f"This file is in UTF-16. {SAVE_AS_CSV}",
}
"""What is answered to files of other formats, by their first bytes."""


@dataclass(frozen=True)
class Row:
    """A row below the header, and the line of the file on which it begins, from 1."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A CSV file.

    Args:
        header: the names of the columns, each unique.
        rows: without blank ones.
    """

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8 or Windows-1252. Raises FileRefused."""
    if len(content) > MAX_FILE_BYTES:
        raise FileRefused(
            f"The file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB. Split it, or export fewer columns."
        )
    for start, answer in _OTHER_FORMATS.items():
        if content.startswith(start):
            raise FileRefused(answer)
    if not content.strip():
        raise FileRefused("The file is empty.")
    if b"\x00" in content:
        raise FileRefused(f"The file is not text: it contains NUL bytes. {SAVE_AS_CSV}")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(f"The file is in neither UTF-8 nor Windows-1252. {SAVE_AS_CSV}")


def read_table(text: str) -> Table:
    """Read a CSV file with a header. Raises FileRefused."""
    delimiter, header_row = _layout(text)
    rows = _rows(text, delimiter)
    header = next(row for at, row in enumerate(rows) if at == header_row).cells
    if len(header) > MAX_COLUMNS:
        raise FileRefused(
            f"The file has {len(header):,} columns; at most {MAX_COLUMNS} can be read. Export only those about homes."
        )
    body: list[Row] = []
    for row in rows:
        if len(body) == MAX_HOMES:
            raise FileRefused(f"The file has more than {MAX_HOMES:,} homes. Split it by city or by owner.")
        body.append(row)
    if not body:
        raise FileRefused("The file has no homes: there is no row below the names of the columns.")
    return Table(_unique(header), tuple(body))


def _layout(text: str) -> tuple[str, int]:
    """Return the delimiter, and at which of the rows that are not blank the header is.

    Raises FileRefused.
    """
    best = (0, 0, ",", 0)
    failure: FileRefused | None = None
    for delimiter in DELIMITERS:
        try:
            for at, row in zip(range(HEADER_WITHIN), _rows(text, delimiter), strict=False):
                names = [cell for cell in row.cells[: MAX_COLUMNS + 1] if cell]
                known = len(guess(names))
                score = (known if known >= LEAST_KNOWN else 0, len(names))
                if score > best[:2]:
                    best = (*score, delimiter, at)
        except FileRefused as refusal:  # a delimiter that is wrong may break the quotation marks
            failure = failure or refusal
    _, most_names, found, header_row = best
    if most_names < LEAST_KNOWN and failure is not None:
        raise failure
    if most_names < LEAST_KNOWN:
        raise FileRefused(
            "No columns were found. The file needs a row with the names of its columns, separated by commas,"
            " semicolons or tabs."
        )
    return found, header_row


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows that are not blank. Raises FileRefused."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped):
                yield Row(line, stripped)
            line = reader.line_num + 1
    except csv.Error as error:
        if "field larger" in str(error):
            raise FileRefused(
                f"Line {line} has a cell of more than {csv.field_size_limit():,} characters."
                " Perhaps a quotation mark is not closed."
            ) from error
        raise FileRefused(
            f"Line {line} cannot be read: a quotation mark is not closed, or stands in the middle of a cell."
        ) from error


def _unique(header: Sequence[str]) -> tuple[str, ...]:
    """Return names of columns that differ: `Name`, `Name (2)`; `Column 3` for one without a name."""
    names: dict[str, None] = {}
    for at, cell in enumerate(header, start=1):
        plain = " ".join(cell.split())[:60] or f"Column {at}"
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain} ({number})"
        names[name] = None
    return tuple(names)
