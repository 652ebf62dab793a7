"""Fixtures: the application with an account at the loopback Vapi."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from peterental.config import Config
from tests.line.vapi_server import KEY, PUBLIC_URL, SECRET, VapiServer


@pytest.fixture
def vapi() -> Iterator[VapiServer]:
    """The account."""
    with VapiServer() as vapi:
        yield vapi


@pytest.fixture
def config(config: Config, vapi: VapiServer) -> Config:
    """The configuration, with the key in the environment."""
    return replace(config, public_url=PUBLIC_URL, vapi_webhook_secret=SECRET, vapi_api_key=KEY, vapi_url=vapi.url)
