"""The start page, which redirects to today, and the schema page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.clock import utc_now
from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.attempts import read_history
from peterental.database.migrations.ledger.state import State
from peterental.database.migrations.ledger.status import Status
from peterental.web.shell.session import current_viewer

STATE_LABELS = {
    "applied": "Applied",
    "unverified": "Applied, not verified",
    "pending": "Pending",
    "edited": "Edited",
    "comments-edited": "Comments edited",
    "missing": "File missing",
    "late": "Out of order",
    "newer": "Newer",
    "behind": "Some are missing",
    "failed": "Failed",
    "waiting": "Waiting",
    "contracted": "Contracted by a newer release",
    "interrupted": "Interrupted",
    "cleared": "Cleared",
    "rolled back": "Rolled back",
    "running": "Running",
}
"""Labels of the states in `ledger.state.State` and of the outcomes of attempts."""

NEXT_STEPS: Mapping[str, tuple[tuple[str | None, str], ...]] = {
    "failed": (
        ("flask db-migrate", "resumes the migration. Fix the cause of the failure first."),
        ("flask db-repair", "makes the next run start again at the first statement."),
    ),
    "backfill failed": (
        ("flask db-backfill --retry", "runs the failed batch of the backfill again. Fix the cause first."),
        ("flask db-backfill --skip", "leaves the failed batch out."),
    ),
    "contracted": ((None, "Deploy the newer release. Its contract file removed what this release may need."),),
    "late": ((None, "Rename the out-of-order file to the next free number. It was never applied."),),
    "missing": ((None, "Restore the missing file from version control. Every applied migration needs its file."),),
    "behind": ((None, "Deploy the last release before the squash first, then this one."),),
    "edited": (
        (None, "Restore the original text of the edited file, and put the change into a new migration."),
        ("flask db-repair", "shows the edit and accepts it after your confirmation."),
    ),
    "pending": (
        ("flask db-plan", "runs the pending migrations without changing anything and lists their locks."),
        ("flask db-migrate", "applies the pending migrations."),
    ),
    "waiting": (
        (None, "Nothing to do. The file is applied within a minute after the last older release disconnects."),
    ),
    "unverified": (("flask db-verify", "compares the schema with the migration files."),),
    "running": (("flask db-backfill", "finishes the running backfill now. Otherwise it continues in the background."),),
    "comments-edited": (("flask db-repair", "accepts the new text. Only comments differ."),),
    "newer": (
        (None, "Nothing to do. A newer release has migrated the database, and this release can use its schema."),
    ),
}
"""For each state of a migration, the most urgent first: commands and what they do, or what to do without one."""

BLOCKING = frozenset({"failed", "contracted", "late", "missing", "behind", "edited"})
"""States that must be resolved before any other command is run."""

ATTEMPTS_SHOWN = 10
UTC = ZoneInfo("UTC")
"""The zone of the log and of the commands, which operators compare with this page."""
MAX_ERROR_BYTES = 2500


class SchemaStatusProvider(Protocol):
    """Compares the migrations of this release with those of the database."""

    def status(self) -> Status:
        """Return the comparison."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the pages that belong to no feature."""
    blueprint = Blueprint("shell", __name__, template_folder="templates")
    blueprint.add_url_rule("/", view_func=home)
    blueprint.add_url_rule("/schema", view_func=schema)
    return blueprint


def home() -> Response:
    """Redirect to today."""
    return redirect(url_for("today.index"), 303)


def schema() -> str:
    """Show admins every migration, the latest failed attempts, and the next step."""
    require_admin(current_viewer())
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
        labels=STATE_LABELS,
        zone=UTC,
        now=utc_now(),
        max_error_bytes=MAX_ERROR_BYTES,
    )


def next_steps(status: Status) -> tuple[tuple[str | None, str], ...]:
    """Return the next commands and what they do, or only the blocking ones."""
    states = {
        "backfill failed" if entry.backfill and entry.state is State.FAILED else entry.state.value
        for entry in status.entries
    }
    present = [state for state in NEXT_STEPS if state in states]
    blocking = [state for state in present if state in BLOCKING]
    return tuple(dict.fromkeys(step for state in blocking or present for step in NEXT_STEPS[state]))
