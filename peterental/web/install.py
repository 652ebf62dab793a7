"""Register what serves HTTP: services, webhook, pages and health checks."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask

from peterental.cli import calendars, jobs, notices, phone, privacy, users, voice
from peterental.config import Config
from peterental.database import engine_settings
from peterental.database.migrations.ledger.status import SchemaHealth
from peterental.line import composition as line
from peterental.services import EXTENSION, build_services
from peterental.voice import webhook
from peterental.web import health, host_header
from peterental.web.agent_notices import pages as agent_notice_pages
from peterental.web.agents import pages as agent_pages
from peterental.web.api import routes as api
from peterental.web.appointments import pages as appointment_pages
from peterental.web.audit import pages as audit_pages
from peterental.web.calendar import pages as office_calendar_pages
from peterental.web.calendars import pages as calendar_pages
from peterental.web.calls import pages as call_pages
from peterental.web.client_address import ClientAddress
from peterental.web.feeds import routes as feeds
from peterental.web.homes import pages as home_pages
from peterental.web.jobs import pages as job_pages
from peterental.web.line import pages as line_pages
from peterental.web.messages import pages as message_pages
from peterental.web.notices import pages as notice_pages
from peterental.web.offers import pages as offer_pages
from peterental.web.privacy import pages as privacy_pages
from peterental.web.search import pages as search_pages
from peterental.web.shell import install as shell
from peterental.web.time_off import pages as time_off_pages
from peterental.web.today import pages as today_pages
from peterental.web.tokens import pages as token_pages
from peterental.web.tool_tester import pages as tool_tester_pages
from peterental.web.twilio import routes as twilio
from peterental.web.users import pages as user_pages
from peterental.web.visits import pages as visit_pages
from peterental.web.webhooks import pages as webhook_pages

PAGES = (
    agent_notice_pages,
    agent_pages,
    appointment_pages,
    audit_pages,
    calendar_pages,
    call_pages,
    home_pages,
    job_pages,
    line_pages,
    message_pages,
    notice_pages,
    offer_pages,
    office_calendar_pages,
    privacy_pages,
    search_pages,
    time_off_pages,
    today_pages,
    token_pages,
    tool_tester_pages,
    user_pages,
    visit_pages,
    webhook_pages,
)
"""The modules with the pages of each feature; those of sign-in belong to the shell."""

COMMANDS = (
    *calendars.COMMANDS,
    *jobs.COMMANDS,
    *notices.COMMANDS,
    *users.COMMANDS,
    *phone.COMMANDS,
    *privacy.COMMANDS,
    *voice.COMMANDS,
)
"""The commands that need the services; those of the migration engine are added without the pages, too."""

MAX_BODY_BYTES = 5 * 1024 * 1024
"""The longest call histories that Vapi sends are far smaller."""


def install(app: Flask, config: Config) -> None:
    """Add services, blueprints and commands to `app`, which already has its database.

    Raises SecretKeyError.
    """
    app.secret_key = config.session_key()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    database = app.extensions["peterental.database"]
    services = build_services(
        database, config=config, pseudonym_key=config.session_key().encode(), buffers_records=True
    )
    app.extensions[EXTENSION] = services
    app.extensions[line.EXTENSION] = line.build_line(database, services, config)
    app.extensions["peterental.gate"] = gate = SchemaHealth(database, config.migrations_dir, engine_settings(config))

    app.register_blueprint(health.create_blueprint(gate))
    app.register_blueprint(webhook.create_blueprint(services, config))
    app.before_request(host_header.refuse_invalid)  # before the shell's functions, which read the session
    app.after_request(host_header.relative_redirect)
    shell.install(app, config)
    app.register_blueprint(feeds.create_blueprint())
    app.register_blueprint(twilio.create_blueprint(services, config))
    app.register_blueprint(api.create_blueprint(services, config))
    for pages in PAGES:
        app.register_blueprint(pages.create_blueprint())
    for command in COMMANDS:
        app.cli.add_command(command)
    with_host = host_header.HostHeader(app.wsgi_app, urlsplit(config.address).netloc)
    app.wsgi_app = ClientAddress(with_host, config.trusted_proxies)  # type: ignore[method-assign]  # Flask's documented way
