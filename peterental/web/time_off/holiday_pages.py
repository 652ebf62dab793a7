"""The page that offers public holidays as closures of the office. None is added unasked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from peterental.access import require_admin
from peterental.agents.time_off.model import Closure, ClosureEntry
from peterental.agents.time_off.public_holidays import (
    HOME_COUNTRY,
    PublicHoliday,
    countries,
    public_holidays,
    states,
)
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.phone_numbers import region_of
from peterental.plural import counted
from peterental.services import services_of
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

YEARS_AHEAD = 2
"""The page offers this year and the next two."""


def add_routes(blueprint: Blueprint) -> None:
    """Add this page to the blueprint of time off."""
    blueprint.add_url_rule("/holidays", view_func=holidays, methods=["GET", "POST"])


@dataclass(frozen=True)
class _Choice:
    """Which holidays are offered: of a country, or one of its states, within some days; year 0 is this and the next."""

    country: str
    state: str | None
    year: int
    first: date
    last: date


@preserves_form
def holidays() -> Answer:
    """Offer the public holidays of a country or state, and close the office on the chosen ones."""
    viewer, closures = current_viewer(), services_of(current_app).closures
    require_admin(viewer)
    params, today = QueryParams(request.args), utc_now().astimezone(config_of(current_app).office_zone).date()
    years = [today.year + ahead for ahead in range(YEARS_AHEAD + 1)]
    choice = _choice_in(params, years, today)
    offered = public_holidays(choice.country, choice.state, choice.first, choice.last)
    form, ticked = PageForm(), set(request.form.getlist("day"))
    if form.validate_on_submit():
        if entries := _closures_for(holiday for holiday in offered if holiday.day.isoformat() in ticked):
            added = closures.add(entries, viewer)
            flash(f"The office is closed on {counted(len(added), 'more day')}.", "done")
            return redirect(url_for("time_off.index"), 303)
        form.form_errors.append("Tick the days on which the office is closed.")
    page = render_template(
        "time_off/holidays.html",
        form=form,
        ticked=ticked,
        offered=offered,
        closed=_closures_on(offered, closures.of_days(choice.first, choice.last, viewer)),
        country=choice.country,
        countries=countries(),
        state=choice.state,
        states=states(choice.country),
        year=choice.year,
        years=years,
        warnings=params.warnings,
    )
    return page, 400 if request.method == "POST" else 200


def _closures_for(chosen: Iterable[PublicHoliday]) -> list[ClosureEntry]:
    return [ClosureEntry(name=holiday.name, first_day=holiday.day, last_day=holiday.day) for holiday in chosen]


def _choice_in(params: QueryParams, years: Sequence[int], today: date) -> _Choice:
    """Return the choice in the address; of a country or state that is not offered, the page says so."""
    own = region_of(config_of(current_app).default_time_zone)
    fallback = own if own in countries() else HOME_COUNTRY
    country = params.choice("country", countries(), "There is no country {}.") or fallback
    state = params.choice("state", states(country), "There is no state {} in that country.")
    year = int(params.choice("year", [str(year) for year in years], "Holidays of {} are not offered.") or 0)
    first = max(today, date(year, 1, 1)) if year else today
    return _Choice(country, state, year, first, date(year or years[1], 12, 31))


def _closures_on(offered: Iterable[PublicHoliday], closures: Iterable[Closure]) -> dict[date, Closure]:
    """Return the closure on each day of a holiday that has one."""
    return {
        holiday.day: closure
        for closure in closures
        for holiday in offered
        if closure.first_day <= holiday.day <= closure.last_day
    }
