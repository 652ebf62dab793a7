"""Logging: one line per event, as text or JSON, with the id of the phone call that it belongs to.

Pass `extra={"call_id": …}` when logging about a call. Passwords of URLs are masked, whichever code logs them.

Text from outside cannot forge a line or steer a terminal, wherever it comes from: the formatters escape every character
that is not printable. A record begins at the first column; every further line of it that may contain foreign text is
indented.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from peterental.config import Config
from peterental.database_urls import mask_passwords

INDENT = "    "

_SECRET_PATHS = ("/feeds/", "/v/")
_SECRET = re.compile(r"(/feeds/|/v/(?:offer/)?)([A-Za-z0-9_-]{4})[A-Za-z0-9_%-]+")

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


class LineHandler(logging.Handler):
    """Writes each record with one system call, without a lock.

    `logging.StreamHandler` holds a lock while it writes, and a thread that writes gives up the interpreter: every other
    thread that logs then waits for the one that waits for the interpreter. The kernel does not mix what two calls
    write, unless a record is longer than a pipe takes at once and its reader is slow.

    Args:
        stream: a file; only its descriptor is used.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._fd = stream.fileno()

    def createLock(self) -> None:  # noqa: N802  # logging's name
        """Create no lock; `logging.NullHandler` does the same."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. Errors go to `handleError`, like those of every handler."""
        try:
            data = f"{self.format(record)}\n".encode(errors="backslashreplace")
            while data:
                data = data[os.write(self._fd, data) :]
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001  # as logging's own handlers do: a log line must not end a request
            self.handleError(record)


class TextFormatter(logging.Formatter):
    """Formats time in UTC, level, message, and the call id if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        record.message = _message(record)
        created = datetime.fromtimestamp(record.created, UTC)
        record.asctime = created.isoformat(" ", "milliseconds").replace("+00:00", "Z")
        text = self.formatMessage(record)
        call = getattr(record, "call_id", None)
        if call:
            text += f" [call {printable_line(str(call))}]"
        exception = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        stack = self.formatStack(record.stack_info) if record.stack_info else None
        return _masked("\n".join([text, *(INDENT + indented(part) for part in (exception, stack) if part)]))


class JsonFormatter(logging.Formatter):
    """Formats one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _masked(record.getMessage()),
        }
        call = getattr(record, "call_id", None)
        if call:
            document["call_id"] = call
        if record.exc_info:
            document["exception"] = _masked(self.formatException(record.exc_info))
        return _printable_json(json.dumps(document, ensure_ascii=False))


def _masked(text: str) -> str:
    """Return a text without passwords, and with the secret part of feed addresses and visitors' links cut short."""
    if any(path in text for path in _SECRET_PATHS):
        text = _SECRET.sub(r"\1\2…", text)
    return mask_passwords(text)


def printable_line(text: str) -> str:
    """Return a text with each character that is not printable as its escape, line breaks too.

    Those are control characters, line separators, bidirectional overrides, zero-width characters and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _ESCAPES.get(char) or _escape(char) for char in text)


def indented(text: str) -> str:
    """Return a text of several lines, each printable, and all but the first indented."""
    return text if text.isprintable() else f"\n{INDENT}".join(map(printable_line, text.split("\n")))


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  # the lengths of escapes


def _message(record: logging.LogRecord) -> str:
    """Return the message; only the line breaks of its format stay at the first column, for these are ours."""
    template, args = str(record.msg), record.args
    if not args:
        return indented(template)
    if isinstance(args, Mapping):
        text = template % _PrintableValues(args)
    else:
        text = template % tuple(map(_printable_argument, args))
    return text if text.isprintable() else "\n".join(map(printable_line, text.split("\n")))


def _printable_argument(value: object) -> object:
    """Return an argument for `%`; the message of an exception may have several lines."""
    if isinstance(value, str):
        return printable_line(value)
    return value if isinstance(value, (int, float)) else _PrintableObject(value)


class _PrintableObject:
    """Formats as another object does, in printable characters."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return indented(str(self._value))

    def __repr__(self) -> str:
        return indented(repr(self._value))


class _PrintableValues(Mapping[str, object]):
    """The values of another mapping for `%`; gunicorn's access log passes one."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> object:
        return _printable_argument(self._values[name])

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _printable_json(text: str) -> str:
    """Return JSON with each character that is not printable as its escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def logging_config(config: Config) -> dict[str, Any]:
    """Return the `logging.config.dictConfig` for gunicorn and the application.

    The application's, access and error logs all go to stdout: a host such as Render collects one stream.
    """
    text: dict[str, Any] = {
        "()": "peterental.logs.TextFormatter",
        "format": "%(asctime)s %(levelname)s %(message)s",
    }
    loggers = ("gunicorn.error", "gunicorn.access")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": text, "json": {"()": "peterental.logs.JsonFormatter"}},
        "handlers": {
            "stdout": {
                "class": "peterental.logs.LineHandler",
                "stream": "ext://sys.stdout",
                "formatter": config.log_format,
            }
        },
        "root": {"level": config.log_level, "handlers": ["stdout"]},
        "loggers": {
            **{name: {"level": config.log_level, "handlers": [], "propagate": True} for name in loggers},
            # The pool warns about every failed connection attempt; the requests that waited log the failure themselves.
            "psycopg": {"level": "ERROR"},
        },
    }
