"""A running PeteRental for browser tests, with its database and services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peterental.clock import utc_now
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.users.model import PasswordGrant
from peterental.users.password_links import encode
from peterental.users.setup_link import setup_token
from tests.gunicorn import UNCOUNTED, Gunicorn, running_gunicorn

KEY = "a session key for tests, long enough"
WORDS = "correct horse battery"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
"""Window sizes in CSS pixels: desktop and phone."""

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
        """The base URL."""
        return self.gunicorn.url

    @property
    def set_up_path(self) -> str:
        """The path of the set-up link."""
        return f"/setup?token={setup_token(KEY)}"

    def join_path(self, grant: PasswordGrant) -> str:
        """The path of a one-time link."""
        return f"/join?token={encode(grant, KEY, utc_now())}"

    def say(self, assistant_id: str, call_id: str, tool: str, **arguments: object) -> str:
        """Send a tool call to the webhook; return the sentence that the caller hears."""
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
    """Run PeteRental on a database during the block, with two workers on a free port."""
    database = Database(database_url)
    defaults = {"DATABASE_URL": database_url, "SECRET_KEY": KEY, "WEB_CONCURRENCY": "2", "WEB_THREADS": "4"}
    defaults |= {"GOOGLE_CLIENT_ID": "registered", "GOOGLE_CLIENT_SECRET": "registered"}
    try:
        with running_gunicorn({**defaults, **UNCOUNTED, **settings}, log, is_forked=True) as gunicorn:
            yield Site(gunicorn, database, build_services(database, config=Config(secret_key=KEY)))
    finally:
        database.close()
