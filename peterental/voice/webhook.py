"""POST /vapi/webhook: who is calling, decode, dispatch, reply. Once admitted, the answer is always 200."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from peterental.clock import utc_now
from peterental.database.connect import DatabaseTooSlow, DatabaseUnavailable
from peterental.database.deadline import deadline
from peterental.errors import Fault, Refusal
from peterental.voice import messages, responses, tool_registry, verbalize
from peterental.voice.authentication import WebhookAuthenticator

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.agents.model import Agent
    from peterental.calls.model import ToolInvocation
    from peterental.config import Config
    from peterental.services import Services
    from peterental.voice.messages import Envelope

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_BODY_BYTES = 5 * 1024 * 1024
DEADLINE_S = 2.2
"""What the database gets for one message. With the moments it gets beyond that, a caller hears something within 3 s."""


def create_blueprint(services: Services, config: Config, now: Callable[[], datetime] = utc_now) -> Blueprint:
    """Make the webhook.

    Args:
        services: what it calls on.
        config: whose secrets let callers in.
        now: gives the present moment, aware.
    """
    blueprint = Blueprint("voice", __name__)
    gate = WebhookAuthenticator(config)
    switchboard = MessageHandler(services, now)

    @blueprint.post("/vapi/webhook")
    def receive() -> Response:
        """Answer one message of Vapi's."""
        began_s = time.perf_counter()
        admitted = gate.check_secret(request.headers, request.remote_addr)
        if not admitted and not gate.has_fresh_signature(request.headers, now()):
            return _json({"error": "Not authorised."}, 401)
        try:
            body = _read_body(request)
        except RequestEntityTooLarge:
            return _json({"error": f"The body is larger than {MAX_BODY_BYTES} bytes."}, 413)
        except BodyIncomplete as refusal:
            return _json({"error": str(refusal)}, 400)
        if not admitted and not gate.verify_signature(request.headers, body):
            return _json({"error": "Not authorised."}, 401)
        try:
            envelope = messages.decode(body)
        except messages.BodyUnreadable as refusal:
            return _json({"error": str(refusal)}, 400)
        with deadline(DEADLINE_S):
            return _json(switchboard.answer(envelope, began_s))

    return blueprint


class BodyIncomplete(Refusal):
    """The body did not arrive whole."""


class MessageHandler:
    """Answers messages, whatever becomes of them: every error ends here, as something a caller can hear.

    Args:
        services: what it calls on.
        now: gives the present moment, aware.
    """

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    def answer(self, envelope: Envelope, began_s: float) -> dict[str, Any]:
        """Give the reply to one message that reached us at `began_s` on the monotonic clock."""
        match envelope.kind:
            case "tool-calls":
                return {"results": self._tool_results(envelope, began_s)}
            case "function-call":
                results = self._tool_results(envelope, began_s)
                # Senders of that time know no ids and read the one result there.
                return {"results": results} | ({"result": results[0]["result"]} if results else {})
            case "assistant-request":
                return self._handle_errors(envelope, lambda: self._assistant(envelope), _error)
            case "transfer-destination-request":
                return self._handle_errors(envelope, lambda: self._destination(envelope), _error)
            case "status-update" | "end-of-call-report":
                return self._handle_errors(envelope, lambda: self._record_update(envelope), lambda _: {})
            case _:
                return {}

    def _handle_errors(self, envelope: Envelope, work: Callable[[], T], told: Callable[[str], T]) -> T:
        """Do something that may fail: a refusal becomes a sentence, a fault a log line and an apology. Only here.

        Args:
            envelope: the message it is done for.
            work: what is done.
            told: makes the reply of a sentence.
        """
        context = {"call_id": envelope.vapi_call_id}
        try:
            return work()
        except Refusal as refusal:
            return told(responses.render(refusal, None, self._now()))
        except Fault as fault:
            log.error("%s: %s", envelope.kind, fault, extra=context)  # noqa: TRY400 - a fault says it all in a sentence
        except Exception:
            log.exception("%s: an error nobody foresaw", envelope.kind, extra=context)
        return told(responses.APOLOGY)

    def _tool_results(self, envelope: Envelope, began_s: float) -> list[dict[str, object]]:
        """Answer every tool call, in order; with the database away, nobody waits for it more than once."""
        database_is_away = False
        results = []
        for tool_request in envelope.tool_requests():
            invocation = tool_registry.invocation_of(tool_request, envelope, began_s)

            def work(invocation: ToolInvocation = invocation) -> str:
                nonlocal database_is_away
                if database_is_away:
                    return responses.APOLOGY
                try:
                    return tool_registry.answer(self._services, invocation, envelope)
                except DatabaseUnavailable:
                    database_is_away = True
                    raise
                except Exception as error:
                    database_is_away = isinstance(error, DatabaseTooSlow)
                    self._record_failure(invocation)
                    raise

            line = self._handle_errors(envelope, work, str)
            context = {"call_id": invocation.vapi_call_id}
            log.info("%s answered in %.0f ms", invocation.name, invocation.duration_ms, extra=context)
            results.append({"toolCallId": tool_request.wire_id, "name": tool_request.name, "result": line})
        return results

    def _record_failure(self, invocation: ToolInvocation) -> None:
        """Keep that a tool call ended in a fault, if that much still works."""
        try:
            self._services.calls.record_tool_call_alone(invocation, answer=responses.APOLOGY, outcome="fault")
        except Exception:  # noqa: BLE001 - the first error is on its way to the log; this one would only hide it
            log.warning("The fault could not be kept with its call", extra={"call_id": invocation.vapi_call_id})

    def _record_rejected_call(self, envelope: Envelope) -> None:
        """Keep that somebody rang in vain, if that works; what they hear is the same."""
        call_update = envelope.rejected()
        try:
            if call_update is not None:
                self._services.calls.record_update(call_update)
        except Fault as fault:
            log.warning("A call was turned away but not kept: %s", fault, extra={"call_id": envelope.vapi_call_id})

    def _assistant(self, envelope: Envelope) -> dict[str, Any]:
        """Name the assistant that takes the call."""
        agent = self._agent(envelope)
        if agent is None or agent.vapi_assistant_id is None:
            log.warning(
                "Nobody answers for the number that was called (phone number id %s)",
                envelope.agent_key.phone_number_id,
                extra={"call_id": envelope.vapi_call_id},
            )
            self._record_rejected_call(envelope)
            return _error(responses.NO_ASSISTANT)
        local = self._now().astimezone(agent.zone)
        values = {
            "agent_name": agent.agent_name,
            "time_zone": agent.time_zone,
            "today": f"{local:%A, %B} {local.day}, {local.year}",
            "now": f"{verbalize.day(local.date(), local.date())}, {verbalize.clock(local.hour, local.minute)}",
        }
        return {"assistantId": agent.vapi_assistant_id, "assistantOverrides": {"variableValues": values}}

    def _destination(self, envelope: Envelope) -> dict[str, Any]:
        """Name the number of a person."""
        agent = self._agent(envelope)
        if agent is None or not agent.handover_number:
            return _error(responses.NO_PERSON)
        return {"destination": {"type": "number", "number": agent.handover_number}}

    def _record_update(self, envelope: Envelope) -> dict[str, Any]:
        call_update = envelope.call_update()
        if call_update is not None:
            self._services.calls.record_update(call_update)
        return {}

    def _agent(self, envelope: Envelope) -> Agent | None:
        agent = self._services.agents.find(envelope.agent_key)
        return agent if agent is not None and agent.is_active else None


def _read_body(incoming: Request) -> bytes:
    """Read the body, up to the limit. Raises RequestEntityTooLarge, BodyBroken."""
    if (incoming.content_length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    # A body in chunks has no length, and is cut off in silence at the limit: one byte more tells it from one that fits.
    incoming.max_content_length = MAX_BODY_BYTES + 1
    try:
        body = incoming.get_data(cache=False)
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each server has exceptions of its own for chunks that are none
        raise BodyIncomplete from error
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def _error(sentence: str) -> dict[str, Any]:
    return {"error": sentence}


def _json(reply: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(reply), status, mimetype="application/json")
