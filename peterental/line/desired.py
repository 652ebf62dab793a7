"""What an assistant and a phone number should be. Pure.

Nested objects are taken whole as Vapi has them, changed, and written back whole: whether Vapi merges or replaces them
is not documented.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peterental.line.model import MarkersDamaged, Remote
from peterental.voice.tool_registry import TIMEOUT_S, TOOLS_BY_NAME, tools_json

if TYPE_CHECKING:
    from uuid import UUID

    from peterental.agents.model import Agent

SERVER_MESSAGES = ("tool-calls", "end-of-call-report", "status-update")
ANSWERED_MESSAGES = ("transfer-destination-request", "handoff-destination-request")
"""Further messages that the webhook answers: they stay where an assistant sends them."""

MODEL = {"provider": "openai", "model": "gpt-4.1"}
"""Of a new assistant; an office can choose another one on Vapi, and keeps it."""

BEGIN = "<!-- PeteRental begins -->"
END = "<!-- PeteRental ends -->"

TOOL_REFERENCES = ("toolIds", "toolRefs")
"""Where a model refers to the account's tools: by id, or by id and version, which win over the ids."""

SET_UP_KEY = "peterentalSetUp"
"""In the metadata of an assistant: the set-up that created it."""

_LANGUAGES = {"en": "English", "es": "Spanish"}

_RULES = """\
You answer the phone for {name}, who shows homes to rent. Speak {language}. The tools keep the calendar.
- Read the answer of a tool to the caller word for word. Add nothing to it.
- Call get_availability before you offer or agree to any time. Never invent a time.
- Pass days and times to the tools in the caller's own words, such as "next Tuesday at three".
- Ask for what is missing, one question at a time: the address of the home, the time, the caller's full name.
- If the caller asks which homes there are, use find_property.
- If an answer asks which home is meant, pass the caller's choice to the same tool.
- A viewing is booked, moved or cancelled only when the answer of the tool says so.
- If a time is taken, offer the other times of the answer. If none suits, offer join_waitlist.
- If the caller wants a person, or nothing else helps, use take_message.
- Do not answer questions about fees, deposits, pets or tenants' rights: take a message."""


@dataclass(frozen=True)
class Target:
    """What lines are set up for.

    Args:
        webhook_url: where Vapi sends messages.
        secret: what Vapi authenticates with.
    """

    webhook_url: str
    secret: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The header by which Vapi authenticates."""
        return f"Bearer {self.secret}"


def prompt_block(agent: Agent) -> str:
    """Return the part of the prompt that PeteRental writes, with its markers."""
    rules = _RULES.format(name=agent.agent_name, language=_LANGUAGES[agent.language])
    return f"{BEGIN}\n{rules}\n{END}"


def with_block(prompt: str, block: str) -> str:
    """Return a prompt with the block in place of an earlier one, or else at its end.

    Everything outside the markers stays as it is. Raises MarkersDamaged.
    """
    bounds = block_bounds(prompt)
    if bounds is None:
        return f"{prompt}\n\n{block}" if prompt else block
    start, end = bounds
    return prompt[:start] + block + prompt[end:]


def block_bounds(prompt: str) -> tuple[int, int] | None:
    """Return where the block begins and ends in a prompt; None without one. Raises MarkersDamaged."""
    match prompt.count(BEGIN), prompt.count(END):
        case 0, 0:
            return None
        case 1, 1 if prompt.index(BEGIN) < prompt.index(END):
            return prompt.index(BEGIN), prompt.index(END) + len(END)
    raise MarkersDamaged


def system_prompt(assistant: Remote) -> str:
    """Return the system prompt of an assistant; empty without one."""
    found = next((each for each in _messages(assistant) if each.get("role") == "system"), {})
    return str(found.get("content") or "")


def new_assistant(agent: Agent, target: Target, *, name: str, first_message: str, key: UUID) -> dict[str, Any]:
    """Return the fields of a new assistant. The voice is left to Vapi."""
    empty: dict[str, Any] = {"model": MODEL}
    return {
        "name": name,
        "firstMessage": first_message,
        "model": desired_model(empty, agent, ()),
        "server": desired_server(empty, target),
        "serverMessages": desired_server_messages(empty),
        "metadata": {SET_UP_KEY: str(key)},
    }


def assistant_changes(
    assistant: Remote, agent: Agent, target: Target, account_tools: Sequence[Remote]
) -> dict[str, Any]:
    """Return the fields of an assistant to write; empty if all are right. Raises MarkersDamaged.

    Args:
        assistant: as Vapi has it.
        agent: whose line it is.
        target: where it sends messages.
        account_tools: the tools that assistants refer to by id.
    """
    desired = {
        "model": desired_model(assistant, agent, account_tools),
        "server": desired_server(assistant, target),
        "serverMessages": desired_server_messages(assistant),
    }
    return {name: value for name, value in desired.items() if value != assistant.get(name)}


def desired_model(assistant: Remote, agent: Agent, account_tools: Sequence[Remote]) -> dict[str, Any]:
    """Return the whole model with our block in its prompt and our tools. Raises MarkersDamaged."""
    model: dict[str, Any] = copy.deepcopy(dict(mapping_in(assistant.get("model")) or MODEL))
    messages = [each for each in list_in(model.get("messages")) if isinstance(each, dict)]
    system = next((each for each in messages if each.get("role") == "system"), None)
    if system is None:
        system = {"role": "system", "content": ""}
        messages.insert(0, system)
    system["content"] = with_block(str(system.get("content") or ""), prompt_block(agent))
    model["messages"] = messages
    model["tools"] = desired_tools(list_in(model.get("tools")))
    detached = ids_of_our_tools(assistant, account_tools)
    for name in TOOL_REFERENCES:
        if any(referred_id(each) in detached for each in list_in(model.get(name))):
            model[name] = [each for each in list_in(model.get(name)) if referred_id(each) not in detached]
    return model


def desired_tools(tools: Sequence[Any]) -> list[Any]:
    """Return the tools with ours up to date: each once, in place, the missing ones at the end.

    What an office added to a tool of ours on Vapi, such as words spoken while it runs, stays.
    """
    ours = our_tools()
    written: list[Any] = []
    for tool in tools:
        name = tool_name(tool)
        if name not in TOOLS_BY_NAME:
            written.append(tool)
        elif name in ours:
            written.append(_desired_tool(tool, ours.pop(name)))
    return [*written, *ours.values()]


def our_tools() -> dict[str, dict[str, Any]]:
    """Return our tools by name, in Vapi's form. They have no server: that of the assistant applies."""
    return {
        tool["function"]["name"]: {name: value for name, value in tool.items() if name != "server"}
        for tool in tools_json("")
    }


def _desired_tool(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    if is_same_tool(theirs, ours):
        return dict(theirs)
    return {**{name: value for name, value in theirs.items() if name != "server"}, **ours}


def is_same_tool(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Return whether a tool does what ours does, whatever Vapi or an office added to it."""
    return normalised_tool(theirs) == normalised_tool(ours)


def normalised_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a tool that are compared."""
    function = mapping_in(tool.get("function"))
    parameters = dict(mapping_in(function.get("parameters")))
    parameters["required"] = sorted(map(str, list_in(parameters.get("required"))))
    return {
        "description": function.get("description") or "",
        "parameters": parameters,
        "strict": bool(function.get("strict")),
        "async": bool(tool.get("async")),
        "server": mapping_in(tool.get("server")).get("url"),
    }


def tool_name(tool: Any) -> str | None:
    """Return the name by which a model calls a tool."""
    name = mapping_in(mapping_in(tool).get("function")).get("name")
    return name if isinstance(name, str) else None


def ids_of_our_tools(assistant: Remote, account_tools: Sequence[Remote]) -> frozenset[str]:
    """Return the ids of the account's tools that an assistant uses in place of ours."""
    named = {each["id"] for each in account_tools if tool_name(each) in TOOLS_BY_NAME}
    return tool_ids_of(assistant) & named


def tool_ids_of(assistant: Remote) -> frozenset[str]:
    """Return the ids of the account's tools that an assistant uses."""
    model = mapping_in(assistant.get("model"))
    return frozenset(referred_id(each) for name in TOOL_REFERENCES for each in list_in(model.get(name)))


def referred_id(reference: Any) -> str:
    """Return the id of the account's tool that a reference means: the id itself, or an object with it and a version."""
    fields = mapping_in(reference)
    return str(fields.get("toolId") or fields.get("id") or "") if fields else str(reference)


def desired_server(assistant: Remote, target: Target) -> dict[str, Any]:
    """Return the whole server object of an assistant: our address, and a header with the secret."""
    theirs = mapping_in(assistant.get("server"))
    server = {**theirs, "url": target.webhook_url, "timeoutSeconds": TIMEOUT_S}
    if not authenticates(theirs, target):
        others = {
            name: value
            for name, value in mapping_in(theirs.get("headers")).items()
            if name.lower() not in {"authorization", "x-vapi-secret"}
        }
        server["headers"] = {**others, "Authorization": target.authorization}
    if server != theirs:
        server.pop("secret", None)  # older assistants have one, which Vapi no longer takes
    return server


def authenticates(server: Mapping[str, Any], target: Target) -> bool:
    """Return whether what a server object sends is accepted by the webhook.

    A credential is trusted where the address is ours already: its secret cannot be read.
    """
    headers = {name.lower(): value for name, value in mapping_in(server.get("headers")).items()}
    if headers.get("authorization") == target.authorization or headers.get("x-vapi-secret") == target.secret:
        return True
    by_credential = bool(server.get("credentialId")) and not {"authorization", "x-vapi-secret"} & headers.keys()
    return by_credential and server.get("url") == target.webhook_url


def desired_server_messages(assistant: Remote) -> list[str]:
    """Return the messages that an assistant should send, in their own order where they are right."""
    theirs = [str(each) for each in list_in(assistant.get("serverMessages"))]
    wanted = [*SERVER_MESSAGES, *(each for each in ANSWERED_MESSAGES if each in theirs)]
    return theirs if sorted(theirs) == sorted(wanted) else wanted


def number_changes(number: Remote, assistant_id: str) -> dict[str, Any]:
    """Return the fields of a phone number to write; empty if all are right.

    `smsEnabled` would send the texts of an imported Twilio number to Vapi, away from PeteRental.
    """
    changes: dict[str, Any] = {}
    if str(number.get("assistantId") or "").lower() != assistant_id.lower():
        changes["assistantId"] = assistant_id
    changes |= {name: None for name in ("squadId", "workflowId") if number.get(name)}
    if number.get("provider") == "twilio" and number.get("smsEnabled") is not False:
        changes["smsEnabled"] = False
    return changes


def _messages(assistant: Remote) -> list[Mapping[str, Any]]:
    messages = list_in(mapping_in(assistant.get("model")).get("messages"))
    return [each for each in messages if isinstance(each, dict)]


def mapping_in(value: object) -> Mapping[str, Any]:
    """Return an object that Vapi sent; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def list_in(value: object) -> Sequence[Any]:
    """Return a list that Vapi sent; an empty one in place of anything else."""
    return value if isinstance(value, list) else []
