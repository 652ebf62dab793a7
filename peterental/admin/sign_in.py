"""Signing in and out, and making the first user."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.admin import session
from peterental.admin.forms import SetUpForm, SignInForm
from peterental.admin.guard import public, safe_next
from peterental.admin.protection import keeps_form
from peterental.admin.setup import fits
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.model import AlreadySetUp, EmailInvalid, PasswordTooLong, PasswordTooShort, SignInBusy

Answer = Response | str | tuple[str, int]

REFUSED_AT: dict[type[Refusal], str] = {
    EmailInvalid: "email",
    PasswordTooShort: "password",
    PasswordTooLong: "password",
}
"""The field at which a refusal is shown."""


def create_blueprint() -> Blueprint:
    """Make the pages around signing in."""
    blueprint = Blueprint("sign_in", __name__, template_folder="templates")
    blueprint.add_url_rule("/login", view_func=login, methods=["GET", "POST"])
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])
    blueprint.add_url_rule("/setup", view_func=set_up, methods=["GET", "POST"])
    return blueprint


@public
@keeps_form
def login() -> Answer:
    """Ask for address and password, and go on to where somebody was going."""
    target = safe_next(request.args.get("next")) or url_for("agents.index")
    if g.viewer is not None:
        return redirect(target, 303)
    form = SignInForm()
    users = services_of(current_app).users
    status = 200
    if form.validate_on_submit():
        try:
            signed_in = users.sign_in(form.email.data, form.password.data)
        except SignInBusy as busy:
            form.refuse(busy)
        else:
            if signed_in is not None:
                session.start(signed_in)
                return redirect(target, 303)
            form.form_errors.append("That e-mail address and password do not go together. Check both and try again.")
    if form.is_submitted():
        status = 400
    return render_template("admin/login.html", form=form, is_set_up=users.any_user()), status


def logout() -> Answer:
    """End the session."""
    session.end()
    flash("You are signed out.", "done")
    return redirect(url_for("sign_in.login"), 303)


@public
@keeps_form
def set_up() -> Answer:
    """Make the first user, for whoever has the link from the log."""
    users = services_of(current_app).users
    if users.any_user():
        return render_template("admin/already_set_up.html"), 404
    if not fits(request.args.get("token", ""), str(current_app.secret_key)):
        return render_template("admin/no_link.html"), 404
    form = SetUpForm()
    if form.validate_on_submit():
        try:
            signed_in = users.set_up_first(form.email.data, form.password.data)
        except AlreadySetUp:
            return render_template("admin/already_set_up.html"), 404
        except Refusal as refusal:
            form.refuse(refusal, REFUSED_AT.get(type(refusal)))
        else:
            session.start(signed_in)
            flash("Welcome! You are signed in as an admin. Next: the agents whose phones PeteRental answers.", "done")
            return redirect(url_for("agents.index"), 303)
    return render_template("admin/set_up.html", form=form), 400 if form.is_submitted() else 200
