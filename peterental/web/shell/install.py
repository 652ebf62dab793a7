"""Register the shell of the pages: sessions, access control, filters, sign-in."""

from __future__ import annotations

from flask import Flask, current_app, g, request

from peterental.config import Config, config_of
from peterental.users.session_repository import ABSOLUTE_LIMIT
from peterental.web.shell import (
    assets,
    error_pages,
    form_parsing,
    provider_places,
    schema_page,
    security_headers,
    sign_in,
    template_filters,
)
from peterental.web.shell.access_control import authenticate_request
from peterental.web.shell.csrf import csrf
from peterental.web.shell.navigation import navigation_for
from peterental.web.shell.navigation_counts import navigation_counts
from peterental.web.shell.query_params import without_param
from peterental.web.shell.session import PageSessions
from peterental.web.shell.sign_in_redirect import drop_empty_params


def install(app: Flask, config: Config) -> None:
    """Configure `app`, which has its secret key, services and config, for pages."""
    _configure_sessions(app, config)
    app.session_interface = PageSessions()
    form_parsing.install(app)
    csrf.init_app(app)
    app.before_request(authenticate_request)
    app.before_request(drop_empty_params)
    app.after_request(security_headers.for_environment(config))
    template_filters.install(app)
    app.add_template_filter(without_param)
    assets.install(app)
    error_pages.install(app)
    provider_places.install(app, config)
    app.register_blueprint(schema_page.create_blueprint())
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
        "needs_second_factor": g.get("needs_second_factor", False),
        "navigation_counts": navigation_counts,
        "office_zone": config_of(current_app).office_zone,
        "navigation": navigation_for(endpoints, is_admin=viewer.is_admin, endpoint=request.endpoint),
    }


def _configure_sessions(app: Flask, config: Config) -> None:
    """Set how cookies and CSRF tokens work."""
    app.config.update(
        # Browsers accept a __Host- cookie only over HTTPS and only from this host, never from a sibling domain.
        SESSION_COOKIE_NAME="__Host-peterental" if config.is_production else "peterental",
        SESSION_COOKIE_SECURE=config.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=ABSOLUTE_LIMIT,
        WTF_CSRF_CHECK_DEFAULT=False,  # `authenticate_request` checks the token once it knows the viewer
        # A Referer check would lock out browsers that send none; __Host- already blocks cookies of sibling domains.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=None,  # a token is valid as long as its session
    )
