"""Decide what a request to wait for a time leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.appointments.date_parsing import Clarification, parse_search
from peterental.appointments.model import (
    CallEnded,
    NumberMissing,
    TimesOffered,
    TimeUnclear,
)
from peterental.appointments.slot_search import none_available
from peterental.appointments.team_availability import TeamAvailability
from peterental.notices.waitlist.model import OnWaitlist, WaitlistUnavailable
from peterental.notices.waitlist.windows import wanted_periods
from peterental.phone_numbers import means_caller_number, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peterental.appointments.availability import Availability
    from peterental.appointments.date_parsing import Search
    from peterental.appointments.home_choice import HomeChoice
    from peterental.appointments.model import BookingRequest
    from peterental.appointments.phone_requests import RequestContext
    from peterental.calls.model import Outcome
    from peterental.notices.waitlist.model import Period


@dataclass(frozen=True, kw_only=True)
class Joining:
    """A new entry of the waitlist, if the number can be texted.

    Args:
        outcome: what the caller hears then.
        agent_id: whose times the caller waits for.
        home: as it is stored: what was said, and the home of the catalogue.
        name, phone: as stored; the number is in E.164.
        wanted: the starting times that suit.
    """

    outcome: OnWaitlist
    agent_id: str
    home: HomeChoice
    name: str
    phone: str
    wanted: tuple[Period, ...]


def decide(context: RequestContext, request: BookingRequest, *, may_offer: bool) -> Joining | Outcome:
    """Return the entry to add; the free times, if the caller can be offered what is asked for; or raise a Refusal.

    Args:
        context: the tool call, and the agent with its schedule.
        request: the arguments.
        may_offer: whether the calendar was read recently enough to offer times.
    """
    _ = context.active_agent
    choice, name = context.required_home_and_name(request)
    availability = context.availability(home=choice.home)
    search = _search(context, request, availability)
    wanted = wanted_periods(search, availability)
    free = (start for start in availability.free() if _is_inside(start, wanted)) if may_offer else iter(())
    times = availability.pick_diverse(free)
    if times:
        return TimesOffered(choice.label, times)
    able = _agents_who_can(context, availability, wanted)
    if not able:
        return none_available(availability, search, choice.label)  # raises TooFar for days beyond the horizon
    if context.call_history.has_ended:
        raise CallEnded
    phone = _number_to_text(context, request)
    return Joining(
        outcome=OnWaitlist(choice.label, search),
        agent_id=_agent_waited_for(context, able),
        home=choice,
        name=name,
        phone=phone,
        wanted=wanted,
    )


def _search(context: RequestContext, request: BookingRequest, availability: Availability) -> Search:
    """Return the times that are asked for. Raise TimeUnclear."""
    parse_context = context.parse_context(request, rules=availability.rules)
    found = parse_search(request.date, request.time_of_day, parse_context)
    if isinstance(found, Clarification):
        raise TimeUnclear(found)
    return found


def _can_come(availability: Availability, wanted: Sequence[Period]) -> bool:
    """Return whether a viewing, taken or not, may start inside the periods: otherwise waiting is useless."""
    starts = (start for day in availability.days() for start in availability.starts_on(day))
    return any(start >= availability.earliest and _is_inside(start, wanted) for start in starts)


def _agents_who_can(context: RequestContext, availability: Availability, wanted: Sequence[Period]) -> list[str]:
    """Return the agents who can show the home at one of the times, in order; on a shared line there may be several."""
    if isinstance(availability, TeamAvailability):
        return [each.agent.agent_id for each in availability.members if _can_come(each.availability, wanted)]
    return [context.known_agent.agent_id] if _can_come(availability, wanted) else []


def _agent_waited_for(context: RequestContext, able: Sequence[str]) -> str:
    """Return the agent whose times a caller waits for: the line's own if that can, or the first in order.

    An offer is made of one agent's times.
    """
    holder_id = context.known_agent.agent_id
    return holder_id if holder_id in able else able[0]


def _is_inside(start: datetime, wanted: Sequence[Period]) -> bool:
    return any(first <= start < until for first, until in wanted)


def _number_to_text(context: RequestContext, request: BookingRequest) -> str:
    """Return the number for the text, the caller's own if no other was given.

    Raise NumberMissing once if there is none, and WaitlistUnavailable if there is still none afterwards.
    """
    given = request.attendee_phone
    phone = normalise(given, context.region) if given and not means_caller_number(given) else context.caller_number
    if phone is not None:
        return phone
    if context.was_asked("number-needed"):
        raise WaitlistUnavailable
    raise NumberMissing
