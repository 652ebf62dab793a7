"""What a home does to an agent's rules, and how it is named."""

from __future__ import annotations

from datetime import date

from peterental.agents.model import Rules, Window
from peterental.properties.model import Property

MONDAY, TUESDAY = 1, 2
RULES = Rules(
    slot_minutes=30,
    notice_minutes=120,
    week=((MONDAY, Window(540, 720)), (MONDAY, Window(780, 1020)), (TUESDAY, Window(540, 1020))),
    days=((date(2026, 12, 7), Window(600, 900)), (date(2026, 12, 8), Window(600, 900)), (date(2026, 12, 9), None)),
)


def test_home_without_rules_changes_nothing() -> None:
    assert Property(property_id=1, line1="1420 Elm Street").narrowed(RULES) == RULES


def test_windows_narrow_week_and_overrides() -> None:
    home = Property(property_id=1, line1="1420 Elm Street", windows=((MONDAY, Window(660, 840)),))
    narrowed = home.narrowed(RULES)
    assert narrowed.week == ((MONDAY, Window(660, 720)), (MONDAY, Window(780, 840)))
    assert narrowed.days == (
        (date(2026, 12, 7), Window(660, 840)),
        (date(2026, 12, 8), None),
        (date(2026, 12, 9), None),
    )


def test_length_replaces_and_notice_only_grows() -> None:
    longer = Property(property_id=1, line1="1420 Elm Street", showing_minutes=60, notice_minutes=60)
    assert (longer.narrowed(RULES).slot_minutes, longer.narrowed(RULES).notice_minutes) == (60, 120)
    later = Property(property_id=1, line1="1420 Elm Street", notice_minutes=1440)
    assert (later.narrowed(RULES).slot_minutes, later.narrowed(RULES).notice_minutes) == (30, 1440)


def test_home_is_named_by_street_and_unit() -> None:
    assert Property(property_id=1, line1="1420 Elm Street", unit="2B").label == "1420 Elm Street, Unit 2B"
    assert Property(property_id=1, line1="1420 Elm Street", unit="Apt 2B").label == "1420 Elm Street, Apt 2B"
    whole = Property(property_id=1, line1="1420 Elm Street", unit="#2", city="Norman", state="OK", zip_code="73069")
    assert whole.address == "1420 Elm Street, #2, Norman, OK 73069"
    assert Property(property_id=1, line1="1420 Elm Street").address == "1420 Elm Street"


def test_home_without_agents_is_shown_by_all() -> None:
    assert Property(property_id=1, line1="1420 Elm Street").is_shown_by("elena")
    shown = Property(property_id=1, line1="1420 Elm Street", shown_by=frozenset({"marco"}))
    assert shown.is_shown_by("marco")
    assert not shown.is_shown_by("elena")
