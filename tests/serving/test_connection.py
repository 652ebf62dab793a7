"""Each event makes one step, and no client makes the connection wait."""

from __future__ import annotations

import contextvars
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from peterental.serving.limits import Limits, State
from peterental.serving.registry import Registry
from tests.serving.clients import Application, Client, FakeHost

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CLOSE = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
StartResponse = Callable[..., Any]


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(application: Application | None = None, limits: Limits | None = None) -> Client:
        made.append(Client(FakeHost(application) if application else None, limits))
        return made[-1]

    yield make
    for client in made:
        client.close()


Clients = Callable[..., Client]


def test_a_request_is_answered_and_the_connection_kept(clients: Clients) -> None:
    client = clients()
    for _ in range(2):
        assert client.step(POST) is State.IDLE
        answer = client.received()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"POST /a hello")
    assert client.host.access == ["200 OK"] * 2
    assert len(client.host.posted) == 2


def test_a_step_without_data_changes_nothing(clients: Clients) -> None:
    client = clients()
    assert client.step() is State.NEW
    assert client.step(GET[:9]) is State.HEAD
    assert client.step() is State.HEAD
    assert client.step(GET[9:]) is State.IDLE
    assert client.step() is State.IDLE


def test_slow_heads_and_bodies_are_waited_for(clients: Clients) -> None:
    client = clients()
    assert client.step(POST[:20]) is State.HEAD
    assert client.step(POST[20:-2]) is State.BODY
    assert client.connection.unfinished_bytes == 3
    assert client.received() == b""
    assert client.step(POST[-2:]) is State.IDLE
    assert client.received().endswith(b"hello")


def test_a_client_is_told_to_send_the_body(clients: Clients) -> None:
    client = clients()
    head = POST.removesuffix(b"\r\n\r\nhello") + b"\r\nExpect: 100-continue\r\n\r\n"
    assert client.step(head) is State.BODY
    assert client.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.step(b"hello") is State.IDLE
    assert client.received().startswith(b"HTTP/1.1 200 OK\r\n"), "and not once more"


def test_requests_sent_at_once_take_turns_with_others(clients: Clients) -> None:
    client = clients()
    assert client.step(GET + POST + GET[:7]) is State.READY
    assert client.received().count(b"HTTP/1.1 200") == 1
    assert client.step() is State.READY
    assert client.received().endswith(b"hello")
    assert client.step() is State.HEAD
    assert client.step(GET[7:]) is State.IDLE


@pytest.mark.parametrize("raw", [CLOSE, b"GET /a HTTP/1.0\r\n\r\n"])
def test_a_client_that_stays_is_lingered_for(clients: Clients, raw: bytes) -> None:
    client = clients()
    assert client.step(raw) is State.LINGERING
    assert client.received().endswith(b"GET /a EOF"), "the answer is complete"
    assert client.step(b"more" * 9) is State.LINGERING
    client.sock.close()
    assert client.step() is State.CLOSED


def test_a_stopping_worker_closes_after_the_answer(clients: Clients) -> None:
    client = clients()
    client.host.is_closing = True
    assert client.step(GET) is State.LINGERING
    assert b"Connection: close" in client.received()


def test_what_the_parser_refuses_is_answered(clients: Clients) -> None:
    client = clients()
    assert client.step(b"nonsense\r\n\r\n") is State.LINGERING
    assert client.received().startswith(b"HTTP/1.1 400 ")
    assert client.host.errors == ["InvalidRequestLine"]


def test_a_large_body_is_answered_and_read_over(clients: Clients) -> None:
    client = clients(limits=Limits(body_bytes=10))
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert client.step(head + b"b\r\n0123456789x\r\n0\r\n\r\n") is State.LINGERING
    assert client.received().startswith(b"HTTP/1.1 413 ")
    assert client.step(b"more") is State.LINGERING


def test_an_application_refuses_a_large_declared_body(clients: Clients) -> None:
    def refuse(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        assert environ["CONTENT_LENGTH"] == "11"
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return []

    client = clients(refuse, Limits(body_bytes=10))
    assert client.step(POST.replace(b"5", b"11")) is State.LINGERING
    answer = client.received()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer


def large_bodies(clients: Clients, limits: Limits) -> tuple[Client, Client]:
    """Two clients of one worker, which serves one large body at a time and so many bytes in its queue."""
    first, second = clients(limits=limits), clients(limits=limits)
    second.host.registry = first.host.registry = Registry(limits)
    assert first.host.begin_large(first.connection)
    return first, second


def test_a_large_body_waits_for_its_turn(clients: Clients) -> None:
    first, second = large_bodies(clients, Limits(large_bytes=5))
    assert second.step(POST + POST) is State.QUEUED
    assert second.connection.queued_bytes == 5
    assert second.received() == b""
    assert first.host.registry.end_large(first.connection) is second.connection
    assert second.step() is State.READY
    assert second.received().endswith(b"hello")
    assert second.connection.queued_bytes == 0
    assert second.host.registry.end_large(second.connection) is None
    assert second.step() is State.IDLE, "no other has the turn"


def test_a_full_queue_is_answered(clients: Clients) -> None:
    _, second = large_bodies(clients, Limits(large_bytes=5, unfinished_bytes=4))
    assert second.step(POST) is State.LINGERING
    assert second.received().startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("sent", [b"", GET[:9], POST[:-2]])
def test_a_client_that_leaves_is_closed(clients: Clients, sent: bytes) -> None:
    client = clients()
    if sent:
        client.step(sent)
    client.sock.close()
    assert client.step() is State.CLOSED


def test_a_half_closed_client_is_answered(clients: Clients) -> None:
    client = clients()
    client.sock.sendall(GET + GET)
    client.sock.shutdown(socket.SHUT_WR)
    states = [client.step(), client.step(), client.step()]
    assert states[-1] is State.CLOSED
    assert client.received().count(b"HTTP/1.1 200") == 2


def test_a_client_that_takes_no_answer_is_closed(clients: Clients) -> None:
    client = clients()
    client.sock.sendall(GET)
    client.sock.close()
    assert client.step() is State.CLOSED


NAME = contextvars.ContextVar("NAME", default="nobody")
PIECES = 400


class Export:
    """A long answer that is produced while it is sent."""

    def __init__(self) -> None:
        self.produced = 0
        self.closed = 0
        self.names: set[str] = set()

    def __call__(self, _environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        NAME.set("Pete")
        start_response("200 OK", [("Content-Type", "text/csv")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(PIECES):
            self.produced += 1
            self.names.add(NAME.get())
            yield b"x" * 8192

    def close(self) -> None:
        self.closed += 1


def test_a_slow_reader_pauses_a_long_answer(clients: Clients) -> None:
    export = Export()
    client = clients(export)
    assert client.step(GET) is State.SENDING
    produced = 0
    while produced < export.produced:  # until the socket takes no more
        produced = export.produced
        assert client.step() is State.SENDING
    assert produced < PIECES
    assert client.step() is State.SENDING, "nothing was taken"
    assert (export.produced, client.host.access) == (produced, [])
    got = b""
    for _ in range(10 * PIECES):
        got += client.received()
        if client.step() is State.IDLE:
            break
    got += client.received()
    assert got.count(b"x" * 8192) == PIECES
    assert got.endswith(b"\r\n0\r\n\r\n")
    assert export.names == {"Pete"}, "context variables are those of the request, whichever thread continues"
    assert (export.closed, client.host.access) == (1, ["200 OK"])


def test_a_long_answer_takes_turns_with_others(clients: Clients) -> None:
    export = Export()
    client = clients(export, Limits(turn_bytes=3 * 8192))
    turns = []
    state = client.step(GET)
    while state is State.SENDING:
        turns.append(export.produced)
        client.received()
        state = client.step()
    assert state is State.IDLE
    assert turns[:3] == [3, 6, 9]


def test_an_abandoned_answer_is_closed(clients: Clients) -> None:
    export = Export()
    client = clients(export)
    assert client.step(GET) is State.SENDING
    client.connection.close()
    assert export.closed == 1
    assert client.host.access == ["200 OK"]


def test_a_reader_that_leaves_ends_the_answer(clients: Clients) -> None:
    export = Export()
    client = clients(export)
    assert client.step(GET) is State.SENDING
    client.sock.close()
    assert client.step() is State.CLOSED
    client.connection.close()
    assert export.closed == 1


def test_a_large_answer_is_kept_until_it_is_taken(clients: Clients) -> None:
    def large(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "3000000")])
        return [b"x" * 3_000_000]

    client = clients(large)
    assert client.step(GET) is State.SENDING
    assert 0 < client.connection.transferred_bytes < 3_000_000
    got = b""
    while client.connection.state is State.SENDING:
        got += client.received()
        client.step()
    assert client.connection.state is State.IDLE
    assert (got + client.received()).count(b"x") == 3_000_000


def test_an_error_before_the_answer_is_answered(clients: Clients) -> None:
    def fail(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        raise LookupError

    client = clients(fail)
    assert client.step(GET) is State.LINGERING
    assert client.received().startswith(b"HTTP/1.1 500 ")
    assert client.host.errors == ["LookupError"]


def test_an_error_within_the_answer_truncates_it(clients: Clients) -> None:
    def fail(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise SystemExit

    client = clients(fail)
    assert client.step(GET) is State.LINGERING
    answer = client.received()
    assert answer.endswith(b"4\r\nhalf\r\nEOF"), "no last chunk: the client sees that it is incomplete"
    assert client.host.errors == ["Error handling request"]


def test_an_error_after_the_answer_is_logged(clients: Clients) -> None:
    class Rows(Export):
        def __iter__(self) -> Iterator[bytes]:
            yield b"all"

        def close(self) -> None:
            raise LookupError

    def refuse_post(*_: object) -> None:
        raise LookupError

    client = clients(Rows())
    client.host.cfg.set("post_request", lambda _worker, _request, _environ, _response: refuse_post())
    assert client.step(GET) is State.LINGERING
    assert b"all" in client.received()
    assert client.host.errors == ["Error after the answer", "Exception in post_request hook"]


def test_an_answer_without_content_is_sent(clients: Clients) -> None:
    def nothing(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return []

    client = clients(nothing)
    assert client.step(GET) is State.IDLE
    assert client.received().startswith(b"HTTP/1.1 204 ")


def test_files_are_sent(clients: Clients, tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"content" * 5000)

    def send(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "35000")])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"]((tmp_path / "file").open("rb"))
        return wrapped

    client = clients(send)
    assert client.step(GET) is State.IDLE
    assert client.received().endswith(b"content" * 5000)


@pytest.mark.parametrize("first", [b"", POST[:-1]], ids=["heads", "behind a body"])
def test_of_many_requests_sent_at_once_few_are_in_memory(clients: Clients, first: bytes) -> None:
    client = clients()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    if first:
        assert client.step(first) is State.BODY
    sent = POST[-1:] * bool(first) + GET * 8_000
    with suppress(BlockingIOError):
        sent = sent[client.sock.send(sent) :]
    assert client.step() is State.READY
    assert client.connection._reader.buffered_bytes <= client.connection._limits.head_bytes + 64 * 1024
    answered = client.received().count(b"HTTP/1.1 200")
    while client.step() in {State.READY, State.IDLE} and answered < 2_000:
        answered += client.received().count(b"HTTP/1.1 200")
    assert answered == 2_000, "none is lost"


def test_much_data_is_read_in_parts(clients: Clients) -> None:
    client = clients()
    body = b"x" * 2_000_000
    client.sock.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
    left = memoryview(body)
    while left:
        with suppress(BlockingIOError):
            left = left[client.sock.send(left) :]
        client.step()
    got = b""
    while not got.endswith(body):
        assert client.connection.state in {State.BODY, State.SENDING, State.IDLE}
        client.step()
        got += client.received()
