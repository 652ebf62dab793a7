"""Operations on lines: free times of all agents whom a line books, and bookings that leave the agent open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from peterental.appointments.line_bookings.model import LineBooking
from peterental.web.api.agents import require_known_year
from peterental.web.api.documents import (
    FreeTimesQuery,
    LineBookingBody,
    LineDayDocument,
    LineFreeTimesDocument,
    LineTimeDocument,
    ViewingWithHistory,
)
from peterental.web.api.operations import Answer, Call, Operation
from peterental.web.api.viewings import booked, booking_key, require_whole_minute, required_home


def free_times(call: Call) -> Answer:
    """Return the free times of a line."""
    query: FreeTimesQuery = call.query
    require_known_year("from", query.first)
    if query.home_id is not None:
        call.services.properties.get(query.home_id, call.viewer)
    found = call.services.line_bookings.free_days(
        call.path["agent_id"], query.first, query.days, call.viewer, property_id=query.home_id
    )
    return Answer(
        document=LineFreeTimesDocument(
            line_agent_id=found.holder.agent_id,
            time_zone=found.holder.time_zone,
            choice=found.choice,
            agent_ids=[agent.agent_id for agent in found.agents],
            days=[_day(day, times, found.holder.zone) for day, times in found.days.items()],
        )
    )


def _day(day: date, times: Mapping[datetime, Sequence[str]], zone: ZoneInfo) -> LineDayDocument:
    return LineDayDocument(
        day=day,
        times=[
            LineTimeDocument(start=start.astimezone(zone), start_utc=start.astimezone(UTC), agent_ids=list(free))
            for start, free in times.items()
        ],
    )


def book(call: Call) -> Answer:
    """Book a viewing with the agent whom the line chooses."""
    body: LineBookingBody = call.body
    require_whole_minute(body.start)
    agent = call.services.agents.get(call.path["agent_id"], call.viewer)
    entry = LineBooking(
        line_agent_id=agent.agent_id,
        start=body.start.astimezone(UTC),
        key=booking_key(call),
        property_address=required_home(call, body.home, body.home_id),
        property_id=body.home_id,
        attendee_name=body.visitor_name,
        attendee_email=body.visitor_email or None,
        attendee_phone=body.visitor_phone or None,
    )
    return booked(call, lambda: call.services.line_bookings.book(entry, call.viewer, record=call.record))


OPERATIONS = (
    Operation(
        method="GET",
        path="/agents/{agent_id}/line/free-times",
        name="listLineFreeTimes",
        summary="List the free times of an agent's line",
        description=(
            "A line can book for several agents. A time is free if one of them is free and, with `home_id`, shows that"
            " home: what callers of the line are offered. The times of one agent alone: listFreeTimes."
        ),
        run=free_times,
        document=LineFreeTimesDocument,
        query=FreeTimesQuery,
        problems=("agent_not_found", "home_not_found", "forbidden", "refused"),
    ),
    Operation(
        method="POST",
        path="/agents/{agent_id}/line/viewings",
        name="bookLineViewing",
        summary="Book a viewing with one of the agents of an agent's line",
        description=(
            "The line chooses one of its agents who are free then and show the home, as for its callers: the first in"
            " order, or in turn. The viewing takes the length of that agent or of the home. A time that none of them"
            " has free is refused; to book it anyway, choose an agent: bookViewing. Send an `Idempotency-Key`: then a"
            " repetition never books twice."
        ),
        run=book,
        document=ViewingWithHistory,
        scope="book",
        status=201,
        body=LineBookingBody,
        needs_body=True,
        problems=("agent_not_found", "home_not_found", "slot_taken", "not_free"),
    ),
)
