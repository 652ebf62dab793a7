"""PeteRental: viewings booked by phone, managed in a browser, deployed without downtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from peterental.config import Config

__all__ = ["create_app"]


def create_app(config: Config, *, pages: bool = True) -> Flask:
    """Build the application for `config`; see `peterental.app`.

    The module is imported on the first call, so that scripts that only migrate do not load the pages.
    """
    from peterental import app  # noqa: PLC0415  # see above

    return app.create_app(config, pages=pages)
