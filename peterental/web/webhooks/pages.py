"""The pages of webhooks, for admins: endpoints, their secrets, and the last deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from peterental.access import require_admin
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import VersionedForm, required, up_to
from peterental.web.shell.session import current_viewer
from peterental.web.webhooks.labels import EVENT_LABELS
from peterental.webhooks.model import (
    MAX_URL_CHARS,
    TEST,
    DeliveryNotOver,
    EndpointAddressInvalid,
    EndpointChanged,
    EndpointEntry,
    EndpointIsOff,
    EndpointUnknown,
    IssuedSecret,
    NoEventTypes,
)
from peterental.webhooks.service import WebhookService

TYPE_LABELS: Mapping[str, str] = {str(kind): label for kind, label in EVENT_LABELS.items()} | {TEST: "Test"}
STATE_LABELS = {"waiting": "Waiting", "delivered": "Delivered", "failed": "Failed"}

FIELD_OF: Mapping[type[Refusal], str] = {EndpointAddressInvalid: "url", NoEventTypes: "event_types"}
"""The field at which each refusal is shown."""


class EndpointForm(VersionedForm):
    """An endpoint."""

    url = StringField(
        "Address",
        description="Begins with https:// and is on the public internet. PeteRental posts JSON to it.",
        validators=[required("Enter the address."), up_to(MAX_URL_CHARS)],
        render_kw={"autocomplete": "off", "inputmode": "url", "autocapitalize": "none", "spellcheck": "false"},
    )
    event_types = SelectMultipleField(
        "When a viewing is",
        choices=[SelectChoice(value, label) for value, label in EVENT_LABELS.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    proposed = HiddenField()

    def entry(self) -> EndpointEntry:
        """Return the endpoint in a valid form."""
        return EndpointEntry(url=self.url.data, event_types=tuple(self.event_types.data or ()))


def create_blueprint() -> Blueprint:
    """Return the blueprint of the pages."""
    blueprint = Blueprint("webhooks", __name__, template_folder="templates", url_prefix="/webhooks")
    both = ["GET", "POST"]
    blueprint.add_url_rule("", view_func=index)
    blueprint.add_url_rule("/new", view_func=new, methods=both)
    blueprint.add_url_rule("/<int:endpoint_id>", view_func=show, methods=both)
    blueprint.add_url_rule("/<int:endpoint_id>/rotate", view_func=rotate, methods=["POST"])
    blueprint.add_url_rule("/<int:endpoint_id>/test", view_func=send_test, methods=["POST"])
    blueprint.add_url_rule("/<int:endpoint_id>/on", view_func=turn_on, methods=["POST"])
    blueprint.add_url_rule("/<int:endpoint_id>/off", view_func=turn_off, methods=["POST"])
    blueprint.add_url_rule("/<int:endpoint_id>/remove", view_func=remove, methods=both)
    blueprint.add_url_rule("/deliveries/<int:delivery_id>/again", view_func=deliver_again, methods=["POST"])
    return blueprint


def index() -> str:
    """List the endpoints and the last deliveries. Runs two queries."""
    viewer, webhooks = current_viewer(), _webhooks()
    return render_template(
        "webhooks/index.html",
        endpoints=webhooks.listing(viewer),
        deliveries=webhooks.deliveries(viewer),
        **_labels(),
    )


@preserves_form
def new() -> Answer:
    """Add an endpoint, and show its secret in the answer to the form."""
    viewer = current_viewer()
    require_admin(viewer)
    form = EndpointForm()
    if not form.is_submitted():
        proposed = _webhooks().propose(viewer)
        form = EndpointForm(formdata=None, data={"event_types": list(EVENT_LABELS), "proposed": proposed})
    if form.validate_on_submit():
        try:
            issued = _webhooks().create(form.entry(), viewer, form.proposed.data or "")
        except Refusal as refusal:
            form.add_error(refusal, FIELD_OF.get(type(refusal)))
        else:
            return _show_secret(issued, "The webhook was added.")
    return render_template("webhooks/new.html", form=form), form_status(form)


@preserves_form
def show(endpoint_id: int) -> Answer:
    """Show an endpoint and its deliveries, and change it. Runs two queries."""
    viewer, webhooks = current_viewer(), _webhooks()
    endpoint = webhooks.get(endpoint_id, viewer)
    form = EndpointForm(data={"url": endpoint.url, "event_types": list(endpoint.event_types)})
    if request.method == "POST":
        form = EndpointForm()
    if form.validate_on_submit():
        try:
            webhooks.change(endpoint_id, form.entry(), viewer, seen=form.seen_at)
        except Refusal as refusal:
            form.add_error(refusal, FIELD_OF.get(type(refusal)))
            if isinstance(refusal, EndpointChanged):
                form.show_version(endpoint.updated_at)
        else:
            flash("The webhook was saved.", "done")
            return redirect(url_for("webhooks.show", endpoint_id=endpoint_id), 303)
    elif request.method == "GET":
        form.show_version(endpoint.updated_at)
    body = render_template(
        "webhooks/show.html",
        endpoint=endpoint,
        form=form,
        proposed=webhooks.propose(viewer, endpoint_id),
        deliveries=webhooks.deliveries(viewer, endpoint_id),
        **_labels(),
    )
    return body, form_status(form)


def rotate(endpoint_id: int) -> Answer:
    """Replace the secret, and show the new one in the answer."""
    issued = _webhooks().rotate(endpoint_id, current_viewer(), request.form.get("proposed", ""))
    return _show_secret(issued, "The secret was replaced. The old one signs too for a day.")


def send_test(endpoint_id: int) -> Response:
    """Queue a test delivery."""
    return _do(endpoint_id, lambda: _webhooks().send_test(endpoint_id, current_viewer()), "A test is on its way.")


def turn_on(endpoint_id: int) -> Response:
    """Turn an endpoint on."""
    webhooks, viewer = _webhooks(), current_viewer()
    return _do(endpoint_id, lambda: webhooks.set_active(endpoint_id, viewer, active=True), "The webhook is on.")


def turn_off(endpoint_id: int) -> Response:
    """Turn an endpoint off."""
    webhooks, viewer = _webhooks(), current_viewer()
    return _do(
        endpoint_id,
        lambda: webhooks.set_active(endpoint_id, viewer, active=False),
        "The webhook is off. What happens until it is on again is not delivered.",
    )


def remove(endpoint_id: int) -> Answer:
    """Explain what removing an endpoint means, and do it."""
    viewer, webhooks = current_viewer(), _webhooks()
    if request.method == "POST":
        with suppress(EndpointUnknown):  # people press a button twice
            webhooks.remove(endpoint_id, viewer)
        flash("The webhook was removed.", "done")
        return redirect(url_for("webhooks.index"), 303)
    return render_template("webhooks/remove.html", endpoint=webhooks.get(endpoint_id, viewer))


def deliver_again(delivery_id: int) -> Response:
    """Deliver again what was given up or delivered."""
    try:
        _webhooks().deliver_again(delivery_id, current_viewer())
    except DeliveryNotOver as refusal:  # people press a button twice
        flash(str(refusal), "note")
    except EndpointIsOff as refusal:
        flash(str(refusal), "refused")
    else:
        flash("It is delivered again.", "done")
    return redirect(url_for("webhooks.index"), 303)


def _do(endpoint_id: int, action: Callable[[], object], sentence: str) -> Response:
    try:
        action()
    except EndpointIsOff as refusal:
        flash(str(refusal), "refused")
    else:
        flash(sentence, "done")
    return redirect(url_for("webhooks.show", endpoint_id=endpoint_id), 303)


def _show_secret(issued: IssuedSecret, message: str) -> str:
    return render_template("webhooks/secret.html", issued=issued, message=message)


def _labels() -> dict[str, Any]:
    config = config_of(current_app)
    return {
        "types": TYPE_LABELS,
        "states": STATE_LABELS,
        "zone": config.office_zone,
        "now": utc_now(),
    }


def _webhooks() -> WebhookService:
    return services_of(current_app).webhooks
