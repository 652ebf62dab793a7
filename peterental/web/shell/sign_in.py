"""Sign-in, sign-out, and the set-up of the first admin."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.model import (
    AlreadySetUp,
    CodeRequired,
    CodeWrong,
    EmailInvalid,
    LinkInvalid,
    PasswordCommon,
    PasswordTooLong,
    PasswordTooShort,
    SignInBusy,
    TooManyAttempts,
)
from peterental.users.setup_link import verify_setup_token
from peterental.web.shell import session, trusted_device
from peterental.web.shell.access_control import public, without_second_factor
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import CodeForm, SetUpForm, SignInForm
from peterental.web.shell.refused_form import with_status
from peterental.web.shell.security_headers import send_no_referrer
from peterental.web.shell.sign_in_redirect import is_from_our_page, resume, safe_next

REFUSED_AT: dict[type[Refusal], str] = {
    EmailInvalid: "email",
    PasswordTooShort: "password",
    PasswordTooLong: "password",
    PasswordCommon: "password",
}
"""The field at which each refusal is shown."""


WELCOME = "Welcome! You are signed in as an admin. Next, add the agents whose calls PeteRental answers."


def create_blueprint() -> Blueprint:
    """Return the blueprint of the sign-in pages."""
    blueprint = Blueprint("sign_in", __name__, template_folder="templates")
    blueprint.add_url_rule("/login", view_func=login, methods=["GET", "POST"])
    blueprint.add_url_rule("/login/code", view_func=code, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    blueprint.add_url_rule("/setup", view_func=set_up, methods=["GET", "POST"])
    return blueprint


@public
@preserves_form
def login() -> Answer:
    """Show the sign-in form; after sign-in open the page that was asked for."""
    target = safe_next(request.args.get("next")) or url_for("today.index")
    form = SignInForm()
    if not is_from_our_page():
        form.pending_form.data = ""
    if g.viewer is not None:
        return resume(target, form.pending_form.data)
    users = services_of(current_app).users
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            origin = trusted_device.client_origin_of(form.email.data)
            signed_in = users.sign_in(form.email.data, form.password.data, origin)
        except (SignInBusy, TooManyAttempts) as caught:
            refusal = caught
            form.add_error(refusal)
        else:
            if isinstance(signed_in, CodeRequired):
                session.await_code(signed_in)
                return _ask_for_code(form.pending_form.data)
            if signed_in is not None:
                session.start(signed_in)
                return resume(target, form.pending_form.data)
            form.form_errors.append("Incorrect e-mail or password.")
    page = render_template("shell/login.html", form=form, action=request.full_path, is_set_up=users.is_set_up())
    return with_status(page, form, refusal)


@public
@preserves_form
def code() -> Answer:
    """Ask for a code after the password; after sign-in open the page that was asked for."""
    target = safe_next(request.args.get("next")) or url_for("today.index")
    form = CodeForm()
    if not is_from_our_page():
        form.pending_form.data = ""
    required = session.awaited_code()
    if g.viewer is not None:
        return resume(target, form.pending_form.data)
    if required is None:
        return _start_again()
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            users = services_of(current_app).users
            signed_in = users.sign_in_with_code(required, form.code.data, trusted_device.client_origin_of)
        except LinkInvalid:
            return _start_again()
        except TooManyAttempts as caught:
            refusal = caught
            form.add_error(refusal)
        else:
            if signed_in is not None:
                session.start(signed_in)
                return resume(target, form.pending_form.data)
            form.add_error(CodeWrong(), "code")
    return with_status(_code_page(form), form, refusal)


def _ask_for_code(pending_form: str | None) -> Answer:
    """Redirect to the second step, or show it with the entries of a form that was sent without a session."""
    if not pending_form:
        return redirect(_code_url(), 303)
    return _code_page(CodeForm(formdata=None, data={"pending_form": pending_form}))


def _code_page(form: CodeForm) -> str:
    return render_template("shell/code.html", form=form, action=_code_url())


def _code_url() -> str:
    return url_for("sign_in.code", next=safe_next(request.args.get("next")))


def _start_again() -> Response:
    """Return to the first step: the second came too late, or the user's sessions ended in between."""
    session.end()
    flash("Enter your password again.", "note")
    return redirect(url_for("sign_in.login", next=safe_next(request.args.get("next"))), 303)


@without_second_factor
def logout() -> Answer:
    """End the session on the server and in this browser."""
    services_of(current_app).sessions.sign_out(session.current_viewer())
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
    if form.is_submitted():
        form.validate()
        _add_refusals(form, users.refusals_of_first_admin(form.email.data or "", form.password.data or ""))
    if form.is_submitted() and not form.errors and not form.form_errors:
        try:
            signed_in = users.create_first_admin(form.email.data, form.password.data)
        except AlreadySetUp:
            return render_template("shell/already_set_up.html"), 404
        except SignInBusy:
            raise
        except Refusal as refusal:
            form.add_error(refusal, REFUSED_AT.get(type(refusal)))
        else:
            session.start(signed_in)
            flash(WELCOME, "done")
            return redirect(url_for("today.index"), 303)
    return render_template("shell/set_up.html", form=form), form_status(form)


def _add_refusals(form: SetUpForm, refusals: Iterable[Refusal]) -> None:
    """Add what is wrong with the entries to the fields that have no error yet: all of it is shown at once."""
    for refusal in refusals:
        field = REFUSED_AT[type(refusal)]
        if not form[field].errors:
            form.add_error(refusal, field)
