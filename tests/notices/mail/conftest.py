"""Fixtures: letters, and an authority whose certificates are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peterental.calendars.transport import tls_context
from peterental.notices.model import Invitation, Letter
from tests.calendars.http.test_tls import Authority

START = datetime(2026, 12, 3, 21, 30, tzinfo=UTC)


@pytest.fixture
def letter() -> Letter:
    """A short letter."""
    return Letter(
        channel="email",
        recipient="max@example.com",
        subject="Your viewing on Thursday",
        body="Hello Max,\n.\n..\nsee you at 12 Elm Street.",
        message_id="booked.7@rent.example.com",
        sender_name="Norman Homes",
    )


@pytest.fixture
def invitation() -> Invitation:
    """An invitation to a viewing."""
    return Invitation(
        uid="viewing-7@rent.example.com",
        sequence=2,
        method="REQUEST",
        start=START,
        end=START + timedelta(minutes=30),
        time_zone="America/Chicago",
        summary="Viewing: 12 Elm Street",
        location="12 Elm Street, Norman",
        description="Nora Castillo shows it.\nhttps://rent.example.com/v/abc",
        attendee_name="Max Muster",
    )


@pytest.fixture
def invited(letter: Letter, invitation: Invitation) -> Letter:
    """A letter with an invitation."""
    return replace(letter, invitation=invitation)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """An authority that this process trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    tls_context.cache_clear()
    yield made
    tls_context.cache_clear()
