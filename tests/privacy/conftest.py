"""Fixtures: the webhook with two agents that the tests of the voice have."""

from tests.voice.conftest import clock, phone, services

__all__ = ["clock", "phone", "services"]
