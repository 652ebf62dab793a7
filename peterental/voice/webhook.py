"""POST /vapi/webhook: authenticate, decode, dispatch, reply.

An authenticated message is always answered with 200.
"""

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
from peterental.phone_numbers import normalise, region_of
from peterental.voice import messages, speech, tool_registry
from peterental.voice.authentication import WebhookAuthenticator

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.agents.model import Agent
    from peterental.calls.model import ToolInvocation
    from peterental.config import Config
    from peterental.services import Services
    from peterental.voice.messages import Envelope
    from peterental.voice.speech.lines import FixedLines

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_BODY_BYTES = 5 * 1024 * 1024
DEADLINE_S = 2.2
"""Time for the database, for one message. With its grace periods on top, a caller hears an answer within 3 s."""


def create_blueprint(services: Services, config: Config, now: Callable[[], datetime] = utc_now) -> Blueprint:
    """Build the webhook.

    Args:
        services: what the messages are dispatched to.
        config: holds the secrets that Vapi authenticates with.
        now: returns the current time, aware.
    """
    blueprint = Blueprint("voice", __name__)
    authenticator = WebhookAuthenticator(config)
    handler = MessageHandler(services, now)

    @blueprint.post("/vapi/webhook")
    def receive() -> Response:
        """Answer one message from Vapi."""
        began_s = time.perf_counter()
        has_secret = authenticator.check_secret(request.headers, request.remote_addr)
        if not has_secret and not authenticator.has_fresh_signature(request.headers, now()):
            return _json({"error": "Not authorised."}, 401)
        try:
            body = _read_body(request)
        except RequestEntityTooLarge:
            return _json({"error": f"The body is larger than {MAX_BODY_BYTES} bytes."}, 413)
        except BodyIncomplete as refusal:
            return _json({"error": str(refusal)}, 400)
        signature = None if has_secret else authenticator.verified_signature(request.headers, body)
        if not has_secret and signature is None:
            return _json({"error": "Not authorised."}, 401)
        try:
            envelope = messages.decode(body)
        except messages.BodyUnreadable as refusal:
            return _json({"error": str(refusal)}, 400)
        try:
            with deadline(DEADLINE_S):
                reply, status = handler.answer(envelope, began_s, signature), 200
        except RequestReplayed as refusal:
            reply, status = {"error": str(refusal)}, 401
        return _json(reply, status)

    return blueprint


class BodyIncomplete(Refusal):
    """The body did not arrive completely."""


class RequestReplayed(Refusal):
    """This signature was accepted before. Sign each delivery with its own timestamp."""


class MessageHandler:
    """Answers messages. Every error ends here, as a sentence that the caller hears.

    Args:
        services: what the messages are dispatched to.
        now: returns the current time, aware.
    """

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    def answer(self, envelope: Envelope, began_s: float, signature: bytes | None = None) -> dict[str, Any]:
        """Return the reply to one message.

        Args:
            envelope: the message.
            began_s: when it arrived, in seconds on the monotonic clock.
            signature: what alone authenticates the message; None where the shared secret does.

        Raises RequestReplayed for a signature that was accepted before, by any worker.
        """
        can_work = signature is None or self._is_first(envelope, signature)
        match envelope.kind:
            case "tool-calls":
                return {"results": self._tool_results(envelope, began_s, database_is_away=not can_work)}
            case "function-call":
                results = self._tool_results(envelope, began_s, database_is_away=not can_work)
                # Senders of this older shape send no ids and read a single result.
                return {"results": results} | ({"result": results[0]["result"]} if results else {})
            case "assistant-request" | "transfer-destination-request" | "handoff-destination-request" as kind:
                if not can_work:
                    return _error(self._apology(envelope))
                work = {
                    "assistant-request": self._assistant,
                    "transfer-destination-request": self._destination,
                    "handoff-destination-request": self._handoff,
                }[kind]
                return self._handle_errors(envelope, lambda: work(envelope), _error)
            case "status-update" | "end-of-call-report":
                # Without the database it is queued unchecked: Vapi sends a report once, and merging it again changes
                # nothing.
                return self._handle_errors(envelope, lambda: self._record_update(envelope), lambda _: {})
            case _:
                return {}

    def _handle_errors(self, envelope: Envelope, work: Callable[[], T], make_reply: Callable[[str], T]) -> T:
        """Run `work`, and turn its errors into replies.

        A refusal becomes a sentence; any other error becomes a log line and an apology.

        Errors of the webhook are handled nowhere else.

        Args:
            envelope: the message it runs for.
            work: may raise anything.
            make_reply: makes the reply from a sentence.
        """
        context = {"call_id": envelope.vapi_call_id}
        try:
            return work()
        except Refusal as refusal:
            return make_reply(speech.render(refusal, None, self._now()))
        except Fault as fault:
            log.error("%s: %s", envelope.kind, fault, extra=context)  # noqa: TRY400 - the sentence of a fault says enough
        except Exception:
            log.exception("%s: unexpected error", envelope.kind, extra=context)
        return make_reply(self._apology(envelope))

    def _apology(self, envelope: Envelope) -> str:
        """Return the apology in the language in which this agent's callers were last answered."""
        return speech.FIXED_LINES[self._services.appointments.language_of(envelope.agent_key)].apology

    def _is_first(self, envelope: Envelope, signature: bytes) -> bool:
        """Record the signature; return False if the database does not accept it.

        Raises RequestReplayed.
        """

        def work() -> bool | None:
            return self._services.calls.record_signature(signature)

        is_new = self._handle_errors(envelope, work, lambda _: None)
        if is_new is False:
            log.warning("A replayed request was refused", extra={"call_id": envelope.vapi_call_id})
            raise RequestReplayed
        return is_new is True

    def _tool_results(self, envelope: Envelope, began_s: float, *, database_is_away: bool) -> list[dict[str, object]]:
        """Answer every tool call, in order.

        After the first that finds no database, the others do not wait for it.
        """
        results = []
        for tool_request in envelope.tool_requests():
            invocation = tool_registry.invocation_of(tool_request, envelope, began_s)

            def work(invocation: ToolInvocation = invocation) -> str:
                nonlocal database_is_away
                if database_is_away:
                    return self._apology(envelope)
                try:
                    return tool_registry.answer(self._services, invocation, envelope)
                except DatabaseUnavailable:
                    database_is_away = True
                    raise
                except Exception as error:
                    database_is_away = isinstance(error, DatabaseTooSlow)
                    self._record_failure(invocation, error, self._apology(envelope))
                    raise

            sentence = self._handle_errors(envelope, work, str)
            context = {"call_id": invocation.vapi_call_id}
            log.info("%s answered in %.0f ms", invocation.name, invocation.duration_ms, extra=context)
            results.append({"toolCallId": tool_request.wire_id, "name": tool_request.name, "result": sentence})
        return results

    def _record_failure(self, invocation: ToolInvocation, error: Exception, answer: str) -> None:
        """Record that a tool call ended in a fault, if the database still accepts it."""
        try:
            self._services.calls.record_fault(invocation, error, answer)
        except Exception:  # noqa: BLE001 - the first error is logged by the caller; this one would hide it
            log.warning("The fault could not be recorded with its call", extra={"call_id": invocation.vapi_call_id})

    def _record_rejected_call(self, envelope: Envelope) -> None:
        """Record a call that no assistant takes, if the database accepts it.

        The caller hears the same either way.
        """
        call_update = envelope.rejected()
        try:
            if call_update is not None:
                self._services.calls.record_update(call_update)
        except Fault as fault:
            log.warning("A rejected call was not recorded: %s", fault, extra={"call_id": envelope.vapi_call_id})

    def _assistant(self, envelope: Envelope) -> dict[str, Any]:
        """Return the assistant that takes the call."""
        agent = self._agent(envelope)
        if agent is None or agent.vapi_assistant_id is None:
            log.warning(
                "A call was rejected: no active agent has phone number id %s; add the id to an agent or activate one",
                envelope.agent_key.phone_number_id,
                extra={"call_id": envelope.vapi_call_id},
            )
            self._record_rejected_call(envelope)
            return _error(speech.NO_ASSISTANT)
        local = self._now().astimezone(agent.zone)
        words = speech.WORDS[agent.language]
        values = {
            "agent_name": agent.agent_name,
            "time_zone": agent.time_zone,
            "today": f"{local:%A, %B} {local.day}, {local.year}",
            "now": f"{words.day(local.date(), local.date())}, {words.clock(local.hour, local.minute)}",
        }
        return {"assistantId": agent.vapi_assistant_id, "assistantOverrides": {"variableValues": values}}

    def _destination(self, envelope: Envelope) -> dict[str, Any]:
        """Return the number of the person to transfer the call to."""
        agent = self._agent(envelope)
        if agent is None or not agent.handover_number:
            return _error(self._lines(agent).no_person)
        number = normalise(agent.handover_number, region_of(agent.time_zone)) or agent.handover_number
        return {"destination": {"type": "number", "number": number}}

    def _handoff(self, envelope: Envelope) -> dict[str, Any]:
        """Refuse a hand-off to another assistant or squad.

        An agent has one assistant, and Vapi accepts no phone number as the destination of a hand-off.
        """
        return _error(self._lines(self._agent(envelope)).no_handoff)

    def _record_update(self, envelope: Envelope) -> dict[str, Any]:
        call_update = envelope.call_update()
        if call_update is not None:
            self._services.calls.record_update(call_update)
        return {}

    @staticmethod
    def _lines(agent: Agent | None) -> FixedLines:
        return speech.FIXED_LINES[agent.language if agent else "en"]

    def _agent(self, envelope: Envelope) -> Agent | None:
        agent = self._services.agents.find(envelope.agent_key)
        return agent if agent is not None and agent.is_active else None


def _read_body(incoming: Request) -> bytes:
    """Read the body, up to the limit. Raises RequestEntityTooLarge, BodyIncomplete."""
    if (incoming.content_length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    # A chunked body declares no length and is truncated silently at the limit: one byte more shows one that is larger.
    incoming.max_content_length = MAX_BODY_BYTES + 1
    try:
        body = incoming.get_data(cache=False)
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each WSGI server raises its own exceptions for malformed chunks
        raise BodyIncomplete from error
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def _error(sentence: str) -> dict[str, Any]:
    return {"error": sentence}


def _json(reply: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(reply), status, mimetype="application/json")
