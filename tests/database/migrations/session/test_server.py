"""Direct connections: versions, reasons and what cancelled a statement."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from peterental.database.migrations.errors import ServerTooOld, ServerUnavailable
from peterental.database.migrations.session.server import (
    cancelled_by,
    connect,
    is_connection_lost,
    place_of_session,
    reason_of,
    version_of,
)
from peterental.database.migrations.settings import EngineSettings
from tests.proxy import Proxy


@pytest.fixture
def proxy(empty_database_url: str) -> Iterator[Proxy]:
    with Proxy(empty_database_url) as proxy:
        yield proxy


def test_server_below_14_is_refused(proxy: Proxy, empty_database_url: str) -> None:
    with connect(empty_database_url, purpose="test") as connection:
        version = version_of(connection)
    proxy.rewrite = (f"server_version\0{version}".encode(), f"server_version\0{'13' + version[2:]}".encode())
    with pytest.raises(ServerTooOld, match=r"PostgreSQL 13.* is too old: PeteRental needs 14 or newer"):
        connect(proxy.url, purpose="test")


def test_wrong_password_is_reported_in_one_line(server_url: str) -> None:
    with pytest.raises(ServerUnavailable, match="The database does not answer") as caught:
        connect(server_url.replace("@", "x@", 1), purpose="test")
    assert "\n" not in str(caught.value)


def test_connection_uses_the_host_settings(empty_database_url: str) -> None:
    settings = EngineSettings(application_name="letting", keepalive_idle_s=7)
    with connect(empty_database_url, settings, purpose="check") as connection:
        row = connection.execute("SELECT current_setting('application_name') AS name").fetchone()
        assert row == {"name": "letting check"}
        assert connection.info.get_parameters()["keepalives_idle"] == "7"


def test_error_without_text_is_named_by_its_class() -> None:
    assert reason_of(psycopg.OperationalError()) == "OperationalError"


def test_libpq_errors_mean_a_lost_connection() -> None:
    assert is_connection_lost(psycopg.OperationalError("server closed the connection"))
    assert not is_connection_lost(psycopg.InterfaceError("the cursor is closed"))


def test_foreign_language_hides_who_cancelled() -> None:
    assert cancelled_by(psycopg.errors.QueryCanceled("storniere Anfrage")) == "statement_timeout or another session"


def test_place_of_a_closed_connection_is_unknown(empty_database_url: str) -> None:
    with connect(empty_database_url, purpose="test") as connection:
        assert place_of_session(connection).startswith("peterental_test_")
    assert place_of_session(connection) == "unknown"
