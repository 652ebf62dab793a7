"""Files as other systems export them: encodings, delimiters, headers, cells, and hostile ones."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date

import pytest

from peterental.properties.importing.columns import chosen, guess, remembered
from peterental.properties.importing.model import (
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_HOMES,
    ColumnsIncomplete,
    ColumnTwice,
    FileRefused,
    ImportField,
    Record,
)
from peterental.properties.importing.reading import read_csv, records_of_table
from peterental.properties.importing.values import (
    parse_bathrooms,
    parse_bedrooms,
    parse_day,
    parse_names,
    parse_rent,
    parse_status,
    parse_text,
    plain,
    split_address,
)


def _records(text: str, mapping: Mapping[ImportField, str] | None = None) -> list[Record]:
    table = read_csv(text.encode())
    return records_of_table(table, mapping or {field: name for name, field in guess(table.header).items()})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_found(delimiter: str, line_end: str) -> None:
    lines = ("Id,Street,Unit", "1,1420 Elm St,2B", "", "2,9 Ash St,")
    table = read_csv(line_end.join(line.replace(",", delimiter) for line in lines).encode())
    assert table.header == ("Id", "Street", "Unit")
    assert [(row.line, row.cells) for row in table.rows] == [
        (2, ("1", "1420 Elm St", "2B")),
        (4, ("2", "9 Ash St", "")),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings_are_found(encoding: str) -> None:
    table = read_csv("Id,Street\n1,7 Peña Street\n".encode(encoding))
    assert table.header == ("Id", "Street")
    assert table.rows[0].cells == ("1", "7 Peña Street")


def test_header_is_found_below_a_title() -> None:
    table = read_csv(
        b"Rent roll, June\nExported,2026-11-30,by,Ana,Lima\n\nUnit ID,Street Address,City\n7,9 Ash St,Norman\n"
    )
    assert table.header == ("Unit ID", "Street Address", "City")
    assert [row.line for row in table.rows] == [5]


def test_header_without_known_names_is_the_widest_row() -> None:
    table = read_csv(b"report\nfoo,bar\n1,2\n")
    assert (table.header, len(table.rows)) == (("foo", "bar"), 1)


def test_quoted_line_ends_count_as_lines() -> None:
    table = read_csv(b'Id,Street\n1,"9 Ash\nSt"\n2,7 Oak St\n')
    assert [row.line for row in table.rows] == [2, 4]


def test_columns_get_unique_names() -> None:
    assert read_csv(b"Id,Street,Name,Name,,\n1,2,3,4,5,6\n").header == (
        "Id",
        "Street",
        "Name",
        "Name (2)",
        "Column 5",
        "Column 6",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b" \r\n \n", "The file is empty."),
        (b"Id,Street\n1,9 Ash\x00St\n", "NUL bytes"),
        ("Id,Street\n1,9 Ash St\n".encode("utf-16"), "in UTF-16"),
        ("Id,Street\n1,9 Ash St\n".encode("utf-16-be"), "NUL bytes"),
        ("Id,Street\n1,9 Ash St\n".encode("utf-32"), "in UTF-32"),
        (b"Id,Street\n1,9 \x81sh St\n", "neither UTF-8 nor Windows-1252"),
        (b"PK\x03\x04\x14\x00", "Excel workbook or a ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"Id,Street,City", "no row below the names"),
        (b"Id,Street,City\n\n,,\n", "no row below the names"),
        (b"just some words", "No columns were found"),
        (b'Id,Street\n1,"9 Ash St\n2,7 Oak St\n', "Line 2 cannot be read: a quotation mark is not closed"),
        (b'Id,Street\n1,"9 "Ash" St"\n', "Line 2 cannot be read"),
        (b'Id,Street\n1,"' + b"x" * (csv.field_size_limit() + 1) + b'"\n', "Perhaps a quotation mark is not closed"),
        (b",".join(b"c%d" % at for at in range(100_000)) + b"\n1\n", "The file has 100,000 columns"),
        (b"Id,Street\n" + b"1,9 Ash St\n" * (MAX_HOMES + 1), "more than 5,000 homes"),
        (b"Id,Street\n" + b"x" * MAX_FILE_BYTES, "larger than 2 MB"),
    ],
    ids=lambda value: repr(value[:16]) if isinstance(value, bytes) else "",
)
def test_unreadable_file_is_refused_in_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_csv(content)
    assert message in str(refused.value)
    assert str(refused.value).endswith(".")


def test_columns_are_guessed_by_name() -> None:
    header = [
        "Unit ID",
        "Unit_Street_Address_1",
        "Apt #",
        "CITY",
        "Zip Code",
        "BD/BA",
        "Market Rent",
        "Available On",
        "x",
    ]
    assert guess(header) == {
        "Unit ID": "source_id",
        "Unit_Street_Address_1": "line1",
        "Apt #": "unit",
        "CITY": "city",
        "Zip Code": "zip_code",
        "BD/BA": "bedrooms",
        "Market Rent": "rent",
        "Available On": "available_on",
    }
    assert guess(["Rent", "Price"]) == {"Rent": "rent"}  # the first one


def test_parts_of_an_address_go_before_the_whole() -> None:
    assert guess(["Address", "Street"]) == {"Street": "line1"}
    assert guess(["Address", "Unit"]) == {"Address": "address", "Unit": "unit"}


def test_columns_are_remembered_if_all_are_there() -> None:
    assert remembered(["A", "B", "C"], {"line1": "B", "source_id": "A"}) == {"B": "line1", "A": "source_id"}
    assert remembered(["A", "C"], {"line1": "B", "source_id": "A"}) == {}
    assert remembered(["A"], {}) == {}


def test_choice_of_columns_is_checked() -> None:
    assert chosen([("A", "line1"), ("B", None)]) == {"line1": "A"}
    with pytest.raises(ColumnTwice, match="marked as “Rent”"):
        chosen([("A", "line1"), ("B", "rent"), ("C", "rent")])
    with pytest.raises(ColumnsIncomplete):
        chosen([("A", "city")])


def test_row_becomes_a_record() -> None:
    (record,) = _records(
        "ID,Street,Unit,City,State,Zip,AKA,Beds,Baths,Rent,Available,Status\n"
        '="007",1420 Elm St,2B,Norman,OK,73069,The Gables; Corner flat,2,1.5,"$1,450.00",12/1/2026,Vacant\n'
    )
    assert record.source_id == "007"
    assert record.problems == ()
    assert record.is_offered
    assert record.values == {
        "line1": "1420 Elm St",
        "unit": "2B",
        "city": "Norman",
        "state": "OK",
        "zip_code": "73069",
        "said_as": ("The Gables", "Corner flat"),
        "bedrooms": 2,
        "bathrooms": 1.5,
        "rent": 1450,
        "available_on": date(2026, 12, 1),
    }
    assert (record.keys.number, record.keys.street, record.keys.unit) == ("1420", "elm street", "unit 2b")


def test_only_columns_of_the_file_have_values() -> None:
    (record,) = _records("Id,Street,Rent,AKA\n1,9 Ash St,--,\n")
    assert record.values == {"line1": "9 Ash St", "rent": None, "said_as": ()}


def test_whole_address_is_split() -> None:
    (record,) = _records('Id,Address,BD/BA\n1,"1420 Elm Street, Apt 2B, Norman, OK 73069",Studio/1.00\n')
    assert record.values == {
        "line1": "1420 Elm Street",
        "unit": "Apt 2B",
        "city": "Norman",
        "state": "OK",
        "zip_code": "73069",
        "bedrooms": 0,
        "bathrooms": 1.0,
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1420 Elm Street", ("1420 Elm Street", "", "", "", "")),
        ("1420 Elm Street, Norman", ("1420 Elm Street", "", "Norman", "", "")),
        ("1420 Elm Street, #3", ("1420 Elm Street", "#3", "", "", "")),
        ("1420 Elm St, Unit 3, Norman, ok, 73069-1234, USA", ("1420 Elm St", "Unit 3", "Norman", "OK", "73069-1234")),
        ("USA", ("USA", "", "", "", "")),
        ("1420 Elm St, Norman OK 73069", ("1420 Elm St", "", "Norman", "OK", "73069")),
        ("1420 Elm St, 73069", ("1420 Elm St", "", "", "", "73069")),
        ("The Gables, 1420 Elm St, Norman, OK", ("The Gables, 1420 Elm St", "", "Norman", "OK", "")),
        (",", ("", "", "", "", "")),
    ],
)
def test_addresses_are_split_at_commas(text: str, parts: tuple[str, ...]) -> None:
    assert tuple(split_address(text).values()) == parts


def test_file_without_ids_has_addresses_as_ids() -> None:
    first, second = _records("Street,Unit,City\n1420 Elm St.,#2b,Norman\nThe Gables,,\n")
    assert first.source_id == "1420 elm street, unit 2b, norman"
    (same,) = _records("Street,Unit,City\n1420 ELM STREET,Apt 2B, norman\n")
    assert same.source_id == first.source_id
    assert second.source_id


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,,2,900", "The row has no street"),
        (",9 Ash St,2,900", "The row has no id"),
        (f"{'x' * 101},9 Ash St,2,900", "is longer than 100 characters"),
        ("1,9 Ash St,two,900", "Bedrooms: “two” is not a number of bedrooms"),
        ("1,9 Ash St,1.5,900", "Bedrooms: “1.5” is not a whole number of bedrooms"),
        ("1,9 Ash St,2,call us", "Rent: “call us” is not a rent in dollars"),
        ("1,=HYPERLINK(A1),2,900", "Street: “=HYPERLINK(A1)” is a formula, not a text"),
        ("1,@SUM(A1),2,900", "is a formula"),
        ("1,9 Ash St, Norman,2,900", "The row has 5 cells and the header 4: quote cells that have commas"),
    ],
)
def test_wrong_rows_say_what_is_wrong(row: str, problem: str) -> None:
    (record,) = _records(f"Id,Street,Beds,Rent\n{row}\n")
    assert problem in record.problems[0]


def test_problems_of_a_row_are_collected() -> None:
    (record,) = _records("Id,Street,Beds,Rent\n1,9 Ash St,two,?\n")
    assert len(record.problems) == 2
    assert record.source_id == "1"  # its home is left alone


def test_short_rows_have_empty_cells() -> None:
    (record,) = _records("Id,Street,Beds,Rent\n1,9 Ash St\n")
    assert record.problems == ()
    assert record.values["rent"] is None


def test_two_rows_of_one_home_are_refused() -> None:
    with pytest.raises(FileRefused, match="Lines 2 and 4 have the id “A1” both"):
        _records("Id,Street\nA1,9 Ash St\nA2,7 Oak St\nA1,5 Elm St\n")
    with pytest.raises(FileRefused, match="Lines 2 and 3 have the address “9 ash street” both"):
        _records("Street,City\n9 Ash St,Norman\n9 ash street,NORMAN\n")


def test_too_many_columns_are_refused() -> None:
    header = ",".join(["Id", "Street", *(f"c{at}" for at in range(MAX_COLUMNS - 1))])
    with pytest.raises(FileRefused, match="at most 70"):
        read_csv(f"{header}\n1,9 Ash St\n".encode())


@pytest.mark.parametrize(
    ("cell", "text"),
    [(" a\tb ", "a b"), ('="00123"', "00123"), ("--", ""), ("N/A", ""), ('="a"b"', '="a"b"'), ("a\x07b", "a b")],
)
def test_cells_lose_what_exports_add(cell: str, text: str) -> None:
    assert plain(cell) == text


@pytest.mark.parametrize(
    ("text", "rent"),
    [("1450", 1450), ("$1,450", 1450), ("1,450.50", 1450), ("USD 900", 900), ("$900/mo", 900), ("900 per month", 900)],
)
def test_rents_are_parsed(text: str, rent: int) -> None:
    assert parse_rent(text) == rent


@pytest.mark.parametrize("text", ["call", "-5", "1.450", "1,45", "1e3", "9" * 30, "\N{ARABIC-INDIC DIGIT FIVE}"])
def test_other_rents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rent"):
        parse_rent(text)


def test_rooms_are_parsed() -> None:
    assert [parse_bedrooms(text) for text in ("2", "2.0", "Studio", "3 BR", "1 bedroom")] == [2, 2, 0, 3, 1]
    assert [parse_bathrooms(text) for text in ("1", "1.5", "1.75", "2 baths")] == [1, 1.5, 1.75, 2]
    for text in ("two", "-1", "200", "2+1"):
        with pytest.raises(ValueError, match="not a number"):
            parse_bedrooms(text)


@pytest.mark.parametrize(
    "text",
    ["2026-12-01", "12/1/2026", "12/01/26", "Dec 1, 2026", "December 1, 2026", "1-Dec-26", "2026-12-01T00:00:00Z",
     "12/1/2026 12:00 AM", "2026/12/01"],
)  # fmt: skip
def test_days_are_parsed(text: str) -> None:
    assert parse_day(text) == date(2026, 12, 1)


def test_now_is_no_day_and_nonsense_is_refused() -> None:
    assert parse_day("Now") is None
    for text in ("31/12/2026", "46357", "1.12.2026", "12/1/1926", "soon"):
        with pytest.raises(ValueError, match="is not a date"):
            parse_day(text)


def test_statuses_are_parsed() -> None:
    assert parse_status("Vacant-Unrented")
    assert not parse_status("Rented")
    with pytest.raises(ValueError, match="not a known status"):
        parse_status("haunted")


def test_names_are_separated_by_semicolons() -> None:
    assert parse_names("a; b|c;;") == ("a", "b", "c")
    with pytest.raises(ValueError, match="formula"):
        parse_text("+1")
