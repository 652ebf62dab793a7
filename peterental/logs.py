"""Logging: one line per event, as text for people or as JSON for machines, with the phone call it belongs to.

Whoever logs about a call passes `extra={"call_id": …}`.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from peterental.config import Config


class TextFormatter(logging.Formatter):
    """Time, level, message; the call id where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as text."""
        text = super().format(record)
        call = getattr(record, "call_id", None)
        return f"{text} [call {call}]" if call else text


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as one line of JSON."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        call = getattr(record, "call_id", None)
        if call:
            document["call_id"] = call
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def logging_config(config: Config) -> dict[str, Any]:
    """Give the `logging.config.dictConfig` for gunicorn and everything in it.

    Access lines and ours go to stdout, trouble of the server too: a host such as Render collects one stream.
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
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": config.log_format,
            }
        },
        "root": {"level": config.log_level, "handlers": ["stdout"]},
        "loggers": {
            **{name: {"level": config.log_level, "handlers": [], "propagate": True} for name in loggers},
            # The pool tells of every failed attempt to connect; whoever waited for one tells it better.
            "psycopg": {"level": "ERROR"},
        },
    }
