"""A fake of Vapi that sends messages to a webhook and reads the replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.voice.webhook import create_blueprint
from tests import clocks

PAYLOADS = Path(__file__).parent / "payloads"

ANA = "24464697-0000-4000-8000-000000000001"
BEN = "24464697-0000-4000-8000-000000000002"
ANAS_PHONE = "c6c03223-5fd3-41f9-ab42-faedca7d8919"
BENS_PHONE = "808554cd-cc4a-4204-862c-d41a6b929ebd"
DOLORES = "+15550142100"

SUNDAY_MORNING = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""Sunday, November 22, 2026, nine in the morning in Chicago."""


@dataclass
class Clock(clocks.Clock):
    """A clock that shows Sunday morning at first."""

    now: datetime = SUNDAY_MORNING


@dataclass
class Phone:
    """One phone call, as Vapi sends it to the webhook."""

    client: FlaskClient
    call_id: str = "call-1"
    assistant_id: str | None = ANA
    number: str | None = DOLORES
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def post(self, message: object, **headers: str) -> TestResponse:
        """Post a message."""
        return self.client.post("/vapi/webhook", json={"message": message}, headers=headers)

    def play(self, name: str) -> Any:
        """Post one of the recorded payloads; return the reply's JSON."""
        response = self.client.post(
            "/vapi/webhook", data=(PAYLOADS / f"{name}.json").read_bytes(), content_type="application/json"
        )
        assert response.status_code == 200
        assert response.mimetype == "application/json"
        return response.json

    def say(self, tool: str, arguments: object = None, tool_call_id: str | None = None, **more: object) -> str:
        """Call a tool; return the sentence that the caller hears."""
        message = self.message(tool, arguments, tool_call_id) | more
        response = self.post(message)
        assert response.status_code == 200
        (result,) = response.json["results"]  # type: ignore[index]
        assert result["name"] == tool
        assert result["toolCallId"] == message["toolCallList"][0]["id"]
        assert "\n" not in result["result"]
        return str(result["result"])

    def message(self, tool: str, arguments: object = None, tool_call_id: str | None = None) -> dict[str, Any]:
        """Build the message of a tool call."""
        return {
            "type": "tool-calls",
            "toolCallList": [
                {
                    "id": tool_call_id or f"tool-{next(self.ids)}",
                    "function": {"name": tool, "arguments": {} if arguments is None else arguments},
                }
            ],
            "call": {"id": self.call_id, "assistantId": self.assistant_id},
            "customer": {"number": self.number},
        }


def payload(name: str) -> Any:
    """Load one of the recorded payloads."""
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def register_agents(database: Database) -> None:
    """Insert Ana, who has a handover number, and Ben, who has none."""
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, phone_number_id, handover_number)
        VALUES ('ana', 'Ana Reyes', %s, %s, '+15550100077'), ('ben', 'Ben Okoro', %s, %s, NULL)
        """,
        [ANA, ANAS_PHONE, BEN, BENS_PHONE],
    )


def services_on(database: Database, clock: Callable[[], datetime]) -> Services:
    """Build services that use `clock`."""
    return build_services(database, clock, buffers_records=True)


def webhook(services: Services, clock: Callable[[], datetime], config: Config | None = None) -> FlaskClient:
    """Build a client of an application that has only the webhook.

    What it buffers is written before an answer is returned, so that a test finds it in the database.
    """
    app = Flask("webhook")

    @app.after_request
    def write_buffered(response: Response) -> Response:
        services.calls.write_buffered()
        return response

    app.register_blueprint(create_blueprint(services, config or Config(), clock))
    return app.test_client()


ELM = {"property_address": "1420 Elm Street, Norman, OK", "attendee_name": "Dolores Whitcomb"}
BOYD = {"property_address": "33 Boyd Street", "attendee_name": "Dolores Whitcomb"}
BOOKED_MONDAY_AT_THREE = (
    "You're booked to see 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM."
)


def book(phone: Phone, start_time: object = "tomorrow 3 pm", tool_call_id: str | None = None, **more: object) -> str:
    """Book Elm Street for Dolores; return the sentence."""
    return phone.say("set_appointment", ELM | {"start_time": start_time} | more, tool_call_id)


def bookings(database: Database) -> list[dict[str, Any]]:
    """Return all appointments, oldest first."""
    return database.fetch(
        "SELECT start_time::text AS start, status, property_address AS home FROM appointments ORDER BY id"
    )


def starts(database: Database) -> list[str]:
    """Return the starts of the confirmed appointments."""
    return [row["start"] for row in bookings(database) if row["status"] == "confirmed"]
