"""Operations on the token's user and on agents."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from peterental.users.tokens.model import SCOPES
from peterental.web.api.cursors import page_cursor, page_of
from peterental.web.api.documents import (
    AgentDocument,
    AgentList,
    AgentsQuery,
    FreeDayDocument,
    FreeTimesDocument,
    FreeTimesQuery,
    MeDocument,
    TimeDocument,
    hours_documents,
)
from peterental.web.api.operations import Answer, Call, Operation
from peterental.web.api.problems import FieldError, invalid

if TYPE_CHECKING:
    from datetime import date

    from peterental.agents.model import Agent

FIRST_YEAR, LAST_YEAR = 2000, 2999


def me(call: Call) -> Answer:
    """Return who the token works for."""
    token = call.token
    return Answer(
        document=MeDocument(
            email=token.viewer.email,
            role="admin" if token.viewer.is_admin else "agent",
            token_name=token.name,
            token_prefix=token.prefix,
            scopes=[scope for scope in SCOPES if scope in token.scopes],
            expires_at=token.expires_at and token.expires_at.astimezone(UTC),
        )
    )


def listing(call: Call) -> Answer:
    """Return the agents that the user may see."""
    query: AgentsQuery = call.query
    page = page_of(query.cursor)
    found = call.services.agents.listing(call.viewer, text=query.q, page=page)
    return Answer(
        document=AgentList(
            data=[_document(agent) for agent in found.agents], next_cursor=page_cursor(page, has_more=found.has_more)
        )
    )


def get(call: Call) -> Answer:
    """Return one agent."""
    return Answer(document=_document(call.services.agents.get(call.path["agent_id"], call.viewer)))


def free_times(call: Call) -> Answer:
    """Return an agent's free times."""
    query: FreeTimesQuery = call.query
    require_known_year("from", query.first)
    home = None if query.home_id is None else call.services.properties.get(query.home_id, call.viewer)
    agent, days = call.services.free_times.on_days(
        call.path["agent_id"], query.first, query.days, call.viewer, home=home
    )
    return Answer(
        document=FreeTimesDocument(
            agent_id=agent.agent_id,
            time_zone=agent.time_zone,
            days=[
                FreeDayDocument(
                    day=day,
                    times=[
                        TimeDocument(start=start.astimezone(agent.zone), start_utc=start.astimezone(UTC))
                        for start in times
                    ],
                )
                for day, times in days.items()
            ],
        )
    )


def require_known_year(field: str, day: date | None) -> None:
    """Raise ApiError for a day that calendars and time zones do not reach."""
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise invalid([FieldError(field, f"Choose a day from {FIRST_YEAR} to {LAST_YEAR}.")])


def _document(agent: Agent) -> AgentDocument:
    rules = agent.rules
    return AgentDocument(
        agent_id=agent.agent_id,
        name=agent.agent_name,
        time_zone=agent.time_zone,
        language=agent.language,
        is_active=agent.is_active,
        viewing_minutes=rules.slot_minutes,
        step_minutes=rules.step_minutes,
        buffer_minutes=rules.buffer_minutes,
        notice_minutes=rules.notice_minutes,
        horizon_days=rules.horizon_days,
        daily_cap=rules.daily_cap,
        hours=hours_documents(rules.week),
        updated_at=agent.updated_at and agent.updated_at.astimezone(UTC),
    )


OPERATIONS = (
    Operation(
        method="GET", path="/me", name="getMe", summary="Get who the token works for", run=me, document=MeDocument
    ),
    Operation(
        method="GET",
        path="/agents",
        name="listAgents",
        summary="List agents",
        run=listing,
        document=AgentList,
        query=AgentsQuery,
    ),
    Operation(
        method="GET",
        path="/agents/{agent_id}",
        name="getAgent",
        summary="Get an agent and its rules",
        run=get,
        document=AgentDocument,
        problems=("agent_not_found",),
    ),
    Operation(
        method="GET",
        path="/agents/{agent_id}/free-times",
        name="listFreeTimes",
        summary="List the free times of an agent",
        description=(
            "Working hours, minimum notice, busy times and viewings count; with `home_id`, the home's rules and"
            " viewings, too. Of this agent alone, also where its line books for several: see listLineFreeTimes."
        ),
        run=free_times,
        document=FreeTimesDocument,
        query=FreeTimesQuery,
        problems=("agent_not_found", "home_not_found"),
    ),
)
