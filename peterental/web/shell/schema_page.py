"""The way in, and the schema page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from peterental.access import AdminsOnly
from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.attempts import read_history
from peterental.database.migrations.ledger.status import Status
from peterental.web.shell.session import current_viewer

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
    "interrupted": "Interrupted",
    "cleared": "Cleared",
    "rolled back": "Rolled back",
    "running": "Running",
}
"""What the states of `history.State`, and the outcomes of attempts, are called on the page."""

NEXT_STEPS: Mapping[str, tuple[tuple[str | None, str], ...]] = {
    "failed": (
        ("flask db-migrate", "goes on where it stopped, once what stopped it is mended"),
        ("flask db-repair", "has the next run begin with its first statement again"),
    ),
    "late": ((None, "Give the file that is too late the next free number: it was never applied."),),
    "missing": ((None, "Bring the missing file back from version control: what is applied must have its file."),),
    "edited": (
        (None, "Bring the edited file back as it was, and put the change into a new migration."),
        ("flask db-repair", "shows what was edited, and accepts it if you say so"),
    ),
    "pending": (
        ("flask db-plan", "rehearses what is pending: its locks, on tables of which size; changes nothing"),
        ("flask db-migrate", "applies what is pending"),
    ),
    "unverified": (("flask db-verify", "compares the schema with what the files make"),),
    "comments-edited": (("flask db-repair", "takes the new text: only comments differ"),),
    "newer": ((None, "Nothing needs to be run: a newer release was here, and this one works on its schema."),),
}
"""By state of a migration, the most pressing first: commands and what each does, or what to do without one."""

PRESSING = frozenset({"failed", "late", "missing", "edited"})
"""States in which nothing else may be run before."""

ATTEMPTS_SHOWN = 10
MAX_ERROR_BYTES = 2500


class SchemaStatusProvider(Protocol):
    """Whatever compares the release's migrations with the database's."""

    def status(self) -> Status:
        """Compare them."""


def create_blueprint() -> Blueprint:
    """Make the pages that belong to no feature."""
    blueprint = Blueprint("shell", __name__, template_folder="templates")
    blueprint.add_url_rule("/", view_func=home)
    blueprint.add_url_rule("/schema", view_func=schema)
    return blueprint


def home() -> Response:
    """Go on to the agents; whoever is not signed in was sent to sign in."""
    return redirect(url_for("agents.index"), 303)


def schema() -> str:
    """Show every migration, what went wrong lately, and what to do next, to admins."""
    if not current_viewer().is_admin:
        raise AdminsOnly
    gate: SchemaStatusProvider = current_app.extensions["peterental.gate"]
    try:
        status, unreadable = gate.status(), None
    except EngineError as error:
        status, unreadable = None, str(error)
    return render_template(
        "shell/schema.html",
        status=status,
        unreadable=unreadable,
        steps=next_steps(status) if status else (),
        history=read_history(current_app.extensions["peterental.database"], ATTEMPTS_SHOWN),
        applied={entry.version for entry in status.entries if entry.row} if status else set(),
        words=WORDS,
        longest_error=MAX_ERROR_BYTES,
    )


def next_steps(status: Status) -> tuple[tuple[str | None, str], ...]:
    """Give what to run next, and why: what stands in the way first, and nothing beside it."""
    states = {entry.state.value for entry in status.entries}
    wanted = [state for state in NEXT_STEPS if state in states]
    pressing = [state for state in wanted if state in PRESSING]
    return tuple(dict.fromkeys(step for state in pressing or wanted for step in NEXT_STEPS[state]))
