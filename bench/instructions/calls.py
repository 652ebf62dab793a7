"""Call a view without a server around it: `python -m bench.instructions.calls VIEW CALLS`.

Everything is done in one thread, on the database of DATABASE_URL. The program ends without ado, so that its end is not
counted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

from bench.load.generator import requests
from bench.phone.stage import AGENTS, AVAILABILITY, BOOKING, SECRET, bookable_starts

VIEWS = {
    "bare view, one SELECT": ("bench.phone.bare", AVAILABILITY),
    "get_availability": ("wsgi", AVAILABILITY),
    "set_appointment": ("wsgi", BOOKING),
}
"""The views that are counted: the module of their application, and the body of a request."""

_PLAN = {"url": "http://127.0.0.1/vapi/webhook", "secret": SECRET, "agents": AGENTS, "first": 0}


def main(view: str, calls: int) -> None:
    """Call a view, and check its last answer."""
    os.environ["VAPI_WEBHOOK_SECRET"] = SECRET
    module, body = VIEWS[view]
    app = importlib.import_module(module).app
    answer = b""
    for request in islice(requests({**_PLAN, "body": body.decode(), "starts": bookable_starts()}), calls):
        answer = _answer(app, request.partition(b"\r\n\r\n")[2])
    if body is BOOKING and b"booked" not in answer:
        raise SystemExit(answer.decode())


def _answer(app: Any, body: bytes) -> bytes:
    """Return the body of a view's answer; raises SystemExit where it failed."""
    statuses: list[str] = []

    def start_response(status: str, headers: Iterable[tuple[str, str]], error: object = None) -> None:  # noqa: ARG001
        statuses.append(status)

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/vapi/webhook",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_VAPI_SECRET": SECRET,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    answer = b"".join(app(environ, start_response))
    if not statuses[0].startswith("200"):
        raise SystemExit(f"{statuses[0]}: {answer.decode(errors='replace')}")
    return answer


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)
