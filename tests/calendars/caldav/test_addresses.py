"""Addresses that people type, and those that servers name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.calendars.caldav.addresses import named_url, normal_path, path_of, places_to_ask
from peterental.calendars.model import AddressNotAllowed, CalendarNonsense


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("cal.example.com", "https://cal.example.com/.well-known/caldav"),
        (" cal.example.com:8443 ", "https://cal.example.com:8443/.well-known/caldav"),
        ("https://cal.example.com/", "https://cal.example.com/.well-known/caldav"),
        ("rosa@example.com", "https://example.com/.well-known/caldav"),
        ("", "https://work.example.com/.well-known/caldav"),
        ("rosa@icloud.com", "https://caldav.icloud.com/.well-known/caldav"),
        ("me.com", "https://caldav.icloud.com/.well-known/caldav"),
        ("https://www.icloud.com", "https://caldav.icloud.com/.well-known/caldav"),
        ("rosa@fastmail.com", "https://caldav.fastmail.com/.well-known/caldav"),
        ("rosa@mailbox.org", "https://dav.mailbox.org/.well-known/caldav"),
        ("cal.example.com/dav/principals/rosa/", "https://cal.example.com/dav/principals/rosa/"),
        ("https://example.com/dav/rosa@example.com/work", "https://example.com/dav/rosa@example.com/work"),
        ("example.com/dav/rosa@example.com/", "https://example.com/dav/rosa@example.com/"),
        ("caldavs://cal.example.com/dav/", "https://cal.example.com/dav/"),
        ("HTTPS://cal.example.com/dav/", "https://cal.example.com/dav/"),
        ("http://127.0.0.1:5232/", "http://127.0.0.1:5232/.well-known/caldav"),
    ],
)
def test_typed_address_leads_to_a_url(typed: str, first: str) -> None:
    assert places_to_ask(typed, "rosa@work.example.com")[0] == first


def test_other_places_of_the_host_are_asked_next() -> None:
    assert places_to_ask("example.com/cloud/", "rosa") == [
        "https://example.com/cloud/",
        "https://example.com/cloud/remote.php/dav/",
        "https://example.com/.well-known/caldav",
    ]
    assert places_to_ask("example.com", "rosa")[1:] == ["https://example.com/", "https://example.com/remote.php/dav/"]


@pytest.mark.parametrize(
    "typed",
    [
        "ftp://example.com/",
        "webcal://example.com/a.ics",
        "javascript://example.com/%0aalert(1)",
        "https://",
        "https:///dav/",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://[::1",
        "https://rosa@example.com/",
        "https://exa mple.com/",
        "https://example.com/\x00dav",
        "/dav/",
        "@",
    ],
)
def test_other_things_are_refused(typed: str) -> None:
    with pytest.raises(AddressNotAllowed):
        places_to_ask(typed, "rosa")


@given(st.text(max_size=60))
def test_nothing_else_escapes_from_typed_text(typed: str) -> None:
    try:
        places = places_to_ask(typed, "rosa")
    except AddressNotAllowed:
        return
    assert all(place.startswith(("https://", "http://")) for place in places)


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("/c/rosa/", "https://h.example/c/rosa/"),
        ("work/", "https://h.example/dav/work/"),
        ("https://p42.example/c/", "https://p42.example/c/"),
        ("//p42.example:8443/c/", "https://p42.example:8443/c/"),
        ("/c/rosa%40example.com/", "https://h.example/c/rosa@example.com/"),
        ("https://p42.example", "https://p42.example/"),
        ("/c/?x=1#part", "https://h.example/c/?x=1"),
        ("  /c/ ", "https://h.example/c/"),
    ],
)
def test_named_addresses_are_resolved(href: str, expected: str) -> None:
    assert named_url("https://h.example/dav/", href) == expected


@pytest.mark.parametrize(
    "href",
    [
        "http://h.example/c/",
        "http://127.0.0.1/",
        "ftp://h.example/",
        "mailto:rosa@example.com",
        "https://rosa@p42.example/",
        "https://h.example:port/",
        "https://[::1",
        "urn:uuid:1",
    ],
)
def test_credentials_follow_to_no_weaker_place(href: str) -> None:
    with pytest.raises(CalendarNonsense):
        named_url("https://h.example/dav/", href)


def test_percent_encoding_has_one_spelling() -> None:
    assert path_of("https://h/a%40b%20c%c3%b1") == path_of("/a@b c%C3%B1") == "/a@b%20c%C3%B1"
    assert normal_path("/c%2fd%3f.ics") == "/c%2Fd%3F.ics", "an encoded slash does not separate folders"
    assert normal_path("/%ff%zz%") == "/%FF%25zz%25"
    assert normal_path(normal_path("/%ff%zz%2541")) == "/%FF%25zz%2541"


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("1.ics", "/c/work/1.ics"),
        ("@evil.example/1.ics", "/c/work/@evil.example/1.ics"),
        ("//evil.example/1.ics", "/1.ics"),
        ("https://evil.example", "/"),
        ("http://[::1", "/http://%5B::1"),
        ("", "/c/work/"),
    ],
)
def test_paths_begin_with_a_slash(href: str, path: str) -> None:
    """Without it, an href could become part of the host that the credentials are sent to."""
    assert path_of(href, "https://h.example/c/work/") == path


@given(st.text(max_size=60))
def test_every_href_has_a_path(href: str) -> None:
    assert path_of(href).startswith("/")
    assert path_of(href, "https://h.example/c/").startswith("/")
