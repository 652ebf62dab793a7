"""Real servers for the whole run, a fresh calendar for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calendars.caldav.server_programs import RealCalendar, Server, running


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Radicale, for the whole run."""
    with running("radicale", tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Xandikos, for the whole run."""
    with running("xandikos", tmp_path_factory.mktemp("xandikos")) as server:
        yield server


@pytest.fixture(params=["radicale", "xandikos"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two servers."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def calendar(server: Server) -> RealCalendar:
    """A fresh calendar on each of the two servers."""
    return server.new_calendar()
