"""Viewings by the API: list, book, move, cancel, mark."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Tool


def test_book_and_get(anas: Tool, booking: dict[str, Any]) -> None:
    booked = anas.post("/viewings", booking)
    assert booked.status_code == 201, booked.text
    got = anas.get(booked.headers["Location"].removeprefix("/api/v1"))
    assert got.status_code == 200
