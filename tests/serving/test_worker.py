"""Under a real gunicorn: whatever slow clients do, a new connection is answered."""

from __future__ import annotations

import os
import random
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from gunicorn.config import Config

from peterental.serving import limits
from peterental.serving.worker import EpollWorker
from peterental.voice import webhook
from peterental.web import install
from tests.gunicorn import PROJECT_DIR, environment, running_gunicorn
from tests.servers import HANG_S, free_port, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HOLD = b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW_BODY = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000\r\n\r\nemail="
)


class Served:
    """A gunicorn with the small application of served.py."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.port = free_port()
        self.hold = folder / "hold"
        if not self.hold.exists():
            os.mkfifo(self.hold)
        self._log = folder / "log"
        settings = {"PORT": str(self.port), "HOLD": str(self.hold), **settings}
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("gunicorn")), "-c", "tests/serving/served.py", *options],
                cwd=PROJECT_DIR,
                env=environment({**settings, "PYTHONPATH": str(PROJECT_DIR)}),
                stdout=output,
                stderr=output,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def connect(self, data: bytes = b"") -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=HANG_S)
        sock.sendall(data)
        return sock

    def ask(self, data: bytes = GET) -> bytes:
        with self.connect(data) as sock:
            return answer(sock)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(HANG_S)


def answer(sock: socket.socket) -> bytes:
    """Read until the body is complete, or the connection ends."""
    got = b""
    while data := sock.recv(65_536):
        got += data
        head, _, body = got.partition(b"\r\n\r\n")
        if b"Content-Length: %d\r\n" % len(body) in head + b"\r\n":
            break
    return got


@contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[Served]:
    served = Served(folder, *options, **settings)
    try:
        until(lambda: "Booting worker" in served.output or served.process.poll() is not None, "gunicorn starts")
        yield served
    finally:
        if served.process.poll() is None:
            served.process.kill()
        served.process.wait(HANG_S)


def is_open(sock: socket.socket) -> bool:
    """Whether the server has not closed the connection. Reads what it sent."""
    sock.setblocking(False)  # noqa: FBT003  # its only argument
    try:
        while sock.recv(65_536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


Connect = Callable[[bytes], socket.socket]


def lingering(connect: Connect) -> list[socket.socket]:
    """Clients that got their last answer, and stay."""
    return [
        connect(raw)
        for raw in [
            b"GET / HTTP/1.0\r\n\r\n",
            b"nonsense\r\n\r\n",
            GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        ]
        for _ in range(8)
    ]


def idle(connect: Connect) -> list[socket.socket]:
    """Clients that send nothing."""
    return [connect(b"") for _ in range(100)]


def heads(connect: Connect) -> list[socket.socket]:
    """Clients that send half of a head."""
    return [connect(GET[:20]) for _ in range(16)]


def bodies(connect: Connect) -> list[socket.socket]:
    """Clients that send a body slowly."""
    return [connect(SLOW_BODY) for _ in range(16)]


def readers(connect: Connect) -> list[socket.socket]:
    """Clients that do not read a long answer."""
    return [connect(GET.replace(b"/ ", b"/large ")) for _ in range(16)]


def everything(connect: Connect) -> list[socket.socket]:
    """All of them at once."""
    return [sock for kind in (lingering, idle, heads, bodies, readers) for sock in kind(connect)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A patient server with two workers: slow clients are never closed for being slow."""
    with serving(tmp_path_factory.mktemp("served"), WEB_CONCURRENCY="2") as served:
        yield served


@pytest.mark.parametrize("kind", [lingering, idle, heads, bodies, readers, everything])
def test_slow_clients_do_not_delay_others(served: Served, kind: Callable[[Connect], list[socket.socket]]) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(sock) for sock in kind(served.connect)]
        ended = slow[:24] if kind in {lingering, everything} else []
        for _ in range(8):
            assert served.ask().startswith(b"HTTP/1.1 200 OK")
        # Those that linger got the end of the answer, and only they know that the connection is open in the other direction.
        assert all(is_open(sock) for sock in slow if sock not in ended)
        kept = stack.enter_context(served.connect(GET))
        assert answer(kept).startswith(b"HTTP/1.1 200 OK")
        kept.sendall(GET)
        assert answer(kept).startswith(b"HTTP/1.1 200 OK"), "a kept connection is still served"


def test_a_slow_body_is_served_at_last(served: Served) -> None:
    with served.connect(SLOW_BODY) as sock:
        assert served.ask().startswith(b"HTTP/1.1 200 OK")
        sock.sendall(b"x" * 994)
        assert answer(sock).endswith(b" 1000")


def test_many_clients_are_answered_by_both_workers(served: Served) -> None:
    with ExitStack() as stack:
        pids = set()
        for _ in range(200):
            sock = stack.enter_context(served.connect(GET))
            pids.add(answer(sock).split(b"\r\n\r\n")[1].split()[0])
            if len(pids) == 2:
                break
    assert len(pids) == 2


def test_a_stop_waits_for_the_request_at_work(tmp_path: Path) -> None:
    with serving(tmp_path, "--worker-class", "peterental.serving.worker.EpollWorker") as served, ExitStack() as stack:
        kept = stack.enter_context(served.connect(GET))
        answer(kept)
        holding = stack.enter_context(served.connect(HOLD))
        writer = stack.enter_context(served.hold.open("wb"))  # opens when the application reads
        served.process.send_signal(signal.SIGTERM)
        assert kept.recv(1) == b"", "an idle client is closed"
        writer.write(b"go")
        writer.close()
        got = answer(holding)
        assert got.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in got
        assert served.process.wait(HANG_S) == 0


def test_a_stop_ends_after_its_grace_period(tmp_path: Path) -> None:
    with serving(tmp_path, "--graceful-timeout", "1") as served, served.connect(HOLD), served.hold.open("wb"):
        assert served.stop() == 0


def test_large_bodies_hold_one_thread_only(tmp_path: Path) -> None:
    large = b"POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000
    with serving(tmp_path) as served, ExitStack() as stack:
        waiting = {stack.enter_context(served.connect(large)) for _ in range(3)}
        while waiting:
            with served.hold.open("wb"):  # opens when the application reads
                assert served.ask().startswith(b"HTTP/1.1 200 OK"), "by the other of the two threads"
            answered = select.select(list(waiting), [], [])[0][0]
            assert answer(answered).endswith(b" 2000000")
            waiting.remove(answered)


def test_others_join_when_threads_are_held_up(tmp_path: Path) -> None:
    options = ("--threads", "6", "--worker-class", "peterental.serving.worker.EpollWorker")
    with serving(tmp_path, *options) as served, ExitStack() as stack:
        held = [stack.enter_context(served.connect(HOLD)) for _ in range(5)]
        with served.hold.open("wb"):  # opens when the application reads
            for _ in range(3):
                assert served.ask().startswith(b"HTTP/1.1 200 OK"), "by the last of the six"
        while held:
            with suppress(OSError):  # nobody reads at the moment
                os.close(os.open(served.hold, os.O_WRONLY | os.O_NONBLOCK))
            for sock in select.select(held, [], [], 0.01)[0]:
                assert answer(sock).startswith(b"HTTP/1.1 200 OK")
                held.remove(sock)
        assert served.stop() == 0


def test_quitting_does_not_wait(tmp_path: Path) -> None:
    with serving(tmp_path) as served, served.connect(HOLD), served.hold.open("wb"):
        assert served.stop(signal.SIGQUIT) == 0


def test_deadlines_end_slow_clients(tmp_path: Path) -> None:
    with serving(tmp_path, "--worker-class", "tests.serving.served.HastyWorker") as served:
        for data in (b"", GET[:9], SLOW_BODY):
            with served.connect(data) as sock:
                assert sock.recv(1) == b""


def test_a_worker_is_replaced_after_its_requests(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-requests", "3") as served:
        pids = [served.ask().split(b"\r\n\r\n")[1] for _ in range(3)]
        assert len(set(pids)) == 1
        until(lambda: served.output.count("Booting worker") == 2, "another worker starts")
        assert served.ask().split(b"\r\n\r\n")[1] not in pids


def test_a_worker_without_a_master_ends(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        pid = int(served.ask().split(b"\r\n\r\n")[1].split()[0])
        served.process.kill()
        served.process.wait(HANG_S)
        until(lambda: not Path("/proc", str(pid)).exists(), "the worker ends")
    assert "Parent changed" in served.output


def test_without_descriptors_a_waiting_client_is_closed(tmp_path: Path) -> None:
    with serving(tmp_path, "--worker-class", "tests.serving.served.PoorWorker") as served, ExitStack() as stack:
        served.ask()  # its modules are imported now, which takes descriptors
        waiting = [stack.enter_context(served.connect()) for _ in range(20)]
        assert served.ask().startswith(b"HTTP/1.1 200 OK")
        assert not all(is_open(sock) for sock in waiting)
        assert "No connection can be accepted: Too many open files" in served.output


RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""


def visit(served: Served, chance: random.Random) -> None:
    """Connect, behave in one of many ways, and leave."""
    size = chance.choice([10, 500, 5000])
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    with suppress(OSError), served.connect() as sock:
        match chance.randrange(7):
            case 0:
                sock.sendall(post[: chance.randrange(len(post))])
            case 1:
                sock.sendall(post * chance.randrange(1, 5))
            case 2:
                sock.sendall(GET.replace(b"/ ", b"/large "))
                sock.recv(1000)
            case 3:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.sendall(post)
            case 4:
                sock.sendall(b"nonsense\r\n\r\n")
                sock.recv(100)
            case 5:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                sock.recv(1)
            case _:
                for _ in range(3):
                    sock.sendall(post)
                    got = answer(sock)
                    complete = got.startswith(b"HTTP/1.1 200") and got.endswith(b" %d" % size)
                    assert complete or not got or got.startswith(b"HTTP/1.1 503"), got


def test_clients_of_all_kinds_leave_nothing_behind(tmp_path: Path) -> None:
    with serving(tmp_path, "--worker-class", "tests.serving.served.CrampedWorker", "--threads", "4") as served:
        pid = int(served.ask().split(b"\r\n\r\n")[1].split()[0])

        def descriptors() -> int:
            return len(list(Path("/proc", str(pid), "fd").iterdir()))

        before = descriptors()  # perhaps with the connection of this first request
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda seed: visit(served, random.Random(seed)), range(300)))  # noqa: S311  # repeatable
        until(lambda: descriptors() <= before, "every connection is closed")
        assert served.ask().startswith(b"HTTP/1.1 200 OK")
        assert "Error in the server" not in served.output


def test_errors_of_the_application_are_logged(served: Served) -> None:
    assert served.ask(GET.replace(b"/ ", b"/fail ")).startswith(b"HTTP/1.1 500 ")
    assert "LookupError" in served.output


def test_a_fault_of_the_server_ends_one_connection_only(tmp_path: Path) -> None:
    with serving(tmp_path, "--worker-class", "tests.serving.served.FaultyWorker") as served:
        for _ in range(4):  # as many as threads, and more
            assert served.ask(b"nonsense\r\n\r\n") == b""
        assert served.ask().startswith(b"HTTP/1.1 200 OK")
        assert served.output.count("Error in the server") == 4


def test_tls_is_left_to_the_host(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate"
    certificate.touch()
    with serving(tmp_path, "--certfile", str(certificate)) as served:
        assert served.process.wait(HANG_S) == 1
    assert "does not support TLS (certfile, keyfile); the host's proxy terminates TLS" in served.output


def test_an_event_of_a_closed_connection_is_ignored() -> None:
    worker = EpollWorker.__new__(EpollWorker)
    worker.connections = {}
    worker._handle(99)


def configured_worker_class() -> object:
    return runpy.run_path(str(PROJECT_DIR / "gunicorn.conf.py"))["worker_class"]


def test_systems_without_epoll_get_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_worker_class() == "peterental.serving.worker.EpollWorker"
    monkeypatch.delattr(select, "epoll")
    assert configured_worker_class() == "gthread"


def test_settings_of_gunicorn_itself_are_accepted() -> None:
    EpollWorker.check_config(Config(), None)


def test_one_limit_of_bodies_holds_everywhere() -> None:
    assert limits.MAX_BODY_BYTES == install.MAX_BODY_BYTES == webhook.MAX_BODY_BYTES


CALL = b'{"message": {"type": "hang", "call": {"id": "c1"}}}'
SECRET = "s" * 40


def test_an_authenticated_call_is_answered_despite_them_all(database_url: str, tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "VAPI_WEBHOOK_SECRET": SECRET,
        "GUNICORN_CMD_ARGS": "--worker-class tests.serving.served.PatientWorker --graceful-timeout 1",
        "PYTHONPATH": str(PROJECT_DIR),
    }
    head = "POST /vapi/webhook HTTP/1.1\r\nHost: x\r\nX-Vapi-Secret: {}\r\nContent-Length: {}\r\n\r\n"
    with running_gunicorn(settings, tmp_path / "log") as gunicorn, ExitStack() as stack:

        def connect(data: bytes) -> socket.socket:
            sock = socket.create_connection(("127.0.0.1", gunicorn.port), timeout=HANG_S)
            sock.sendall(data)
            return stack.enter_context(sock)

        slow = [sock for kind in (idle, heads, bodies) for sock in kind(connect)]
        lingering(connect)
        for _ in range(8):
            answered = answer(connect(head.format(SECRET, len(CALL)).encode() + CALL))
            assert answered.startswith(b"HTTP/1.1 200 OK")
        assert all(is_open(sock) for sock in slow)
        large = connect(head.format(SECRET, 6_000_000).encode() + b"x" * 1_000_000)
        assert answer(large).startswith(b"HTTP/1.1 413 "), "the client can read it while it still sends"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    ],
    ids=["400", "414", "431"],
)
def test_refusals_of_the_server_name_type_and_charset(served: Served, raw: bytes, status: bytes) -> None:
    head, _, body = served.ask(raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nContent-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n" in head
    assert b"\r\nContent-Length: %d" % len(body) in head
