"""An office with an account at the loopback Vapi, and agents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from peterental.access import Viewer
from peterental.agents.model import Agent, Profile
from peterental.config import Config
from peterental.database.pool import Database
from peterental.line.composition import LineServices, build_line
from peterental.line.model import LineChoice, LineState
from peterental.services import Services, build_services
from tests.line.vapi_server import KEY, PUBLIC_URL, SECRET, VapiServer

SESSION_WORDS = "a key for tests, long enough to be one"
OFFICE = Viewer(user_id=0, email="office@example.com", is_admin=True)
ANA = "ana-lima"
NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
"""Nine in the morning in Chicago, a Monday."""


def config_of(vapi: VapiServer, **changes: Any) -> Config:
    """Return settings that set lines up through a server."""
    settings = {
        "secret_key": SESSION_WORDS,
        "public_url": PUBLIC_URL,
        "vapi_webhook_secret": SECRET,
        "vapi_api_key": KEY,
        "vapi_url": vapi.url,
    }
    return Config(**(settings | changes))


@dataclass
class Office:
    """An office with one agent, Ana.

    Args:
        vapi: its account.
        line: the services of lines.
        services: of the application.
        database: where they store.
        config: the settings.
    """

    vapi: VapiServer
    line: LineServices
    services: Services
    database: Database
    config: Config

    @property
    def ana(self) -> Agent:
        """Ana as stored."""
        return self.services.agents.get(ANA, OFFICE)

    @property
    def state(self) -> LineState:
        """What is stored of Ana's line."""
        return self.line.drift.state(self.ana)

    def set_up(self, **choice: Any) -> None:
        """Choose for Ana, and write."""
        self.line.set_ups.choose(ANA, new_line(**choice), OFFICE)
        self.line.set_ups.resume(ANA, OFFICE)

    @property
    def assistant(self) -> dict[str, Any]:
        """Ana's assistant as Vapi has it."""
        return self.vapi.assistants[self.ana.vapi_assistant_id or ""]


def new_line(**choice: Any) -> LineChoice:
    """Return the choice of a new assistant, changed by arguments."""
    return LineChoice(**({"name": "Ana's assistant", "first_message": "Hello, how can I help?"} | choice))


@contextmanager
def open_office(database: Database, **settings: Any) -> Iterator[Office]:
    """Yield an office with its account."""
    with VapiServer() as vapi:
        config = config_of(vapi, **settings)
        services = build_services(database, lambda: NOW, config)
        services.agents.create(Profile(agent_name="Ana Lima", notice_minutes=0), OFFICE, ANA)
        yield Office(vapi, build_line(database, services, config, lambda: NOW), services, database, config)
