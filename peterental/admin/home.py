"""The way in, and the schema page."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from peterental.admin.session import current_viewer
from peterental.database.migrations.files import MigrationFilesError
from peterental.database.migrations.status import Status
from peterental.users.model import AdminsOnly

WORDS = {
    "applied": "Applied",
    "unverified": "Applied, unchecked",
    "pending": "Pending",
    "edited": "Edited",
    "comments-edited": "Comments edited",
    "missing": "File missing",
    "late": "Too late",
    "newer": "Newer",
    "failed": "Failed",
}
"""What the states of `history.State` are called on the page."""

COMMANDS = {"pending": "flask db-migrate", "broken": "flask db-status"}
"""By state of the schema: what to run next."""


class Gate(Protocol):
    """Whatever compares the release's migrations with the database's."""

    def status(self) -> Status:
        """Compare them."""


def create_blueprint() -> Blueprint:
    """Make the pages that belong to no feature."""
    blueprint = Blueprint("admin", __name__, template_folder="templates")
    blueprint.add_url_rule("/", view_func=home)
    blueprint.add_url_rule("/schema", view_func=schema)
    return blueprint


def home() -> Response:
    """Go on to the agents; whoever is not signed in was sent to sign in."""
    return redirect(url_for("agents.index"), 303)


def schema() -> str:
    """Show every migration and what to do next, to admins."""
    if not current_viewer().is_admin:
        raise AdminsOnly
    gate: Gate = current_app.extensions["peterental.gate"]
    try:
        status, unreadable = gate.status(), None
    except MigrationFilesError as error:
        status, unreadable = None, "; ".join(error.problems)
    command = COMMANDS.get(status.state) if status else None
    return render_template("admin/schema.html", status=status, unreadable=unreadable, command=command, words=WORDS)
