"""A gunicorn worker whose threads wait in one epoll object.

The kernel gives each event to one thread, which serves the request itself: nothing is handed from thread to thread.
The main thread sends gunicorn's heartbeat and ends what waits too long.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.base import Worker

from peterental.serving.connection import Connection
from peterental.serving.limits import Limits, State
from peterental.serving.registry import Registry

_SWEEP_S = 1.0
_STOP_STEP_S = 0.05
_OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TO_WRITE = {State.SENDING, State.READY}  # a socket is nearly always writable: READY only waits for its turn


class EpollWorker(Worker):  # type: ignore[misc]  # gunicorn has no type information
    """Serves HTTP/1.1 with `threads` threads; see the module's docstring."""

    limits = Limits()
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
        self._starved: list[int] = []
        self._listeners = {listener.fileno(): listener.sock for listener in self.sockets}
        self._names = {fd: listener.getsockname() for fd, listener in self._listeners.items()}
        self._stop_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.epoll.register(self._stop_fd, select.EPOLLIN)
        for fd in self._listeners:
            self.epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
        threads = [threading.Thread(target=self._work, name=f"web-{n}", daemon=True) for n in range(self.cfg.threads)]
        for thread in threads:
            thread.start()
        self._watch()
        self._finish()
        os.eventfd_write(self._stop_fd, 1)
        for thread in threads:
            thread.join(_STOP_STEP_S)  # one that is still at work ends with the process

    def count_request(self) -> bool:
        """Count a request; return whether its connection may be kept open."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
            os.write(self.PIPE[1], b"1")
        return bool(self.alive and self.cfg.keepalive)

    def _watch(self) -> None:
        """Send heartbeats and end what waits too long, until the worker is to stop."""
        while self.alive:
            self.notify()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                return
            self._sweep()
            self._sleep(_SWEEP_S)

    def _finish(self) -> None:
        """Accept no more connections, and answer what has arrived, within graceful_timeout."""
        self.alive = False
        for fd, listener in self._listeners.items():
            self.epoll.unregister(fd)
            for _ in range(self.limits.new):  # they connected before; closing would reset them
                if not self._accept_waiting(fd):
                    break
            listener.close()
        self.registry.stop()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self.connections and time.monotonic() < end:
            self.notify()
            self._sweep()
            self._sleep(_STOP_STEP_S)

    def _sweep(self) -> None:
        self.registry.sweep()
        while self._starved:
            self._arm(self._starved.pop(), select.EPOLLIN)

    def _sleep(self, seconds: float) -> None:
        """Wait for a signal, at most so long."""
        if select.select([self.PIPE[0]], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self.PIPE[0], 4096)

    def _work(self) -> None:
        """Serve events until the worker stops. The body of each thread."""
        while True:
            for fd, _ in self.epoll.poll(maxevents=1):
                if fd == self._stop_fd:
                    return
                self._handle(fd)

    def _accept_waiting(self, fd: int) -> bool:
        """Accept a connection, if any, for the threads to serve."""
        connection = self._accept(fd)
        if connection is not None:
            self._wait(connection, State.NEW)
        return connection is not None

    def _handle(self, fd: int) -> None:
        """Serve one event. Never raises, for the thread would end."""
        try:
            self._dispatch(fd)
        except Exception:
            self.log.exception("Error in the server")

    def _dispatch(self, fd: int) -> None:
        if fd in self._listeners:
            connection = self._accept(fd)
            if connection is not None:
                self._advance(connection)
            return
        connection = self.connections[fd]
        if self.registry.claim(connection):
            self._advance(connection)
        else:
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Let a claimed connection make its step, and wait for its next event."""
        state = State.CLOSED
        try:
            state = connection.step()
        finally:
            if state is State.CLOSED:
                self._close(connection)
        if state is not State.CLOSED:
            self._wait(connection, state)

    def _wait(self, connection: Connection, state: State) -> None:
        self.registry.park(connection, state)
        self._arm(connection.fd, select.EPOLLOUT if state in _TO_WRITE else select.EPOLLIN, connection)

    def _close(self, connection: Connection) -> None:
        del self.connections[connection.fd]  # first: another thread may get the number as soon as it is free
        connection.close()

    def _arm(self, fd: int, events: int, connection: Connection | None = None) -> None:
        """Have the next event given to one thread."""
        if connection is None or connection.is_registered:
            self.epoll.modify(fd, events | select.EPOLLONESHOT)
        else:
            connection.is_registered = True
            self.epoll.register(fd, events | select.EPOLLONESHOT)

    def _accept(self, fd: int) -> Connection | None:
        """Accept one connection: so they are spread over workers, and those that wait get their turn."""
        try:
            sock, peer = self._listeners[fd].accept()
        except OSError as error:
            if error.errno in _OUT_OF_DESCRIPTORS:
                self.log.warning("No connection can be accepted: %s. A waiting one is closed.", error.strerror)
                self.registry.evict()
                self._starved.append(fd)  # the next sweep listens again
            else:
                self._listen(fd)
            return None
        self._listen(fd)
        sock.settimeout(0)
        connection = Connection(sock, peer, self._names[fd], self, self.limits)
        self.connections[connection.fd] = connection
        return connection

    def _listen(self, fd: int) -> None:
        with suppress(OSError):  # the worker stops
            self._arm(fd, select.EPOLLIN)
