"""The page on which users who forgot their password ask for a link."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.errors import Refusal
from peterental.notices.user_notices import MailOff
from peterental.services import services_of
from peterental.users.model import EmailInvalid, TooManyResets
from peterental.users.service import normalize_email
from peterental.web.shell.access_control import public
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.refused_form import with_status
from peterental.web.users.forms import ForgotForm

ASKED = "If an account has that address, an e-mail with a link is on its way to it. The link works once, for one hour."
"""The answer for every address: it does not reveal who has an account."""


def add_routes(blueprint: Blueprint) -> None:
    """Add the page to `blueprint`."""
    blueprint.add_url_rule("/forgot", view_func=forgot, methods=["GET", "POST"])


@public
@preserves_form
def forgot() -> Answer:
    """Send a link to choose a new password; the page says so where e-mail is off. Runs one query before the form."""
    notices = services_of(current_app).user_notices
    form = ForgotForm()
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            notices.request_reset(normalize_email(form.email.data), request.remote_addr or "")
        except EmailInvalid as caught:
            form.add_error(caught, "email")
        except TooManyResets as caught:
            refusal = caught
            form.add_error(caught)
        except MailOff as caught:
            form.add_error(caught)
        else:
            flash(ASKED, "done")
            return redirect(url_for("sign_in.login"), 303)
    page = render_template("users/forgot.html", form=form, mail=notices.mail())
    return with_status(page, form, refusal)
