"""`/api/v1`: route a request to its operation, and answer in JSON whatever happens.

Requests are authorised by a token only: no cookie is read, and so no CSRF token is needed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import HTTPException

from peterental.database.deadline import deadline
from peterental.errors import Fault, Refusal
from peterental.web.api import agents, calls, homes, viewings
from peterental.web.api.fields import decode_object, is_text, parse
from peterental.web.api.limits import Limits
from peterental.web.api.lines import OPERATIONS as LINE_OPERATIONS
from peterental.web.api.openapi import PATH_SCHEMAS, PREFIX, openapi_document
from peterental.web.api.operations import Answer, Call, Operation
from peterental.web.api.problems import CODES, CONTENT_TYPE, TITLES, ApiError, error_of

if TYPE_CHECKING:
    from peterental.config import Config
    from peterental.database.connect import Connection
    from peterental.services import Services
    from peterental.users.tokens.model import TokenViewer

log = logging.getLogger(__name__)

OPERATIONS: tuple[Operation, ...] = (
    *agents.OPERATIONS,
    *LINE_OPERATIONS,
    *viewings.OPERATIONS,
    *homes.OPERATIONS,
    *calls.OPERATIONS,
)

MAX_BODY_BYTES = 64 * 1024
DEADLINE_S = 10.0
"""Time for the database, for one request."""

RETRY_AFTER_S = 5
HINT = f"{PREFIX}/openapi.json has every operation."

_BEARER = re.compile(r"Bearer +([!-~]{1,200}) *", re.IGNORECASE)
_KEY = re.compile(r"[!-~]{1,255}")
_ETAG = re.compile(r'(?:W/)?"([!#-~]{0,100})"')
_CONVERTERS: Mapping[str, str] = {"string": "path", "integer": "int"}


class _Nothing(msgspec.Struct):
    """No fields."""


class Api:
    """The API of one application.

    Args:
        services: do the work.
        config: has the number of threads and the address of the pages.
        clock_s: monotonic, in seconds.
    """

    def __init__(self, services: Services, config: Config, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._limits = Limits(config.web_threads, clock_s)
        self._description = _description(config.address)

    def blueprint(self) -> Blueprint:
        """Return the blueprint: one rule for each path."""
        blueprint = Blueprint("api", __name__)
        by_path = groupby(sorted(OPERATIONS, key=lambda operation: operation.path), lambda operation: operation.path)
        for path, group in by_path:
            of_method: dict[str, Operation] = {operation.method: operation for operation in group}
            blueprint.add_url_rule(
                PREFIX + _rule(path),
                endpoint=path.strip("/").replace("/", "_").replace("{", "").replace("}", ""),
                view_func=self._view(of_method),
                methods=list(of_method),
                merge_slashes=False,  # no redirect, and ids of calls may have two in a row
            )
        blueprint.add_url_rule(f"{PREFIX}/openapi.json", view_func=self._openapi, endpoint="openapi")
        blueprint.after_app_request(_in_json)
        return blueprint

    def _view(self, operations: Mapping[str, Operation]) -> Callable[..., Response]:
        def view(**path: Any) -> Response:
            try:
                return self._answer(operations, path)
            except ApiError as error:
                return problem_response(error)
            except Refusal as refusal:
                return problem_response(error_of(refusal))
            except Fault as fault:
                log.error("%s: %s", request.path, fault)  # noqa: TRY400 - the sentence of a fault says enough
                return problem_response(_unavailable())

        return view

    def _answer(self, operations: Mapping[str, Operation], path: Mapping[str, Any]) -> Response:
        operation = operations["GET" if request.method == "HEAD" else request.method]
        with self._limits.slot(), deadline(DEADLINE_S):
            token = self._authenticate()
            with self._limits.of_token(token.token_id):
                return self._run(operation, token, path)

    def _authenticate(self) -> TokenViewer:
        """Return on whose behalf the request works. Raises ApiError."""
        header = request.headers.get("Authorization", "")
        sent = _BEARER.fullmatch(header)
        token = self._services.api_tokens.authenticate(sent[1]) if sent else None
        if token is None:
            sentence = "This token is not valid." if header else "Send a token: Authorization: Bearer pr_…"
            challenge = 'Bearer realm="PeteRental"' + (', error="invalid_token"' if header else "")
            raise ApiError("token_invalid", sentence, headers={"WWW-Authenticate": challenge})
        return token

    def _run(self, operation: Operation, token: TokenViewer, path: Mapping[str, Any]) -> Response:
        _require_scope(operation, token)
        unknown = next((name for name, value in path.items() if isinstance(value, str) and not is_text(value)), None)
        if unknown is not None:
            what = unknown.removesuffix("_id")
            raise ApiError(f"{what}_not_found", f"There is no such {what}.")
        call = Call(
            services=self._services,
            token=token,
            path=path,
            query=parse(operation.query or _Nothing, _query(request), is_query=True),
            if_match=_if_match(request) if operation.is_conditional else None,
        )
        if not operation.changes:
            return _response(operation, operation.run(call))
        fields = _body(request, needs_body=operation.needs_body)
        call = replace(call, body=parse(operation.body or _Nothing, fields))
        key = _idempotency_key(request)
        if key is None:
            return _response(operation, operation.run(call))
        return self._run_once(operation, call, key, fields)

    def _run_once(self, operation: Operation, call: Call, key: str, fields: Mapping[str, Any]) -> Response:
        """Do what was not done under this key, or answer as before."""
        asked = json.dumps([request.method, request.path, fields], sort_keys=True)
        counter = self._services.api_requests
        counted = counter.begin(
            call.token.token_id,
            key,
            hashlib.sha256(asked.encode()).digest(),
            waits=not operation.creates,
        )

        def record(connection: Connection, viewing_id: int) -> None:
            counter.finish(connection, counted, operation.status, viewing_id)

        call = replace(call, counted=counted, record=record)
        if counted.status is not None:
            return _response(operation, viewings.replayed(call, is_new=operation.creates))
        try:
            answer = operation.run(call)
        except (Refusal, ApiError):
            counter.release(counted)
            raise
        if answer.is_replay and answer.viewing_id is not None:
            counter.finish_replay(counted, operation.status, answer.viewing_id)
        return _response(operation, answer)

    def _openapi(self) -> Response:
        response = Response(self._description, content_type="application/json")
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response


@lru_cache(maxsize=4)
def _description(address: str) -> bytes:
    """Return the OpenAPI document, which takes as long to write as the rest of an application to create."""
    return json.dumps(openapi_document(OPERATIONS, address), indent=1).encode()


def create_blueprint(services: Services, config: Config) -> Blueprint:
    """Return the blueprint of the API."""
    return Api(services, config).blueprint()


def problem_response(error: ApiError) -> Response:
    """Return the answer that an error is."""
    response = Response(msgspec.json.encode(error.problem), error.status, content_type=CONTENT_TYPE)
    response.headers.update(error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _rule(path: str) -> str:
    """Return a path as Flask writes it. Ids of calls are Vapi's, and may have a slash."""
    parts = []
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            kind = _CONVERTERS[PATH_SCHEMAS[name]["type"]] if name != "agent_id" else "string"
            parts.append(f"<{kind}:{name}>")
        else:
            parts.append(part)
    return "/".join(parts)


def _in_json(response: Response) -> Response:
    """Answer in JSON what was refused before or beside the operations, such as an unknown address or method."""
    if not request.path.startswith("/api/") or response.status_code < 400:  # noqa: PLR2004 - HTTP's own number
        return response
    if response.mimetype == CONTENT_TYPE:
        return response
    known = next((code for code, (status, _) in CODES.items() if status == response.status_code), None)
    code = "bad_request" if response.status_code == 400 else known or "bad_request"  # noqa: PLR2004 - Bad Request
    error = _unavailable() if code == "unavailable" else ApiError(code, f"{TITLES[CODES[code][0]]}. {HINT}")
    if "Allow" in response.headers:
        error.headers["Allow"] = response.headers["Allow"]
    return problem_response(error)


def _unavailable() -> ApiError:
    return ApiError(
        "unavailable",
        "The database is not available. Wait a few seconds, then try again.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def _query(incoming: Request) -> dict[str, Any]:
    """Return the parameters of the query string. Raises ApiError if one is there twice."""
    twice = [name for name, values in incoming.args.lists() if len(values) > 1]
    if twice:
        raise ApiError("bad_request", f"The parameter {twice[0][:80]} is there twice.")
    return dict(incoming.args.items())


def _require_scope(operation: Operation, token: TokenViewer) -> None:
    """Raise ApiError for a token that may not do this."""
    if operation.scope not in token.scopes:
        challenge = f'Bearer realm="PeteRental", error="insufficient_scope", scope="{operation.scope}"'
        sentence = "This token may only read. Create one that may book."
        raise ApiError("scope_missing", sentence, headers={"WWW-Authenticate": challenge})


def _body(incoming: Request, *, needs_body: bool) -> dict[str, Any]:
    """Return the JSON object in the body; an empty one if it may be left out. Raises ApiError."""
    # A chunked body declares no length and is cut off silently at the limit: one byte more shows a larger one.
    incoming.max_content_length = MAX_BODY_BYTES + 1
    too_large = ApiError("too_large", f"The body may have at most {MAX_BODY_BYTES // 1024} KB.")
    if (incoming.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        raw = incoming.get_data(cache=False)
    except HTTPException as error:
        raise too_large if error.code == CODES["too_large"][0] else _unreadable() from None
    except Exception:  # noqa: BLE001 - malformed: each WSGI server raises its own exceptions
        raise _unreadable() from None
    if len(raw) > MAX_BODY_BYTES:
        raise too_large
    if not raw and not needs_body:
        return {}
    if incoming.mimetype != "application/json" or incoming.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise ApiError("not_json", "Send the body as Content-Type: application/json.")
    return decode_object(raw)


def _unreadable() -> ApiError:
    return ApiError("bad_request", "The body cannot be read.")


def _idempotency_key(incoming: Request) -> str | None:
    key = incoming.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise ApiError("bad_header", "Idempotency-Key must have 1 to 255 visible ASCII characters.")
    return key


def _if_match(incoming: Request) -> str | None:
    """Return the state of If-Match: what is before the point in the ETag of a viewing."""
    sent = incoming.headers.get("If-Match")
    if sent is None or sent.strip() == "*":
        return sent and "*"
    tag = _ETAG.fullmatch(sent.strip())
    if tag is None:
        raise ApiError("bad_header", "If-Match must be one ETag, as the viewing had it.")
    return tag[1].partition(".")[0]


def _response(operation: Operation, answer: Answer) -> Response:
    body = msgspec.json.encode(answer.document)
    response = Response(body, operation.status, content_type="application/json")
    digest = hashlib.sha256(body).hexdigest()[:16]
    response.set_etag(digest if answer.version is None else f"{answer.version}.{digest}")
    response.headers["Cache-Control"] = "private, no-cache" if not operation.changes else "no-store"
    if answer.location is not None:
        response.headers["Location"] = answer.location
    if answer.is_replay:
        response.headers["Idempotency-Replayed"] = "true"
    if not operation.changes:
        response.make_conditional(request)
    return response
