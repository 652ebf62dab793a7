"""Fixtures: an office whose notices go to fake transports."""

from __future__ import annotations

from tests.notices.sending.conftest import office

__all__ = ["office"]
