"""The shell of the browser pages: layout, sign-in, the schema page."""

from __future__ import annotations

from peterental.admin.install import install
from peterental.admin.setup import setup_link

__all__ = ["install", "setup_link"]
