"""Operations on viewings: list, get, book, move, cancel, complete, no-show, restore."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec

from peterental.appointments.listing.model import Filter, Position
from peterental.appointments.manual.model import (
    Action,
    DuplicateSubmission,
    EditConflict,
    ExpectedState,
    NewBooking,
    ViewingEdit,
    WallClockTime,
)
from peterental.appointments.viewing_document import viewing_document
from peterental.clock import in_utc, instant_of
from peterental.web.api.agents import FIRST_YEAR, LAST_YEAR, require_known_year
from peterental.web.api.cursors import position_cursor, position_of
from peterental.web.api.documents import (
    BookingBody,
    EditBody,
    MoveBody,
    ViewingEventDocument,
    ViewingList,
    ViewingsQuery,
    ViewingWithHistory,
)
from peterental.web.api.operations import Answer, Call, Operation
from peterental.web.api.problems import ApiError, FieldError, invalid

if TYPE_CHECKING:
    from peterental.appointments.manual.model import Event
    from peterental.appointments.model import Appointment

Given = TypeVar("Given")


ACTION_PATHS: dict[Action, tuple[str, str, str]] = {
    "cancel": ("cancel", "cancelViewing", "Cancel a viewing"),
    "complete": ("complete", "completeViewing", "Mark a viewing as completed"),
    "no_show": ("no-show", "markViewingAsNoShow", "Mark a viewing as a no-show"),
    "reopen": ("restore", "restoreViewing", "Restore a viewing that was cancelled, completed or a no-show"),
}
"""The end of the path, the operationId and the summary of each action."""


def listing(call: Call) -> Answer:
    """Return viewings in order of time."""
    query: ViewingsQuery = call.query
    days = {"from": query.first, "to": query.last}
    errors = [
        FieldError(name, f"Choose a day from {FIRST_YEAR} to {LAST_YEAR}.")
        for name, day in days.items()
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR
    ]
    if errors:
        raise invalid(errors)
    wanted = Filter(
        agent_id=query.agent_id, status=query.status, first_day=query.first, last_day=query.last, text=query.q or None
    )
    found = call.services.listing.following(call.viewer, wanted, position_of(query.cursor), query.limit)
    last = found.appointments[-1] if found.has_more else None
    return Answer(
        document=ViewingList(
            data=[viewing_document(viewing) for viewing in found.appointments],
            next_cursor=position_cursor(Position(last.start, last.appointment_id)) if last else None,
        )
    )


def get(call: Call) -> Answer:
    """Return a viewing with its history."""
    return shown(call, call.path["viewing_id"])


def book(call: Call) -> Answer:
    """Book a viewing."""
    body: BookingBody = call.body
    agent = call.services.agents.get(body.agent_id, call.viewer)
    entry = NewBooking(
        agent_id=agent.agent_id,
        when=_wall_clock(body.start, agent.zone, frozenset(body.acknowledge)),
        key=booking_key(call),
        property_address=required_home(call, body.home, body.home_id),
        property_id=body.home_id,
        attendee_name=body.visitor_name,
        attendee_email=body.visitor_email or None,
        attendee_phone=body.visitor_phone or None,
        duration_min=body.minutes,
    )
    return booked(call, lambda: call.services.manual.book(entry, call.viewer, record=call.record))


def move(call: Call) -> Answer:
    """Move a viewing."""
    body: MoveBody = call.body

    def change(current: Appointment, seen: ExpectedState) -> None:
        when = _wall_clock(body.start, current.zone, frozenset(body.acknowledge))
        call.services.manual.move(current.appointment_id, seen, when, call.viewer, record=call.record)

    return _changed(call, change)


def edit(call: Call) -> Answer:
    """Change everything about a viewing but its time and its status."""
    body: EditBody = call.body

    def change(current: Appointment, seen: ExpectedState) -> None:
        home_id = None if body.home_id is msgspec.UNSET else body.home_id
        home = _home(call, None if body.home is msgspec.UNSET else body.home, home_id)
        entry = ViewingEdit(
            agent_id=_or(body.agent_id, current.agent_id),
            duration_min=_or(body.minutes, None),
            property_address=home or current.property_address,
            property_id=home_id if home is not None else current.property_id,
            attendee_name=_or(body.visitor_name, current.attendee_name),
            attendee_email=_or(body.visitor_email, current.attendee_email) or None,
            attendee_phone=_or(body.visitor_phone, current.attendee_phone) or None,
            notes=_or(body.notes, current.notes) or None,
            acknowledged=frozenset(body.acknowledge),
        )
        call.services.manual.edit(current.appointment_id, seen, entry, call.viewer, record=call.record)

    return _changed(call, change)


def act(action: Action) -> Callable[[Call], Answer]:
    """Return the operation that does an action on a viewing."""

    def run(call: Call) -> Answer:
        return _changed(
            call,
            lambda current, seen: call.services.manual.change(
                current.appointment_id, seen, action, call.viewer, record=call.record
            ),
        )

    return run


def replayed(call: Call, *, is_new: bool) -> Answer:
    """Return the viewing that an earlier request with the same Idempotency-Key made (`is_new`) or changed."""
    assert call.counted is not None  # noqa: S101  # tells mypy
    viewing_id = call.counted.appointment_id
    assert viewing_id is not None  # noqa: S101  # tells mypy; a finished request has it
    return replace(shown(call, viewing_id), is_replay=True, location=viewing_path(viewing_id) if is_new else None)


def viewing_path(viewing_id: int) -> str:
    """Return the path of a viewing."""
    return f"/api/v1/viewings/{viewing_id}"


def version_of(viewing: Appointment) -> str:
    """Return the state of a viewing for its ETag: `updated_at`, which grows with every change, in microseconds."""
    assert viewing.updated_at is not None  # noqa: S101  # tells mypy; it was read from the database
    return str((viewing.updated_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def _or(value: Given | msgspec.UnsetType, present: Given) -> Given:
    """Return a field's value, or the present one if it was left out."""
    return present if isinstance(value, msgspec.UnsetType) else value


def required_home(call: Call, home: str | None, home_id: int | None) -> str:
    """Return the name of the home that a body names. Raises ApiError if it names none or two."""
    name = _home(call, home, home_id)
    if name is None:
        raise invalid([FieldError("home", "Send `home` or `home_id`.")])
    return name


def _home(call: Call, home: str | None, home_id: int | None) -> str | None:
    """Return the name of the home that a body names; None if it names none. Raises ApiError if it names two."""
    if home_id is None:
        return home
    if home is not None:
        raise invalid([FieldError("home_id", "Send either `home` or `home_id`.")])
    return call.services.properties.get(home_id, call.viewer).label


def shown(call: Call, viewing_id: int) -> Answer:
    """Return a viewing as the answer of an operation."""
    viewing, events = call.services.manual.show(viewing_id, call.viewer)
    document = ViewingWithHistory(
        **msgspec.structs.asdict(viewing_document(viewing)),
        notes=viewing.notes,
        history=[_event(event) for event in events],
    )
    return Answer(document=document, version=version_of(viewing), viewing_id=viewing_id)


def _changed(call: Call, change: Callable[[Appointment, ExpectedState], object]) -> Answer:
    """Change a viewing from the state that the tool has read, or from the present one if it does not say."""
    viewing_id: int = call.path["viewing_id"]
    current, _ = call.services.manual.show(viewing_id, call.viewer)
    if call.if_match not in {None, "*", version_of(current)}:
        raise EditConflict(None, current)
    assert current.updated_at is not None  # noqa: S101  # tells mypy
    try:
        change(current, ExpectedState(current.updated_at, current.start, current.status))
    except EditConflict as conflict:
        if call.if_match in {None, "*"}:
            raise ApiError("changed_meanwhile", str(conflict)) from conflict
        raise
    return shown(call, viewing_id)


def require_whole_minute(start: datetime) -> None:
    """Raise ApiError for a start that no viewing can have."""
    require_known_year("start", start)
    if start.second or start.microsecond:
        raise invalid([FieldError("start", "A viewing starts at a whole minute.")])


def booking_key(call: Call) -> str:
    """Return the key by which a repetition of this request is recognised: of its Idempotency-Key, else a new one."""
    return call.counted.form_key if call.counted else f"api-{secrets.token_urlsafe(24)}"


def booked(call: Call, book: Callable[[], Appointment]) -> Answer:
    """Return the viewing that `book` books, or that the same request booked before."""
    is_replay = False
    try:
        viewing = book()
    except DuplicateSubmission as refusal:
        viewing, is_replay = refusal.appointment, True
    answer = shown(call, viewing.appointment_id)
    return replace(answer, location=viewing_path(viewing.appointment_id), is_replay=is_replay)


def _wall_clock(start: datetime, zone: ZoneInfo, acknowledged: frozenset[str]) -> WallClockTime:
    """Return a moment on an agent's wall clock. Raises ApiError for one that it cannot show."""
    require_whole_minute(start)
    local = start.astimezone(zone)
    when = WallClockTime(day=local.date(), clock_min=local.hour * 60 + local.minute, acknowledged=acknowledged)
    if instant_of(when.day, when.clock_min, zone) != start:
        sentence = "The clocks show that time twice that night. Only the earlier one can be booked."
        raise invalid([FieldError("start", sentence)])
    return when


def _event(event: Event) -> ViewingEventDocument:
    return ViewingEventDocument(
        kind=event.kind,
        happened_at=event.happened_at.astimezone(UTC),
        actor=event.actor,
        old_start=in_utc(event.old_start),
        new_start=in_utc(event.new_start),
        changes={name: list(values) for name, values in event.changes.items()},
    )


assert set(ACTION_PATHS) == set(get_args(Action))  # noqa: S101 - a new action needs a path

OPERATIONS = (
    Operation(
        method="GET",
        path="/viewings",
        name="listViewings",
        summary="List viewings, earliest first",
        run=listing,
        document=ViewingList,
        query=ViewingsQuery,
        problems=("agent_not_found",),
    ),
    Operation(
        method="POST",
        path="/viewings",
        name="bookViewing",
        summary="Book a viewing",
        description=(
            "Books as the page does: a time with warnings (outside working hours, past, overlapping …) is refused with"
            " `confirmation_required` until `acknowledge` is sent back. Send an `Idempotency-Key`: then a repetition"
            " never books twice."
        ),
        run=book,
        document=ViewingWithHistory,
        scope="book",
        status=201,
        body=BookingBody,
        needs_body=True,
        problems=("agent_not_found", "home_not_found", "confirmation_required", "slot_taken"),
    ),
    Operation(
        method="GET",
        path="/viewings/{viewing_id}",
        name="getViewing",
        summary="Get a viewing with its history",
        run=get,
        document=ViewingWithHistory,
        problems=("viewing_not_found",),
    ),
    Operation(
        method="PATCH",
        path="/viewings/{viewing_id}",
        name="editViewing",
        summary="Change a viewing's visitor, home, agent, length or notes",
        description="What is left out stays. Its time is changed by moveViewing.",
        run=edit,
        document=ViewingWithHistory,
        scope="book",
        body=EditBody,
        needs_body=True,
        problems=(
            "viewing_not_found",
            "agent_not_found",
            "home_not_found",
            "confirmation_required",
            "slot_taken",
            "not_possible",
            "nothing_changed",
        ),
    ),
    Operation(
        method="POST",
        path="/viewings/{viewing_id}/move",
        name="moveViewing",
        summary="Move a viewing to another time",
        description="Its length stays. Warnings are handled as when booking.",
        run=move,
        document=ViewingWithHistory,
        scope="book",
        body=MoveBody,
        needs_body=True,
        problems=("viewing_not_found", "confirmation_required", "slot_taken", "same_time", "not_possible", "changed"),
    ),
    *(
        Operation(
            method="POST",
            path=f"/viewings/{{viewing_id}}/{path}",
            name=name,
            summary=summary,
            run=act(action),
            document=ViewingWithHistory,
            scope="book",
            problems=("viewing_not_found", "not_possible", "not_started", "slot_taken", "changed"),
        )
        for action, (path, name, summary) in ACTION_PATHS.items()
    ),
)
