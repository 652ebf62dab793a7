"""Assembles the application from its parts; decides nothing."""

from __future__ import annotations

from flask import Flask

from peterental.cli.database import COMMANDS
from peterental.config import Config
from peterental.database import database_for


def create_app(config: Config, *, pages: bool = True) -> Flask:
    """Make the application that `config` describes. Nothing connects before the first request or command.

    Args:
        config: the settings.
        pages: False leaves out all that is reached over HTTP, and is several times as fast: for `flask db-…`.

    Raises SecretKeyError when a development key is needed and cannot be kept.
    """
    app = Flask("peterental", instance_path=str(config.instance_dir), static_folder=None)  # assets have their own way
    app.extensions["peterental.config"] = config
    app.extensions["peterental.database"] = database_for(config)
    for command in COMMANDS:
        app.cli.add_command(command)
    if pages:
        from peterental.web import install  # noqa: PLC0415  # see above

        install.install(app, config)
    return app
