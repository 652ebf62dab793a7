"""Fixtures: the application on its own database, and a test browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from threading import get_ident
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.pq import PipelineStatus
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.app import create_app
from peterental.config import Config
from peterental.database.pool import Database
from peterental.database.statement import Statement
from peterental.services import Services, services_of
from peterental.today.repository import counts_sql
from peterental.users.model import Client, SignedIn
from peterental.users.setup_link import setup_token

KEY = "a session key for tests, long enough"
WORDS = "correct horse battery"

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
SEEN = re.compile(r'<input [^>]*name="seen"[^>]*value="([^"]*)"')


class Browser:
    """A test client that keeps cookies and sends forms with their CSRF token."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def get(self, path: str, *, follow: bool = False, environ: Mapping[str, str] | None = None) -> TestResponse:
        """Open a page; `environ` replaces variables of the WSGI environment."""
        return self._client.get(path, follow_redirects=follow, environ_overrides=environ)

    def post(
        self,
        path: str,
        fields: Mapping[str, str | list[str]] | None = None,
        *,
        follow: bool = False,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> TestResponse:
        """Send the given fields only, without adding a CSRF token."""
        return self._client.post(path, data={**(fields or {}), **more}, follow_redirects=follow, headers=headers)

    def send(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        at: str | None = None,
        follow: bool = False,
        **more: str,
    ) -> TestResponse:
        """Open the page at `at` or `path`, and send its form to `path` with these fields, and the version it shows."""
        page = self.get(at or path).text
        token = TOKEN.search(page)
        assert token, f"no form at {at or path}"
        sent = {"csrf_token": unescape(token.group(1))}
        seen = SEEN.search(page)
        if seen:
            sent["seen"] = unescape(seen.group(1))
        return self.post(path, {**sent, **(fields or {}), **more}, follow=follow)

    def token(self, path: str) -> str:
        """Return the CSRF token in the page at `path`."""
        found = TOKEN.search(self.get(path).text)
        assert found, f"no form at {path}"
        return unescape(found.group(1))

    def edit_session(self, edit: Callable[[Any], object]) -> None:
        """Let `edit` read or change the signed session cookie."""
        with self._client.session_transaction() as session:
            edit(session)

    def sign_in(self, email: str) -> None:
        """Sign in at the sign-in page, with the password of every test user."""
        assert self.send("/login", email=email, password=WORDS).status_code == 303

    def start_session(self, email: str) -> None:
        """Get the session that signing in gives, without the two requests for it."""
        services = services_of(self._client.application)
        signed_in = services.users.sign_in(email, WORDS)
        assert isinstance(signed_in, SignedIn)
        token = services.sessions.start(signed_in, Client(address="127.0.0.1", browser="Unknown browser"))
        with self._client.session_transaction() as session:
            session["token"] = token
            session.permanent = True


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    """A development configuration with this test's database."""
    return Config(database_url=database_url, secret_key=KEY, instance_dir=tmp_path)


@pytest.fixture
def make_app() -> Iterator[Callable[[Config], Flask]]:
    """A function that creates an application and closes it after the test."""
    apps: list[Flask] = []

    def make(config: Config) -> Flask:
        app = create_app(config)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.extensions["peterental.database"].close()


@pytest.fixture
def app(make_app: Callable[[Config], Flask], config: Config) -> Flask:
    """The application."""
    return make_app(config)


@pytest.fixture
def services(app: Flask) -> Services:
    """The application's services."""
    return services_of(app)


@pytest.fixture
def browse() -> Callable[[Flask], Browser]:
    """A function that opens a browser on another application."""
    return Browser


@pytest.fixture
def open_browser(app: Flask) -> Callable[[], Browser]:
    """A function that opens another browser with its own cookies."""
    return lambda: Browser(app)


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """A browser without a session."""
    return Browser(app)


@pytest.fixture
def admin(services: Services) -> Viewer:
    """The office manager."""
    return services.users.create("office@example.com", WORDS, "admin", "Olga Office")


@pytest.fixture
def ana(services: Services) -> Viewer:
    """A user who sees only her own agents."""
    return services.users.create("ana@example.com", WORDS, "agent", "Ana Lima")


@pytest.fixture
def office(stranger: Browser, admin: Viewer) -> Browser:
    """A browser in which the office manager is signed in."""
    stranger.start_session(admin.email)
    return stranger


@pytest.fixture
def anas(open_browser: Callable[[], Browser], ana: Viewer) -> Browser:
    """A browser in which Ana is signed in."""
    browser = open_browser()
    browser.start_session(ana.email)
    return browser


@pytest.fixture
def set_up_path() -> str:
    """The path of the set-up link."""
    return f"/setup?token={setup_token(KEY)}"


@pytest.fixture
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, Ben in Lisbon."""
    services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon"), admin)


@pytest.fixture
def book(database: Database) -> Callable[..., int]:
    """A function that inserts a viewing."""

    def book(agent_id: str, start: datetime, **others: Any) -> int:
        values = {
            "property_address": "12 Elm Street",
            "attendee_name": "Max Muster",
            "status": "confirmed",
            "end_time": start + timedelta(minutes=30),
            **others,
        }
        columns = ["agent_id", "start_time", *values]
        marks = ", ".join(["%s"] * len(columns))
        rows = database.fetch(
            f"INSERT INTO appointments ({', '.join(columns)}) VALUES ({marks}) RETURNING id",
            [agent_id, start, *values.values()],
        )
        return int(rows[0]["id"])

    return book


class ThreadLog(list[str]):
    """A log of this thread only.

    The retry queue of another test's application may still be running.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def record(self, entry: str) -> None:
        if get_ident() == self._thread:
            self.append(entry)


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every fetch and transaction of this test's thread, from now on, but the count of the navigation on every page."""
    seen = ThreadLog()
    of_navigation = {counts_sql(is_limited=is_limited) for is_limited in (False, True)}
    fetch, transaction, execute = Database.fetch, Database.transaction, Statement.execute

    def counted_fetch(self: Database, query: str, params: Any = None, **how: Any) -> Any:
        if query not in of_navigation:
            seen.record(query)
        return fetch(self, query, params, **how)

    def counted_transaction(self: Database) -> Any:
        seen.record("BEGIN")
        return transaction(self)

    def counted_execute(self: Statement, connection: Any, values: Any) -> Any:
        if connection.pgconn.pipeline_status == PipelineStatus.OFF:  # transactions are pipelined, and counted already
            seen.record(self.sql.decode())
        return execute(self, connection, values)

    monkeypatch.setattr(Database, "fetch", counted_fetch)
    monkeypatch.setattr(Database, "transaction", counted_transaction)
    monkeypatch.setattr(Statement, "execute", counted_execute)
    return seen


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of this thread except BEGIN, COMMIT, settings and the count of the navigation."""
    seen = ThreadLog()
    of_navigation = {counts_sql(is_limited=is_limited) for is_limited in (False, True)}
    execute = psycopg.Connection.execute

    def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if text not in {"BEGIN", "COMMIT", *of_navigation} and "set_config" not in text:
            seen.record(text)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    return seen
