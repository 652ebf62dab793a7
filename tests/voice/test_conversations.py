"""Whole conversations through the webhook, and what is booked.

Each tool call must be answered with the exact sentence. Each conversation has its own agent, time zone and time. The
sentences in `talks.py`, read in order, must sound like a sensible person.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.voice.follow_up_talks import FOLLOW_UP_TALKS
from tests.voice.heard_talks import HEARD_TALKS
from tests.voice.people_talks import PEOPLE_TALKS
from tests.voice.phone import ANA, Clock, Phone, services_on, webhook
from tests.voice.talks import TALKS, From, Later, Says, Talk

if TYPE_CHECKING:
    from peterental.database.pool import Database

ROUND_THE_CLOCK = "INSERT INTO agent_hours SELECT 'ana', day, '00:00', '24:00' FROM generate_series(1, 7) AS day"


@pytest.mark.parametrize("talk", [*TALKS, *PEOPLE_TALKS, *HEARD_TALKS, *FOLLOW_UP_TALKS], ids=lambda talk: talk.title)
def test_conversation_has_the_expected_sentences(talk: Talk, database: Database) -> None:
    _register(talk, database)
    zone = ZoneInfo(talk.zone)
    clock = Clock(datetime.fromisoformat(talk.now).replace(tzinfo=zone).astimezone(UTC))
    phone = Phone(webhook(services_on(database, clock), clock))
    calls = 1
    history: dict[str, object] = {}
    for turn in talk.turns:
        match turn:
            case str():
                calls += 1
                phone.call_id, history = f"call-{calls}", {}
            case Later():
                clock.forward(**turn.by)
            case From():
                phone.number = turn.number
            case Says():
                history = {"artifact": {"messages": [{"role": "user", "message": line} for line in turn.lines]}}
            case ((tool, arguments), heard):
                said = phone.say(tool, arguments, None, **history)
                assert said == heard
                assert said.endswith((".", "?"))
                assert len(said) < 300, "no caller listens to more"
    rows = database.fetch("SELECT start_time FROM appointments WHERE status = 'confirmed' ORDER BY id")
    assert [f"{row['start_time'].astimezone(zone):%a %m-%d %H:%M %z}" for row in rows] == talk.booked


def _register(talk: Talk, database: Database) -> None:
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, time_zone, daily_cap, language) VALUES ('ana', 'Ana', %s, %s, %s, %s)",
        [ANA, talk.zone, talk.daily_cap, talk.language],
    )
    if talk.hours == "round the clock":
        database.fetch("DELETE FROM agent_hours")
        database.fetch(ROUND_THE_CLOCK)
