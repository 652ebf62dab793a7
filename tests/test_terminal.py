"""Lines anywhere; on a terminal a bar below them, drawn over, and colours."""

from __future__ import annotations

import io
from pathlib import Path

from peterental.cli import needs_pages
from peterental.cli.terminal import Screen
from peterental.database.migrations.files import MigrationFile
from peterental.database.migrations.history import Entry, State
from peterental.database.migrations.report import status_table
from peterental.database.migrations.status import Status


def test_a_line_takes_the_place_of_the_bar() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.tell("begun")
    screen.progress("idx_a: scanning", 50)
    screen.progress("idx_a: scanning", 100)
    screen.tell("done")
    assert stream.getvalue() == (
        "begun\n"
        "\r\x1b[K███████████████░░░░░░░░░░░░░░░  50 %  idx_a: scanning"
        "\r\x1b[K██████████████████████████████ 100 %  idx_a: scanning"
        "\r\x1b[Kdone\n"
    )


def test_states_are_coloured_only_when_asked_for() -> None:
    entries = [
        Entry(number, state, MigrationFile(number, "make a", Path("001_make_a.sql")), None)
        for number, state in enumerate((State.APPLIED, State.PENDING, State.EDITED), start=1)
    ]
    status = Status(entries, [])
    assert "\x1b" not in status_table(status)
    coloured = status_table(status, colour=True)
    assert "\x1b[32mapplied\x1b[0m" in coloured
    assert "\x1b[33mpending\x1b[0m" in coloured
    assert "\x1b[31medited \x1b[0m" in coloured


def test_only_database_commands_do_without_pages() -> None:
    assert not needs_pages(["/venv/bin/flask", "db-migrate"])
    assert needs_pages(["/venv/bin/flask", "run"])
    assert needs_pages(["/venv/bin/flask"])
    assert needs_pages(["/venv/bin/gunicorn", "db-migrate"])
    assert needs_pages([])
