"""HotPads XML: what is read of a listing, and hostile files."""

from __future__ import annotations

from datetime import date

import pytest

from peterental.properties.importing.hotpads import MAX_DEPTH, is_xml, read_listings
from peterental.properties.importing.model import MAX_FILE_BYTES, MAX_HOMES, FileRefused, Record
from peterental.properties.importing.reading import records_of_listings

LISTING = """
<Listing id="A1" type="RENTAL" companyId="acme" propertyType="APARTMENT">
  <name>The Gables</name>
  <unit>2B</unit>
  <street hide="false">1420 Elm Street</street>
  <city>Norman</city><state>OK</state><zip>73069</zip><country>US</country>
  <description><![CDATA[Bright & <b>quiet</b>]]></description>
  <ListingPhoto source="https://example.com/1.jpg"><label>Front</label><street>none</street></ListingPhoto>
  <price>1450</price>
  <numBedrooms>2</numBedrooms><numFullBaths>1</numFullBaths><numHalfBaths>1</numHalfBaths>
  <dateAvailable>2026-12-01</dateAvailable>
</Listing>
"""


def _records(listings: str) -> list[Record]:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<hotPadsItems version="2.1"><Company id="acme"/>{listings}</hotPadsItems>'
    return records_of_listings(read_listings(text.encode()))


def test_listing_becomes_a_record() -> None:
    (record,) = _records(LISTING)
    assert (record.line, record.source_id, record.problems, record.is_offered) == (3, "A1", (), True)
    assert record.values == {
        "said_as": ("The Gables",),
        "unit": "2B",
        "line1": "1420 Elm Street",
        "city": "Norman",
        "state": "OK",
        "zip_code": "73069",
        "rent": 1450,
        "bedrooms": 2,
        "bathrooms": 1.5,
        "available_on": date(2026, 12, 1),
    }


def test_name_that_is_the_street_is_no_other_name() -> None:
    (record,) = _records("<Listing id='1'><name>9 Ash St</name><street>9 Ash St</street></Listing>")
    assert record.values == {"line1": "9 Ash St", "said_as": ()}


def test_homes_for_sale_are_not_offered() -> None:
    (record,) = _records("<Listing id='1' type='SALE'><street>9 Ash St</street></Listing>")
    assert not record.is_offered


def test_listing_without_id_or_street_has_a_problem() -> None:
    first, second = _records("<Listing><street>9 Ash St</street></Listing><Listing id='2'/>")
    assert first.problems == ("The row has no id",)
    assert second.problems == ("The row has no street",)


def test_same_id_twice_is_refused() -> None:
    with pytest.raises(FileRefused, match="Lines 3 and 15 have the id “A1” both"):
        _records(LISTING + LISTING)


def test_format_is_told_by_the_first_character() -> None:
    assert is_xml(b"\xef\xbb\xbf \n<hotPadsItems/>")
    assert not is_xml(b"Id,Street\n1,<b>")
    assert not is_xml(b"")


LAUGHS = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x>&l9;</x>', "document type declaration"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>', "document type declaration"),
        ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>', "document type declaration"),
        ("<hotPadsItems><Listing id='1'>&pete;</Listing></hotPadsItems>", "broken in line 1: undefined entity"),
        ("<hotPadsItems>\n<Listing id='1'>", "broken in line 2: no element found"),
        ("<a>" * (MAX_DEPTH + 1), "nested more than 20"),
        ("<a/>", "no Listing elements"),
        ("<a>\x00</a>", "broken in line 1"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
        ("<a>" + "<Listing/>" * (MAX_HOMES + 1) + "</a>", "more than 5,000 homes"),
        ("<a>" + " " * MAX_FILE_BYTES + "</a>", "larger than 2 MB"),
    ],
)
def test_hostile_xml_is_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_listings(text.encode())
    assert message in str(refused.value)


def test_wrong_bytes_are_refused() -> None:
    with pytest.raises(FileRefused, match="broken in line 1"):
        read_listings(b"<a>\xff</a>")


def test_long_text_is_cut() -> None:
    (listing,) = read_listings(f"<a><Listing id='1'><street>{'x' * 100_000}</street></Listing></a>".encode())
    assert len(listing.texts["line1"]) == 20_000


def test_nested_listing_is_part_of_the_outer_one() -> None:
    listings = read_listings(
        b"<a><Listing id='1'><Listing id='2'><street>x</street></Listing><street>y</street></Listing></a>"
    )
    assert [listing.attributes["id"] for listing in listings] == ["1"]
    assert listings[0].texts == {"line1": "y"}


@pytest.mark.parametrize(
    ("full", "half", "bathrooms"),
    [
        ("\n        2\n      ", "\n        1\n      ", 2.5),
        ("02", "0", 2.0),
        ("\N{ARABIC-INDIC DIGIT TWO}", "1", None),
        ("2", "\N{SUPERSCRIPT TWO}", 2.0),
        ("9" * 5_000, "1", None),
        ("2", "9" * 5_000, 2.0),
    ],
)
def test_bathrooms_are_counted_or_a_problem_of_their_row(full: str, half: str, bathrooms: float | None) -> None:
    (record,) = _records(
        f"<Listing id='1'><street>9 Ash St</street><numFullBaths>{full}</numFullBaths>"
        f"<numHalfBaths>{half}</numHalfBaths></Listing>"
    )
    assert record.values.get("bathrooms") == bathrooms
    assert bool(record.problems) == (bathrooms is None)
