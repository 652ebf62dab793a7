"""`flask phone-understand` explains a phrase without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands import flask

if TYPE_CHECKING:
    from peterental.database.pool import Database

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
SUNDAY = ("--now", "2026-11-29T10:00")


def test_command_prints_tokens_reasons_decision_and_sentence() -> None:
    done = flask("phone-understand", "thursday after 3", *SUNDAY, DATABASE_URL=NO_DATABASE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["phrase    thursday after 3", "tokens    WDAY:thursday  AFTER:after  NUM:3"]
    assert "because   Thu 2026-12-03: the coming one" in lines
    assert lines[-2:] == [
        "decision  search days=Thu 2026-12-03 ranges=15:00-24:00",
        "sentence  I have Thursday the third at three PM or four PM. Which would you like?",
    ]


def test_command_uses_the_agents_bookings_and_language(database: Database, database_url: str) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name, language) VALUES ('ana', 'Ana', 'es')")
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-12-03 21:00Z, 2026-12-03 22:00Z)')")
    now = ("--now", "2026-11-29T16:00:00Z")
    done = flask("phone-understand", "jueves a las tres de la tarde", "--agent", "ana", *now, DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("sentence  Lo siento, el jueves tres a las tres de la tarde ya está")
    missing = flask("phone-understand", "x", "--agent", "nobody", DATABASE_URL=database_url)
    assert (missing.returncode, missing.stderr) == (1, "❌ There is no such agent.\n")


@pytest.mark.parametrize("now", ["yesterday", "2026-13-01"])
def test_command_rejects_a_time_that_is_not_iso(now: str) -> None:
    done = flask("phone-understand", "tomorrow", "--now", now, DATABASE_URL=NO_DATABASE)
    assert done.returncode == 2
    assert f"{now!r} is not a time in ISO 8601" in done.stderr
