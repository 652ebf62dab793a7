"""The application factory: assembles the parts and contains no other logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from peterental.cli import database, database_import
from peterental.config import EXTENSION, Config
from peterental.database import database_for


class SynchronousFlask(Flask):
    """A Flask whose views and hooks are all plain functions: they are not inspected eight times a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none is a coroutine."""
        return func


def create_app(config: Config, *, pages: bool = True) -> Flask:
    """Build the application for `config`. Nothing connects before the first request or command.

    Args:
        config: the settings.
        pages: False leaves out everything served over HTTP and is several times faster; `flask db-…` uses it.

    Raises SecretKeyError when a development key is needed but cannot be stored.
    """
    app = SynchronousFlask(
        "peterental", instance_path=str(config.instance_dir), static_folder=None
    )  # the shell serves the assets
    app.extensions[EXTENSION] = config
    app.extensions["peterental.database"] = database_for(config)
    for command in (*database.COMMANDS, *database_import.COMMANDS):
        app.cli.add_command(command)
    if pages:
        from peterental.web import install  # noqa: PLC0415  # see above

        install.install(app, config)
    return app
