"""Errors of the API as RFC 9457 problem details, with stable codes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from peterental.agents.model import AgentUnknown
from peterental.appointments.manual.model import (
    ConfirmationRequired,
    EditConflict,
    InvalidDuration,
    InvalidTransition,
    NotesTooLong,
    NothingEdited,
    NotStartedYet,
    OnlyVisitorEditable,
    SameTime,
)
from peterental.appointments.model import (
    AddressMissing,
    AppointmentUnknown,
    NameMissing,
    SlotTaken,
    SlotUnavailable,
)
from peterental.calls.model import CallUnknown
from peterental.clock import TimeSkipped
from peterental.errors import Forbidden, NotFound, Refusal
from peterental.messages.model import MessageUnknown
from peterental.properties.model import PropertyUnknown
from peterental.users.tokens.model import KeyReused, RequestRunning

if TYPE_CHECKING:
    from peterental.appointments.manual.model import BookingWarnings

CONTENT_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "Token missing or not valid",
    403: "Access denied",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible",
    412: "Changed since you read it",
    413: "Too large",
    415: "Not JSON",
    422: "Invalid fields",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available",
}

CODES: Mapping[str, tuple[int, str]] = {
    "bad_json": (
        400,
        "The body is not a JSON object, or has the same name twice, a number out of range or deep nesting",
    ),
    "bad_header": (400, "`If-Match` or `Idempotency-Key` is malformed"),
    "bad_request": (400, "The request cannot be read"),
    "token_invalid": (401, "No token, or one that is unknown, revoked, expired, or of a deactivated user"),
    "scope_missing": (403, "The token only reads"),
    "forbidden": (403, "The user of the token may not do that"),
    "not_found": (404, "There is no such address"),
    "agent_not_found": (404, "There is no such agent, or the user may not see it"),
    "call_not_found": (404, "There is no such call, or the user may not see it"),
    "home_not_found": (404, "There is no such home"),
    "message_not_found": (404, "There is no such message, or the user may not see it"),
    "viewing_not_found": (404, "There is no such viewing, or the user may not see it"),
    "method_not_allowed": (405, "The address has other methods; see `Allow`"),
    "changed": (412, "The viewing was changed since you read it; read it again"),
    "changed_meanwhile": (409, "Another user changed the viewing at the same moment; read it again"),
    "confirmation_required": (409, "There are warnings; send `acknowledge` again to book anyway"),
    "not_possible": (409, "The viewing has another status"),
    "not_free": (409, "No agent is free then; `nearest` has free times"),
    "nothing_changed": (409, "The viewing has these values already"),
    "not_started": (409, "A viewing that has not started cannot be completed or a no-show"),
    "request_running": (409, "A request with this `Idempotency-Key` is running"),
    "same_time": (409, "The viewing is at that time already"),
    "slot_taken": (409, "The time was taken; `nearest` has free ones"),
    "refused": (409, "Another rule of PeteRental refuses it; see `detail`"),
    "too_large": (413, "The body is larger than 64 KB"),
    "not_json": (415, "The body is not `application/json`"),
    "invalid_fields": (422, "`errors` names each field and what is wrong with it"),
    "idempotency_key_reused": (422, "The `Idempotency-Key` was used for another request"),
    "too_many_requests": (429, "Wait for `Retry-After` seconds"),
    "internal": (500, "An error that was logged"),
    "unavailable": (503, "The database is not available; wait for `Retry-After` seconds"),
}
"""Every code, its HTTP status, and what it means."""


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of the body or of the query string."""

    field: str
    detail: str


class WarningDocument(msgspec.Struct, frozen=True):
    """A reason against a time."""

    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was refused, as RFC 9457 describes it. `code` never changes; `detail` is a sentence for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[WarningDocument, ...] = ()
    acknowledge: tuple[str, ...] = ()
    nearest: tuple[datetime, ...] = ()


class ApiError(Exception):
    """A request that is answered with a problem.

    Args:
        code: one of CODES.
        detail: a sentence.
        errors: what is wrong with which field.
        headers: further headers of the answer.
        more: further members of the problem.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code][0]

    @property
    def problem(self) -> Problem:
        """The body of the answer."""
        return Problem(
            type=f"urn:peterental:problem:{self.code}",
            title=TITLES[self.status],
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=tuple(self.errors),
            **self.more,
        )


REFUSALS: Mapping[type[Refusal], str] = {
    AgentUnknown: "agent_not_found",
    AppointmentUnknown: "viewing_not_found",
    CallUnknown: "call_not_found",
    MessageUnknown: "message_not_found",
    PropertyUnknown: "home_not_found",
    NotFound: "not_found",
    Forbidden: "forbidden",
    EditConflict: "changed",
    InvalidTransition: "not_possible",
    OnlyVisitorEditable: "not_possible",
    NotStartedYet: "not_started",
    NothingEdited: "nothing_changed",
    SameTime: "same_time",
    SlotTaken: "slot_taken",
    SlotUnavailable: "not_free",
    ConfirmationRequired: "confirmation_required",
    KeyReused: "idempotency_key_reused",
    RequestRunning: "request_running",
    Refusal: "refused",
}
"""The code of each refusal; that of a subclass comes before that of its base."""

FIELDS: Mapping[type[Refusal], str] = {
    AddressMissing: "home",
    NameMissing: "visitor_name",
    InvalidDuration: "minutes",
    NotesTooLong: "notes",
    TimeSkipped: "start",
}
"""The field that each refusal is about."""


def error_of(refusal: Refusal) -> ApiError:
    """Return the error that a refusal of a service is."""
    field_name = FIELDS.get(type(refusal))
    if field_name is not None:
        return invalid([FieldError(field_name, str(refusal))])
    code = next(REFUSALS[kind] for kind in type(refusal).__mro__ if kind in REFUSALS)
    headers = {"Retry-After": "1"} if isinstance(refusal, RequestRunning) else {}
    more: dict[str, Any] = {}
    if isinstance(refusal, ConfirmationRequired):
        more = {
            "warnings": tuple(_warnings(refusal.warnings)),
            "acknowledge": tuple(sorted(refusal.warnings.fingerprints)),
            "nearest": _utc(refusal.nearest),
        }
    elif isinstance(refusal, SlotUnavailable):
        more = {"nearest": _utc(refusal.nearest)}
    return ApiError(code, str(refusal), headers=headers, more=more)


def invalid(errors: Sequence[FieldError]) -> ApiError:
    """Return the error of invalid fields."""
    return ApiError("invalid_fields", "Some fields are not valid. Correct those that `errors` names.", errors)


def _warnings(found: BookingWarnings) -> Iterator[WarningDocument]:
    for kind in found.kinds:
        sentence = kind.value[:1].upper() + kind.value[1:] + "."
        yield WarningDocument(kind.name.lower(), sentence)


def _utc(moments: Sequence[datetime]) -> tuple[datetime, ...]:
    return tuple(moment.astimezone(UTC) for moment in moments)
