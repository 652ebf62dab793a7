"""Output of the commands: lines, the progress bar, the status table and its colours."""

from __future__ import annotations

import io
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from peterental.cli import needs_pages
from peterental.cli.terminal import ProgressTerminal, colours, columns, make_printable, output, prints_unicode
from peterental.database.migrations.commands.status_table import status_table
from peterental.database.migrations.ledger.reader import LedgerRow
from peterental.database.migrations.ledger.state import HistoryEntry, State
from peterental.database.migrations.ledger.status import Status
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.error_location import width_of


def test_a_line_replaces_the_bar() -> None:
    stream = io.StringIO()
    screen = ProgressTerminal(stream)
    screen.report("started")
    screen.progress("idx_a: scanning", 50)
    screen.progress("idx_a: scanning", 100)
    screen.report("done")
    assert stream.getvalue() == (
        "started\n"
        "\r\x1b[K███████████████░░░░░░░░░░░░░░░  50 %  idx_a: scanning"
        "\r\x1b[K██████████████████████████████ 100 %  idx_a: scanning"
        "\r\x1b[Kdone\n"
    )


def test_output_that_fails_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        done = []
        with pytest.raises(OSError, match="No space left"), output() as (report, _):
            for number in range(3):
                report(f"line {number}")
                done.append(number)
        assert done == [0, 1, 2]
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_states_are_coloured_on_request() -> None:
    entries = [
        HistoryEntry(number, state, MigrationFile(number, "make a", Path("001_make_a.sql")), None)
        for number, state in enumerate((State.APPLIED, State.PENDING, State.EDITED), start=1)
    ]
    status = Status(entries, [])
    assert "\x1b" not in status_table(status)
    coloured = status_table(status, colour=True)
    assert "\x1b[32mapplied\x1b[0m" in coloured
    assert "\x1b[33mpending\x1b[0m" in coloured
    assert "\x1b[31medited \x1b[0m" in coloured


def entry(version: int, description: str, by: str = "pat@web-1") -> HistoryEntry:
    row = LedgerRow(version, description, datetime(2026, 11, 22, 17, 17, tzinfo=UTC), "c", 12_345, by)
    return HistoryEntry(version, State.NEWER, None, row)


@pytest.mark.parametrize("width", [40, 60, 80, 200, None])
def test_the_table_fits_the_terminal(width: int | None) -> None:
    entries = [
        entry(1, "create agent tables"),
        entry(2, "a" * 150, "render@srv-" + "x" * 40),
        entry(1000, "家を見る 🙂"),
    ]
    lines = status_table(Status(entries, []), width=width).splitlines()[:-2]
    assert len({line.find("newer") for line in lines[1:3]}) == 1
    assert all("2026-11-22 17:17 UTC" in line for line in lines[1:])
    longest = max(width_of(line) for line in lines)
    assert longest <= max(width or 0, 80) or width is None
    assert any("…" in line for line in lines) == (width in {40, 60, 80, 200})
    # a letter that is two columns wide counts as two
    assert width_of(lines[3].partition("newer")[0]) == width_of(lines[1].partition("newer")[0])


def test_control_characters_of_rows_are_escaped() -> None:
    table = status_table(Status([entry(1, "x\ny \x1b[31m", "a\tb")], []))
    assert "x\\ny \\x1b[31m" in table
    assert len(table.splitlines()) == 4


def test_only_database_commands_skip_the_pages() -> None:
    assert not needs_pages(["/venv/bin/flask", "db-migrate"])
    assert needs_pages(["/venv/bin/flask", "run"])
    assert needs_pages(["/venv/bin/flask"])
    assert needs_pages(["/venv/bin/gunicorn", "db-migrate"])
    assert needs_pages([])


def test_other_encodings_escape_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Latin-1, for example, the first line of a run was a UnicodeEncodeError with a traceback."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    make_printable()
    with output() as (report, _):
        report("✅ 001_é.sql")
    assert written.getvalue() == b"\\u2705 001_\xe9.sql\n"
    assert not prints_unicode()


def test_closed_streams_take_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    make_printable()
    with output() as (report, progress):
        report("✅ into the void")
    assert (progress, columns(), colours(), prints_unicode()) == (None, None, False, True)
    for stream in (sys.stdout, sys.stderr):
        stream.write("as well")
        stream.close()
