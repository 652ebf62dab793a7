"""States of a connection, and how many connections a worker holds in each, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

KIB = 1024
MIB = 1024 * KIB

MAX_BODY_BYTES = 5 * MIB
"""The largest body that is read; the longest call histories that Vapi sends are far smaller."""


class State(Enum):
    """What a connection waits for."""

    NEW = auto()
    """The first byte."""
    IDLE = auto()
    """The next request, after an answered one."""
    HEAD = auto()
    """The rest of a request's head."""
    BODY = auto()
    """The rest of a request's body."""
    READY = auto()
    """A turn: the client sent several requests at once."""
    QUEUED = auto()
    """Other requests with large bodies, which are served one at a time. epoll does not watch it."""
    SENDING = auto()
    """The client, to take more of the answer."""
    LINGERING = auto()
    """The client, to close after the last answer."""
    CLOSED = auto()
    """Nothing."""

    # Members are singletons; Enum's own hash is computed in Python at every use as a key.
    __hash__ = object.__hash__


@dataclass(frozen=True)
class Limits:
    """Bounds of one worker process.

    Args:
        new_s: seconds until the first byte of a connection.
        idle_s: seconds between two requests of a connection.
        head_s: seconds from the first byte of a request to the end of its head.
        transfer_s: seconds for a body, or for an answer to be taken, besides those for its size.
        transfer_bytes_per_s: the slowest rate at which bodies and answers are transferred.
        linger_s: seconds for a client to close after the last answer.
        new: most connections that have sent nothing.
        idle: most connections between two requests.
        heads: most unfinished heads.
        bodies: most unfinished bodies.
        sending: most answers that clients are slow to take.
        lingering: most connections that clients are slow to close.
        head_bytes: the longest head.
        body_bytes: the longest body.
        large_bytes: bodies from this size on are served one at a time, because decoding takes many times their size.
        unfinished_bytes: most bytes of all unfinished bodies together, and of all that wait for their turn.
        turn_bytes: how much of a streamed answer is produced before others have their turn.
    """

    new_s: float = 10.0
    idle_s: float = 75.0
    head_s: float = 10.0
    transfer_s: float = 30.0
    transfer_bytes_per_s: float = 64 * KIB
    linger_s: float = 2.0
    new: int = 200
    idle: int = 300
    heads: int = 100
    bodies: int = 50
    sending: int = 50
    lingering: int = 100
    head_bytes: int = 64 * KIB
    body_bytes: int = MAX_BODY_BYTES
    large_bytes: int = MIB
    unfinished_bytes: int = 64 * MIB
    turn_bytes: int = 64 * KIB

    def most(self, state: State) -> int:
        """Return how many connections may wait in `state`."""
        return {
            State.NEW: self.new,
            State.IDLE: self.idle,
            State.HEAD: self.heads,
            State.BODY: self.bodies,
            State.READY: self.idle,
            State.SENDING: self.sending,
            State.LINGERING: self.lingering,
        }[state]

    def seconds(self, state: State, transferred_bytes: int = 0) -> float:
        """Return how long a connection may stay in `state`.

        Args:
            state: not CLOSED.
            transferred_bytes: how much of the body or the answer was transferred.
        """
        if state in {State.BODY, State.SENDING}:
            return self.transfer_s + transferred_bytes / self.transfer_bytes_per_s
        return {
            State.NEW: self.new_s,
            State.IDLE: self.idle_s,
            State.HEAD: self.head_s,
            State.READY: self.idle_s,
            State.LINGERING: self.linger_s,
        }[state]
