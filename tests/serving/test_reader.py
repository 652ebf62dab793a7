"""Requests are assembled from any pieces, and refused exactly where gunicorn's parser refuses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import (
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from peterental.serving import reader as reader_module
from peterental.serving.body import MAX_CHUNKS
from peterental.serving.limits import MAX_BODY_BYTES, Limits, State
from peterental.serving.reader import BodyTooLarge, Received, RequestReader

CFG = Config()
PEER = ("127.0.0.1", 5)

SIZED = b"POST /a?b=c HTTP/1.1\r\nHost: pete\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = (
    b"POST /a HTTP/1.1\r\nHost: pete\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\nhello\r\n6;why="not;so"\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n'
)
PLAIN = b"GET /a HTTP/1.1\r\nHost: pete\r\n\r\n"
BARE = b"GET /a HTTP/1.0\r\n\r\n"


def new_reader(limits: Limits | None = None) -> RequestReader:
    return RequestReader(CFG, PEER, limits or Limits())


def read(data: bytes, limits: Limits | None = None) -> Received | None:
    reader = new_reader(limits)
    reader.feed(data)
    return reader.take()


def body_of(received: Received | None) -> bytes:
    assert received is not None
    return received.body.read() or b""


@pytest.mark.parametrize(
    ("raw", "body"),
    [(SIZED, b"hello world"), (CHUNKED, b"hello world"), (PLAIN, b""), (BARE, b""), (b"\r\n" + PLAIN, b"")],
    ids=["sized", "chunked", "plain", "no headers", "empty line first"],
)
def test_requests_may_be_split_at_every_byte(raw: bytes, body: bytes) -> None:
    for cut in range(1, len(raw)):
        reader = new_reader()
        reader.feed(raw[:cut])
        assert reader.take() is None
        reader.feed(raw[cut:])
        received = reader.take()
        assert received is not None
        assert (received.request.path, received.body.read()) == ("/a", body)
        assert reader.state is State.IDLE


@pytest.mark.parametrize("raw", [SIZED, CHUNKED])
def test_requests_may_arrive_byte_by_byte(raw: bytes) -> None:
    reader = new_reader()
    states = []
    for byte in raw[:-1]:
        reader.feed(bytes([byte]))
        assert reader.take() is None
        states.append(reader.state)
    assert states == sorted(states, key=[State.HEAD, State.BODY].index), "the head, then the body"
    reader.feed(raw[-1:])
    assert body_of(reader.take()) == b"hello world"


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=12),
    st.lists(st.integers(min_value=1, max_value=400), max_size=30),
)
def test_any_chunks_are_decoded_in_any_pieces(chunks: list[bytes], sizes: list[int]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    raw = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n" + PLAIN
    reader = new_reader()
    received = []
    for piece in pieces(raw, sizes):
        reader.feed(piece)
        while (request := reader.take()) is not None:
            received.append(request)
    assert [body_of(request) for request in received] == [b"".join(chunks), b""]


def pieces(raw: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield raw[:size]
        raw = raw[size:]
    yield raw


def test_requests_sent_at_once_are_taken_in_turn() -> None:
    reader = new_reader()
    reader.feed(SIZED + CHUNKED + PLAIN + PLAIN[:5])
    assert [body_of(reader.take()) for _ in range(3)] == [b"hello world", b"hello world", b""]
    assert reader.take() is None
    assert reader.state is State.HEAD


def gunicorn_refuses(raw: bytes) -> type[Exception] | None:
    """Return what gunicorn's own parser raises for the bytes, None if it accepts them."""
    try:
        for request in RequestParser(CFG, iter([raw]), PEER):
            request.body.read()
    except ParseException as error:
        return type(error)
    return None


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
ODD = {
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "endless length": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\nhello",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": POST + b"Content-Length : 5\r\n\r\nhello",
    "folded line": POST + b"X-A: b\r\n c\r\n\r\n",
    "two hosts": POST + b"Host: y\r\n\r\n",
    "control character": POST + b"X-A: b\x00c\r\n\r\n",
    "bare CR": POST + b"X-A: b\rContent-Length: 5\r\n\r\n",
    "bare LF": POST + b"X-A: b\nContent-Length: 5\r\n\r\nhello",
    "bare LF only": b"GET / HTTP/1.1\nHost: x\n\n",
    "no request": b"\r\n\r\n",
    "nonsense": b"hello\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown expectation": POST + b"Expect: tea\r\n\r\n",
    "chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n",
    "signed chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
    "chunk end": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n5;\x01\r\nhello\r\n0\r\n\r\n",
    "length as trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
    "LF in trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\nX-B: c\r\n\r\n",
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_odd_shapes_are_refused_as_by_gunicorn(raw: bytes) -> None:
    expected = gunicorn_refuses(raw)
    assert expected is not None
    with pytest.raises(ParseException) as raised:
        read(raw)
    assert raised.type is expected


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_odd_shapes_are_refused_byte_by_byte(raw: bytes) -> None:
    reader = new_reader()
    with pytest.raises(ParseException):  # any byte may be the one too many
        for byte in raw:
            reader.feed(bytes([byte]))
            reader.take()


CHUNKED_HEAD = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [b"000000005\r\nhello\r\n0\r\n\r\n", b"0\r\nX-A: " + b"b" * 9000, b"5;" + b"x" * 9000, b"5\nhello\r\n0\r\n\r\n"],
    ids=["zeros", "trailers", "extension", "bare LF"],
)
def test_odd_framing_is_refused(framing: bytes) -> None:
    with pytest.raises(ParseException):
        read(CHUNKED_HEAD + framing)


@pytest.mark.parametrize("trailers", [b"X-A: b\r\n" * 1100, b"X-A: b\r\n" * 200 + b"X: " + b"c" * 8000 + b"\r\n"])
def test_many_trailers_are_refused(trailers: bytes) -> None:
    with pytest.raises(ParseException):
        read(CHUNKED_HEAD + b"0\r\n" + trailers)


def test_a_head_that_the_parser_ends_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def shorter(_cfg: object, unreader: reader_module.MemoryUnreader, *_: object) -> None:
        unreader.read(3)

    monkeypatch.setattr(reader_module, "Request", shorter)
    with pytest.raises(InvalidRequestLine, match="ends elsewhere"):
        read(PLAIN)


def test_long_heads_are_refused() -> None:
    limits = Limits(head_bytes=8000)
    with pytest.raises(LimitRequestHeaders):
        read(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 8000, limits)
    with pytest.raises(LimitRequestHeaders):
        read(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 8000 + b"\r\n\r\n", limits)
    with pytest.raises(LimitRequestLine):
        read(b"GET /" + b"b" * 8000, limits)
    with pytest.raises(LimitRequestHeaders):
        read(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 101 + b"\r\n", Limits())


def test_a_large_declared_body_is_left_to_the_application() -> None:
    received = read(POST + b"Content-Length: %d\r\n\r\nx" % (MAX_BODY_BYTES + 1))
    assert received is not None
    assert received.is_body_refused
    assert isinstance(received.body, reader_module.RefusedBody)
    assert received.body.readable()
    with pytest.raises(OSError, match="was not read"):
        received.body.read()


def test_a_body_at_the_limit_is_read() -> None:
    limits = Limits(body_bytes=10)
    assert body_of(read(POST + b"Content-Length: 10\r\n\r\n0123456789", limits)) == b"0123456789"
    assert body_of(read(CHUNKED_HEAD + b"a\r\n0123456789\r\n0\r\n\r\n", limits)) == b"0123456789"


def chunked(*chunks: bytes) -> bytes:
    return CHUNKED_HEAD + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [chunked(b"0123456789x"), CHUNKED_HEAD + b"ffffffff\r\n", chunked(*[b"x"] * (MAX_CHUNKS + 1))],
    ids=["decoded", "declared", "many chunks"],
)
def test_large_chunked_bodies_are_refused(raw: bytes) -> None:
    limits = Limits() if len(raw) > MAX_CHUNKS else Limits(body_bytes=10)
    with pytest.raises(BodyTooLarge):
        read(raw, limits)


def test_an_unfinished_chunk_is_waited_for() -> None:
    assert read(CHUNKED_HEAD + b"5\r\nhel") is None


EXPECTING = b"POST / HTTP/1.%d\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"


def test_a_client_that_waits_for_continue_is_told_once() -> None:
    reader = new_reader()
    reader.feed(EXPECTING % 1)
    assert reader.take() is None
    assert [reader.take_continue(), reader.take_continue()] == [True, False]
    reader.feed(b"hello")
    assert body_of(reader.take()) == b"hello"


def test_a_client_that_does_not_wait_is_not_told() -> None:
    for raw in (EXPECTING % 0, EXPECTING % 1 + b"hello", SIZED[:-1]):
        reader = new_reader()
        reader.feed(raw)
        reader.take()
        assert not reader.take_continue()


def test_unfinished_bodies_are_counted() -> None:
    reader = new_reader()
    reader.feed(SIZED[:-3])
    assert reader.take() is None
    assert reader.body_bytes == 8
    reader.feed(SIZED[-3:])
    assert reader.take() is not None
    assert reader.body_bytes == 0


def test_bare_line_feeds_are_found_across_pieces() -> None:
    reader = new_reader()
    reader.feed(b"GET / HTTP/1.1\r")
    assert reader.take() is None
    reader.feed(b"\nHost: x\r")
    assert reader.take() is None, "a line end in two pieces is no bare line feed"
    reader.feed(b"\nX")
    assert reader.take() is None
    reader.feed(b"\n")
    with pytest.raises(ParseException):
        reader.take()
