"""The page of the viewer's account, and the page of a one-time link."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.model import (
    CodeRequired,
    LinkInvalid,
    PasswordWrong,
    SignedIn,
    SignedOut,
    SignInBusy,
    TooManyAttempts,
)
from peterental.users.password_links import decode
from peterental.users.session_repository import ABSOLUTE_LIMIT, IDLE_LIMIT
from peterental.web.shell import session
from peterental.web.shell.access_control import public
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.security_headers import send_no_referrer
from peterental.web.users.forms import JoinForm, PasswordForm

FIELD_OF: dict[type[Refusal], str | None] = {PasswordWrong: "current", SignedOut: None}
"""The field at which each refusal of a new password is shown, if it is not that of the new password."""


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages that every user may open to `blueprint`."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/account", view_func=account, methods=both)
    blueprint.add_url_rule("/account/sign-out-everywhere", view_func=sign_out_everywhere, methods=["POST"])
    blueprint.add_url_rule("/account/sign-out-elsewhere", view_func=sign_out_elsewhere, methods=["POST"])
    blueprint.add_url_rule("/account/sessions/<int:session_id>/end", view_func=end_session, methods=["POST"])
    blueprint.add_url_rule("/join", view_func=join, methods=both)


@preserves_form
def account() -> Answer:
    """Show the account and its sessions; change the password, which signs out every other browser.

    API tokens stay valid, and the page says how many there are. Runs three queries.
    """
    viewer, services = session.current_viewer(), services_of(current_app)
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            epoch = services.users.change_password(viewer, form.current.data, form.new.data)
        except (TooManyAttempts, SignInBusy):
            raise
        except Refusal as refusal:
            form.add_error(refusal, FIELD_OF.get(type(refusal), "new"))
        else:
            session.start(SignedIn(viewer=viewer, session_epoch=epoch))
            flash("Your password was changed. Every other browser was signed out.", "done")
            return redirect(url_for("users.account"), 303)
    body = render_template(
        "users/account.html",
        form=form,
        sessions=services.sessions.own(viewer),
        factor=services.second_factor.status(viewer),
        tokens=services.api_tokens.count_valid(viewer),
        now=utc_now(),
        idle_limit=IDLE_LIMIT,
        absolute_limit=ABSOLUTE_LIMIT,
    )
    return body, form_status(form)


def end_session(session_id: int) -> Answer:
    """End one of the viewer's sessions."""
    viewer = session.current_viewer()
    services_of(current_app).sessions.end_own(session_id, viewer)
    if session_id == viewer.session_id:
        session.end()
        flash("You are signed out.", "done")
        return redirect(url_for("sign_in.login"), 303)
    flash("That browser is signed out.", "done")
    return redirect(url_for("users.account"), 303)


def sign_out_elsewhere() -> Answer:
    """End every session of the viewer but this one."""
    services_of(current_app).sessions.end_others(session.current_viewer())
    flash("Every other browser is signed out.", "done")
    return redirect(url_for("users.account"), 303)


def sign_out_everywhere() -> Answer:
    """End every session of the viewer, including this one."""
    services_of(current_app).users.sign_out_everywhere(session.current_viewer())
    session.end()
    flash("You are signed out in every browser.", "done")
    return redirect(url_for("sign_in.login"), 303)


@public
@preserves_form
def join() -> Answer:
    """Let the holder of a one-time link choose a password, and sign them in."""
    send_no_referrer()
    users = services_of(current_app).users
    form = JoinForm()
    try:
        grant = decode(request.args.get("token", ""), str(current_app.secret_key), utc_now())
        member = users.user_of_grant(grant)
        if form.validate_on_submit():
            signed_in = users.redeem_grant(grant, form.new.data)
            if isinstance(signed_in, CodeRequired):
                session.await_code(signed_in)
                flash("Your password is set.", "done")
                return redirect(url_for("sign_in.code"), 303)
            session.start(signed_in)
            flash("Welcome! Your password is set and you are signed in.", "done")
            return redirect(url_for("today.index"), 303)
    except LinkInvalid:
        return render_template("users/link_invalid.html"), 404
    except SignInBusy:
        raise
    except Refusal as refusal:
        form.add_error(refusal, "new")
    return render_template("users/join.html", form=form, member=member), form_status(form)
