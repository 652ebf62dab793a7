"""The catalogue of homes: adding, changing, retiring, and duplicates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.agents.model import Window
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.properties.model import (
    MANY_BEDROOMS,
    PropertyAddressMissing,
    PropertyAgentUnknown,
    PropertyChanged,
    PropertyDetails,
    PropertyExists,
    PropertyFilter,
    PropertyListTooLong,
    PropertyName,
    PropertyOutOfRange,
    PropertySettings,
    PropertyTextTooLong,
    PropertyUnknown,
)
from peterental.properties.service import PropertyService
from tests.together import at_once

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
ANA = Viewer(user_id=1, email="ana@example.com", is_admin=False)
ELM = PropertyDetails(line1="1420 Elm Street", unit="2B", city="Norman", state="OK", zip_code="73069")


@pytest.fixture
def homes(database: Database) -> PropertyService:
    """The service under test."""
    return PropertyService(database, AuditService(database))


def _add_agents(database: Database, *agent_ids: str) -> None:
    for agent_id in agent_ids:
        database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES (%s, %s)", (agent_id, agent_id.title()))


def test_added_home_is_read_back(homes: PropertyService, database: Database) -> None:
    _add_agents(database, "ana", "ben")
    details = replace(
        ELM,
        said_as=("The Gables 2B", "the corner flat"),
        bedrooms=2,
        bathrooms=1.75,
        rent=1450,
        available_on=date(2026, 12, 1),
        showing_minutes=45,
        notice_minutes=240,
        windows=((1, Window(540, 720)), (1, Window(780, 1440)), (6, Window(600, 720))),
        shown_by=frozenset({"ana", "ben"}),
    )
    home = homes.get(homes.add(details, ADMIN), ANA)
    assert home.details == details
    assert (home.status, home.source, home.source_id, home.retired_by) == ("active", "manual", None, None)
    assert home.updated_at is not None


def test_keys_are_computed_at_write(homes: PropertyService, database: Database) -> None:
    property_id = homes.add(replace(ELM, line1="1420 N. Elm St."), ADMIN)
    keys = "SELECT number_key, street_key, unit_key FROM properties"
    assert database.fetch(keys) == [{"number_key": "1420", "street_key": "n elm street", "unit_key": "unit 2b"}]
    homes.change(property_id, replace(ELM, line1="1402 Oak Court", unit=None), ADMIN)
    assert database.fetch(keys) == [{"number_key": "1402", "street_key": "oak court", "unit_key": None}]


def test_texts_are_cleaned(homes: PropertyService) -> None:
    home = homes.get(
        homes.add(PropertyDetails(line1=" 12\tOak\nSt\x00 ", unit=" ", said_as=("a", " a ", "")), ADMIN), ANA
    )
    assert (home.line1, home.unit, home.said_as) == ("12 Oak St", None, ("a",))


def test_only_admins_change(homes: PropertyService) -> None:
    property_id = homes.add(ELM, ADMIN)
    for attempt in (
        lambda: homes.add(PropertyDetails(line1="1 Oak St"), ANA),
        lambda: homes.change(property_id, ELM, ANA),
        lambda: homes.retire(property_id, ANA),
        lambda: homes.restore(property_id, ANA),
        lambda: homes.change_settings(PropertySettings(one_viewing_at_a_time=True), ANA),
    ):
        with pytest.raises(AdminsOnly):
            attempt()
    assert homes.get(property_id, ANA).is_active


@pytest.mark.parametrize("property_id", [0, -1, 7, 2**70])
def test_unknown_home_is_not_found(homes: PropertyService, property_id: int) -> None:
    with pytest.raises(PropertyUnknown):
        homes.get(property_id, ADMIN)
    with pytest.raises(PropertyUnknown):
        homes.retire(property_id, ADMIN)


@pytest.mark.parametrize(
    "twin",
    [
        ELM,
        PropertyDetails(line1="1420 elm st", unit="#2b"),
        PropertyDetails(line1="1420 Elm", unit="Apt 2-B", city="Norman"),
    ],
)
def test_same_address_is_refused(homes: PropertyService, twin: PropertyDetails) -> None:
    property_id = homes.add(ELM, ADMIN)
    with pytest.raises(PropertyExists, match="1420 Elm Street, Unit 2B is already in the list") as refused:
        homes.add(twin, ADMIN)
    assert refused.value.existing.property_id == property_id


@pytest.mark.parametrize(
    "other",
    [
        replace(ELM, unit="2C"),
        replace(ELM, unit=None),
        replace(ELM, line1="1402 Elm Street"),
        replace(ELM, line1="1420 Elm Court"),
        replace(ELM, city="Moore", zip_code=None),
    ],
)
def test_another_address_is_another_home(homes: PropertyService, other: PropertyDetails) -> None:
    assert homes.add(ELM, ADMIN) != homes.add(other, ADMIN)


def test_homes_without_number_are_compared(homes: PropertyService) -> None:
    homes.add(PropertyDetails(line1="The Gables, Unit 4"), ADMIN)
    with pytest.raises(PropertyExists):
        homes.add(PropertyDetails(line1="The Gables", unit="4"), ADMIN)


def test_one_of_two_simultaneous_twins_is_added(homes: PropertyService, database: Database) -> None:
    def add() -> object:
        try:
            return homes.add(ELM, ADMIN)
        except PropertyExists as refused:
            return refused

    results = at_once([add, add])
    assert sum(isinstance(result, PropertyExists) for result in results) == 1
    assert database.fetch("SELECT COUNT(*) AS homes FROM properties") == [{"homes": 1}]


def test_retired_home_can_be_restored(homes: PropertyService, database: Database) -> None:
    property_id = homes.add(ELM, ADMIN)
    homes.retire(property_id, ADMIN)
    homes.retire(property_id, ADMIN)
    home = homes.get(property_id, ANA)
    assert (home.is_active, home.retired_by) == (False, "office@example.com")
    homes.restore(property_id, ADMIN)
    homes.restore(property_id, ADMIN)
    assert (homes.get(property_id, ANA).is_active, homes.get(property_id, ANA).retired_by) == (True, None)
    actions = database.fetch("SELECT action FROM audit_log WHERE subject_kind = 'home' ORDER BY audit_id")
    assert [row["action"] for row in actions] == ["created", "retired", "restored"]


def test_address_of_retired_home_is_free(homes: PropertyService) -> None:
    retired = homes.add(ELM, ADMIN)
    homes.retire(retired, ADMIN)
    homes.add(ELM, ADMIN)
    with pytest.raises(PropertyExists):
        homes.restore(retired, ADMIN)
    homes.change(retired, replace(ELM, rent=900), ADMIN)  # an inactive home is no duplicate
    assert not homes.get(retired, ADMIN).is_active


def test_change_is_audited(homes: PropertyService, database: Database) -> None:
    property_id = homes.add(ELM, ADMIN)
    homes.change(property_id, replace(ELM, rent=1500, windows=((1, Window(540, 720)),)), ADMIN)
    homes.change(property_id, replace(ELM, rent=1500, windows=((1, Window(540, 720)),)), ADMIN)
    rows = database.fetch(
        "SELECT subject_id, subject_name, before, after FROM audit_log WHERE action = 'edited' AND subject_kind = 'home'"
    )
    assert rows == [
        {
            "subject_id": str(property_id),
            "subject_name": "1420 Elm Street, Unit 2B",
            "before": {"rent": None, "windows": {}},
            "after": {"rent": 1500, "windows": {"Monday": "09:00–12:00"}},
        }
    ]


def test_edit_conflict_is_detected(homes: PropertyService) -> None:
    property_id = homes.add(ELM, ADMIN)
    seen = homes.get(property_id, ADMIN).updated_at
    assert seen is not None
    homes.change(property_id, replace(ELM, rent=1500), ADMIN, seen=seen)
    with pytest.raises(PropertyChanged) as refused:
        homes.change(property_id, replace(ELM, rent=1600), ADMIN, seen=seen)
    assert refused.value.home.rent == 1500
    entries = homes.changes_since(refused.value.home, seen)
    assert [entry.change.action for entry in entries] == ["edited"]


@pytest.mark.parametrize(
    ("details", "error"),
    [
        (replace(ELM, line1=" "), PropertyAddressMissing),
        (replace(ELM, line1="TBD"), PropertyAddressMissing),
        (replace(ELM, line1="1" * 201), PropertyTextTooLong),
        (replace(ELM, zip_code="73069-12345"), PropertyTextTooLong),
        (replace(ELM, bedrooms=21), PropertyOutOfRange),
        (replace(ELM, rent=-1), PropertyOutOfRange),
        (replace(ELM, showing_minutes=4), PropertyOutOfRange),
        (replace(ELM, said_as=("x" * 81,)), PropertyTextTooLong),
        (replace(ELM, said_as=tuple(f"name {number}" for number in range(11))), PropertyListTooLong),
        (replace(ELM, shown_by=frozenset({"nobody"})), PropertyAgentUnknown),
    ],
)
def test_invalid_details_are_refused(
    homes: PropertyService, database: Database, details: PropertyDetails, error: type[Exception]
) -> None:
    with pytest.raises(error):
        homes.add(details, ADMIN)
    assert database.fetch("SELECT COUNT(*) AS homes FROM properties") == [{"homes": 0}]


def test_list_is_filtered_and_in_street_order(homes: PropertyService) -> None:
    for line1, bedrooms in (("1402 Elm St", 1), ("204 Elm St", 2), ("9 Ash St", 4), ("30 Oak St", 5)):
        homes.add(PropertyDetails(line1=line1, bedrooms=bedrooms, city="Norman"), ADMIN)
    page = homes.list_page(ANA, PropertyFilter())
    assert [home.line1 for home in page.homes] == ["9 Ash St", "204 Elm St", "1402 Elm St", "30 Oak St"]
    assert (page.total, page.catalogued) == (4, 4)
    found = homes.list_page(ANA, PropertyFilter(text="norman elm street"))
    assert [home.line1 for home in found.homes] == ["204 Elm St", "1402 Elm St"]
    assert [home.line1 for home in homes.list_page(ANA, PropertyFilter(bedrooms=2)).homes] == ["204 Elm St"]
    many = homes.list_page(ANA, PropertyFilter(bedrooms=MANY_BEDROOMS))
    assert [home.line1 for home in many.homes] == ["9 Ash St", "30 Oak St"]
    assert homes.list_page(ANA, PropertyFilter(text="100%\x00")).homes == ()
    homes.retire(many.homes[0].property_id, ADMIN)
    inactive = homes.list_page(ANA, PropertyFilter(status="inactive"))
    assert ([home.line1 for home in inactive.homes], inactive.total, inactive.catalogued) == (["9 Ash St"], 1, 4)
    beyond = homes.list_page(ANA, PropertyFilter(status=None), page=2)
    assert (beyond.homes, beyond.total) == ((), 4)


def test_options_are_the_active_homes(homes: PropertyService) -> None:
    first, second = homes.add(ELM, ADMIN), homes.add(replace(ELM, line1="9 Ash St", unit=None), ADMIN)
    homes.retire(first, ADMIN)
    assert homes.options(ANA) == (PropertyName(second, "9 Ash St"),)


def test_settings_are_changed_and_audited(homes: PropertyService, database: Database) -> None:
    assert homes.settings() == PropertySettings()
    homes.change_settings(PropertySettings(one_viewing_at_a_time=True), ADMIN)
    homes.change_settings(PropertySettings(one_viewing_at_a_time=True), ADMIN)
    assert homes.settings().one_viewing_at_a_time
    rows = database.fetch("SELECT before, after FROM audit_log WHERE subject_id = 'settings'")
    assert rows == [{"before": {"one_viewing_at_a_time": False}, "after": {"one_viewing_at_a_time": True}}]
