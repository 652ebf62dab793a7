"""The agents whom simulated callers call."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bench.chaos.postgres import LabPostgres

ZONE = ZoneInfo("America/Chicago")
AGENTS = 8
DAYS = 14


def register(postgres: LabPostgres) -> list[str]:
    """Create agents who work every day and are booked as far ahead as callers ask; return their assistants' ids."""
    assistants = [f"00000000-0000-4000-8000-{number:012}" for number in range(AGENTS)]
    with postgres.connect() as connection:
        for number, assistant in enumerate(assistants):
            connection.execute(
                "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, time_zone, horizon_days, notice_minutes)"
                " VALUES (%s, %s, %s, %s, %s, 0)",
                (f"agent-{number}", f"Agent {number}", assistant, ZONE.key, DAYS),
            )
        connection.execute(
            "INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)"
            " SELECT agent_id, weekday, '09:00', '17:00' FROM agents, generate_series(6, 7) AS weekday"
        )
    return assistants
