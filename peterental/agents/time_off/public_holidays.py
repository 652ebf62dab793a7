"""Public holidays by country and state: suggestions for closures of the office.

The package `holidays` takes a third of a second to import, so only the page that shows them does.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from importlib import resources

HOME_COUNTRY = "US"
LANGUAGE = "en_US"


@dataclass(frozen=True, order=True)
class PublicHoliday:
    """A day that is a public holiday, and its name in English where the package has it."""

    day: date
    name: str


@functools.cache
def countries() -> dict[str, str]:
    """Return the names of the countries whose holidays are known, by ISO 3166 code, ordered by name."""
    import holidays  # noqa: PLC0415  # see above

    known = holidays.list_supported_countries(include_aliases=False)
    lines = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8").splitlines()
    names = dict(line.split("\t") for line in lines if line and not line.startswith("#"))
    return dict(sorted(((code, names[code]) for code in known if code in names), key=lambda country: country[1]))


@functools.cache
def states(country: str) -> dict[str, str]:
    """Return the names of the states, provinces or regions of a known country, by code, ordered by name."""
    import holidays  # noqa: PLC0415  # see above

    found = holidays.country_holidays(country)
    aliases = found.get_subdivision_aliases()
    named = ((code, next(iter(aliases.get(code, ())), code)) for code in found.subdivisions)
    return dict(sorted(named, key=lambda state: state[1]))


def public_holidays(country: str, state: str | None, first: date, last: date) -> tuple[PublicHoliday, ...]:
    """Return the public holidays of some days, by day; without a state those of the whole country.

    A day with two holidays has both names. A holiday on a weekend is there twice if it is observed on another day too.

    Args:
        country: a code of `countries`.
        state: a code of `states`; None for the national holidays, in the United States the federal ones.
        first: the first day.
        last: the last day.
    """
    import holidays  # noqa: PLC0415  # see above

    years = range(first.year, last.year + 1)
    found = holidays.country_holidays(country, subdiv=state, years=years, language=LANGUAGE)
    return tuple(
        sorted(
            PublicHoliday(day, " and ".join(dict.fromkeys(found.get_list(day))))
            for day in found
            if first <= day <= last
        )
    )
