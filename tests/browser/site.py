"""A running PeteRental for browsers: gunicorn as in production, with the services beside it to look behind the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.users.model import PasswordGrant
from peterental.users.password_links import encode
from peterental.users.setup_link import setup_token
from tests.gunicorn import UNCOUNTED, Gunicorn, running_gunicorn

KEY = "a session key for tests, long enough"
WORDS = "correct horse battery"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
"""CSS pixels: a desk, and a phone in one hand."""

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """A running PeteRental."""

    gunicorn: Gunicorn
    database: Database
    services: Services

    @property
    def address(self) -> str:
        """Where its pages are."""
        return self.gunicorn.url

    @property
    def set_up_path(self) -> str:
        """Where the first user is made."""
        return f"/setup?token={setup_token(KEY)}"

    def join_path(self, grant: PasswordGrant) -> str:
        """Where somebody chooses a password."""
        return f"/join?token={encode(grant, KEY, utc_now())}"

    def say(self, assistant_id: str, call_id: str, tool: str, **arguments: object) -> str:
        """Have a caller's assistant use a tool; give the sentence the caller hears."""
        message: dict[str, Any] = {
            "type": "tool-calls",
            "call": {"id": call_id, "assistantId": assistant_id, "customer": {"number": "+13125550142"}},
            "toolCallList": [{"id": f"{call_id}-{tool}", "function": {"name": tool, "arguments": arguments}}],
        }
        status, answer = self.gunicorn.call(message)
        assert status == 200, answer
        return str(answer["results"][0]["result"])


@contextmanager
def running_site(database_url: str, log: Path, **settings: str) -> Iterator[Site]:
    """Run PeteRental on a database for the block, with two workers, on a port of its own."""
    database = Database(database_url)
    usual = {"DATABASE_URL": database_url, "SECRET_KEY": KEY, "WEB_CONCURRENCY": "2", "WEB_THREADS": "4"}
    try:
        with running_gunicorn({**usual, **UNCOUNTED, **settings}, log) as gunicorn:
            yield Site(gunicorn, database, build_services(database))
    finally:
        database.close()
