"""Pages of an agent's calendars: connect, choose what they are for, read at once, disconnect."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.calendars.account import (
    KIND_NAMES,
    AccountUnknown,
    CalendarUnknown,
    KeyMissing,
    KindNotOffered,
    NotWritable,
    SignInExpired,
    SyncResult,
)
from peterental.calendars.model import AddressNotAllowed, CalendarFault
from peterental.calendars.oauth import ScopesMissing
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import NotFound, PeteRentalError, Refusal
from peterental.plural import counted
from peterental.services import Services, services_of
from peterental.web.calendars.forms import AddressForm, CalDavForm
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.provider_places import ProvidersBusy, provider_place, waits_for_provider
from peterental.web.shell.query_params import parse_id
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.calendars.connection_service import AgentCalendars, ConnectedAccount
    from peterental.calendars.model import CalendarKind
    from peterental.config import Config

SIGN_IN_KINDS: tuple[CalendarKind, ...] = ("google", "microsoft")
"""The kinds for which a person signs in at the provider."""

MAX_CALENDARS_SHOWN = 60
"""Calendars on the page, those that are used first."""

ERROR_CODE = re.compile(r"[a-z_]{1,60}")

CONNECT_ERRORS = (KeyMissing, KindNotOffered, AddressNotAllowed, CalendarFault, ProvidersBusy)


def create_blueprint() -> Blueprint:
    """Return the blueprint of the calendars' pages."""
    blueprint = Blueprint("calendars", __name__, template_folder="templates")
    page = "/agents/<path:agent_id>/calendars"
    blueprint.add_url_rule(page, view_func=show)
    blueprint.add_url_rule(page, view_func=choose, methods=["POST"])
    blueprint.add_url_rule(f"{page}/stale", view_func=choose_stale, methods=["POST"])
    blueprint.add_url_rule(f"{page}/address", view_func=connect_address, methods=["POST"])
    blueprint.add_url_rule(f"{page}/caldav", view_func=connect_caldav, methods=["POST"])
    blueprint.add_url_rule(f"{page}/demo", view_func=connect_demo, methods=["POST"])
    for kind in SIGN_IN_KINDS:
        named = {"kind": kind}
        blueprint.add_url_rule(f"{page}/{kind}", view_func=begin_sign_in, methods=["POST"], defaults=named)
        blueprint.add_url_rule(f"/oauth/{kind}", view_func=finish_sign_in, defaults=named)
    blueprint.add_url_rule(f"{page}/feed", view_func=make_feed, methods=["POST"])
    blueprint.add_url_rule(f"{page}/feed/end", view_func=remove_feed, methods=["POST"])
    blueprint.add_url_rule("/calendars/<int:account_id>/sync", view_func=sync, methods=["POST"])
    blueprint.add_url_rule("/calendars/<int:account_id>/disconnect", view_func=disconnect, methods=["GET", "POST"])
    return blueprint


def show(agent_id: str) -> Answer:
    """Show an agent's calendars. Runs eight queries."""
    return _page(agent_id)


# --- choosing --------------------------------------------------------------------------------------------------------


def choose(agent_id: str) -> Answer:
    """Choose which calendars take the agent's time, which one receives viewings, and whether titles are stored.

    Only what the form showed is changed. A calendar that is read for the first time is read at once.
    """
    overview = _services().calendars.overview(agent_id, current_viewer())
    shown, receiving = _ids("account"), next(iter(_ids("receiving")), None)
    accounts = [each for each in overview.accounts if each.account.account_id in shown]
    unread: list[int] = []
    try:
        # The account that receives viewings comes last: choosing its calendar ends the choice of any other.
        for each in sorted(accounts, key=lambda each: receiving in _calendar_ids(each)):
            _choose_in(each, receiving)
            if _needs_reading(each, receiving):
                unread.append(each.account.account_id)
    except (AccountUnknown, CalendarUnknown):
        flash("A calendar was disconnected after you opened the page. Check what is chosen now.", "refused")
    except NotWritable as refusal:
        flash(str(refusal), "refused")
    else:
        flash("The choice was saved.", "done")
    for account_id in unread:
        _read_now(account_id)
    return _back(agent_id)


def _choose_in(each: ConnectedAccount, receiving: int | None) -> None:
    """Store what the form says of one account's calendars."""
    _services().calendars.choose(
        each.account.account_id,
        blocking=sorted(_ids("blocks") & _calendar_ids(each)),
        receiving=receiving if receiving in _calendar_ids(each) else None,
        keeps_titles=each.account.account_id in _ids("titles"),
        viewer=current_viewer(),
    )


def _read_now(account_id: int) -> None:
    """Read an account, and say what went wrong."""
    try:
        with provider_place():
            _flash_problem(_services().calendars.sync_now(account_id, current_viewer()))
    except ProvidersBusy:
        flash("The calendar is read within five minutes.", "note")


def choose_stale(agent_id: str) -> Answer:
    """Choose whether times are offered by phone while a calendar cannot be read."""
    trusts = request.form.get("trusts") == "yes"
    _services().calendars.set_trusts_stale(agent_id, current_viewer(), trusts_stale=trusts)
    flash(
        "Callers are offered times by the last known busy times."
        if trusts
        else "Callers are offered no times while a calendar cannot be read.",
        "done",
    )
    return _back(agent_id)


def _needs_reading(each: ConnectedAccount, receiving: int | None) -> bool:
    """Return whether what the form says of an account is worth nothing before it was read."""
    blocking, keeps_titles = _ids("blocks"), each.account.account_id in _ids("titles")
    used = [calendar for calendar in each.calendars if calendar.calendar_id in {*blocking, receiving}]
    is_new = any(calendar.calendar_id in blocking and not calendar.blocks for calendar in used)
    return is_new or (bool(used) and keeps_titles != each.account.keeps_titles)


def _calendar_ids(each: ConnectedAccount) -> set[int]:
    return {calendar.calendar_id for calendar in each.calendars}


def _ids(name: str) -> set[int]:
    """Return the ids in the fields of one name; anything else is left out."""
    return {number for number in map(parse_id, request.form.getlist(name)) if number is not None}


# --- connecting ------------------------------------------------------------------------------------------------------


def connect_address(agent_id: str) -> Answer:
    """Connect a secret .ics address. The form is not kept for a later sign-in: the address is a secret."""
    form = AddressForm(prefix="address-")
    if form.validate_on_submit():
        try:
            with provider_place():
                result = _services().calendars.connect_address(agent_id, form.address.data, current_viewer())
            return _connected(result)
        except CONNECT_ERRORS as error:
            _show_error(form, error, "address")
    return _page(agent_id, address=form)


@preserves_form
def connect_caldav(agent_id: str) -> Answer:
    """Connect a CalDAV account."""
    form = CalDavForm()
    if form.validate_on_submit():
        server, name, password = form.server.data, form.user_name.data, form.password.data
        try:
            with provider_place():
                result = _services().calendars.connect_caldav(agent_id, server, name, password, current_viewer())
            return _connected(result)
        except CONNECT_ERRORS as error:
            _show_error(form, error, "server" if isinstance(error, AddressNotAllowed) else None)
    return _page(agent_id, caldav=form)


def connect_demo(agent_id: str) -> Answer:
    """Connect a calendar that exists nowhere; development only."""
    if config_of(current_app).is_production:
        raise NotFound
    return _connected(_services().calendars.connect_demo(agent_id, current_viewer()))


def begin_sign_in(agent_id: str, kind: CalendarKind) -> Answer:
    """Show what the provider will ask, with a link to it.

    A link, because browsers apply `form-action` of the Content-Security-Policy to redirects after a form, too.
    """
    services, viewer = _services(), current_viewer()
    agent = services.agents.get(agent_id, viewer)
    try:
        url = services.calendars.begin_sign_in(agent_id, kind, redirect_uri(config_of(current_app), kind), viewer)
    except (KeyMissing, KindNotOffered) as refusal:
        flash(str(refusal), "refused")
        return _back(agent_id)
    return render_template("calendars/sign_in.html", agent=agent, kind=kind, kind_name=KIND_NAMES[kind], url=url)


@waits_for_provider
def finish_sign_in(kind: CalendarKind) -> Answer:
    """Connect the account of a person whom a provider sent back, or say why not, on the page of the agent."""
    services, viewer = _services(), current_viewer()
    state, code, error = (request.args.get(name, "") for name in ("state", "code", "error"))
    agent_id = services.calendars.agent_of_sign_in(kind, state, viewer)
    if agent_id is not None and (error or not code):
        flash(_provider_error(kind, error), "refused")
        return _back(agent_id)
    try:
        return _connected(
            services.calendars.finish_sign_in(kind, state, code, redirect_uri(config_of(current_app), kind), viewer)
        )
    except (SignInExpired, ScopesMissing, *CONNECT_ERRORS) as problem:
        flash(f"Nothing was connected. {problem}", "refused")
        return redirect(url_for("agents.index"), 303) if agent_id is None else _back(agent_id)


def redirect_uri(config: Config, kind: CalendarKind) -> str:
    """Return the address that a provider sends people back to: below PUBLIC_URL, never a request's host."""
    return f"{config.address}/oauth/{kind}"


def _provider_error(kind: CalendarKind, error: str) -> str:
    """Return a sentence about the error that a provider sent a person back with."""
    name = KIND_NAMES[kind]
    if error == "access_denied":
        return f"Nothing was connected: {name} was not allowed to share the calendar. Connect again, and allow it."
    code = f" ({error})" if ERROR_CODE.fullmatch(error) else ""
    return f"Nothing was connected: the sign-in at {name} failed{code}. Try again."


def _connected(result: SyncResult) -> Response:
    """Redirect to the calendars with the result of connecting one."""
    account = result.account
    if result.state == "read":
        flash(f"Connected: {account.label}. {counted(result.events, 'busy time')} from now on.", "done")
    else:
        flash(f"Connected: {account.label}. It is read within five minutes.", "done")
        _flash_problem(result)
    return _back(account.agent_id)


def _show_error(form: AddressForm | CalDavForm, error: PeteRentalError, at: str | None) -> None:
    """Add an error to a field, or to the form."""
    if isinstance(error, Refusal):
        form.add_error(error, at if isinstance(error, AddressNotAllowed) else None)
    else:
        form.form_errors.append(f"Nothing was connected. {error}")


# --- connected accounts ----------------------------------------------------------------------------------------------


@waits_for_provider
def sync(account_id: int) -> Answer:
    """Read an account at once. Takes as long as the provider does, at most 15 seconds."""
    result = _services().calendars.sync_now(account_id, current_viewer())
    if result.state == "read":
        flash(f"{result.account.label} was read: {counted(result.events, 'busy time')}.", "done")
    elif result.state == "busy":
        flash(f"{result.account.label} is being read. Reload the page in a moment.", "done")
    _flash_problem(result)
    return _back(result.account.agent_id)


def disconnect(account_id: int) -> Answer:
    """Explain what disconnecting an account means, and do it."""
    services, viewer = _services(), current_viewer()
    if request.method == "POST":
        try:
            account = services.calendars.disconnect(account_id, viewer)
        except AccountUnknown:  # people press a button twice
            flash("The calendar was disconnected.", "done")
            return _back(services.agents.get(request.form.get("agent", ""), viewer).agent_id)
        flash(f"{account.label} was disconnected.", "done")
        return _back(account.agent_id)
    account = services.calendars.account(account_id, viewer)
    overview = services.calendars.overview(account.agent_id, viewer)
    each = next(each for each in overview.accounts if each.account.account_id == account_id)
    return render_template("calendars/disconnect.html", agent=overview.agent, overview=overview, each=each)


# --- the feed --------------------------------------------------------------------------------------------------------


def make_feed(agent_id: str) -> Answer:
    """Make a secret address to subscribe to an agent's viewings, in place of the one that the page showed."""
    _services().feeds.create(agent_id, current_viewer(), _moment("seen"))
    flash("The address was created. Copy it into the calendar program.", "done")
    return redirect(url_for("calendars.show", agent_id=agent_id, done="feed"), 303)


def remove_feed(agent_id: str) -> Answer:
    """End the secret address: programs that subscribed to it get nothing any more."""
    _services().feeds.remove(agent_id, current_viewer())
    flash("The address was deleted.", "done")
    return _back(agent_id)


def _moment(name: str) -> datetime | None:
    """Return a moment of the form, in UTC; None if it is missing or malformed."""
    try:
        return datetime.fromisoformat(request.form.get(name, "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _flash_problem(result: SyncResult) -> None:
    if result.problem is not None and result.state != "read":
        flash(f"{result.account.label} could not be read. {result.problem}", "refused")


def _page(agent_id: str, *, address: AddressForm | None = None, caldav: CalDavForm | None = None) -> Answer:
    services, viewer, config = _services(), current_viewer(), config_of(current_app)
    overview = services.calendars.overview(agent_id, viewer)
    age, now = services.calendars.age(agent_id), utc_now()
    sent, reconnected = address or caldav, _reconnected(overview)
    body = render_template(
        "calendars/show.html",
        agent=overview.agent,
        overview=overview,
        shown=shown_calendars(overview),
        age=age,
        is_phone_closed=not services.calendar_sync.is_current(age, overview.agent, now),
        changed=services.calendar_events.changed_remotely(agent_id, viewer),
        reconnected=reconnected,
        address_form=address or AddressForm(formdata=None, prefix="address-"),
        caldav_form=caldav or CalDavForm(formdata=None, data={"user_name": reconnected}),
        sent=sent,
        feed=services.feeds.address(agent_id, viewer),
        base_url=config.address,
        offers_demo=not config.is_production and not any(each.account.kind == "demo" for each in overview.accounts),
        sign_in_kinds=[(kind, KIND_NAMES[kind]) for kind in SIGN_IN_KINDS if kind in overview.offered],
    )
    return body, 400 if sent else 200


def shown_calendars(overview: AgentCalendars) -> frozenset[int]:
    """Return the ids of the calendars that the page shows: those that are used first, then as many as it may have."""
    calendars = [calendar for each in overview.accounts for calendar in each.calendars]
    calendars.sort(key=lambda calendar: not calendar.is_used)
    return frozenset(calendar.calendar_id for calendar in calendars[:MAX_CALENDARS_SHOWN])


def _reconnected(overview: AgentCalendars) -> str | None:
    """Return the user name of the CalDAV account that is to be connected again; None for a new one."""
    wanted = request.args.get("reconnect", "")
    names = (
        each.account.name
        for each in overview.accounts
        if each.account.kind == "caldav" and str(each.account.account_id) == wanted
    )
    return next(names, None)


def _back(agent_id: str) -> Response:
    return redirect(url_for("calendars.show", agent_id=agent_id), 303)


def _services() -> Services:
    return services_of(current_app)
