"""`/v/offer/<offer_token>`: a caller on the waitlist sees the time that is held, and takes it.

The token authorises each request. Opening the page changes nothing: programs that look through messages open links.
"""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.notices.waitlist.model import EntryUnknown, OfferEnded, OfferView
from peterental.services import services_of
from peterental.web.offers.wording import OFFERS
from peterental.web.shell.answers import Answer
from peterental.web.visits import link_pages
from peterental.web.visits.wording import WORDINGS

GONE, CONFLICT = 410, 409


def create_blueprint() -> Blueprint:
    """Return the blueprint of the page."""
    blueprint = Blueprint("offers", __name__, template_folder="templates")
    blueprint.add_url_rule("/v/offer/<offer_token>", view_func=show, methods=["GET", "POST"])
    link_pages.install(blueprint, EntryUnknown)
    return blueprint


def show(offer_token: str) -> Answer:
    """Show the time that is held, and book it. What was taken is shown on the page of its viewing."""
    services = services_of(current_app)
    entry_id = services.offer_links.entry_of(offer_token)
    if entry_id is None:
        raise EntryUnknown
    if request.method == "POST":
        try:
            viewing = services.waitlist.accept(entry_id)
        except OfferEnded:
            return _page(offer_token, services.waitlist.show(entry_id), is_refused=True)
        return _viewing_page(viewing.appointment_id, services.waitlist.show(entry_id).entry.phone)
    view = services.waitlist.show(entry_id)
    if view.viewing is not None:
        return _viewing_page(view.viewing.appointment_id, view.entry.phone)
    return _page(offer_token, view)


def _viewing_page(appointment_id: int, phone: str) -> Response:
    """Lead the number to which the offer was sent to its viewing, if that has this number still."""
    token = services_of(current_app).visitor_links.token(appointment_id, phone)
    return redirect(url_for("visits.show", token=token), 303)


def _page(offer_token: str, view: OfferView, *, is_refused: bool = False) -> Answer:
    language = view.entry.language
    office = services_of(current_app).notice_settings.get().office_name
    status = 200 if view.is_held else CONFLICT if is_refused else GONE
    page = render_template(
        "offers/show.html",
        entry=view.entry,
        office=office,
        is_held=view.is_held,
        is_waiting=view.entry.state in {"waiting", "offered"},
        offer_token=offer_token,
        language=language,
        words=WORDINGS[language],
        offer=OFFERS[language],
    )
    return page, status
