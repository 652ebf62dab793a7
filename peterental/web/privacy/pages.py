"""The page about personal data: how long calls are kept, and one person's data.

A number or an address is sent in the body of a form, never in a URL: URLs end up in logs and histories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import NotFound
from peterental.phone_numbers import region_of
from peterental.privacy.model import SearchTooSlow, UpcomingChanged, described
from peterental.privacy.person import MAX_CHARS, Person, PersonInvalid, PersonUnknown
from peterental.services import Services, services_of
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm, required
from peterental.web.shell.query_params import parse_id
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.privacy.model import Holdings

MAX_ROWS = 20
"""Rows of each kind on the page; the export has all."""


class PersonForm(PageForm):
    """The person that is searched for."""

    person = StringField(
        "Phone number or e-mail address",
        description="In any spelling, with the area code: (405) 555-0142, +1 405 555 0142, ana@example.com.",
        validators=[
            required("Enter a phone number or an e-mail address."),
            Length(max=MAX_CHARS, message=f"At most {MAX_CHARS} characters."),
        ],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": str(MAX_CHARS)},
    )


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page about personal data."""
    blueprint = Blueprint("privacy", __name__, template_folder="templates", url_prefix="/privacy")
    blueprint.add_url_rule("", view_func=index, methods=["GET", "POST"])
    blueprint.add_url_rule("/export", view_func=export, methods=["POST"])
    blueprint.add_url_rule("/delete", view_func=delete, methods=["POST"])
    return blueprint


@preserves_form
def index() -> Answer:
    """Show how long calls are kept, and what is stored about one person."""
    viewer = _admin()
    form = PersonForm()
    holdings: Holdings | None = None
    status = form_status(form)
    if form.validate_on_submit():
        try:
            holdings = _services().persons.find(_person(form.person.data), viewer)
            status = 200
        except PersonInvalid as refusal:
            form.add_error(refusal, "person")
        except SearchTooSlow as fault:
            form.form_errors.append(str(fault))
            status = 503
    config = config_of(current_app)
    return render_template(
        "privacy/index.html",
        form=form,
        held=holdings,
        described=described,
        max_rows=MAX_ROWS,
        keep_calls_days=config.keep_calls_days,
    ), status


def export() -> Response:
    """Return everything that is stored about one person as a JSON file."""
    viewer = _admin()
    try:
        text = _services().persons.export(_person(request.form.get("person", "")), viewer)
    except (PersonInvalid, PersonUnknown, SearchTooSlow) as error:
        return _to_search(error)
    headers = {
        "Content-Disposition": f'attachment; filename="person-{utc_now():%Y-%m-%d}.json"',
        "Cache-Control": "no-store",
    }
    return Response(text, headers=headers, content_type="application/json; charset=utf-8")


def delete() -> Answer:
    """Name what will be deleted, and delete it once that is confirmed."""
    viewer, persons = _admin(), _services().persons
    refused = ""
    try:
        person = _person(request.form.get("person", ""))
        if request.form.get("confirm") == "yes":
            try:
                done = persons.delete(person, viewer, _ids(request.form.get("upcoming", "")))
            except UpcomingChanged as refusal:
                refused = str(refusal)
            except PersonUnknown:  # people press a button twice
                flash("Nothing is stored about that person any more.", "done")
                return redirect(url_for("privacy.index"), 303)
            else:
                flash(f"Deleted: {', '.join(described(done.counts))}.", "done")
                return redirect(url_for("privacy.index"), 303)
        holdings = persons.find(person, viewer)
    except (PersonInvalid, PersonUnknown, SearchTooSlow) as error:
        return _to_search(error)
    if holdings.is_empty:
        return _to_search(PersonUnknown(person=person.value))
    body = render_template(
        "privacy/delete.html", held=holdings, described=described, max_rows=MAX_ROWS, refused=refused
    )
    return body, 409 if refused else 200


def _to_search(error: Exception) -> Response:
    """Redirect to the search with a message, which does not repeat the number: it is stored in a cookie."""
    text = "Nothing is stored about that person." if isinstance(error, PersonUnknown) else str(error)
    flash(text, "refused")
    return redirect(url_for("privacy.index"), 303)


def _admin() -> Viewer:
    """Return the viewer. Raises NotFound for anyone but an admin, who need not know that the page exists."""
    viewer = current_viewer()
    if not viewer.is_admin:
        raise NotFound
    return viewer


def _person(text: str) -> Person:
    """Parse a number, in the national form of the office's country, or an address. Raises PersonInvalid."""
    config = config_of(current_app)
    return Person.parse(text, region_of(config.default_time_zone))


def _ids(text: str) -> list[int]:
    return [number for number in map(parse_id, text.split(",")) if number is not None]


def _services() -> Services:
    return services_of(current_app)
