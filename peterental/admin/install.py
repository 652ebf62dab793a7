"""Puts the shell of the browser pages into an application: settings, guards, filters, sign-in."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, current_app, g, request

from peterental.admin import assets, formats, headers, home, sign_in, trouble
from peterental.admin.address import without
from peterental.admin.detour import without_empty_parts
from peterental.admin.guard import admit
from peterental.admin.navigation import navigation_for
from peterental.admin.protection import csrf
from peterental.admin.session import PageSessions
from peterental.config import Config

SESSION_LIFETIME = timedelta(days=30)


def install(app: Flask, config: Config) -> None:
    """Make `app` serve the pages. It has its secret key, its services and its config already."""
    app.config.update(
        # A browser takes a cookie of that name only over HTTPS and from this very host, never from a neighbour.
        SESSION_COOKIE_NAME="__Host-peterental" if config.is_production else "peterental",
        SESSION_COOKIE_SECURE=config.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        WTF_CSRF_CHECK_DEFAULT=False,  # `admit` decides, after it knows who is there
        # A Referer check would lock out whoever's browser sends none; __Host- already keeps neighbours' cookies out.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=None,  # a token is as good as the session it belongs to
    )
    app.session_interface = PageSessions()
    csrf.init_app(app)
    app.before_request(admit)
    app.before_request(without_empty_parts)
    app.after_request(headers.for_environment(config))
    formats.install(app)
    app.add_template_filter(without)
    assets.install(app)
    trouble.install(app)
    app.register_blueprint(home.create_blueprint())
    app.register_blueprint(sign_in.create_blueprint())
    app.context_processor(_for_every_template)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _for_every_template() -> dict[str, object]:
    viewer = g.get("viewer")
    if viewer is None:
        return {"viewer": None}
    endpoints = current_app.view_functions
    return {
        "viewer": viewer,
        "navigation": navigation_for(endpoints, is_admin=viewer.is_admin, endpoint=request.endpoint),
    }
