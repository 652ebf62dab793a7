"""The page of the audit log, for admins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, render_template, request, url_for

from peterental.audit.model import COMMAND_LINE, SIGN_IN_PAGE, LogFilter, SubjectKind
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.services import services_of
from peterental.web.audit.field_labels import action_label, labelled_fields, subject_label
from peterental.web.shell.months import month_links
from peterental.web.shell.query_params import QueryParams, parse_id, utc_bounds
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.audit.model import Change

LAST_PAGE = 1000

KINDS: Mapping[SubjectKind, str] = {
    "agent": "Agents",
    "appointment": "Appointments",
    "closure": "Closures of the office",
    "call": "Calls",
    "home": "Homes",
    "job": "Jobs",
    "message": "Messages",
    "user": "Users",
    "person": "Personal data",
    "notice": "Notices",
    "line": "Phone line",
    "token": "API tokens",
    "webhook": "Webhooks",
}
"""The labels of the filter by kind."""

PAGE_OF = {
    "agent": ("agents.show", "agent_id"),
    "appointment": ("appointments.show", "appointment_id"),
    "call": ("calls.show", "vapi_call_id"),
    "home": ("homes.show", "property_id"),
    "user": ("users.show", "user_id"),
}
"""The endpoint that shows a subject of each kind, and the name of its id parameter."""

BY_TEXT = {"agents.show", "calls.show"}
"""Those of PAGE_OF whose ids are texts; the others have numbers."""

NUMBER = re.compile(r"[0-9]{1,18}")


def create_blueprint() -> Blueprint:
    """Return the blueprint of the audit log."""
    blueprint = Blueprint("audit", __name__, template_folder="templates")
    blueprint.add_url_rule("/audit", view_func=index)
    return blueprint


def index() -> str:
    """Show who changed what, newest first. Runs two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    zone = config_of(current_app).office_zone
    today = utc_now().astimezone(zone).date()
    params = QueryParams(request.args)
    wanted, chosen = parse_filter(params, zone)
    page = params.page(LAST_PAGE)
    listing = services.audit.listing(viewer, wanted, page=page)
    people = services.users.all_users(viewer)
    actors = [*(person.email for person in people), COMMAND_LINE, SIGN_IN_PAGE, wanted.actor]
    return render_template(
        "audit/index.html",
        listing=listing,
        chosen=chosen,
        warnings=params.warnings,
        page=page,
        zone=zone,
        actors=[actor for actor in dict.fromkeys(actors) if actor],
        kinds=KINDS,
        token=next((entry.token for entry in listing.entries), None) if wanted.token_id else None,
        subject_url=subject_url,
        action_label=action_label,
        subject_label=subject_label,
        labelled_fields=partial(labelled_fields, zone=zone, people={person.user_id: person.label for person in people}),
        months=month_links(today, chosen, with_next=False),
        this_year=today.year,
    )


def subject_url(change: Change) -> str | None:
    """Return the path of the page that shows the subject of a change; None where there is none, as for settings."""
    page = PAGE_OF.get(change.subject_kind)
    if page is None or not change.subject_id:
        return None
    endpoint, parameter = page
    if endpoint not in BY_TEXT and not NUMBER.fullmatch(change.subject_id):
        return None
    values: dict[str, Any] = {parameter: change.subject_id}
    return url_for(endpoint, **values)


def parse_filter(params: QueryParams, zone: ZoneInfo) -> tuple[LogFilter, dict[str, str]]:
    """Parse the filter of the log; an invalid parameter is ignored with a warning.

    Args:
        params: `actor`, `token` (its number), `kind`, `id`, `from` and `to` (days, both included).
        zone: the time zone of the days.

    Returns the filter and its query parameters.
    """
    kind = params.choice("kind", KINDS, "There is no kind {}. The log shows every kind.")
    first, last = params.days()
    since, until = utc_bounds(first, last, zone)
    wanted = LogFilter(
        actor=params.text("actor"),
        token_id=_token_id(params),
        subject_kind=kind,
        subject_id=params.text("id"),
        since=since,
        until=until,
    )
    chosen = {
        "actor": wanted.actor,
        "token": str(wanted.token_id or ""),
        "kind": kind,
        "id": wanted.subject_id,
        "from": first and first.isoformat(),
        "to": last and last.isoformat(),
    }
    return wanted, {name: value for name, value in chosen.items() if value}


def _token_id(params: QueryParams) -> int | None:
    """Return the number of an API token; an invalid one is ignored with a warning."""
    text = params.text("token")
    if not text:
        return None
    token_id = parse_id(text)
    if not token_id:
        params.warnings.append("The token must be a number. It was ignored.")
        return None
    return token_id
