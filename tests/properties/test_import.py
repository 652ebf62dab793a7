"""Imports: what is added, changed, gone and back; duplicates, shrinking feeds, stale previews, concurrency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.properties.importing.columns import guess
from peterental.properties.importing.model import (
    MAX_HOMES,
    ColumnsIncomplete,
    FeedShrinks,
    FileRefused,
    ImportUnknown,
    Plan,
    PlanChanged,
    SourceNameInvalid,
)
from peterental.properties.importing.reading import read_csv
from peterental.properties.importing.repository import MAX_PENDING, ImportRepository
from peterental.properties.importing.service import KEEP_FILES, ImportService
from peterental.properties.model import Property, PropertyDetails, PropertyFilter
from peterental.properties.service import PropertyService
from tests.clocks import Clock
from tests.servers import until
from tests.together import at_once

NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
FOUR = "Id,Street,Unit,City,Rent\nA,1420 Elm St,2B,Norman,1450\nB,9 Ash St,,Norman,900\nC,7 Oak St,,Norman,\nD,5 Fir St,,Norman,700\n"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def admin(database: Database) -> Viewer:
    return _user(database, "office@example.com")


@pytest.fixture
def homes(database: Database) -> PropertyService:
    return PropertyService(database, AuditService(database))


@pytest.fixture
def imports(database: Database, clock: Clock) -> ImportService:
    """The service under test."""
    return ImportService(database, AuditService(database), clock)


def _user(database: Database, email: str) -> Viewer:
    row = database.fetch(
        "INSERT INTO users (email, password_hash, role) VALUES (%s, '-', 'admin') RETURNING user_id", (email,)
    )[0]
    return Viewer(user_id=row["user_id"], email=email, is_admin=True)


def _upload(imports: ImportService, text: str, admin: Viewer, source: str = "AppFolio") -> int:
    import_id = imports.upload(source, "homes.csv", text.encode(), admin)
    if not text.lstrip().startswith("<"):
        header = read_csv(text.encode()).header
        meanings = guess(header)
        imports.choose_columns(import_id, [(name, meanings.get(name)) for name in header], admin)
    return import_id


def _run(
    imports: ImportService, text: str, admin: Viewer, source: str = "AppFolio", *, accepts_shrinking: bool = False
) -> Plan:
    import_id = _upload(imports, text, admin, source)
    plan = imports.preview(import_id, admin).plan
    return imports.confirm(import_id, plan.digest, admin, accepts_shrinking=accepts_shrinking)


def _all(homes: PropertyService, viewer: Viewer) -> dict[str, Property]:
    return {home.source_id or home.line1: home for home in homes.list_page(viewer, PropertyFilter(status=None)).homes}


def _contents(database: Database) -> object:
    return database.fetch("SELECT * FROM properties ORDER BY property_id")


def test_preview_changes_nothing(imports: ImportService, admin: Viewer, database: Database) -> None:
    preview = imports.preview(_upload(imports, FOUR, admin), admin)
    assert [planned.details.label for planned in preview.plan.added] == [
        "1420 Elm St, Unit 2B",
        "9 Ash St",
        "7 Oak St",
        "5 Fir St",
    ]
    assert preview.has_columns
    assert not preview.plan.shrinks
    assert _contents(database) == []


def test_confirmed_homes_are_in_the_catalogue(
    imports: ImportService, homes: PropertyService, admin: Viewer, database: Database
) -> None:
    _run(imports, FOUR, admin)
    home = _all(homes, admin)["A"]
    assert home.details == PropertyDetails(line1="1420 Elm St", unit="2B", city="Norman", rent=1450)
    assert (home.source, home.source_id, home.is_active) == ("AppFolio", "A", True)
    keys = database.fetch("SELECT number_key, street_key, unit_key FROM properties WHERE source_id = 'A'")
    assert keys == [{"number_key": "1420", "street_key": "elm street", "unit_key": "unit 2b"}]
    assert database.fetch("SELECT COUNT(*) AS files FROM property_imports") == [{"files": 0}]
    (source,) = imports.sources(admin)
    assert (source.name, source.active, source.imported_at, source.imported_by) == ("AppFolio", 4, NOW, admin.email)


def test_second_import_shows_what_differs(
    imports: ImportService, homes: PropertyService, admin: Viewer, database: Database
) -> None:
    _run(imports, FOUR, admin)
    plan = _run(
        imports,
        "Id,Street,Unit,City,Rent\nA,1420 Elm St,2B,Norman,1500\nB,9 Ash St,,Norman,900\nC,7 Oak St,,Norman,none\nE,3 Yew St,,Norman,1\n",
        admin,
    )
    assert [(planned.before, planned.after) for planned in plan.changed] == [({"rent": 1450}, {"rent": 1500})]
    assert [planned.details.line1 for planned in plan.added] == ["3 Yew St"]
    assert [home.line1 for home in plan.vanished] == ["5 Fir St"]
    assert plan.unchanged == 2
    found = _all(homes, admin)
    assert found["A"].rent == 1500
    assert (found["D"].status, found["D"].retired_by) == ("inactive", None)
    actions = database.fetch(
        """
        SELECT action, subject_name, before, after FROM audit_log
        WHERE subject_kind = 'home' ORDER BY audit_id DESC LIMIT 4
        """
    )
    assert {(row["action"], row["subject_name"]) for row in actions} == {
        ("imported", "AppFolio"),
        ("created", "3 Yew St"),
        ("edited", "1420 Elm St, Unit 2B"),
        ("vanished", "5 Fir St"),
    }
    (summary,) = [row["after"] for row in actions if row["action"] == "imported"]
    assert summary == {
        "file": "homes.csv", "added": 1, "changed": 1, "active again": 0, "inactive": 1, "kept active": 0,
        "rows left out": 0,
    }  # fmt: skip


def test_same_file_changes_nothing(imports: ImportService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    preview = imports.preview(_upload(imports, FOUR, admin), admin)
    assert not preview.plan.changes_anything
    assert preview.plan.unchanged == 4


def test_what_vanished_comes_back(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    _run(imports, FOUR.replace("D,5 Fir St,,Norman,700\n", ""), admin)
    plan = _run(imports, FOUR, admin)
    assert [planned.details.line1 for planned in plan.returned] == ["5 Fir St"]
    assert _all(homes, admin)["D"].is_active


def test_what_a_person_retired_stays_retired(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    home = _all(homes, admin)["D"]
    homes.retire(home.property_id, admin)
    plan = _run(imports, FOUR.replace("700", "750"), admin)
    assert [retired.line1 for retired in plan.retired] == ["5 Fir St"]
    assert not plan.changes_anything
    assert _all(homes, admin)["D"].retired_by == admin.email
    _run(imports, FOUR.replace("D,5 Fir St,,Norman,700\n", ""), admin)
    assert _all(homes, admin)["D"].retired_by == admin.email


def test_restored_home_stays_until_the_feed_lists_it_again(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    """A person decided; what the feed says about it counts again once it has it."""
    lacking = FOUR.replace("D,5 Fir St,,Norman,700\n", "")
    _run(imports, FOUR, admin)
    _run(imports, lacking, admin)
    restored = _all(homes, admin)["D"]
    homes.restore(restored.property_id, admin)
    for rent in ("1460", "1470"):
        plan = _run(imports, lacking.replace("1450", rent), admin)
        assert ([home.line1 for home in plan.kept], plan.vanished, plan.shrinks) == (["5 Fir St"], (), False)
        assert _all(homes, admin)["D"].is_active
    listed = _run(imports, FOUR.replace("1450", "1460"), admin)
    assert [home.line1 for home in listed.relisted] == ["5 Fir St"]
    assert listed.kept == ()
    assert not _all(homes, admin)["D"].kept_until_listed
    assert [home.line1 for home in _run(imports, lacking, admin).vanished] == ["5 Fir St"]


def test_listing_a_restored_home_is_a_change_in_itself(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    """Without it there would be nothing to confirm, and the home would stay for ever."""
    _run(imports, FOUR, admin)
    _run(imports, FOUR.replace("D,5 Fir St,,Norman,700\n", ""), admin)
    homes.restore(_all(homes, admin)["D"].property_id, admin)
    seen = _all(homes, admin)["D"].updated_at
    plan = imports.preview(_upload(imports, FOUR, admin), admin).plan
    assert plan.changes_anything
    assert (plan.unchanged, [home.line1 for home in plan.relisted]) == (4, ["5 Fir St"])
    _run(imports, FOUR, admin)
    assert not _all(homes, admin)["D"].kept_until_listed
    assert _all(homes, admin)["D"].updated_at == seen, "a form that is open stays valid"
    assert not imports.preview(_upload(imports, FOUR, admin), admin).plan.changes_anything


def test_restored_home_is_kept_through_rented_and_wrong_rows(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    """A row that says rented, or cannot be read, does not list the home."""
    head = "Id,Street,Unit,City,Rent,Status\n"
    rows = "A,1420 Elm St,2B,Norman,1450,Available\nB,9 Ash St,,Norman,900,Available\n"
    _run(imports, f"{head}{rows}C,7 Oak St,,Norman,800,Available\n", admin)
    _run(imports, head + rows, admin)
    homes.restore(_all(homes, admin)["C"].property_id, admin)
    for row, kept in (("C,7 Oak St,,Norman,800,Rented\n", ["7 Oak St"]), ("C,7 Oak St,,Norman,cheap,Available\n", [])):
        plan = _run(imports, f"{head}{rows}{row}", admin)
        assert ([home.line1 for home in plan.kept], plan.relisted) == (kept, ())
        assert _all(homes, admin)["C"].kept_until_listed


def test_retiring_and_manual_homes_keep_nothing(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    home = _all(homes, admin)["D"]
    homes.retire(home.property_id, admin)
    homes.restore(home.property_id, admin)
    assert _all(homes, admin)["D"].kept_until_listed
    homes.retire(home.property_id, admin)
    assert not _all(homes, admin)["D"].kept_until_listed
    manual = homes.add(PropertyDetails(line1="3 Pine Road"), admin)
    homes.retire(manual, admin)
    homes.restore(manual, admin)
    assert not homes.get(manual, admin).kept_until_listed


def test_vanished_home_that_a_person_retires_stays_retired(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    _run(imports, FOUR, admin)
    _run(imports, FOUR.replace("D,5 Fir St,,Norman,700\n", ""), admin)
    homes.retire(_all(homes, admin)["D"].property_id, admin)
    _run(imports, FOUR, admin)
    assert not _all(homes, admin)["D"].is_active


def test_pitfall_24_feed_that_halves_itself_changes_nothing_until_confirmed(
    imports: ImportService, homes: PropertyService, admin: Viewer, database: Database
) -> None:
    _run(imports, FOUR, admin)
    before = _contents(database)
    import_id = _upload(imports, "Id,Street,Unit,City,Rent\nA,1420 Elm St,2B,Norman,1500\n", admin)
    plan = imports.preview(import_id, admin).plan
    assert plan.shrinks
    with pytest.raises(FeedShrinks, match="The file lacks 3 of the 4 active homes"):
        imports.confirm(import_id, plan.digest, admin)
    assert _contents(database) == before
    imports.confirm(import_id, plan.digest, admin, accepts_shrinking=True)
    assert {key for key, home in _all(homes, admin).items() if home.is_active} == {"A"}


def test_feed_that_loses_half_is_not_stopped(imports: ImportService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    assert len(_run(imports, "".join(FOUR.splitlines(keepends=True)[:3]), admin).vanished) == 2


def test_feed_with_all_other_homes_is_stopped(imports: ImportService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    others = "Id,Street\n" + "".join(f"{number},{number} Main St\n" for number in range(1, 9))
    assert imports.preview(_upload(imports, others, admin), admin).plan.shrinks


def test_rented_homes_become_inactive(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    with_status = "Id,Street,Status\nA,1420 Elm St,Vacant\nB,9 Ash St,Vacant\nC,7 Oak St,{}\nD,5 Fir St,Occupied\n"
    plan = _run(imports, with_status.format("Vacant"), admin)
    assert (len(plan.added), plan.not_offered) == (3, 1)
    plan = _run(imports, with_status.format("Rented"), admin)
    assert ([home.line1 for home in plan.vanished], plan.not_offered) == (["7 Oak St"], 2)
    assert not _all(homes, admin)["C"].is_active


def test_rented_home_that_was_retired_stays_retired(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    _run(imports, FOUR, admin)
    homes.retire(_all(homes, admin)["D"].property_id, admin)
    plan = _run(imports, "Id,Street,Status\nA,1420 Elm St,\nB,9 Ash St,\nC,7 Oak St,\nD,5 Fir St,Rented\n", admin)
    assert (plan.vanished, plan.not_offered) == ((), 1)


def test_wrong_rows_leave_their_homes_alone(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    plan = _run(
        imports,
        "Id,Street,Rent\nA,1420 Elm St,call\nB,,900\nC,TBD,1\nD,5 Fir St,9999999\nX,8 New St,call\n",
        admin,
    )
    assert [(problem.line, problem.text) for problem in plan.problems] == [
        (2, "Rent: “call” is not a rent in dollars."),
        (3, "The row has no street."),
        (4, "Enter the house number and the street."),
        (5, "The rent must be from 0 to 1,000,000."),
        (6, "Rent: “call” is not a rent in dollars."),
    ]
    assert not plan.changes_anything
    assert len([home for home in _all(homes, admin).values() if home.is_active]) == 4


def test_address_of_another_source_is_refused(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    property_id = homes.add(PropertyDetails(line1="1420 Elm Street", unit="#2b", city="Norman"), admin)
    plan = _run(imports, FOUR, admin)
    (problem,) = plan.problems
    assert (problem.line, problem.text) == (2, "1420 Elm Street, #2b is already in the list.")
    assert problem.existing is not None
    assert problem.existing.property_id == property_id
    assert len(plan.added) == 3


def test_two_ids_of_one_address_are_refused(imports: ImportService, admin: Viewer) -> None:
    plan = _run(imports, "Id,Street,Unit\nA,1420 Elm St,2B\nB,1420 Elm Street,Apt 2B\nC,1420 Elm St,2C\n", admin)
    assert [(row.line, row.text) for row in plan.problems] == [(3, "This is the same home as that of line 2.")]
    assert len(plan.added) == 2
    plan = _run(imports, "Id,Street,Unit\nA,1420 Elm St,2B\nC,1420 Elm St,2C\nD,1420 Elm St,2c\n", admin)
    assert [(row.line, row.text) for row in plan.problems] == [(4, "This is the same home as that of line 3.")]


def test_changed_id_is_recognised_by_the_address(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    before = _all(homes, admin)["A"]
    plan = _run(imports, FOUR.replace("A,1420 Elm St", "A2,1420 Elm Street"), admin)
    (planned,) = plan.changed
    assert planned.before == {"line1": "1420 Elm St", "source_id": "A"}
    assert planned.after == {"line1": "1420 Elm Street", "source_id": "A2"}
    assert plan.vanished == ()
    assert _all(homes, admin)["A2"].property_id == before.property_id


def test_file_without_ids_is_keyed_by_address(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, "Street,Unit,City,Rent\n1420 Elm St.,2B,Norman,1450\n9 Ash St,,Norman,900\n", admin)
    before = {home.property_id for home in _all(homes, admin).values()}
    plan = _run(imports, "Street,Unit,City,Rent\n1420 elm street,Apt 2B,Norman,1500\n9 Ash St,,Norman,900\n", admin)
    assert (len(plan.changed), plan.unchanged, plan.added, plan.vanished) == (1, 1, (), ())
    _run(imports, "Street,Unit,Rent\n1420 elm street,Apt 2B,1500\n9 Ash St,,900\n", admin)  # no city: other ids
    assert {home.property_id for home in _all(homes, admin).values()} == before


def test_values_that_the_file_lacks_stay(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    home = _all(homes, admin)["A"]
    homes.change(home.property_id, replace(home.details, showing_minutes=45, bedrooms=2), admin)
    _run(imports, FOUR.replace("1450", "1500"), admin)
    found = _all(homes, admin)["A"]
    assert (found.rent, found.showing_minutes, found.bedrooms, found.city) == (1500, 45, 2, "Norman")


def test_stale_preview_is_not_applied(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    _run(imports, FOUR, admin)
    import_id = _upload(imports, FOUR.replace("1450", "1500"), admin)
    stale = imports.preview(import_id, admin).plan
    home = _all(homes, admin)["A"]
    homes.change(home.property_id, replace(home.details, rent=1475), admin)
    with pytest.raises(PlanChanged):
        imports.confirm(import_id, stale.digest, admin)
    assert _all(homes, admin)["A"].rent == 1475
    fresh = imports.preview(import_id, admin).plan
    assert fresh.changed[0].before == {"rent": 1475}
    imports.confirm(import_id, fresh.digest, admin)
    assert _all(homes, admin)["A"].rent == 1500


def test_columns_chosen_in_another_tab_are_not_applied_unseen(imports: ImportService, admin: Viewer) -> None:
    import_id = _upload(imports, FOUR, admin)
    stale = imports.preview(import_id, admin).plan
    imports.choose_columns(import_id, [("Id", "source_id"), ("Street", "line1")], admin)
    with pytest.raises(PlanChanged):
        imports.confirm(import_id, stale.digest, admin)


def test_two_imports_of_one_source_at_once_are_serialised(
    imports: ImportService, homes: PropertyService, admin: Viewer
) -> None:
    ids = [_upload(imports, FOUR, admin), _upload(imports, FOUR.replace("1450", "1500"), admin)]
    digests = [imports.preview(import_id, admin).plan.digest for import_id in ids]

    def confirm(at: int) -> object:
        try:
            return imports.confirm(ids[at], digests[at], admin)
        except PlanChanged as refused:
            return refused

    results = at_once([lambda: confirm(0), lambda: confirm(1)])
    assert sorted(isinstance(result, PlanChanged) for result in results) == [False, True]
    assert len(_all(homes, admin)) == 4


def test_import_is_done_once(imports: ImportService, admin: Viewer) -> None:
    import_id = _upload(imports, FOUR, admin)
    digest = imports.preview(import_id, admin).plan.digest

    def confirm() -> object:
        try:
            return imports.confirm(import_id, digest, admin)
        except ImportUnknown as refused:
            return refused

    results = at_once([confirm, confirm])
    assert sorted(isinstance(result, ImportUnknown) for result in results) == [False, True]


def test_columns_are_remembered_by_source(imports: ImportService, admin: Viewer) -> None:
    odd = "Ref,Where,Wohnung\nA,1420 Elm St,2B\n"
    import_id = imports.upload("Odd", "a.csv", odd.encode(), admin)
    choice = imports.columns(import_id, admin)
    assert [(column.name, column.meaning) for column in choice.columns] == [
        ("Ref", "source_id"), ("Where", None), ("Wohnung", None),
    ]  # fmt: skip
    assert (choice.columns[1].samples, choice.rows, choice.is_remembered) == (("1420 Elm St",), 1, False)
    imports.choose_columns(import_id, [("Ref", "source_id"), ("Where", "line1"), ("Wohnung", "unit")], admin)
    imports.confirm(import_id, imports.preview(import_id, admin).plan.digest, admin)
    again = imports.columns(imports.upload("ODD ", "b.csv", odd.encode(), admin), admin)
    assert again.is_remembered
    assert again.pending.source == "Odd"
    assert [column.meaning for column in again.columns] == ["source_id", "line1", "unit"]
    other = imports.columns(imports.upload("Odd", "c.csv", b"Ref,Street\nA,1 Elm St\n", admin), admin)
    assert not other.is_remembered
    assert [column.meaning for column in other.columns] == ["source_id", "line1"]


def test_preview_needs_columns(imports: ImportService, admin: Viewer) -> None:
    import_id = imports.upload("AppFolio", "a.csv", b"foo,bar\n1,2\n", admin)
    with pytest.raises(ColumnsIncomplete):
        imports.preview(import_id, admin)
    with pytest.raises(ColumnsIncomplete):
        imports.choose_columns(import_id, [("foo", "source_id"), ("nonsense", "line1")], admin)


def test_hotpads_needs_no_columns(imports: ImportService, homes: PropertyService, admin: Viewer) -> None:
    text = "<hotPadsItems><Listing id='1'><street>9 Ash St</street><price>900</price></Listing></hotPadsItems>"
    import_id = _upload(imports, text, admin, "HotPads")
    with pytest.raises(ImportUnknown):
        imports.columns(import_id, admin)
    preview = imports.preview(import_id, admin)
    assert not preview.has_columns
    imports.confirm(import_id, preview.plan.digest, admin)
    assert _all(homes, admin)["1"].rent == 900


@pytest.mark.parametrize("content", [b"", b"<a/>", b"a,b\x00\n1,2\n"])
def test_unreadable_file_is_not_stored(
    imports: ImportService, admin: Viewer, database: Database, content: bytes
) -> None:
    with pytest.raises(FileRefused):
        imports.upload("AppFolio", "a.csv", content, admin)
    assert database.fetch("SELECT COUNT(*) AS files FROM property_imports") == [{"files": 0}]


@pytest.mark.parametrize("name", ["", " \x00", "x" * 61, "Manual"])
def test_source_needs_a_name(imports: ImportService, admin: Viewer, name: str) -> None:
    with pytest.raises(SourceNameInvalid):
        imports.upload(name, "a.csv", FOUR.encode(), admin)


def test_file_is_the_uploaders_and_ends_after_a_day(
    imports: ImportService, admin: Viewer, database: Database, clock: Clock
) -> None:
    import_id = _upload(imports, FOUR, admin)
    other = _user(database, "other@example.com")
    for unknown in (0, 2**70, import_id + 1):
        with pytest.raises(ImportUnknown):
            imports.preview(unknown, admin)
    with pytest.raises(ImportUnknown):
        imports.preview(import_id, other)
    imports.discard(import_id, other)
    imports.preview(import_id, admin)
    clock.now = NOW + KEEP_FILES
    with pytest.raises(ImportUnknown):
        imports.preview(import_id, admin)
    assert imports.delete_old_files() == 1
    assert imports.delete_old_files() == 0


def test_discarded_file_is_gone(imports: ImportService, admin: Viewer) -> None:
    import_id = _upload(imports, FOUR, admin)
    imports.discard(import_id, admin)
    with pytest.raises(ImportUnknown):
        imports.preview(import_id, admin)


def test_number_of_files_is_bounded(imports: ImportService, admin: Viewer, clock: Clock) -> None:
    ids = []
    for minute in range(MAX_PENDING + 2):
        clock.now = NOW + timedelta(minutes=minute)
        ids.append(_upload(imports, FOUR, admin))
    for import_id in ids[:2]:
        with pytest.raises(ImportUnknown):
            imports.preview(import_id, admin)
    for import_id in ids[2:]:
        imports.preview(import_id, admin)


def test_only_admins_import(imports: ImportService, admin: Viewer) -> None:
    import_id = _upload(imports, FOUR, admin)
    ana = Viewer(user_id=admin.user_id, email="ana@example.com", is_admin=False)
    for attempt in (
        lambda: imports.sources(ana),
        lambda: imports.upload("AppFolio", "a.csv", FOUR.encode(), ana),
        lambda: imports.columns(import_id, ana),
        lambda: imports.choose_columns(import_id, [("Street", "line1")], ana),
        lambda: imports.preview(import_id, ana),
        lambda: imports.confirm(import_id, "", ana),
        lambda: imports.discard(import_id, ana),
    ):
        with pytest.raises(AdminsOnly):
            attempt()


@pytest.mark.untraced
def test_largest_file_is_imported(imports: ImportService, admin: Viewer, database: Database) -> None:
    rows = "".join(f"{at},{at} Elm St,{at % 7},Norman,{800 + at % 900}\n" for at in range(1, MAX_HOMES + 1))
    plan = _run(imports, f"Id,Street,Unit,City,Rent\n{rows}", admin)
    assert len(plan.added) == MAX_HOMES
    assert database.fetch("SELECT COUNT(*) AS homes FROM properties") == [{"homes": MAX_HOMES}]


@pytest.mark.untraced
def test_many_homes_of_one_number_are_compared_in_bounded_time(imports: ImportService, admin: Viewer) -> None:
    rows = "".join(f"{at},1 Elm{at} St,Town{at}\n" for at in range(MAX_HOMES))
    preview = imports.preview(_upload(imports, f"Id,Street,City\n{rows}", admin), admin)
    assert len(preview.plan.added) + len(preview.plan.problems) == MAX_HOMES


def test_import_waits_for_another_change_of_the_catalogue(
    imports: ImportService, admin: Viewer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = _upload(imports, FOUR, admin)
    digest = imports.preview(import_id, admin).plan.digest
    monkeypatch.setattr("peterental.database.pool.LOCK_TIMEOUT_MS", 1)
    impatient = Database(database.url)
    importer = ImportService(impatient, AuditService(impatient), lambda: NOW)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            ImportRepository(database).allow_time(
                connection, seconds=120
            )  # this session is idle while it is waited for
            connection.execute("SELECT FROM property_settings FOR NO KEY UPDATE").fetchone()
            waiting = pool.submit(importer.confirm, import_id, digest, admin)
            until(lambda: _is_waiting(database), "the import waits for the lock")
        assert len(waiting.result().added) == 4
    impatient.close()


def _is_waiting(database: Database) -> bool:
    """Return whether a session waits for the catalogue; not asked in a transaction, which would see one snapshot."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%property_settings%'"
    return bool(database.fetch(waiting))


def test_letter_behind_a_street_stays_the_same_home_after_an_upgrade(
    imports: ImportService, homes: PropertyService, admin: Viewer, database: Database
) -> None:
    """Earlier versions stored no unit for it, and an id without one for a file without ids."""
    text = "Street,City\n1402 Elm Street B,Norman\n77 Oak Street,Norman\n"
    _run(imports, text, admin)
    (before,) = (
        home for home in homes.list_page(admin, PropertyFilter(status=None)).homes if home.line1.startswith("1402")
    )
    database.fetch(
        "UPDATE properties SET unit_key = NULL, source_id = '1402 elm street, norman' WHERE property_id = %s",
        [before.property_id],
    )
    _run(imports, text, admin)
    after = [
        home for home in homes.list_page(admin, PropertyFilter(status=None)).homes if home.line1.startswith("1402")
    ]
    assert [(home.property_id, home.is_active) for home in after] == [(before.property_id, True)]
