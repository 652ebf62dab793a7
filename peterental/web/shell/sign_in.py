"""Sign-in, sign-out, and the set-up of the first admin."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.model import (
    AlreadySetUp,
    EmailInvalid,
    PasswordTooLong,
    PasswordTooShort,
    SignInBusy,
    TooManyAttempts,
)
from peterental.users.setup_link import verify_setup_token
from peterental.web.shell import session, trusted_device
from peterental.web.shell.access_control import public, safe_next
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import SetUpForm, SignInForm
from peterental.web.shell.security_headers import send_no_referrer
from peterental.web.shell.sign_in_redirect import is_from_our_page, resume

Answer = Response | str | tuple[str, int]

REFUSED_AT: dict[type[Refusal], str] = {
    EmailInvalid: "email",
    PasswordTooShort: "password",
    PasswordTooLong: "password",
}
"""The field at which each refusal is shown."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the sign-in pages."""
    blueprint = Blueprint("sign_in", __name__, template_folder="templates")
    blueprint.add_url_rule("/login", view_func=login, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    blueprint.add_url_rule("/setup", view_func=set_up, methods=["GET", "POST"])
    return blueprint


@public
@preserves_form
def login() -> Answer:
    """Show the sign-in form; after sign-in open the page that was asked for."""
    target = safe_next(request.args.get("next")) or url_for("agents.index")
    form = SignInForm()
    if not is_from_our_page():
        form.pending_form.data = ""
    if g.viewer is not None:
        return resume(target, form.pending_form.data)
    users = services_of(current_app).users
    wait_s = None
    if form.validate_on_submit():
        try:
            signed_in = users.sign_in(
                form.email.data, form.password.data, trusted_device.client_origin_of(form.email.data)
            )
        except SignInBusy as busy:
            form.add_error(busy)
        except TooManyAttempts as refusal:
            form.add_error(refusal)
            wait_s = refusal.values["wait_s"]
        else:
            if signed_in is not None:
                session.start(signed_in)
                return resume(target, form.pending_form.data)
            form.form_errors.append("Incorrect e-mail or password.")
    response = make_response(
        render_template("shell/login.html", form=form, action=request.full_path, is_set_up=users.is_set_up())
    )
    if wait_s is not None:
        response.status_code = 429
        response.headers["Retry-After"] = str(wait_s)
    elif form.is_submitted():
        response.status_code = 400
    return response


def logout() -> Answer:
    """End the session."""
    session.end()
    flash("You are signed out.", "done")
    return redirect(url_for("sign_in.login"), 303)


@public
@preserves_form
def set_up() -> Answer:
    """Create the first admin for the holder of the set-up link, which works while no user has a password."""
    send_no_referrer()
    users = services_of(current_app).users
    if users.is_set_up():
        return render_template("shell/already_set_up.html"), 404
    token, key = request.args.get("token", ""), str(current_app.secret_key)
    if not token or not users.check_setup_link(request.remote_addr or "", lambda: verify_setup_token(token, key)):
        return render_template("shell/invalid_setup_link.html"), 404
    form = SetUpForm()
    if form.validate_on_submit():
        try:
            signed_in = users.create_first_admin(form.email.data, form.password.data)
        except AlreadySetUp:
            return render_template("shell/already_set_up.html"), 404
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            session.start(signed_in)
            flash(
                "Welcome! You are signed in as an admin. Next, add the agents whose calls PeteRental answers.", "done"
            )
            return redirect(url_for("agents.index"), 303)
    return render_template("shell/set_up.html", form=form), 400 if form.is_submitted() else 200
