"""The attacked server: gunicorn with two workers, on a database of its own."""

from __future__ import annotations

import re
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.lab_agents import register
from bench.chaos.postgres import LabPostgres
from bench.pages.office import create_users
from tests.gunicorn import Gunicorn, running_gunicorn
from tests.servers import free_port

WORKERS = 2
CSV_ROWS = 15_000

# A log line starts with the time, or continues the one before, indented. What starts otherwise came from a client.
_LINE = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|    ")
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
_SERVER_ERROR = re.compile(rb'" 500 ')
_KILLED = re.compile(rb"WORKER TIMEOUT|was sent SIG|Worker exiting", re.IGNORECASE)
_QUOTED_CHARS = 100

# Viewings in the past of an agent whom no measured caller calls, so that the export has some megabytes.
_HISTORY = """
    WITH past AS (
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, blocked_until, attendee_name,
                                  caller_number, vapi_call_id, vapi_tool_call_id, status)
        SELECT 'agent-0', n || ' Elm Street, Norman, OK', at, at + INTERVAL '30 minutes', at + INTERVAL '30 minutes',
               'Visitor ' || n, '+1555' || lpad(n::text, 7, '0'), 'past-' || n, 'tool', 'completed'
        FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * INTERVAL '1 hour') AS start (at)
        RETURNING id
    )
    INSERT INTO appointment_events (appointment_id, kind, actor) SELECT id, 'booked', 'phone' FROM past
"""


@dataclass(frozen=True)
class Target:
    """The running server.

    Args:
        gunicorn: its processes.
        postgres: its database.
        assistants: the assistants that the measured callers call.
        secret: of the webhook.
    """

    gunicorn: Gunicorn
    postgres: LabPostgres
    assistants: list[str]
    secret: str
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.gunicorn.port

    def memory_mb(self) -> dict[int, float]:
        """Return the resident memory of each running worker by its process id."""
        children = Path(f"/proc/{self.gunicorn.process.pid}/task/{self.gunicorn.process.pid}/children")
        found = {}
        for pid in map(int, children.read_text(encoding="ascii").split()):
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            size = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
            if size and b"gunicorn" in command:
                found[pid] = int(size.group(1)) / 1024
        return found

    def log_size(self) -> int:
        """Return the length of the log in bytes."""
        return self.log.stat().st_size

    def log_since(self, offset: int) -> bytes:
        """Return the log from a byte offset on."""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read()


def complaints_of(log: bytes) -> list[str]:
    """Return a sentence, with an example, for each kind of line that must not be logged."""
    lines = log.split(b"\n")
    kinds = {
        "a traceback in the log": [line for line in lines if line.lstrip().startswith(b"Traceback ")],
        "a 500 in the log": [line for line in lines if _SERVER_ERROR.search(line)],
        "a control character in the log": [line for line in lines if _CONTROL.search(line)],
        "a worker was stopped": [line for line in lines if _KILLED.search(line)],
    }
    if not kinds["a traceback in the log"]:
        kinds["a log line that does not start with the time"] = [
            line for line in lines if line and not _LINE.match(line)
        ]
    return [f"{len(found)} x {kind}: {found[0][:_QUOTED_CHARS]!r}" for kind, found in kinds.items() if found]


@contextmanager
def running_target(folder: Path) -> Iterator[Target]:
    """Run the server for the block.

    Args:
        folder: for its log.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    secret, port, log = secrets.token_hex(32), free_port(), folder / "gunicorn.log"
    with LabPostgres() as postgres:
        settings = {
            "PETERENTAL_ENV": "production",
            "DOTENV": "0",
            "SECRET_KEY": secrets.token_hex(32),
            "VAPI_WEBHOOK_SECRET": secret,
            "DATABASE_URL": postgres.url,
            "PORT": str(port),
            "WEB_CONCURRENCY": str(WORKERS),
            "TRUSTED_PROXIES": "1",  # so that each of many sign-ins comes from an address of its own
            # With PORT alone it would listen on every interface.
            "GUNICORN_CMD_ARGS": f"--graceful-timeout 3 --bind 127.0.0.1:{port}",
        }
        with running_gunicorn(settings, log) as gunicorn:
            assistants = register(postgres)
            with postgres.connect() as connection:
                connection.execute(_HISTORY, [CSV_ROWS])
                connection.execute("ANALYZE")
            create_users(postgres.url)
            yield Target(gunicorn, postgres, assistants[1:], secret, log)
