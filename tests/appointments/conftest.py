"""What tests about viewings share."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def patient(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection on which a statement may take its time, as filling a table with tens of thousands of rows does."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
