"""Set a line up: in steps that resume, without touching what is not ours."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from peterental.agents.model import Agent, Profile
from peterental.errors import Refusal
from peterental.line import desired
from peterental.line.model import (
    AddressNotPublic,
    AssistantInUse,
    FirstMessageInvalid,
    IdInvalid,
    LineChanged,
    MarkersDamaged,
    NameInvalid,
    NumberInUse,
    SecretMissing,
    SetUpBusy,
    SetUpMissing,
    VapiGone,
    VapiRefused,
    VapiUnreachable,
)
from peterental.voice.tool_registry import TOOLS_BY_NAME
from tests.calendars.provider_server import Answer, Asked
from tests.line.office import ANA, OFFICE, Office, new_line, open_office
from tests.line.vapi_server import DOWN, DROPPED, KEY, SECRET, WEBHOOK, Trouble

OLD = "old"
UNKNOWN = "00000000-0000-4000-8000-00000000ffff"
FOREIGN_TOOL = {"type": "transferCall", "destinations": [{"type": "number", "number": "+14055550177"}]}


def existing(office: Office, **fields: Any) -> str:
    """Add an assistant that the office made on Vapi."""
    model = {
        "provider": "anthropic",
        "model": "claude-sonnet",
        "temperature": 0.2,
        "messages": [{"role": "system", "content": "You are Ana's friendly assistant.\n"}],
        "tools": [FOREIGN_TOOL],
    }
    made: dict[str, Any] = {"model": model, "voice": {"provider": "vapi", "voiceId": "Elliot"}}
    return office.vapi.add_assistant(**(made | fields))


def compare_and_write(office: Office) -> None:
    check = office.line.drift.check(ANA, OFFICE)
    office.line.set_ups.write(ANA, OFFICE, seen_assistant=check.assistant_version, seen_number=check.number_version)


def test_new_line_has_everything_after_one_click(office: Office) -> None:
    number = office.vapi.add_number()
    office.set_up(phone_number_id=number)
    assistant = office.assistant
    assert office.vapi.written() == ["POST /assistant", f"PATCH /phone-number/{number}"]
    assert {desired.tool_name(tool) for tool in assistant["model"]["tools"]} == set(TOOLS_BY_NAME)
    assert assistant["server"] == {
        "url": WEBHOOK, "timeoutSeconds": 20, "headers": {"Authorization": f"Bearer {SECRET}"}
    }  # fmt: skip
    assert sorted(assistant["serverMessages"]) == ["end-of-call-report", "status-update", "tool-calls"]
    assert "voice" not in assistant
    assert "Never invent a time" in desired.system_prompt(assistant)
    assert office.vapi.numbers[number]["assistantId"] == assistant["id"]
    assert (office.ana.vapi_assistant_id, office.ana.phone_number_id) == (assistant["id"], number)
    state = office.state
    assert (state.is_unfinished, state.problem) == (False, None)
    assert state.check is not None
    assert (state.check.differs, state.check.number) == (False, "+14055550111")


def test_texts_of_twilio_number_are_left_to_us(office: Office) -> None:
    number = office.vapi.add_number(provider="twilio", smsEnabled=True, squadId="s")
    office.set_up(phone_number_id=number)
    stored = office.vapi.numbers[number]
    assert (stored["smsEnabled"], stored["squadId"]) == (False, None)


def test_existing_assistant_keeps_what_is_not_ours(office: Office) -> None:
    assistant_id = existing(office, name="Reception", maxDurationSeconds=300, endCallPhrases=["Goodbye"])
    before = deepcopy(office.vapi.assistants[assistant_id])
    office.line.set_ups.choose(ANA, new_line(assistant_id=assistant_id), OFFICE)
    assert office.vapi.written() == []
    compare_and_write(office)
    after = office.assistant
    prompt = desired.system_prompt(after)
    assert prompt.startswith("You are Ana's friendly assistant.\n\n\n<!-- PeteRental begins -->")
    assert after["model"]["tools"][0] == FOREIGN_TOOL
    ours = {"model", "server", "serverMessages", "updatedAt"}
    assert {k: v for k, v in after.items() if k not in ours} == {k: v for k, v in before.items() if k not in ours}
    rest = {"messages", "tools"}
    assert {k: v for k, v in after["model"].items() if k not in rest} == {
        k: v for k, v in before["model"].items() if k not in rest
    }


def test_second_write_changes_nothing(office: Office) -> None:
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office)), OFFICE)
    compare_and_write(office)
    written = office.vapi.written()
    compare_and_write(office)
    assert office.vapi.written() == written


def test_only_text_between_markers_is_replaced(office: Office) -> None:
    prompt = f"Before.\n{desired.BEGIN}\nold rules\n{desired.END}\nAfter."
    model = {"provider": "openai", "model": "gpt-4.1", "messages": [{"role": "system", "content": prompt}]}
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, model=model)), OFFICE)
    compare_and_write(office)
    found = desired.system_prompt(office.assistant)
    assert (found.startswith(f"Before.\n{desired.BEGIN}\n"), found.endswith(f"{desired.END}\nAfter.")) == (True, True)
    assert "old rules" not in found


@pytest.mark.parametrize("prompt", [desired.BEGIN, desired.END, f"{desired.END} {desired.BEGIN}", 2 * desired.BEGIN])
def test_damaged_markers_are_not_written_over(office: Office, prompt: str) -> None:
    model = {"provider": "openai", "model": "gpt-4.1", "messages": [{"role": "system", "content": prompt}]}
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, model=model)), OFFICE)
    with pytest.raises(MarkersDamaged):
        compare_and_write(office)
    assert office.vapi.written() == []
    assert office.state.is_unfinished


def test_prompt_comes_before_an_assistants_other_messages() -> None:
    greeting = {"role": "assistant", "content": "Hello."}
    agent = Agent(agent_id=ANA, agent_name="Ana Lima")
    messages = desired.desired_model({"model": {"messages": [greeting]}}, agent, ())["messages"]
    assert [message["role"] for message in messages] == ["system", "assistant"]
    assert messages[1] == greeting


def test_words_added_to_our_tool_stay(office: Office) -> None:
    office.set_up()
    tools = deepcopy(office.assistant["model"]["tools"])
    said = [{"type": "request-start", "content": "One moment."}]
    tools[0] |= {"messages": said, "server": {"url": "https://elsewhere.example.com/hook"}}
    tools[1]["function"]["strict"] = True
    office.vapi.edit(office.assistant["id"], model=office.assistant["model"] | {"tools": [*tools, tools[2]]})
    compare_and_write(office)
    tools = office.assistant["model"]["tools"]
    assert (tools[0]["messages"], tools[0].get("server"), tools[1]["function"].get("strict")) == (said, None, None)
    assert len(tools) == len(TOOLS_BY_NAME)


def test_account_tools_in_place_of_ours_are_detached(office: Office) -> None:
    ours, other = office.vapi.add_tool("set_appointment"), office.vapi.add_tool("weather")
    model = {"provider": "openai", "model": "gpt-4.1", "toolIds": [ours, other]}
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, model=model)), OFFICE)
    compare_and_write(office)
    assert office.assistant["model"]["toolIds"] == [other]


def test_account_tools_with_a_version_are_detached(office: Office) -> None:
    """A version that is pinned wins over the ids, so one in place of ours would be called instead of ours."""
    ours, other, pinned = (office.vapi.add_tool(name) for name in ("set_appointment", "weather", "take_message"))
    refs = [{"toolId": pinned, "version": 3}, {"toolId": other, "version": 1}, {"toolId": ours}]
    model = {"provider": "openai", "model": "gpt-4.1", "toolIds": [ours, other, pinned], "toolRefs": refs}
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, model=model)), OFFICE)
    compare_and_write(office)
    assert office.assistant["model"]["toolIds"] == [other]
    assert office.assistant["model"]["toolRefs"] == [refs[1]]
    check = office.line.drift.check(ANA, OFFICE)
    assert not check.written
    assert [each.theirs for each in check.differences if each.part == "Other tools"] == ["weather"]


def test_credential_of_our_server_is_trusted(office: Office) -> None:
    server = {"url": WEBHOOK, "timeoutSeconds": 20, "credentialId": UNKNOWN}
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, server=server)), OFFICE)
    compare_and_write(office)
    assert office.assistant["server"] == server


def test_secret_replaces_that_of_another_server(office: Office) -> None:
    server = {
        "url": "https://old.example.com", "secret": OLD, "credentialId": UNKNOWN,
        "headers": {"x-vapi-secret": OLD, "X-Office": "7"},
    }  # fmt: skip
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, server=server)), OFFICE)
    compare_and_write(office)
    assert office.assistant["server"]["headers"] == {"X-Office": "7", "Authorization": f"Bearer {SECRET}"}
    assert "secret" not in office.assistant["server"]


def test_messages_that_the_webhook_answers_stay(office: Office) -> None:
    sent = ["transfer-destination-request", "conversation-update"]
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office, serverMessages=sent)), OFFICE)
    compare_and_write(office)
    assert sorted(office.assistant["serverMessages"]) == [
        "end-of-call-report", "status-update", "tool-calls", "transfer-destination-request"
    ]  # fmt: skip


# --- set-ups that stop -----------------------------------------------------------------------------------------------


def test_set_up_stopped_at_the_number_resumes_there(office: Office) -> None:
    number = office.vapi.add_number()
    office.vapi.troubles = [Trouble("PATCH /phone-number", DOWN)]
    with pytest.raises(VapiUnreachable):
        office.set_up(phone_number_id=number)
    set_up = office.state.set_up
    assert set_up is not None
    assert set_up.done == ("assistant", "tools", "agent")
    assert (office.state.is_unfinished, set_up.problem) == (
        True, "Vapi cannot be reached: it answers 503. Try again in a minute."
    )  # fmt: skip
    office.line.set_ups.resume(ANA, OFFICE)
    assert not office.state.is_unfinished
    assert len(office.vapi.assistants) == 1
    assert office.vapi.numbers[number]["assistantId"] == office.ana.vapi_assistant_id
    with pytest.raises(SetUpMissing):
        office.line.set_ups.resume(ANA, OFFICE)


def test_assistant_created_without_an_answer_is_found_again(office: Office) -> None:
    office.vapi.troubles = [Trouble("POST /assistant", DROPPED, is_done=True)]
    with pytest.raises(VapiUnreachable):
        office.set_up()
    assert office.ana.vapi_assistant_id is None
    office.line.set_ups.resume(ANA, OFFICE)
    assert list(office.vapi.assistants) == [office.ana.vapi_assistant_id]


def test_assistant_that_was_not_created_is_created(office: Office) -> None:
    office.vapi.troubles = [Trouble("POST /assistant", DOWN)]
    with pytest.raises(VapiUnreachable):
        office.set_up()
    office.vapi.add_assistant("Another one")
    office.line.set_ups.resume(ANA, OFFICE)
    assert len(office.vapi.assistants) == 2


def test_write_without_an_answer_is_not_a_foreign_edit(office: Office) -> None:
    office.line.set_ups.choose(ANA, new_line(assistant_id=existing(office)), OFFICE)
    office.vapi.troubles = [Trouble("PATCH /assistant", DROPPED, is_done=True)]
    with pytest.raises(VapiUnreachable):
        compare_and_write(office)
    office.line.set_ups.resume(ANA, OFFICE)
    assert not office.state.is_unfinished


def test_foreign_edit_after_comparing_is_not_overwritten(office: Office) -> None:
    assistant_id = existing(office)
    office.line.set_ups.choose(ANA, new_line(assistant_id=assistant_id), OFFICE)
    check = office.line.drift.check(ANA, OFFICE)
    office.vapi.edit(assistant_id, firstMessage="Edited since")
    with pytest.raises(LineChanged, match="assistant"):
        office.line.set_ups.write(ANA, OFFICE, seen_assistant=check.assistant_version, seen_number="")
    assert office.vapi.written() == []
    compare_and_write(office)
    assert office.assistant["firstMessage"] == "Edited since"


def test_number_edited_in_between_is_not_overwritten(office: Office) -> None:
    number = office.vapi.add_number()
    seen = office.vapi.numbers[number]["updatedAt"]

    def edit_after_the_assistant(asked: Asked) -> None:
        if asked.method == "POST":
            office.vapi.edit(number, name="Front desk")

    office.vapi.before = edit_after_the_assistant
    with pytest.raises(LineChanged, match="phone number"):
        office.set_up(phone_number_id=number, seen_number=seen)
    assert "assistantId" not in office.vapi.numbers[number]


def test_number_of_another_agent_is_refused(office: Office) -> None:
    office.services.agents.create(Profile(agent_name="Ben"), OFFICE, "ben")
    number = office.vapi.add_number()
    office.line.set_ups.choose("ben", new_line(phone_number_id=number), OFFICE)
    office.line.set_ups.resume("ben", OFFICE)
    bens = office.vapi.numbers[number]["assistantId"]
    office.database.fetch("UPDATE agents SET phone_number_id = NULL")
    with pytest.raises(NumberInUse, match="Ben"):
        office.set_up(phone_number_id=number)
    assert office.vapi.numbers[number]["assistantId"] == bens
    with pytest.raises(AssistantInUse):
        office.set_up(assistant_id=bens)


def test_set_up_from_before_the_clock_was_set_back_holds_up_nothing(office: Office) -> None:
    office.line.set_ups.choose(ANA, new_line(), OFFICE)
    office.database.fetch("UPDATE line_set_ups SET leased_until = NOW() + INTERVAL '1 hour'")
    office.line.set_ups.choose(ANA, new_line(), OFFICE)
    office.line.set_ups.resume(ANA, OFFICE)
    assert len(office.vapi.assistants) == 1


def test_set_up_in_progress_is_not_begun_twice(office: Office) -> None:
    office.line.set_ups.choose(ANA, new_line(), OFFICE)
    refusals: list[Refusal] = []

    def click_again(asked: Asked) -> None:
        if asked.method == "POST":
            for click in (
                lambda: office.line.set_ups.resume(ANA, OFFICE),
                lambda: office.line.set_ups.choose(ANA, new_line(), OFFICE),
                lambda: office.line.set_ups.write(ANA, OFFICE, seen_assistant="", seen_number=""),
            ):
                try:
                    click()
                except Refusal as refusal:
                    refusals.append(refusal)

    office.vapi.before = click_again
    office.line.set_ups.resume(ANA, OFFICE)
    assert [type(each) for each in refusals] == [SetUpBusy, SetUpBusy, SetUpMissing]
    assert len(office.vapi.assistants) == 1


def test_unexpected_error_ends_the_reservation(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(desired, "new_assistant", fail)
        with pytest.raises(ZeroDivisionError):
            office.set_up()
    set_up = office.state.set_up
    assert set_up is not None
    assert set_up.problem == "An unexpected error; the log has it."
    office.line.set_ups.resume(ANA, OFFICE)
    assert office.ana.vapi_assistant_id


def test_gone_assistant_and_number_are_named(office: Office) -> None:
    office.line.set_ups.choose(ANA, new_line(assistant_id=UNKNOWN), OFFICE)
    with pytest.raises(VapiGone, match=f"no assistant with the id {UNKNOWN}"):
        office.line.set_ups.resume(ANA, OFFICE)
    with pytest.raises(VapiGone, match=f"no phone number with the id {UNKNOWN}"):
        office.set_up(phone_number_id=UNKNOWN)


@pytest.mark.parametrize(
    ("choice", "refusal"),
    [
        ({"assistant_id": "../tool/1"}, IdInvalid),
        ({"phone_number_id": "+14055550111"}, IdInvalid),
        ({"name": " "}, NameInvalid),
        ({"name": "x" * 41}, NameInvalid),
        ({"first_message": ""}, FirstMessageInvalid),
    ],
)
def test_invalid_choice_is_refused(office: Office, choice: dict[str, str], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        office.line.set_ups.choose(ANA, new_line(**choice), OFFICE)
    assert office.state.set_up is None


def test_line_needs_public_address_and_secret(office: Office) -> None:
    for settings, refusal in (
        ({"public_url": None}, AddressNotPublic),
        ({"public_url": "http://rent.example.com"}, AddressNotPublic),
        ({"vapi_webhook_secret": None}, SecretMissing),
    ):
        office.database.fetch("DELETE FROM agents")
        with open_office(office.database, **settings) as other, pytest.raises(refusal):
            other.set_up()
        assert not other.vapi.asked


def test_refusal_of_vapi_hides_our_secret(office: Office) -> None:
    """Vapi's messages may repeat what was sent."""
    message = {"message": [f"server.headers must not be Bearer {SECRET}."]}
    office.vapi.troubles = [Trouble("POST /assistant", Answer.of_json(message, 400))]
    with pytest.raises(VapiRefused) as refused:
        office.set_up()
    assert str(refused.value) == "Vapi refused to create the assistant: server.headers must not be Bearer …."


def test_secrets_are_nowhere_in_the_database(office: Office) -> None:
    office.set_up(phone_number_id=office.vapi.add_number())
    office.vapi.edit(office.assistant["id"], server={"url": "https://x.example.com", "headers": {"Authorization": "n"}})
    office.line.drift.check(ANA, OFFICE)
    tables = ("line_account", "line_set_ups", "line_checks", "audit_log", "agents")
    stored = "".join(str(office.database.fetch(f"SELECT * FROM {table}")) for table in tables)
    assert "another one" in stored
    assert SECRET not in stored
    assert KEY not in stored
    assert KEY not in repr(office.config)


def test_set_up_is_audited(office: Office) -> None:
    office.set_up()
    entries = office.services.audit.listing(OFFICE).entries
    assert [entry.change.action for entry in entries][:2] == ["line set up", "edited"]
