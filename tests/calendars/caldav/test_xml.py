"""XML from servers: bounded, without entities, and lenient where that is safe."""

from __future__ import annotations

import contextlib
from encodings.aliases import aliases
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.calendars.caldav import bodies, xml_reader
from peterental.calendars.caldav.multistatus import Multistatus
from peterental.calendars.caldav.names import CTAG, ETAG
from peterental.calendars.caldav.xml_reader import parse_xml
from peterental.calendars.model import CalendarNonsense
from tests.calendars.caldav.samples import utc

HEAD = b'<?xml version="1.0"?>'
LAUGHS = HEAD + b'<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><m>&b;</m>'
OUTSIDE = HEAD + b'<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><m>&a;</m>'


def listed(text: str) -> Multistatus:
    return Multistatus.parse(f'<multistatus xmlns="DAV:">{text}</multistatus>'.encode(), host="h")


def test_names_have_their_namespaces() -> None:
    root = parse_xml(b'<a xmlns="urn:x" xmlns:y="urn:y"><y:b> text </y:b><c xmlns="" name="VEVENT"/></a>', host="h")
    assert root.name == "{urn:x}a"
    assert [(child.name, child.attribute) for child in root.children] == [("{urn:y}b", None), ("c", "VEVENT")]
    assert root.text_of("{urn:y}b") == "text"
    assert root.text_of("missing") is None


@pytest.mark.parametrize("document", [LAUGHS, OUTSIDE, HEAD + b'<!DOCTYPE m SYSTEM "http://h/m.dtd"><m/>'])
def test_document_types_are_refused(document: bytes) -> None:
    with pytest.raises(CalendarNonsense, match="document type"):
        parse_xml(document, host="h")


@pytest.mark.parametrize(
    "document", [b"", b"   ", b"<a>", b"<a></b>", b"a", b"<a>&nbsp;</a>", b"<a x:y='1'/>", b"\xff\xfe<"]
)
def test_what_is_not_xml_is_refused(document: bytes) -> None:
    with pytest.raises(CalendarNonsense, match="not XML"):
        parse_xml(document, host="h")


def test_depth_is_bounded() -> None:
    depth = xml_reader.MAX_DEPTH
    parse_xml(b"<a>" * depth + b"</a>" * depth, host="h")
    with pytest.raises(CalendarNonsense, match="nested"):
        parse_xml(b"<a>" * 100_000, host="h")


def test_number_of_elements_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_reader, "MAX_ELEMENTS", 10)
    with pytest.raises(CalendarNonsense, match="too many"):
        parse_xml(b"<a>" + b"<b/>" * 10 + b"</a>", host="h")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_declared_encodings_are_read(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><a>Peñón</a>'.encode(encoding)
    assert parse_xml(document, host="h").text == "Peñón"


@pytest.mark.parametrize("encoding", ["shift_jis", "gb2312", "utf-7", "utf-32", "x-unknown", "base64", "idna"])
def test_encodings_that_cannot_be_read_are_refused(encoding: str) -> None:
    """The parser raises ValueError for some, LookupError for others."""
    document = f'<?xml version="1.0" encoding="{encoding}"?><a>text</a>'.encode()
    with pytest.raises(CalendarNonsense, match="encoding that cannot be read|not XML"):
        parse_xml(document, host="h")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of unicode_escape
@given(st.sampled_from(sorted({*aliases, *aliases.values(), "undefined", "idna", "unicode_escape"})))
def test_no_declared_encoding_escapes(encoding: str) -> None:
    with contextlib.suppress(CalendarNonsense):
        parse_xml(f'<?xml version="1.0" encoding="{encoding}"?><a>caf\xe9</a>'.encode("latin-1"), host="h")


@given(st.binary(max_size=200) | st.text(alphabet="<>/ab:=\"'!?[]-& \n", max_size=200).map(str.encode))
def test_nothing_but_nonsense_escapes(document: bytes) -> None:
    with contextlib.suppress(CalendarNonsense):
        parse_xml(document, host="h")
    with contextlib.suppress(CalendarNonsense):
        Multistatus.parse(b'<multistatus xmlns="DAV:"><response>' + document, host="h")


def test_only_found_properties_count() -> None:
    [response] = listed(
        "<response><href> /a.ics </href>"
        "<propstat><prop><getetag>1</getetag></prop><status>HTTP/1.1 200 OK</status></propstat>"
        "<propstat><prop><displayname>x</displayname></prop><status>HTTP/1.1 404 Not Found</status></propstat>"
        "<propstat><status>HTTP/1.1 200 OK</status></propstat></response>"
    ).responses
    assert (response.href, response.status, set(response.properties)) == ("/a.ics", 200, {ETAG})


def test_missing_properties_do_not_mean_a_missing_resource() -> None:
    """A resource read as deleted would free its time."""
    [response] = listed(
        "<response><href>/a.ics</href>"
        "<propstat><prop><getetag/></prop><status>HTTP/1.1 404 Not Found</status></propstat></response>"
    ).responses
    assert response.status == 200


def test_resources_may_share_a_status() -> None:
    text = "<response><href>/a</href><href>/b</href><href/><status>HTTP/1.1 404 Not Found</status></response>"
    assert [(found.href, found.status) for found in listed(text).responses] == [("/a", 404), ("/b", 404)]


@pytest.mark.parametrize(
    "line", ["200", "HTTP/1.1", "HTTP/1.1 20O OK", "HTTP/1.1 \uff12\uff10\uff10 OK", "HTTP/1.1 99999"]
)
def test_unreadable_status_is_neither_success_nor_missing(line: str) -> None:
    [response] = listed(f"<response><href>/a</href><status>{line}</status></response>").responses
    assert response.status == 0


def test_sync_token_is_read() -> None:
    assert listed("<sync-token> t </sync-token>").sync_token == "t"
    assert listed("").sync_token is None


def test_request_bodies_are_xml_of_three_namespaces() -> None:
    awkward = "/c/a&b<c>.ics"
    for body in (
        bodies.propfind([CTAG, ETAG]),
        bodies.multiget([awkward]),
        bodies.sync_collection("http://x/?a=1&b=2"),
        bodies.query_times(utc(12, 1, 0), utc(12, 2, 0)),
        bodies.query_uid("a&b"),
    ):
        ET.fromstring(body)  # noqa: S314  # our own
    assert [found.text for found in ET.fromstring(bodies.multiget([awkward])).iter("{DAV:}href")] == [awkward]  # noqa: S314  # our own
