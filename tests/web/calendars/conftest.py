"""Fixtures: Ana's agent, and providers that follow a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from peterental import services as composition
from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.calendars.account import Account
from peterental.calendars.credentials import Credentials
from peterental.calendars.model import BusyKind, BusyTime, CalendarKind, RemoteCalendar
from peterental.calendars.providers import TokensInMemory, Trial
from peterental.calendars.source import Tokens
from peterental.clock import utc_now
from peterental.config import Config
from peterental.services import Services
from tests.calendars.scripted import HOLIDAYS, WORK, ScriptedCalendar, ScriptedProviders

if TYPE_CHECKING:
    from peterental.agents.model import Agent

TEAM = RemoteCalendar(remote_id="team", name="Team <b>", is_writable=True)


def hours_of(number: int, kind: BusyKind = "busy") -> dict[str, tuple[BusyTime, ...]]:
    """Return so many busy hours, from this time tomorrow on."""
    start = utc_now() + timedelta(days=1)
    hours = [start + timedelta(hours=after) for after in range(number + 1)]
    return {
        f"event {begins}": (BusyTime(start=begins, end=ends, kind=kind, title="Dentist"),)
        for begins, ends in pairwise(hours)
    }


@dataclass
class Script(ScriptedCalendar):
    """The scripted calendar, and the login service in front of it.

    Args:
        signed_in: what was signed in with.
        exchanged: the codes, verifiers and redirect addresses that came back.
        refusal: raised in place of tokens.
    """

    found: list[RemoteCalendar] = field(default_factory=lambda: [WORK, TEAM, HOLIDAYS])
    busy: dict[str, dict[str, tuple[BusyTime, ...]]] = field(
        default_factory=lambda: {"work": hours_of(2), "team": hours_of(2), "holidays": hours_of(2)}
    )
    signed_in: list[Credentials] = field(default_factory=list)
    exchanged: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: Exception | None = None


@pytest.fixture
def config(config: Config) -> Config:
    """The configuration, with both providers registered."""
    name = "registered"
    return replace(
        config,
        google_client_id=name,
        google_client_secret=name,
        microsoft_client_id=name,
        microsoft_client_secret=name,
    )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the providers answer from now on. Ask for it before the application."""
    script = Script()

    class Scripted(ScriptedProviders):
        remote = script

        @contextmanager
        def try_out(
            self, kind: CalendarKind, agent: Agent, credentials: Credentials, timeout_s: float
        ) -> Iterator[Trial]:
            del kind, agent, timeout_s
            script.signed_in.append(credentials)
            yield Trial(script, TokensInMemory(credentials))

        def exchange_code(
            self, kind: CalendarKind, *, code: str, verifier: str, redirect_uri: str, timeout_s: float
        ) -> Tokens:
            del kind, timeout_s
            script.exchanged.append((code, verifier, redirect_uri))
            if script.refusal is not None:
                raise script.refusal
            return Tokens("access", "refresh", 1e12)

    monkeypatch.setattr(composition, "Providers", Scripted)
    return script


@pytest.fixture
def agent(script: Script, services: Services, admin: Viewer, ana: Viewer) -> str:
    """Ana's agent in Chicago, with the providers of the script."""
    del script
    profile = Profile(agent_name="Nora <b>", user_id=ana.user_id, calendar_user_id="nora@soonerleasing.example")
    services.agents.create(profile, admin, agent_id="nora")
    services.agents.create(Profile(agent_name="Ben"), admin, agent_id="ben")
    return "nora"


@pytest.fixture
def connect(agent: str, services: Services, ana: Viewer) -> Callable[..., Account]:
    """A function that connects a CalDAV account to Ana's agent."""

    def connect(name: str = "nora@example.com") -> Account:
        return services.calendars.connect_caldav(agent, "caldav.example.com", name, "app password", ana).account

    return connect


@pytest.fixture
def noon() -> datetime:
    """Tomorrow at noon UTC."""
    return (utc_now() + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
