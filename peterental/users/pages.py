"""The page of one's own account."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from peterental.admin import session
from peterental.admin.protection import keeps_form
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.forms import PasswordForm
from peterental.users.model import SignedIn


def create_blueprint() -> Blueprint:
    """Make the pages about users."""
    blueprint = Blueprint("users", __name__, template_folder="templates")
    blueprint.add_url_rule("/account", view_func=account, methods=["GET", "POST"])
    return blueprint


@keeps_form
def account() -> Response | tuple[str, int]:
    """Show who is signed in; change the password, which signs every other browser out."""
    viewer = session.current_viewer()
    form = PasswordForm()
    if form.validate_on_submit():
        users = services_of(current_app).users
        if users.sign_in(viewer.email, form.current.data) is None:
            form.current.errors = ["That is not your password."]
        else:
            try:
                epoch = users.set_password(viewer.email, form.new.data)
            except Refusal as refusal:
                form.refuse(refusal, "new")
            else:
                session.start(SignedIn(viewer=viewer, session_epoch=epoch))
                flash("Your password is changed. Every other browser is signed out.", "done")
                return redirect(url_for("users.account"), 303)
    return render_template("users/account.html", form=form), 400 if form.is_submitted() else 200
