"""Pages on which users set up and manage their second factor."""

from __future__ import annotations

import segno
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.errors import Refusal
from peterental.services import services_of
from peterental.users.model import CodeWrong, PasswordWrong, SetupExpired, SignInBusy, TooManyAttempts
from peterental.web.shell.access_control import without_second_factor
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.session import current_viewer
from peterental.web.users.forms import FactorForm, FactorSetupForm

FIELD_OF: dict[type[Refusal], str] = {PasswordWrong: "current", CodeWrong: "code"}
"""The field at which each refusal is shown."""


def add_routes(blueprint: Blueprint) -> None:
    """Add the pages to `blueprint`."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/account/second-factor", view_func=second_factor, methods=both)


@without_second_factor
@preserves_form
def second_factor() -> Answer:
    """Show the viewer's second factor: set it up while it is off, else manage it."""
    status = services_of(current_app).second_factor.status(current_viewer())
    return _set_up() if status.turned_on_at is None else _manage()


def _set_up() -> Answer:
    """Show a QR code; the first code of the app and the password turn the second factor on."""
    viewer, factors = current_viewer(), services_of(current_app).second_factor
    form = FactorSetupForm()
    sent_token = form.setup.data or ""
    if form.validate_on_submit():
        try:
            codes = factors.turn_on(viewer, sent_token, form.current.data, form.code.data)
        except (TooManyAttempts, SignInBusy):
            raise
        except SetupExpired as refusal:
            form.add_error(refusal)
        except Refusal as refusal:
            form.add_error(refusal, FIELD_OF.get(type(refusal)))
        else:
            return _show_codes(codes, "Your second factor is on.")
    setup = factors.resume(viewer, sent_token) if form.is_submitted() else factors.propose(viewer)
    form.setup.data = setup.token
    body = render_template(
        "users/second_factor_setup.html",
        form=form,
        setup=setup,
        picture=segno.make(setup.uri, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff"),
        is_required=factors.status(viewer).is_required,
    )
    return body, form_status(form)


def _manage() -> Answer:
    """Show the second factor; replace its recovery codes or turn it off."""
    viewer, factors = current_viewer(), services_of(current_app).second_factor
    form = FactorForm()
    if form.validate_on_submit():
        try:
            if request.form.get("do") != "off":
                codes = factors.renew_codes(viewer, form.current.data, form.code.data)
                return _show_codes(codes, "Your earlier recovery codes no longer work.")
            factors.turn_off(viewer, form.current.data, form.code.data)
        except (TooManyAttempts, SignInBusy):
            raise
        except Refusal as refusal:
            form.add_error(refusal, FIELD_OF.get(type(refusal)))
        else:
            flash("Your second factor is off.", "done")
            return redirect(url_for("users.account"), 303)
    body = render_template("users/second_factor.html", form=form, factor=factors.status(viewer))
    return body, form_status(form)


def _show_codes(codes: tuple[str, ...], message: str) -> str:
    """Show recovery codes in the answer to the form: they are stored nowhere and not shown again."""
    return render_template("users/recovery_codes.html", codes=codes, message=message)
