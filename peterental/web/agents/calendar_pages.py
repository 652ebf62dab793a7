"""Calendar pages of an agent: week view, printable day sheet, statistics."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, current_app, render_template, request

from peterental.appointments.calendar.statistics import MAX_COUNTED, STATUSES
from peterental.services import services_of
from peterental.web.agents.chart import chart, percent
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)
TODAY_INSTEAD = " Today is shown instead."


def add_routes(blueprint: Blueprint) -> None:
    """Add the calendar pages to the blueprint of the agents."""
    blueprint.add_url_rule("/<path:agent_id>/week", view_func=week)
    blueprint.add_url_rule("/<path:agent_id>/day", view_func=day)
    blueprint.add_url_rule("/<path:agent_id>/figures", view_func=statistics)


def week(agent_id: str) -> str:
    """Show the week that contains `from`.

    Runs four queries; the page is at most 60 KB.
    """
    params = QueryParams(request.args)
    on = params.day("from", TODAY_INSTEAD)
    found = services_of(current_app).calendar.week(agent_id, current_viewer(), on)
    return render_template(
        "agents/week.html",
        week=found,
        agent=found.agent,
        columns=list(found.columns()),
        warnings=params.warnings,
        before=found.monday - A_WEEK,
        after=found.monday + A_WEEK,
    )


def day(agent_id: str) -> str:
    """Show one day as a printable sheet.

    Runs four queries; the page is at most 60 KB.
    """
    params = QueryParams(request.args)
    on = params.day("on", TODAY_INSTEAD)
    agent, today, found = services_of(current_app).calendar.day_sheet(agent_id, current_viewer(), on)
    return render_template(
        "agents/day.html",
        agent=agent,
        today=today,
        sheet=found,
        warnings=params.warnings,
        before=found.day - A_DAY,
        after=found.day + A_DAY,
    )


def statistics(agent_id: str) -> str:
    """Show the statistics of the last twelve weeks. Runs three queries."""
    found = services_of(current_app).calendar.statistics(agent_id, current_viewer())
    weeks = found.weeks
    return render_template(
        "agents/statistics.html",
        statistics=found,
        agent=found.agent,
        statuses=STATUSES,
        percent=percent,
        max_counted=MAX_COUNTED,
        viewings=chart(weeks, [[(status, week.viewings.get(status, 0)) for status in STATUSES] for week in weeks]),
        calls=chart(
            weeks, [[("booked", week.calls_booked), ("unbooked", week.calls - week.calls_booked)] for week in weeks]
        ),
    )
