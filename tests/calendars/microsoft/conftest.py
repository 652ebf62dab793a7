"""Fixtures of the tests of Microsoft's calendars."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calendars.microsoft.fake import FakeGraph


@pytest.fixture
def fake() -> Iterator[FakeGraph]:
    """A stand-in for Graph. At the end, nothing that was sent or answered may have broken the contract."""
    with FakeGraph(clock_s=1_796_000_000) as fake:
        yield fake
        assert fake.problems == []
