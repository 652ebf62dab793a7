"""Vapi on 127.0.0.1: keeps assistants, numbers, tools and calls, refuses unknown fields, and fails as it is told.

The fields are those of Vapi's API in November 2026. Nested objects are replaced by a PATCH, not merged.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.calendars.provider_server import Answer, Asked, Drop, Loopback, Reply

KEY = "a-private-key-of-the-tests"
WORDS = "words of the webhook"
SECRET = WORDS
PUBLIC_URL = "https://rent.example.com"
WEBHOOK = f"{PUBLIC_URL}/vapi/webhook"
BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)

ASSISTANT_FIELDS = frozenset(
    [
        "transcriber",
        "model",
        "voice",
        "firstMessage",
        "firstMessageMode",
        "firstMessageInterruptionsEnabled",
        "voicemailDetection",
        "clientMessages",
        "serverMessages",
        "maxDurationSeconds",
        "backgroundSound",
        "modelOutputInMessagesEnabled",
        "transportConfigurations",
        "observabilityPlan",
        "credentials",
        "credentialIds",
        "hooks",
        "name",
        "voicemailMessage",
        "endCallMessage",
        "endCallPhrases",
        "compliancePlan",
        "metadata",
        "backgroundSpeechDenoisingPlan",
        "analysisPlan",
        "artifactPlan",
        "startSpeakingPlan",
        "stopSpeakingPlan",
        "monitorPlan",
        "server",
        "keypadInputPlan",
    ]
)
MODEL_FIELDS = frozenset(["provider", "model", "messages", "tools", "toolIds", "toolRefs", "temperature", "maxTokens"])
SERVER_FIELDS = frozenset(
    ["url", "credentialId", "headers", "timeoutSeconds", "backoffPlan", "staticIpAddressesEnabled", "encryptedPaths"]
)
TOOL_FIELDS = frozenset(
    ["type", "async", "server", "messages", "function", "variableExtractionPlan", "parameters", "rejectionPlan"]
)
OTHER_TOOL_FIELDS = TOOL_FIELDS | {"destinations"}
FUNCTION_FIELDS = frozenset(["name", "description", "parameters", "strict"])
NUMBER_FIELDS = frozenset(
    ["name", "assistantId", "squadId", "workflowId", "server", "fallbackDestination", "hooks", "smsEnabled"]
)
SERVER_MESSAGES = frozenset(
    [
        "assistant.speechStarted",
        "conversation-update",
        "end-of-call-report",
        "function-call",
        "hang",
        "language-changed",
        "language-change-detected",
        "model-output",
        "phone-call-control",
        "speech-update",
        "status-update",
        "transcript",
        "tool-calls",
        "transfer-destination-request",
        "handoff-destination-request",
        "transfer-update",
        "user-interrupted",
        "voice-input",
    ]
)
MAX_NAME_CHARS = 40


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the next request of a kind.

    Args:
        request: method and beginning of the path, such as `POST /assistant`.
        reply: what is answered instead.
        is_done: whether the request is carried out anyway.
    """

    request: str
    reply: Reply
    is_done: bool = False


class Refused(Exception):
    """A request that Vapi does not carry out."""

    def __init__(self, status: int, message: object) -> None:
        self.answer = Answer.of_json({"message": message, "error": "Bad Request", "statusCode": status}, status)
        super().__init__(message)


@dataclass
class VapiServer(Loopback):
    """One account.

    Attributes:
        assistants, numbers, tools, calls: by id.
        troubles: what goes wrong next.
        before: called with each request before it is carried out, to edit something in between.
        page_size: the longest page.
    """

    assistants: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    before: Callable[[Asked], None] | None = None
    page_size: int = 1000

    def __post_init__(self) -> None:
        self._count = itertools.count(1)
        super().__init__()

    # --- what the account has ----------------------------------------------------------------------------------------

    def add_assistant(self, name: str = "Reception", **fields: Any) -> str:
        """Add an assistant made on Vapi's pages; return its id."""
        stored = {"name": name, **fields}
        return self._add(self.assistants, stored)

    def add_number(self, number: str = "+14055550111", provider: str = "vapi", **fields: Any) -> str:
        """Add a phone number; return its id."""
        return self._add(self.numbers, {"number": number, "provider": provider, **fields})

    def add_tool(self, name: str) -> str:
        """Add a function tool of the account; return its id."""
        return self._add(self.tools, {"type": "function", "function": {"name": name}})

    def add_call(self, assistant_id: str | None, *, created_at: datetime, **fields: Any) -> str:
        """Add a call that has ended; return its id."""
        stored = {
            "type": "inboundPhoneCall",
            "assistantId": assistant_id,
            "status": "ended",
            "endedReason": "customer-ended-call",
            "startedAt": _text(created_at),
            "endedAt": _text(created_at + timedelta(minutes=2)),
            "customer": {"number": "+14055550142"},
            "cost": 0.11,
            "artifact": {"transcript": "AI: Hello.\nUser: Hi."},
            "analysis": {"summary": "The caller said hi."},
            **fields,
        }
        call_id = self._add(self.calls, stored)
        self.calls[call_id]["createdAt"] = _text(created_at)
        return call_id

    def edit(self, remote_id: str, **fields: Any) -> None:
        """Change something as a person does on Vapi's pages."""
        with self.lock:
            found = next(each[remote_id] for each in (self.assistants, self.numbers) if remote_id in each)
            found.update(fields, updatedAt=self._moment())

    def written(self) -> list[str]:
        """Return the requests that write, as method and path."""
        return [f"{asked.method} {asked.path}" for asked in self.asked if asked.method != "GET"]

    def _add(self, kind: dict[str, dict[str, Any]], stored: Mapping[str, Any]) -> str:
        moment = self._moment()
        remote_id = str(UUID(int=next(self._count), version=4))
        kind[remote_id] = {"id": remote_id, "orgId": "org", "createdAt": moment, "updatedAt": moment, **stored}
        return remote_id

    def _moment(self) -> str:
        return _text(BEGINNING + timedelta(seconds=next(self._count)))

    # --- requests ----------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        """Answer one request."""
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Refused(
                401, "Invalid Key. Hot tip, you may be using the private key instead of the public key"
            ).answer
        if not asked.headers.get("user-agent"):
            return Answer(403, b"<html>Cloudflare</html>")
        if self.before is not None:
            self.before(asked)
        request = f"{asked.method} {asked.path}"
        trouble = next((each for each in self.troubles if request.startswith(each.request)), None)
        if trouble is not None:
            self.troubles.remove(trouble)
            if not trouble.is_done:
                return trouble.reply
        try:
            reply = self._carry_out(asked)
        except Refused as refused:
            return refused.answer
        return trouble.reply if trouble is not None else reply

    def _carry_out(self, asked: Asked) -> Answer:
        name, _, remote_id = asked.path.lstrip("/").partition("/")
        kinds = {"assistant": self.assistants, "phone-number": self.numbers, "tool": self.tools, "call": self.calls}
        kind = kinds.get(name)
        if kind is None or (remote_id and remote_id not in kind):
            raise Refused(404, f"Couldn't find {name}")
        match asked.method, bool(remote_id):
            case "GET", False:
                return Answer.of_json(self._page(kind, asked.query))
            case "GET", True:
                return Answer.of_json(kind[remote_id])
            case "POST", False if name == "assistant":
                _check_assistant(asked.json)
                return Answer.of_json(kind[self._add(kind, asked.json)], 201)
            case "PATCH", True if name in {"assistant", "phone-number"}:
                if name == "assistant":
                    _check_assistant(asked.json)
                else:
                    self._check_number(asked.json, kind[remote_id])
                kind[remote_id].update(asked.json, updatedAt=self._moment())
                return Answer.of_json(kind[remote_id])
        raise Refused(404, f"Cannot {asked.method} {asked.path}")

    def _page(self, kind: Mapping[str, dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
        unknown = query.keys() - {"limit", "createdAtLe", "createdAtLt", "createdAtGe", "createdAtGt"}
        if unknown:
            raise Refused(400, [f"property {name} should not exist" for name in sorted(unknown)])
        tests: dict[str, Callable[[datetime, datetime], bool]] = {
            "createdAtLe": datetime.__le__,
            "createdAtLt": datetime.__lt__,
            "createdAtGe": datetime.__ge__,
            "createdAtGt": datetime.__gt__,
        }
        bounds = [(test, datetime.fromisoformat(query[name])) for name, test in tests.items() if name in query]
        found = [
            each
            for each in kind.values()
            if all(test(datetime.fromisoformat(each["createdAt"]), bound) for test, bound in bounds)
        ]
        found.sort(key=lambda each: each["createdAt"], reverse=True)
        return found[: min(int(query.get("limit", "100")), self.page_size)]

    def _check_number(self, body: Mapping[str, Any], number: Mapping[str, Any]) -> None:
        _check_fields(body, NUMBER_FIELDS if number["provider"] == "twilio" else NUMBER_FIELDS - {"smsEnabled"}, "")
        if body.get("assistantId") and body["assistantId"] not in self.assistants:
            raise Refused(400, f"Couldn't find assistant {body['assistantId']}")


def _check_assistant(body: Mapping[str, Any]) -> None:
    _check_fields(body, ASSISTANT_FIELDS, "")
    if len(body.get("name") or "") > MAX_NAME_CHARS:
        raise Refused(400, [f"name must be shorter than or equal to {MAX_NAME_CHARS} characters"])
    for name in body.get("serverMessages") or []:
        if name not in SERVER_MESSAGES:
            raise Refused(400, [f"each value in serverMessages must be known, not {name}"])
    _check_server(body.get("server") or {}, "server.")
    model = body.get("model")
    if model is None:
        return
    _check_fields(model, MODEL_FIELDS, "model.")
    if not model.get("provider") or not model.get("model"):
        raise Refused(400, ["model.provider and model.model should not be empty"])
    for tool in model.get("tools") or []:
        _check_fields(tool, TOOL_FIELDS if tool.get("type") == "function" else OTHER_TOOL_FIELDS, "model.tools.")
        _check_fields(tool.get("function") or {}, FUNCTION_FIELDS, "model.tools.function.")
        _check_server(tool.get("server") or {}, "model.tools.server.")


def _check_server(server: Mapping[str, Any], place: str) -> None:
    _check_fields(server, SERVER_FIELDS, place)
    if server and not str(server.get("url", "")).startswith("https://"):
        raise Refused(400, [f"{place}url must be a URL address, not {json.dumps(server)}"])


def _check_fields(body: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    unknown = sorted(body.keys() - known)
    if unknown:
        raise Refused(400, [f"{place}property {name} should not exist" for name in unknown])


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


TOO_MANY = Answer.of_json({"message": "Rate limit"}, 429, Retry_After="1")
MUCH_TOO_MANY = Answer.of_json({"message": "Rate limit"}, 429, Retry_After="120")
DOWN = Answer(503, b"Service unavailable")
DROPPED = Drop()
