"""`/v/<token>`: a visitor sees its viewing, confirms it, moves it to a free time, and cancels it.

The token authorises each request. Opening a page changes nothing: programs that look through messages open links.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from peterental.appointments.model import AppointmentUnknown
from peterental.appointments.visitors.links import id_in
from peterental.appointments.visitors.model import ViewingEnded, VisitorView
from peterental.appointments.visitors.service import VisitorService
from peterental.clock import utc_now
from peterental.errors import Refusal
from peterental.services import services_of
from peterental.web.shell.answers import Answer
from peterental.web.shell.query_params import QueryParams
from peterental.web.visits import link_pages
from peterental.web.visits.wording import WORDINGS, Wording

GONE, CONFLICT = 410, 409
FIRST_YEAR, LAST_YEAR = 2000, 2999
LAST_PAGE = 100
"""The horizon is at most a year."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the visitors' pages."""
    blueprint = Blueprint("visits", __name__, template_folder="templates")
    blueprint.add_url_rule("/v/<token>", view_func=show)
    blueprint.add_url_rule("/v/<token>/viewing.ics", view_func=calendar)
    blueprint.add_url_rule("/v/<token>/confirm", view_func=confirm, methods=["POST"])
    blueprint.add_url_rule("/v/<token>/move", view_func=move, methods=["GET", "POST"])
    blueprint.add_url_rule("/v/<token>/cancel", view_func=cancel, methods=["GET", "POST"])
    blueprint.add_url_rule("/v/<token>/reinstate", view_func=reinstate, methods=["POST"])
    link_pages.install(blueprint, AppointmentUnknown)
    return blueprint


def _of_viewing(view: Callable[[str, int], Answer]) -> Callable[[str], Answer]:
    """Pass a view the id in its token, too.

    Raises AppointmentUnknown for a token that is not ours, or was sent to a number or an address that is corrected.
    """

    @wraps(view)
    def authorised(token: str) -> Answer:
        services, appointment_id = services_of(current_app), id_in(token)
        contacts = None if appointment_id is None else services.visitors.contacts(appointment_id)
        if appointment_id is None or contacts is None:
            raise AppointmentUnknown
        if not services.visitor_links.is_valid(token, appointment_id, contacts):
            raise AppointmentUnknown
        return view(token, appointment_id)

    return authorised


@_of_viewing
def show(token: str, appointment_id: int) -> Answer:
    """Show a viewing, and what its visitor may do."""
    return _page(token, _visitors().show(appointment_id))


@_of_viewing
def calendar(token: str, appointment_id: int) -> Answer:
    """Return a viewing as a file for a calendar program."""
    services = services_of(current_app)
    view = services.visitors.show(appointment_id)
    if view.state not in {"open", "begun"}:
        return _page(token, view)
    words, link = WORDINGS[view.language], services.visitor_links.url_of(token)
    text = services.visitors.calendar_file(
        view,
        title=words.event_title.format(home=view.appointment.home),
        description=words.event_link.format(link=link),
        url=link,
    )
    response = Response(text, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response.headers["Content-Disposition"] = 'attachment; filename="viewing.ics"'
    return response


@_of_viewing
def confirm(token: str, appointment_id: int) -> Answer:
    """Record that the visitor will come."""
    seen = _moment("seen")
    if seen is None:
        return redirect(url_for("visits.show", token=token), 303)
    return _change(token, appointment_id, lambda: _confirm(appointment_id, seen), "confirmed")


def _confirm(appointment_id: int, seen: datetime) -> None:
    """Confirm a viewing, and record whether its visitor may be written to after missing it."""
    viewing, services = _visitors().confirm(appointment_id, seen), services_of(current_app)
    if request.form.get("follow_up") == "yes":
        words = WORDINGS[services.visitors.show(viewing.appointment_id).language].follow_up
        services.consents.allow_follow_up(viewing.appointment_id, words=words, at=utc_now())


@_of_viewing
def cancel(token: str, appointment_id: int) -> Answer:
    """Ask whether the viewing is to be cancelled, and do it."""
    seen = _moment("seen")
    if request.method == "POST" and seen is not None:
        return _change(token, appointment_id, lambda: _visitors().cancel(appointment_id, seen), "cancelled")
    view = _visitors().show(appointment_id)
    return _page(token, view) if view.state != "open" else _render("cancel", token, view)


@_of_viewing
def reinstate(token: str, appointment_id: int) -> Answer:
    """Take back a viewing that was released."""
    return _change(token, appointment_id, lambda: _visitors().reinstate(appointment_id), "reinstated")


@_of_viewing
def move(token: str, appointment_id: int) -> Answer:
    """Offer free times, and move the viewing to the chosen one."""
    start, seen, problem = _moment("start"), _moment("seen"), None
    if request.method == "POST" and seen is not None:
        if start is not None:
            return _change(token, appointment_id, lambda: _visitors().move(appointment_id, start, seen), "moved")
        problem = "choose_time"
    view = _visitors().show(appointment_id)
    if view.state != "open":
        return _page(token, view)
    return _offer(token, view, WORDINGS[view.language].choose_time if problem else None)


def _offer(token: str, view: VisitorView, problem: str | None = None, status: int = 200) -> Answer:
    """Return the page of the free times."""
    page = QueryParams(request.args).page(LAST_PAGE)
    free = None
    try:
        free = _visitors().free_days(view.appointment.appointment_id, page)
    except ViewingEnded:  # since the caller looked
        return _page(token, _visitors().show(view.appointment.appointment_id))
    except Refusal as refusal:
        problem, status = WORDINGS[view.language].refusal(refusal), CONFLICT
    return _render("move", token, view, status, problem=problem, free=free)


def _change(token: str, appointment_id: int, work: Callable[[], object], done: str) -> Answer:
    """Make a change, and return the page that shows the viewing as it is then, or why nothing was changed."""
    try:
        work()
    except AppointmentUnknown:
        raise
    except Refusal as refusal:
        view = _visitors().show(appointment_id)
        problem = WORDINGS[view.language].refusal(refusal)
        if done == "moved" and view.state == "open":
            return _offer(token, view, problem, CONFLICT)
        return _page(token, view, problem)
    return redirect(url_for("visits.show", token=token, done=done), 303)


def _page(token: str, view: VisitorView, problem: str | None = None) -> Answer:
    """Return the page of a viewing as it is now."""
    words = WORDINGS[view.language]
    if view.state in {"open", "begun"}:
        query = urlencode({"api": 1, "query": view.appointment.home})
        return _render(
            "show",
            token,
            view,
            CONFLICT if problem else 200,
            problem=problem,
            done=None if problem else _done(view, words),
            map_url=f"https://www.google.com/maps/search/?{query}",
        )
    if view.state == "released":
        return _render("ended", token, view, CONFLICT if problem else 200, problem=problem, heading=words.released)
    heading, hint = (
        (words.cancelled, words.cancelled_hint) if view.state == "cancelled" else (words.over, words.over_hint)
    )
    return _render("ended", token, view, GONE, problem=problem, heading=heading, hint=hint)


def _done(view: VisitorView, words: Wording) -> str | None:
    """Return what was just done, if the viewing shows that it was."""
    done = request.args.get("done")
    if view.state != "open":
        return None
    if view.is_confirmed:
        return {"confirmed": words.done_confirmed, "reinstated": words.done_reinstated}.get(done or "")
    return words.done_moved if done == "moved" else None


def _render(name: str, token: str, view: VisitorView, status: int = 200, **values: object) -> Answer:
    settings = services_of(current_app).notice_settings.get()
    page = render_template(
        f"visits/{name}.html",
        office=settings.office_name,
        asks_follow_up=settings.follows_up_no_shows,
        view=view,
        token=token,
        language=view.language,
        words=WORDINGS[view.language],
        seen=view.appointment.start.isoformat(),
        **values,
    )
    return page, status


def _moment(name: str) -> datetime | None:
    """Return a moment of the form; None if it is missing or malformed."""
    try:
        moment = datetime.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None
    is_sane = moment.tzinfo is not None and FIRST_YEAR <= moment.year <= LAST_YEAR
    return moment if is_sane else None


def _visitors() -> VisitorService:
    return services_of(current_app).visitors
