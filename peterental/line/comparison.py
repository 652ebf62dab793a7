"""Compare what a line should be with what Vapi has, in words that hold no secret. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from peterental.line import desired
from peterental.line.desired import list_in, mapping_in
from peterental.line.model import Difference, MarkersDamaged, Remote

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.line.desired import Target

MAX_TEXT_CHARS = 4000
MAX_PATH_PART_CHARS = 15
"""A longer part of a path may be a token."""
NOTHING = "nothing"
NO_BLOCK = "No part of PeteRental."
_LEFT_ALONE = {
    "name": "Name",
    "firstMessage": "Greeting",
    "maxDurationSeconds": "Longest call, in seconds",
    "endCallPhrases": "Phrases that end a call",
}


def compare_assistant(
    assistant: Remote, agent: Agent, target: Target, account_tools: Sequence[Remote]
) -> tuple[Difference, ...]:
    """Return the differences of an assistant, and what stays as it is on Vapi.

    Args:
        assistant: as Vapi has it.
        agent: whose line it is.
        target: where it should send messages.
        account_tools: the tools that assistants refer to by id.
    """
    return (
        *_server(assistant, target),
        *_messages(assistant),
        *_tools(assistant, account_tools),
        *_prompt(assistant, agent),
        *_left_alone(assistant),
    )


def compare_number(number: Remote, assistant_id: str, names: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return the differences of a phone number.

    Args:
        number: as Vapi has it.
        assistant_id: of the assistant that it should ring.
        names: of the account's assistants, by id.
    """
    changes = desired.number_changes(number, assistant_id)
    found: list[Difference] = []
    if "assistantId" in changes:
        found.append(_written("Number rings", names.get(assistant_id, assistant_id), rings(number, names)))
    for name, label in (("squadId", "Squad of the number"), ("workflowId", "Workflow of the number")):
        if name in changes:
            found.append(_written(label, NOTHING, str(number[name])))
    if "smsEnabled" in changes:
        found.append(_written("Texts to the number", "go to PeteRental", "go to Vapi"))
    fallback = number.get("fallbackDestination")
    if isinstance(fallback, dict):
        target = fallback.get("number") or fallback.get("sipUri") or fallback.get("type") or "set"
        found.append(_kept("Number to fall back to", str(target)))
    return tuple(found)


def rings(number: Remote, names: Mapping[str, str]) -> str:
    """Return what a phone number rings, in words."""
    assistant_id = str(number.get("assistantId") or "")
    if assistant_id:
        return names.get(assistant_id, assistant_id)
    if number.get("squadId") or number.get("workflowId"):
        return "a squad" if number.get("squadId") else "a workflow"
    url = mapping_in(number.get("server")).get("url")
    return f"whatever {shown_url(url)} answers" if url else NOTHING


def shown_url(url: object) -> str:
    """Return a URL without what may be secret in it: no user, no query, no path with long parts."""
    if not url:
        return NOTHING
    try:
        parts = urlsplit(str(url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    is_plain = all(len(part) <= MAX_PATH_PART_CHARS for part in parts.path.split("/"))
    path = parts.path if is_plain else "/…"
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}{'?…' if parts.query else ''}"


def _server(assistant: Remote, target: Target) -> Iterator[Difference]:
    theirs = mapping_in(assistant.get("server"))
    if theirs.get("url") != target.webhook_url:
        yield _written("Server URL", target.webhook_url, shown_url(theirs.get("url")))
    wanted = desired.desired_server({}, target)["timeoutSeconds"]
    if theirs.get("timeoutSeconds") != wanted:
        yield _written("Server timeout, in seconds", str(wanted), str(theirs.get("timeoutSeconds") or NOTHING))
    if not desired.authenticates(theirs, target):
        names = {name.lower() for name in mapping_in(theirs.get("headers"))}
        is_set = bool(names & {"authorization", "x-vapi-secret"} or theirs.get("credentialId"))
        yield _written("Secret of the webhook", "the secret of this installation", "another one" if is_set else NOTHING)


def _messages(assistant: Remote) -> Iterator[Difference]:
    theirs = [str(each) for each in list_in(assistant.get("serverMessages"))]
    ours = desired.desired_server_messages(assistant)
    if ours != theirs:
        yield _written("Messages to the server", ", ".join(ours), ", ".join(theirs) or "Vapi's default")


def _tools(assistant: Remote, account_tools: Sequence[Remote]) -> Iterator[Difference]:
    theirs = list_in(mapping_in(assistant.get("model")).get("tools"))
    ours = desired.our_tools()
    for name, tool in ours.items():
        found = [each for each in theirs if desired.tool_name(each) == name]
        if not found:
            yield _written(f"Tool {name}", _tool_text(tool), NOTHING)
        elif not desired.is_same_tool(found[0], tool):
            yield _written(f"Tool {name}", _tool_text(tool), _tool_text(found[0]))
        elif len(found) > 1:
            yield _written(f"Tool {name}", "once", f"{len(found)} times")
    detached = desired.ids_of_our_tools(assistant, account_tools)
    for each in account_tools:
        if each["id"] in detached:
            part = f"Tool {desired.tool_name(each)} of the account"
            yield _written(part, "not attached", f"attached as {each['id']}")
    referred = desired.tool_ids_of(assistant) - detached
    attached = [each for each in account_tools if each["id"] in referred]
    others = [desired.tool_name(each) or mapping_in(each).get("type") or "tool" for each in [*theirs, *attached]]
    kept = sorted({str(each) for each in others} - ours.keys())
    if kept:
        yield _kept("Other tools", ", ".join(kept))


def _prompt(assistant: Remote, agent: Agent) -> Iterator[Difference]:
    prompt, block = desired.system_prompt(assistant), desired.prompt_block(agent)
    try:
        bounds = desired.block_bounds(prompt)
    except MarkersDamaged as refusal:
        yield _written("Prompt, between the markers", block, str(refusal))
        return
    theirs = prompt[slice(*bounds)] if bounds else ""
    if theirs != block:
        yield _written("Prompt, between the markers", block, theirs or NO_BLOCK)
    outside = len(prompt) - len(theirs)
    if prompt.replace(theirs, "").strip():
        yield _kept("Prompt, outside the markers", f"{outside} characters")


def _left_alone(assistant: Remote) -> Iterator[Difference]:
    for name, label in _LEFT_ALONE.items():
        value = assistant.get(name)
        if value not in (None, "", []):
            yield _kept(label, ", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _tool_text(tool: Mapping[str, Any]) -> str:
    """Return the parts of a tool that are compared, as text."""
    parts = desired.normalised_tool(tool)
    lines = [str(parts["description"]), json.dumps(parts["parameters"], sort_keys=True, ensure_ascii=False)]
    lines += [name for name in ("strict", "async") if parts[name]]
    if parts["server"]:
        lines.append(f"server {shown_url(parts['server'])}")
    return "\n".join(lines)


def _written(part: str, ours: str, theirs: str) -> Difference:
    return Difference(part=part, ours=_bounded(ours), theirs=_bounded(theirs), is_written=True)


def _kept(part: str, theirs: str) -> Difference:
    return Difference(part=part, ours="", theirs=_bounded(theirs), is_written=False)


def _bounded(text: str) -> str:
    text = text.replace("\x00", "")
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}…"
