"""CSV export of viewings.

The file is UTF-8 with a byte order mark, which Excel needs to detect the encoding.

Excel separates columns by what the computer's region has, and opens a file with commas in one column where that is a
semicolon: in most of Europe and South America. So both are offered. The line `sep=,` is no way out: Excel then ignores
the byte order mark, and every other program reads it as a viewing. Nor is the browser's language: it is often not that
of Excel, and a script would get another file than the person who tried its address.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.appointments.model import Appointment

COLUMNS = (
    "Number", "Agent", "Agent id", "Starts", "Ends", "Time zone", "Status", "Home", "Visitor", "E-mail", "Phone given",
    "Called from", "Booked", "Booked by", "Vapi call", "Overlaps on purpose",
)  # fmt: skip

SEPARATORS: Mapping[str, str] = {"comma": ",", "semicolon": ";"}
"""What stands between two columns, by the name in the address."""

BYTE_ORDER_MARK = "\ufeff"

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n")
"""The first characters of spreadsheet formulas. Names come from callers and may contain them."""

_SPLIT_FORMULA = re.compile(r"([;,\t][ \"]*)(?=[=+@-])")
"""Where a formula would begin if a program took another character for the one that stands between two columns."""


def lines(batches: Iterator[Sequence[Appointment]], separator: str = ",") -> Iterator[bytes]:
    """Return the file in chunks; the first batch is read now, the others on demand."""
    return _lines(next(batches, ()), batches, separator)


def _lines(first: Sequence[Appointment], others: Iterator[Sequence[Appointment]], separator: str) -> Iterator[bytes]:
    yield (BYTE_ORDER_MARK + _to_csv([COLUMNS], separator)).encode()
    yield _to_csv(map(_cells, first), separator).encode()
    for batch in others:
        yield _to_csv(map(_cells, batch), separator).encode()


def _cells(appointment: Appointment) -> Sequence[str]:
    zone = appointment.zone
    return (
        str(appointment.appointment_id),
        appointment.agent_name,
        appointment.agent_id,
        appointment.local_start.isoformat(timespec="seconds"),
        appointment.local_end.isoformat(timespec="seconds"),
        appointment.time_zone,
        appointment.status,
        appointment.property_address,
        appointment.attendee_name,
        appointment.attendee_email or "",
        appointment.attendee_phone or "",
        appointment.caller_number or "",
        appointment.created_at.astimezone(zone).isoformat(timespec="seconds") if appointment.created_at else "",
        "phone" if appointment.is_by_phone else "manual",
        appointment.vapi_call_id or "",
        "yes" if appointment.overlap_allowed else "no",
    )


def _to_csv(rows: Iterable[Sequence[str]], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(
        [escape_formula(cell) for cell in row] for row in rows
    )
    return text.getvalue()


def escape_formula(cell: str) -> str:
    """Return the cell, with an apostrophe before what would be a formula.

    Quotation marks around a cell do not help where the program separates columns by another character: it reads
    `"Ann;=1+1"` in the middle of a line as two cells.
    """
    cell = _SPLIT_FORMULA.sub(r"\1'", cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_PREFIXES) else cell
