"""Liquibase's formatted SQL: each changeset is one migration, and what has no equivalent is named with its line."""

from __future__ import annotations

import pytest

from tests.database.migrations.importing.conftest import Import

HEAD = "--liquibase formatted sql\n"


def test_changesets_become_migrations_with_their_rollbacks(imported: Import) -> None:
    text = (
        f"{HEAD}-- about users\n\n--changeset ana:1\n--comment: makes it\nCREATE TABLE a (i int);\n"
        '--rollback DROP TABLE a;\n\n-- changeset "Ana B":"two: words" splitStatements:false\n'
        "CREATE TABLE b (i int)\n/* liquibase rollback\nDROP TABLE b;\nSELECT 1;\n*/\n"
        "--changeset ana:3\nCREATE TABLE c (i int);\n--rollback not required\n"
    )
    found = imported("liquibase", {"02_users.sql": text, "01_first.sql": f"{HEAD}--changeset ana:1\nSELECT 1;\n"})
    assert found.names == [
        "001_first.sql",
        "002_users_1.down.sql",
        "002_users_1.sql",
        "003_users_two_words.down.sql",
        "003_users_two_words.sql",
        "004_users_3.sql",
    ]
    assert found.sql("002_users_1.sql") == "CREATE TABLE a (i int);\n"
    assert found.sql("002_users_1.down.sql") == "DROP TABLE a;\n"
    assert found.sql("003_users_two_words.sql") == "CREATE TABLE b (i int);\n"
    assert found.sql("003_users_two_words.down.sql") == "DROP TABLE b;\nSELECT 1;\n"
    assert "Imported from liquibase, 02_users.sql, ana:1\n" in found.whole("002_users_1.sql")
    assert found.report.complete


@pytest.mark.parametrize(
    ("attribute", "delimiter"),
    [("/", "/"), ("//", "//"), ("GO", "go"), (r"\nGO", "GO"), ("@@", "@@"), ("'$$;'", "$$;")],
)
def test_other_delimiters_become_semicolons(imported: Import, attribute: str, delimiter: str) -> None:
    body = f"SELECT 8 / 2 AS going\n{delimiter}\nSELECT 2 {delimiter}  \r\nSELECT 3"
    found = imported("liquibase", {"a.sql": f"{HEAD}--changeset a:1 endDelimiter:{attribute}\n{body}\n"})
    if attribute == "'$$;'":
        assert "a.sql:2: the delimiter $$; has no equivalent: end the statements with semicolons" in found.text
        return
    assert " ".join(found.sql("001_a.sql").split()) == "SELECT 8 / 2 AS going ; SELECT 2 ; SELECT 3;"
    assert found.report.complete


@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ("context:test", "a.sql:2: the changeset runs only with context test; here it always runs"),
        ("contextFilter:'a and b'", "a.sql:2: the changeset runs only with contextfilter a and b; here it always runs"),
        ("labels:x", "a.sql:2: the changeset runs only with labels x; here it always runs"),
        ("runAlways:true", "a.sql:2: the attribute runalways:true has no equivalent"),
        ("failOnError:false", "a.sql:2: the attribute failonerror:false has no equivalent"),
        ("runWith:psql", "a.sql:2: the attribute runwith:psql has no equivalent"),
        ("somethingNew:1", "a.sql:2: the attribute somethingnew:1 has no equivalent"),
    ],
)
def test_attribute_without_equivalent_is_named(imported: Import, attributes: str, line: str) -> None:
    found = imported("liquibase", {"a.sql": f"{HEAD}--changeset a:1 {attributes}\nSELECT 1;\n"})
    assert f"001  {line}" in found.text
    assert not found.report.complete


def test_attributes_with_an_equivalent_are_carried_over(imported: Import) -> None:
    attributes = "stripComments:false runAlways:false failOnError:true logicalFilePath:x.sql runInTransaction:false"
    text = f"{HEAD}--changeset a:1 {attributes} runOnChange:true dbms:postgresql,h2\nVACUUM;\n"
    found = imported("liquibase", {"a.sql": text})
    assert found.is_no_transaction("001_a.sql")
    assert "001: ran again whenever it changed: here it runs once, and a change is a new migration" in found.text
    assert found.report.complete


@pytest.mark.parametrize(
    ("attribute", "is_kept"),
    [
        ("dbms:oracle", False),
        ("dbms:oracle,mysql", False),
        ("dbms:!postgresql", False),
        ("dbms:none", False),
        ("ignore:true", False),
        ("dbms:!oracle", True),
        ("dbms:all", True),
        ('dbms:"mysql, postgresql"', True),
        ("ignore:false", True),
    ],
)
def test_changeset_of_another_database_is_left_out(imported: Import, attribute: str, *, is_kept: bool) -> None:
    text = f"{HEAD}--changeset a:1 {attribute}\nSELECT 1;\n--changeset a:2\nSELECT 2;\n"
    found = imported("liquibase", {"a.sql": text})
    assert (found.names == ["001_a_1.sql", "002_a_2.sql"]) is is_kept
    assert ("it was left out" in found.text) is not is_kept


def test_preconditions_parameters_and_other_lines_are_named(imported: Import) -> None:
    text = (
        f"{HEAD}--changeset a:1\n--preconditions onFail:MARK_RAN\n"
        "--precondition-sql-check expectedResult:0 SELECT count(*) FROM a\n--ignoreLines:2\n"
        "CREATE TABLE ${schema}.a (i int);\n--rollback DROP TABLE ${schema}.a;\n"
    )
    found = imported("liquibase", {"a.sql": text, "changelog.xml": "<databaseChangeLog/>"})
    for line in (
        "a.sql:3: “--preconditions onFail:MARK_RAN” has no equivalent: the changeset always runs here",
        "a.sql:4: “--precondition-sql-check expectedResult:0 SELECT count(*) FROM a” has no equivalent",
        "a.sql:5: “--ignoreLines:2” has no equivalent: write plain SQL",
        "${schema} is a parameter of the changelog: write its value",
        "${schema} of the rollback is a parameter of the changelog: write its value",
        "changelog.xml: decides what runs, and when",
    ):
        assert line in found.text


def test_rollback_by_another_changeset_is_named(imported: Import) -> None:
    text = f"{HEAD}--changeset a:1\nSELECT 1;\n--rollback changesetId:0 changesetAuthor:a\n"
    found = imported("liquibase", {"a.sql": text})
    assert found.names == ["001_a.sql"]
    assert "the rollback names another changeset: write its SQL as a down file" in found.text
