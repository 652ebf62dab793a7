"""The way in."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response


def create_blueprint() -> Blueprint:
    """Make the pages that belong to no feature."""
    blueprint = Blueprint("admin", __name__, template_folder="templates")
    blueprint.add_url_rule("/", view_func=home)
    return blueprint


def home() -> Response:
    """Go on to the agents; whoever is not signed in was sent to sign in."""
    return redirect(url_for("agents.index"), 303)
