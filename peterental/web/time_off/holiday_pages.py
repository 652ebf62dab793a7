"""The page that offers public holidays as closures of the office. None is added unasked."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.agents.time_off.model import ClosureEntry
from peterental.agents.time_off.public_holidays import HOME_COUNTRY, countries, public_holidays, states
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.phone_numbers import region_of
from peterental.plural import counted
from peterental.services import services_of
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

Answer = Response | str | tuple[str, int]

YEARS_AHEAD = 2
"""The page offers this year and the next two."""


def add_routes(blueprint: Blueprint) -> None:
    """Add this page to the blueprint of time off."""
    blueprint.add_url_rule("/holidays", view_func=holidays, methods=["GET", "POST"])


@preserves_form
def holidays() -> Answer:
    """Offer the public holidays of a country or state, and close the office on the chosen ones."""
    viewer, services = current_viewer(), services_of(current_app)
    require_admin(viewer)
    params = QueryParams(request.args)
    zone = config_of(current_app).default_time_zone
    own = region_of(zone)
    fallback = own if own in countries() else HOME_COUNTRY
    country = params.choice("country", countries(), "There is no country {}.") or fallback
    state = params.choice("state", states(country), "There is no state {} in that country.")
    today = utc_now().date()
    years = [today.year + ahead for ahead in range(YEARS_AHEAD + 1)]
    year = int(params.choice("year", [str(year) for year in years], "Holidays of {} are not offered.") or 0)
    first, last = (max(today, date(year, 1, 1)), date(year, 12, 31)) if year else (today, date(years[1], 12, 31))
    offered = public_holidays(country, state, first, last)
    form, ticked = PageForm(), set(request.form.getlist("day"))
    if form.validate_on_submit():
        entries = [
            ClosureEntry(name=holiday.name, first_day=holiday.day, last_day=holiday.day)
            for holiday in offered
            if holiday.day.isoformat() in ticked
        ]
        if entries:
            added = services.closures.add(entries, viewer)
            flash(f"The office is closed on {counted(len(added), 'more day')}.", "done")
            return redirect(url_for("time_off.index"), 303)
        form.form_errors.append("Tick the days on which the office is closed.")
    closed = {
        holiday.day: closure
        for closure in services.closures.of_days(first, last, viewer)
        for holiday in offered
        if closure.first_day <= holiday.day <= closure.last_day
    }
    page = render_template(
        "time_off/holidays.html",
        form=form,
        ticked=ticked,
        offered=offered,
        closed=closed,
        country=country,
        countries=countries(),
        state=state,
        states=states(country),
        year=year,
        years=years,
        warnings=params.warnings,
    )
    return page, 400 if request.method == "POST" else 200
