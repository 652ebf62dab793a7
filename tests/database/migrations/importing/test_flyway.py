"""Flyway: versions, undo, repeatable and baseline migrations, settings, placeholders, callbacks, code."""

from __future__ import annotations

import pytest

from peterental.database.migrations.importing.model import ImportRefused
from tests.database.migrations.importing.conftest import Import


def test_versions_are_ordered_as_numbers(imported: Import) -> None:
    names = ("V1_10__j.sql", "V1.9.1__i.sql", "V2__k.sql", "V1_2__b.sql", "V1__a.sql", "sub/V1.9__h.sql")
    found = imported("flyway", dict.fromkeys(names, "SELECT 1;"))
    assert found.names == ["001_a.sql", "002_b.sql", "003_h.sql", "004_i.sql", "005_j.sql", "006_k.sql"]
    assert "sub/V1.9__h.sql  →  003_h.sql" in found.text


def test_repeatables_come_last_with_a_remark(imported: Import) -> None:
    files = {"R__views.sql": "SELECT 3;", "R__functions.sql": "SELECT 2;", "V9__a.sql": "SELECT 1;"}
    found = imported("flyway", files)
    assert found.names == ["001_a.sql", "002_functions.sql", "003_views.sql"]
    assert "002, 003: ran again whenever it changed: here it runs once" in found.text
    assert found.report.complete


def test_undo_becomes_the_down_file(imported: Import) -> None:
    files = {"V1__a.sql": "SELECT 1;", "U1.0__undo_a.sql": "SELECT 2;", "U2__b.sql": "SELECT 3;"}
    found = imported("flyway", files)
    assert found.sql("001_a.down.sql") == "SELECT 2;\n"
    assert "U2__b.sql: undoes a migration that is not there: it was left out" in found.text


@pytest.mark.parametrize("names", [("V1__a.sql", "V1.0__b.sql"), ("V1__a.sql", "U1__a.sql", "U1_0__b.sql")])
def test_equal_versions_are_refused(imported: Import, names: tuple[str, ...]) -> None:
    with pytest.raises(ImportRefused, match=r"Nothing was imported: .* and .* have the same version"):
        imported("flyway", dict.fromkeys(names, "SELECT 1;"))


def test_settings_beside_a_file_are_applied(imported: Import) -> None:
    files = {
        "V1__a.sql": "SELECT '${kept}';",
        "V1__a.sql.conf": "executeInTransaction=false\nplaceholderReplacement=false\n",
        "V2__b.sql": "SELECT 2;",
        "V2__b.sql.conf": "executeInTransaction = true\nshouldExecute=${run}\n",
        "V3__c.sql": "-- flyway:executeInTransaction=false\nSELECT 3;",
    }
    found = imported("flyway", files)
    assert [found.is_no_transaction(f"00{n}_{word}.sql") for n, word in ((1, "a"), (2, "b"), (3, "c"))] == [
        True,
        False,
        True,
    ]
    assert "Not carried over:\n  002  V2__b.sql.conf: the setting shouldExecute has no equivalent\n\n" in found.text


def test_placeholders_are_reported_with_their_lines(imported: Import) -> None:
    found = imported(
        "flyway", {"V1__a.sql": "-- ${comment}\nCREATE TABLE x (\n  y text DEFAULT '${name}${flyway:user}'\n);"}
    )
    assert "001  V1__a.sql, line 3: ${name} is a placeholder: write its value" in found.text
    assert "001  V1__a.sql, line 3: ${flyway:user} is a placeholder" in found.text
    assert "comment" not in found.text
    assert not found.report.complete


@pytest.mark.parametrize(
    "name", ["afterMigrate.sql", "beforeEachMigrate__log.sql", "createSchema.sql", "afterMigrate.groovy"]
)
def test_callbacks_are_reported(imported: Import, name: str) -> None:
    found = imported("flyway", {"V1__a.sql": "SELECT 1;", name: "SELECT 2;"})
    assert f"{name}: is a callback" in found.text
    assert found.names == ["001_a.sql"]


def test_java_keeps_its_number_free(imported: Import) -> None:
    files = {"V1__a.sql": "SELECT 1;", "V2__Fill.java": "", "V3__c.sql": "SELECT 3;", "R__r.py": "", "U1__u.kt": ""}
    found = imported("flyway", files)
    assert found.names == ["001_a.sql", "003_c.sql"]
    assert "002  V2__Fill.java is Java: 002_fill.sql is left out; write it yourself" in found.text
    assert "004  R__r.py is Python: 004_r.sql is left out; write it yourself" in found.text
    assert "U1__u.kt: is not SQL: write it as a down file" in found.text
    assert "Imported 2 of 4 migrations" in found.text


def test_baseline_stands_for_missing_versions(imported: Import) -> None:
    found = imported("flyway", {"B5__all.sql": "SELECT 5;", "V6__more.sql": "SELECT 6;"})
    assert found.names == ["001_all.sql", "002_more.sql"]
    assert "001: a baseline: it is an ordinary migration here" in found.text


def test_baseline_is_left_out_beside_its_versions(imported: Import) -> None:
    found = imported("flyway", {"B5__all.sql": "SELECT 5;", "V5__last.sql": "SELECT 5;"})
    assert found.names == ["001_last.sql"]
    assert "B5__all.sql: left out: the migrations that it stands for are here" in found.text


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("shouldExecute=${env} == prod and more", "shouldExecute"),
        ("flyway.encoding = ISO-8859-1", "encoding"),
        ("flyway.placeholders.x=1", "placeholders.x"),
        ("batch: true", "batch"),
    ],
)
def test_every_setting_of_a_script_is_read(imported: Import, setting: str, name: str) -> None:
    """A setting that was not recognised was silently ignored."""
    files = {"V1__a.sql": "SELECT 1;", "V1__a.sql.conf": f"# comment\n! other\n\n{setting}\r\n"}
    found = imported("flyway", files)
    assert f"001  V1__a.sql.conf: the setting {name} has no equivalent" in found.text


@pytest.mark.parametrize(
    "line", ["flyway.executeInTransaction=false", "executeInTransaction = false", 'executeInTransaction="false"']
)
def test_transaction_setting_in_every_spelling(imported: Import, line: str) -> None:
    found = imported("flyway", {"V1__a.sql": "SELECT 1;", "V1__a.sql.conf": line})
    assert found.is_no_transaction("001_a.sql")
    assert found.report.complete
