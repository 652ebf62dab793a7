"""Register what serves HTTP: services, webhook, pages and health checks."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from peterental.cli import jobs, phone, users, voice
from peterental.config import Config
from peterental.database import engine_settings
from peterental.database.migrations.ledger.status import SchemaHealth
from peterental.services import EXTENSION, build_services
from peterental.voice import webhook
from peterental.web import health
from peterental.web.agents import pages as agent_pages
from peterental.web.appointments import pages as appointment_pages
from peterental.web.audit import pages as audit_pages
from peterental.web.calls import pages as call_pages
from peterental.web.jobs import pages as job_pages
from peterental.web.messages import pages as message_pages
from peterental.web.shell import install as shell
from peterental.web.tool_tester import pages as tool_tester_pages
from peterental.web.users import pages as user_pages

MAX_BODY_BYTES = 5 * 1024 * 1024
"""The longest call histories that Vapi sends are far smaller."""


def install(app: Flask, config: Config) -> None:
    """Add services, blueprints and commands to `app`, which already has its database.

    Raises SecretKeyError.
    """
    app.secret_key = config.session_key()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    database = app.extensions["peterental.database"]
    services = build_services(database)
    app.extensions[EXTENSION] = services
    app.extensions["peterental.gate"] = gate = SchemaHealth(database, config.migrations_dir, engine_settings(config))

    app.register_blueprint(health.create_blueprint(gate))
    app.register_blueprint(webhook.create_blueprint(services, config))
    shell.install(app, config)
    for pages in (
        agent_pages,
        appointment_pages,
        audit_pages,
        call_pages,
        job_pages,
        message_pages,
        tool_tester_pages,
        user_pages,
    ):
        app.register_blueprint(pages.create_blueprint())
    for command in (*jobs.COMMANDS, *users.COMMANDS, *phone.COMMANDS, *voice.COMMANDS):
        app.cli.add_command(command)
    if config.is_production:
        # The host's load balancer is the only proxy in front of us, so clients cannot forge X-Forwarded-For.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # Flask's documented way
