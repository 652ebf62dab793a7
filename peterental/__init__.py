"""PeteRental: viewings booked by phone, looked after in a browser, deployed while phones ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from peterental.config import Config

__all__ = ["create_app"]


def create_app(config: Config, *, pages: bool = True) -> Flask:
    """Make the application that `config` describes; see `peterental.app`.

    The application is loaded when it is asked for, so that scripts that only migrate do not pay for its pages.
    """
    from peterental import app  # noqa: PLC0415  # see above

    return app.create_app(config, pages=pages)
