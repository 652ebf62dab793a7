"""Vapi answers with success and nonsense: nothing but a sentence comes of it, and nothing is lost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.agents.model import Agent
from peterental.errors import PeteRentalError
from peterental.line import desired
from peterental.line.drift import Snapshot, compare_line
from peterental.voice.tool_registry import TOOLS_BY_NAME
from tests.line.office import ANA, NOW, OFFICE, Office
from tests.line.vapi_server import SECRET, WEBHOOK

ID = "00000000-0000-4000-8000-000000000001"
LINE = Agent(agent_id=ANA, agent_name="Ana Lima", vapi_assistant_id=ID)
GPT = {"provider": "openai", "model": "gpt-4.1"}
TARGET = desired.Target(WEBHOOK, SECRET)

SCALARS = st.sampled_from([None, True, 0, 7, 1.5, "", "x", ID, desired.BEGIN, "get_availability", "system"])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(SCALARS.map(str), inner, max_size=2)
)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for objects with some of these fields, and for anything else."""
    return ANYTHING | st.fixed_dictionaries({}, optional={name: kind | ANYTHING for name, kind in fields.items()})


FUNCTIONS = objects(
    name=st.sampled_from(sorted(TOOLS_BY_NAME)),
    parameters=objects(required=st.lists(ANYTHING, max_size=3), properties=ANYTHING),
    description=ANYTHING,
    strict=ANYTHING,
)
TOOLS = objects(type=ANYTHING, function=FUNCTIONS, server=objects(url=ANYTHING), **{"async": ANYTHING})
ASSISTANTS = objects(
    name=ANYTHING,
    firstMessage=ANYTHING,
    endCallPhrases=ANYTHING,
    serverMessages=st.lists(ANYTHING, max_size=3),
    metadata=ANYTHING,
    updatedAt=ANYTHING,
    server=objects(url=ANYTHING, headers=objects(Authorization=ANYTHING), timeoutSeconds=ANYTHING, credentialId=ANYTHING),
    model=objects(
        provider=ANYTHING,
        messages=st.lists(objects(role=ANYTHING, content=ANYTHING), max_size=3),
        tools=st.lists(TOOLS, max_size=3),
        toolIds=st.lists(ANYTHING, max_size=3),
        toolRefs=st.lists(ANYTHING | objects(toolId=ANYTHING | st.just(ID), version=ANYTHING), max_size=3),
    ),
).filter(lambda found: isinstance(found, dict))  # fmt: skip
NUMBERS = objects(
    number=ANYTHING,
    provider=st.just("twilio"),
    assistantId=st.just(ID),
    squadId=ANYTHING,
    workflowId=ANYTHING,
    smsEnabled=ANYTHING,
    server=objects(url=ANYTHING),
    fallbackDestination=objects(number=ANYTHING, type=ANYTHING),
).filter(lambda found: isinstance(found, dict))


@given(ASSISTANTS, NUMBERS, st.lists(TOOLS.filter(lambda found: isinstance(found, dict)), max_size=2))
def test_nonsense_in_an_answer_is_compared_and_replaced(
    assistant: dict[str, Any], number: dict[str, Any], tools: list[dict[str, Any]]
) -> None:
    assistant, number = assistant | {"id": ID}, number | {"id": ID}
    snapshot = Snapshot(assistants={ID: assistant}, numbers={ID: number}, tools=[each | {"id": ID} for each in tools])
    with suppress(PeteRentalError):
        check = compare_line(LINE, None, snapshot, TARGET, NOW)
        assert SECRET not in repr(check)
        written = assistant | desired.assistant_changes(assistant, LINE, TARGET, snapshot.tools)
        assert desired.assistant_changes(written, LINE, TARGET, snapshot.tools) == {}, "what was written is right"


@pytest.mark.parametrize(
    "model", ["gpt", 7, [], ["x"], GPT | {"messages": 7, "tools": "x", "toolIds": 7, "toolRefs": 7}]
)
def test_line_with_nonsense_is_shown_and_repaired(office: Office, model: object) -> None:
    office.set_up(phone_number_id=office.vapi.add_number())
    assistant_id = str(office.ana.vapi_assistant_id)
    office.vapi.edit(assistant_id, model=model, metadata="x", serverMessages=7, name="cut \ud83d", server=[])
    assert office.line.set_ups.overview(OFFICE).assistants[0].name == "cut \N{REPLACEMENT CHARACTER}"
    check = office.line.drift.check(ANA, OFFICE)
    assert "Prompt, between the markers" in [each.part for each in check.written]
    office.line.set_ups.write(ANA, OFFICE, seen_assistant=check.assistant_version, seen_number=check.number_version)
    assert not office.line.drift.check(ANA, OFFICE).differs
