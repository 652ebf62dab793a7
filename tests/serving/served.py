"""A small application under gunicorn with our worker, and its settings: `gunicorn -c tests/serving/served.py`."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from peterental.serving.limits import Limits
from peterental.serving.worker import EpollWorker

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = 2
keepalive = 75
preload_app = True
control_socket_disable = True
graceful_timeout = 60
worker_class = "tests.serving.served.PatientWorker"
wsgi_app = "tests.serving.served:application"

YEAR_S = 365 * 86_400.0


class PatientWorker(EpollWorker):
    """Waits for slow clients as long as a test takes on any machine."""

    limits = Limits(new_s=YEAR_S, idle_s=YEAR_S, head_s=YEAR_S, transfer_s=YEAR_S, linger_s=YEAR_S)


class HastyWorker(EpollWorker):
    """Waits for nothing."""

    limits = Limits(new_s=0, idle_s=0, head_s=0, transfer_s=0, linger_s=0)


class FaultyWorker(PatientWorker):
    """Fails at what the parser refuses."""

    def handle_error(self, *_: object) -> None:
        """Raise LookupError."""
        raise LookupError


class PoorWorker(PatientWorker):
    """Has few descriptors."""

    def run(self) -> None:
        """Serve with so many descriptors as are open, and ten."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 10,) * 2)
        super().run()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the process id; /hold waits for the file HOLD; /large is streamed; /fail raises."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise LookupError
    body = environ["wsgi.input"].read()
    if path == "/hold":
        Path(os.environ["HOLD"]).read_bytes()  # a named pipe: waits until the test writes
    if path == "/large":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 65_536 for _ in range(500))
    text = b"%d %d" % (os.getpid(), len(body))
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]
