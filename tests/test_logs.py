"""Log lines: text from outside forges no line and steers no terminal, in both formats."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from peterental.config import Config, LogFormat
from peterental.logs import JsonFormatter, LineHandler, TextFormatter, logging_config
from tests.gunicorn import running_gunicorn
from tests.servers import HANG_S

FORGED = "2026-11-29 12:00:00.000Z ERROR forged"
HOSTILE = f"a\r\n{FORGED}\t\x1b[2J\x00\x7f\x85\x9b\u2028\u2029\u202e\u2066\u200f\u200b\ufeff\ud800\U000e0041z"
"""Line breaks, terminal escapes, line separators, bidirectional overrides, zero width, a lone surrogate, a tag."""


class Untidy:
    """An object whose texts are hostile."""

    def __str__(self) -> str:
        return HOSTILE

    def __repr__(self) -> str:
        return HOSTILE


def a_record(message: object, *args: object, **more: Any) -> logging.LogRecord:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, message, args, more.pop("exc_info", None))
    record.__dict__.update(more)
    return record


def raised(error: Exception) -> Any:
    return type(error), error, None


def as_text(record: logging.LogRecord) -> str:
    return TextFormatter("%(asctime)s %(levelname)s %(message)s").format(record)


RECORDS = {
    "argument": a_record("%s said", HOSTILE),
    "repr": a_record("%r said", HOSTILE),
    "object": a_record("%s and %r", Untidy(), Untidy()),
    "exception as argument": a_record("failed: %s", ValueError(HOSTILE)),
    "mapping": a_record("%(path)s %(status)d", {"path": HOSTILE, "status": 200}),
    "message": a_record(HOSTILE),
    "template": a_record(f"{HOSTILE} %s", 1),
    "call id": a_record("answered", call_id=HOSTILE),
    "traceback": a_record("failed", exc_info=raised(ValueError(HOSTILE))),
    "cached traceback": a_record("failed", exc_text=f"Traceback\n{HOSTILE}"),
    "stack": a_record("failed", stack_info=HOSTILE),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_text_has_no_control_characters(record: logging.LogRecord) -> None:
    text = as_text(record)
    assert "forged" in text
    for line in text.split("\n"):
        assert line.isprintable()
        assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert text.encode()


@pytest.mark.parametrize("name", [name for name in RECORDS if name != "template"])
def test_foreign_text_begins_no_line(name: str) -> None:
    lines = as_text(RECORDS[name]).split("\n")
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.parametrize("name", ["argument", "repr", "mapping", "call id"])
def test_line_breaks_in_values_are_escaped(name: str) -> None:
    assert "\n" not in as_text(RECORDS[name])


def test_times_are_in_utc() -> None:
    assert as_text(a_record("x", created=0.5)) == "1970-01-01 00:00:00.500Z ERROR x"


def test_our_own_lines_stay_as_they_are() -> None:
    assert as_text(a_record("Try:\n\n%s\n", "curl -s x")).endswith(" ERROR Try:\n\ncurl -s x\n")
    failed = a_record("❌ %s", ValueError("line 1\n  ^ here"))
    assert as_text(failed).endswith(" ERROR ❌ line 1\n      ^ here")
    lines = as_text(a_record("failed", exc_info=raised(ValueError("no")))).split("\n")
    assert lines[1:] == ["    ValueError: no"]


def test_numbers_and_the_call_id_are_formatted() -> None:
    assert as_text(a_record("%s took %.1f of %d ms", "x", 1.25, 3, call_id="c1")).endswith(
        "x took 1.2 of 3 ms [call c1]"
    )
    assert TextFormatter("%(message)s").format(a_record("é ✅ 漢字 👍")) == "é ✅ 漢字 👍"


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_json_is_one_printable_line(record: logging.LogRecord) -> None:
    line = JsonFormatter().format(record)
    assert line.isprintable()
    assert json.loads(line)["level"] == "ERROR"


def test_json_keeps_the_text() -> None:
    document = json.loads(JsonFormatter().format(a_record("%s", HOSTILE, call_id=HOSTILE)))
    assert document["message"] == document["call_id"] == HOSTILE
    assert "é ✅" in JsonFormatter().format(a_record("é ✅"))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_every_handler_uses_our_formatters(log_format: LogFormat) -> None:
    config = logging_config(Config(log_format=log_format))
    assert {handler["formatter"] for handler in config["handlers"].values()} == {log_format}
    assert {name for name, logger in config["loggers"].items() if logger.get("handlers")} == set()


def exchange(port: int, request: bytes) -> bytes:
    """Send raw bytes and return the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_S) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_access_log_shows_the_client(tmp_path: Path, database_url: str) -> None:
    log = tmp_path / "gunicorn.log"
    forwarded = b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nSCRIPT_NAME: /evil\r\n"
    with running_gunicorn({"DATABASE_URL": database_url, "TRUSTED_PROXIES": "1"}, log) as gunicorn:
        answer = exchange(gunicorn.port, b"GET /agents HTTP/1.0\r\n" + forwarded + b"\r\n")
    assert b"\nlocation: /login?next=/agents\r\n" in answer.lower()
    output = log.read_text(encoding="utf-8")
    assert re.search(r'^[-\d]+ [:.\d]+Z INFO 203\.0\.113\.7 "GET /agents" 303 ', output, re.MULTILINE)
    assert "Client addresses are taken from X-Forwarded-For of: 1 proxy" in output


def test_gunicorn_logs_escape_requests(tmp_path: Path, database_url: str) -> None:
    log = tmp_path / "gunicorn.log"
    with running_gunicorn({"DATABASE_URL": database_url}, log) as gunicorn:
        for path in ("/%0A2026-11-29%2012:00:00.000Z%20ERROR%20forged", "/%1b%5b2J%9b%e2%80%ae", "/%0d%00"):
            assert b" 404 " in exchange(gunicorn.port, f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert b" 400 " in exchange(gunicorn.port, b"GET / HTTP/1.1\r\nX: a\x1b[2J\x85\r\nBad\x07Name: x\r\n\r\n")
    output = log.read_bytes().decode()
    assert r'"GET /\n2026-11-29 12:00:00.000Z ERROR forged" 404' in output
    assert r'"GET /\x1b[2J\x9b' in output
    assert all(line.isprintable() for line in output.split("\n"))
    assert f"\n{FORGED}" not in output


def test_threads_do_not_mix_their_lines() -> None:
    threads, lines = 8, 100
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as stream:
        handler = LineHandler(stream)
        assert handler.lock is None

        def write(number: int) -> None:
            for line in range(lines):
                handler.handle(a_record("%d %d %s", number, line, "x" * 50))

        writers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        for writer in writers:
            writer.start()
        found = [reader.readline() for _ in range(threads * lines)]
        for writer in writers:
            writer.join()
    expected = {f"{number} {line} {'x' * 50}\n" for number in range(threads) for line in range(lines)}
    assert set(found) == expected


def test_a_line_is_written_completely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        LineHandler(stream).handle(a_record("a lone surrogate \ud800 and more"))
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a lone surrogate \\ud800 and more\n"


def test_a_line_that_cannot_be_written_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        LineHandler(stream).handle(a_record("%d", "no number"))
    assert "--- Logging error ---" in capsys.readouterr().err
    assert (tmp_path / "log").read_text(encoding="utf-8") == ""


def test_endless_recursion_is_not_swallowed(tmp_path: Path) -> None:
    class Endless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return self.format(record)

    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        handler = LineHandler(stream)
        handler.setFormatter(Endless())
        with pytest.raises(RecursionError):
            handler.handle(a_record("x"))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secret_address_of_a_feed_is_cut_short(log_format: str) -> None:
    formatter: logging.Formatter = TextFormatter("%(message)s") if log_format == "text" else JsonFormatter()
    record = logging.makeLogRecord(
        {"msg": '"%(m)s %(U)s" 200', "args": {"m": "GET", "U": f"/feeds/{'aB3_' * 10}-9x.ics"}}
    )
    assert "/feeds/aB3_…" in formatter.format(record)
    assert "aB3_aB3_" not in formatter.format(record)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("", "/move"), ("", "/viewing.ics"), ("offer/", "")])
def test_link_of_a_visitor_is_cut_short(log_format: str, before: str, after: str) -> None:
    formatter: logging.Formatter = TextFormatter("%(message)s") if log_format == "text" else JsonFormatter()
    token = "AAAACTeAoOb77nMCdQ"
    record = logging.makeLogRecord({"msg": "%(m)s %(U)s", "args": {"m": "GET", "U": f"/v/{before}{token}{after}"}})
    assert f"GET /v/{before}AAAA…{after}" in formatter.format(record)
    assert token[4:] not in formatter.format(record)
