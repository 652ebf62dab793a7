"""The page of background jobs, for admins: what waits, runs and failed, with retry and discard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.jobs.model import JobNotWaiting, JobState
from peterental.jobs.service import OPEN_STATES
from peterental.services import services_of
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.shell.template_filters import format_age

LAST_PAGE = 1000

STATES: Mapping[JobState, str] = {
    "failed": "Failed",
    "waiting": "Waiting",
    "running": "Running",
    "done": "Done",
    "discarded": "Discarded",
}
"""The labels of the choice by state."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the jobs' page."""
    blueprint = Blueprint("jobs", __name__, template_folder="templates", url_prefix="/jobs")
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/<int:job_id>/retry", view_func=retry, methods=["POST"])
    blueprint.add_url_rule("/<int:job_id>/discard", view_func=discard, methods=["POST"])
    return blueprint


def index() -> str:
    """Show how the queue is doing, and its jobs, by default those that are not over. Runs two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    config = config_of(current_app)
    params = QueryParams(request.args)
    state = params.choice("show", STATES, "There is no state {}. The jobs that are not over are shown.")
    page = params.page(LAST_PAGE)
    status = services.jobs.status(viewer)
    now = utc_now()
    return render_template(
        "jobs/index.html",
        status=status,
        listing=services.jobs.listing(viewer, (state,) if state else OPEN_STATES, page=page),
        states=STATES,
        arguments=arguments,
        state=state,
        page=page,
        warnings=params.warnings,
        zone=config.office_zone,
        waits=_duration(status.oldest_due_at, now),
        absence=_duration(status.last_seen_at, now),
        now=now,
    )


def arguments(args: Mapping[str, object]) -> list[tuple[str, str | datetime]]:
    """Return what a job is about: the names and the values, moments as such."""
    return [(name, _moment(value) or str(value)) for name, value in args.items()]


def _moment(value: object) -> datetime | None:
    """Return the moment that a text is in ISO 8601; None for anything else, such as a day."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR else None


def retry(job_id: int) -> Response:
    """Run a job at once."""
    return _change(services_of(current_app).jobs.retry, job_id, "The job runs again.")


def discard(job_id: int) -> Response:
    """Discard a job."""
    return _change(
        services_of(current_app).jobs.discard, job_id, "The job was discarded. It does not run unless you start it."
    )


def _change(action: Callable[[int, Viewer], None], job_id: int, sentence: str) -> Response:
    try:
        action(job_id, current_viewer())
        flash(sentence, "done")
    except JobNotWaiting as refusal:  # people press a button twice
        flash(str(refusal), "note")
    return redirect(url_for("jobs.index"), 303)


def _duration(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a time was, in the largest unit that fits; empty for None."""
    return "" if moment is None else format_age((now - moment).total_seconds())
