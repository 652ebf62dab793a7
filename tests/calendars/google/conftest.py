"""A fake of Google with one account, whose requests and answers must be as Google describes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import DANA
from tests.calendars.google.store import FakeCalendar


@pytest.fixture
def google() -> Iterator[GoogleFake]:
    with GoogleFake() as fake:
        fake.add_account(DANA)
        yield fake
        assert fake.violations == []


@pytest.fixture
def calendar(google: GoogleFake) -> FakeCalendar:
    """Dana's primary calendar."""
    return google.calendars[DANA]
