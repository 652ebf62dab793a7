"""The page of API tokens: every user's own; admins see all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from wtforms import HiddenField, RadioField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.tokens.model import (
    MAX_NAME_CHARS,
    NewToken,
    TokenNameMissing,
    TokenNameTooLong,
    TokenScope,
    TokenUnknown,
)
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm, required, up_to
from peterental.web.shell.session import current_viewer

SCOPE_LABELS: Mapping[TokenScope, str] = {"read": "Reads", "book": "Reads and books"}
LIFETIMES: Mapping[str, tuple[str, timedelta | None]] = {
    "90": ("90 days", timedelta(days=90)),
    "30": ("30 days", timedelta(days=30)),
    "365": ("A year", timedelta(days=365)),
    "never": ("No expiry", None),
}


class TokenForm(PageForm):
    """A token to create."""

    name = StringField(
        "Name of the tool",
        validators=[required("Name the tool that will use the token."), up_to(MAX_NAME_CHARS)],
        render_kw={"autocomplete": "off", "placeholder": "Spreadsheet sync"},
    )
    scope = RadioField(
        "Allows",
        choices=[
            SelectChoice("read", "Read: viewings, calls, messages, agents and homes that you can see"),
            SelectChoice("book", "Read and book: also book, move, edit, cancel and mark viewings"),
        ],
        validators=[InputRequired("Choose what the token allows.")],
    )
    lifetime = SelectField(
        "Expires after", choices=[SelectChoice(value, label) for value, (label, _) in LIFETIMES.items()]
    )

    proposed = HiddenField()

    def entry(self) -> NewToken:
        """Return the token in a valid form."""
        return NewToken(name=self.name.data, scope=self.scope.data, lifetime=LIFETIMES[self.lifetime.data][1])


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page."""
    blueprint = Blueprint("tokens", __name__, template_folder="templates", url_prefix="/tokens")
    blueprint.add_url_rule("", view_func=index, methods=["GET", "POST"])
    blueprint.add_url_rule("/<int:token_id>/revoke", view_func=revoke, methods=["GET", "POST"])
    return blueprint


@preserves_form
def index() -> Answer:
    """List the tokens, and create one. Runs one query.

    A new token is shown in the answer to the form: it is stored nowhere and not shown again.
    """
    viewer, tokens = current_viewer(), services_of(current_app).api_tokens
    form = TokenForm()
    if not form.is_submitted():
        form = TokenForm(formdata=None, data={"scope": "read", "proposed": tokens.propose(viewer)})
    if form.validate_on_submit():
        try:
            issued = tokens.create(form.entry(), viewer, form.proposed.data or "")
        except Refusal as refusal:
            form.add_error(refusal, "name" if isinstance(refusal, TokenNameMissing | TokenNameTooLong) else None)
        else:
            return render_template("tokens/created.html", issued=issued, scopes=SCOPE_LABELS, now=utc_now())
    body = render_template(
        "tokens/index.html", form=form, tokens=tokens.listing(viewer), scopes=SCOPE_LABELS, now=utc_now()
    )
    return body, form_status(form)


def revoke(token_id: int) -> Answer:
    """Explain what revoking a token means, and do it."""
    viewer, tokens = current_viewer(), services_of(current_app).api_tokens
    now = utc_now()
    token = next((token for token in tokens.listing(viewer) if token.token_id == token_id), None)
    if token is None or (request.method != "POST" and token.state(now) == "revoked"):
        raise TokenUnknown
    if request.method == "POST":
        with suppress(TokenUnknown):  # revoked before: people press a button twice
            tokens.revoke(token_id, viewer)
        flash(f"The token of {token.name} was revoked.", "done")
        return redirect(url_for("tokens.index"), 303)
    return render_template("tokens/revoke.html", token=token, now=now)
