"""A gunicorn worker whose threads wait in one epoll object.

The kernel gives each event to one thread, which serves the request itself: nothing is handed from thread to thread.
Two threads take requests, and others when those are held up (`concurrency`).
The main thread accepts connections, sends gunicorn's heartbeat and ends what waits too long, also while every other
thread is at work.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from gunicorn.workers.base import Worker

from peterental.serving.balance import Balance
from peterental.serving.concurrency import ConcurrencyLimit
from peterental.serving.connection import Connection
from peterental.serving.limits import KIB, Limits, State
from peterental.serving.registry import Registry

_SWEEP_S = 1.0
_STEP_S = 0.05
_AT_ONCE = 2
"""Threads that take requests while none is held up: one is in Python's interpreter while the other one waits for the
database."""

_HELD_UP_S = 0.05
"""Several times what a phone call's request takes."""

_OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_ACCEPTED_AT_ONCE = 16
_TCP_NOTSENT_LOWAT = 25
_UNSENT_BYTES = 128 * KIB
"""How much of an answer the kernel keeps for a slow client; accepted sockets inherit it.

It would take megabytes otherwise, which the application has to produce at once.
"""

_LET_OTHERS_S = 0.001
_EVENTS = {
    state: select.EPOLLONESHOT | (select.EPOLLOUT if state in {State.SENDING, State.READY} else select.EPOLLIN)
    for state in State
}
"""What each state waits for. A socket is nearly always writable: READY only waits for its turn."""


class EpollWorker(Worker):  # type: ignore[misc]  # gunicorn has no type information
    """Serves HTTP/1.1 with `threads` threads; see the module's docstring."""

    limits = Limits()
    balance = Balance()
    alive: bool

    @classmethod
    def check_config(cls, cfg: Any, _log: Any) -> None:
        """Raise RuntimeError for settings that this worker does not implement; gunicorn prints it and exits."""
        unsupported = {
            "TLS (certfile, keyfile)": cfg.is_ssl,
            "proxy_protocol": cfg.proxy_protocol != "off",
            "http_protocols": list(cfg.http_protocols) != ["h1"],
            "protocol": cfg.protocol != "http",
        }
        names = [name for name, is_set in unsupported.items() if is_set]
        if names:
            raise RuntimeError(
                f"PeteRental's gunicorn worker does not support {', '.join(names)}; the host's proxy terminates TLS."
                " Remove the setting, or set worker_class to gthread."
            )

    def run(self) -> None:
        """Serve until the master or the operator ends the worker."""
        self.registry = Registry(self.limits)
        self.connections: dict[int, Connection] = {}
        self.epoll = select.epoll()
        self._stop_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.epoll.register(self._stop_fd, select.EPOLLIN)
        self.concurrency = ConcurrencyLimit(_AT_ONCE, _HELD_UP_S, self._wake)
        threads = [threading.Thread(target=self._work, name=f"web-{n}", daemon=True) for n in range(self.cfg.threads)]
        for thread in threads:
            thread.start()
        self._accept_until_stopped()
        self._finish()
        os.eventfd_write(self._stop_fd, 1)
        self.concurrency.lift(len(threads))
        for thread in threads:
            thread.join(_STEP_S)  # one that is still at work ends with the process

    def count_request(self) -> None:
        """Count a request that begins; after max_requests the worker stops."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
            self._wake()

    def _wake(self) -> None:
        """End the main thread's wait."""
        with suppress(BlockingIOError):  # it is full: the wait ends in any case
            os.write(self.PIPE[1], b"1")

    def keeps_connections(self) -> bool:
        """Return whether connections stay open after an answer."""
        return bool(self.alive and self.cfg.keepalive)

    def _accept_until_stopped(self) -> None:
        """Accept connections, send heartbeats and end what waits too long."""
        listeners = {listener.fileno(): listener.sock for listener in self.sockets}
        names = {fd: listener.getsockname() for fd, listener in listeners.items()}
        _limit_unsent_bytes(listeners.values())
        signals = self.PIPE[0]
        swept_s = 0.0
        lends_s = math.inf
        may_accept = True
        while self.alive:
            now = time.monotonic()
            if now >= lends_s:
                lends_s = now + _HELD_UP_S if self.concurrency.lend() else math.inf
            elif lends_s == math.inf and self.concurrency.is_watched:
                lends_s = now + _HELD_UP_S
            if now - swept_s >= _SWEEP_S:
                swept_s = now
                self._sweep()
                if self.ppid != os.getppid():
                    self.log.info("Parent changed, shutting down: %s", self)
                    break
            awaited, timeout_s = ([signals, *listeners], _SWEEP_S) if may_accept else ([signals], _STEP_S)
            may_accept = True
            for fd in select.select(awaited, [], [], min(timeout_s, lends_s - now))[0]:
                if fd == signals:
                    self._drain(signals)
                else:
                    may_accept = self._accept_some(listeners[fd], names[fd])
        for fd, listener in listeners.items():
            self._accept_some(listener, names[fd])  # they connected before: closing would reset them
            listener.close()
        self.balance.leave(self.age)

    def _sweep(self) -> None:
        """End what waits too long, and tell the other workers and the master that this one works."""
        self.registry.sweep()
        self.balance.report(self.age, len(self.connections))
        self.notify()

    def _finish(self) -> None:
        """Answer what has arrived, within graceful_timeout."""
        self.alive = False
        self.registry.stop()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.connections and time.monotonic() < end:
            self.notify()
            self.registry.sweep()
            self.concurrency.lend()
            time.sleep(_STEP_S)

    @staticmethod
    def _drain(pipe: int) -> None:
        """Forget the signals that ended a wait; Python has run their handlers."""
        with suppress(BlockingIOError):
            os.read(pipe, 4096)

    def _accept_some(self, listener: socket.socket, name: Any) -> bool:
        """Accept connections that wait, a few at a time; return False if the process has no more descriptors."""
        for _ in range(_ACCEPTED_AT_ONCE):
            if self.alive and self.balance.is_ahead(self.age, len(self.connections)):
                time.sleep(_LET_OTHERS_S)
            try:
                sock, peer = listener.accept()
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    return True
                self.log.warning("No connection can be accepted: %s. Some that wait are closed.", error.strerror)
                self.registry.evict()
                return False
            sock.settimeout(0)
            connection = Connection(sock, peer, name, self, self.limits)
            self.connections[connection.fd] = connection
            self.registry.park(connection, State.NEW)
            self.epoll.register(connection.fd, select.EPOLLIN | select.EPOLLONESHOT)
            self.balance.report(self.age, len(self.connections))
        return True

    def _work(self) -> None:
        """Serve events until the worker stops. The body of each thread."""
        slot = self.concurrency.enter()
        while True:
            for fd, _ in self.epoll.poll(maxevents=1):
                if fd == self._stop_fd:
                    return
                self.concurrency.begin(slot)
                self._handle(fd)
                self.concurrency.end(slot)

    def _handle(self, fd: int) -> None:
        """Serve one event, and queued requests if it is their turn then. Never raises, for the thread would end."""
        connection = self.connections.get(fd)
        if connection is None:
            return  # a child process of the application kept a closed socket open
        if not self.registry.claim(connection):
            self._close(connection)
            return
        following = self._advance(connection)
        while following is not None:
            following = self._advance(following)

    def _advance(self, connection: Connection) -> Connection | None:
        """Let a claimed connection make its step; return the one whose turn it is then, if any."""
        state = State.CLOSED
        following = None
        try:
            state = connection.step()
            if state is State.QUEUED:
                return None  # another thread may have it by now
            following = self.registry.end_large(connection)
            if state is not State.CLOSED:
                self.registry.park(connection, state)
                self.epoll.modify(connection.fd, _EVENTS[state])
                return following
        except Exception:
            self.log.exception("Error in the server")
            following = following or self.registry.end_large(connection)
            self.registry.claim(connection)
        self._close(connection)
        return following

    def begin_large(self, connection: Connection) -> bool:
        """Return whether a request with a large body may be served now; else the connection is queued."""
        return self.registry.begin_large(connection)

    def _close(self, connection: Connection) -> None:
        del self.connections[connection.fd]  # first: the number may be given to a new one as soon as it is free
        connection.close()


def _limit_unsent_bytes(listeners: Iterable[socket.socket]) -> None:
    """Let the kernel keep `_UNSENT_BYTES` of an answer for each connection that these accept."""
    for listener in listeners:
        with suppress(OSError):  # of a Unix socket
            listener.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
