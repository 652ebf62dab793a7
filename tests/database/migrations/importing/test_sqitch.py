"""Sqitch: the plan decides what runs, in which order, and which scripts a reworked change has."""

from __future__ import annotations

import pytest

from peterental.database.migrations.importing.model import ImportRefused
from tests.database.migrations.importing.conftest import Import

WHO = "2024-01-31T12:00:00Z Ana <ana@example.com> # a note with [brackets]"


def plan(*lines: str) -> str:
    return "%syntax-version=1.0.0\n%project=pets\n%uri=https://example.com/\n\n" + "".join(
        f"{line} {WHO}\n" for line in lines
    )


def test_changes_follow_the_plan(imported: Import) -> None:
    found = imported(
        "sqitch",
        {
            "sqitch.plan": plan("zoo", "users [zoo !old]", "@v1"),
            "sqitch.conf": "[core]\n\tengine = pg\n",
            "deploy/users.sql": "-- Deploy pets:users to pg\nBEGIN;\nSELECT 2;\nCOMMIT;\n",
            "deploy/zoo.sql": "SELECT 1;\n",
            "revert/users.sql": "SELECT 3;\n",
            "verify/users.sql": "SELECT 4;\n",
        },
    )
    assert found.names == ["001_zoo.sql", "002_users.down.sql", "002_users.sql"]
    assert found.sql("002_users.sql") == "-- Deploy pets:users to pg\nSELECT 2;\n"
    assert "verify scripts were left out: flask db-verify compares the whole schema" in found.text
    assert found.report.complete
    assert found.report.left_alone == ["sqitch.conf"]


def test_reworked_change_has_the_scripts_of_each_time(imported: Import) -> None:
    files = {"sqitch.plan": plan("users", "@a", "@b", "pets", "users [users@b]", "@c", "users [users@c]", "@d")}
    for name, number in (("users@b", 1), ("pets", 2), ("users@c", 3), ("users", 4)):
        files |= {f"deploy/{name}.sql": f"SELECT {number};", f"revert/{name}.sql": f"SELECT -{number};"}
    found = imported("sqitch", files)
    assert [
        found.sql(f"00{number}_{name}.sql") for number, name in enumerate(("users", "pets", "users", "users"), 1)
    ] == [f"SELECT {number};\n" for number in range(1, 5)]
    assert found.sql("003_users.down.sql") == "SELECT -3;\n"
    assert found.report.complete


def test_missing_script_and_other_project_are_named(imported: Import) -> None:
    found = imported("sqitch", {"sqitch.plan": plan("a", "b [core:users]"), "deploy/b.sql": "SELECT 1;"})
    assert "sqitch.plan:5: deploy/a.sql is missing: the change was left out" in found.text
    assert "sqitch.plan:6: it depends on another project (core:users), which must be there first" in found.text


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"sqitch.plan": plan("a", "-a"), "deploy/a.sql": "SELECT 1;"}, r"sqitch\.plan:6 reverts a; remove both"),
        ({"x/sqitch.plan": plan("a"), "y/sqitch.plan": plan("a")}, r"several plans \(x/sqitch\.plan, y/sqitch\.plan\)"),
        ({"deploy/a.sql": "SELECT 1;"}, r"no migration of sqitch is in .*: sqitch has sqitch\.plan, and the folders"),
    ],
)
def test_unclear_plan_is_refused(imported: Import, files: dict[str, str | bytes], reason: str) -> None:
    with pytest.raises(ImportRefused, match=reason):
        imported("sqitch", files)
