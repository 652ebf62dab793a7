"""Pages on which admins manage users."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.notices.model import ChannelState
from peterental.services import Services, services_of
from peterental.users.model import EmailInvalid, EmailTaken, LastAdmin, PasswordGrant, UserDetails
from peterental.users.password_links import LIFETIME, encode
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.users import account_pages, forgot_page, second_factor_pages
from peterental.web.users.forms import InviteForm, NameForm, RoleForm
from peterental.web.users.what_stays import what_stays

LAST_PAGE = 1000

INVITES = {
    True: "An e-mail with a link to choose a password is sent to it.",
    False: "PeteRental does not send e-mail here: the next page shows a link to pass on.",
}
"""What becomes of the address of a new user, by whether e-mail is on."""

_LINK_SESSION_KEY = "link"
"""The session key of a one-time link that the next page shows once."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the users' pages."""
    blueprint = Blueprint("users", __name__, template_folder="templates")
    both = ["GET", "POST"]
    blueprint.add_url_rule("/users", view_func=index)
    blueprint.add_url_rule("/users/invite", view_func=invite, methods=both)
    blueprint.add_url_rule("/users/<int:user_id>", view_func=show, methods=both)
    blueprint.add_url_rule("/users/<int:user_id>/name", view_func=rename, methods=["POST"])
    blueprint.add_url_rule("/users/<int:user_id>/link", view_func=make_link, methods=["POST"])
    blueprint.add_url_rule("/users/<int:user_id>/deactivate", view_func=deactivate, methods=both)
    blueprint.add_url_rule("/users/<int:user_id>/reactivate", view_func=reactivate, methods=both)
    blueprint.add_url_rule("/users/<int:user_id>/second-factor/reset", view_func=reset_second_factor, methods=["POST"])
    account_pages.add_routes(blueprint)
    forgot_page.add_routes(blueprint)
    second_factor_pages.add_routes(blueprint)
    return blueprint


def index() -> Answer:
    """List the users. Runs two queries."""
    viewer, services = current_viewer(), _services()
    params = QueryParams(request.args)
    text, page = params.text("q"), params.page(LAST_PAGE)
    listing = services.user_admin.listing(viewer, text=text, page=page)
    agents = services.agents.owned_agents([member.user_id for member in listing.rows], viewer)
    return render_template(
        "users/index.html",
        listing=listing,
        agents=agents,
        text=text,
        page=page,
        warnings=params.warnings,
        now=utc_now(),
    )


@preserves_form
def invite() -> Answer:
    """Create a user, and show the link with which they choose a password."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    form = InviteForm(data={"role": "agent"})
    mail = services.user_notices.mail()
    form.email.description = f"For signing in. {INVITES[mail is not None]}"
    if form.validate_on_submit():
        try:
            grant = services.user_admin.invite(form.email.data, form.role.data, viewer, form.full_name.data)
        except Refusal as refusal:
            form.add_error(refusal, "email" if isinstance(refusal, EmailInvalid | EmailTaken) else None)
        else:
            flash(f"{form.email.data} was invited. {pass_on(mail)}", "done")
            return _show_link(grant)
    return render_template("users/invite.html", form=form), form_status(form)


@preserves_form
def show(user_id: int) -> Answer:
    """Show one user, and change their role. Runs two queries."""
    viewer, services = current_viewer(), _services()
    member = services.user_admin.get(user_id, viewer)
    form = RoleForm(data={"role": member.role})
    if form.validate_on_submit():
        try:
            services.user_admin.set_role(user_id, form.role.data, viewer)
        except LastAdmin as refusal:
            form.add_error(refusal, "role")
        else:
            flash(f"{member.name} is now {'an admin' if form.role.data == 'admin' else 'an agent'}.", "done")
            return redirect(url_for("users.show", user_id=user_id), 303)
    return _page(member, form, NameForm(formdata=None, data={"full_name": member.full_name}))


@preserves_form
def rename(user_id: int) -> Answer:
    """Change the name of a user."""
    viewer, services = current_viewer(), _services()
    member = services.user_admin.get(user_id, viewer)
    form = NameForm()
    if form.validate_on_submit():
        services.user_admin.set_name(user_id, form.full_name.data, viewer)
        flash("The name was saved.", "done")
        return redirect(url_for("users.show", user_id=user_id), 303)
    return _page(member, RoleForm(formdata=None, data={"role": member.role}), form)


def _page(member: UserDetails, form: RoleForm, name_form: NameForm) -> Answer:
    """Return the page of a user with the forms of role and name."""
    services, user_id = _services(), member.user_id
    pending_link = session.pop(_LINK_SESSION_KEY, None)
    body = render_template(
        "users/show.html",
        member=member,
        form=form,
        name_form=name_form,
        agents=services.agents.owned_agents([user_id], current_viewer()).get(user_id),
        link=pending_link[1] if pending_link and pending_link[0] == user_id else None,
        link_days=LIFETIME.days,
        now=utc_now(),
    )
    return body, form_status(form)


def make_link(user_id: int) -> Answer:
    """Create a password link for a user, and revoke earlier ones."""
    viewer, services = current_viewer(), _services()
    grant = services.user_admin.make_link(user_id, viewer)
    is_invited = not services.user_admin.get(user_id, viewer).has_password
    how = pass_on(services.user_notices.mail()) if is_invited else "Pass it on."
    flash(f"The link was created, and earlier links were revoked. {how}", "done")
    return _show_link(grant)


def reset_second_factor(user_id: int) -> Answer:
    """Turn off the second factor of a user who lost it, and sign them out everywhere."""
    member = _services().second_factor.reset(user_id, current_viewer())
    flash(f"The second factor of {member.name} is off. Every browser was signed out.", "done")
    return redirect(url_for("users.show", user_id=user_id), 303)


def deactivate(user_id: int) -> Answer:
    """Explain what deactivating a user means, and do it."""
    viewer, services = current_viewer(), _services()
    member = services.user_admin.get(user_id, viewer)
    refused = ""
    if request.method == "POST":
        try:
            services.user_admin.deactivate(user_id, viewer)
        except LastAdmin as refusal:
            refused = str(refusal)
        else:
            flash(f"{member.name} can no longer sign in.", "done")
            return redirect(url_for("users.show", user_id=user_id), 303)
    agents = services.agents.owned_agents([user_id], viewer).get(user_id)
    body = render_template(
        "users/activation.html",
        member=member,
        active=False,
        agents=agents,
        remaining=what_stays(services, agents, viewer),
        refused=refused,
    )
    return body, 409 if refused else 200


def reactivate(user_id: int) -> Answer:
    """Explain what reactivating a user means, and do it."""
    viewer, services = current_viewer(), _services()
    member = services.user_admin.get(user_id, viewer)
    if request.method == "POST":
        services.user_admin.reactivate(user_id, viewer)
        flash(f"{member.name} can sign in again.", "done")
        return redirect(url_for("users.show", user_id=user_id), 303)
    return render_template("users/activation.html", member=member, active=True, agents=None, refused="")


def pass_on(mail: ChannelState | None) -> str:
    """Return how an invited user gets the link."""
    if mail is None:
        return "Pass the link on: PeteRental does not send e-mail here."
    if not mail.is_real:
        return "An e-mail with the link is written into the folder instance/mail."
    return "An e-mail with the link is on its way. You can pass on the link below as well."


def _show_link(grant: PasswordGrant) -> Response:
    token = encode(grant, str(current_app.secret_key), utc_now())
    config = config_of(current_app)
    session[_LINK_SESSION_KEY] = [grant.user_id, config.address + url_for("users.join", token=token)]
    return redirect(url_for("users.show", user_id=grant.user_id), 303)


def _services() -> Services:
    return services_of(current_app)
