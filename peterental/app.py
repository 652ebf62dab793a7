"""Assembles the application from its parts; decides nothing."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from peterental import admin, cli, health
from peterental.agents import pages as agent_pages
from peterental.appointments import pages as appointment_pages
from peterental.config import Config
from peterental.database import database_for
from peterental.database.migrations.status import SchemaGate
from peterental.services import EXTENSION, build_services
from peterental.users import pages as user_pages
from peterental.voice import webhook

MAX_BODY_BYTES = 5 * 1024 * 1024
"""What Vapi's longest histories stay well below."""


def create_app(config: Config) -> Flask:
    """Make the application that `config` describes. Nothing connects before the first request or command.

    Raises SecretKeyError when a development key is needed and cannot be kept.
    """
    app = Flask("peterental", instance_path=str(config.instance_dir))
    app.secret_key = config.session_key()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    database = database_for(config)
    services = build_services(database)
    app.extensions[EXTENSION] = services
    app.extensions["peterental.config"] = config
    app.extensions["peterental.database"] = database
    app.extensions["peterental.gate"] = gate = SchemaGate(database, config.migrations_dir)

    app.register_blueprint(health.create_blueprint(gate))
    app.register_blueprint(webhook.create_blueprint(services, config))
    admin.install(app, config)
    for pages in (agent_pages, appointment_pages, user_pages):
        app.register_blueprint(pages.create_blueprint())
    cli.install(app)
    if config.is_production:
        # The host's balancer is the one proxy in front of us; callers cannot add hops of their own to what it says.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # Flask's documented way
    return app
