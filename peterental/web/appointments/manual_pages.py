"""Pages to book a viewing manually, move or cancel it, and record its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from werkzeug.wrappers import Response

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown
from peterental.appointments.listing.model import AgentChoice
from peterental.appointments.manual.free_times import Needs, needs_of
from peterental.appointments.manual.model import (
    TRANSITIONS,
    Action,
    ConfirmationRequired,
    DayAvailability,
    DuplicateSubmission,
    EditConflict,
    Event,
    ExpectedState,
    HomeBusy,
    InvalidTransition,
    NewBooking,
    NotStartedYet,
    SameTime,
    WallClockTime,
    made_before,
)
from peterental.appointments.model import Appointment, EventKind, HomeTaken, SlotTaken, SlotUnavailable
from peterental.clock import TimeSkipped, utc_now
from peterental.config import config_of
from peterental.errors import Refusal
from peterental.services import Services, services_of
from peterental.web.appointments.history import changed_fields
from peterental.web.appointments.homes import MAX_HOMES_SHOWN, home_names, ids_ignoring_case
from peterental.web.appointments.manual_forms import (
    BookForm,
    MoveForm,
    acknowledgement_token,
    is_repeated,
    parse_seen_token,
    seen_token,
)
from peterental.web.appointments.prefill import entries_from
from peterental.web.notices.of_viewing import notice_of_change
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer
from peterental.web.shell.template_filters import clock, long_day, zone_city, zone_name

PICKED_TIME = "%Y-%m-%dT%H:%M"
"""The value of the button that picks a free time, on the agent's wall clock."""

ACTION_RESULTS: dict[Action, str] = {
    "cancel": "was cancelled",
    "complete": "was marked as completed",
    "no_show": "was marked as a no-show",
    "reopen": "was restored",
}


def add_routes(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of the viewings."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/appointments/new", view_func=new, methods=both)
    blueprint.add_url_rule("/appointments/<int:appointment_id>/move", view_func=move, methods=both)
    blueprint.add_url_rule("/appointments/<int:appointment_id>/cancel", view_func=cancel, methods=both)
    add_outcome_routes(blueprint, "/appointments", _apply_action)


def add_outcome_routes(
    blueprint: Blueprint, prefix: str, view: Callable[[int, Action], Answer] | Callable[[int, Action], Response]
) -> None:
    """Add the addresses at which the outcome of a viewing is recorded, below a prefix."""
    for name, action in (("complete", "complete"), ("no-show", "no_show"), ("reopen", "reopen")):
        blueprint.add_url_rule(
            f"{prefix}/<int:appointment_id>/{name}",
            endpoint=action,
            view_func=view,
            methods=["POST"],
            defaults={"action": action},
        )


@preserves_form
def new() -> Answer:
    """Book a viewing manually, in one form that keeps its entries."""
    services, viewer = _services(), current_viewer()
    names = home_names(services.properties.options(viewer))
    form = BookForm(_sent()) if request.method == "POST" else _prefilled_form(services, viewer, names)
    agents = services.listing.agents(viewer, form.agent_id.data)
    form.offer(agents)
    if len(agents) == 1:
        form.agent_id.data = agents[0].agent_id
    if request.method == "GET" and "day" not in request.args:
        form.day.data = _today(agents, form.agent_id.data)
    homes = ids_ignoring_case(names)
    refusal: Refusal | None = None
    if _is_sent() and form.validate_on_submit():
        try:
            return _book(form.entry(homes))
        except Refusal as caught:
            refusal = caught
            _show_refusal(form, refusal)
    page = render_template(
        "appointments/new.html",
        form=form,
        free=_free(form, services, homes),
        has_agents=bool(agents),
        homes=list(names)[:MAX_HOMES_SHOWN],
        **_submission(refusal),
    )
    return page, _status(refusal)


def _prefilled_form(services: Services, viewer: Viewer, homes: Mapping[str, int]) -> BookForm:
    """Return the form with what the address says: fields, a home, or the call or message that the booking follows."""
    entries = MultiDict(entries_from(services, viewer, request.args, homes))
    form = BookForm(CombinedMultiDict([request.args, entries]), meta={"csrf": True})
    form.agent_id.data = QueryParams(request.args).text("agent")
    return form


def _today(agents: Sequence[AgentChoice], agent_id: str | None) -> date:
    """Return the day that it is where an agent works; that of the office if the agent is not one of `agents`."""
    zones = (ZoneInfo(agent.time_zone) for agent in agents if agent.agent_id == agent_id)
    return utc_now().astimezone(next(zones, config_of(current_app).office_zone)).date()


def _sent() -> MultiDict[str, str]:
    """Return what was sent, with the day and the time of the free time whose button was pressed, if one was."""
    try:
        picked = datetime.strptime(request.form.get("look", ""), PICKED_TIME)  # noqa: DTZ007  # the agent's wall clock
    except ValueError:
        return request.form
    entries = MultiDict(request.form)
    for name, value in (("day", f"{picked:%Y-%m-%d}"), ("slot", f"{picked:%H:%M}"), ("time", "")):
        entries[name] = value
    return entries


@preserves_form
def move(appointment_id: int) -> Answer:
    """Move a viewing to another time."""
    services, viewer = _services(), current_viewer()
    appointment, _ = services.manual.show(appointment_id, viewer)
    form = MoveForm(_sent() if request.method == "POST" else None)
    if request.method == "GET":
        form.day.data, form.other.data = _prefilled_time(appointment)
        form.seen.data = seen_token(appointment)
    refusal: Refusal | None = None
    if _is_sent() and form.validate_on_submit():
        try:
            return _move(appointment_id, parse_seen_token(form.seen.data), form.when())
        except Refusal as caught:
            refusal = caught
            _show_refusal(form, refusal)
    free = None
    if form.known_day is not None:
        free = services.free_times.on(appointment.agent_id, form.known_day, viewer, needs_of(appointment))
    page = render_template(
        "appointments/move.html",
        appointment=appointment,
        notified=notice_of_change(services, appointment, utc_now()),
        form=form,
        free=free,
        **_submission(refusal),
    )
    return page, _status(refusal)


def cancel(appointment_id: int) -> Answer:
    """Explain what cancelling a viewing means, and do it."""
    if request.method == "POST":
        return _apply_action(appointment_id, "cancel")
    services, now = _services(), utc_now()
    appointment, _ = services.manual.show(appointment_id, current_viewer())
    if appointment.status not in TRANSITIONS["cancel"].before:
        flash(str(InvalidTransition(status=appointment.status)), "refused")
        return redirect(url_for("appointments.show", appointment_id=appointment_id), 303)
    return render_template(
        "appointments/cancel.html",
        appointment=appointment,
        seen=seen_token(appointment),
        notified=notice_of_change(services, appointment, now),
        now=now,
    )


def _apply_action(appointment_id: int, action: Action) -> Answer:
    """Apply the action of a button."""
    here = redirect(url_for("appointments.show", appointment_id=appointment_id), 303)
    try:
        appointment = _services().manual.change(
            appointment_id, parse_seen_token(request.form.get("seen")), action, current_viewer()
        )
    except EditConflict as refusal:
        if not was_done_before(refusal, action):
            return conflict_page(refusal)
        appointment = refusal.current
    except HomeBusy as refusal:
        return _home_busy_page(appointment_id, refusal)
    except HomeTaken as refusal:
        flash(str(refusal), "refused")
        return here
    except SlotTaken:
        flash("That time was just booked. Choose another time.", "refused")
        return here
    except (NotStartedYet, InvalidTransition) as refusal:
        flash(str(refusal), "refused")
        return here
    flash(f"The viewing of {appointment.home} {ACTION_RESULTS[action]}.", "done")
    return here


def was_done_before(refusal: EditConflict, action: Action) -> bool:
    """Return whether the viewer already did to a viewing what its form asks for: the form was sent twice."""
    return _made_before(refusal, TRANSITIONS[action].kind) is not None


def _was_moved_there(refusal: EditConflict, when: WallClockTime) -> bool:
    """Return whether the viewer already moved a viewing to the time that its form asks for."""
    event = _made_before(refusal, "moved")
    start = refusal.current.local_start
    return event is not None and (start.date(), start.hour * 60 + start.minute) == (when.day, when.clock_min)


def _made_before(refusal: EditConflict, kind: EventKind) -> Event | None:
    viewer = current_viewer()
    _, events = _services().manual.show(refusal.current.appointment_id, viewer)
    return made_before(refusal.seen, events, kind, viewer.email)


def _book(entry: NewBooking) -> Answer:
    """Book a viewing and show it, or the one that the same form booked before. Raises Refusal for any other."""
    try:
        appointment = _services().manual.book(entry, current_viewer())
    except DuplicateSubmission as refusal:
        return _duplicate(refusal.appointment, entry)
    flash(_summary("Booked:", appointment), "done")
    return redirect(url_for("appointments.show", appointment_id=appointment.appointment_id), 303)


def _move(appointment_id: int, seen: ExpectedState | None, when: WallClockTime) -> Answer:
    """Move a viewing and show it, or the conflict with another change. Raises Refusal for any other."""
    try:
        moved = _services().manual.move(appointment_id, seen, when, current_viewer())
    except EditConflict as refusal:
        if not _was_moved_there(refusal, when):
            return conflict_page(refusal)
        moved = refusal.current
    return _moved(moved)


def _moved(appointment: Appointment) -> Response:
    flash(_summary("Moved:", appointment), "done")
    return redirect(url_for("appointments.show", appointment_id=appointment.appointment_id), 303)


def conflict_page(refusal: EditConflict) -> Answer:
    """Show the state of a viewing that the user saw, and its current state."""
    _, events = _services().manual.show(refusal.current.appointment_id, current_viewer())
    page = render_template(
        "appointments/edit_conflict.html",
        appointment=refusal.current,
        seen=refusal.seen,
        last=events[-1] if events else None,
        changed_fields=changed_fields,
        now=utc_now(),
    )
    return page, 409


def _home_busy_page(appointment_id: int, refusal: HomeBusy) -> Answer:
    """Show which viewing of the home keeps another one from being restored, and what to do."""
    appointment, _ = _services().manual.show(appointment_id, current_viewer())
    page = render_template("appointments/home_busy.html", appointment=appointment, other=refusal.other, now=utc_now())
    return page, 409


def _duplicate(appointment: Appointment, again: NewBooking) -> Response:
    """Redirect to the booking of a form that was sent twice.

    Warns if the second submission had other entries.
    """
    same = (again.property_address, again.attendee_name, again.agent_id) == (
        appointment.property_address,
        appointment.attendee_name,
        appointment.agent_id,
    )
    if same:
        flash(_summary("Already booked:", appointment), "done")
    else:
        flash("This form had already booked this viewing. Your later changes were not saved.", "refused")
    return redirect(url_for("appointments.show", appointment_id=appointment.appointment_id), 303)


def _free(form: BookForm, services: Services, homes: Mapping[str, int]) -> DayAvailability | None:
    """Return the free times of the chosen agent and day, and home if one is chosen; None unless both are chosen."""
    if not form.agent_id.data or form.known_day is None:
        return None
    try:
        needs = Needs(form.home_id(homes), form.known_minutes)
        return services.free_times.on(form.agent_id.data, form.known_day, current_viewer(), needs)
    except AgentUnknown:
        return None


def _prefilled_time(appointment: Appointment) -> tuple[date, time | None]:
    """Return the day and the time of the query string, such as those of a moved event; else the viewing's day."""
    params = QueryParams(request.args)
    day, minutes = params.day("day"), params.minutes("time")
    if day is None or minutes is None:
        return day or appointment.local_start.date(), None
    return day, time(*divmod(minutes, 60))


def _is_sent() -> bool:
    """Return whether a form was sent to book or move; its other button only looks for free times."""
    return request.method == "POST" and "look" not in request.form


def _submission(refusal: Refusal | None) -> dict[str, object]:
    """Return what both forms show once they were sent: warnings to confirm, or free times near one that is taken."""
    confirmation = refusal if isinstance(refusal, ConfirmationRequired) else None
    return {
        "confirmation": confirmation,
        "token": acknowledgement_token(confirmation.warnings) if confirmation else "",
        "nearest": refusal.nearest if isinstance(refusal, ConfirmationRequired | SlotUnavailable) else (),
        "is_sent": _is_sent(),
        "now": utc_now(),
    }


def _show_refusal(form: BookForm | MoveForm, refusal: Refusal) -> None:
    """Add a refusal to the form's errors; warnings have a place of their own."""
    if not isinstance(refusal, ConfirmationRequired):
        form.add_error(refusal, "other" if isinstance(refusal, TimeSkipped | SameTime) else None)


def _summary(begin: str, appointment: Appointment) -> str:
    zone, start = appointment.zone, appointment.start
    when = f"{long_day(start, zone, utc_now())}, {clock(start, zone)} {zone_name(start, zone)}"
    sentence = f"{begin} {appointment.attendee_name}, {when}, with {appointment.agent_name}."
    if is_repeated(start, zone):
        sentence += f" The clocks in {zone_city(zone.key)} show that time twice that night; this is the earlier one."
    return sentence


def _status(refusal: Refusal | None) -> int:
    if isinstance(refusal, ConfirmationRequired):
        return 409
    return 400 if _is_sent() else 200


def _services() -> Services:
    return services_of(current_app)
