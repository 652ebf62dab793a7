"""Which bookings are the caller's, and which of them a request is about. Pure.

A booking is the caller's if it has the caller's number, compared in E.164, or if this same call made it. On one number
several people may live: a booking under another name is another person's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peterental.appointments.model import (
    Appointment,
    BookingRequest,
    BookingUnconfirmed,
    IdentityMismatch,
    UnderAnotherName,
    WhichBooking,
)
from peterental.appointments.named_by_time import NOT_BY_TIME, NamedByTime
from peterental.calls.model import ToolCall, ToolInvocation
from peterental.folding import fold, word_set
from peterental.matching import (
    Match,
    Reason,
    ResolutionKind,
    candidates,
    is_area,
    is_placeholder_home,
    is_placeholder_name,
    names_match,
    without_denied,
)
from peterental.phone_numbers import same_number

if TYPE_CHECKING:
    from peterental.properties.model import Property


_OTHERS = word_set("other others otra otro otras otros")


@dataclass(frozen=True)
class Agreement:
    """The bookings that agree with a request.

    Args:
        bookings: those, soonest first.
        is_certain: False where the name or the address may have been misheard.
        differences: what tells several apart; may be empty.
        lacks_unit: the addresses agree but for a unit that only one of them names.
    """

    bookings: tuple[Appointment, ...]
    is_certain: bool = True
    differences: tuple[str, ...] = ()
    lacks_unit: bool = False


def callers_bookings(
    found: Sequence[Appointment], invocation: ToolInvocation, number: str | None, region: str
) -> tuple[Appointment, ...]:
    """Return those bookings that are the caller's, by number or because this call made them.

    Args:
        found: bookings whose number ends like the caller's, or with this call's id.
        invocation: the tool call.
        number: the caller's, in E.164; None for a withheld number.
        region: the country whose national numbers older bookings may have.
    """

    def is_own(booking: Appointment) -> bool:
        if number is not None and booking.caller_number is not None:
            return same_number(booking.caller_number, number, region)
        return bool(invocation.vapi_call_id) and booking.vapi_call_id == invocation.vapi_call_id

    return tuple(filter(is_own, found))


def given_name(request: BookingRequest) -> str | None:
    """Return the name in a request; None for a placeholder."""
    return _given(request.attendee_name, is_placeholder=is_placeholder_name(request.attendee_name or ""))


def given_home(request: BookingRequest) -> str | None:
    """Return the address in a request; None for a placeholder and for a part of town."""
    said = request.property_address or ""
    return _given(request.property_address, is_placeholder=is_placeholder_home(said) or is_area(said))


def wanted_home(request: BookingRequest) -> str | None:
    """Return the address in a request without what it turns down ("33 Boyd, not Elm"); None for a placeholder."""
    home = given_home(request)
    wanted, denied = without_denied(home or "")
    return (None if is_placeholder_home(wanted) else wanted) if denied else home


def _given(text: str | None, *, is_placeholder: bool) -> str | None:
    return None if is_placeholder else text


def at_home(bookings: Sequence[Appointment], said: str, home: Property | None = None) -> Agreement:
    """Return the bookings of one home: by its id where a booking has one, else by what was said of it.

    Args:
        bookings: the caller's.
        said: the caller's words.
        home: which they mean in the catalogue; None where that is not certain.
    """
    if home is not None:
        same = tuple(booking for booking in bookings if booking.property_id == home.property_id)
        if same:
            return Agreement(same)
        said, bookings = home.address, [booking for booking in bookings if booking.property_id is None]
    wanted, denied = without_denied(said)
    gone = {at for piece in denied for at in candidates(piece, [booking.home for booking in bookings]).indexes}
    if gone:  # "not the Elm one, the other one"
        said, bookings = wanted, [booking for at, booking in enumerate(bookings) if at not in gone]
        if is_placeholder_home(wanted):
            return Agreement(tuple(bookings), is_certain=not _OTHERS.isdisjoint(re.findall(r"\w+", fold(wanted))))
    found = candidates(said, [booking.home for booking in bookings])
    agreeing = tuple(bookings[at] for at in found.indexes)
    return Agreement(
        agreeing,
        is_certain=found.outcome is not ResolutionKind.CONFIRM,
        differences=found.options if _tell_apart(found.options) else (),
        lacks_unit=found.reason is Reason.NO_UNIT,
    )


def _tell_apart(differences: Sequence[str]) -> bool:
    """Return whether every booking has a difference of its own that can be said."""
    return len(set(differences)) == len(differences) and not any(text.startswith("no ") for text in differences)


def agreeing_with(bookings: Sequence[Appointment], request: BookingRequest, named: Property | None = None) -> Agreement:
    """Return the bookings that agree with every fact in a request. Raise IdentityMismatch where there is none.

    A misheard name agrees where the address does too.

    Args:
        bookings: the caller's.
        request: what was asked for.
        named: the home of the catalogue that the request certainly names.
    """
    name, home = given_name(request), given_home(request)
    verdicts = {booking.appointment_id: names_match(name, booking.attendee_name) for booking in bookings if name}
    own = [b for b in bookings if verdicts.get(b.appointment_id) is not Match.DIFFERENT]
    agreement = at_home(own, home, named) if home else Agreement(tuple(own))
    if not agreement.bookings:
        raise IdentityMismatch
    is_misheard = any(verdicts.get(b.appointment_id) is Match.UNSURE for b in agreement.bookings)
    if is_misheard and len(agreement.bookings) > 1:
        sure = tuple(b for b in agreement.bookings if verdicts.get(b.appointment_id) is Match.SAME)
        if sure:
            return Agreement(sure, agreement.is_certain)
    return Agreement(
        agreement.bookings, agreement.is_certain and (not is_misheard or bool(home)), agreement.differences
    )


def bookings_to_name(
    bookings: Sequence[Appointment], request: BookingRequest, named: Property | None, by_time: NamedByTime
) -> Agreement | None:
    """Return the bookings that agree with every fact in a request; None where it gives neither a name nor an address.

    A day ("the one on Friday") leaves only the bookings of that day. Alone it is no fact: it is guessed too easily.
    Raise IdentityMismatch where no booking agrees.

    Args:
        bookings: the caller's, at least one.
        request: what was asked for.
        named: the home of the catalogue that the request certainly names.
        by_time: which of the bookings it names by day or time.
    """
    is_day_as_home = by_time.as_home is not None and not _is_at_certain_home(bookings, request, named)
    if is_day_as_home:
        request = replace(request, property_address=None)
    if not given_name(request) and not given_home(request):
        return None
    on_day = (by_time.as_home if is_day_as_home else None, by_time.as_time)
    left = [b for b in bookings if all(ids is None or b.appointment_id in ids for ids in on_day)]
    if not left:
        raise IdentityMismatch
    return agreeing_with(left, request, named)


def named_in_question(bookings: Sequence[Appointment], asked: ToolCall) -> tuple[Appointment, ...]:
    """Return the bookings that the question which one is meant named, in that order; none where it named none.

    Args:
        bookings: the caller's, soonest first.
        asked: the tool call that was answered with the question.
    """
    name, home = asked.arguments.get("attendee_name"), asked.arguments.get("property_address")
    request = BookingRequest(
        attendee_name=name if isinstance(name, str) else None,
        property_address=home if isinstance(home, str) else None,
    )
    if not given_name(request) and not given_home(request):
        return ()
    try:
        return agreeing_with(bookings, request).bookings
    except IdentityMismatch:
        return ()


def booking_to_change(
    bookings: Sequence[Appointment],
    request: BookingRequest,
    implied_name: str | None,
    *,
    is_confirmed: bool,
    named: Property | None = None,
    by_time: NamedByTime = NOT_BY_TIME,
) -> Appointment:
    """Return the one booking that a request is about.

    Raise IdentityMismatch, WhichBooking, BookingUnconfirmed, and UnderAnotherName where the request names no fact and
    the caller gave another name earlier.

    Args:
        bookings: the caller's, at least one.
        request: what was asked for.
        implied_name: the name that the caller gave earlier in this call.
        is_confirmed: whether the caller was asked about this very request before.
        named: the home of the catalogue that the request certainly names.
        by_time: which of the bookings it names by day or time.
    """
    is_proven = bool(given_name(request) or given_home(request))
    if by_time.as_home is not None and not _is_at_certain_home(bookings, request, named):
        bookings = tuple(booking for booking in bookings if booking.appointment_id in by_time.as_home)
        request = replace(request, property_address=None)
        if not bookings:
            raise IdentityMismatch
    if not is_proven and implied_name and not is_placeholder_name(implied_name):
        own = tuple(b for b in bookings if names_match(implied_name, b.attendee_name) is not Match.DIFFERENT)
        if not own:
            raise UnderAnotherName
        bookings = own
    agreement = _at_named_time(agreeing_with(bookings, request, named), by_time, is_confirmed=is_confirmed)
    if len(agreement.bookings) > 1:
        raise WhichBooking(agreement.bookings, proven=is_proven, differences=agreement.differences)
    if (by_time.is_left_over or not agreement.is_certain) and not is_confirmed:
        raise BookingUnconfirmed(agreement.bookings[0])
    return agreement.bookings[0]


def _is_at_certain_home(bookings: Sequence[Appointment], request: BookingRequest, named: Property | None) -> bool:
    """Return whether the words that may be a day are the address of a booking, for sure: a street called Friday."""
    agreement = at_home(bookings, given_home(request) or "", named)
    return bool(agreement.bookings) and agreement.is_certain


def _at_named_time(agreement: Agreement, by_time: NamedByTime, *, is_confirmed: bool) -> Agreement:
    """Return the agreement without bookings at another time than was named.

    Raise BookingUnconfirmed where the only one that agrees otherwise is at another time.
    """
    for named in (by_time.as_time, by_time.as_answer):
        fitting = tuple(b for b in agreement.bookings if named is not None and b.appointment_id in named)
        if fitting and len(fitting) < len(agreement.bookings):
            return replace(agreement, bookings=fitting, differences=())
    is_other = by_time.as_time is not None and not _ids_of(agreement) & by_time.as_time
    if is_other and len(agreement.bookings) == 1 and not is_confirmed:
        raise BookingUnconfirmed(agreement.bookings[0])
    return agreement


def _ids_of(agreement: Agreement) -> frozenset[int]:
    return frozenset(booking.appointment_id for booking in agreement.bookings)


def is_same_person(one: str, other: str) -> bool:
    """Return whether two names may be one person's, where number and home agree."""
    return names_match(one, other) is not Match.DIFFERENT
