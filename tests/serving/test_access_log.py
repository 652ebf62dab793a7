"""The access log: gunicorn's values, without those that the format does not name."""

from __future__ import annotations

import runpy
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from peterental.serving.access_log import AccessLogger
from tests.gunicorn import PROJECT_DIR

ENVIRON = {
    "REMOTE_ADDR": "203.0.113.7",
    "REQUEST_METHOD": "POST",
    "PATH_INFO": '/vapi/"webhook"\n',
    "QUERY_STRING": "a=b",
    "RAW_URI": "/vapi/webhook?a=b",
    "SERVER_PROTOCOL": "HTTP/1.1",
}
REQUEST = SimpleNamespace(headers=[("HOST", "example.com")])


def our_format(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/x")
    monkeypatch.setenv("DOTENV", "0")
    return str(runpy.run_path(str(PROJECT_DIR / "gunicorn.conf.py"))["access_log_format"])


def line(kind: type[Logger], access_log_format: str, response: Any, caplog: pytest.LogCaptureFixture) -> str:
    cfg = Config()
    cfg.set("accesslog", "-")
    cfg.set("access_log_format", access_log_format)
    logger = kind(cfg)
    logger.access_log.handlers = [caplog.handler]
    caplog.clear()
    logger.access(response, REQUEST, ENVIRON, timedelta(seconds=1, milliseconds=234, microseconds=567))
    return str(caplog.messages[0])


@pytest.mark.parametrize(
    "response",
    [
        SimpleNamespace(status="200 OK", sent=164, headers=[("Content-Type", "text/html")]),
        SimpleNamespace(status=404, headers=[]),
    ],
    ids=["text", "number"],
)
def test_a_line_is_the_same_as_gunicorns(
    response: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    access_log_format = our_format(monkeypatch)
    ours = line(AccessLogger, access_log_format, response, caplog)
    assert ours == line(Logger, access_log_format, response, caplog)
    assert "1234 ms" in ours


def test_our_format_needs_no_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = Config()
    cfg.set("access_log_format", our_format(monkeypatch))
    found = AccessLogger(cfg).atoms(SimpleNamespace(status="200 OK", sent=1, headers=[]), REQUEST, ENVIRON, timedelta())
    assert set(found) == {"h", "m", "U", "s", "B", "M"}


@pytest.mark.parametrize("name", ["q", "{host}i", "{remote_addr}e"])
def test_another_format_is_gunicorns(name: str, caplog: pytest.LogCaptureFixture) -> None:
    response = SimpleNamespace(status="200 OK", sent=164, headers=[])
    access_log_format = f"%(h)s %({name})s"
    ours = line(AccessLogger, access_log_format, response, caplog)
    assert ours == line(Logger, access_log_format, response, caplog)
    assert not ours.endswith("-")
