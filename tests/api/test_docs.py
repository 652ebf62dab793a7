"""The curl lines of docs/api.md work, one after the other."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.serving import make_server

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.users.tokens.model import IssuedToken
from tests.api.conftest import next_monday
from tests.conftest import PROJECT_DIR

TEXT = (PROJECT_DIR / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of a running application."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_curl_lines_work(address: str, ana: Viewer, issue: Callable[..., IssuedToken], database: Database) -> None:
    script, start = "\n".join(BLOCKS), next_monday()
    values = {
        "URL": address,
        "TOKEN": issue(ana).secret,
        "START": start.isoformat(),
        "LATER": (start + timedelta(hours=1)).isoformat(),
    }
    for name, value in values.items():
        script, number = re.subn(rf"^{name}=.*$", f"{name}={value}", script, flags=re.MULTILINE)
        assert number == 1
    done = subprocess.run(
        ["bash", "-e"],
        input=script.replace("curl -s", "curl -sS --fail-with-body -w '\\n'"),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("curl:") == 0
    assert script.count("curl") == 9
    assert "HTTP/1.1 201 CREATED" in done.stdout
    assert "ETag: " in done.stdout
    rows = database.fetch("SELECT id, status, notes, attendee_phone FROM appointments ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        (1, "cancelled", "Key at the desk", "+14055550123"),
        (2, "confirmed", None, None),
    ]
