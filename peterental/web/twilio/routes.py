"""`/twilio/sms` and `/twilio/status`: texts of visitors, and the delivery states of ours. Signed by Twilio.

The answer to a text goes through the outbox, like everything that is sent: the TwiML is empty.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl

from flask import Blueprint, Request, Response, request

from peterental.clock import utc_now
from peterental.database.deadline import deadline
from peterental.errors import Fault
from peterental.notices.replies.model import IncomingText
from peterental.notices.texts.signature import SIGNATURE, SIGNATURE_SETTINGS, is_signed
from peterental.notices.texts.twilio_errors import OPTED_OUT, meaning_of

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.config import Config
    from peterental.services import Services

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""The longest text has 1,600 characters."""

MAX_FIELDS = 200
DEADLINE_S = 10.0
"""Time for the database, for one request. Twilio waits for 15 seconds."""

RETRY_AFTER_S = 30

_EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_STATUS = re.compile(r"[a-z_]{1,40}")
_CODE = re.compile(r"[0-9]{1,6}")
_OPT_OUT_TYPES: Mapping[str, Literal["stop", "start", "help"]] = {"STOP": "stop", "START": "start", "HELP": "help"}
"""What Twilio says that it took a text for, if it has answered it."""

_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


def create_blueprint(services: Services, config: Config, now: Callable[[], datetime] = utc_now) -> Blueprint:
    """Return the blueprint of what Twilio calls.

    Args:
        services: what texts and reports are passed to.
        config: has the keys that Twilio signs with, and the address that it calls.
        now: returns the present moment, aware.
    """
    blueprint = Blueprint("twilio", __name__)

    @blueprint.post("/twilio/sms")
    def receive() -> Response:
        """Take a text of a visitor."""
        return _answered(config, lambda form: _receive(form, services))

    @blueprint.post("/twilio/status")
    def report() -> Response:
        """Take a report on a text of ours."""
        return _answered(config, lambda form: _report(form, services, now()))

    return blueprint


def _answered(config: Config, work: Callable[[Mapping[str, str]], Response]) -> Response:
    """Return the answer to the present request: 403 unless Twilio signed it."""
    form = _signed_form(request, config)
    if form is None:
        log.warning("A request to %s was not signed by Twilio", request.path)
        return Response("Twilio did not sign this request.\n", 403, _PLAIN)
    try:
        with deadline(DEADLINE_S):
            return work(form)
    except Fault as fault:
        log.error("%s: %s", request.path, fault)  # noqa: TRY400 - the sentence of a fault says enough
        return Response("Try again later.\n", 503, _PLAIN | {"Retry-After": str(RETRY_AFTER_S)})


def _receive(form: Mapping[str, str], services: Services) -> Response:
    sid, sender = form.get("MessageSid", ""), form.get("From", "")
    if not _SID.fullmatch(sid):
        return Response("MessageSid is missing.\n", 400, _PLAIN)
    if not _E164.fullmatch(sender):
        # A short code, the name of a company, another kind of messages: none of them is a visitor.
        log.info("A text from something that is not a phone number was ignored")
        return _twiml()
    files = form.get("NumMedia", "0")
    text = IncomingText(
        provider_id=sid,
        sender=sender,
        receiver=form.get("To", "")[:64],
        body=form.get("Body", ""),
        files=int(files) if re.fullmatch(r"[0-9]{1,3}", files) else 0,
        answered_as=_OPT_OUT_TYPES.get(form.get("OptOutType", "").upper()),
    )
    services.replies.receive(text)
    return _twiml()


def _report(form: Mapping[str, str], services: Services, now: datetime) -> Response:
    sid, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    if not (_SID.fullmatch(sid) and _STATUS.fullmatch(status)):
        return Response("MessageSid or MessageStatus is missing.\n", 400, _PLAIN)
    code = int(form["ErrorCode"]) if _CODE.fullmatch(form.get("ErrorCode", "")) else None
    reason = "" if code is None else meaning_of(code)
    services.outbox.record_delivery(sid, status, reason, now)
    recipient = form.get("To", "")
    if code == OPTED_OUT and _E164.fullmatch(recipient):
        services.consents.record_opt_out("text", recipient, reason, now)
    return Response(status=204)


def _twiml() -> Response:
    return Response(_EMPTY_TWIML, content_type="text/xml; charset=utf-8")


def _signed_form(incoming: Request, config: Config) -> dict[str, str] | None:
    """Return the form of a request that Twilio signed, without NUL, which no database stores; None for any other."""
    pairs = _form(incoming)
    if pairs is None:
        return None
    query = incoming.query_string.decode("latin-1")
    url = f"{config.address}{incoming.path}" + (f"?{query}" if query else "")
    is_genuine = is_signed(
        incoming.headers.get(SIGNATURE),
        incoming.headers.get(SIGNATURE_SETTINGS),
        url,
        pairs,
        auth_token=config.twilio_auth_token,
        shared_key=config.twilio_shared_key,
    )
    return {name: value.replace("\x00", "") for name, value in pairs} if is_genuine else None


def _form(incoming: Request) -> list[tuple[str, str]] | None:
    """Return the parameters of a form, as they were sent; None if the body is too large or is no form."""
    # A chunked body declares no length and is cut off silently at the limit: one byte more shows a larger one.
    incoming.max_content_length = MAX_BODY_BYTES + 1
    try:
        body = incoming.get_data(cache=False)
    except Exception:  # noqa: BLE001 - too large, or malformed: each WSGI server raises its own exceptions
        return None
    if len(body) > MAX_BODY_BYTES:
        return None
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
