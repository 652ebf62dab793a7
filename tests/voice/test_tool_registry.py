"""The tools declared to assistants are the ones that the webhook answers."""

from __future__ import annotations

import json

import pytest

from peterental.voice.tool_registry import TOOLS_BY_NAME, tools_json
from tests.commands import flask

ARGUMENTS = {
    "get_availability": {"property_address", "date", "time_of_day"},
    "set_appointment": {"property_address", "start_time", "attendee_name", "attendee_email", "attendee_phone"},
    "find_appointment": {"attendee_name", "property_address"},
    "reschedule_appointment": {"start_time", "property_address", "attendee_name"},
    "cancel_appointment": {"property_address", "attendee_name"},
    "join_waitlist": {"property_address", "date", "time_of_day", "attendee_name", "attendee_phone"},
    "find_property": {"bedrooms", "max_rent", "area"},
    "take_message": {"message", "attendee_name", "attendee_phone"},
}
"""The documented arguments of each tool."""


def test_registry_declares_the_documented_arguments() -> None:
    functions = [tool["function"] for tool in tools_json("https://pete.example/vapi/webhook")]
    assert {function["name"]: set(function["parameters"]["properties"]) for function in functions} == ARGUMENTS
    assert set(ARGUMENTS) == set(TOOLS_BY_NAME)
    assert all(set(f["parameters"]["required"]) <= set(f["parameters"]["properties"]) for f in functions)
    assert all(f["description"].endswith(".") for f in functions)


def test_tools_json_has_url_and_credential() -> None:
    plain = tools_json("https://pete.example/vapi/webhook")[0]
    assert plain["server"] == {"url": "https://pete.example/vapi/webhook", "timeoutSeconds": 20}
    assert (plain["type"], plain["async"]) == ("function", False)
    assert tools_json("https://pete.example/vapi/webhook", "cred-7")[0]["server"]["credentialId"] == "cred-7"


@pytest.fixture
def with_agents(database_url: str) -> str:
    done = flask("demo", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    return database_url


def test_command_prints_json_without_the_secret(with_agents: str) -> None:
    done = flask(
        "vapi-tools",
        "nora-castillo",
        "--url",
        "https://pete.example/",
        DATABASE_URL=with_agents,
        VAPI_WEBHOOK_SECRET="hush-hush-hush",
    )
    assert done.returncode == 0, done.stderr
    assert {tool["server"]["url"] for tool in json.loads(done.stdout)} == {"https://pete.example/vapi/webhook"}
    assert "answers as assistant 24464697-0000-4000-8000-000000000001." in done.stderr
    assert "VAPI_WEBHOOK_SECRET" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_command_warns_about_a_local_address(with_agents: str) -> None:
    done = flask("vapi-tools", "nora-castillo", DATABASE_URL=with_agents)
    assert (done.returncode, "pass the public one with --url" in done.stderr) == (0, True)


def test_command_reports_an_unknown_agent(database_url: str) -> None:
    done = flask("vapi-tools", "nobody", DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "❌ There is no such agent.\n"
