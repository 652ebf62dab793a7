"""Pages of the catalogue: list, one home, add, edit, retire and restore, settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.properties.keys import address_id
from peterental.properties.model import (
    MANY_BEDROOMS,
    PropertyAddressMissing,
    PropertyChanged,
    PropertyExists,
    PropertyFilter,
    PropertySettings,
    PropertySettingsChanged,
    PropertyStatus,
)
from peterental.properties.service import PAGE_SIZE, audited, validated
from peterental.services import Services, services_of
from peterental.web.homes import import_pages
from peterental.web.homes.forms import HomeForm, HomeSettingsForm, windows_by_weekday
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.edit_conflict import conflict_sentences
from peterental.web.shell.forms import NEVER
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from peterental.audit.model import AuditEntry
    from peterental.properties.model import Property, PropertyDetails

LAST_PAGE = 1000

STATUSES: Mapping[str, tuple[str, PropertyStatus | None]] = {
    "": ("Active", "active"),
    "inactive": ("Inactive", "inactive"),
    "all": ("All", None),
}
"""The choices of the filter by status: the parameter, its label, and the status."""

BEDROOMS = {
    "0": "Studio",
    "1": "1 bedroom",
    "2": "2 bedrooms",
    "3": "3 bedrooms",
    str(MANY_BEDROOMS): f"{MANY_BEDROOMS} or more",
}
"""The choices of the filter by bedrooms."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the homes' pages."""
    blueprint = Blueprint("homes", __name__, template_folder="templates", url_prefix="/homes")
    both = ["GET", "POST"]
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/new", view_func=new, methods=both)
    blueprint.add_url_rule("/settings", view_func=settings, methods=both)
    blueprint.add_url_rule("/<int:property_id>", view_func=show)
    blueprint.add_url_rule("/<int:property_id>/edit", view_func=edit, methods=both)
    blueprint.add_url_rule("/<int:property_id>/retire", view_func=retire, methods=both)
    blueprint.add_url_rule("/<int:property_id>/restore", view_func=restore, methods=["POST"])
    import_pages.add_routes(blueprint)
    blueprint.add_app_template_filter(rooms, "rooms")
    return blueprint


def index() -> str:
    """List the homes, by street and house number. Runs two queries."""
    viewer, services = current_viewer(), _services()
    params = QueryParams(request.args)
    text, page = params.text("q"), params.page(LAST_PAGE)
    status = params.choice("status", STATUSES, "There is no status {}. Active homes are shown.") or ""
    bedrooms = params.choice("bedrooms", BEDROOMS, "{} is no choice of bedrooms. It was ignored.")
    wanted = PropertyFilter(text=text, status=STATUSES[status][1], bedrooms=int(bedrooms) if bedrooms else None)
    listing = services.properties.list_page(viewer, wanted, page=page)
    agents = {agent.agent_id: agent.agent_name for agent in services.agents.names(viewer)}
    chosen = {name: value for name, value in (("q", text), ("status", status), ("bedrooms", bedrooms)) if value}
    return render_template(
        "homes/index.html",
        listing=listing,
        agents=agents,
        chosen=chosen,
        statuses={value: label for value, (label, _) in STATUSES.items()},
        bedrooms=BEDROOMS,
        page=page,
        has_more=listing.total > page * PAGE_SIZE,
        warnings=params.warnings,
        today=utc_now().astimezone(config_of(current_app).office_zone).date(),
    )


def show(property_id: int) -> str:
    """Show one home with its next viewings, and what callers called it. Runs four queries."""
    viewer, services = current_viewer(), _services()
    home = services.properties.get(property_id, viewer)
    agents = [agent for agent in services.agents.names(viewer) if agent.agent_id in home.shown_by]
    return render_template(
        "homes/show.html",
        has_own_id=home.source_id not in {None, address_id(home.line1, home.unit, home.city)},
        home=home,
        hours=windows_by_weekday(home),
        agents=agents,
        others=len(home.shown_by) - len(agents),
        viewings=services.listing.of_home(property_id, viewer),
        today=utc_now().astimezone(config_of(current_app).office_zone).date(),
        zone=config_of(current_app).office_zone,
    )


@preserves_form
def new() -> Answer:
    """Add a home. Runs one query."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    form = HomeForm()
    form.offer(services.agents.names(viewer), None)
    if form.validate_on_submit():
        try:
            property_id = services.properties.add(form.details(), viewer)
        except PropertyExists as refusal:
            if not _is_same(refusal.existing, form.details()):
                return _form_page(form, None, refusal)
            property_id = refusal.existing.property_id  # the form was sent twice
        except Refusal as refusal:
            return _form_page(form, None, refusal)
        flash(f"{form.details().label} was added.", "done")
        return redirect(url_for("homes.show", property_id=property_id), 303)
    return _form_page(form, None)


@preserves_form
def edit(property_id: int) -> Answer:
    """Change a home. Runs two queries."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    home = services.properties.get(property_id, viewer)
    form = HomeForm()
    form.offer(services.agents.names(viewer), home)
    if not form.is_submitted():
        form.show(home)
        form.show_version(home.updated_at)
    if form.validate_on_submit():
        try:
            services.properties.change(property_id, form.details(), viewer, seen=form.seen_at)
        except PropertyChanged as refusal:
            home = refusal.home
            entries = services.properties.changes_since(home, form.seen_at) if form.seen_at > NEVER else ()
            form.show_conflict(home, entries)
            form.form_errors.append(conflict_message(home, entries, config_of(current_app).office_zone))
        except Refusal as refusal:
            return _form_page(form, home, refusal)
        else:
            flash(f"{form.details().label} was saved.", "done")
            return redirect(url_for("homes.show", property_id=property_id), 303)
    return _form_page(form, home)


def retire(property_id: int) -> Answer:
    """Explain what retiring a home means, and do it."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    home = services.properties.get(property_id, viewer)
    if request.method == "POST":
        services.properties.retire(property_id, viewer)
        flash(f"{home.label} was retired.", "done")
        return redirect(url_for("homes.show", property_id=property_id), 303)
    return render_template("homes/retire.html", home=home, viewings=services.listing.of_home(property_id, viewer))


def restore(property_id: int) -> Response:
    """Offer an inactive home again."""
    try:
        _services().properties.restore(property_id, current_viewer())
    except PropertyExists as refusal:
        flash(f"{refusal} Retire that one first.", "refused")
        return redirect(url_for("homes.show", property_id=refusal.existing.property_id), 303)
    flash("The home is offered again.", "done")
    return redirect(url_for("homes.show", property_id=property_id), 303)


@preserves_form
def settings() -> Answer:
    """Show and change how the office shows its homes. Runs one query, and another one after a change.

    Where many viewings are upcoming, one viewing at a time holds later: then the page is shown again, and says so.
    """
    viewer, properties = current_viewer(), _services().properties
    require_admin(viewer)
    present = properties.settings()
    form = HomeSettingsForm(data=asdict(present))
    if not form.is_submitted():
        form.show_version(present)
    if form.validate_on_submit():
        chosen = PropertySettings(one_viewing_at_a_time=bool(form.one_viewing_at_a_time.data))
        try:
            properties.change_settings(chosen, viewer, seen=form.seen_settings)
        except PropertySettingsChanged as refusal:
            present = properties.settings()
            form = HomeSettingsForm(formdata=None, data=asdict(present))
            form.show_version(present)
            form.form_errors.append(str(refusal))
        else:
            flash("The settings were saved.", "done")
            is_later = properties.settings().collecting_since is not None
            return redirect(url_for("homes.settings" if is_later else "homes.index"), 303)
    status = form_status(form)
    return render_template("homes/settings.html", form=form, collecting_since=present.collecting_since), status


def conflict_message(home: Property, entries: Sequence[AuditEntry], zone: ZoneInfo) -> str:
    """Return who changed a home and when, and how to resolve the conflict."""
    who = " and ".join(dict.fromkeys(entry.actor for entry in entries)) or "Another user"
    return conflict_sentences(who, home.label, home.updated_at, zone)


def rooms(number: float | None) -> str:
    """Return a number of rooms without a needless fraction: 1, 1.5; empty if it is unknown."""
    return "" if number is None else f"{number:g}"


def _form_page(form: HomeForm, home: Property | None, refusal: Refusal | None = None) -> Answer:
    if refusal is not None and not isinstance(refusal, PropertyExists):
        form.add_error(refusal, "line1" if isinstance(refusal, PropertyAddressMissing) else None)
    existing = refusal.existing if isinstance(refusal, PropertyExists) else None
    body = render_template("homes/form.html", form=form, home=home, existing=existing)
    return body, form_status(form)


def _is_same(home: Property, details: PropertyDetails) -> bool:
    """Return whether a stored home has exactly the details of a form."""
    return audited(home) == audited(validated(details))


def _services() -> Services:
    return services_of(current_app)
