"""Logging: one line per event, as text or JSON, with the id of the phone call that it belongs to.

Pass `extra={"call_id": …}` when logging about a call. Passwords of URLs are masked, whichever code logs them.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from peterental.config import Config
from peterental.database_urls import mask_passwords


class TextFormatter(logging.Formatter):
    """Formats time, level, message, and the call id if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text = mask_passwords(super().format(record))
        call = getattr(record, "call_id", None)
        return f"{text} [call {call}]" if call else text


class JsonFormatter(logging.Formatter):
    """Formats one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask_passwords(record.getMessage()),
        }
        call = getattr(record, "call_id", None)
        if call:
            document["call_id"] = call
        if record.exc_info:
            document["exception"] = mask_passwords(self.formatException(record.exc_info))
        return json.dumps(document, ensure_ascii=False)


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
                "class": "logging.StreamHandler",
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
