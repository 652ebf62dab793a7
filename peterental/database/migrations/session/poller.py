"""Polling the server over a second connection while the first one is busy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import psycopg

from peterental.database.migrations.errors import ServerUnavailable
from peterental.database.migrations.session.server import Connection, connect, reason_of
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

_log = logging.getLogger(__name__)


class SessionPoller:
    """Calls a function with a second connection at regular intervals, in a thread, for the block.

    It connects when the first poll is due, and again after an error. An error ends neither the polling nor the work
    that is observed: it is logged at debug level.

    Args:
        url: of the database.
        poll: what to call; it must not raise anything but psycopg.Error.
        purpose: the name of the thread, and the second part of what `pg_stat_activity` shows.
        interval_s: seconds between two polls.
        is_due: whether to poll now; always by default.
        settings: the host's.
    """

    def __init__(
        self,
        url: str,
        poll: Callable[[Connection], None],
        *,
        purpose: str,
        interval_s: float,
        is_due: Callable[[], bool] = lambda: True,
        settings: EngineSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._url = url
        self._poll = poll
        self._purpose = purpose
        self._interval_s = interval_s
        self._is_due = is_due
        self._settings = settings
        self._connection: Connection | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=purpose, daemon=True)

    def connect(self) -> Connection:
        """Return the connection, opened on the first call. Raises ServerUnavailable."""
        if self._connection is None:
            self._connection = connect(self._url, self._settings, purpose=self._purpose)
        return self._connection

    def __enter__(self) -> Self:
        """Start polling."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop polling."""
        self._ended.set()
        self._thread.join()
        self._close()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            if not self._is_due():
                continue
            try:
                self._poll(self.connect())
            except ServerUnavailable as error:
                _log.debug("%s cannot connect: %s", self._purpose, error)
            except psycopg.Error as error:
                _log.debug("%s failed: %s", self._purpose, reason_of(error))
                self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class PollingContext:
    """A block during which a poller runs; its subclasses decide what is polled.

    Args:
        poller: started when the block is entered, stopped when it is left.
    """

    def __init__(self, poller: SessionPoller) -> None:
        self._poller = poller

    def connect(self) -> None:
        """Connect now instead of at the first poll. Raises ServerUnavailable."""
        self._poller.connect()

    def __enter__(self) -> Self:
        """Start polling."""
        self._poller.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop polling."""
        self._poller.__exit__(kind, error, trace)
