"""Who waits in which state, and until when.

A connection is at any time either waiting, or claimed by the one thread that epoll gave its event to (EPOLLONESHOT).
Only that thread reads, writes or closes it. Everybody else, with the lock held, may at most shut down the socket of a
waiting connection: that wakes epoll, a thread claims the connection, finds it expired and closes it. So no descriptor
is closed while another thread may still use its number.

Requests with large bodies are served one at a time. A connection that waits for its turn is not in epoll: the thread
that ends such a request claims the next.
"""

from __future__ import annotations

import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from threading import Lock

from peterental.serving.connection import Connection, QueueFull
from peterental.serving.limits import Limits, State

_EVICTED_AT_ONCE = 16
"""Over a limit, one in so many connections is closed at once, so that the search for them is rare in a flood."""

_WAIT_FOR_REQUEST = {State.NEW, State.IDLE, State.HEAD}


class Registry:
    """The waiting connections of a worker.

    Args:
        limits: how many may wait, and for how long.
        clock: seconds that never go back.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[State, dict[Connection, None]] = {state: {} for state in State}
        self._unfinished_bytes = 0
        self._is_stopping = False
        self._large: Connection | None = None
        self._queue: deque[Connection] = deque()
        self._queued_bytes = 0

    def count(self, state: State) -> int:
        """Return how many connections wait in `state`."""
        return len(self._waiting[state])

    def park(self, connection: Connection, state: State) -> None:
        """Let a connection wait, and shut down others if it is one too many."""
        with self._lock:
            if state is not connection.state or not connection.since_s:
                connection.state = state
                connection.since_s = self._clock()
            seconds = self._limits.seconds(state, connection.transferred_bytes)
            if self._is_stopping and state in {State.NEW, State.IDLE}:
                seconds = min(seconds, self._limits.linger_s)
            connection.deadline_s = connection.since_s + seconds
            self._waiting[state][connection] = None
            connection.counted_bytes = connection.unfinished_bytes if state is State.BODY else 0
            self._unfinished_bytes += connection.counted_bytes
            self._enforce(state)

    def claim(self, connection: Connection) -> bool:
        """Take a connection whose event arrived; return False if it has to be closed."""
        with self._lock:
            self._forget(connection)
            return not connection.is_expired

    def sweep(self) -> None:
        """Shut down connections whose time is over."""
        with self._lock:
            now = self._clock()
            for waiting in self._waiting.values():
                for connection in [some for some in waiting if some.deadline_s <= now]:
                    self._expire(connection)

    def stop(self) -> None:
        """Shorten the time of connections that wait for a request, now and in future."""
        with self._lock:
            self._is_stopping = True
            end = self._clock() + self._limits.linger_s
            for state in (State.NEW, State.IDLE):
                for connection in self._waiting[state]:
                    connection.deadline_s = min(connection.deadline_s, end)

    def begin_large(self, connection: Connection) -> bool:
        """Return whether no other request with a large body is served; else queue the connection.

        Raises QueueFull.
        """
        with self._lock:
            if self._large is None:
                self._large = connection
                return True
            if self._queued_bytes + connection.queued_bytes > self._limits.unfinished_bytes:
                raise QueueFull
            connection.state = State.QUEUED
            self._queue.append(connection)
            self._queued_bytes += connection.queued_bytes
            return False

    def end_large(self, connection: Connection) -> Connection | None:
        """Return the next in the queue if `connection` had its turn. The caller's thread serves it."""
        if self._large is not connection:  # only this thread can have set it to its own connection
            return None
        with self._lock:
            self._large = self._queue.popleft() if self._queue else None
            if self._large is not None:
                self._queued_bytes -= self._large.queued_bytes
            return self._large

    def evict(self) -> None:
        """Shut down a quarter of the connections in the least needed state: the process has no more descriptors."""
        with self._lock:
            by_use = (State.LINGERING, State.NEW, State.HEAD, State.IDLE, State.BODY, State.SENDING)
            state = next((state for state in by_use if self._waiting[state]), None)
            if state is not None:
                self._evict(state, max(1, len(self._waiting[state]) // 4))

    def _enforce(self, state: State) -> None:
        most = self._limits.most(state)
        if len(self._waiting[state]) > most:
            self._evict(state, max(1, most // _EVICTED_AT_ONCE))
        while self._unfinished_bytes > self._limits.unfinished_bytes:
            self._evict(State.BODY, 1)

    def _evict(self, state: State, number: int) -> None:
        """Shut down the oldest of a state, first those of an address that has most of them.

        A connection that waits for a request stays if bytes have arrived and wait for a thread: it may be a call that
        came in the middle of a flood. Bodies are bounded by their bytes, whatever arrives.
        """
        waiting = self._waiting[state]
        address, count = Counter(connection.address for connection in waiting).most_common(1)[0]
        if count * 2 > len(waiting):
            candidates = [connection for connection in waiting if connection.address == address]
        else:
            candidates = list(waiting)
        candidates.sort(key=lambda connection: connection.since_s)
        idle = (one for one in candidates if state not in _WAIT_FOR_REQUEST or not one.has_unread_bytes())
        for connection in islice(idle, number):
            self._expire(connection)

    def _expire(self, connection: Connection) -> None:
        self._forget(connection)
        connection.is_expired = True
        with suppress(OSError):  # the client closed it: its event is on the way
            connection.sock.shutdown(socket.SHUT_RDWR)

    def _forget(self, connection: Connection) -> None:
        self._waiting[connection.state].pop(connection, None)
        self._unfinished_bytes -= connection.counted_bytes
        connection.counted_bytes = 0
