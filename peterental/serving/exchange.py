"""One request and its answer: the application is run, and paused while the client takes no more of a long answer."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

from gunicorn.http import wsgi

from peterental.serving.output import ClientGone, ErrorOutput, Output
from peterental.serving.reader import Received


class Host(Protocol):
    """What an exchange needs of the worker, which is gunicorn's."""

    cfg: Any
    log: Any

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Run the application."""
        ...

    def count_request(self) -> None:
        """Count a request that begins."""
        ...

    def keeps_connections(self) -> bool:
        """Return whether connections stay open after an answer; not while the worker stops."""
        ...

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Log an error and write the answer to it."""
        ...


class Exchange:
    """Runs the application for one request.

    A paused answer is continued by another thread, in the same context, so context variables stay what they were.

    Args:
        host: the worker.
        received: the request.
        output: takes the answer.
        peer: the client's address.
        server: our address.
        turn_bytes: how much of a streamed answer is produced in one turn.
    """

    def __init__(
        self, host: Host, received: Received, output: Output, *, peer: Any, server: Any, turn_bytes: int
    ) -> None:
        self._host = host
        self._received: Received | None = received
        self._request = received.request
        self._output = output
        self._peer = peer
        self._server = server
        self._turn_bytes = turn_bytes
        self._context = contextvars.copy_context()
        self._environ: dict[str, Any] = {}
        self._response: Any = None
        self._began = datetime.now()  # noqa: DTZ005  # gunicorn's access log subtracts local times
        self._result: Iterable[bytes] = ()
        self._items: Iterator[bytes] | None = None
        self.is_finished = False
        self.must_close = False

    def run(self) -> None:
        """Continue for one turn, or until the answer is complete or the client takes no more of it. Never raises."""
        self._context.run(self._run)

    def abandon(self) -> None:
        """End an answer that the client will not take."""
        if not self.is_finished:
            self._context.run(self._finish)

    def _run(self) -> None:
        try:
            if self._items is None:
                self._items = iter(self._start())
            if not self._produce(self._items):
                return
            self._response.close()
            self._output.flush()
        except ClientGone:
            self.must_close = True
        except (Exception, SystemExit) as error:  # noqa: BLE001  # an application may raise anything
            self._fail(error)
        self._finish()

    def _start(self) -> Iterable[bytes]:
        received, self._received = self._received, None
        assert received is not None  # noqa: S101  # it runs once
        cfg = self._host.cfg
        cfg.pre_request(self._host, self._request)
        self._response, self._environ = wsgi.create(self._request, self._output, self._peer, self._server, cfg)
        self._environ["wsgi.multithread"] = True
        self._environ["wsgi.input"] = received.body
        self._host.count_request()
        if received.is_body_refused:
            self._response.force_close()
        self._result = self._host.wsgi(self._environ, self._response.start_response)
        if not self._host.keeps_connections():  # now, for the worker may have been stopped since the request began
            self._response.force_close()
        return self._result

    def _produce(self, items: Iterator[bytes]) -> bool:
        """Send item by item; return whether that was all.

        False means that the client takes no more for now, or that it is time for others: a long answer takes many
        turns, so that a call does not wait for the whole of it.
        """
        begun = self._output.sent_bytes + self._output.waiting_bytes
        for item in items:
            self._response.write(item)
            produced = self._output.sent_bytes + self._output.waiting_bytes - begun
            if not self._output.flush() or produced >= self._turn_bytes:
                return False
        return True

    def _fail(self, error: BaseException) -> None:
        self.must_close = True
        if self._response is not None and self._response.headers_sent:
            self._host.log.error("Error handling request", exc_info=error)
        else:
            self._response = None  # it logs the error's answer
            self._host.handle_error(self._request, ErrorOutput(self._output), self._peer, error)

    def _finish(self) -> None:
        """Log the request, and release what belongs to it."""
        self.is_finished = True
        host, response = self._host, self._response
        try:
            if response is not None and response.status is not None:
                self.must_close |= response.should_close()
                host.log.access(response, self._request, self._environ, datetime.now() - self._began)  # noqa: DTZ005  # as above
            if hasattr(self._result, "close"):
                self._result.close()
        except Exception:
            self.must_close = True
            host.log.exception("Error after the answer")
        try:
            host.cfg.post_request(host, self._request, self._environ, response)
        except Exception:
            host.log.exception("Exception in post_request hook")
