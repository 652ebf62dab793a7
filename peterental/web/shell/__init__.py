"""The shell of the browser pages: layout, sign-in, the schema page."""

from __future__ import annotations

from peterental.users.setup_link import setup_link
from peterental.web.shell.install import install

__all__ = ["install", "setup_link"]
