"""db-plan's Markdown is a table that GitHub renders, whatever the statements and names contain."""

from __future__ import annotations

import re

from peterental.database.migrations.plan.markdown import MAX_CHARS, plan_markdown
from peterental.database.migrations.plan.report import NOT_REHEARSED, SCRATCH, Plan, PlannedFile, PlannedStep, TableSize

LIVE = "live"


def plan_of(*steps: PlannedStep, **options: object) -> Plan:
    file = PlannedFile(2, "002_add_phone.sql", LIVE, list(steps))
    for name, value in options.items():
        setattr(file, name, value)
    return Plan([file], {"users": TableSize(1200, 245760), "empty": TableSize(0, 0)})


def cells(text: str) -> list[list[str]]:
    """Return the cells of the rows below the table's heading; an escaped pipe does not end a cell."""
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_table_has_lock_rows_rewrite_and_wait() -> None:
    alter = PlannedStep(
        5,
        "ALTER TABLE users\n  ALTER age TYPE bigint",
        LIVE,
        30,
        {"users": "ACCESS EXCLUSIVE"},
        rewrites=["users"],
        rebuilds=["users_pkey"],
    )
    update = PlannedStep(7, "UPDATE users SET a = 1", LIVE, 1200, {}, {"users": "ACCESS EXCLUSIVE"}, scans=["users"])
    text = plan_markdown(plan_of(alter, update))
    assert text.startswith(
        "### db-plan\n\n⚠️  1 migration would run and block writes to users while reading all rows. Nothing was changed.\n"
        "\n#### `002_add_phone.sql`\n\nrehearsed on the live database and rolled back\n"
        "\n| line | statement | lock | table | rows | rewrite | expected wait |\n|---:|---|---|---|---:|---|---|\n"
    )
    assert cells(text) == [
        ["5", "`ALTER TABLE users ALTER age TYPE bigint`", "ACCESS EXCLUSIVE: blocks reads and writes", "`users`", "~1,200", "rewritten", "1,230 ms"],
        ["", "", "", "", "", "rebuilds `users_pkey`", ""],
        ["7", "`UPDATE users SET a = 1`", "ACCESS EXCLUSIVE, already held", "`users`", "~1,200", "all rows read", ""],
    ]  # fmt: skip


def test_locks_without_a_transaction_end_with_their_statement() -> None:
    first = PlannedStep(2, "TRUNCATE empty", LIVE, 30, {"empty": "ACCESS EXCLUSIVE"}, truncates=["empty"])
    second = PlannedStep(
        3, "VACUUM users", SCRATCH, None, {"users": "SHARE UPDATE EXCLUSIVE"}, notes=["runs *outside*"]
    )
    text = plan_markdown(
        plan_of(first, second, no_transaction=True, where=SCRATCH, note="It runs without a transaction.")
    )
    assert "\nrehearsed in a scratch copy, without the live rows\n\nIt runs without a transaction.\n" in text
    assert [(row[4], row[5], row[6]) for row in cells(text)] == [
        ("0", "emptied", "30 ms"),
        ("~1,200", "", "not measured; runs &#42;outside&#42;"),
    ]


def test_failure_and_waiting_session_are_shown() -> None:
    failing = PlannedStep(
        1, "ALTER TABLE users ADD x int", LIVE, None, fails=True, waits_for="psql | pid 7: SELECT `a`"
    )
    text = plan_markdown(plan_of(failing, error='column "x" exists\n```\n  at 002:1:1'))
    assert "❌ 002_add_phone.sql would fail." in text
    assert cells(text)[0][6] == "**fails**; would now wait for psql \\| pid 7: SELECT &#96;a&#96;"
    assert '\n❌ Migration 2 would fail:\n\n````text\ncolumn "x" exists\n```\n  at 002:1:1\n````\n' in text


def test_statements_cannot_break_the_table() -> None:
    plan = plan_of()
    plan.files[0].name = "002_a|`b`.sql"
    assert "\n#### `` 002_a|`b`.sql ``\n" in plan_markdown(plan)
    odd = PlannedStep(1, "UPDATE users SET a = '``|' || b\n-- | x", LIVE, 200, {"users": "ROW EXCLUSIVE"})
    row = cells(plan_markdown(plan_of(odd)))[0]
    assert row[6] == "none", "ROW EXCLUSIVE blocks no reads or writes"
    assert row[1] == "``` UPDATE users SET a = '``\\|' \\|\\| b -- \\| x ```"
    assert len(row) == 7


def test_harmless_statements_share_one_line() -> None:
    quiet = [PlannedStep(number, f"CREATE TABLE t{number} ()", LIVE, 1) for number in range(1, 3)]
    assert "\n2 statements that block no reads or writes.\n" in plan_markdown(plan_of(*quiet))
    assert "\n1 statement that blocks no reads or writes.\n" in plan_markdown(plan_of(quiet[0]))


def test_long_plans_fit_into_a_comment() -> None:
    steps = [PlannedStep(number, f"UPDATE users SET a = '{'x' * 5000}'", LIVE, 200) for number in range(1, 2000)]
    text = plan_markdown(plan_of(*steps, error="y" * 100_000, note="z" * 100_000))
    assert len(text) <= MAX_CHARS
    assert re.search(r"… and \d+ more statements: run `flask db-plan` to see them\.", text)
    many = Plan([PlannedFile(n, f"{n:03d}_x.sql", NOT_REHEARSED, steps[:20]) for n in range(1, 100)], notes=["<b>"])
    text = plan_markdown(many)
    assert len(text) <= MAX_CHARS
    assert text.endswith(" to see them.\n")
    assert "&#60;b&#62;" in text


def test_nothing_pending_is_one_line() -> None:
    assert plan_markdown(Plan()) == "### db-plan\n\n✅ Nothing is pending.\n"
