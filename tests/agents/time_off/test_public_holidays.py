"""Public holidays by country and state."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from peterental.agents.time_off.public_holidays import countries, public_holidays, states
from tests.gunicorn import PROJECT_DIR

FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)


def test_federal_holidays_have_their_observed_days() -> None:
    found = {holiday.day: holiday.name for holiday in public_holidays("US", None, FIRST, LAST)}
    assert found[date(2027, 11, 25)] == "Thanksgiving Day"
    assert found[date(2027, 7, 5)] == "Independence Day (observed)"
    assert date(2027, 11, 26) not in found
    assert list(found) == sorted(found)


def test_states_have_their_own() -> None:
    assert states("US")["OK"] == "Oklahoma"
    oklahoma = {holiday.day for holiday in public_holidays("US", "OK", FIRST, LAST)}
    assert date(2027, 11, 26) in oklahoma


def test_only_the_days_asked_for_are_returned() -> None:
    (only,) = public_holidays("US", None, date(2027, 12, 25), date(2027, 12, 30))
    assert (only.day, only.name) == (date(2027, 12, 25), "Christmas Day")


def test_countries_are_ordered_by_name() -> None:
    names = list(countries().values())
    assert names == sorted(names)
    assert len(names) > 200


@pytest.mark.parametrize("country", ["DE", "MX", "JP", "FR", "IN"])
def test_holidays_of_other_countries_are_in_english(country: str) -> None:
    assert all(
        holiday.name.isascii() or "é" in holiday.name or "á" in holiday.name
        for holiday in public_holidays(country, None, FIRST, LAST)
    )


def test_application_starts_without_the_package() -> None:
    """It takes a third of a second to import, which only its page pays."""
    code = (
        "import sys\n"
        "from peterental import create_app\n"
        "from peterental.config import Config\n"
        "create_app(Config(database_url='postgresql://127.0.0.1:1/x', secret_key='k'))\n"
        "assert 'holidays' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
