"""Compare lines with Vapi: what differs, whose value wins, and no secret in it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from peterental.agents.model import Profile
from peterental.line import desired
from peterental.line.comparison import shown_url
from peterental.line.composition import build_line
from peterental.line.model import AccountMissing, LineCheck, SetUpMissing, VapiUnreachable
from peterental.line.reconciliation import RECENT
from tests.line.office import ANA, OFFICE, Office, config_of, new_line
from tests.line.vapi_server import DOWN, SECRET, WEBHOOK, Trouble

USER = f"user:{DOWN.status}"


@pytest.fixture
def number(office: Office) -> str:
    """The number of Ana's line, which is set up."""
    number = office.vapi.add_number()
    office.set_up(phone_number_id=number)
    return number


def check(office: Office) -> LineCheck:
    return office.line.drift.check(ANA, OFFICE)


def parts(found: LineCheck) -> list[str]:
    return [each.part for each in found.written]


def edit(office: Office, **fields: Any) -> None:
    office.vapi.edit(str(office.ana.vapi_assistant_id), **fields)


def edit_model(office: Office, **fields: Any) -> None:
    edit(office, model=deepcopy(office.assistant["model"]) | fields)


@pytest.mark.usefixtures("number")
def test_line_just_set_up_does_not_differ(office: Office) -> None:
    found = check(office)
    assert (found.differs, found.assistant_name) == (False, "Ana's assistant")
    assert {each.part: each.theirs for each in found.kept} == {
        "Name": "Ana's assistant", "Greeting": "Hello, how can I help?"
    }  # fmt: skip


def test_line_of_a_large_account_is_compared_and_written_in_few_requests(office: Office, number: str) -> None:
    for each in range(300):
        office.vapi.add_assistant(f"Assistant {each}")
        office.vapi.add_tool(f"tool_{each}")
    office.vapi.asked.clear()
    assert not check(office).differs
    assert len(office.vapi.asked) == 2
    edit(office, serverMessages=None)
    office.vapi.asked.clear()
    found = check(office)
    office.line.set_ups.write(ANA, OFFICE, seen_assistant=found.assistant_version, seen_number=found.number_version)
    assert len(office.vapi.asked) == 5
    office.vapi.edit(number, assistantId=office.vapi.add_assistant("Somebody else"))
    assert "rings Somebody else" in str(check(office).problem)


@pytest.mark.usefixtures("number")
def test_what_vapi_adds_is_no_difference(office: Office) -> None:
    tools = [
        {**tool, "id": "t", "function": {**tool["function"], "strict": False}}
        for tool in reversed(office.assistant["model"]["tools"])
    ]
    edit(office, latestVersion="v3", modelDeprecations=[], isServerUrlSecretSet=False)
    edit_model(office, tools=tools, emotionRecognitionEnabled=False)
    assert not check(office).differs


@pytest.mark.usefixtures("number")
def test_each_part_is_named(office: Office) -> None:
    tools = deepcopy(office.assistant["model"]["tools"])
    tools[0]["function"]["description"] = "Old words"
    tools[1]["server"] = {"url": f"https://{USER}@old.example.com/hook?token=abc"}
    tools[2]["async"] = True
    account_tool = office.vapi.add_tool("take_message")
    edit_model(office, tools=[*tools[:4], tools[3]], toolIds=[account_tool], messages=[])
    edit(office, server={"url": "https://old.example.com", "timeoutSeconds": 7}, serverMessages=None)
    found = check(office)
    assert parts(found) == [
        "Server URL",
        "Server timeout, in seconds",
        "Secret of the webhook",
        "Messages to the server",
        "Tool get_availability",
        "Tool set_appointment",
        "Tool find_appointment",
        "Tool reschedule_appointment",
        "Tool cancel_appointment",
        "Tool join_waitlist",
        "Tool find_property",
        "Tool take_message",
        "Tool take_message of the account",
        "Prompt, between the markers",
    ]
    theirs = {each.part: each.theirs for each in found.written}
    assert theirs["Messages to the server"] == "Vapi's default"
    assert "server https://old.example.com/hook?…" in theirs["Tool set_appointment"]
    assert "token=abc" not in str(found)
    assert theirs["Tool find_appointment"].endswith("\nasync")
    assert theirs["Tool reschedule_appointment"] == "2 times"
    assert theirs["Secret of the webhook"] == "nothing"


@pytest.mark.usefixtures("number")
def test_prompt_outside_the_markers_stays(office: Office) -> None:
    content = "Be kind.\n\n" + desired.system_prompt(office.assistant).replace("Never invent", "Always invent")
    edit_model(office, messages=[{"role": "system", "content": content}])
    found = check(office)
    assert parts(found) == ["Prompt, between the markers"]
    assert "Always invent" in found.written[0].theirs
    assert {each.part: each.theirs for each in found.kept}["Prompt, outside the markers"] == "10 characters"


def test_number_that_rings_another_assistant_is_trouble(office: Office, number: str) -> None:
    other = office.vapi.add_assistant("Night shift")
    office.vapi.edit(number, assistantId=other, fallbackDestination={"type": "number", "number": "+14055550188"})
    found = check(office)
    assert found.problem == "The number +14055550111 rings Night shift."
    assert (parts(found), found.written[0].ours) == (["Number rings"], "Ana's assistant")
    assert found.kept[-1].theirs == "+14055550188"


@pytest.mark.parametrize(
    ("fields", "rings"),
    [
        ({}, "nothing"),
        ({"squadId": "s"}, "a squad"),
        ({"workflowId": "w"}, "a workflow"),
        ({"server": {"url": "https://x.example.com/hook"}}, "whatever https://x.example.com/hook answers"),
        ({"assistantId": "unknown"}, "unknown"),
    ],
)
def test_what_a_number_rings_is_said(office: Office, number: str, fields: dict[str, Any], rings: str) -> None:
    office.vapi.edit(number, **({"assistantId": None} | fields))
    assert check(office).problem == f"The number +14055550111 rings {rings}."


def test_texts_that_go_to_vapi_differ(office: Office, number: str) -> None:
    office.vapi.edit(number, provider="twilio")
    assert parts(check(office)) == ["Texts to the number"]


def test_gone_assistant_and_number_are_trouble(office: Office, number: str) -> None:
    del office.vapi.numbers[number]
    assert check(office).problem == f"Vapi has no phone number with the id {number}."
    del office.vapi.assistants[str(office.ana.vapi_assistant_id)]
    assert check(office).problem == f"Vapi has no assistant with the id {office.ana.vapi_assistant_id}."


def test_line_without_a_number_finds_the_one_that_rings_it(office: Office) -> None:
    office.set_up()
    assert check(office).problem == "No phone number rings this assistant."
    office.vapi.add_number("+14055550122", assistantId=office.ana.vapi_assistant_id)
    found = check(office)
    assert (found.problem, found.number) == (None, "+14055550122")


def test_unfinished_choice_is_what_is_compared(office: Office) -> None:
    with pytest.raises(SetUpMissing):
        check(office)
    chosen = office.vapi.add_assistant("Reception")
    office.line.set_ups.choose(ANA, new_line(assistant_id=chosen), OFFICE)
    assert check(office).assistant_name == "Reception"
    assert office.ana.vapi_assistant_id is None


def test_daily_job_compares_every_line(office: Office, number: str) -> None:
    del number
    office.services.agents.create(Profile(agent_name="Ben"), OFFICE, "ben")
    office.services.agents.create(Profile(agent_name="Carol", vapi_assistant_id="no-uuid"), OFFICE, "carol")
    edit(office, serverMessages=["hang"])
    asked = len(office.vapi.asked)
    assert office.line.drift.check_all() == 2
    assert len(office.vapi.asked) - asked == 3, "one request for each kind, however many agents there are"
    found = {agent.agent_id: check for agent, check in office.line.drift.checks(OFFICE)}
    anas, carols = found[ANA], found["carol"]
    assert anas is not None
    assert carols is not None
    assert (parts(anas), carols.problem, found["ben"]) == (
        ["Messages to the server"], "Vapi has no assistant with the id no-uuid.", None
    )  # fmt: skip
    assert office.vapi.written()[2:] == [], "nothing is written without a click"


@pytest.mark.usefixtures("number")
def test_failed_job_is_shown_with_the_account(office: Office) -> None:
    office.vapi.troubles = [Trouble("GET", DOWN)] * 3
    with pytest.raises(VapiUnreachable):
        office.line.drift.check_all()
    account = office.line.account.get(OFFICE)
    assert account is not None
    assert account.problem == "Vapi cannot be reached: it answers 503. Try again in a minute."
    office.line.drift.check_all()
    account = office.line.account.get(OFFICE)
    assert account is not None
    assert account.problem is None


def test_long_texts_and_nul_are_stored(office: Office, number: str) -> None:
    del number
    edit(office, firstMessage="\x00" + "x" * 10_000)
    kept = {each.part: each.theirs for each in check(office).kept}
    assert kept["Greeting"] == "x" * 4000 + "…"


def test_other_languages_have_their_own_rules(office: Office) -> None:
    office.database.fetch("UPDATE agents SET language = 'es'")
    assert "Speak Spanish." in desired.prompt_block(office.ana)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, "nothing"),
        ("https://a.example.com:8443/vapi/webhook", "https://a.example.com:8443/vapi/webhook"),
        (f"https://{USER}@a.example.com/hooks/0123456789abcdef0123?key=1", "https://a.example.com/…?…"),
        ("https://[bad", "an address that cannot be read"),
    ],
)
def test_urls_are_shown_without_secrets(url: str | None, shown: str) -> None:
    assert shown_url(url) == shown


def test_target_hides_the_secret() -> None:
    target = desired.Target(WEBHOOK, SECRET)
    assert SECRET not in repr(target)
    assert SECRET in json.dumps(desired.desired_server({}, target))


def test_without_account_nothing_is_compared(office: Office) -> None:
    line = build_line(office.database, office.services, config_of(office.vapi, vapi_api_key=None))
    assert (line.drift.check_all(), line.reconciliation.reconcile(RECENT)) == (0, 0)
    office.database.fetch("UPDATE agents SET vapi_assistant_id = 'a'")
    with pytest.raises(AccountMissing):
        line.drift.check(ANA, OFFICE)
    assert office.vapi.asked == []
